//! ICMP errors (RFC 792, RFC 4443 §3): which flow somebody complained about.

use super::extent::Extent;
use super::ip::{self, Packet};
use super::segment::IcmpError;
use super::tunnel::Step;
use super::{Decoded, IpFacts, extension, ipv4, ipv6};
use crate::base::ParseError;

/// An ICMP message.
pub(super) fn decode_v4<'a>(ip: IpFacts, body: Extent<'a>) -> Step<'a> {
    let ((kind, code, rest_of_header), quoted) = body.read("icmp", header)?;
    match kind {
        DESTINATION_UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM => {
            let needs_fragmentation = (kind, code) == (DESTINATION_UNREACHABLE, 4);
            // The low 16 bits; 0 from routers older than RFC 1191.
            let mtu = Some(rest_of_header & 0xffff).filter(|&mtu| needs_fragmentation && mtu != 0);
            complaint(ip, (kind, code, mtu), ipv4::packet(quoted)?)
        }
        _ => Ok(Decoded::Other),
    }
}

/// An ICMPv6 message.
pub(super) fn decode_v6<'a>(ip: IpFacts, body: Extent<'a>) -> Step<'a> {
    let ((kind, code, rest_of_header), quoted) = body.read("icmpv6", header)?;
    match kind {
        V6_DESTINATION_UNREACHABLE | V6_PACKET_TOO_BIG | V6_TIME_EXCEEDED | V6_PARAMETER_PROBLEM => {
            let mtu = Some(rest_of_header).filter(|_| kind == V6_PACKET_TOO_BIG);
            complaint(ip, (kind, code, mtu), ipv6::packet(quoted)?)
        }
        _ => Ok(Decoded::Other),
    }
}

/// Type, code and the four bytes whose meaning depends on them.
fn header(c: &mut crate::base::Cursor<'_>) -> Result<(u8, u8, u32), ParseError> {
    let (kind, code) = (c.u8("type")?, c.u8("code")?);
    c.skip(2, "checksum")?;
    Ok((kind, code, c.u32_be("rest")?))
}

/// The error about `quoted`, of which routers may send as little as eight bytes
/// behind the IP header: the ports and, for TCP, the sequence number.
fn complaint<'a>(ip: IpFacts, (kind, code, mtu): (u8, u8, Option<u32>), quoted: Packet<'_>) -> Step<'a> {
    let quoted = extension::skip(quoted)?;
    let is_first_part = quoted.part.is_none_or(|part| part.offset == 0);
    if !matches!(quoted.protocol, ip::TCP | ip::UDP) || !is_first_part {
        return Ok(Decoded::Other);
    }
    let ((source, destination, seq), _) = quoted.body.read("icmp", |c| {
        let ports = (c.u16_be("quoted_srcport")?, c.u16_be("quoted_dstport")?);
        let seq = if quoted.protocol == ip::TCP { c.u32_be("quoted_seq").ok() } else { None };
        Ok((ports.0, ports.1, seq))
    })?;
    Ok(Decoded::IcmpError(IcmpError {
        ip,
        kind,
        code,
        mtu,
        quoted_source: (quoted.ip.src, source),
        quoted_destination: (quoted.ip.dst, destination),
        quoted_protocol: quoted.protocol,
        quoted_seq: seq,
        quoted_len: quoted.ip.total_len,
    }))
}

const DESTINATION_UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const V6_DESTINATION_UNREACHABLE: u8 = 1;
const V6_PACKET_TOO_BIG: u8 = 2;
const V6_TIME_EXCEEDED: u8 = 3;
const V6_PARAMETER_PROBLEM: u8 = 4;
