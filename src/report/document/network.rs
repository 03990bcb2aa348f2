//! What the network did to a connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BySide, FrameRef, Millis, Side};

/// The network as one connection met it, at the point of capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Round-trip time: how long an answer took to come back. Absent where none
    /// could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<RoundTrip>,
    /// The same, split at the point of capture: from there to each side and
    /// back.
    pub rtt_legs_ms: Legs,
    /// What each side sent again.
    pub retransmissions: BySide<Retransmissions>,
    /// Packets of each side that were lost on the way, as far as the capture
    /// shows.
    pub lost: BySide<u64>,
    /// Those of them that never came to the point of capture; the others were
    /// lost behind it, or their acknowledgment was.
    pub lost_before_capture: BySide<u64>,
    /// Packets of each side that arrived out of order.
    pub out_of_order: BySide<u64>,
    /// Packets of each side that the network delivered twice.
    pub duplicated: BySide<u64>,
    /// Times that each side, as receiver, asked for missing data (duplicate
    /// ACKs).
    pub duplicate_acks: BySide<u64>,
    /// How often and for how long each side, as receiver, had no room (zero
    /// window).
    pub zero_window: BySide<ZeroWindow>,
    /// Keep-alive probes of each side.
    pub keep_alives: BySide<u64>,
    /// Probes of the other side's closed window.
    pub window_probes: BySide<u64>,
    /// Times in which nothing came although something was unacknowledged.
    pub stalls: Stalls,
    /// Bytes of each side's stream that the capture does not hold.
    pub not_captured_bytes: BySide<u64>,
    /// The largest segment that each side said it takes (MSS), in bytes.
    pub mss: SegmentSizes,
    /// The longest time without any packet. Absent for a single packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_silence_ms: Option<Millis>,
}

/// The largest segments (MSS) that the sides take, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SegmentSizes {
    /// The client's. Absent where its SYN was not seen or did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<u16>,
    /// The server's. Absent where its SYN was not seen or did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<u16>,
}

/// Round-trip times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundTrip {
    /// The shortest.
    pub min: Millis,
    /// The middle one.
    pub median: Millis,
    /// What 95 of 100 did not exceed. For the whole way a bound: the sum of
    /// the two legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Millis>,
    /// The longest.
    pub max: Millis,
    /// The mean difference between one and the next; for the whole way a bound,
    /// too. Absent for a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Millis>,
    /// How many were measured.
    pub samples: u64,
}

/// Round-trip times from the point of capture to each side and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Legs {
    /// To the client. Absent where none could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<RoundTrip>,
    /// To the server. Absent where none could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<RoundTrip>,
}

/// Times in which nothing came although something was unacknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// How long in all.
    pub ms: Millis,
    /// What caused the longest of them. Absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<Stall>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// The last packet before it.
    pub first_frame: FrameRef,
    /// The packet that ended it.
    pub last_frame: FrameRef,
    /// How long it took.
    pub ms: Millis,
    /// Whose data was unacknowledged.
    pub sender: Side,
    /// Why.
    pub cause: StallCause,
}

/// Why nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StallCause {
    /// A packet of the handshake was not answered: it or the answer was lost or
    /// discarded, or nobody was there.
    HandshakeLoss,
    /// A packet was lost, with others under way behind it.
    HeadLoss,
    /// The last packet under way was lost.
    TailLoss,
    /// The repetition was lost as well.
    DoubleLoss,
    /// What was sent again meanwhile was lost as well, before the point of
    /// capture.
    ContinuousLoss,
    /// The acknowledgment was lost.
    AcknowledgmentLoss,
    /// The receiver had no room.
    ReceiverWindow,
    /// The answer came late, or was lost before the point of capture.
    LateAnswer,
}

impl Default for Stalls {
    fn default() -> Self {
        Self { count: 0, ms: Millis::from_micros(0), longest: None }
    }
}

/// What one side sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retransmissions {
    /// Segments.
    pub segments: u64,
    /// Their bytes of payload.
    pub bytes: u64,
    /// Those that a timer brought about, because no answer came; SYN and FIN
    /// are among them.
    pub timeout: u64,
    /// Those that followed in the wake of such a one.
    pub go_back_n: u64,
    /// Those of the last segment, sent to find out whether it had arrived.
    pub tail_probe: u64,
    /// Those that the receiver asked for.
    pub fast: u64,
    /// Those that were not needed: the first one had arrived.
    pub spurious: u64,
    /// Those of which the reason is not known.
    pub unknown: u64,
}

/// A receiver without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZeroWindow {
    /// How often it closed its window.
    pub count: u64,
    /// For how long in all.
    pub ms: Millis,
}

impl Default for ZeroWindow {
    fn default() -> Self {
        Self { count: 0, ms: Millis::from_micros(0) }
    }
}
