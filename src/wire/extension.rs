//! IPv6 extension headers (RFC 8200 §4) and the Authentication Header, which
//! IPv4 carries too (RFC 4302).
//!
//! Read with the cursor: all of them are "next header, length, skip", and the
//! count must be bounded here.

use super::ip::{Packet, Part};
use crate::base::{Cause, ParseError};

/// Extension headers skipped in one packet. RFC 8200 §4.1 foresees seven at the
/// most; a chain of thousands of minimal headers would only cost time.
const MAX_EXTENSIONS: usize = 8;

/// Skips what stands between the IP header and the transport header. Stops at a
/// fragment, whose rest cannot be read alone.
pub(super) fn skip(packet: Packet<'_>) -> Result<Packet<'_>, ParseError> {
    let mut packet = packet;
    for _ in 0..=MAX_EXTENSIONS {
        if packet.part.is_some() {
            return Ok(packet);
        }
        match (packet.protocol, packet.ip.src.is_ipv6()) {
            (AUTHENTICATION, _) => {
                (packet.protocol, packet.body) = packet.body.read("ah", |c| {
                    let next = c.u8("next")?;
                    // In units of 4 bytes, less two (RFC 4302 §2.2).
                    let words = usize::from(c.u8("length")?);
                    c.skip(words.saturating_mul(4).saturating_add(6), "icv")?;
                    Ok(next)
                })?;
            }
            (HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6, true) => {
                (packet.protocol, packet.body) = packet.body.read("ipv6ext", |c| {
                    let next = c.u8("next")?;
                    // In units of 8 bytes, not counting the first.
                    let eights = usize::from(c.u8("length")?);
                    c.skip(eights.saturating_mul(8).saturating_add(6), "options")?;
                    Ok(next)
                })?;
            }
            (FRAGMENT, true) => {
                let ((next, part), body) = packet.body.read("ipv6frag", |c| {
                    let next = c.u8("next")?;
                    c.skip(1, "reserved")?;
                    let place = c.u16_be("offset")?;
                    Ok((next, Part { id: c.u32_be("id")?, offset: u32::from(place & !7), more: place & 1 == 1 }))
                })?;
                (packet.protocol, packet.body) = (next, body);
                // Offset 0 and no more: an atomic fragment is a whole packet (RFC 6946).
                packet.part = (part.more || part.offset > 0).then_some(part);
            }
            _ => return Ok(packet),
        }
    }
    Err(ParseError::malformed("ipv6ext", "headers", 0).because(Cause::NotUnderstood))
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::frame_samples::{hex, ipv6, ipv6_with, join};
    use crate::wire::{Decoded, IpFacts, decode, decode_reassembled};

    fn decode_all(packet: &[u8]) -> Decoded<'_> {
        decode(LinkType::RAW, packet, u32::try_from(packet.len()).unwrap())
    }

    #[test]
    fn a_fragment_header_gives_place_and_protocol() {
        // Behind hop-by-hop options, as the specification orders them.
        let packet = ipv6_with(0, &hex("2c00 0104 00000000 3c00 04d1 501e7e8c 11223344"));
        let Decoded::Fragment(fragment) = decode_all(&packet) else { panic!() };
        assert_eq!((fragment.protocol, fragment.id), (60, 0x501e_7e8c));
        assert_eq!((fragment.offset, fragment.more), (1232, true));
        assert_eq!((fragment.bytes, fragment.len), (&hex("11223344")[..], 4));
    }

    #[test]
    fn the_last_fragment_is_one_too() {
        let packet = ipv6_with(44, &hex("0600 04d0 501e7e8c 11223344"));
        let Decoded::Fragment(fragment) = decode_all(&packet) else { panic!() };
        assert_eq!((fragment.offset, fragment.more), (1232, false));
    }

    #[test]
    fn a_reassembled_packet_may_begin_with_an_extension() {
        let packet = ipv6();
        let Decoded::Tcp(segment) = decode_all(&packet) else { panic!() };
        let ip = IpFacts { reassembled: true, ..segment.ip };
        let payload = join(&[&hex("0600 0104 00000000"), &packet[40..]]);
        let Decoded::Tcp(again) = decode_reassembled(ip, 60, &payload, 59) else { panic!() };
        assert_eq!((again.ip, again.tcp, again.payload), (ip, segment.tcp, segment.payload));
        let Decoded::Tcp(cut) = decode_reassembled(ip, 60, &payload, 1000) else { panic!() };
        assert_eq!((cut.payload.len(), cut.payload_len), (19, 960));
    }

    #[test]
    fn a_chain_without_end_is_given_up() {
        let chain =
            |n: usize| ipv6_with(60, &join(&[&hex("3c00 0104 00000000").repeat(n), &hex("3b00 0104 00000000")]));
        assert!(matches!(decode_all(&chain(MAX_EXTENSIONS - 1)), Decoded::Other), "59 is no next header");
        let packet = chain(MAX_EXTENSIONS);
        let Decoded::Failed(error) = decode_all(&packet) else { panic!() };
        assert_eq!((error.cause, error.layer), (Cause::NotUnderstood, "ipv6ext"));
    }

    #[test]
    fn an_extension_longer_than_its_packet_is_malformed() {
        let Decoded::Failed(error) = decode(LinkType::RAW, &ipv6_with(60, &hex("06ff 0104 00000000")), 48) else {
            panic!()
        };
        assert_eq!((error.cause, error.need, error.have), (Cause::Malformed, 2046, 6));
    }
}
