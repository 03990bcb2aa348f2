//! Connections that are over and carried nothing: what port scans and floods
//! consist of.
//!
//! A million of them differ in little. Whoever only wants that little takes it
//! from here; all else comes by following the packets after all.

use super::awaited::Awaited;
use super::conversation::{Consumer, TcpFacts, is_silent};
use super::opening::{BarePacket, Opening};
use super::table::{Endpoint, Finished};
use crate::base::{At, BySide, CaptureTime, Side, Span};
use crate::wire::TcpFlags;

/// SYNs of a client, perhaps the server's SYN-ACK, perhaps one reset that
/// answers what came before it; each after the other.
#[derive(Debug)]
pub struct Bare {
    opening: Box<Opening>,
    observed_until: CaptureTime,
    vantage: u16,
}

/// Control bits that say what a packet is: the two of congestion notification
/// (RFC 3168) do not.
const TELLING: u8 = 0x3f;

impl Bare {
    /// The opening gives itself back where it is more than that.
    pub(super) fn of(opening: Box<Opening>, observed_until: CaptureTime, vantage: u16) -> Result<Self, Box<Opening>> {
        let bare = Self { opening, observed_until, vantage };
        if bare.is_plain() { Ok(bare) } else { Err(bare.opening) }
    }

    fn is_plain(&self) -> bool {
        let (isn, ttl) = (self.opening.first().tcp().seq, self.opening.first().ip().ttl);
        let is_plain = |packet: &BarePacket| match packet.tcp().flags.0 & TELLING {
            TcpFlags::SYN => packet.tcp().seq == isn && packet.ip().ttl == ttl,
            SYN_ACK => packet.tcp().ack == isn.wrapping_add(1),
            // An opening keeps no other.
            flags => flags & TcpFlags::RST != 0,
        };
        let mut packets = self.packets();
        let mut before = self.opening.first().at;
        packets.all(|packet| {
            let follows = packet.at.time >= before.time && packet.at.frame.capture == before.frame.capture;
            before = packet.at;
            follows && is_plain(packet)
        })
    }

    pub(super) fn into_opening(self) -> Box<Opening> {
        self.opening
    }

    /// All of its packets, in their order.
    pub fn packets(&self) -> impl DoubleEndedIterator<Item = &BarePacket> + Clone {
        self.opening.packets()
    }

    /// It with all that TCP tells.
    pub fn whole<C: Consumer + Default>(&self) -> Finished<C> {
        let (tcp, consumer): (Box<TcpFacts>, C) = self.opening.follow(None).finish(self.observed_until);
        Finished { tcp, consumer, vantage: self.vantage }
    }

    /// Addresses and ports.
    #[must_use]
    pub fn endpoints(&self) -> BySide<Endpoint> {
        self.opening.endpoints()
    }

    /// The first packet.
    #[must_use]
    pub fn first(&self) -> At {
        self.opening.first().at
    }

    /// The last packet.
    #[must_use]
    pub fn last(&self) -> At {
        self.packets().next_back().map_or(self.first(), |packet| packet.at)
    }

    /// When the capture ended, or when the connection was closed in the table.
    #[must_use]
    pub const fn observed_until(&self) -> CaptureTime {
        self.observed_until
    }

    /// Whether nothing came for so long after its last packet that it ended in
    /// silence, if anything was owed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        is_silent(self.last().time, self.observed_until)
    }

    /// Whether an answer to the client's SYNs was waited for.
    #[must_use]
    pub fn awaited(&self) -> Awaited {
        Awaited::of(self.syns().map(|syn| syn.at.time), self.observed_until)
    }

    /// The client's SYNs; there is one at least.
    pub fn syns(&self) -> impl DoubleEndedIterator<Item = &BarePacket> + Clone {
        self.packets().filter(|packet| packet.tcp().flags.0 & TELLING == TcpFlags::SYN)
    }

    /// The first of them.
    #[must_use]
    pub fn syn(&self) -> &BarePacket {
        self.opening.first()
    }

    /// The server's SYN-ACK.
    #[must_use]
    pub fn answer(&self) -> Option<&BarePacket> {
        self.packets().find(|packet| packet.tcp().flags.0 & TELLING == SYN_ACK)
    }

    /// The reset that ended it, and the side whose address it carries.
    #[must_use]
    pub fn reset(&self) -> Option<(Side, &BarePacket)> {
        let last = self.packets().next_back().filter(|packet| packet.tcp().flags.has(TcpFlags::RST))?;
        // The client resets what was answered, the server what was not.
        Some((if self.answer().is_some() { Side::Client } else { Side::Server }, last))
    }

    /// The round trip to the server: not where more than one SYN may have been
    /// answered.
    #[must_use]
    pub fn round_trip(&self) -> Option<Span> {
        let answer = self.answer().filter(|_| self.syns().nth(1).is_none())?;
        Some(answer.at.time.since(self.first().time))
    }

    /// Initial sequence numbers, as the SYN and the SYN-ACK say them.
    #[must_use]
    pub fn isns(&self) -> BySide<Option<u32>> {
        BySide { client: Some(self.syn().tcp().seq), server: self.answer().map(|answer| answer.tcp().seq) }
    }
}

const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;
