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
