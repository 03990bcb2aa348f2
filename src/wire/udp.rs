//! The UDP header (RFC 768), and the tunnels that are told by their port.

use super::extent::Extent;
use super::tunnel::{Envelope, Step};
use super::{Decoded, IpFacts, geneve, segment, vxlan};
use crate::base::ParseError;

/// Length of the header.
pub(super) const HEADER_LEN: u16 = 8;

/// A UDP datagram, or what its tunnel carries.
pub(super) fn decode<'a>(ip: IpFacts, body: Extent<'a>, envelope: Envelope) -> Step<'a> {
    let ((source_port, destination_port, length), _) = body.read("udp", |c| {
        let header = (c.u16_be("srcport")?, c.u16_be("dstport")?, c.u16_be("length")?);
        c.skip(2, "checksum")?;
        Ok(header)
    })?;
    let datagram = match length {
        // A jumbogram or segmentation offload: IP's length is all there is.
        0 => body,
        HEADER_LEN.. => body.at_most(u32::from(length), "udp.length"),
        _ => return Err(ParseError::malformed("udp", "length", 4)),
    };
    let payload = datagram.after(usize::from(HEADER_LEN));
    match destination_port {
        vxlan::PORT | vxlan::PORT_LINUX if vxlan::is_plausible(payload.bytes()) => vxlan::decode(payload, envelope),
        geneve::PORT if geneve::is_plausible(payload.bytes()) => geneve::decode(payload, envelope),
        _ => {
            let (payload, payload_len) = (payload.bytes(), payload.len());
            Ok(Decoded::Udp(segment::Datagram { ip, source_port, destination_port, payload, payload_len }))
        }
    }
}

/// Whether datagrams to `port` may be tunnels.
pub(super) const fn is_tunnel_port(port: u16) -> bool {
    matches!(port, vxlan::PORT | vxlan::PORT_LINUX | geneve::PORT)
}

#[cfg(test)]
mod tests {
    use crate::base::LinkType;
    use crate::wire::frame_samples::{hex, ipv4_with, udp};
    use crate::wire::{Decoded, decode};

    #[test]
    fn the_length_field() {
        let with_length = |digits: &str| {
            let mut packet = ipv4_with(17, &udp(3389, b"twelve bytes"));
            packet[24..26].copy_from_slice(&hex(digits));
            match decode(LinkType::RAW, &packet, 40) {
                Decoded::Udp(datagram) => Some((datagram.payload.len(), datagram.payload_len)),
                Decoded::Failed(_) => None,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(with_length("0014"), Some((12, 12)));
        assert_eq!(with_length("000c"), Some((4, 4)), "padding inside IP");
        assert_eq!(with_length("0000"), Some((12, 12)), "offload");
        assert_eq!(with_length("ffff"), Some((12, 12)), "IP has the last word");
        assert_eq!(with_length("0007"), None);
    }
}
