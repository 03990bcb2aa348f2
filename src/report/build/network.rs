//! What the network did.

use crate::base::{self, Side, Span};
use crate::flow::{DirectionFacts, TcpFacts};
use crate::report::document::{BySide, Network, Retransmissions, RoundTrip, SegmentSizes, ZeroWindow};

pub(super) fn build(tcp: &TcpFacts) -> Network {
    let by_side = |of: &dyn Fn(&DirectionFacts) -> u64| BySide {
        client: of(&tcp.directions.client),
        server: of(&tcp.directions.server),
    };
    Network {
        rtt_ms: round_trip(tcp),
        retransmissions: BySide {
            client: retransmissions(&tcp.directions.client),
            server: retransmissions(&tcp.directions.server),
        },
        lost: by_side(&|d| u64::from(d.loss.lost_after_capture_point + d.loss.lost_before_capture_point)),
        out_of_order: by_side(&|d| u64::from(d.loss.reordered)),
        // A side's duplicate acknowledgments are about the other's data.
        duplicate_acks: BySide {
            client: tcp.directions.server.duplicate_acks,
            server: tcp.directions.client.duplicate_acks,
        },
        zero_window: BySide {
            client: zero_window(&tcp.directions.client),
            server: zero_window(&tcp.directions.server),
        },
        keep_alives: by_side(&|d| u64::from(d.loss.keep_alives)),
        not_captured_bytes: by_side(&|d| d.gap_bytes),
        mss: SegmentSizes { client: tcp.directions.client.mss, server: tcp.directions.server.mss },
        longest_silence_ms: (tcp.first.frame != tcp.last.frame).then(|| tcp.longest_silence.into()),
    }
}

/// The whole round trip: the two legs from the capture point, added.
fn round_trip(tcp: &TcpFacts) -> Option<RoundTrip> {
    let legs = &tcp.rtt;
    let both = |of: &dyn Fn(Side) -> Option<Span>| Some(of(Side::Client)? + of(Side::Server)?);
    Some(RoundTrip {
        min: both(&|side| legs.of(side).min())?.into(),
        median: both(&|side| legs.of(side).median())?.into(),
        max: both(&|side| legs.of(side).max())?.into(),
        samples: u64::from(legs.client.count().min(legs.server.count())),
    })
}

fn retransmissions(direction: &DirectionFacts) -> Retransmissions {
    let loss = &direction.loss;
    Retransmissions {
        segments: u64::from(loss.repeated()),
        bytes: loss.bytes,
        timeout: u64::from(loss.timeouts + loss.go_back_n + loss.syn + loss.fin),
        fast: u64::from(loss.fast),
        spurious: u64::from(loss.spurious),
    }
}

fn zero_window(direction: &DirectionFacts) -> ZeroWindow {
    ZeroWindow {
        count: u64::from(direction.zero_windows),
        ms: base::Span::max(direction.zero_window_time, Span::ZERO).into(),
    }
}
