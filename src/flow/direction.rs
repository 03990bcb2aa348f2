//! One direction of a conversation: its bytes in order, its holes, its losses.

mod acknowledgment;
mod beginning;
mod delivery;
mod gathered;

use beginning::Beginning;

use super::conversation::Consumer;
use super::direction_facts::DirectionFacts;
use super::duplicates::Recent;
use super::habits::Habits;
use super::hold::Hold;
use super::loss::{LossEvent, SegmentClass};
use super::rtt::Rtt;
use super::sender::{Piece, Sender, Trips};
use super::seq::{Seq, Unrolled};
use crate::base::{At, BySide, CaptureTime, Gap, GapCause, Side, Span};
use crate::wire::{Segment, TcpFlags, TcpHeader, TcpOptions};

/// Acknowledgments remembered: a reset from a closed socket repeats the one of
/// the segment that it answers, which may be a few segments old.
const REMEMBERED_ACKS: usize = 16;

/// The largest hole that is believed of one segment. Captures that lose more at
/// once go on behind it.
const MAX_HOLE: i64 = 1 << 20;

/// The largest shift of a window (RFC 7323 §2.3).
const MAX_SHIFT: u8 = 14;

/// Copies remembered: the receiver reports a packet that the network doubled
/// within a few packets (RFC 2883).
const REMEMBERED_COPIES: usize = 4;

/// What is going on around a segment, beyond its own direction.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Round trips between the capture point and each side.
    pub rtt: &'a BySide<Rtt>,
    /// The sender of the segment.
    pub side: Side,
    /// The receiver has no room.
    pub window_closed: bool,
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
    unrolled: Option<Unrolled>,
    /// By how many bits its windows are shifted (RFC 7323 §2.2).
    shift: u8,
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
    /// The last acknowledgment of one number more than was seen, as of a FIN.
    one_more: Option<(i64, At)>,
    hold: Hold,
    hole_since: Option<At>,
    recent_acks: [i64; REMEMBERED_ACKS],
    ack_count: usize,
    /// Behind the highest byte that its own packets prove to have been sent.
    proven: i64,
    /// The highest number that it used, whether or not that can be right.
    used: i64,
    /// Behind the highest byte that its receiver ever had room for.
    right_edge: i64,
    /// The widest window that its receiver ever offered.
    widest: i64,
    /// Behind the last segment that nobody had room for.
    leapt_to: Option<i64>,
    beginning: Beginning,
    sender: Sender,
    /// One segment timed at a time: the offset behind it, when it passed.
    timed: Option<(i64, CaptureTime)>,
    /// The last data packets that came twice: their bytes, and the copy.
    copies: Vec<(i64, i64, At)>,
    copy_count: usize,
    /// What the last segment was, where it did not simply bring the next bytes.
    last_class: Option<SegmentClass>,
    /// Some numbers were left out, since they can hardly be of this stream.
    has_strange_numbers: bool,
    /// How many packets there were when an acknowledgment could not be placed,
    /// since the other stream had not begun.
    unplaced: u64,
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

    /// What a SYN of this direction announces.
    pub fn announces(&mut self, options: &TcpOptions) {
        let facts = &mut self.facts;
        facts.mss = options.mss.or(facts.mss);
        facts.window_scale = options.window_scale.or(facts.window_scale);
        facts.sack_permitted |= options.sack_permitted;
        self.shift = facts.window_scale.unwrap_or(0).min(MAX_SHIFT);
    }

    /// The window that a segment of this direction offers, in bytes. That of a
    /// SYN is never scaled (RFC 7323 §2.2).
    #[inline]
    pub const fn window(&self, tcp: &TcpHeader) -> u32 {
        (tcp.window as u32) << if tcp.flags.has(TcpFlags::SYN) { 0 } else { self.shift }
    }

    /// By how many bits its windows are shifted.
    pub const fn shift(&self) -> u8 {
        self.shift
    }

    /// A window of this direction, in bytes.
    pub const fn in_bytes(&self, window: u16) -> i64 {
        (window as i64) << self.shift
    }

    /// The window that its last packet offered, in bytes.
    pub const fn last_window(&self) -> u32 {
        (self.habits.last_window as u32) << self.shift
    }

    /// Whether offsets are known.
    pub const fn has_begun(&self) -> bool {
        self.unrolled.is_some()
    }

    /// What the last packet acknowledges could not be placed.
    pub const fn is_not_placed(&mut self) {
        self.unplaced = self.recent.packets();
    }

    /// The offset of a sequence number of this direction.
    pub fn offset(&self, seq: Seq) -> Option<i64> {
        self.unrolled.as_ref().map(|u| u.offset(seq))
    }

    /// Behind the highest byte sent, as far as the sender's numbers tell.
    pub fn max_end(&self) -> i64 {
        self.max_end.max(self.used)
    }

    /// Behind the highest byte that the receiver acknowledged.
    pub const fn acked(&self) -> i64 {
        self.acked
    }

    /// Whether the receiver sent this acknowledgment lately.
    pub fn was_acked(&self, offset: i64) -> bool {
        offset == 0 || self.recent_acks.iter().take(self.ack_count).any(|ack| *ack == offset)
    }

    /// Behind the highest byte that the receiver ever had room for. A window
    /// closed since does not take it back (RFC 9293 §3.8.6: not to be shrunk).
    pub const fn right_edge(&self) -> i64 {
        self.right_edge
    }

    /// Whether the sender's receive window is closed.
    pub const fn window_is_closed(&self) -> bool {
        self.facts.window_closed_since.is_some()
    }

    /// What the last segment was, where it did not simply bring the next bytes.
    pub const fn last_class(&self) -> Option<SegmentClass> {
        self.last_class
    }

    /// Completes the facts: nothing more will come after `last`.
    pub fn close_books(&mut self, last: CaptureTime) {
        let behind_hole = self.hold.first().map_or(0, |part| part.offset);
        let proven = behind_hole.max(self.fin_offset.unwrap_or(0)).max(self.proven);
        self.facts.never_seen = u64::try_from(proven - self.next).unwrap_or(0);
        self.facts.hole_since = self.hole_since.filter(|_| self.facts.never_seen > 0);
        self.facts.close_books(last);
        self.facts.has_timestamps = self.habits.last_tsval.is_some();
        if !self.sender.numbers_each() {
            self.facts.forget_skips();
        }
    }

    /// Whether bytes are sent and not acknowledged.
    pub const fn outstanding(&self) -> bool {
        self.max_end > self.acked
    }

    /// Whether a packet is a copy of one seen shortly before; remembers it.
    #[inline]
    pub fn is_copy(&mut self, segment: &Segment<'_>, time: CaptureTime) -> bool {
        let Self { recent, habits, .. } = self;
        recent.is_copy(segment, time, || habits.tells_copies())
    }

    /// Takes a copy of a packet seen before.
    #[cold]
    pub fn copy(&mut self, segment: &Segment<'_>, at: At) {
        self.facts.copies += 1;
        self.facts.first_copy.get_or_insert(at);
        if segment.payload_len > 0
            && let Some(offset) = self.offset(Seq(segment.tcp.seq))
        {
            let copy = (offset, offset.saturating_add(i64::from(segment.payload_len)), at);
            match self.copies.get_mut(self.copy_count % REMEMBERED_COPIES) {
                Some(oldest) => *oldest = copy,
                None => self.copies.push(copy),
            }
            self.copy_count += 1;
        }
    }

    /// Learns how the sender numbers its packets, once a segment was taken.
    #[inline(always)]
    pub fn learn(&mut self, segment: &Segment<'_>, at: At) {
        if let Some(packets) = self.sender.learn(segment) {
            let silence = if self.habits.packets() > 0 { at.time.since(self.habits.last.time) } else { Span::ZERO };
            self.facts.note_skip(packets, silence, at);
        }
        self.habits.learn(segment, at, segment.tcp.flags.has(TcpFlags::SYN));
    }

    /// Takes the payload and FIN of a segment of this direction, not a copy.
    /// Returns whether it brought new bytes.
    #[inline]
    pub fn data(
        &mut self,
        segment: &Segment<'_>,
        at: At,
        around: &Surroundings<'_>,
        consumer: &mut impl Consumer,
    ) -> bool {
        self.last_class = None;
        let (seq, side) = (Seq(segment.tcp.seq), around.side);
        let offset = match self.offset(seq) {
            Some(offset) => offset,
            None => self.begin_late(seq, side, at, consumer),
        };
        let len = segment.payload_len;
        let end = offset.saturating_add(i64::from(len));
        let is_new = end > self.max_end;
        if len > 0 {
            self.count(segment, at);
        }
        let takes_room = len > 0 || segment.tcp.flags.has(TcpFlags::FIN);
        if offset > self.max_end && takes_room && self.leaps(offset, end) {
            self.facts.leaps += 1;
            self.has_strange_numbers = true;
            self.facts.first_leap.get_or_insert(at);
            return false;
        }
        if len > 0 {
            self.classify(segment, offset, end, at, around);
            if !around.window_closed {
                self.time_segment(offset, end, at);
            }
        } else {
            self.bare(segment, offset, at, around);
        }
        if segment.tcp.flags.has(TcpFlags::FIN) {
            self.fin(segment, end, at);
        }
        if is_new && len > 0 {
            self.facts.sent_bytes = self.facts.sent_bytes.saturating_add((end - self.max_end).unsigned_abs());
            self.facts.last_data = Some(at);
            if !self.outstanding() {
                self.facts.flights.begin(at);
            }
            self.max_end = end;
        }
        if len > 0 {
            self.deliver(segment, offset, side, at, consumer);
        }
        self.deliver_fin(side, at, consumer);
        is_new && len > 0
    }

    /// The stream had begun before its first packet passed, which is this one.
    #[cold]
    fn begin_late(&mut self, seq: Seq, side: Side, at: At, consumer: &mut impl Consumer) -> i64 {
        self.begin_at(seq, false);
        consumer.gap(side, Gap { bytes: 0, cause: GapCause::LateStart, frame: at.frame, time: at.time });
        0
    }

    /// Whether a segment has a number that its sender can hardly have come to:
    /// far behind all that was seen, or behind all that its receiver ever had
    /// room for, by a whole window more, since packets that offered it may be
    /// missing. The next one in the same place is believed: senders go on, and
    /// numbers that somebody made up do not.
    #[cold]
    fn leaps(&mut self, offset: i64, end: i64) -> bool {
        let has_room =
            !self.from_handshake || self.widest == 0 || offset <= self.right_edge.saturating_add(self.widest);
        if has_room && offset <= self.max_end.saturating_add(MAX_HOLE) {
            return false;
        }
        self.leapt_to.replace(end) != Some(offset)
    }

    #[cold]
    fn fin(&mut self, segment: &Segment<'_>, end: i64, at: At) {
        if self.fin_offset == Some(end) {
            if segment.payload_len == 0 {
                self.note(LossEvent {
                    at,
                    class: SegmentClass::Fin,
                    place: None,
                    offset: end,
                    len: 0,
                    ip_len: segment.ip.total_len,
                    waited: self.facts.fin.map(|first| at.time.since(first.time)),
                });
            }
        } else {
            self.fin_offset.get_or_insert(end);
            self.facts.fin.get_or_insert(at);
        }
    }

    /// A segment without data: a keep-alive or a window probe has the number
    /// before the next one; one behind the next shows a hole.
    fn bare(&mut self, segment: &Segment<'_>, offset: i64, at: At, around: &Surroundings<'_>) {
        if segment.tcp.flags.has(TcpFlags::SYN) {
            return;
        }
        self.used = self.used.max(offset);
        if offset > self.max_end && offset > self.proven && self.fin_offset.is_none() && self.has_room_for(offset) {
            self.proven = offset;
            self.hole_since.get_or_insert(at);
        } else if offset == self.max_end - 1
            && offset < self.acked
            && self.fin_offset.is_none()
            && !segment.tcp.flags.has(TcpFlags::FIN)
        {
            let class = if around.window_closed { SegmentClass::WindowProbe } else { SegmentClass::KeepAlive };
            let ip_len = segment.ip.total_len;
            self.note(LossEvent { at, class, place: None, offset, len: 0, ip_len, waited: None });
        }
    }

    /// Whether a number can be the sender's at all: not beyond what its
    /// receiver ever had room for. Where windows are not scaled because the
    /// handshake was not seen, the edge is a lower bound; such holes are no loss.
    const fn has_room_for(&self, offset: i64) -> bool {
        offset <= self.right_edge
    }

    fn note(&mut self, event: LossEvent) {
        self.last_class = Some(event.class);
        let in_flight = (self.max_end - self.acked).max(0).unsigned_abs();
        self.facts.loss.note(event, in_flight);
    }

    #[inline]
    fn count(&mut self, segment: &Segment<'_>, at: At) {
        let facts = &mut self.facts;
        facts.data_packets += 1;
        facts.bytes = facts.bytes.wrapping_add(u64::from(segment.payload_len));
        facts.largest_packet = facts.largest_packet.max(segment.ip.total_len);
        if !is_whole(segment) {
            let missing = u64::from(segment.payload_len).saturating_sub(segment.payload.len() as u64);
            facts.cut_frames += 1;
            facts.first_cut.get_or_insert(at);
            facts.cut_bytes = facts.cut_bytes.saturating_add(missing);
        }
    }

    /// Tells the sender's next segment, which nearly all are, from those that
    /// need a closer look.
    #[inline]
    fn classify(&mut self, segment: &Segment<'_>, offset: i64, end: i64, at: At, around: &Surroundings<'_>) {
        if self.sender.continues(offset, end, self.max_end.max(self.proven), around.window_closed) {
            self.sender.sent_next(segment, offset, end, at.time);
        } else {
            self.look_closer(segment, offset, end, at, around);
        }
    }

    /// Says what a segment is that does not simply continue the stream.
    #[cold]
    fn look_closer(&mut self, segment: &Segment<'_>, offset: i64, end: i64, at: At, around: &Surroundings<'_>) {
        let piece = Piece {
            offset,
            end,
            at,
            seen_before: end <= self.next || self.hold.covers(offset.max(self.next), end),
            acked: self.acked,
            max_end: self.max_end,
            proven_end: self.proven,
            hole_since: self.hole_since.map(|hole| hole.time),
            window_closed: around.window_closed,
        };
        let Some(event) = self.sender.classify(segment, &piece, &Trips::of(around.rtt, around.side)) else { return };
        if event.class.is_repetition() {
            // Karn: a repeated segment times nothing.
            self.timed = None;
        }
        self.note(event);
    }

    fn time_segment(&mut self, offset: i64, end: i64, at: At) {
        if self.timed.is_none() && offset >= self.max_end {
            self.timed = Some((end, at.time));
        }
    }
}

/// Whether all of a segment's payload was captured.
#[inline]
const fn is_whole(segment: &Segment<'_>) -> bool {
    segment.payload.len() as u64 == segment.payload_len as u64
}
