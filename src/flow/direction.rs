//! One direction of a conversation: its bytes in order, its holes, its losses.

use std::collections::VecDeque;

use super::conversation::Consumer;
use super::duplicates::Recent;
use super::habits::{Habits, IpIdMode};
use super::hold::{Held, Hold};
use super::loss::{LossFacts, Retransmission};
use super::rtt::Rtt;
use super::seq::{Seq, Unrolled};
use crate::base::{At, CaptureTime, Gap, GapCause, Side, Span};
use crate::wire::Segment;

/// A hole whose bytes the receiver has acknowledged was not captured. Captures
/// of several interfaces may show the acknowledgment first; so long is waited.
const REORDER_GRACE: Span = Span::from_millis(20);

/// Where only one direction is captured no acknowledgment can decide; a hole
/// this old is taken for a hole of the capture.
const ONE_SIDED_GRACE: Span = Span::from_secs(1);

/// Flights remembered: the one that was not answered, and what came after it
/// (keep-alives, an alert, a goodbye).
const KEPT_FLIGHTS: usize = 4;

/// Acknowledgments remembered: a reset from a closed socket repeats the one of
/// the segment that it answers, which may be a few segments old.
const REMEMBERED_ACKS: usize = 16;

/// A retransmission cannot come sooner after the hole than this, or a quarter
/// of the round trip (RFC 8985 §7.1 lets RACK wait as long).
const MIN_REORDER_WINDOW: Span = Span::from_millis(3);

/// Duplicate acknowledgments that make a sender repeat a segment at once
/// (RFC 5681 §3.2 wants three; early retransmit and limited captures see two).
const FAST_RETRANSMIT_DUPACKS: u32 = 2;

/// What one side sent, as far as TCP tells.
#[derive(Clone, Debug, Default)]
pub struct DirectionFacts {
    /// Packets, copies left out.
    pub packets: u64,
    /// Copies of packets captured twice.
    pub copies: u64,
    /// The first copy.
    pub first_copy: Option<At>,
    /// Payload bytes on the wire, repeated ones included.
    pub bytes: u64,
    /// Frames cut short when captured.
    pub cut_frames: u64,
    /// The first one.
    pub first_cut: Option<At>,
    /// Payload bytes missing from frames that were cut short.
    pub cut_bytes: u64,
    /// Holes in the capture.
    pub gaps: u64,
    /// Bytes the receiver had and the capture has not.
    pub gap_bytes: u64,
    /// The first hole.
    pub first_gap: Option<At>,
    /// First and last packet.
    pub first: Option<At>,
    /// The last packet.
    pub last: Option<At>,
    /// The last packet that brought new bytes.
    pub last_data: Option<At>,
    /// The last flights: data sent without waiting for an acknowledgment.
    pub flights: VecDeque<Flight>,
    /// New bytes sent, and acknowledged ones.
    pub sent_bytes: u64,
    /// New bytes the receiver acknowledged.
    pub acknowledged_bytes: u64,
    /// The FIN.
    pub fin: Option<At>,
    /// Maximum segment size it announced.
    pub mss: Option<u16>,
    /// Window scale it announced.
    pub window_scale: Option<u8>,
    /// Selective acknowledgments permitted.
    pub sack_permitted: bool,
    /// Times it closed its window, the first time, and how long in all.
    pub zero_windows: u32,
    /// When it first closed its window.
    pub first_zero_window: Option<At>,
    /// How long its window was closed in all.
    pub zero_window_time: Span,
    /// The largest data segment, IP length.
    pub largest_packet: u32,
    /// Duplicate acknowledgments that this direction's receiver sent.
    pub duplicate_acks: u64,
    /// At the end: bytes that its own later packets (a FIN, data behind a hole)
    /// prove to have been sent and that never came past the capture point.
    pub never_seen: u64,
    /// Losses.
    pub loss: LossFacts,
}

/// Data sent until all of it was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// Its first packet.
    pub first: At,
    /// When all of it was acknowledged.
    pub acknowledged: Option<At>,
}

impl DirectionFacts {
    /// When the data that was under way at `time` had been acknowledged.
    #[must_use]
    pub fn acknowledged_since(&self, time: CaptureTime) -> Option<At> {
        self.flights.iter().rev().find(|flight| flight.first.time <= time)?.acknowledged
    }
}

/// The state of one direction.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// What is known so far.
    pub facts: DirectionFacts,
    /// How the sender writes its headers.
    pub habits: Habits,
    /// The last packets, to know copies by.
    pub recent: Recent,
    /// Round trips between the capture point and this direction's sender.
    pub rtt: Rtt,
    unrolled: Option<Unrolled>,
    /// The first data byte has sequence number ISN + 1 (else: late start).
    from_handshake: bool,
    /// Next byte to hand on.
    next: i64,
    /// Behind the highest byte seen.
    max_end: i64,
    /// Behind the highest byte its receiver acknowledged.
    acked: i64,
    fin_offset: Option<i64>,
    fin_delivered: bool,
    hold: Hold,
    hole_since: Option<At>,
    recent_acks: [i64; REMEMBERED_ACKS],
    ack_count: usize,
    /// Acknowledgments in a row that repeat `acked` while bytes are outstanding.
    dupacks: u32,
    /// One segment timed at a time: the offset behind it, when it passed.
    timed: Option<(i64, CaptureTime)>,
    /// The left edge last sent or repeated, and when.
    edge: Option<(i64, CaptureTime)>,
    zero_window_since: Option<CaptureTime>,
}

impl Direction {
    /// The first data byte will have sequence number `seq`: said by a SYN or
    /// by the acknowledgment of one, or taken from the first packet seen.
    pub fn begin_at(&mut self, seq: Seq, from_handshake: bool) {
        if self.unrolled.is_none() {
            self.unrolled = Some(Unrolled::starting_at(seq));
            self.from_handshake = from_handshake;
        }
    }

    /// Whether offsets are known.
    pub const fn has_begun(&self) -> bool {
        self.unrolled.is_some()
    }

    /// The offset of a sequence number of this direction.
    pub fn offset(&self, seq: Seq) -> Option<i64> {
        self.unrolled.as_ref().map(|u| u.offset(seq))
    }

    /// Behind the highest byte sent.
    pub const fn max_end(&self) -> i64 {
        self.max_end
    }

    /// Behind the highest byte that the receiver acknowledged.
    pub const fn acked(&self) -> i64 {
        self.acked
    }

    /// Whether the receiver sent this acknowledgment lately.
    pub fn was_acked(&self, offset: i64) -> bool {
        offset == 0 || self.recent_acks.iter().take(self.ack_count).any(|ack| *ack == offset)
    }

    /// The facts, once nothing more will come.
    pub fn into_facts(mut self) -> DirectionFacts {
        let behind_hole = self.hold.first().map_or(0, |part| part.offset);
        let proven = behind_hole.max(self.fin_offset.unwrap_or(0));
        self.facts.never_seen = u64::try_from(proven - self.next).unwrap_or(0);
        self.facts
    }

    /// Whether bytes are sent and not acknowledged.
    pub const fn outstanding(&self) -> bool {
        self.max_end > self.acked
    }

    /// Takes the payload and FIN of a segment of this direction, not a copy.
    /// `min_rtt` is the shortest whole round trip known. Returns whether it
    /// brought new bytes.
    pub fn data(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        at: At,
        min_rtt: Option<Span>,
        consumer: &mut impl Consumer,
    ) -> bool {
        let seq = Seq(segment.tcp.seq);
        let late = self.unrolled.is_none();
        self.begin_at(seq, false);
        let Some(offset) = self.offset(seq) else { return false };
        if late {
            consumer.gap(side, Gap { bytes: 0, cause: GapCause::LateStart, frame: at.frame, time: at.time });
        }
        let len = segment.payload_len;
        let end = offset.saturating_add(i64::from(len));
        let is_new = end > self.max_end;
        self.count(segment, at);
        if len > 0 {
            self.classify(segment, offset, end, at, min_rtt);
            self.time_segment(offset, end, at);
        }
        if segment.tcp.flags.has(crate::wire::TcpFlags::FIN) {
            if self.fin_offset == Some(end) {
                self.facts.loss.note(Retransmission::Fin, at, end, 0, None);
            } else {
                self.fin_offset.get_or_insert(end);
                self.facts.fin.get_or_insert(at);
            }
        }
        if is_new {
            self.facts.sent_bytes = self.facts.sent_bytes.saturating_add((end - self.max_end).unsigned_abs());
            self.facts.last_data = Some(at);
            if !self.outstanding() {
                if self.facts.flights.len() >= KEPT_FLIGHTS {
                    self.facts.flights.pop_front();
                }
                self.facts.flights.push_back(Flight { first: at, acknowledged: None });
            }
            self.max_end = end;
        }
        if len > 0 {
            self.deliver(segment, offset, side, at, consumer);
        }
        self.deliver_fin(side, at, consumer);
        is_new && len > 0
    }

    fn count(&mut self, segment: &Segment<'_>, at: At) {
        let facts = &mut self.facts;
        let missing = u64::from(segment.payload_len).saturating_sub(segment.payload.len() as u64);
        facts.bytes = facts.bytes.saturating_add(u64::from(segment.payload_len));
        if missing > 0 {
            facts.cut_frames += 1;
            facts.first_cut.get_or_insert(at);
        }
        facts.cut_bytes = facts.cut_bytes.saturating_add(missing);
        if segment.payload_len > 0 {
            facts.largest_packet = facts.largest_packet.max(segment.ip.total_len);
        }
        facts.first.get_or_insert(at);
    }

    /// Says what a segment is that does not simply continue the stream.
    fn classify(&mut self, segment: &Segment<'_>, offset: i64, end: i64, at: At, min_rtt: Option<Span>) {
        let waited = match self.edge {
            Some((edge, time)) if edge == offset => Some(at.time.since(time)),
            _ => None,
        };
        if offset >= self.max_end {
            self.edge = Some((offset, at.time));
            return;
        }
        let len = segment.payload_len;
        // RFC 9293 §3.8.4, RFC 1122 §4.2.3.6: one garbage byte below SND.NXT.
        if len <= 1 && offset == self.max_end - 1 && end <= self.acked {
            self.facts.loss.probes = self.facts.loss.probes.saturating_add(1);
            return;
        }
        let seen_before = end <= self.next || self.hold.covers(offset.max(self.next), end);
        let kind = if end <= self.acked {
            Retransmission::Spurious
        } else if !seen_before && self.was_overtaken(segment, at, min_rtt) {
            self.facts.loss.reordered = self.facts.loss.reordered.saturating_add(1);
            return;
        } else if self.dupacks >= FAST_RETRANSMIT_DUPACKS && offset <= self.acked {
            Retransmission::Fast
        } else {
            Retransmission::Timeout
        };
        if kind != Retransmission::Spurious {
            let place = if seen_before {
                &mut self.facts.loss.lost_after_capture_point
            } else {
                &mut self.facts.loss.lost_before_capture_point
            };
            *place = place.saturating_add(1);
        }
        // Karn: a repeated segment times nothing.
        self.timed = None;
        self.facts.loss.note(kind, at, offset, len, waited);
        self.edge = Some((offset, at.time));
    }

    /// Whether a segment that fills a hole was sent before those behind the
    /// hole: overtaken on its way, not repeated.
    fn was_overtaken(&self, segment: &Segment<'_>, at: At, min_rtt: Option<Span>) -> bool {
        if let (Some((now, _)), Some((before, _))) = (segment.tcp.options.timestamps, self.habits.last_tsval)
            && now != before
        {
            return now.wrapping_sub(before).cast_signed() < 0;
        }
        if let (Some(now), Some(before)) = (segment.ip.id, self.habits.last_id)
            && self.habits.id_mode() == IpIdMode::Counter
        {
            return now.wrapping_sub(before).cast_signed() < 0;
        }
        let window =
            min_rtt.map_or(MIN_REORDER_WINDOW, |rtt| MIN_REORDER_WINDOW.max(Span::from_nanos(rtt.nanos() / 4)));
        self.hole_since.is_some_and(|hole| at.time.since(hole.time) < window)
    }

    fn time_segment(&mut self, offset: i64, end: i64, at: At) {
        if self.timed.is_none() && offset >= self.max_end {
            self.timed = Some((end, at.time));
        }
    }

    /// Hands on what is next in order, keeps what is not.
    fn deliver(&mut self, segment: &Segment<'_>, offset: i64, side: Side, at: At, consumer: &mut impl Consumer) {
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
        if end <= self.next {
            return;
        }
        let known = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
        let fresh = data.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            consumer.bytes(side, fresh, at);
        }
        let missing = (end - self.next).unsigned_abs().saturating_sub(fresh.len() as u64);
        if missing > 0 {
            consumer.gap(side, Gap { bytes: missing, cause: GapCause::CutShort, frame: at.frame, time: at.time });
        }
        self.next = end;
        if let Some(unrolled) = &mut self.unrolled {
            unrolled.advance(end);
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

    fn deliver_fin(&mut self, side: Side, at: At, consumer: &mut impl Consumer) {
        if !self.fin_delivered && self.fin_offset.is_some_and(|fin| fin <= self.next) {
            self.fin_delivered = true;
            consumer.end(side, at);
        }
    }

    /// The receiver acknowledges everything before `ack`; `pure` says that the
    /// segment carried nothing else. Returns whether that is news.
    pub fn acknowledged(&mut self, ack: Seq, pure: bool, at: At) -> Option<Span> {
        let offset = self.offset(ack)?;
        if offset == self.acked {
            if pure && self.outstanding() {
                self.dupacks = self.dupacks.saturating_add(1);
                self.facts.duplicate_acks += 1;
            }
            return None;
        }
        // Beyond 2³⁰ ahead it is no acknowledgment of this stream.
        if offset < self.acked || offset > self.max_end.saturating_add(1 << 30) {
            return None;
        }
        let before = self.acked.max(0);
        self.acked = offset;
        if let Some(oldest) = self.recent_acks.get_mut(self.ack_count % REMEMBERED_ACKS) {
            *oldest = offset;
        }
        self.ack_count += 1;
        self.dupacks = 0;
        self.facts.acknowledged_bytes =
            self.facts.acknowledged_bytes.saturating_add((offset.max(0) - before).unsigned_abs());
        self.facts.loss.acknowledged(offset, at);
        if !self.outstanding()
            && let Some(flight) = self.facts.flights.back_mut()
        {
            flight.acknowledged.get_or_insert(at);
        }
        match self.timed {
            Some((end, sent)) if offset >= end => {
                self.timed = None;
                Some(at.time.since(sent))
            }
            _ => None,
        }
    }

    /// Decides whether a hole is one of the capture. `one_sided`: the other
    /// direction was never seen.
    pub fn settle(&mut self, side: Side, at: At, one_sided: bool, consumer: &mut impl Consumer) {
        let Some(behind_hole) = self.hold.first().map(|part| part.offset).or_else(|| {
            // Acknowledged, never seen, and nothing behind it either; a FIN
            // takes one number of its own.
            let data_acked = self.fin_offset.map_or(self.acked, |fin| self.acked.min(fin));
            (data_acked > self.next).then_some(data_acked)
        }) else {
            return;
        };
        let since = *self.hole_since.get_or_insert(at);
        let waited = at.time.since(since.time).abs();
        if (self.acked >= behind_hole && waited >= REORDER_GRACE) || (one_sided && waited >= ONE_SIDED_GRACE) {
            self.skip_to(behind_hole, side, at, GapCause::NotCaptured, consumer);
        }
    }

    fn give_up_hole(&mut self, side: Side, at: At, cause: GapCause, consumer: &mut impl Consumer) {
        if let Some(first) = self.hold.first().map(|part| part.offset) {
            self.skip_to(first, side, at, cause, consumer);
        }
    }

    fn skip_to(&mut self, offset: i64, side: Side, at: At, cause: GapCause, consumer: &mut impl Consumer) {
        if offset > self.next {
            let bytes = (offset - self.next).unsigned_abs();
            self.facts.gaps += 1;
            self.facts.gap_bytes = self.facts.gap_bytes.saturating_add(bytes);
            self.facts.first_gap.get_or_insert(self.hole_since.unwrap_or(at));
            consumer.gap(side, Gap { bytes, cause, frame: at.frame, time: at.time });
            self.next = offset;
            self.max_end = self.max_end.max(offset);
            if let Some(unrolled) = &mut self.unrolled {
                unrolled.advance(offset);
            }
        }
        self.hole_since = None;
        self.drain(side, consumer);
        if !self.hold.is_empty() {
            self.hole_since = Some(at);
        }
        self.deliver_fin(side, at, consumer);
    }

    /// Follows the window that this direction's sender offers.
    pub fn window(&mut self, window: u16, at: At) {
        match (window, self.zero_window_since) {
            (0, None) => {
                self.zero_window_since = Some(at.time);
                self.facts.zero_windows = self.facts.zero_windows.saturating_add(1);
                self.facts.first_zero_window.get_or_insert(at);
            }
            (1.., Some(since)) => {
                self.zero_window_since = None;
                self.facts.zero_window_time = self.facts.zero_window_time + at.time.since(since);
            }
            _ => {}
        }
    }
}
