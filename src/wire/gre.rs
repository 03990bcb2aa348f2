//! GRE (RFC 2784, RFC 2890), and ERSPAN in it (draft-foschiano-erspan).

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ether};
use crate::base::{Cause, ParseError};

/// What a GRE packet carries. Version 1 is PPTP, whose PPP we do not follow.
pub(super) fn decode<'a>(packet: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let ((flags, protocol), inner) = packet.read("gre", |c| {
        let (flags, protocol) = (c.u16_be("flags_and_version")?, c.u16_be("proto")?);
        if flags & ROUTING != 0 {
            // Source routes (RFC 1701) were withdrawn; their length is unknown here.
            return Err(c.malformed("routing").because(Cause::NotUnderstood));
        }
        for (present, field) in [(CHECKSUM, "checksum"), (KEY, "key"), (SEQUENCE, "sequence_number")] {
            if flags & present != 0 {
                c.skip(4, field)?;
            }
        }
        Ok((flags, protocol))
    })?;
    if flags & VERSION != 0 {
        return Ok(Decoded::Other);
    }
    let envelope = envelope.deeper()?;
    match protocol {
        ether::TRANSPARENT_ETHERNET_BRIDGING => ether::decode(inner, envelope),
        // Type I has no header of its own; type II is told from it by the sequence number.
        ERSPAN if flags & SEQUENCE == 0 => ether::decode(inner, envelope),
        ERSPAN => ether::decode(erspan_2(inner)?, envelope),
        ERSPAN_3 => decode_erspan_3(inner, envelope),
        // Below are lengths, which mean nothing here.
        0x0600.. => ether::decode_payload(protocol, inner, envelope),
        _ => Ok(Decoded::Other),
    }
}

/// The frame behind an ERSPAN type II header.
fn erspan_2(packet: Extent<'_>) -> Result<Extent<'_>, ParseError> {
    let (_, frame) = packet.read("erspan", |c| {
        expect_version(c.u8("version")?, 1)?;
        c.skip(7, "header")
    })?;
    Ok(frame)
}

/// ERSPAN type III: twelve bytes, and eight more where the last bit says so.
fn decode_erspan_3<'a>(packet: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let (flags, inner) = packet.read("erspan", |c| {
        expect_version(c.u8("version")?, 2)?;
        c.skip(9, "header")?;
        let flags = c.u16_be("flags")?;
        if flags & ERSPAN_3_SUBHEADER != 0 {
            c.skip(8, "platform")?;
        }
        Ok(flags)
    })?;
    match (flags & ERSPAN_3_FRAME_TYPE) >> 10 {
        0 => ether::decode(inner, envelope),
        2 => super::link::decode_raw(inner, envelope),
        _ => Ok(Decoded::Other),
    }
}

fn expect_version(first: u8, version: u8) -> Result<(), ParseError> {
    if first >> 4 == version { Ok(()) } else { Err(ParseError::malformed("erspan", "version", 0)) }
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const ERSPAN_3_FRAME_TYPE: u16 = 0x7c00;
const ERSPAN_3_SUBHEADER: u16 = 0x0001;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{ether, hex, ipv4, ipv4_with, join};

    fn outcome(header: &str, inner: &[u8]) -> String {
        let packet = ipv4_with(47, &join(&[&hex(header), inner]));
        match decode(LinkType::RAW, &packet, u32::try_from(packet.len()).unwrap()) {
            Decoded::Tcp(_) => "tcp".into(),
            Decoded::Other => "other".into(),
            Decoded::Failed(error) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_followed() {
        assert_eq!(outcome("2081880b 0047002a", &ipv4()), "other", "PPTP");
        assert_eq!(outcome("000000fe", &ipv4()), "other", "a length is no type");
        assert_eq!(outcome("00000806", &ipv4()), "other", "ARP");
        assert_eq!(outcome("40000800 00000000", &ipv4()), "gre: routing at byte 4 is not decoded");
        assert_eq!(outcome("20000800", &[]), "gre: key at byte 4 needs 4 bytes, its length field allows 0");
    }

    #[test]
    fn erspan_versions_and_frame_types() {
        let frame = ether(0x0800, &ipv4());
        assert_eq!(outcome("100088be 00000001 10000007 00000000", &frame), "tcp");
        let wrong = "erspan: version at byte 0 holds no valid value";
        assert_eq!(outcome("100088be 00000001 20000007 00000000", &frame), wrong);
        assert_eq!(outcome("100022eb 00000001 10000007 00000000 00000000", &frame), wrong);
        assert_eq!(outcome("100022eb 00000001 20000007 00000000 00000800", &ipv4()), "tcp", "IP without a frame");
        assert_eq!(outcome("100022eb 00000001 20000007 00000000 00000400", &frame), "other", "Token Ring");
    }
}
