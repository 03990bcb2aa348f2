//! One side of a gathering: its packets in short, and what was counted of them.
//!
//! Where hundreds of connections take turns, what costs most of a packet is to
//! fetch what is known of its connection. So what one packet needs lies in few
//! cache lines, and what it needs only sometimes in others.

use core::num::NonZero;

use super::Stream;
use crate::base::{At, CaptureId, CaptureTime, Frame, Span};
use crate::flow::duplicates::Header;
use crate::flow::flights::{Flights, REMEMBERED as REMEMBERED_FLIGHTS};
use crate::flow::rtt::Rtt;
use crate::wire::{Look, TcpFlags};

/// Packets written down in short of each kind: as many as are remembered of the
/// last packets, whatever for.
pub const KEPT: usize = 8;

/// Acknowledgments written down.
pub const KEPT_ACKS: usize = 16;

/// What the next packet of one side is held against, and what was counted of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// What its packets look like.
    pub look: Look,
    /// Its last acknowledgment of new bytes.
    pub last_ack: Moment,
    /// The longest packet, IP header included, that its receiver acknowledged.
    pub longest: u32,
    /// The identification that follows the last one; beyond 16 bits none does.
    pub next_id: u32,
    /// The newest timestamp.
    pub tsval: u32,
    /// Packets with data, and without.
    pub data: u32,
    /// See [`data`](Self::data).
    pub bare: u32,
    /// Identifications that followed each other and are not learned yet.
    pub ids: u32,
    /// Its acknowledgments of new bytes.
    pub acks: u32,
    /// The window that it offers, unscaled, which is open.
    pub window: u16,
    /// What IP header, TCP header and options take of each packet.
    pub headers: u8,
    /// Its packets carry timestamps.
    pub has_timestamps: bool,
}

const _: () = assert!(size_of::<Course>() == 64);

impl Course {
    /// Packets gathered.
    pub const fn packets(&self) -> u32 {
        self.data.wrapping_add(self.bare)
    }
}

/// An acknowledgment of new bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledgment {
    number: u32,
    /// One nanosecond more than the round trip that it measured.
    trip: Option<NonZero<u32>>,
}

/// Data sent until all of it was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    first: Moment,
    landed: Moment,
}

/// One side of a gathering.
// Not aligned to cache lines: what the allocator leaves between aligned blocks was
// 1.3 MiB for 500 connections.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Lane {
    /// Where it has come to.
    pub course: Course,
    data: [Gathered; KEPT],
    bare: [Gathered; KEPT],
    /// Its last acknowledgments of new bytes; the oldest is written over.
    acks: [Acknowledgment; KEPT_ACKS],
    /// The last flights of its data; the oldest is written over.
    flights: [Flight; REMEMBERED_FLIGHTS],
    data_timestamps: [Timestamps; KEPT],
    bare_timestamps: [Timestamps; KEPT],
    /// Acknowledgments whose round trips were taken into account.
    taken: u32,
}

impl Lane {
    /// Nothing is gathered yet.
    pub(super) fn begin(&mut self, course: Course) {
        (self.course, self.taken) = (course, 0);
        // The others are written before they are read; and timestamps are, or never
        // were: a sender that has them once is taken to have them always.
        if let Some(before) = self.flights.first_mut() {
            *before = Flight::default();
        }
    }

    /// The last packets with data, newest first.
    pub fn newest_data(&self) -> impl Iterator<Item = (&Gathered, Timestamps)> {
        newest(&self.data, &self.data_timestamps, self.course.data)
    }

    /// The last packets, newest first: as many as are kept of those with data.
    pub fn newest(&self) -> impl Iterator<Item = (&Gathered, Timestamps)> {
        let mut data = self.newest_data().peekable();
        let mut bare = newest(&self.bare, &self.bare_timestamps, self.course.bare).peekable();
        core::iter::from_fn(move || match (data.peek(), bare.peek()) {
            (Some((with, _)), Some((without, _))) if with.frame < without.frame => bare.next(),
            (None, _) => bare.next(),
            _ => data.next(),
        })
        .take(KEPT)
    }

    /// Writes a packet down.
    #[inline(always)]
    pub fn keep(&mut self, packet: Gathered, timestamps: Option<Timestamps>) {
        let (ring, stamps, count) = if packet.len > 0 {
            (&mut self.data, &mut self.data_timestamps, &mut self.course.data)
        } else {
            (&mut self.bare, &mut self.bare_timestamps, &mut self.course.bare)
        };
        let place = *count as usize % KEPT;
        if let Some(oldest) = ring.get_mut(place) {
            *oldest = packet;
        }
        if let (Some(timestamps), Some(oldest)) = (timestamps, stamps.get_mut(place)) {
            *oldest = timestamps;
        }
        *count = count.wrapping_add(1);
    }

    /// Bytes of the other side are acknowledged for the first time, up to `number`:
    /// `sent` is when the segment that is timed passed, if it is among them.
    #[inline(always)]
    pub fn acknowledges(&mut self, number: u32, sent: Option<CaptureTime>, at: At, rtt: &mut Rtt) {
        self.course.last_ack = Moment::of(at);
        let trip = sent.map(|sent| at.time.since(sent));
        let short = trip.and_then(|trip| NonZero::new(u32::try_from(trip.nanos()).ok()?.wrapping_add(1)));
        if let (Some(trip), None) = (trip, short) {
            self.take_trips(rtt);
            rtt.sample(trip);
        }
        let place = self.course.acks as usize % KEPT_ACKS;
        if let Some(oldest) = self.acks.get_mut(place) {
            *oldest = Acknowledgment { number, trip: short };
        }
        self.course.acks = self.course.acks.wrapping_add(1);
        if place == KEPT_ACKS - 1 {
            self.take_trips(rtt);
        }
    }

    /// Takes the round trips into account that its acknowledgments measured.
    #[cold]
    #[inline(never)]
    pub fn take_trips(&mut self, rtt: &mut Rtt) {
        rtt.sample_all(self.trips());
        self.taken = self.course.acks;
    }

    /// The round trips that are not taken into account yet.
    fn trips(&self) -> impl Iterator<Item = Span> {
        let new = self.taken..self.course.acks;
        new.filter_map(|n| self.acks.get(n as usize % KEPT_ACKS)?.trip).map(trip_of)
    }

    /// The shortest round trip that is not taken into account yet.
    pub fn shortest_trip(&self) -> Option<Span> {
        self.trips().min()
    }

    /// The last acknowledgments, newest first.
    pub fn newest_acks(&self) -> impl Iterator<Item = u32> {
        let (count, filled) = (self.course.acks as usize, (self.course.acks as usize).min(KEPT_ACKS));
        let of = move |back| self.acks.get(count.wrapping_sub(back) % KEPT_ACKS);
        (1..=filled).filter_map(of).map(|ack| ack.number)
    }

    /// Data is sent, and before it nothing was under way.
    #[inline(always)]
    pub fn begins(&mut self, stream: &mut Stream, at: At) {
        if let Some(oldest) = self.flights.get_mut(stream.flights as usize % REMEMBERED_FLIGHTS) {
            *oldest = Flight { first: Moment::of(at), landed: Moment::default() };
        }
        stream.flights = stream.flights.wrapping_add(1);
    }

    /// All that was sent is acknowledged.
    #[inline(always)]
    pub fn lands(&mut self, stream: &Stream, at: At) {
        if let Some(newest) = self.flights.get_mut(stream.flights.wrapping_sub(1) as usize % REMEMBERED_FLIGHTS)
            && newest.landed.frame == 0
        {
            newest.landed = Moment::of(at);
        }
    }

    /// Brings the flights up to now.
    pub fn take_flights(&self, stream: &Stream, flights: &mut Flights, capture: CaptureId) {
        let first = stream.flights.saturating_sub(REMEMBERED_FLIGHTS as u32);
        // The first of all was under way before.
        flights.forget(first.saturating_sub(1));
        for n in first..stream.flights {
            let Some(flight) = self.flights.get(n as usize % REMEMBERED_FLIGHTS) else { continue };
            if n > 0 {
                flights.begin(flight.first.at(capture));
            }
            if let Some(landed) = flight.landed.known(capture) {
                flights.land(landed);
            }
        }
    }
}

const fn trip_of(trip: NonZero<u32>) -> Span {
    Span::from_nanos(trip.get() as i64 - 1)
}

fn newest<'l>(
    ring: &'l [Gathered; KEPT],
    timestamps: &'l [Timestamps; KEPT],
    count: u32,
) -> impl Iterator<Item = (&'l Gathered, Timestamps)> {
    let filled = (count as usize).min(KEPT);
    let place = move |back| (count as usize).wrapping_sub(back) % KEPT;
    (1..=filled).map(place).filter_map(|place| Some((ring.get(place)?, *timestamps.get(place)?)))
}

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
    /// Length of the payload.
    pub len: u16,
    /// Window, unscaled.
    pub window: u16,
    /// Identification; 0 where there is none.
    pub id: u16,
    /// Control bits.
    pub flags: TcpFlags,
}

// Two to a cache line.
const _: () = assert!(size_of::<Gathered>() == 32);

impl Gathered {
    /// Where it was.
    pub const fn at(&self, capture: CaptureId) -> At {
        Moment { time: self.time, frame: self.frame }.at(capture)
    }

    /// What makes it the same packet as another one.
    #[inline]
    pub const fn header(&self, timestamps: Timestamps) -> Header {
        let Self { seq, ack, flags, window, id, len, .. } = *self;
        Header { seq, ack, flags, window, id, len: len as u32, timestamps }
    }
}

/// The timestamp option: value and echo.
pub type Timestamps = (u32, u32);

/// A place in the capture that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    time: CaptureTime,
    /// 0: none.
    frame: u64,
}

impl Moment {
    const fn of(at: At) -> Self {
        Self { time: at.time, frame: at.frame.number }
    }

    /// The same as it is told outside.
    pub const fn at(self, capture: CaptureId) -> At {
        At { frame: Frame { capture, number: self.frame }, time: self.time }
    }

    /// The same, where it is one.
    fn known(self, capture: CaptureId) -> Option<At> {
        (self.frame > 0).then(|| self.at(capture))
    }
}
