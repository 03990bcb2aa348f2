//! Openings: packets without payload, kept until it is known what becomes of
//! them.
//!
//! A SYN that nobody answers, one that is refused, and one that is answered and
//! left alone or taken back, are all that a port scan or a flood consists of.
//! They wait here at a twentieth of what a [`Conversation`] takes. Nothing is
//! decided meanwhile: as soon as anything else comes, the packets are taken as if
//! they came now.

use super::conversation::{Consumer, Conversation, Glimpse, RolesFrom};
use super::duplicates::SAME_ID_WINDOW;
use super::queues::Kind;
use super::table::Endpoint;
use super::trace::Trace;
use crate::base::{At, BySide, CaptureTime, Side};
use crate::wire::{IpFacts, Segment, TcpFlags, TcpHeader};

/// A packet without payload, owned.
#[derive(Clone, Copy, Debug)]
pub struct BarePacket {
    ip: IpFacts,
    source_mac: Option<[u8; 6]>,
    vlan: Option<u16>,
    tunnels: u8,
    tcp: TcpHeader,
    /// Where it was.
    pub at: At,
}

impl BarePacket {
    /// What is left of `segment` without its payload.
    pub const fn of(segment: &Segment<'_>, at: At) -> Self {
        let Segment { ip, source_mac, vlan, tunnels, tcp, .. } = *segment;
        Self { ip, source_mac, vlan, tunnels, tcp, at }
    }

    /// As the segment it was.
    pub const fn segment(&self) -> Segment<'static> {
        let Self { ip, source_mac, vlan, tunnels, tcp, .. } = *self;
        Segment { ip, source_mac, vlan, tunnels, tcp, payload: &[], payload_len: 0 }
    }

    /// As the opening of streams that begin so many bytes later: what stood
    /// before belongs to somebody else.
    #[must_use]
    pub fn later(mut self, from_client: bool, bytes: BySide<u32>) -> Self {
        let (own, other) = if from_client { (bytes.client, bytes.server) } else { (bytes.server, bytes.client) };
        self.tcp.seq = self.tcp.seq.wrapping_add(own);
        if self.tcp.flags.has(TcpFlags::ACK) {
            self.tcp.ack = self.tcp.ack.wrapping_add(other);
        }
        self
    }

    /// Its IP header.
    pub const fn ip(&self) -> &IpFacts {
        &self.ip
    }

    /// Its header.
    pub const fn tcp(&self) -> &TcpHeader {
        &self.tcp
    }

    /// Who sent it.
    pub const fn source(&self) -> Endpoint {
        Endpoint { ip: self.ip.src, port: self.tcp.source_port }
    }

    fn destination(&self) -> Endpoint {
        Endpoint { ip: self.ip.dst, port: self.tcp.destination_port }
    }

    const fn is_answer(&self) -> bool {
        self.tcp.flags.has(TcpFlags::ACK)
    }
}

/// A connection of which only SYNs of the client were seen, at most one SYN-ACK,
/// and at most one reset, behind all others.
#[derive(Debug)]
pub struct Opening {
    first: BarePacket,
    rest: Vec<BarePacket>,
    last_seen: CaptureTime,
    is_reset: bool,
}

/// Most openings that go on have two packets more: two SYNs again, or an answer
/// and a reset.
const ROOM: usize = 2;

/// Packets kept; a client that repeats its SYN more often is followed.
const MAX_PACKETS: usize = 8;

impl Opening {
    /// Whether `segment` begins one.
    pub const fn is_begun_by(segment: &Segment<'_>) -> bool {
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN) && !segment.tcp.flags.has(TcpFlags::ACK);
        is_syn && is_bare(segment)
    }

    fn begin(segment: &Segment<'_>, at: At) -> Self {
        Self { first: BarePacket::of(segment, at), rest: Vec::new(), last_seen: at.time, is_reset: false }
    }

    fn begin_anew(&mut self, segment: &Segment<'_>, at: At) {
        self.rest.clear();
        let rest = core::mem::take(&mut self.rest);
        *self = Self { rest, ..Self::begin(segment, at) };
    }

    /// Keeps a segment that `side` sent, if it changes nothing that matters yet:
    /// a SYN again or the first SYN-ACK, and no copy; or a reset that ends it.
    #[must_use]
    pub fn keep(&mut self, segment: &Segment<'_>, side: Side, at: At) -> bool {
        if self.is_reset || self.rest.len() >= MAX_PACKETS - 1 {
            return false;
        }
        let is_reset = segment.tcp.flags.has(TcpFlags::RST);
        let keeps = if is_reset { self.is_ended_by(segment, side) } else { self.goes_on_with(segment, side, at) };
        if keeps {
            if self.rest.len() == self.rest.capacity() {
                self.rest.reserve_exact(ROOM);
            }
            self.rest.push(BarePacket::of(segment, at));
            self.last_seen = self.last_seen.max(at.time);
            self.is_reset = is_reset;
        }
        keeps
    }

    /// Whether it is a SYN again, or the first SYN-ACK.
    fn goes_on_with(&self, segment: &Segment<'_>, side: Side, at: At) -> bool {
        let is_answer = segment.tcp.flags.has(TcpFlags::ACK);
        let is_plain = is_bare(segment)
            && segment.tcp.flags.has(TcpFlags::SYN)
            && is_answer == (side == Side::Server)
            && !self.is_answered();
        // What comes later than that is no copy of anything.
        let is_apart = is_answer || at.time.since(self.last_seen) > SAME_ID_WINDOW;
        is_plain && is_apart
    }

    /// Whether it is a reset that its receiver obeys (RFC 9293 §3.10.7): the
    /// server refuses the SYN, or the client takes back what was answered.
    fn is_ended_by(&self, segment: &Segment<'_>, side: Side) -> bool {
        let tcp = &segment.tcp;
        let next = self.first.tcp.seq.wrapping_add(1);
        let is_simple = segment.payload_len == 0 && tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) == 0;
        let fits = match side {
            Side::Server => !self.is_answered() && tcp.flags.has(TcpFlags::ACK) && tcp.ack == next,
            Side::Client => self.is_answered() && tcp.seq == next,
        };
        is_simple && fits
    }

    /// Whether a SYN-ACK came.
    pub fn is_answered(&self) -> bool {
        let is_answer = |packet: &BarePacket| packet.tcp.flags.has(TcpFlags::SYN) && packet.is_answer();
        self.rest.iter().rev().take(2).any(is_answer)
    }

    /// What it waits for.
    pub fn kind(&self) -> Kind {
        match (self.is_reset, self.is_answered()) {
            (true, _) => Kind::Closed,
            (false, true) => Kind::Open,
            (false, false) => Kind::HalfOpen,
        }
    }

    /// The first packet.
    pub const fn first(&self) -> &BarePacket {
        &self.first
    }

    /// All packets, in their order.
    pub fn packets(&self) -> impl DoubleEndedIterator<Item = &BarePacket> + Clone {
        core::iter::once(&self.first).chain(&self.rest)
    }

    /// Addresses and ports.
    pub fn endpoints(&self) -> BySide<Endpoint> {
        BySide { client: self.first.source(), server: self.first.destination() }
    }

    /// The last packet's time.
    pub const fn last_seen(&self) -> CaptureTime {
        self.last_seen
    }

    /// What is known of it.
    pub fn glimpse(&self) -> Glimpse {
        Glimpse {
            endpoints: self.endpoints(),
            first: self.first.at,
            last: self.last_seen,
            round_trip: None,
            sent_again: self.rest.iter().filter(|packet| !packet.is_answer()).count() as u64,
            outstanding: true,
            is_sound: self.is_answered(),
        }
    }

    /// As [`Conversation::is_reused_by`].
    pub fn is_reused_by(&self, segment: &Segment<'_>, side: Side, at: At) -> bool {
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN) && !segment.tcp.flags.has(TcpFlags::ACK);
        let is_the_same = side == Side::Client && segment.tcp.seq == self.first.tcp.seq;
        let elsewhere = self.is_reset && self.is_answered() && at.frame.capture != self.first.at.frame.capture;
        is_syn && (elsewhere || !is_the_same)
    }

    /// The conversation that these packets begin; they are written down in
    /// `trace`, where there is one.
    pub fn follow<C: Consumer + Default>(&self, trace: Option<Box<Trace>>) -> Box<Conversation<C>> {
        let endpoints = self.endpoints();
        // In its place from the start: it is large to move.
        let mut conversation =
            Box::new(Conversation::new(endpoints, RolesFrom::Handshake, self.first.at, C::default()));
        conversation.trace = trace;
        for packet in self.packets() {
            let side = if packet.source() == endpoints.client { Side::Client } else { Side::Server };
            conversation.segment(&packet.segment(), side, packet.at);
        }
        conversation
    }
}

/// As many as are over at a time, and more: of a scan each takes the room of
/// another one.
const MAX_SPARE: usize = 256;

/// The room of openings that are over.
#[derive(Debug, Default)]
pub struct Spare {
    #[expect(clippy::vec_box, reason = "what is over was in a box, and what begins will be")]
    openings: Vec<Box<Opening>>,
}

impl Spare {
    /// An opening that begins with `segment`.
    pub fn begin(&mut self, segment: &Segment<'_>, at: At) -> Box<Opening> {
        match self.openings.pop() {
            Some(mut opening) => {
                opening.begin_anew(segment, at);
                opening
            }
            None => Box::new(Opening::begin(segment, at)),
        }
    }

    /// It is over.
    pub fn take_back(&mut self, opening: Box<Opening>) {
        if self.openings.len() < MAX_SPARE {
            self.openings.push(opening);
        }
    }
}

/// Nothing but a header, and nothing in it that opens no connection.
const fn is_bare(segment: &Segment<'_>) -> bool {
    segment.payload_len == 0 && segment.tcp.flags.0 & (TcpFlags::RST | TcpFlags::FIN) == 0
}
