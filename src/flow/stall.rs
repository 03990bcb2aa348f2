//! Times in which nothing came although bytes were unacknowledged, and why.
//!
//! What a *message* waited for is the session's business; this is the
//! transport's: data was under way, and the wire stood still.

use super::loss::SegmentClass;
use crate::base::{At, Side, Span};

/// Stalls kept of one connection; later ones are counted and added up.
const MAX_STALLS: usize = 16;

/// No wait shorter than this is a stall: acknowledgments may be held back for
/// as long (RFC 1122 §4.2.3.2 allows 500 ms; stacks use 40 to 200).
pub(super) const MIN_STALL: Span = Span::from_millis(200);

/// The shortest timer of a sender beyond its round trip (RFC 6298 wants 1 s,
/// Linux takes 200 ms).
const MIN_TIMER: Span = Span::from_millis(200);

/// The longest that a sender waits beyond twice its round trip before it sends
/// again for the first time (RFC 6298 §2.4 rounds up to 1 s).
const LONGEST_TIMER: Span = Span::from_secs(1);

/// Why the wire stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StallCause {
    /// A packet of the handshake was not answered: it or the answer was lost or
    /// discarded, or nobody was there.
    HandshakeLoss,
    /// A lost packet, with others under way behind it.
    HeadLoss,
    /// The last packet under way was lost: nothing behind it tells the
    /// receiver, only the timer tells the sender.
    TailLoss,
    /// The repetition was lost as well.
    DoubleLoss,
    /// Nothing was seen to be sent again for longer than a sender waits with
    /// that: the repetitions were lost as well, before the capture point.
    ContinuousLoss,
    /// The acknowledgment was lost, not the data.
    AcknowledgmentLoss,
    /// The receiver had no room.
    ReceiverWindow,
    /// The answer came late, or it was lost before the capture point and came
    /// again.
    LateAnswer,
}

/// One such time.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    /// The last packet before it.
    pub from: At,
    /// The packet that ended it.
    pub to: At,
    /// Whose data was unacknowledged.
    pub owner: Side,
    /// Why.
    pub cause: StallCause,
    acked: i64,
}

/// The stalls of one connection.
#[derive(Clone, Debug, Default)]
pub struct Stalls {
    list: Vec<Stall>,
    more: u32,
    total: Span,
}

/// What is waited for when a gap ends.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// The last packet.
    pub since: At,
    /// Whose data is unacknowledged.
    pub owner: Side,
    /// Behind the highest byte acknowledged.
    pub acked: i64,
    /// Behind the highest byte sent.
    pub max_end: i64,
    /// The receiver has no room.
    pub window_closed: bool,
    /// The smoothed round trip.
    pub smoothed: Span,
}

impl Stalls {
    /// Whether a gap can be a stall, whatever the round trip is.
    #[must_use]
    #[inline]
    pub fn may_be_stall(gap: Span) -> bool {
        gap > MIN_STALL
    }

    /// Whether a gap is longer than a healthy path takes: max(200 ms,
    /// min(2·SRTT, RTO)), as the stall analysis of Zhou et al. (CoNEXT 2015).
    #[must_use]
    pub fn is_stall(gap: Span, smoothed: Span) -> bool {
        gap > MIN_STALL.max(smoothed.times(2).min(smoothed + MIN_TIMER))
    }

    /// The gap described by `waiting` was ended by a packet of `side`.
    pub(super) fn ended(&mut self, waiting: &Waiting, side: Side, class: Option<SegmentClass>, at: At) {
        let Some(cause) = cause(waiting, side, class, at) else { return };
        self.total = self.total + at.time.since(waiting.since.time);
        // The same bytes, still waiting: one stall.
        if let Some(last) = self.list.last_mut()
            && last.owner == waiting.owner
            && last.acked == waiting.acked
            && last.to.frame == waiting.since.frame
            && !matches!(cause, StallCause::LateAnswer | StallCause::ContinuousLoss)
        {
            if last.cause != StallCause::ReceiverWindow && last.cause != StallCause::HandshakeLoss {
                last.cause = StallCause::DoubleLoss;
            }
            last.to = at;
            return;
        }
        if self.list.len() < MAX_STALLS {
            let Waiting { since: from, owner, acked, .. } = *waiting;
            self.list.push(Stall { from, to: at, owner, cause, acked });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The first ones.
    #[must_use]
    pub fn list(&self) -> &[Stall] {
        &self.list
    }

    /// How many were counted and not kept.
    #[must_use]
    pub const fn more(&self) -> u32 {
        self.more
    }

    /// How long they took in all.
    #[must_use]
    pub const fn total(&self) -> Span {
        self.total
    }

    /// Stalled time between two points.
    #[must_use]
    pub fn within(&self, from: At, to: At) -> Span {
        self.list.iter().fold(Span::ZERO, |sum, stall| {
            let (begin, end) = (stall.from.time.max(from.time), stall.to.time.min(to.time));
            sum + end.since(begin).max(Span::ZERO)
        })
    }

    pub(super) fn swap_sides(&mut self) {
        for stall in &mut self.list {
            stall.owner = stall.owner.other();
        }
    }
}

impl Stall {
    /// How long it took.
    #[must_use]
    pub const fn duration(&self) -> Span {
        self.to.time.since(self.from.time)
    }
}

fn cause(waiting: &Waiting, side: Side, class: Option<SegmentClass>, at: At) -> Option<StallCause> {
    if waiting.window_closed {
        return Some(StallCause::ReceiverWindow);
    }
    let own = side == waiting.owner;
    Some(match class {
        Some(SegmentClass::Syn | SegmentClass::SynAck) => StallCause::HandshakeLoss,
        Some(SegmentClass::Spurious(_)) => StallCause::AcknowledgmentLoss,
        Some(SegmentClass::TailProbe) => StallCause::TailLoss,
        Some(SegmentClass::Timeout | SegmentClass::Unknown) if own && waiting.max_end - waiting.acked <= 1460 => {
            StallCause::TailLoss
        }
        Some(SegmentClass::Timeout | SegmentClass::GoBackN | SegmentClass::Fast | SegmentClass::Unknown) if own => {
            StallCause::HeadLoss
        }
        // A keep-alive or a new thought of the sender ends no wait.
        _ if own => return None,
        _ if at.time.since(waiting.since.time) > waiting.smoothed.times(2) + LONGEST_TIMER => {
            StallCause::ContinuousLoss
        }
        _ => StallCause::LateAnswer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::flow::testing::{A, handshake, packet, play_one};

    fn causes(rest: Vec<crate::flow::testing::Line>) -> Vec<(Side, StallCause, f64)> {
        let mut lines = handshake();
        lines.extend(rest);
        let (tcp, _) = play_one(&lines);
        tcp.stalls.list().iter().map(|s| (s.owner, s.cause, s.duration().millis_f64().round())).collect()
    }

    #[test]
    fn the_threshold_follows_the_round_trip() {
        let ms = Span::from_millis;
        assert!(!Stalls::is_stall(ms(200), ms(20)) && Stalls::is_stall(ms(201), ms(20)));
        assert!(!Stalls::is_stall(ms(500), ms(300)) && Stalls::is_stall(ms(501), ms(300)));
    }

    #[test]
    fn a_backoff_chain_is_one_stall() {
        let got = causes(vec![
            packet(20.0, Client, A, 1, 1, b"abc"),
            packet(320.0, Client, A, 1, 1, b"abc"),
            packet(920.0, Client, A, 1, 1, b"abc"),
            packet(930.0, Server, A, 1, 4, b""),
        ]);
        assert_eq!(got, [(Client, StallCause::DoubleLoss, 900.0)]);
    }

    #[test]
    fn an_answer_that_comes_late_is_no_loss() {
        let got = causes(vec![packet(20.0, Client, A, 1, 1, b"abc"), packet(520.0, Server, A, 1, 4, b"")]);
        assert_eq!(got, [(Client, StallCause::LateAnswer, 500.0)]);
    }

    #[test]
    fn an_answer_later_than_any_timer_means_repetitions_that_were_lost() {
        let got = causes(vec![packet(20.0, Client, A, 1, 1, b"abc"), packet(2_020.0, Server, A, 1, 4, b"")]);
        assert_eq!(got, [(Client, StallCause::ContinuousLoss, 2_000.0)]);
    }

    #[test]
    fn a_server_that_thinks_stalls_no_transport() {
        let got = causes(vec![
            packet(20.0, Client, A, 1, 1, b"abc"),
            packet(30.0, Server, A, 1, 4, b""),
            packet(5000.0, Server, A, 1, 4, b"ok"),
        ]);
        assert_eq!(got, []);
    }
}
