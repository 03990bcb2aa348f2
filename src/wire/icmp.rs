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

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, icmp_v4, icmp_v6, ipv4, ipv4_with, ipv6, ipv6_with, join};

    fn error(packet: &[u8]) -> Option<IcmpError> {
        match decode(LinkType::RAW, packet, u32::try_from(packet.len()).unwrap()) {
            Decoded::IcmpError(error) => Some(error),
            Decoded::Other => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn port_unreachable_in_both_versions() {
        let v4 = error(&icmp_v4()).unwrap();
        assert_eq!((v4.kind, v4.code, v4.mtu), (3, 3, None));
        assert_eq!((v4.quoted_protocol, v4.quoted_seq, v4.quoted_len), (17, None, 31));
        let localhost = IpAddr::from([127, 0, 0, 1]);
        assert_eq!((v4.quoted_source, v4.quoted_destination), ((localhost, 51378), (localhost, 3389)));
        let v6 = error(&icmp_v6()).unwrap();
        assert_eq!((v6.kind, v6.code, v6.mtu), (1, 4, None));
        assert_eq!((v6.quoted_source.1, v6.quoted_destination.1, v6.quoted_len), (40184, 3389, 51));
    }

    #[test]
    fn the_mtu_of_the_next_hop() {
        // Routers may quote eight bytes behind the IP header: ports and sequence number.
        let quoting = |header: &str| error(&ipv4_with(1, &join(&[&hex(header), &ipv4()[..28]])));
        let too_big = quoting("0304 0000 000005dc").unwrap();
        assert_eq!((too_big.mtu, too_big.quoted_seq), (Some(1500), Some(0xadf8_4f71)));
        assert_eq!((too_big.quoted_protocol, too_big.quoted_len), (6, 71));
        assert_eq!(quoting("0304 0000 00000000").unwrap().mtu, None, "an old router");
        assert_eq!(quoting("0301 0000 000005dc").unwrap().mtu, None, "the field has no meaning here");
        let v6 = error(&ipv6_with(58, &join(&[&hex("0200 0000 00000500"), &ipv6()]))).unwrap();
        assert_eq!((v6.mtu, v6.quoted_seq, v6.quoted_len), (Some(1280), Some(0xba7a_ca26), 91));
    }

    #[test]
    fn what_is_no_complaint_about_a_flow_is_other() {
        let quoting = |header: &str, quoted: &[u8]| error(&ipv4_with(1, &join(&[&hex(header), quoted])));
        assert!(quoting("0800 0000 00010001", b"abcdefgh").is_none(), "echo");
        assert!(quoting("0501 0000 0a000001", &ipv4()).is_none(), "redirect");
        assert!(quoting("0b00 0000 00000000", &ipv4_with(1, &[8, 0, 0, 0, 0, 0, 0, 0])).is_none(), "about a ping");
        let mut fragment = ipv4();
        fragment[7] = 1;
        assert!(quoting("0b00 0000 00000000", &fragment).is_none(), "about a fragment without ports");
        assert!(quoting("0b00 0000 00000000", &ipv4()).is_some(), "time exceeded");
        // ICMP's numbers in ICMPv6's packet.
        assert!(error(&ipv6_with(1, &join(&[&hex("0303 0000 00000000"), &ipv4()]))).is_none());
    }
}
