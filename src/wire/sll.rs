//! Linux cooked captures, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2).
//!
//! Written by hand: etherparse knows only version 1, and refuses the hardware
//! types whose packets we can read all the same.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ether, wifi};
use crate::base::{Cursor, ParseError};

/// A version 1 frame: `tcpdump -i any` before 4.99.
pub(super) fn decode_v1<'a>(frame: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (header, payload) = frame.read("sll", Header::v1)?;
    header.decode(payload, envelope)
}

/// A version 2 frame: `tcpdump -i any` since 4.99.
pub(super) fn decode_v2<'a>(frame: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (header, payload) = frame.read("sll2", Header::v2)?;
    header.decode(payload, envelope)
}

/// What both versions say, each in its own order.
pub(super) struct Header {
    /// `ARPHRD_` hardware type of the interface.
    hardware: u16,
    address_len: u16,
    address: [u8; 8],
    /// An EtherType for nearly all hardware types.
    protocol: u16,
}

impl Header {
    /// Reads a version 1 header.
    pub(super) fn v1(c: &mut Cursor<'_>) -> Result<Self, ParseError> {
        c.skip(2, "pkttype")?;
        Ok(Self {
            hardware: c.u16_be("hatype")?,
            address_len: c.u16_be("halen")?,
            address: c.array("src")?,
            protocol: c.u16_be("etype")?,
        })
    }

    /// Reads a version 2 header.
    pub(super) fn v2(c: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let protocol = c.u16_be("etype")?;
        c.skip(2, "reserved")?;
        c.skip(4, "ifindex")?;
        let hardware = c.u16_be("hatype")?;
        c.skip(1, "pkttype")?;
        Ok(Self { hardware, address_len: u16::from(c.u8("halen")?), address: c.array("src")?, protocol })
    }

    /// The EtherType, where the protocol field holds one.
    pub(super) const fn ether_type(&self) -> Option<u16> {
        match self.hardware {
            ARPHRD_IEEE80211 | ARPHRD_IEEE80211_PRISM | ARPHRD_IEEE80211_RADIOTAP | ARPHRD_NETLINK => None,
            _ if self.protocol >= FIRST_ETHER_TYPE => Some(self.protocol),
            _ => None,
        }
    }

    fn decode<'a>(&self, payload: Extent<'a>, mut envelope: Envelope) -> Step<'a> {
        if let (6, Some(&mac)) = (self.address_len, self.address.first_chunk()) {
            envelope.source_mac = Some(mac);
        }
        match (self.ether_type(), self.hardware, self.protocol) {
            (Some(ether_type), ..) => ether::decode_payload(ether_type, payload, envelope),
            (None, ARPHRD_IEEE80211, _) => wifi::decode(payload, envelope),
            (None, ARPHRD_IEEE80211_RADIOTAP, _) => wifi::decode_radiotap(payload, envelope),
            (None, ARPHRD_IEEE80211_PRISM | ARPHRD_NETLINK, _) => Ok(Decoded::Other),
            (None, _, LINUX_SLL_P_802_2) => ether::decode_llc(payload, envelope),
            _ => Ok(Decoded::Other),
        }
    }
}

/// Smaller protocol numbers are Linux's own frame kinds.
const FIRST_ETHER_TYPE: u16 = 0x0600;
/// The payload begins with an LLC header.
const LINUX_SLL_P_802_2: u16 = 4;
const ARPHRD_IEEE80211: u16 = 801;
const ARPHRD_IEEE80211_PRISM: u16 = 802;
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, ipv4, join};

    fn decode_cooked(header: &str) -> Decoded<'static> {
        let frame = join(&[&hex(header), &ipv4()]).leak();
        decode(LinkType::LINUX_SLL, frame, 0)
    }

    #[test]
    fn the_hardware_type_says_whether_the_protocol_is_an_ether_type() {
        assert!(matches!(decode_cooked("0000 0001 0006 36d489b174110000 0800"), Decoded::Tcp(_)));
        // Netlink's protocol is a netlink family, even if it looks like IPv4.
        assert!(matches!(decode_cooked("0000 0338 0000 0000000000000000 0800"), Decoded::Other));
        // 802.3 frames of Novell's kind, and a frame without LLC.
        assert!(matches!(decode_cooked("0000 0001 0006 36d489b174110000 0001"), Decoded::Other));
        assert!(matches!(decode_cooked("0000 0001 0006 36d489b174110000 0004"), Decoded::Other));
    }

    #[test]
    fn a_tag_left_in_place_is_read() {
        let Decoded::Tcp(segment) = decode_cooked("0000 0001 0006 36d489b174110000 8100 0005 0800") else { panic!() };
        assert_eq!((segment.vlan, segment.source_mac), (Some(5), Some([0x36, 0xd4, 0x89, 0xb1, 0x74, 0x11])));
    }
}
