//! Packets of a session in progress, gathered before they are taken into
//! account.
//!
//! Nearly all packets of a connection that lives bring the next bytes in order,
//! acknowledge what was sent, and look like the ones before. To take one of them
//! by itself into account is to write the same places over and over: what was
//! last, what the last eight were, how many there are. So of such packets only
//! what decides whether the next one is like them is brought forward, and the
//! last few are written down in short. When a packet is different, or when the
//! connection ends, all of them are taken into account at once.
//!
//! Law: nothing that can be asked of a connection shows whether its packets were
//! gathered.

mod lane;

pub use lane::{Course, Gathered, KEPT, KEPT_ACKS, Lane};

use super::leap::JUDGED_AS_IT_IS;
use super::stall::MIN_STALL;
use crate::base::{At, BySide, CaptureId, CaptureTime, Side, Span};
use crate::wire::Outline;

/// Packets gathered in one go: half a GiB of data at most, so that with what was
/// [under way](MAX_UNDER_WAY) before no sequence number can be taken for another.
const MAX_GATHERED: u16 = 8_192;

/// Bytes under way when gathering begins.
pub const MAX_UNDER_WAY: i64 = 1 << 30;

/// No wait shorter than this can be a stall.
const NO_STALL: u64 = MIN_STALL.nanos().unsigned_abs();

/// Nanoseconds, of which the sender's clock need not be asked.
const NO_LEAP: u64 = JUDGED_AS_IT_IS.nanos().unsigned_abs();

/// Where the bytes of one side have come to; packets of both move it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stream {
    /// The sequence number of its next byte.
    pub next: u32,
    /// Behind the highest byte that its receiver acknowledged.
    pub acked: u32,
    timed_end: u32,
    timed_at: CaptureTime,
    is_timed: bool,
    /// Flights of its data, that before the gathering among them.
    flights: u32,
}

impl Stream {
    /// `timed`: one segment at a time, the number behind it and when it passed.
    pub fn new(next: u32, acked: u32, timed: Option<(u32, CaptureTime)>) -> Self {
        let (timed_end, timed_at) = timed.unwrap_or_default();
        Self { next, acked, timed_end, timed_at, is_timed: timed.is_some(), flights: 1 }
    }

    /// Whether bytes are sent and not acknowledged.
    pub const fn outstanding(&self) -> bool {
        self.next != self.acked
    }

    /// The segment that is timed: the number behind it, when it passed.
    pub fn timed(&self) -> Option<(u32, CaptureTime)> {
        self.is_timed.then_some((self.timed_end, self.timed_at))
    }

    /// A segment is timed from now on, if none is.
    #[inline(always)]
    pub const fn time(&mut self, end: u32, at: CaptureTime) {
        if !self.is_timed {
            (self.timed_end, self.timed_at, self.is_timed) = (end, at, true);
        }
    }

    /// When the segment passed that is timed, if `ack` is the acknowledgment of it.
    #[inline(always)]
    pub const fn timed_by(&mut self, ack: u32) -> Option<CaptureTime> {
        if !self.is_timed || ack.wrapping_sub(self.timed_end).cast_signed() < 0 {
            return None;
        }
        self.is_timed = false;
        Some(self.timed_at)
    }
}

/// The packets of both sides.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Lanes {
    /// Where their bytes have come to.
    pub streams: BySide<Stream>,
    /// Each side's packets.
    pub lanes: BySide<Lane>,
}

const _: () = assert!(size_of::<BySide<Stream>>() <= 64);

/// The packets of one connection that are not taken into account yet, and what
/// every packet of it changes.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    /// The connection's last packet.
    pub last: At,
    /// The longest time without one.
    pub longest_silence: Span,
    is_open: bool,
    /// So many more packets may be gathered.
    room: u16,
    capture: CaptureId,
    // Boxed: most connections that a scan makes never get so far.
    lanes: Option<Box<Lanes>>,
}

const _: () = assert!(size_of::<Gathering>() <= 64);

/// A packet that is like the others of its connection.
#[derive(Debug)]
pub struct Alike<'g> {
    /// The side that sent it, and the other one.
    pub own: &'g mut Lane,
    /// See [`own`](Self::own).
    pub other: &'g mut Lane,
    /// Where their bytes have come to.
    pub stream: &'g mut Stream,
    /// See [`stream`](Self::stream).
    pub theirs: &'g mut Stream,
    /// The connection's last packet, up to now.
    pub last: &'g mut At,
    /// The longest time without one.
    pub longest_silence: &'g mut Span,
    /// Bytes that it acknowledges for the first time.
    pub ahead: u32,
    /// Its acknowledgment number.
    pub ack: u32,
    /// Length of its payload.
    pub len: u16,
    /// Its window.
    pub window: u16,
    /// The time since the connection's last packet.
    pub silence: Span,
    /// That may have been a stall.
    pub may_end_stall: bool,
}

impl Gathering {
    /// Of a connection whose first packet was `at`.
    pub fn new(at: At) -> Self {
        Self { last: at, ..Self::default() }
    }

    /// From now on, packets that go on from here are gathered.
    pub fn open(&mut self, courses: BySide<(Stream, Course)>, capture: CaptureId) {
        let Lanes { streams, lanes } = &mut **self.lanes.get_or_insert_default();
        for side in Side::BOTH {
            let (stream, course) = *courses.of(side);
            *streams.of_mut(side) = stream;
            lanes.of_mut(side).begin(course);
        }
        (self.is_open, self.room, self.capture) = (true, MAX_GATHERED, capture);
    }

    /// Nothing is gathered any more.
    pub fn end(&mut self) {
        (self.is_open, self.room, self.lanes) = (false, 0, None);
    }

    /// Whether a packet is like the others.
    #[inline(always)]
    pub fn alike<const HEADERS: usize>(
        &mut self,
        packet: &Outline<'_, HEADERS>,
        side: Side,
        at: At,
    ) -> Option<Alike<'_>> {
        let Self { last, longest_silence, .. } = self;
        let room = self.room.checked_sub(1)?;
        let Lanes { streams, lanes } = &mut **self.lanes.as_mut()?;
        let (stream, theirs) = streams.pair_mut(side);
        let (own, other) = lanes.pair_mut(side);
        let course = &own.course;
        let ack = packet.ack();
        let (len, window, ahead) = (packet.payload.len() as u16, packet.window(), ack.wrapping_sub(theirs.acked));
        if packet.seq() != stream.next || ahead > theirs.next.wrapping_sub(theirs.acked) {
            return None;
        }
        // One that says nothing new may be a copy, or show a hole.
        if (ahead | u32::from(len)) == 0 || packet.look() != course.look {
            return None;
        }
        if packet.total_len() > course.longest || packet.has_timestamps() != course.has_timestamps {
            return None;
        }
        if at.frame.capture != self.capture || at.frame.number <= last.frame.number {
            return None;
        }
        // Below zero where the clock ran back: then, as a number without a sign, far
        // more. And where the difference is more than the clock can tell.
        let silence = at.time.nanos().wrapping_sub(last.time.nanos());
        let is_long = silence.cast_unsigned() > NO_STALL;
        if silence.cast_unsigned() > NO_LEAP || (window != course.window && window == 0) {
            return None;
        }
        let may_end_stall = is_long && (stream.outstanding() || theirs.outstanding());
        self.room = room;
        let silence = Span::from_nanos(silence);
        Some(Alike {
            own,
            other,
            stream,
            theirs,
            last,
            longest_silence,
            ahead,
            ack,
            len,
            window,
            silence,
            may_end_stall,
        })
    }

    /// A packet of `side` will be held against this soon: whoever reads a place
    /// fetches its cache line.
    #[inline(always)]
    pub fn expect(&self, side: Side) {
        if let Some(lanes) = &self.lanes {
            core::hint::black_box(lanes.streams.client.next ^ lanes.lanes.of(side).course.longest);
        }
    }

    /// The sides, where packets are gathered.
    pub fn lanes(&self) -> Option<&Lanes> {
        if self.is_open { self.lanes.as_deref() } else { None }
    }

    /// The same once more: no packets are gathered for now, and those that were are
    /// about to be taken into account.
    #[inline]
    pub fn close(&mut self) -> Option<&mut Lanes> {
        let was_open = core::mem::take(&mut self.is_open);
        self.room = 0;
        if was_open { self.lanes.as_deref_mut() } else { None }
    }

    /// The shortest round trip of `side` that is not taken into account yet.
    pub fn shortest_trip(&self, side: Side) -> Option<Span> {
        self.lanes()?.lanes.of(side).shortest_trip()
    }

    /// The capture that the packets are in.
    pub const fn capture(&self) -> CaptureId {
        self.capture
    }
}
