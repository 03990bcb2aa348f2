//! Bytes in order, and what is done about holes.

use super::beginning::Beginning;
use super::{Direction, is_whole};
use crate::base::{At, Gap, GapCause, Side, Span};
use crate::flow::conversation::Consumer;
use crate::flow::hold::Held;
use crate::wire::Segment;

/// A hole whose bytes the receiver has acknowledged was not captured. Captures
/// of several interfaces may show the acknowledgment first; so long is waited.
const REORDER_GRACE: Span = Span::from_millis(20);

/// Where only one direction is captured no acknowledgment can decide; a hole
/// this old is taken for a hole of the capture.
const ONE_SIDED_GRACE: Span = Span::from_secs(1);

impl Direction {
    /// Hands on what is next in order, keeps what is not.
    #[inline]
    pub(super) fn deliver(
        &mut self,
        segment: &Segment<'_>,
        offset: i64,
        side: Side,
        at: At,
        consumer: &mut impl Consumer,
    ) {
        if offset == self.next && is_whole(segment) && self.hold.is_empty() {
            if Beginning::covers(offset) {
                self.beginning.keep(offset, segment.payload, at);
            }
            consumer.bytes(side, segment.payload, at);
            self.come_to(offset + i64::from(segment.payload_len));
            self.hole_since = None;
        } else {
            self.deliver_part(segment, offset, side, at, consumer);
        }
    }

    /// The same for what is not simply the next.
    fn deliver_part(&mut self, segment: &Segment<'_>, offset: i64, side: Side, at: At, consumer: &mut impl Consumer) {
        if offset > self.next {
            let held = Held { offset, len: segment.payload_len, data: segment.payload.to_vec(), at };
            self.hole_since.get_or_insert(at);
            if !self.hold.insert(held) {
                self.give_up_hole(side, at, GapCause::Limit, consumer);
                if offset <= self.next {
                    self.hand_on(offset, segment.payload_len, segment.payload, side, at, consumer);
                }
            }
            return;
        }
        self.hand_on(offset, segment.payload_len, segment.payload, side, at, consumer);
        self.drain(side, consumer);
    }

    /// Hands on the part of a segment behind `next`, and says what it lacks.
    fn hand_on(&mut self, offset: i64, len: u32, data: &[u8], side: Side, at: At, consumer: &mut impl Consumer) {
        let end = offset + i64::from(len);
        if offset < self.next && Beginning::covers(offset) {
            self.compare(offset, data, at);
        }
        if end <= self.next {
            return;
        }
        let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        let fresh = data.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            if Beginning::covers(self.next) {
                self.beginning.keep(self.next, fresh, at);
            }
            consumer.bytes(side, fresh, at);
        }
        let missing = (end - self.next).unsigned_abs().saturating_sub(fresh.len() as u64);
        if missing > 0 {
            consumer.gap(side, Gap { bytes: missing, cause: GapCause::CutShort, frame: at.frame, time: at.time });
        }
        self.come_to(end);
    }

    /// Everything before `offset` was handed on.
    #[inline]
    pub(super) fn come_to(&mut self, offset: i64) {
        self.next = offset;
        if let Some(unrolled) = &mut self.unrolled {
            unrolled.advance(offset);
        }
    }

    /// Notes a segment that brings other bytes for a place than came before.
    #[cold]
    fn compare(&mut self, offset: i64, data: &[u8], at: At) {
        if let Some(before) = self.beginning.disagrees(offset, data) {
            self.facts.disagreeing += 1;
            self.facts.first_disagreeing.get_or_insert((before, at));
        }
    }

    fn drain(&mut self, side: Side, consumer: &mut impl Consumer) {
        while let Some(part) = self.hold.take_ready(self.next) {
            self.hand_on(part.offset, part.len, &part.data, side, part.at, consumer);
        }
        if self.hold.is_empty() {
            self.hole_since = None;
        }
    }

    #[inline]
    pub(super) fn deliver_fin(&mut self, side: Side, at: At, consumer: &mut impl Consumer) {
        if !self.fin_delivered && self.fin_offset.is_some_and(|fin| fin <= self.next) {
            self.fin_delivered = true;
            consumer.end(side, at);
        }
    }

    /// Whether nothing is missing in front of what was handed on.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.acked <= self.next && self.hold.is_empty()
    }

    /// Decides whether a hole is one of the capture. `one_sided`: the other
    /// direction was never seen.
    pub fn settle(&mut self, side: Side, at: At, one_sided: bool, consumer: &mut impl Consumer) {
        self.settle_within(REORDER_GRACE, side, at, one_sided, consumer);
    }

    /// The same at the end: what was acknowledged and did not come comes no more.
    pub fn settle_all(&mut self, side: Side, at: At, one_sided: bool, consumer: &mut impl Consumer) {
        while self.settle_within(Span::ZERO, side, at, one_sided, consumer) {}
    }

    /// The same for acknowledged bytes that were waited for as long as `grace`;
    /// whether there was such a hole.
    fn settle_within(
        &mut self,
        grace: Span,
        side: Side,
        at: At,
        one_sided: bool,
        consumer: &mut impl Consumer,
    ) -> bool {
        let Some(behind_hole) = self.hold.first().map(|part| part.offset).or_else(|| {
            // Acknowledged, never seen, and nothing behind it either; a FIN
            // takes one number of its own.
            let data_acked = self.fin_offset.map_or(self.acked, |fin| self.acked.min(fin));
            (data_acked > self.next).then_some(data_acked)
        }) else {
            return false;
        };
        let since = *self.hole_since.get_or_insert(at);
        let waited = at.time.since(since.time).abs();
        let is_missing = (self.acked >= behind_hole && waited >= grace) || (one_sided && waited >= ONE_SIDED_GRACE);
        if is_missing {
            self.skip_to(behind_hole, side, at, GapCause::NotCaptured, consumer);
        }
        is_missing
    }

    fn give_up_hole(&mut self, side: Side, at: At, cause: GapCause, consumer: &mut impl Consumer) {
        if let Some(first) = self.hold.first().map(|part| part.offset) {
            self.skip_to(first, side, at, cause, consumer);
        }
    }

    /// Bytes held back behind holes.
    pub fn held_bytes(&self) -> usize {
        self.hold.bytes()
    }

    /// Gives up every hole, so that nothing is held any more.
    pub fn release(&mut self, side: Side, at: At, consumer: &mut impl Consumer) {
        while !self.hold.is_empty() {
            self.give_up_hole(side, at, GapCause::Limit, consumer);
        }
    }

    fn skip_to(&mut self, offset: i64, side: Side, at: At, cause: GapCause, consumer: &mut impl Consumer) {
        if offset > self.next {
            let bytes = (offset - self.next).unsigned_abs();
            if cause == GapCause::Limit {
                self.facts.given_up += 1;
            } else {
                self.facts.gaps += 1;
                self.facts.gap_bytes = self.facts.gap_bytes.saturating_add(bytes);
                self.facts.first_gap.get_or_insert(self.hole_since.unwrap_or(at));
            }
            consumer.gap(side, Gap { bytes, cause, frame: at.frame, time: at.time });
            self.come_to(offset);
            self.max_end = self.max_end.max(offset);
        }
        self.hole_since = None;
        self.drain(side, consumer);
        if !self.hold.is_empty() {
            self.hole_since = Some(at);
        }
        self.deliver_fin(side, at, consumer);
    }
}
