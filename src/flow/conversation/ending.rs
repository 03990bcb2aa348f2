//! How a connection ended.

use super::{Consumer, Conversation, End, EndKind};
use crate::base::{CaptureTime, Side, Span};
use crate::flow::awaited::Awaited;
use crate::flow::burst::{Burst, BurstOutcome};
use crate::flow::reset::ResetFacts;

/// A connection whose capture went on for so long after its last packet, with
/// something unanswered, ended in silence; before, the capture simply ended.
pub(in crate::flow) const SILENCE: Span = Span::from_secs(10);

impl<C: Consumer> Conversation<C> {
    /// Finds what ended it: the first FIN or RST, leaving out resets after
    /// which both sides went on, or the one that is in the capture. Of a close that
    /// it shows, the first FIN may be missing.
    pub(super) fn ending(&self, observed_until: CaptureTime) -> (End, Option<usize>) {
        let goes_on = |side: Side| *self.progress_after_reset.of(side) >= 2;
        let is_missing = |side: Side| self.directions.of(side).facts.packets == 0;
        let went_on = Side::BOTH.into_iter().all(|side| goes_on(side) || is_missing(side));
        let reset = if went_on { None } else { self.resets.iter().enumerate().find(|(_, r)| r.is_effective()) };
        let captured = |side: Side| self.directions.of(side).facts.fin;
        let is_closed = reset.is_some() || Side::BOTH.into_iter().any(|side| captured(side).is_some());
        let acknowledged = |side: Side| self.directions.of(side).acknowledged_fin().filter(|_| is_closed);
        // Of two at once, one acknowledges the other, which came first.
        let fins = Side::BOTH.map(|side| (side, acknowledged(side))).into_iter();
        let fins = fins.chain(Side::BOTH.map(|side| (side, captured(side))));
        let fin = fins.filter_map(|(side, at)| Some((side, at?))).min_by(|(_, one), (_, other)| one.order(other));
        match (reset, fin) {
            (Some((i, r)), None) => (Self::by_reset(r), Some(i)),
            (Some((i, r)), Some((_, f))) if f.follows(&r.at) => (Self::by_reset(r), Some(i)),
            (_, Some((side, first))) => {
                let (kind, by, fin) = (EndKind::Fin, Some(side), captured(side));
                (End { kind, by, at: fin.unwrap_or(first), is_unseen: fin.is_none() }, None)
            }
            (None, None) => (self.silence(observed_until), None),
        }
    }

    const fn by_reset(reset: &ResetFacts) -> End {
        End { kind: EndKind::Reset, by: Some(reset.claimed_by), at: reset.at, is_unseen: false }
    }

    fn silence(&self, observed_until: CaptureTime) -> End {
        let waited_on = |side: Side| {
            let (owner, waiting) = (self.directions.of(side), self.directions.of(side.other()));
            // The other side repeats itself and nothing comes back.
            let unanswered = waiting.outstanding() && waiting.facts.loss.retransmitted() > 0;
            let unanswered_syn = side == Side::Server
                && self.handshake.syn_ack.is_none()
                && self.handshake.syns > 0
                && owner.facts.packets == 0;
            let unanswered_syn_ack = side == Side::Client
                && self.handshake.established.is_none()
                && self.handshake.syn_acks >= 3
                && owner.facts.sent_bytes == 0;
            unanswered || unanswered_syn || unanswered_syn_ack
        };
        let quiet = is_silent(self.gathering.last.time, observed_until);
        for side in [Side::Server, Side::Client] {
            let in_vain = |burst: &Burst| {
                let unanswered = burst.same_edge >= 2 && burst.outcome == BurstOutcome::Unrecovered;
                unanswered && burst.awaited(observed_until) > Awaited::TooShort
            };
            let repeated = self.directions.of(side.other()).facts.loss.bursts.last().is_some_and(in_vain);
            let asked_again = match side {
                Side::Server => self.handshake.syns >= 2,
                Side::Client => self.handshake.syn_acks >= 3,
            };
            let syns = asked_again && self.handshake.awaited(observed_until) > Awaited::TooShort;
            if waited_on(side) && (quiet || repeated || syns) {
                return End { kind: EndKind::Silence, by: Some(side), at: self.gathering.last, is_unseen: false };
            }
        }
        End { kind: EndKind::CaptureEnd, by: None, at: self.gathering.last, is_unseen: false }
    }
}

/// Whether nothing came for so long that it is called a silence.
pub(in crate::flow) fn is_silent(last: CaptureTime, observed_until: CaptureTime) -> bool {
    observed_until.since(last) >= SILENCE
}
