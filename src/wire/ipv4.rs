//! The IPv4 header (RFC 791 §3.1).

use core::net::IpAddr;

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::IpFacts;
use super::extent::Extent;
use super::ip::{Packet, Part};
use crate::base::ParseError;

/// Reads the header; options are skipped.
///
/// A total length of 0 is a packet that the network card was to cut into
/// segments (segmentation offload, BIG TCP): its length is the frame's.
pub(super) fn packet(extent: Extent<'_>) -> Result<Packet<'_>, ParseError> {
    let header = Ipv4HeaderSlice::from_slice(extent.bytes()).map_err(|error| extent.blame(address(error)))?;
    let header_len = header.slice().len();
    let whole = match u32::from(header.total_len()) {
        0 => extent,
        len if len >= u32::from(header.ihl()) * 4 => extent.sized(len, "ip.len"),
        _ => return Err(ParseError::malformed("ip", "len", 2)),
    };
    let id = header.identification();
    let part = header.is_fragmenting_payload().then(|| Part {
        id: u32::from(id),
        offset: u32::from(header.fragments_offset().value()) * 8,
        more: header.more_fragments(),
    });
    let ip = IpFacts {
        src: IpAddr::V4(header.source_addr()),
        dst: IpAddr::V4(header.destination_addr()),
        ttl: header.ttl(),
        id: Some(id),
        dont_fragment: header.dont_fragment(),
        traffic_class: (header.dcp().value() << 2) | header.ecn().value(),
        flow_label: None,
        total_len: whole.len(),
        reassembled: false,
    };
    Ok(Packet { ip, protocol: header.protocol().0, part, body: whole.after(header_len) })
}

fn address(error: HeaderSliceError) -> ParseError {
    match error {
        HeaderSliceError::Len(len) => ParseError::short("ip", "header", 0, len.required_len, len.len),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => ParseError::malformed("ip", "version", 0),
        HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { .. }) => {
            ParseError::malformed("ip", "hdr_len", 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Cause, LimitSource, LinkType};
    use crate::wire::frame_samples::{CONNECTION_REQUEST, ether, ipv4, with_ipv4_length};
    use crate::wire::{Decoded, decode};

    fn decode_framed(packet: &[u8], original_len: u32) -> String {
        let frame = ether(0x0800, packet);
        match decode(LinkType::ETHERNET, &frame, original_len) {
            Decoded::Tcp(segment) => {
                format!("{} of {}, ip {}", segment.payload.len(), segment.payload_len, segment.ip.total_len)
            }
            Decoded::Failed(error) => error.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_four_ends_of_a_packet() {
        let packet = ipv4();
        let padded = [packet.clone(), vec![0; 9]].concat();
        assert_eq!(decode_framed(&packet, 85), "19 of 19, ip 71");
        assert_eq!(decode_framed(&padded, 94), "19 of 19, ip 71");
        // Snap length 80, and a mirror that cut the packet itself.
        assert_eq!(decode_framed(&packet[..66], 85), "14 of 19, ip 71");
        assert_eq!(decode_framed(&packet[..66], 80), "14 of 19, ip 71");
        // Segmentation offload: the frame's length counts, captured or not.
        let offloaded = with_ipv4_length(&packet, 0);
        assert_eq!(decode_framed(&offloaded, 85), "19 of 19, ip 71");
        assert_eq!(decode_framed(&offloaded, 3014), "19 of 2948, ip 3000");
        // A writer that claims less than it wrote.
        assert_eq!(decode_framed(&offloaded, 0), "19 of 19, ip 71");
    }

    #[test]
    fn a_total_length_inside_the_tcp_header_is_the_headers_fault() {
        let frame = ether(0x0800, &with_ipv4_length(&ipv4(), 33));
        let Decoded::Failed(error) = decode(LinkType::ETHERNET, &frame, 85) else { panic!() };
        assert_eq!((error.cause, error.limit), (Cause::Malformed, LimitSource::LengthField("ip.len")));
        assert_eq!(decode_framed(&with_ipv4_length(&ipv4(), 19), 85), "ip: len at byte 2 holds no valid value");
    }

    #[test]
    fn another_version_is_no_ipv4() {
        let mut packet = ipv4();
        packet[0] = 0x55;
        assert_eq!(decode_framed(&packet, 85), "ip: version at byte 0 holds no valid value");
        packet[0] = 0x44;
        assert_eq!(decode_framed(&packet, 85), "ip: hdr_len at byte 0 holds no valid value");
    }

    #[test]
    fn the_facts_of_the_header() {
        let mut packet = ipv4();
        packet[1] = 0xb9;
        packet[6] = 0;
        let Decoded::Tcp(segment) = decode(LinkType::RAW, &packet, 71) else { panic!() };
        assert_eq!((segment.ip.traffic_class, segment.ip.dont_fragment, segment.ip.flow_label), (0xb9, false, None));
        assert_eq!((segment.ip.src.to_string().as_str(), segment.ip.id), ("127.0.0.1", Some(0x83c6)));
    }

    #[test]
    fn a_fragment_is_handed_on_as_one() {
        let mut packet = ipv4();
        packet[6..8].copy_from_slice(&[0x20, 0x03]);
        let Decoded::Fragment(fragment) = decode(LinkType::RAW, &packet, 71) else { panic!() };
        assert_eq!((fragment.id, fragment.protocol, fragment.offset, fragment.more), (0x83c6, 6, 24, true));
        assert_eq!((fragment.bytes.len(), fragment.len), (51, 51));
        assert!(fragment.bytes.ends_with(&CONNECTION_REQUEST));
        packet[6..8].copy_from_slice(&[0x00, 0x01]);
        let Decoded::Fragment(fragment) = decode(LinkType::RAW, &packet, 71) else { panic!() };
        assert_eq!((fragment.offset, fragment.more), (8, false));
    }
}
