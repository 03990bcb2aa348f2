//! The cheap look: most frames of most captures are not worth decoding, and
//! fixed offsets tell which.
//!
//! It answers only for the plain shapes: Ethernet with up to two tags, Linux
//! cooked, loopback or raw; IPv4 without fragmentation or IPv6 without extension
//! headers; a TCP or UDP header captured whole, and no port of a tunnel.
//!
//! Law: where it says TCP or UDP, [`decode`](super::decode) says so too, with the
//! same ports, flags and payload.

use super::{TcpFlags, ether, link, sll, tcp, udp, vlan};
use crate::base::{Cursor, LinkType};

/// What a cheap look at a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance<'a> {
    /// A TCP segment, not in a tunnel that we remove.
    Tcp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
        /// Control bits.
        flags: TcpFlags,
        /// The captured payload, padding and trailers removed.
        payload: &'a [u8],
    },
    /// A UDP datagram that is not a tunnel.
    Udp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// Only [`decode`](super::decode) can tell.
    Unclear,
}

/// Looks at `frame`; never wrong, often [`Glance::Unclear`].
#[must_use]
#[inline]
pub fn peek(link: LinkType, frame: &[u8]) -> Glance<'_> {
    transport(link, frame).unwrap_or(Glance::Unclear)
}

fn transport(link: LinkType, frame: &[u8]) -> Option<Glance<'_>> {
    let (protocol, body) = match network(link, frame)? {
        Network::V4(packet) => inside_ipv4(packet)?,
        Network::V6(packet) => inside_ipv6(packet)?,
    };
    match protocol {
        super::ip::TCP => inside_tcp(body),
        super::ip::UDP => inside_udp(body),
        _ => None,
    }
}

/// An IP packet whose version is as announced.
enum Network<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

impl<'a> Network<'a> {
    /// What `ether_type` announces.
    fn announced(ether_type: u16, packet: &'a [u8]) -> Option<Self> {
        match (ether_type, packet.first()? >> 4) {
            (ether::IPV4, 4) => Some(Self::V4(packet)),
            (ether::IPV6, 6) => Some(Self::V6(packet)),
            _ => None,
        }
    }

    /// What the packet itself says.
    fn raw(packet: &'a [u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Some(Self::V4(packet)),
            6 => Some(Self::V6(packet)),
            _ => None,
        }
    }
}

fn network(link: LinkType, frame: &[u8]) -> Option<Network<'_>> {
    match link {
        LinkType::ETHERNET => after_tags(frame.get(ether::HEADER_LEN - 2..)?),
        LinkType::LINUX_SLL => after_cooked(frame, sll::Header::v1),
        LinkType::LINUX_SLL2 => after_cooked(frame, sll::Header::v2),
        LinkType::NULL | LinkType::LOOP => {
            let (&family, packet) = frame.split_first_chunk()?;
            if link::is_internet_family(family) { Network::raw(packet) } else { None }
        }
        LinkType::RAW | LinkType::RAW_OLD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Network::raw(frame)
        }
        _ => None,
    }
}

/// `bytes` begin at the EtherType.
fn after_tags(bytes: &[u8]) -> Option<Network<'_>> {
    let mut bytes = bytes;
    for _ in 0..=MAX_TAGS {
        let (&ether_type, rest) = bytes.split_first_chunk()?;
        let ether_type = u16::from_be_bytes(ether_type);
        if !vlan::is_tag(ether_type) {
            return Network::announced(ether_type, rest);
        }
        bytes = rest.get(vlan::TAG_LEN - 2..)?;
    }
    None
}

fn after_cooked<'a, E>(
    frame: &'a [u8],
    header: impl Fn(&mut Cursor<'a>) -> Result<sll::Header, E>,
) -> Option<Network<'a>> {
    let mut cursor = Cursor::new("sll", frame);
    let ether_type = header(&mut cursor).ok()?.ether_type()?;
    Network::announced(ether_type, cursor.rest())
}

/// Protocol and payload; nothing for a fragment.
fn inside_ipv4(packet: &[u8]) -> Option<(u8, &[u8])> {
    let &[version_len, _, len_1, len_2, _, _, fragment_1, fragment_2, _, protocol] = packet.first_chunk()?;
    let header_len = usize::from(version_len & 0x0f).checked_mul(4).filter(|&len| len >= 20)?;
    if u16::from_be_bytes([fragment_1, fragment_2]) & MORE_FRAGMENTS_AND_OFFSET != 0 {
        return None;
    }
    let whole = match u16::from_be_bytes([len_1, len_2]) {
        0 => packet,
        len => packet.get(..usize::from(len)).unwrap_or(packet),
    };
    Some((protocol, whole.get(header_len..)?))
}

/// Next header and payload.
fn inside_ipv6(packet: &[u8]) -> Option<(u8, &[u8])> {
    let (&[_, _, _, _, len_1, len_2, next_header, ..], body) = packet.split_first_chunk::<40>()?;
    let body = match u16::from_be_bytes([len_1, len_2]) {
        0 => body,
        len => body.get(..usize::from(len)).unwrap_or(body),
    };
    Some((next_header, body))
}

fn inside_tcp(segment: &[u8]) -> Option<Glance<'_>> {
    let &[src_1, src_2, dst_1, dst_2, _, _, _, _, _, _, _, _, offset, flags] = segment.first_chunk()?;
    let header_len = usize::from(offset >> 4).checked_mul(4).filter(|&len| len >= tcp::HEADER_LEN)?;
    Some(Glance::Tcp {
        source_port: u16::from_be_bytes([src_1, src_2]),
        destination_port: u16::from_be_bytes([dst_1, dst_2]),
        flags: TcpFlags(flags),
        payload: segment.get(header_len..)?,
    })
}

fn inside_udp(datagram: &[u8]) -> Option<Glance<'_>> {
    let &[src_1, src_2, dst_1, dst_2, len_1, len_2, _, _] = datagram.first_chunk()?;
    let destination_port = u16::from_be_bytes([dst_1, dst_2]);
    let is_sound = matches!(u16::from_be_bytes([len_1, len_2]), 0 | udp::HEADER_LEN..);
    if !is_sound || udp::is_tunnel_port(destination_port) {
        return None;
    }
    Some(Glance::Udp { source_port: u16::from_be_bytes([src_1, src_2]), destination_port })
}

/// Tags looked through here; more is left to `decode`.
const MAX_TAGS: usize = 2;
const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;
