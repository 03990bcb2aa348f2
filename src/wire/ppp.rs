//! PPP over Ethernet (RFC 2516), session stage, and the PPP protocol inside
//! (RFC 1661 §2).

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ip, ipv4, ipv6, mpls};

/// A PPPoE packet. Discovery and other codes carry no IP.
pub(super) fn decode_pppoe<'a>(packet: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let ((version_type, code, length), payload) = packet.read("pppoe", |c| {
        let (version_type, code) = (c.u8("version")?, c.u8("code")?);
        c.skip(2, "session_id")?;
        Ok((version_type, code, c.u16_be("payload_length")?))
    })?;
    match (version_type, code) {
        (VERSION_1_TYPE_1, SESSION_DATA) => {
            decode_ppp(payload.at_most(u32::from(length), "pppoe.payload_length"), envelope)
        }
        _ => Ok(Decoded::Other),
    }
}

/// A PPP frame without address and control fields.
fn decode_ppp<'a>(frame: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (protocol, payload) = frame.read("ppp", |c| {
        // Numbers whose first byte is odd were compressed to that byte (RFC 1661 §6.5).
        let first = c.u8("protocol")?;
        if first & 1 == 1 { Ok(u16::from(first)) } else { Ok(u16::from_be_bytes([first, c.u8("protocol")?])) }
    })?;
    match protocol {
        PPP_IPV4 => ip::decode(ipv4::packet(payload)?, envelope),
        PPP_IPV6 => ip::decode(ipv6::packet(payload)?, envelope),
        PPP_MPLS => mpls::decode(payload, envelope),
        _ => Ok(Decoded::Other),
    }
}

const VERSION_1_TYPE_1: u8 = 0x11;
const SESSION_DATA: u8 = 0;
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
const PPP_MPLS: u16 = 0x0281;

#[cfg(test)]
mod tests {
    use crate::base::LinkType;
    use crate::wire::frame_samples::{hex, ipv4, join};
    use crate::wire::{Decoded, decode};

    #[test]
    fn only_session_data_carries_ip() {
        let with = |header: &str| match decode(LinkType::PPP_ETHER, &join(&[&hex(header), &ipv4()]), 0) {
            Decoded::Tcp(_) => "tcp",
            Decoded::Other => "other",
            other => panic!("{other:?}"),
        };
        assert_eq!(with("1100 0001 0049 0021"), "tcp");
        assert_eq!(with("1109 0000 0049 0021"), "other", "discovery");
        assert_eq!(with("2100 0001 0049 0021"), "other", "version");
        assert_eq!(with("1100 0001 0049 c021"), "other", "link control");
    }
}
