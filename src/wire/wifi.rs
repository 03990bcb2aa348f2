//! IEEE 802.11 data frames, bare or behind a radiotap header.
//!
//! Only what was captured in the clear: an encrypted body, management and
//! control frames, and aggregated bodies (A-MSDU) are [`Decoded::Other`].

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ether};
use crate::base::{Cursor, ParseError};

/// An 802.11 frame behind a radiotap header.
pub(super) fn decode_radiotap<'a>(frame: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (_, frame) = frame.read("radiotap", |c| {
        c.skip(2, "version")?;
        let len = usize::from(c.u16_le("length")?);
        c.skip(len.saturating_sub(c.position()), "fields")
    })?;
    decode(frame, envelope)
}

/// An 802.11 frame.
pub(super) fn decode<'a>(frame: Extent<'a>, mut envelope: Envelope) -> Step<'a> {
    let (header, body) = frame.read("wlan", Header::read)?;
    match header {
        Header::Data { source } => {
            if envelope.is_outermost() {
                envelope.source_mac = Some(source);
            }
            ether::decode_llc(body, envelope)
        }
        Header::NotOurs => Ok(Decoded::Other),
    }
}

/// Whether what is labelled an Ethernet frame is an 802.11 data frame with IP
/// inside: eight bytes at a computed place must agree.
pub(super) fn is_disguised(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new("wlan", bytes);
    matches!(Header::read(&mut cursor), Ok(Header::Data { .. }))
        && matches!(ether::snap_ether_type(cursor.rest()), Some(ether::IPV4 | ether::IPV6))
}

enum Header {
    Data { source: [u8; 6] },
    NotOurs,
}

impl Header {
    /// IEEE 802.11 §9.2.3 (frame control, four addresses) and §9.2.4.5 (QoS control).
    fn read(c: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let [kind, flags] = c.array("fc")?;
        let is_data_with_body = kind & (VERSION | TYPE | SUBTYPE_NULL) == TYPE_DATA;
        if !is_data_with_body {
            return Ok(Self::NotOurs);
        }
        c.skip(2, "duration")?;
        c.skip(6, "addr1")?;
        let addr2 = c.array("addr2")?;
        let addr3 = c.array("addr3")?;
        c.skip(2, "seq")?;
        let source = match flags & (TO_DS | FROM_DS) {
            0 | TO_DS => addr2,
            FROM_DS => addr3,
            _ => c.array("addr4")?,
        };
        if kind & SUBTYPE_QOS != 0 {
            let [control, _] = c.array("qos")?;
            if control & AMSDU_PRESENT != 0 {
                return Ok(Self::NotOurs);
            }
            if flags & HT_CONTROL != 0 {
                c.skip(4, "htc")?;
            }
        }
        Ok(Self::Data { source })
    }
}

const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const TYPE_DATA: u8 = 0x08;
const SUBTYPE_NULL: u8 = 0x40;
const SUBTYPE_QOS: u8 = 0x80;
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const HT_CONTROL: u8 = 0x80;
const AMSDU_PRESENT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, ipv4, join};

    fn decode_air(link: LinkType, header: &str) -> Decoded<'static> {
        decode(link, join(&[&hex(header), &hex("aaaa0300 00000800"), &ipv4()]).leak(), 0)
    }

    #[test]
    fn frames_without_a_readable_body_are_other() {
        for header in [
            // Beacon, acknowledgment, null data, aggregated data, another version.
            "8000 0000 020000000001 36d489b17411 020000000003 0000",
            "d400 0000 020000000001",
            "4801 0000 020000000001 36d489b17411 020000000003 0000",
            "8801 0000 020000000001 36d489b17411 020000000003 0000 8000",
            "0901 0000 020000000001 36d489b17411 020000000003 0000",
            // Encrypted: eight bytes of initialisation vector before the body.
            "0841 0000 020000000001 36d489b17411 020000000003 0000 0000002000000000",
        ] {
            assert!(matches!(decode_air(LinkType::IEEE802_11, header), Decoded::Other), "{header}");
            assert!(matches!(decode_air(LinkType::ETHERNET, header), Decoded::Other), "{header}");
        }
    }

    #[test]
    fn an_ethernet_frame_that_happens_to_begin_like_wifi_stays_ethernet() {
        let frame = join(&[&hex("080100000200 000000000136 0800"), &ipv4()]);
        let Decoded::Tcp(segment) = decode(LinkType::ETHERNET, &frame, 0) else { panic!() };
        assert_eq!(segment.source_mac, Some([0, 0, 0, 0, 1, 0x36]));
    }

    #[test]
    fn a_radiotap_header_longer_than_the_frame_is_not_seen() {
        let decoded = decode_air(LinkType::IEEE802_11_RADIOTAP, "0000 ff0f 00000000");
        let Decoded::Failed(error) = decoded else { panic!("{decoded:?}") };
        assert_eq!((error.layer, error.need), ("radiotap", 4091));
    }
}
