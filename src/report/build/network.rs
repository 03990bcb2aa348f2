//! What the network did.

use super::Frames;
use crate::base::{self, Span};
use crate::flow::{self, DirectionFacts, Rtt, TcpFacts};
use crate::report::document::{
    BySide, Legs, Network, Retransmissions, RoundTrip, SegmentSizes, Stall, StallCause, Stalls, ZeroWindow,
};

pub(super) fn build(tcp: &TcpFacts, frames: Frames) -> Network {
    let by_side = |of: &dyn Fn(&DirectionFacts) -> u64| BySide {
        client: of(&tcp.directions.client),
        server: of(&tcp.directions.server),
    };
    let (client, server) = (Leg::of(&tcp.rtt.client), Leg::of(&tcp.rtt.server));
    Network {
        rtt_ms: client.as_ref().zip(server.as_ref()).map(|(client, server)| client.and(server).told()),
        rtt_legs_ms: Legs { client: client.map(Leg::told), server: server.map(Leg::told) },
        retransmissions: BySide {
            client: retransmissions(&tcp.directions.client),
            server: retransmissions(&tcp.directions.server),
        },
        lost: by_side(&|d| u64::from(d.loss.lost_after_capture_point + d.loss.lost_before_capture_point)),
        lost_before_capture: by_side(&|d| u64::from(d.loss.lost_before_capture_point)),
        duplicated: by_side(&|d| u64::from(d.loss.network_duplicates)),
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
        window_probes: by_side(&|d| u64::from(d.loss.window_probes)),
        stalls: stalls(tcp, frames),
        not_captured_bytes: by_side(&|d| d.gap_bytes),
        mss: SegmentSizes { client: tcp.directions.client.mss, server: tcp.directions.server.mss },
        longest_silence_ms: (tcp.first.frame != tcp.last.frame).then(|| tcp.longest_silence.into()),
    }
}

/// Round trips on one leg, from the capture point to one side and back.
struct Leg {
    min: Span,
    median: Span,
    p95: Option<Span>,
    jitter: Option<Span>,
    max: Span,
    samples: u32,
}

impl Leg {
    fn of(rtt: &Rtt) -> Option<Self> {
        Some(Self {
            min: rtt.min()?,
            median: rtt.median()?,
            p95: rtt.quantile(95),
            jitter: rtt.jitter(),
            max: rtt.max()?,
            samples: rtt.count(),
        })
    }

    /// The whole round trip: two legs, added. Sums are bounds here, since both
    /// legs are seldom slow at once.
    fn and(&self, other: &Self) -> Self {
        let sum = |one: Option<Span>, other: Option<Span>| Some(one? + other?);
        Self {
            min: self.min + other.min,
            median: self.median + other.median,
            p95: sum(self.p95, other.p95),
            jitter: sum(self.jitter, other.jitter),
            max: self.max + other.max,
            samples: self.samples.min(other.samples),
        }
    }

    fn told(self) -> RoundTrip {
        RoundTrip {
            min: self.min.into(),
            median: self.median.into(),
            p95: self.p95.map(Into::into),
            jitter: self.jitter.map(Into::into),
            max: self.max.into(),
            samples: self.samples.into(),
        }
    }
}

fn stalls(tcp: &TcpFacts, frames: Frames) -> Stalls {
    let stalls = &tcp.stalls;
    let longest = stalls.list().iter().max_by_key(|stall| stall.duration());
    Stalls {
        count: stalls.list().len() as u64 + u64::from(stalls.more()),
        ms: stalls.total().into(),
        longest: longest.map(|stall| Stall {
            first_frame: frames.name(stall.from.frame),
            last_frame: frames.name(stall.to.frame),
            ms: stall.duration().into(),
            sender: stall.owner.into(),
            cause: cause(stall.cause),
        }),
    }
}

const fn cause(cause: flow::StallCause) -> StallCause {
    match cause {
        flow::StallCause::HandshakeLoss => StallCause::HandshakeLoss,
        flow::StallCause::HeadLoss => StallCause::HeadLoss,
        flow::StallCause::TailLoss => StallCause::TailLoss,
        flow::StallCause::DoubleLoss => StallCause::DoubleLoss,
        flow::StallCause::ContinuousLoss => StallCause::ContinuousLoss,
        flow::StallCause::AcknowledgmentLoss => StallCause::AcknowledgmentLoss,
        flow::StallCause::ReceiverWindow => StallCause::ReceiverWindow,
        flow::StallCause::LateAnswer => StallCause::LateAnswer,
    }
}

fn retransmissions(direction: &DirectionFacts) -> Retransmissions {
    let loss = &direction.loss;
    Retransmissions {
        segments: u64::from(loss.repeated()),
        bytes: loss.bytes,
        timeout: u64::from(loss.timeouts + loss.syn + loss.fin),
        go_back_n: u64::from(loss.go_back_n),
        tail_probe: u64::from(loss.tail_probes),
        fast: u64::from(loss.fast),
        spurious: u64::from(loss.spurious),
        unknown: u64::from(loss.unknown),
    }
}

fn zero_window(direction: &DirectionFacts) -> ZeroWindow {
    ZeroWindow {
        count: u64::from(direction.zero_windows),
        ms: base::Span::max(direction.zero_window_time, Span::ZERO).into(),
    }
}
