//! Openings: packets without payload, kept until it is known what becomes of
//! them.
//!
//! A SYN that nobody answers, and one that is answered and left alone, are all
//! that a port scan or a flood consists of. They wait here at a twentieth of
//! what a [`Conversation`] takes. Nothing is decided meanwhile: as soon as
//! anything else comes, the packets are taken as if they came now.

use super::conversation::{Consumer, Conversation, Glimpse, RolesFrom};
use super::duplicates::SAME_ID_WINDOW;
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

/// A connection of which only SYNs of the client were seen, and at most one
/// SYN-ACK.
#[derive(Debug)]
pub struct Opening {
    first: BarePacket,
    rest: Vec<BarePacket>,
    last_seen: CaptureTime,
}

/// Packets kept; a client that repeats its SYN more often is followed.
const MAX_PACKETS: usize = 8;

impl Opening {
    /// An opening that begins with `segment`, where it is one.
    pub fn begin(segment: &Segment<'_>, at: At) -> Option<Self> {
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN) && !segment.tcp.flags.has(TcpFlags::ACK);
        (is_syn && is_bare(segment)).then(|| Self {
            first: BarePacket::of(segment, at),
            rest: Vec::new(),
            last_seen: at.time,
        })
    }

    /// Keeps a segment that `side` sent, if it changes nothing that matters yet:
    /// a SYN again or the first SYN-ACK, and no copy.
    #[must_use]
    pub fn keep(&mut self, segment: &Segment<'_>, side: Side, at: At) -> bool {
        let is_answer = segment.tcp.flags.has(TcpFlags::ACK);
        let is_plain = is_bare(segment)
            && segment.tcp.flags.has(TcpFlags::SYN)
            && is_answer == (side == Side::Server)
            && self.rest.len() < MAX_PACKETS - 1
            && !self.is_answered();
        // What comes later than that is no copy of anything.
        let is_apart = is_answer || at.time.since(self.last_seen) > SAME_ID_WINDOW;
        if is_plain && is_apart {
            self.rest.reserve_exact(1);
            self.rest.push(BarePacket::of(segment, at));
            self.last_seen = self.last_seen.max(at.time);
        }
        is_plain && is_apart
    }

    /// Whether a SYN-ACK came.
    pub fn is_answered(&self) -> bool {
        self.rest.last().is_some_and(BarePacket::is_answer)
    }

    /// The last packet's time.
    pub const fn last_seen(&self) -> CaptureTime {
        self.last_seen
    }

    /// What is known of it.
    pub fn glimpse(&self) -> Glimpse {
        Glimpse {
            endpoints: BySide { client: self.first.source(), server: self.first.destination() },
            first: self.first.at,
            last: self.last_seen,
            round_trip: None,
            sent_again: self.rest.iter().filter(|packet| !packet.is_answer()).count() as u64,
            outstanding: true,
            is_sound: self.is_answered(),
        }
    }

    /// As [`Conversation::is_reused_by`].
    pub fn is_reused_by(&self, segment: &Segment<'_>, side: Side) -> bool {
        let is_syn = segment.tcp.flags.has(TcpFlags::SYN) && !segment.tcp.flags.has(TcpFlags::ACK);
        is_syn && !(side == Side::Client && segment.tcp.seq == self.first.tcp.seq)
    }

    /// The conversation that these packets begin; they are written down in
    /// `trace`, where there is one.
    pub fn follow<C: Consumer + Default>(&self, trace: Option<Box<Trace>>) -> Conversation<C> {
        let endpoints = BySide { client: self.first.source(), server: self.first.destination() };
        let mut conversation = Conversation::new(endpoints, RolesFrom::Handshake, self.first.at, C::default());
        conversation.trace = trace;
        for packet in core::iter::once(&self.first).chain(&self.rest) {
            let side = if packet.is_answer() { Side::Server } else { Side::Client };
            conversation.segment(&packet.segment(), side, packet.at);
        }
        conversation
    }
}

/// Nothing but a header, and nothing in it that opens no connection.
const fn is_bare(segment: &Segment<'_>) -> bool {
    segment.payload_len == 0 && segment.tcp.flags.0 & (TcpFlags::RST | TcpFlags::FIN) == 0
}
