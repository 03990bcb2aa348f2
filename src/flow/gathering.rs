//! Packets of a session in progress, gathered before they are taken into
//! account.
//!
//! Nearly all packets of a connection that lives bring the next bytes in order,
//! acknowledge what was sent, and look like the ones before. To take one of them
//! by itself into account is to write the same places over and over: what was
//! last, what the last eight were, how many there are. So such packets are
//! written down in short, and the numbers that decide whether the next one is
//! like them are brought forward. When there is no room for more, when a packet
//! is different, or when the connection ends, all of them are taken into account
//! at once.
//!
//! Law: nothing that can be asked of a connection shows whether its packets were
//! gathered.

use super::duplicates::Header;
use super::stall::MIN_STALL;
use crate::base::{At, BySide, CaptureId, CaptureTime, Frame, Side, Span};
use crate::wire::{Look, Outline, TcpFlags};

/// Packets gathered at most: what is only done for the last eight of each side
/// then weighs little, and a connection is larger by 2.5 KiB.
pub const ROOM: usize = 64;

/// More bytes than this under way and not acknowledged, and sequence numbers
/// could be taken for others.
pub const MAX_UNDER_WAY: i64 = 1 << 30;

/// A packet, in short.
#[derive(Clone, Copy, Debug)]
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
    /// Identification.
    pub id: u16,
    /// Control bits.
    pub flags: TcpFlags,
    /// Who sent it.
    pub side: Side,
}

/// What the next packet of one side is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lane {
    /// What its packets look like.
    pub look: Look,
    /// Its packets carry timestamps.
    pub has_timestamps: bool,
    /// The sequence number of its next byte.
    pub next: u32,
    /// Behind the highest byte that its receiver acknowledged.
    pub acked: u32,
    /// The longest packet, IP header included, that its receiver acknowledged.
    pub longest: u16,
    /// One segment timed at a time: the number behind it, when it passed.
    pub timed: Option<(u32, CaptureTime)>,
}

/// The packets of one connection that are not taken into account yet.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    /// Packets may be gathered.
    is_open: bool,
    lanes: BySide<Lane>,
    capture: CaptureId,
    packets: Vec<Gathered>,
}

/// No wait shorter than this can be a stall.
const NO_STALL: u64 = MIN_STALL.nanos().unsigned_abs();

/// Whether a packet of `side` may end a stall, or shows that the clock ran back.
/// Of a sender that waits for an acknowledgment and has a new thought, nothing is
/// told.
#[cold]
fn may_be_told(side: Side, own: &Lane, other: &Lane, ran_back: bool) -> bool {
    let (client, server) = if side == Side::Client { (own, other) } else { (other, own) };
    let waits = if client.outstanding() { Some(Side::Client) } else { server.outstanding().then_some(Side::Server) };
    ran_back || waits.is_some_and(|waits| waits != side)
}

/// What became of a packet that was gathered.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The round trip that it completes, between the capture point and its sender.
    pub trip: Option<Span>,
    /// There is no room for another one.
    pub is_full: bool,
}

impl Gathered {
    /// What makes it the same packet as another one.
    #[inline]
    pub const fn header(&self) -> Header {
        let Self { seq, ack, flags, window, id, len, timestamps, .. } = *self;
        Header { seq, ack, flags, window, id, len: len as u32, timestamps }
    }
}

impl Lane {
    /// Whether bytes are sent and not acknowledged.
    pub const fn outstanding(&self) -> bool {
        self.next != self.acked
    }
}

impl Gathering {
    /// From now on, packets that go on with these lanes are gathered.
    pub fn open(&mut self, lanes: BySide<Lane>, capture: CaptureId) {
        if self.packets.capacity() == 0 {
            self.packets = Vec::with_capacity(ROOM);
        }
        (self.is_open, self.lanes, self.capture) = (true, lanes, capture);
    }

    /// Takes a packet, if it is like the others; `last`: when the one before it
    /// passed.
    #[inline(always)]
    pub fn take(&mut self, packet: &Outline<'_>, side: Side, at: At, last: CaptureTime) -> Option<Taken> {
        let (own, other) = self.lanes.pair_mut(side);
        let len = packet.payload.len() as u32;
        let ack = packet.ack();
        let ahead = ack.wrapping_sub(other.acked);
        let is_alike = packet.look() == own.look
            && packet.has_timestamps() == own.has_timestamps
            && packet.window() > 0
            && packet.total_len() <= own.longest
            && at.frame.capture == self.capture
            && self.is_open;
        // One that says nothing new may be a copy, or show a hole.
        let is_next = packet.seq() == own.next && ahead <= other.next.wrapping_sub(other.acked) && (len | ahead) > 0;
        if !(is_next && is_alike) {
            return None;
        }
        // Negative where the clock ran back: then far more.
        let silence = at.time.nanos().wrapping_sub(last.nanos());
        if silence.cast_unsigned() > NO_STALL && may_be_told(side, own, other, at.time < last) {
            return None;
        }
        let mut trip = None;
        if ahead > 0 {
            other.acked = ack;
            if let Some((end, sent)) = other.timed
                && ack.wrapping_sub(end).cast_signed() >= 0
            {
                other.timed = None;
                trip = Some(at.time.since(sent));
            }
        }
        if len > 0 {
            own.next = own.next.wrapping_add(len);
            if own.timed.is_none() {
                own.timed = Some((own.next, at.time));
            }
        }
        self.packets.push(Gathered {
            time: at.time,
            frame: at.frame.number,
            seq: packet.seq(),
            ack,
            timestamps: packet.timestamps().unwrap_or_default(),
            len: len as u16,
            window: packet.window(),
            id: packet.id(),
            flags: packet.flags(),
            side,
        });
        Some(Taken { trip, is_full: self.packets.len() == ROOM })
    }

    /// The packets are about to be taken into account.
    pub fn take_all(&mut self) -> Vec<Gathered> {
        core::mem::take(&mut self.packets)
    }

    /// They have been: their room is free for others.
    pub fn reuse(&mut self, mut packets: Vec<Gathered>) {
        packets.clear();
        self.packets = packets;
    }

    /// No more packets are gathered for now.
    pub const fn close(&mut self) {
        self.is_open = false;
    }

    /// Whether some are not taken into account yet.
    #[inline]
    pub const fn is_pending(&self) -> bool {
        !self.packets.is_empty()
    }

    /// What the lanes have come to, where packets are gathered.
    pub fn lanes(&self) -> Option<&BySide<Lane>> {
        self.is_open.then_some(&self.lanes)
    }

    /// The lane of one side.
    pub const fn lane(&self, side: Side) -> &Lane {
        self.lanes.of(side)
    }

    /// Whether more is under way than can be told by its numbers.
    pub fn is_ambiguous(&self) -> bool {
        let is_far = |lane: &Lane| i64::from(lane.next.wrapping_sub(lane.acked)) > MAX_UNDER_WAY;
        is_far(&self.lanes.client) || is_far(&self.lanes.server)
    }

    /// Where one of the packets was.
    #[inline]
    pub const fn at(&self, packet: &Gathered) -> At {
        At { frame: Frame { capture: self.capture, number: packet.frame }, time: packet.time }
    }
}
