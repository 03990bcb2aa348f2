//! Ethernet II, IEEE 802.3 with LLC/SNAP, and what an EtherType leads to.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ip, ipv4, ipv6, mpls, ppp, vlan, wifi};

/// IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// MPLS, unicast.
pub(super) const MPLS: u16 = 0x8847;
/// MPLS with an upstream-assigned label (once "multicast").
pub(super) const MPLS_UPSTREAM: u16 = 0x8848;
/// The session stage of PPP over Ethernet.
pub(super) const PPPOE_SESSION: u16 = 0x8864;
/// A whole Ethernet frame, as GRE and GENEVE name it.
pub(super) const TRANSPARENT_ETHERNET_BRIDGING: u16 = 0x6558;

/// Length of an Ethernet header: two addresses and the EtherType.
pub(super) const HEADER_LEN: usize = 14;

/// An Ethernet frame.
pub(super) fn decode<'a>(frame: Extent<'a>, mut envelope: Envelope) -> Step<'a> {
    let ((source, ether_type), payload) = frame.read("eth", |c| {
        c.skip(6, "destination")?;
        Ok((c.array("source")?, c.u16_be("type")?))
    })?;
    if envelope.is_outermost() {
        envelope.source_mac = Some(source);
    }
    match decode_payload(ether_type, payload, envelope)? {
        // Windows' pktmon labels Wi-Fi frames as Ethernet.
        Decoded::Other if wifi::is_disguised(frame.bytes()) => wifi::decode(frame, envelope),
        decoded => Ok(decoded),
    }
}

/// What follows an EtherType (or an IEEE 802.3 length).
pub(super) fn decode_payload<'a>(ether_type: u16, payload: Extent<'a>, mut envelope: Envelope) -> Step<'a> {
    let (ether_type, payload) = vlan::strip(ether_type, payload, &mut envelope)?;
    match ether_type {
        0..=MAX_802_3_LENGTH => decode_llc(payload.at_most(u32::from(ether_type), "eth.len"), envelope),
        _ => decode_network(ether_type, payload, envelope),
    }
}

/// A network packet, tags removed.
fn decode_network<'a>(ether_type: u16, payload: Extent<'a>, envelope: Envelope) -> Step<'a> {
    match ether_type {
        IPV4 => ip::decode(ipv4::packet(payload)?, envelope),
        IPV6 => ip::decode(ipv6::packet(payload)?, envelope),
        MPLS | MPLS_UPSTREAM => mpls::decode(payload, envelope),
        PPPOE_SESSION => ppp::decode_pppoe(payload, envelope),
        _ => Ok(Decoded::Other),
    }
}

/// IEEE 802.2 LLC with a SNAP header (RFC 1042); anything else is not IP.
///
/// A tag or a length in the SNAP header is not followed: it could lead back
/// here, and a frame made of that would recurse until the stack ends.
pub(super) fn decode_llc<'a>(payload: Extent<'a>, envelope: Envelope) -> Step<'a> {
    match snap_ether_type(payload.bytes()) {
        Some(ether_type) => decode_network(ether_type, payload.after(SNAP_LEN), envelope),
        None => Ok(Decoded::Other),
    }
}

/// The EtherType of an LLC/SNAP header with the "encapsulated Ethernet"
/// organisation code 0.
pub(super) fn snap_ether_type(bytes: &[u8]) -> Option<u16> {
    match bytes.first_chunk() {
        Some(&[0xaa, 0xaa, 0x03, 0, 0, 0, high, low]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

/// Length of an LLC/SNAP header.
pub(super) const SNAP_LEN: usize = 8;

/// Up to here the type field is a length (IEEE 802.3 §3.2.6).
const MAX_802_3_LENGTH: u16 = 1500;

/// Whether `bytes` begin like an Ethernet frame with something that we decode:
/// for places that carry frames without saying so.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    let ether_type = bytes.get(12..HEADER_LEN).and_then(|two| two.first_chunk()).copied().map(u16::from_be_bytes);
    ether_type.is_some_and(|ether_type| {
        matches!(ether_type, IPV4 | IPV6 | MPLS | MPLS_UPSTREAM | PPPOE_SESSION) || vlan::is_tag(ether_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{ether, hex, ipv4, join};

    fn decode_frame(frame: &[u8]) -> Decoded<'_> {
        decode(LinkType::ETHERNET, frame, u32::try_from(frame.len()).unwrap())
    }

    #[test]
    fn what_is_not_ip_is_other() {
        for (ether_type, payload) in [
            (0x0806, "0001 0800 0604 0001"),
            (0x88cc, "0207 04"),
            // Spanning tree; SNAP of another organisation; Novell's raw 802.3.
            (0x0026, "424203 0000000000"),
            (0x0010, "aaaa03 00000c 2000 0000"),
            (0x0020, "ffff 0020 0011"),
        ] {
            assert!(matches!(decode_frame(&ether(ether_type, &hex(payload))), Decoded::Other), "{ether_type:#x}");
        }
    }

    #[test]
    fn types_between_length_and_ether_type_are_neither() {
        let snap = join(&[&hex("aaaa0300 00000800"), &ipv4()]);
        assert!(matches!(decode_frame(&ether(1500, &snap)), Decoded::Tcp(_)));
        assert!(matches!(decode_frame(&ether(1501, &snap)), Decoded::Other));
    }

    #[test]
    fn a_length_of_802_3_bounds_the_packet() {
        let frame = ether(20, &join(&[&hex("aaaa0300 00000800"), &ipv4()]));
        assert!(matches!(decode_frame(&frame), Decoded::Failed(_)), "twelve bytes of IPv4 are none");
    }
}
