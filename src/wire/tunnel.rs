//! What was around the packet that we are after, and how deep it may be buried.

use super::Decoded;
use crate::base::{Cause, ParseError};

/// How many tunnel headers are removed from one frame. Real paths nest two
/// (a mirrored copy of a VXLAN packet); the bound keeps a frame made of nothing
/// but tunnel headers from costing more than a few steps.
pub const MAX_TUNNELS: u8 = 4;

/// What a decoder of this floor returns.
pub(super) type Step<'a> = Result<Decoded<'a>, ParseError>;

/// What the layers around a packet said, kept for the segment inside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope {
    /// Source MAC address of the outermost frame.
    pub(super) source_mac: Option<[u8; 6]>,
    /// Innermost VLAN id of the outermost frame.
    pub(super) vlan: Option<u16>,
    /// Tunnel headers removed so far.
    pub(super) tunnels: u8,
}

impl Envelope {
    /// One tunnel deeper.
    pub(super) fn deeper(self) -> Result<Self, ParseError> {
        if self.tunnels < MAX_TUNNELS {
            Ok(Self { tunnels: self.tunnels.saturating_add(1), ..self })
        } else {
            Err(ParseError::malformed("tunnel", "depth", 0).because(Cause::NotUnderstood))
        }
    }

    /// Whether the layer being read belongs to the outermost frame.
    pub(super) const fn is_outermost(self) -> bool {
        self.tunnels == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::decode;
    use crate::wire::frame_samples::{hex, ipv4, ipv4_with, join};

    /// The Connection Request in `n` headers of IP in IP.
    fn nested(n: u8) -> Vec<u8> {
        (0..n).fold(ipv4(), |packet, _| ipv4_with(4, &packet))
    }

    #[test]
    fn the_depth_is_bounded_and_the_bound_is_visible() {
        let packet = nested(MAX_TUNNELS);
        let Decoded::Tcp(segment) = decode(LinkType::RAW, &packet, 0) else { panic!() };
        assert_eq!((segment.tunnels, segment.ip.ttl, segment.ip.total_len), (MAX_TUNNELS, 64, 71));
        let packet = nested(MAX_TUNNELS + 1);
        let Decoded::Failed(error) = decode(LinkType::RAW, &packet, 0) else { panic!() };
        assert_eq!((error.cause, error.layer), (Cause::NotUnderstood, "tunnel"));
    }

    #[test]
    fn no_frame_of_headers_alone_exhausts_the_stack() {
        let ether = hex("000000000000 000000000000");
        for (start, unit) in [
            ("8100", "0001 8100"),
            ("8100", "0001 0010 aaaa0300 00008100"),
            ("8864", "1100 0001 fff0 0281 00000100"),
            ("8847", "00000000"),
            ("8847", "00000100 00000000 0000000000000000 0000 8847"),
            ("05dc", "aaaa0300 000005dc"),
        ] {
            let frame = join(&[&ether, &hex(start), &hex(unit).repeat(20_000)]);
            let decoded = decode(LinkType::ETHERNET, &frame, 0);
            assert!(matches!(decoded, Decoded::Other | Decoded::Failed(_)), "{unit}: {decoded:?}");
        }
    }
}
