//! What a receiver's acknowledgments tell of one direction.

use super::{Direction, REMEMBERED_ACKS};
use crate::base::{At, Span};
use crate::flow::loss::{LossEvent, Needless, SegmentClass};
use crate::flow::sender::Trips;
use crate::flow::seq::Seq;
use crate::wire::{Segment, TcpFlags, TcpOptions};

/// More copies than one in so many packets come from the capture, not from the
/// network.
const NETWORK_DOUBLES_AT_MOST: u64 = 4;

/// An acknowledgment of this direction's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgment<'a> {
    /// The number.
    pub ack: Seq,
    /// Blocks received out of order, or twice (RFC 2018, RFC 2883), and the
    /// timestamp that it echoes.
    pub options: &'a TcpOptions,
    /// The window that it offers, in bytes.
    pub window: i64,
    /// Where.
    pub at: At,
}

impl Direction {
    /// What a segment of this direction acknowledges of the other one.
    #[inline]
    pub fn acknowledgment<'a>(&self, segment: &'a Segment<'_>, at: At) -> Acknowledgment<'a> {
        let tcp = &segment.tcp;
        Acknowledgment { ack: Seq(tcp.ack), options: &tcp.options, window: i64::from(self.window(tcp)), at }
    }

    /// Whether a segment of this direction carries nothing but an
    /// acknowledgment, and is no keep-alive: that repeats the acknowledgment,
    /// too, and reports nothing.
    #[inline]
    pub fn only_acknowledges(&self, segment: &Segment<'_>) -> bool {
        let Segment { tcp, payload_len, .. } = segment;
        let is_bare = *payload_len == 0 && tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) == 0;
        let is_probe = || self.offset(Seq(tcp.seq)).is_some_and(|offset| offset < self.max_end());
        is_bare && (tcp.options.sack_count > 0 || !is_probe())
    }

    /// The receiver acknowledges; `pure`: with a segment that does nothing
    /// else. Returns how long the timed segment took.
    #[inline]
    pub fn acknowledged(
        &mut self,
        a: &Acknowledgment<'_>,
        pure: impl FnOnce() -> bool,
        trips: impl FnOnce() -> Trips,
    ) -> Option<Span> {
        let Acknowledgment { ack, at, .. } = *a;
        let offset = self.offset(ack)?;
        // Beyond 2³⁰ ahead it is no acknowledgment of this stream.
        if offset > self.max_end.saturating_add(1 << 30) {
            self.has_strange_numbers = true;
            return None;
        }
        self.right_edge = self.right_edge.max(offset.saturating_add(a.window));
        self.widest = self.widest.max(a.window);
        if a.options.sack_count > 0 {
            self.selective(a, offset);
        }
        if offset == self.acked {
            if a.window == 0 {
                // What waits for room times no path.
                self.timed = None;
            }
            if self.outstanding() && pure() {
                self.sender.acknowledged_again(at);
                self.facts.duplicate_acks += 1;
            }
            return None;
        }
        if offset < self.acked {
            return None;
        }
        let before = self.acked.max(0);
        self.acked = offset;
        if offset == self.max_end + 1 && self.fin_offset.is_none() && (self.from_handshake || self.max_end > 0) {
            self.one_more = Some((offset, at));
        }
        self.facts.last_acknowledged = Some(at);
        if let Some(oldest) = self.recent_acks.get_mut(self.ack_count % REMEMBERED_ACKS) {
            *oldest = offset;
        }
        self.ack_count += 1;
        if let Some((from, to, proof)) = self.sender.acknowledged(offset, a.options, at, trips) {
            self.facts.loss.needless(from, to, proof);
        }
        if self.facts.largest_delivered < self.facts.largest_packet {
            self.facts.largest_delivered = self.facts.largest_delivered.max(self.sender.largest_before(offset));
        }
        self.facts.acknowledged_bytes =
            self.facts.acknowledged_bytes.saturating_add((offset.max(0) - before).unsigned_abs());
        self.facts.loss.acknowledged(offset, at);
        if !self.outstanding() {
            self.facts.flights.land(at);
        }
        match self.timed {
            Some((end, sent)) if offset >= end => {
                self.timed = None;
                Some(at.time.since(sent))
            }
            _ => None,
        }
    }

    /// Where the receiver acknowledged a FIN that had not passed: one number more
    /// than all the bytes, and nothing in its place or behind it. A single byte
    /// would do that, too; RDP sends none.
    pub fn acknowledged_fin(&self) -> Option<At> {
        let (offset, at) = self.one_more?;
        let is_last = self.acked == offset && self.max_end().max(self.proven) <= offset;
        let is_fin = self.fin_offset.is_none_or(|fin| fin + 1 == offset);
        let is_new = self.facts.last_data.is_none_or(|data| at.follows(&data));
        (is_last && is_fin && is_new).then_some(at)
    }

    /// Selective acknowledgments: what came behind a hole, and what came twice.
    #[cold]
    fn selective(&mut self, a: &Acknowledgment<'_>, ack: i64) {
        let Some(unrolled) = self.unrolled else { return };
        let sack = a.options.sack.iter().take(a.options.sack_count.into());
        let mut blocks = sack.map(|(from, to)| (unrolled.offset(Seq(*from)), unrolled.offset(Seq(*to))));
        let Some(first) = blocks.next() else { return };
        let second = blocks.next();
        // RFC 2883 §4: the first block lies below the acknowledgment, or
        // inside the second one.
        let twice = first.1 <= ack || second.is_some_and(|second| second.0 <= first.0 && first.1 <= second.1);
        let held = if twice { second } else { Some(first) };
        for (from, to) in held.into_iter().chain(second).chain(blocks).filter(|(from, to)| *from >= ack && to > from) {
            self.sender.acknowledged_selectively(to, a.at);
            self.facts.largest_delivered = self.facts.largest_delivered.max(self.sender.largest_within(from, to));
        }
        if twice && first.0 < first.1 {
            self.came_twice(first.0, first.1);
        }
    }

    /// The receiver had `from..to` twice: a doubled packet or a needless
    /// repetition. Where the whole capture is doubled, copies say nothing.
    fn came_twice(&mut self, from: i64, to: i64) {
        let mirrored = self.facts.copies > self.facts.packets / NETWORK_DOUBLES_AT_MOST + 2;
        let doubled = self.copies.iter_mut().find(|copy| (copy.0, copy.1) == (from, to));
        if let Some(copy) = doubled.filter(|_| !mirrored) {
            let at = copy.2;
            *copy = (0, 0, at);
            self.facts.copies = self.facts.copies.saturating_sub(1);
            if self.facts.copies == 0 {
                self.facts.first_copy = None;
            }
            let len = u32::try_from(to - from).unwrap_or(0);
            let class = SegmentClass::NetworkDuplicate;
            self.facts.loss.note(LossEvent { at, class, place: None, offset: from, len, ip_len: 0, waited: None }, 0);
        } else {
            self.facts.loss.needless(from, to, Needless::DSack);
        }
    }
}
