//! VXLAN (RFC 7348 §5): an Ethernet frame in UDP. Cloud mirrors send it.

use super::ether;
use super::extent::Extent;
use super::tunnel::{Envelope, Step};

/// The assigned port.
pub(super) const PORT: u16 = 4789;
/// Linux's port from before the assignment; flannel still uses it.
pub(super) const PORT_LINUX: u16 = 8472;

/// Whether a datagram to one of the ports is VXLAN: the network id is flagged as
/// valid, what is reserved is zero, and a frame follows. Any program may use the
/// ports, and what it sends must not be torn apart.
///
/// The group policy extension (draft-smith-vxlan-group-policy) uses three
/// further flags and two of the reserved bytes.
pub(super) fn is_plausible(payload: &[u8]) -> bool {
    let Some((&[flags, policy, group @ .., _, _, _, reserved], frame)) = payload.split_first_chunk::<HEADER_LEN>()
    else {
        return false;
    };
    let has_group = flags & GROUP_POLICY != 0;
    flags & !GROUP_POLICY == NETWORK_ID_VALID
        && (has_group || group == [0, 0])
        && (policy == 0 || has_group && policy & !(DONT_LEARN | POLICY_APPLIED) == 0)
        && reserved == 0
        && frame.len() >= ether::HEADER_LEN
}

/// The frame inside.
pub(super) fn decode<'a>(payload: Extent<'a>, envelope: Envelope) -> Step<'a> {
    ether::decode(payload.after(HEADER_LEN), envelope.deeper()?)
}

const HEADER_LEN: usize = 8;
const NETWORK_ID_VALID: u8 = 0x08;
const GROUP_POLICY: u8 = 0x80;
const DONT_LEARN: u8 = 0x40;
const POLICY_APPLIED: u8 = 0x08;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::frame_samples::{ether, hex, ipv4, ipv4_with, join, udp, vxlan_frame};
    use crate::wire::{Decoded, decode};

    #[test]
    fn a_frame_from_linux() {
        let frame = vxlan_frame();
        let Decoded::Tcp(segment) = decode(LinkType::ETHERNET, &frame, 135) else { panic!() };
        assert_eq!((segment.tcp.source_port, segment.tcp.seq), (41372, 0x396b_db70));
        assert_eq!((segment.ip.src.to_string().as_str(), segment.ip.id), ("192.168.7.1", Some(0x9390)));
        assert_eq!(segment.source_mac, Some([0x36, 0xd4, 0x89, 0xb1, 0x74, 0x11]));
        assert_eq!((segment.tunnels, segment.payload_len), (1, 19));
    }

    #[test]
    fn a_mirror_that_truncates_leaves_the_inner_length() {
        // The outer headers are right about the 14 bytes that the mirror cut off.
        let inner = ether(0x0800, &ipv4());
        let payload = join(&[&hex("08000000 00002a00"), &inner[..inner.len() - 14]]);
        let packet = ipv4_with(17, &udp(PORT, &payload));
        let Decoded::Tcp(segment) = decode(LinkType::RAW, &packet, 0) else { panic!() };
        assert_eq!((segment.payload.len(), segment.payload_len), (5, 19));
    }

    #[test]
    fn other_datagrams_to_the_port_are_left_alone() {
        for header in [
            "00000000 00002a00", // no network id
            "0c000000 00002a00", // an unknown flag
            "08010000 00002a00", // reserved bytes
            "08000000 00002a01",
            "88020000 00002a00", // a policy bit that does not exist
            "88c40001 00002a00",
        ] {
            let payload = join(&[&hex(header), &ether(0x0800, &ipv4())]);
            let packet = ipv4_with(17, &udp(PORT, &payload));
            let Decoded::Udp(datagram) = decode(LinkType::RAW, &packet, 0) else { panic!("{header}") };
            assert_eq!(datagram.payload, payload);
        }
        // VXLAN's header with no frame behind it.
        let packet = ipv4_with(17, &udp(PORT, &hex("08000000 00002a00 0102030405060708090a0b0c0d")));
        assert!(matches!(decode(LinkType::RAW, &packet, 0), Decoded::Udp(_)));
        // And VXLAN to another port.
        let packet = ipv4_with(17, &udp(4790, &join(&[&hex("08000000 00002a00"), &ether(0x0800, &ipv4())])));
        assert!(matches!(decode(LinkType::RAW, &packet, 0), Decoded::Udp(_)));
    }
}
