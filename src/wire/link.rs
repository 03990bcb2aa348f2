//! Frames → the packet inside, by link type.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, IpFacts, ether, ip, ipv4, ipv6, ppp, sll, wifi};
use crate::base::{Cause, LinkType, ParseError};

/// Decodes one frame up to its transport header, tunnels removed.
///
/// `original_len` is the frame's length on the wire, in bytes; less than the
/// captured length is not believed. A link type that is not decoded is
/// [`Decoded::Failed`] with [`Cause::NotUnderstood`].
#[must_use]
pub fn decode(link: LinkType, frame: &[u8], original_len: u32) -> Decoded<'_> {
    let frame = Extent::frame(frame, original_len);
    let envelope = Envelope::default();
    match link {
        LinkType::ETHERNET => ether::decode(frame, envelope),
        LinkType::LINUX_SLL => sll::decode_v1(frame, envelope),
        LinkType::LINUX_SLL2 => sll::decode_v2(frame, envelope),
        LinkType::RAW | LinkType::RAW_OLD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            decode_raw(frame, envelope)
        }
        LinkType::NULL | LinkType::LOOP => decode_loopback(frame, envelope),
        LinkType::PPP_ETHER => ppp::decode_pppoe(frame, envelope),
        LinkType::IEEE802_11 => wifi::decode(frame, envelope),
        LinkType::IEEE802_11_RADIOTAP => wifi::decode_radiotap(frame, envelope),
        LinkType::SYSTEMD_JOURNAL => Ok(Decoded::Other),
        _ => Err(ParseError::malformed("frame", "link_type", 0).because(Cause::NotUnderstood)),
    }
    .unwrap_or_else(Decoded::Failed)
}

/// Decodes the payload of an IP packet that was put together from fragments,
/// tunnels removed.
///
/// `payload_len` is its length on the wire, in bytes: more than `payload.len()`
/// where fragments were cut short when captured. MAC address, VLAN and the
/// tunnels around the fragments are not known here.
#[must_use]
pub fn decode_reassembled(ip: IpFacts, protocol: u8, payload: &[u8], payload_len: u32) -> Decoded<'_> {
    let body = Extent::frame(payload, payload_len);
    ip::decode(ip::Packet { ip, protocol, part: None, body }, Envelope::default()).unwrap_or_else(Decoded::Failed)
}

/// An IP packet without a link header; its first four bits tell the version.
pub(super) fn decode_raw<'a>(packet: Extent<'a>, envelope: Envelope) -> Step<'a> {
    match packet.bytes().first().map(|byte| byte >> 4) {
        Some(4) => ip::decode(ipv4::packet(packet)?, envelope),
        Some(6) => ip::decode(ipv6::packet(packet)?, envelope),
        Some(_) => Err(ParseError::malformed("ip", "version", 0)),
        None => Err(packet.blame(ParseError::short("ip", "version", 0, 1, 0))),
    }
}

/// BSD loopback: an address family, then the packet.
fn decode_loopback<'a>(frame: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (family, packet) = frame.read("null", |c| c.array("family"))?;
    if is_internet_family(family) { decode_raw(packet, envelope) } else { Ok(Decoded::Other) }
}

/// Whether `family` is `AF_INET` or `AF_INET6`.
///
/// NULL writes it in the byte order of the capturing host, LOOP in network byte
/// order; both have been seen swapped. `AF_INET` is 2 everywhere; `AF_INET6` is
/// 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS. None of
/// them can be mistaken for the other order.
pub(super) fn is_internet_family(family: [u8; 4]) -> bool {
    matches!(family, [0, 0, 0, 2 | 10 | 24 | 28 | 30] | [2 | 10 | 24 | 28 | 30, 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame_samples::{hex, ipv4, join};

    #[test]
    fn what_is_no_packet_is_not_taken_for_one() {
        let failed = |link, frame: &[u8]| match decode(link, frame, 0) {
            Decoded::Failed(error) => (error.cause, error.layer, error.field),
            other => panic!("{other:?}"),
        };
        assert_eq!(failed(LinkType(999), &ipv4()), (Cause::NotUnderstood, "frame", "link_type"));
        assert_eq!(failed(LinkType::RAW, &[]), (Cause::NotSeen, "ip", "version"));
        assert_eq!(failed(LinkType::RAW, &[0x50; 40]), (Cause::Malformed, "ip", "version"));
        assert_eq!(failed(LinkType::NULL, &[2, 0, 0]), (Cause::NotSeen, "null", "family"));
        assert!(matches!(decode(LinkType::SYSTEMD_JOURNAL, b"MESSAGE=", 0), Decoded::Other));
        // AppleTalk, and the families of nobody.
        for family in ["10000000", "00000001", "02000002", "00020000"] {
            assert!(matches!(decode(LinkType::NULL, &join(&[&hex(family), &ipv4()]), 0), Decoded::Other), "{family}");
        }
    }
}
