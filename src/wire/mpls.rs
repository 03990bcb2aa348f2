//! MPLS label stacks (RFC 3032 §2.1).
//!
//! Nothing in the stack says what follows it. As routers do, we look at the first
//! four bits: 4 and 6 are IP, 0 is the control word of a pseudowire (RFC 4385 §3)
//! with an Ethernet frame behind it, 1 is a channel of the network itself. A
//! pseudowire without control word is told by a frame whose type we know.

use super::extent::Extent;
use super::ip::{self, Packet};
use super::tunnel::{Envelope, Step};
use super::{Decoded, ether, ipv4, ipv6};
use crate::base::{Cause, ParseError};

/// Labels removed from one stack. Providers use up to five or so.
const MAX_LABELS: usize = 8;

/// What a label stack carries.
pub(super) fn decode<'a>(packet: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let envelope = envelope.deeper()?;
    let inner = after_labels(packet)?;
    match inner.bytes().first().map(|first| first >> 4) {
        Some(4) => decode_ip_or_frame(ipv4::packet(inner), inner, envelope),
        Some(6) => decode_ip_or_frame(ipv6::packet(inner), inner, envelope),
        Some(0) if ether::is_plausible(inner.after(CONTROL_WORD_LEN).bytes()) => {
            ether::decode(inner.after(CONTROL_WORD_LEN), envelope)
        }
        Some(0 | 2..) if ether::is_plausible(inner.bytes()) => ether::decode(inner, envelope),
        _ => Ok(Decoded::Other),
    }
}

/// A frame begins with an address, and that may begin with 4 or 6 too: then its
/// "packet" is longer than what there is, and a type that we know stands at its place.
fn decode_ip_or_frame<'a>(packet: Result<Packet<'a>, ParseError>, inner: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let fits = packet.is_ok_and(|packet| packet.ip.total_len <= inner.len());
    if !fits && ether::is_plausible(inner.bytes()) {
        ether::decode(inner, envelope)
    } else {
        ip::decode(packet?, envelope)
    }
}

fn after_labels(packet: Extent<'_>) -> Result<Extent<'_>, ParseError> {
    let (_, inner) = packet.read("mpls", |c| {
        for _ in 0..MAX_LABELS {
            if c.u32_be("label")? & BOTTOM_OF_STACK != 0 {
                return Ok(());
            }
        }
        Err(c.malformed("stack").because(Cause::NotUnderstood))
    })?;
    Ok(inner)
}

const BOTTOM_OF_STACK: u32 = 0x100;
const CONTROL_WORD_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{ether, hex, ipv4, join};

    fn outcome(inner: &[u8]) -> &'static str {
        let frame = ether(0x8847, &join(&[&hex("00065140"), inner]));
        match decode(LinkType::ETHERNET, &frame, 0) {
            Decoded::Tcp(_) => "tcp",
            Decoded::Other => "other",
            Decoded::Failed(_) => "failed",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_whose_address_looks_like_ip() {
        for address in ["6c40088a1b2c", "45de4a3b2c1d", "40f52e112233", "000000000001"] {
            let frame = join(&[&hex(address), &hex("36d489b17411 0800"), &ipv4()]);
            assert_eq!(outcome(&frame), "tcp", "{address}");
        }
    }

    #[test]
    fn a_packet_whose_address_looks_like_a_frame() {
        // From 8.0.0.1: the type of IPv4 stands where a frame would have it.
        let mut packet = ipv4();
        packet[12..16].copy_from_slice(&[8, 0, 0, 1]);
        assert!(ether::is_plausible(&packet));
        let frame = ether(0x8847, &join(&[&hex("00065140"), &packet]));
        let Decoded::Tcp(segment) = decode(LinkType::ETHERNET, &frame, 0) else { panic!() };
        assert_eq!(segment.ip.src.to_string(), "8.0.0.1");
    }

    #[test]
    fn what_cannot_be_told_is_other() {
        assert_eq!(outcome(&hex("10000021 0000")), "other", "a channel of the network itself");
        assert_eq!(outcome(&hex("00000000 0000")), "other");
        assert_eq!(outcome(&hex("ffffffffffff 36d489b17411 0806")), "other");
        assert_eq!(outcome(&[]), "other");
        assert_eq!(outcome(&hex("4500")), "failed", "IPv4, cut");
    }

    #[test]
    fn a_stack_without_bottom_is_given_up() {
        let stack = |n: usize| ether(0x8847, &join(&[&hex("00065040").repeat(n - 1), &hex("00065140"), &ipv4()]));
        assert!(matches!(decode(LinkType::ETHERNET, &stack(MAX_LABELS), 0), Decoded::Tcp(_)));
        let frame = stack(MAX_LABELS + 1);
        let Decoded::Failed(error) = decode(LinkType::ETHERNET, &frame, 0) else { panic!() };
        assert_eq!((error.cause, error.layer), (Cause::NotUnderstood, "mpls"));
    }
}
