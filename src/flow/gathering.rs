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

use super::duplicates::Header;
use super::leap::JUDGED_AS_IT_IS;
use super::stall::MIN_STALL;
use crate::base::{At, BySide, CaptureId, CaptureTime, Frame, Side, Span};
use crate::wire::{Look, Outline, TcpFlags};

/// Packets written down in short of each kind: as many as are remembered of the
/// last packets, whatever for.
pub const KEPT: usize = 8;

/// Acknowledgments written down.
pub const KEPT_ACKS: usize = 16;

/// Packets gathered in one go: half a GiB of data at most, so that with what was
/// [under way](MAX_UNDER_WAY) before no sequence number can be taken for another.
const MAX_GATHERED: u16 = 8_192;

/// Bytes under way when gathering begins.
pub const MAX_UNDER_WAY: i64 = 1 << 30;

/// No wait shorter than this can be a stall.
const NO_STALL: u64 = MIN_STALL.nanos().unsigned_abs();

/// Nanoseconds, of which the sender's clock need not be asked.
const NO_LEAP: u64 = JUDGED_AS_IT_IS.nanos().unsigned_abs();

/// A packet, in short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gathered {
    /// When it passed.
    pub time: CaptureTime,
    /// The number of its frame.
    pub frame: u64,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The timestamp option, where its [lane](Lane) has it.
    pub timestamps: (u32, u32),
    /// Length of the payload.
    pub len: u16,
    /// Window, unscaled.
    pub window: u16,
    /// Identification; 0 where there is none.
    pub id: u16,
    /// Control bits.
    pub flags: TcpFlags,
}

impl Gathered {
    /// Where it was.
    pub const fn at(&self, capture: CaptureId) -> At {
        At { frame: Frame { capture, number: self.frame }, time: self.time }
    }

    /// What makes it the same packet as another one.
    #[inline]
    pub const fn header(&self) -> Header {
        let Self { seq, ack, flags, window, id, len, timestamps, .. } = *self;
        Header { seq, ack, flags, window, id, len: len as u32, timestamps }
    }
}

/// What the next packet of one side is held against, and what was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// What its packets look like.
    pub look: Look,
    /// Its packets carry timestamps.
    pub has_timestamps: bool,
    /// The sequence number of its next byte.
    pub next: u32,
    /// Behind the highest byte that its receiver acknowledged.
    pub acked: u32,
    /// The longest packet, IP header included, that its receiver acknowledged.
    pub longest: u32,
    /// What IP header, TCP header and options take of each packet.
    pub headers: u32,
    /// The window that it offers, unscaled, which is open.
    pub window: u16,
    /// One segment timed at a time: the number behind it, when it passed.
    pub timed: Option<(u32, CaptureTime)>,
    /// The identification that follows the last one; beyond 16 bits none does.
    pub next_id: u32,
    /// The newest timestamp.
    pub tsval: u32,
    /// When its last packet passed.
    pub last: CaptureTime,
    /// Packets with data, and without.
    pub data: u32,
    /// See [`data`](Self::data).
    pub bare: u32,
    /// Identifications that followed each other and are not learned yet.
    pub ids: u32,
    /// Acknowledgments of new bytes by its receiver.
    pub acks: u32,
    /// The last of them.
    pub last_ack: (CaptureTime, u64),
}

impl Course {
    /// Whether bytes are sent and not acknowledged.
    pub const fn outstanding(&self) -> bool {
        self.next != self.acked
    }

    /// Packets gathered.
    pub const fn packets(&self) -> u32 {
        self.data.wrapping_add(self.bare)
    }
}

/// One side of a gathering.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Where it has come to.
    pub course: Course,
    /// The last acknowledgments of new bytes by its receiver; the oldest is
    /// written over.
    pub acks: [u32; KEPT_ACKS],
    data: [Gathered; KEPT],
    bare: [Gathered; KEPT],
}

impl Lane {
    /// The last packets with data, newest first.
    pub fn newest_data(&self) -> impl Iterator<Item = &Gathered> {
        newest(&self.data, self.course.data)
    }

    /// The last packets, newest first: as many as are kept of those with data.
    pub fn newest(&self) -> impl Iterator<Item = &Gathered> {
        let mut data = self.newest_data().peekable();
        let mut bare = newest(&self.bare, self.course.bare).peekable();
        core::iter::from_fn(move || match (data.peek(), bare.peek()) {
            (Some(with), Some(without)) if with.frame < without.frame => bare.next(),
            (None, _) => bare.next(),
            _ => data.next(),
        })
        .take(KEPT)
    }

    /// Writes a packet down.
    #[inline(always)]
    pub fn keep(&mut self, packet: Gathered) {
        let (ring, count) = if packet.len > 0 {
            (&mut self.data, &mut self.course.data)
        } else {
            (&mut self.bare, &mut self.course.bare)
        };
        if let Some(oldest) = ring.get_mut(*count as usize % KEPT) {
            *oldest = packet;
        }
        *count = count.wrapping_add(1);
    }
}

fn newest(ring: &[Gathered; KEPT], count: u32) -> impl Iterator<Item = &Gathered> {
    let filled = (count as usize).min(KEPT);
    (1..=filled).filter_map(move |back| ring.get((count as usize).wrapping_sub(back) % KEPT))
}

/// The packets of one connection that are not taken into account yet.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    is_open: bool,
    /// So many more packets may be gathered.
    room: u16,
    capture: CaptureId,
    // Boxed: most connections that a scan makes never get so far.
    lanes: Option<Box<BySide<Lane>>>,
}

/// A packet that is like the others of its connection.
#[derive(Debug)]
pub struct Alike<'g> {
    /// The side that sent it, and the other one.
    pub own: &'g mut Lane,
    /// See [`own`](Self::own).
    pub other: &'g mut Lane,
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
    /// From now on, packets that go on from here are gathered.
    pub fn open(&mut self, courses: BySide<Course>, capture: CaptureId) {
        let lanes = self.lanes.get_or_insert_default();
        (lanes.client.course, lanes.server.course) = (courses.client, courses.server);
        (self.is_open, self.room, self.capture) = (true, MAX_GATHERED, capture);
    }

    /// Whether a packet is like the others; `last`: the connection's last one.
    #[inline(always)]
    pub fn alike<const HEADERS: usize>(
        &mut self,
        packet: &Outline<'_, HEADERS>,
        side: Side,
        at: At,
        last: At,
    ) -> Option<Alike<'_>> {
        let room = self.room.checked_sub(1)?;
        let (own, other) = self.lanes.as_mut()?.pair_mut(side);
        let (course, theirs) = (&own.course, &other.course);
        let ack = packet.ack();
        let (len, window, ahead) = (packet.payload.len() as u16, packet.window(), ack.wrapping_sub(theirs.acked));
        if packet.seq() != course.next || ahead > theirs.next.wrapping_sub(theirs.acked) {
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
        let may_end_stall = is_long && (course.outstanding() || theirs.outstanding());
        self.room = room;
        Some(Alike { own, other, ahead, ack, len, window, silence: Span::from_nanos(silence), may_end_stall })
    }

    /// The sides, where packets are gathered.
    pub fn lanes(&self) -> Option<&BySide<Lane>> {
        if self.is_open { self.lanes.as_deref() } else { None }
    }

    /// The same once more: no packets are gathered for now, and those that were are
    /// about to be taken into account.
    #[inline]
    pub fn close(&mut self) -> Option<&BySide<Lane>> {
        let was_open = core::mem::take(&mut self.is_open);
        self.room = 0;
        if was_open { self.lanes.as_deref() } else { None }
    }

    /// The capture that the packets are in.
    pub const fn capture(&self) -> CaptureId {
        self.capture
    }
}
