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
