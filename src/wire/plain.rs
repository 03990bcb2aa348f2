//! The plain shape decoded at once: Ethernet without tags, IPv4 without options
//! or IPv6 without extension headers, a TCP header captured whole, no tunnel.
//!
//! Nearly every packet of nearly every capture is of this shape, and all its
//! fields stand at fixed offsets: reading them takes a fifth of what
//! [`decode`](super::decode) takes, which is made for what lies beyond.
//!
//! Law: what this gives, [`decode`](super::decode) gives as well.

use core::net::IpAddr;

use super::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions, ether, ip, tcp};
use crate::base::LinkType;

/// The segment in a frame of the plain shape; `None` for every other frame,
/// whatever is in it.
#[must_use]
#[inline]
pub fn plain(link: LinkType, frame: &[u8], original_len: u32) -> Option<Segment<'_>> {
    if link != LinkType::ETHERNET {
        return None;
    }
    let (header, packet) = frame.split_first_chunk::<{ ether::HEADER_LEN }>()?;
    let &[_, _, _, _, _, _, m0, m1, m2, m3, m4, m5, type_1, type_2] = header;
    // What is beyond the frame was not captured.
    let room = original_len.max(len(frame)).saturating_sub(len(header));
    let mac = [m0, m1, m2, m3, m4, m5];
    // Each to its end, so that no header is put together twice.
    match u16::from_be_bytes([type_1, type_2]) {
        ether::IPV4 => ipv4(packet, room).and_then(|(ip, body)| segment(ip, body, mac)),
        ether::IPV6 => ipv6(packet, room).and_then(|(ip, body)| segment(ip, body, mac)),
        _ => None,
    }
}

/// What follows an IP header: the captured bytes, and their length on the wire.
struct Body<'a> {
    bytes: &'a [u8],
    len: u32,
}

impl<'a> Body<'a> {
    /// `bytes` are cut where the header says that the packet ends; what is
    /// missing up to there was not captured.
    fn sized(bytes: &'a [u8], len: u32) -> Self {
        Self { bytes: bytes.get(..len as usize).unwrap_or(bytes), len }
    }
}

/// IPv4 (RFC 791 §3.1): 20 bytes of header, not a fragment, TCP.
#[inline]
fn ipv4(packet: &[u8], room: u32) -> Option<(IpFacts, Body<'_>)> {
    const HEADER_LEN: u32 = 20;
    const VERSION_4_FIVE_WORDS: u8 = 0x45;
    const DONT_FRAGMENT: u8 = 0x40;
    const RESERVED: u8 = 0x80;
    let (header, rest) = packet.split_first_chunk::<20>()?;
    let &[first, traffic_class, len_1, len_2, id_1, id_2, fragment_1, fragment_2, ttl, protocol, _, _, ends @ ..] =
        header;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = ends;
    let is_whole = fragment_1 & !(DONT_FRAGMENT | RESERVED) == 0 && fragment_2 == 0;
    if first != VERSION_4_FIVE_WORDS || !is_whole || protocol != ip::TCP {
        return None;
    }
    // 0: segmentation offload; the packet ends with the frame.
    let total_len = match u16::from_be_bytes([len_1, len_2]) {
        0 => room,
        len => u32::from(len),
    };
    let facts = IpFacts {
        src: IpAddr::from([s0, s1, s2, s3]),
        dst: IpAddr::from([d0, d1, d2, d3]),
        ttl,
        id: Some(u16::from_be_bytes([id_1, id_2])),
        dont_fragment: fragment_1 & DONT_FRAGMENT != 0,
        traffic_class,
        flow_label: None,
        total_len,
        reassembled: false,
    };
    Some((facts, Body::sized(rest, total_len.checked_sub(HEADER_LEN)?)))
}

/// IPv6 (RFC 8200 §3), TCP right behind the header, its length given.
#[inline]
fn ipv6(packet: &[u8], room: u32) -> Option<(IpFacts, Body<'_>)> {
    const HEADER_LEN: u32 = 40;
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let (&[v0, v1, v2, v3, len_1, len_2, protocol, ttl], ends) = header.split_first_chunk::<8>()?;
    let (src, dst) = (ends.first_chunk::<16>()?, ends.last_chunk::<16>()?);
    let len = u32::from(u16::from_be_bytes([len_1, len_2]));
    if v0 >> 4 != 6 || protocol != ip::TCP || len == 0 || room < HEADER_LEN {
        return None;
    }
    let word = u32::from_be_bytes([v0, v1, v2, v3]);
    let facts = IpFacts {
        src: IpAddr::from(*src),
        dst: IpAddr::from(*dst),
        ttl,
        id: None,
        dont_fragment: true,
        traffic_class: (v0 << 4) | (v1 >> 4),
        flow_label: Some(word & 0x000f_ffff),
        total_len: HEADER_LEN.saturating_add(len),
        reassembled: false,
    };
    Some((facts, Body::sized(rest, len)))
}

/// TCP (RFC 9293 §3.1), its header captured whole.
#[inline]
fn segment<'a>(ip: IpFacts, body: Body<'a>, source_mac: [u8; 6]) -> Option<Segment<'a>> {
    let (header, rest) = body.bytes.split_first_chunk::<{ tcp::HEADER_LEN }>()?;
    let &[p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, _, _] = header;
    let options_len = usize::from(offset >> 4).checked_mul(4)?.checked_sub(tcp::HEADER_LEN)?;
    let (options, payload) = rest.split_at_checked(options_len)?;
    let tcp = TcpHeader {
        source_port: u16::from_be_bytes([p0, p1]),
        destination_port: u16::from_be_bytes([p2, p3]),
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        options: self::options(options),
    };
    let header_len = len(header).saturating_add(len(options));
    let payload_len = body.len.saturating_sub(header_len);
    Some(Segment { ip, source_mac: Some(source_mac), vlan: None, tunnels: 0, tcp, payload, payload_len })
}

/// Options as established connections carry them (RFC 7323 appendix A): none,
/// or a timestamp behind two fillers. What else there is, is read one by one.
#[inline]
fn options(bytes: &[u8]) -> TcpOptions {
    match *bytes {
        [] => TcpOptions::default(),
        [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] => TcpOptions {
            timestamps: Some((u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]))),
            ..TcpOptions::default()
        },
        _ => tcp::options(bytes),
    }
}

/// Lengths inside a frame; no frame is 4 GiB long.
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
