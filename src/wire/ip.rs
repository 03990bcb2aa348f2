//! What IPv4 and IPv6 have in common: a packet, perhaps a fragment, and the
//! protocol inside.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, IpFacts, extension, gre, icmp, ipv4, ipv6, mpls, segment, tcp, udp};

/// An IP packet whose own header has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Facts of the header.
    pub(super) ip: IpFacts,
    /// The protocol of `body`: for IPv6 perhaps an extension header.
    pub(super) protocol: u8,
    /// Which part of a fragmented packet this is.
    pub(super) part: Option<Part>,
    /// What follows the header.
    pub(super) body: Extent<'a>,
}

/// The place of a fragment in its packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Identification.
    pub(super) id: u32,
    /// Byte offset in the whole payload.
    pub(super) offset: u32,
    /// Whether further fragments follow.
    pub(super) more: bool,
}

/// The protocol inside `packet`, tunnels removed.
pub(super) fn decode<'a>(packet: Packet<'a>, envelope: Envelope) -> Step<'a> {
    let Packet { ip, protocol, part, body } = extension::skip(packet)?;
    if let Some(Part { id, offset, more }) = part {
        let (bytes, len) = (body.bytes(), body.len());
        return Ok(Decoded::Fragment(segment::Fragment { ip, protocol, id, offset, more, bytes, len }));
    }
    match protocol {
        TCP => tcp::decode(ip, body, envelope),
        UDP => udp::decode(ip, body, envelope),
        ICMP if ip.src.is_ipv4() => icmp::decode_v4(ip, body),
        ICMPV6 if ip.src.is_ipv6() => icmp::decode_v6(ip, body),
        IPV4_INSIDE => decode(ipv4::packet(body)?, envelope.deeper()?),
        IPV6_INSIDE => decode(ipv6::packet(body)?, envelope.deeper()?),
        GRE => gre::decode(body, envelope),
        MPLS_IN_IP => mpls::decode(body, envelope),
        _ => Ok(Decoded::Other),
    }
}

/// ICMP.
const ICMP: u8 = 1;
/// IPv4 in IP (RFC 2003).
const IPV4_INSIDE: u8 = 4;
/// TCP.
pub(super) const TCP: u8 = 6;
/// UDP.
pub(super) const UDP: u8 = 17;
/// IPv6 in IP (RFC 4213).
const IPV6_INSIDE: u8 = 41;
/// Generic Routing Encapsulation.
const GRE: u8 = 47;
/// ICMP for IPv6.
const ICMPV6: u8 = 58;
/// MPLS in IP (RFC 4023 §3).
const MPLS_IN_IP: u8 = 137;
