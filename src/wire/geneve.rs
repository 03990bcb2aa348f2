//! GENEVE (RFC 8926 §3.4): a frame or packet in UDP, behind options.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, ether};

/// The assigned port.
pub(super) const PORT: u16 = 6081;

/// Whether a datagram to the port is GENEVE: version 0, what is reserved is
/// zero, and it carries something that GENEVE carries.
pub(super) fn is_plausible(payload: &[u8]) -> bool {
    let Some(&[version_len, flags, a, b, _, _, _, reserved]) = payload.first_chunk() else {
        return false;
    };
    version_len >> 6 == 0
        && flags & !(CONTROL | CRITICAL) == 0
        && reserved == 0
        && matches!(u16::from_be_bytes([a, b]), ether::TRANSPARENT_ETHERNET_BRIDGING | ether::IPV4 | ether::IPV6)
}

/// What it carries. Control packets are the tunnel's own business.
pub(super) fn decode<'a>(payload: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let envelope = envelope.deeper()?;
    let ((flags, protocol), inner) = payload.read("geneve", |c| {
        let options = usize::from(c.u8("version")? & 0x3f).saturating_mul(4);
        let header = (c.u8("flags")?, c.u16_be("proto_type")?);
        c.skip(4, "vni")?;
        c.skip(options, "options")?;
        Ok(header)
    })?;
    match protocol {
        _ if flags & CONTROL != 0 => Ok(Decoded::Other),
        ether::TRANSPARENT_ETHERNET_BRIDGING => ether::decode(inner, envelope),
        ether_type => ether::decode_payload(ether_type, inner, envelope),
    }
}

const CONTROL: u8 = 0x80;
const CRITICAL: u8 = 0x40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, ipv4, ipv4_with, join, udp};

    fn kind(header: &str) -> &'static str {
        let packet = ipv4_with(17, &udp(PORT, &join(&[&hex(header), &ipv4()])));
        match decode(LinkType::RAW, &packet, 0) {
            Decoded::Tcp(_) => "tcp",
            Decoded::Udp(_) => "udp",
            Decoded::Other => "other",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_looks_like_geneve_and_what_does_not() {
        assert_eq!(kind("00000800 00002a00"), "tcp");
        assert_eq!(kind("01400800 00002a00 01028000"), "tcp", "critical options");
        assert_eq!(kind("00800800 00002a00"), "other", "a control packet");
        for header in ["40000800 00002a00", "00010800 00002a00", "00000806 00002a00", "00000800 00002a01"] {
            assert_eq!(kind(header), "udp", "{header}");
        }
    }
}
