//! The IPv6 header (RFC 8200 §3); what follows it is in `extension`.

use core::net::IpAddr;

use etherparse::Ipv6HeaderSlice;
use etherparse::err::ipv6::{HeaderError, HeaderSliceError};

use super::IpFacts;
use super::extent::Extent;
use super::ip::Packet;
use crate::base::ParseError;

/// Length of the fixed header.
pub(super) const HEADER_LEN: u16 = 40;

/// Reads the fixed header.
///
/// A payload length of 0 is a jumbogram (RFC 2675) or segmentation offload: its
/// length is the frame's, which the jumbo option could only repeat.
pub(super) fn packet(extent: Extent<'_>) -> Result<Packet<'_>, ParseError> {
    let header = Ipv6HeaderSlice::from_slice(extent.bytes()).map_err(|error| extent.blame(address(error)))?;
    let whole = match u32::from(header.payload_length()) {
        0 => extent,
        len => extent.sized(len + u32::from(HEADER_LEN), "ipv6.plen"),
    };
    let ip = IpFacts {
        src: IpAddr::V6(header.source_addr()),
        dst: IpAddr::V6(header.destination_addr()),
        ttl: header.hop_limit(),
        id: None,
        dont_fragment: true,
        traffic_class: header.traffic_class(),
        flow_label: Some(header.flow_label().value()),
        total_len: whole.len(),
        reassembled: false,
    };
    Ok(Packet { ip, protocol: header.next_header().0, part: None, body: whole.after(usize::from(HEADER_LEN)) })
}

fn address(error: HeaderSliceError) -> ParseError {
    match error {
        HeaderSliceError::Len(len) => ParseError::short("ipv6", "header", 0, len.required_len, len.len),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => ParseError::malformed("ipv6", "version", 0),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::LinkType;
    use crate::wire::frame_samples::ipv6;
    use crate::wire::{Decoded, decode};

    #[test]
    fn the_facts_of_the_header() {
        let mut packet = ipv6();
        packet[1] = 0x29;
        let Decoded::Tcp(segment) = decode(LinkType::RAW, &packet, 91) else { panic!() };
        assert_eq!((segment.ip.ttl, segment.ip.id, segment.ip.total_len), (64, None, 91));
        assert_eq!((segment.ip.traffic_class, segment.ip.flow_label), (2, Some(0x9_5d67)));
        assert!(segment.ip.dont_fragment && segment.ip.src.is_loopback());
    }

    #[test]
    fn a_header_cut_short_says_so() {
        let packet = ipv6();
        let decoded = decode(LinkType::RAW, &packet[..30], 91);
        let Decoded::Failed(error) = decoded else { panic!("{decoded:?}") };
        assert_eq!(error.to_string(), "ipv6: header at byte 0 needs 40 bytes, 30 were captured");
    }
}
