//! What one sender is doing, told from what passes: which segments are
//! repetitions, and what made it repeat them.
//!
//! Constant work and memory for each packet. The order of the tests is that of
//! certainty: the sender's own numbers, then acknowledgments, then time.

use super::loss::{LossEvent, Needless, Place, SegmentClass};
use super::order::{Numbers, SendOrder, Sent};
use super::rtt::Rtt;
use crate::base::{At, BySide, CaptureTime, Side, Span};
use crate::wire::{Segment, TcpOptions};

/// A repetition cannot come sooner after the hole than this, or a quarter of
/// the round trip (RFC 8985 §7.1 lets RACK wait as long).
const MIN_REORDER_WINDOW: Span = Span::from_millis(3);

/// Duplicate acknowledgments that make a sender repeat a segment at once
/// (RFC 5681 §3.2 wants three; early retransmit and limited captures see two).
const FAST_RETRANSMIT_DUPACKS: u32 = 2;

/// No timer runs out sooner: Linux waits 200 ms at least, Windows 300.
const MIN_TIMEOUT: Span = Span::from_millis(190);

/// What a host and its timers may need between learning of a hole and sending.
const SLOP: Span = Span::from_millis(12);

/// Transmissions remembered: the head and the tail of what is under way, where
/// repetitions happen.
const REMEMBERED: usize = 8;

// Gathered packets are written down for this.
const _: () = assert!(REMEMBERED <= super::gathering::KEPT);

/// The round trips that classification needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trips {
    /// Shortest way from the capture point to the sender and back.
    pub sender_leg: Option<Span>,
    /// Shortest way from the capture point to the receiver and back.
    pub receiver_leg: Option<Span>,
    /// The whole way, smoothed (RFC 6298 §2).
    pub smoothed: Option<Span>,
}

impl Trips {
    /// Those of the direction of which `side` is the sender.
    pub fn of(rtt: &BySide<Rtt>, side: Side) -> Self {
        let (near, far) = (rtt.of(side), rtt.of(side.other()));
        let smoothed = near.smoothed().zip(far.smoothed()).map(|(near, far)| near + far);
        Self { sender_leg: near.min(), receiver_leg: far.min(), smoothed }
    }
}

/// A data segment, placed in its stream.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Stream offset of its first byte.
    pub offset: i64,
    /// Behind its last byte.
    pub end: i64,
    /// Where.
    pub at: At,
    /// All its bytes have passed before.
    pub seen_before: bool,
    /// Behind the highest byte acknowledged so far.
    pub acked: i64,
    /// Behind the highest byte that has passed.
    pub max_end: i64,
    /// Behind the highest byte known to have been sent.
    pub proven_end: i64,
    /// Since when a hole is known.
    pub hole_since: Option<CaptureTime>,
    /// The receiver has no room.
    pub window_closed: bool,
}

/// A data packet, as it is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transmission {
    /// Stream offset of its first byte.
    pub offset: i64,
    /// Behind its last byte.
    pub end: i64,
    /// When it passed.
    pub time: CaptureTime,
    /// IP length; 0 once the bytes were sent again in another packet.
    pub size: u32,
    /// What its sender numbers it by.
    pub numbers: Numbers,
}

/// What the sender is recovering from, until which offset is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Recovery {
    until: i64,
    from_timeout: bool,
}

/// A repetition whose need the next acknowledgment may disprove.
#[derive(Clone, Copy, Debug)]
struct Doubtful {
    offset: i64,
    end: i64,
    at: CaptureTime,
    tsval: Option<u32>,
}

/// The state of one sender.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    order: SendOrder,
    sent: [Transmission; REMEMBERED],
    sent_count: usize,
    /// Acknowledgments in a row that repeat the last one.
    dupacks: u32,
    /// Behind the highest byte acknowledged out of order.
    sacked_to: i64,
    /// When acknowledgments first showed the hole that is open now.
    hole_told: Option<CaptureTime>,
    recovery: Option<Recovery>,
    last_edge: Option<i64>,
    /// The byte that probed a closed window.
    probed: Option<i64>,
    doubtful: Option<Doubtful>,
}

impl Sender {
    /// Whether the bytes `offset..end` simply continue the stream, whose highest
    /// byte so far is the one before `sent_to`.
    #[inline]
    pub fn continues(&self, offset: i64, end: i64, sent_to: i64, window_closed: bool) -> bool {
        let probes = (end - offset == 1 && window_closed) || self.probed == Some(offset);
        offset >= sent_to && !probes
    }

    /// Remembers a segment that [`continues`](Self::continues) the stream:
    /// nothing that was sent before overlaps it.
    #[inline]
    pub fn sent_next(&mut self, segment: &Segment<'_>, offset: i64, end: i64, time: CaptureTime) {
        let (size, numbers) = (segment.ip.total_len, SendOrder::numbers(segment));
        self.put(self.sent_count, Transmission { offset, end, time, size, numbers });
        self.sent_count = self.sent_count.wrapping_add(1);
    }

    /// The same for `count` segments in a row.
    #[inline]
    pub fn sent_in_a_row(&mut self, count: usize, newest_first: impl Iterator<Item = Transmission>) {
        self.sent_count = self.sent_count.wrapping_add(count);
        for (back, transmission) in (1..).zip(newest_first.take(REMEMBERED)) {
            self.put(self.sent_count.wrapping_sub(back), transmission);
        }
    }

    #[inline]
    fn put(&mut self, place: usize, transmission: Transmission) {
        if let Some(oldest) = self.sent.get_mut(place % REMEMBERED) {
            *oldest = transmission;
        }
    }

    /// Whether nothing is lost, doubted or probed, so that data that continues the
    /// stream from `sent_to` on, and acknowledgments beyond `acked`, change nothing
    /// but what was sent last.
    pub fn is_calm(&self, acked: i64, sent_to: i64) -> bool {
        self.dupacks == 0
            && self.hole_told.is_none()
            && self.sacked_to <= acked
            && self.recovery.is_none()
            && self.doubtful.is_none()
            && self.probed.is_none_or(|probed| probed < sent_to)
    }

    /// Says what a segment is that does not simply continue the stream; to be
    /// asked once for each data segment.
    pub fn classify(&mut self, segment: &Segment<'_>, piece: &Piece, trips: &Trips) -> Option<LossEvent> {
        let waited = self.last_sent(piece.offset).map(|time| piece.at.time.since(time));
        let class = self.class(segment, piece, waited, trips);
        if !matches!(class, Some(SegmentClass::KeepAlive | SegmentClass::WindowProbe)) {
            self.remember(segment, piece);
        }
        let class = class?;
        if class.is_loss() {
            self.after_loss(segment, piece, class);
        }
        let place = class.is_loss().then_some(if piece.seen_before { Place::After } else { Place::Before });
        let len = u32::try_from(piece.end - piece.offset).unwrap_or(u32::MAX);
        Some(LossEvent { at: piece.at, class, place, offset: piece.offset, len, ip_len: segment.ip.total_len, waited })
    }

    fn class(
        &mut self,
        segment: &Segment<'_>,
        piece: &Piece,
        waited: Option<Span>,
        trips: &Trips,
    ) -> Option<SegmentClass> {
        let len = piece.end - piece.offset;
        // RFC 9293 §3.8.6.1: the next byte, for which there is no room.
        let is_next = piece.offset >= piece.max_end || piece.offset == piece.acked;
        if len == 1 && piece.window_closed && is_next {
            self.probed = Some(piece.offset);
            return Some(SegmentClass::WindowProbe);
        }
        if self.probed == Some(piece.offset) {
            // The byte of the probe again, or now with all that follows it.
            return (len == 1).then_some(SegmentClass::WindowProbe);
        }
        if piece.offset >= piece.max_end && piece.offset >= piece.proven_end {
            return None;
        }
        // RFC 9293 §3.8.4, RFC 1122 §4.2.3.6: one garbage byte below SND.NXT.
        if len <= 1 && piece.offset == piece.max_end - 1 && piece.end <= piece.acked {
            return Some(if piece.window_closed { SegmentClass::WindowProbe } else { SegmentClass::KeepAlive });
        }
        match self.order.of(segment) {
            // Overtaken, and perhaps a repetition none the less.
            Sent::Before if !self.was_sent_before(segment, piece) => return Some(SegmentClass::Reordered),
            Sent::Unknown if !piece.seen_before && came_soon(piece, trips) => return Some(SegmentClass::Reordered),
            Sent::Before | Sent::Unknown | Sent::After => {}
        }
        if piece.end <= piece.acked {
            return Some(SegmentClass::Spurious(Needless::Acknowledged));
        }
        Some(self.cause(piece, waited, trips))
    }

    /// Whether an earlier packet with the same bytes is known.
    fn was_sent_before(&self, segment: &Segment<'_>, piece: &Piece) -> bool {
        let mut same = self.sent.iter().filter(|sent| sent.offset < piece.end && sent.end > piece.offset);
        piece.seen_before && same.any(|sent| self.order.is_after(segment, sent.numbers))
    }

    /// What made the sender repeat a segment.
    fn cause(&self, piece: &Piece, waited: Option<Span>, trips: &Trips) -> SegmentClass {
        let repeats_itself = self.last_edge == Some(piece.offset);
        let recovery = self.recovery.filter(|r| piece.offset < r.until);
        let too_soon_for_timer = waited.is_some_and(|waited| waited < MIN_TIMEOUT);
        if self.hole_was_told(piece, waited, trips) {
            return SegmentClass::Fast;
        }
        match recovery {
            Some(recovery) if recovery.from_timeout && !repeats_itself && piece.offset <= piece.max_end => {
                return SegmentClass::GoBackN;
            }
            // A partial acknowledgment (RFC 6582 §3.2).
            Some(recovery) if !recovery.from_timeout && !repeats_itself && piece.offset <= piece.acked => {
                return SegmentClass::Fast;
            }
            _ => {}
        }
        // A timer repeats the head, a probe the tail (RFC 8985 §7.3).
        let is_tail = piece.end >= piece.max_end && piece.seen_before;
        if is_tail && !repeats_itself && (piece.offset > piece.acked || too_soon_for_timer) {
            return SegmentClass::TailProbe;
        }
        if too_soon_for_timer && !repeats_itself {
            return SegmentClass::Unknown;
        }
        SegmentClass::Timeout
    }

    /// Whether acknowledgments had told the sender of the hole just before, so
    /// far as the way to the sender and back allows.
    fn hole_was_told(&self, piece: &Piece, waited: Option<Span>, trips: &Trips) -> bool {
        let Some(told) = self.hole_told else { return false };
        if self.dupacks < FAST_RETRANSMIT_DUPACKS && self.sacked_to <= piece.offset {
            return false;
        }
        // Where packets overtake each other, the sender waits a quarter of a
        // round trip before it believes in a loss, and a quarter more after each
        // needless repetition (RFC 8985 §6.2, step 4): two of them are allowed.
        let patience = trips.smoothed.map_or(Span::ZERO, |trip| Span::from_nanos(trip.nanos() / 2));
        let soon = trips.sender_leg.unwrap_or(Span::ZERO) + patience + SLOP;
        let since = piece.at.time.since(told);
        // Where the original never came, the hole is about as old.
        let age = waited.or_else(|| piece.hole_since.map(|hole| piece.at.time.since(hole)));
        since <= soon || age.is_some_and(|age| age < MIN_TIMEOUT)
    }

    fn after_loss(&mut self, segment: &Segment<'_>, piece: &Piece, class: SegmentClass) {
        match class {
            SegmentClass::Timeout => self.recovery = Some(Recovery { until: piece.max_end, from_timeout: true }),
            SegmentClass::Fast if self.recovery.is_none() => {
                self.recovery = Some(Recovery { until: piece.max_end, from_timeout: false });
            }
            _ => {}
        }
        self.last_edge = Some(piece.offset);
        self.doubtful = (piece.offset <= piece.acked).then_some(Doubtful {
            offset: piece.offset,
            end: piece.end,
            at: piece.at.time,
            tsval: segment.tcp.options.timestamps.map(|(tsval, _)| tsval),
        });
    }

    /// Whether the sender numbers each packet, so that skips mean losses.
    pub const fn numbers_each(&self) -> bool {
        self.order.numbers_each()
    }

    /// Learns how the sender numbers its packets: every one but copies and
    /// resets, after it was classified. Returns how many packets of the sender
    /// may be missing in front of `segment`.
    #[inline]
    pub fn learn(&mut self, segment: &Segment<'_>) -> Option<u16> {
        self.order.learn(segment)
    }

    /// The same from a packet's numbers alone.
    #[inline]
    pub fn learn_numbers(&mut self, tsval: Option<u32>, id: Option<u16>) -> Option<u16> {
        self.order.learn_numbers(tsval, id)
    }

    /// The newest identification and the newest timestamp.
    pub const fn newest_id(&self) -> Option<u16> {
        self.order.newest_id()
    }

    /// See [`newest_id`](Self::newest_id).
    pub const fn newest_tsval(&self) -> Option<u32> {
        self.order.newest_tsval()
    }

    /// Its timestamps have come to `tsval`.
    pub const fn has_come_to(&mut self, tsval: u32) {
        self.order.has_come_to(tsval);
    }

    /// So many identifications followed one another, the last one `id`.
    pub const fn count_up_to(&mut self, id: u16, count: u32) {
        self.order.count_up_to(id, count);
    }

    fn remember(&mut self, segment: &Segment<'_>, piece: &Piece) {
        for known in &mut self.sent {
            if known.offset < piece.end && known.end > piece.offset && segment.ip.total_len != known.size {
                known.size = 0;
            }
        }
        self.sent_next(segment, piece.offset, piece.end, piece.at.time);
    }

    /// When the byte at `offset` was last sent.
    fn last_sent(&self, offset: i64) -> Option<CaptureTime> {
        let known = self.sent.iter().filter(|sent| sent.offset <= offset && offset < sent.end);
        known.map(|sent| sent.time).max()
    }

    /// The receiver repeated its last acknowledgment. `pure`: with nothing else.
    pub const fn acknowledged_again(&mut self, at: At) {
        self.dupacks = self.dupacks.saturating_add(1);
        if self.hole_told.is_none() {
            self.hole_told = Some(at.time);
        }
    }

    /// The receiver has bytes up to `end` behind a hole (RFC 2018).
    pub fn acknowledged_selectively(&mut self, end: i64, at: At) {
        self.sacked_to = self.sacked_to.max(end);
        self.hole_told.get_or_insert(at.time);
    }

    /// The receiver acknowledged everything before `offset` for the first
    /// time, with these options. Returns the range whose repetition this proves
    /// needless.
    #[inline]
    pub fn acknowledged(
        &mut self,
        offset: i64,
        options: &TcpOptions,
        at: At,
        trips: impl FnOnce() -> Trips,
    ) -> Option<(i64, i64, Needless)> {
        self.dupacks = 0;
        // What it acknowledges beyond shows the next hole.
        self.hole_told = (self.sacked_to > offset).then_some(at.time);
        if self.recovery.is_some_and(|recovery| offset >= recovery.until) {
            self.recovery = None;
        }
        let doubtful = self.doubtful.take()?;
        if offset < doubtful.end { None } else { Self::was_needless(doubtful, options, at, &trips()) }
    }

    /// Whether an acknowledgment of a repetition shows that it was not needed.
    #[cold]
    fn was_needless(doubtful: Doubtful, options: &TcpOptions, at: At, trips: &Trips) -> Option<(i64, i64, Needless)> {
        let echo = options.timestamps.map(|(_, echo)| echo);
        let by_echo = matches!((doubtful.tsval, echo), (Some(tsval), Some(echo))
                if echo.wrapping_sub(tsval).cast_signed() < 0);
        // Half the shortest way: no answer to the repetition is that fast.
        let by_time = trips.receiver_leg.is_some_and(|leg| {
            leg > Span::from_millis(2) && at.time.since(doubtful.at) < Span::from_nanos(leg.nanos() / 2)
        });
        let proof = if by_echo {
            Needless::Eifel
        } else if by_time {
            Needless::Timing
        } else {
            return None;
        };
        Some((doubtful.offset, doubtful.end, proof))
    }

    /// The IP length of the largest remembered packet that ends before `offset`.
    pub fn largest_before(&self, offset: i64) -> u32 {
        self.largest_within(i64::MIN, offset)
    }

    /// The IP length of the largest remembered packet within `from..to`.
    pub fn largest_within(&self, from: i64, to: i64) -> u32 {
        let within = self.sent.iter().filter(|sent| sent.offset >= from && sent.end <= to);
        within.map(|sent| sent.size).max().unwrap_or(0)
    }
}

/// Whether a segment fills its hole sooner than a loss can be noticed.
fn came_soon(piece: &Piece, trips: &Trips) -> bool {
    let window =
        trips.smoothed.map_or(MIN_REORDER_WINDOW, |trip| MIN_REORDER_WINDOW.max(Span::from_nanos(trip.nanos() / 4)));
    piece.hole_since.is_some_and(|since| piece.at.time.since(since) < window)
}
