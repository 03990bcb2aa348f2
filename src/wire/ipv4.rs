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
