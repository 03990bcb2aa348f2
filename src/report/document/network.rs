//! What the network did to a connection.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BySide, Millis};

/// The network as one connection met it, at the point of capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Round-trip time: how long an answer took to come back. Absent where none
    /// could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<RoundTrip>,
    /// What each side sent again.
    pub retransmissions: BySide<Retransmissions>,
    /// Packets of each side that were lost on the way, as far as the capture
    /// shows.
    pub lost: BySide<u64>,
    /// Packets of each side that arrived out of order.
    pub out_of_order: BySide<u64>,
    /// Times that each side, as receiver, asked for missing data (duplicate
    /// ACKs).
    pub duplicate_acks: BySide<u64>,
    /// How often and for how long each side, as receiver, had no room (zero
    /// window).
    pub zero_window: BySide<ZeroWindow>,
    /// Keep-alive probes of each side.
    pub keep_alives: BySide<u64>,
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
    /// The longest.
    pub max: Millis,
    /// How many were measured.
    pub samples: u64,
}

/// What one side sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retransmissions {
    /// Segments.
    pub segments: u64,
    /// Their bytes of payload.
    pub bytes: u64,
    /// Those that a timer brought about, because no answer came.
    pub timeout: u64,
    /// Those that the receiver asked for.
    pub fast: u64,
    /// Those that were not needed: the first one had arrived.
    pub spurious: u64,
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
