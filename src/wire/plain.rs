//! The plain shape, read where it stands: Ethernet without tags, IPv4 without
//! options or IPv6 without extension headers, a TCP header captured whole, no
//! tunnel.
//!
//! Nearly every packet of nearly every capture is of this shape, and all its
//! fields stand at fixed offsets: reading them takes a fifth of what
//! [`decode`](super::decode) takes, which is made for what lies beyond. Most
//! packets are none of ours, so nothing is read before it is asked for.
//!
//! Law: what this gives, [`decode`](super::decode) gives as well.

mod hint;
mod outline;

pub use hint::Hint;
pub use outline::{Look, Outline, V4, V6};

use core::net::IpAddr;

use super::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions, ether, ip, tcp};
use crate::base::LinkType;

const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;

/// Among the flags of IPv4 (RFC 791 §3.1).
const DONT_FRAGMENT: u8 = 0x40;

/// A frame of the plain shape.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    frame: &'a [u8],
    ether: &'a [u8; ether::HEADER_LEN],
    ip: Ip<'a>,
    tcp: &'a [u8; tcp::HEADER_LEN],
    /// What the frame holds behind the 20 bytes of the TCP header.
    rest: &'a [u8],
}

/// Where the parts of a segment lie whose lengths agree.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    total_len: u32,
    options: &'a [u8],
    payload: &'a [u8],
    payload_len: u32,
}

/// Headers of Ethernet, IPv4 and TCP without options, and what is behind them.
type HeadersV4<'a> = (&'a [u8; ether::HEADER_LEN], &'a [u8; IPV4_LEN], &'a [u8; tcp::HEADER_LEN], &'a [u8]);

#[derive(Clone, Copy, Debug)]
enum Ip<'a> {
    V4(&'a [u8; IPV4_LEN]),
    V6(&'a [u8; IPV6_LEN]),
}

impl<'a> Plain<'a> {
    /// The frame, if it is of the plain shape.
    #[must_use]
    #[inline]
    pub fn of(link: LinkType, frame: &'a [u8]) -> Option<Self> {
        if link != LinkType::ETHERNET {
            return None;
        }
        let (ether, ip, tcp, rest) = Self::split_v4(frame)?;
        match ether_type(ether) {
            ether::IPV4 if is_plain_ipv4(ip) && has_room_for_header(tcp) => {
                Some(Self { frame, ether, ip: Ip::V4(ip), tcp, rest })
            }
            ether::IPV6 => Self::v6(frame, ether),
            _ => None,
        }
    }

    /// The same for a frame of which [`Hint::of`] gave a hint: its shape was looked
    /// at and is not looked at again.
    #[must_use]
    #[inline(always)]
    pub fn hinted(frame: &'a [u8]) -> Option<Self> {
        let (ether, ip, tcp, rest) = Self::split_v4(frame)?;
        Some(Self { frame, ether, ip: Ip::V4(ip), tcp, rest })
    }

    /// The frame as it is divided if it is of IPv4. One look at the length for all.
    #[inline(always)]
    fn split_v4(frame: &'a [u8]) -> Option<HeadersV4<'a>> {
        let (headers, rest) = frame.split_first_chunk::<{ ether::HEADER_LEN + IPV4_LEN + tcp::HEADER_LEN }>()?;
        let (ether, packet) = headers.split_first_chunk::<{ ether::HEADER_LEN }>()?;
        let (ip, tcp) = packet.split_first_chunk::<IPV4_LEN>()?;
        Some((ether, ip, tcp.first_chunk()?, rest))
    }

    fn v6(frame: &'a [u8], ether: &'a [u8; ether::HEADER_LEN]) -> Option<Self> {
        let (ip, segment) = frame.get(ether::HEADER_LEN..)?.split_first_chunk::<IPV6_LEN>()?;
        let (tcp, rest) = segment.split_first_chunk()?;
        (is_plain_ipv6(ip) && has_room_for_header(tcp)).then_some(Self { frame, ether, ip: Ip::V6(ip), tcp, rest })
    }

    /// All of it.
    #[must_use]
    pub const fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// Source and destination port.
    #[must_use]
    #[inline]
    pub const fn ports(&self) -> (u16, u16) {
        let &[p0, p1, p2, p3, ..] = self.tcp;
        (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([p2, p3]))
    }

    /// Control bits.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> TcpFlags {
        let &[_, _, _, _, _, _, _, _, _, _, _, _, _, flags, ..] = self.tcp;
        TcpFlags(flags)
    }

    /// The captured payload, padding and trailers removed; nothing where the
    /// lengths contradict each other.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        let sizes = self.sizes(0);
        let body = sizes.map_or(&[][..], |(_, body)| self.rest.get(..body as usize).unwrap_or(self.rest));
        body.get(self.options_len()..).unwrap_or_default()
    }

    /// The segment; `None` where its lengths contradict each other, or where its
    /// header was not captured whole. `original_len`: the frame's on the wire.
    #[must_use]
    #[inline]
    pub fn segment(&self, original_len: u32) -> Option<Segment<'a>> {
        Some(self.read(self.parts(original_len)?))
    }

    /// The segment of these parts, put together where it is to lie: it is large,
    /// and an `Option` around it would be moved.
    #[must_use]
    #[inline(always)]
    pub fn read(&self, parts: Parts<'a>) -> Segment<'a> {
        // Each to its end, so that no header is put together twice.
        match self.ip {
            Ip::V4(header) => self.put_together(ipv4(header, parts.total_len), parts),
            Ip::V6(header) => self.put_together(ipv6(header, parts.total_len), parts),
        }
    }

    #[inline(always)]
    fn put_together(&self, ip: IpFacts, parts: Parts<'a>) -> Segment<'a> {
        let &[_, _, _, _, _, _, m0, m1, m2, m3, m4, m5, ..] = self.ether;
        let &[p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, _, flags, w0, w1, ..] = self.tcp;
        let mut segment = Segment {
            ip,
            source_mac: Some([m0, m1, m2, m3, m4, m5]),
            vlan: None,
            tunnels: 0,
            tcp: TcpHeader {
                source_port: u16::from_be_bytes([p0, p1]),
                destination_port: u16::from_be_bytes([p2, p3]),
                seq: u32::from_be_bytes([s0, s1, s2, s3]),
                ack: u32::from_be_bytes([a0, a1, a2, a3]),
                flags: TcpFlags(flags),
                window: u16::from_be_bytes([w0, w1]),
                options: TcpOptions::default(),
            },
            payload: parts.payload,
            payload_len: parts.payload_len,
        };
        // As established connections carry them (RFC 7323 appendix A): none, or
        // a timestamp behind two fillers. What else there is, is read one by one.
        match *parts.options {
            [] => {}
            [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] => {
                let (value, echo) = (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]));
                segment.tcp.options.timestamps = Some((value, echo));
            }
            _ => segment.tcp.options = tcp::options(parts.options),
        }
        segment
    }

    /// Where the parts of the segment lie; as [`segment`](Self::segment).
    #[must_use]
    #[inline]
    pub fn parts(&self, original_len: u32) -> Option<Parts<'a>> {
        let (total_len, body_len) = self.sizes(original_len)?;
        // What is beyond the packet is the frame's; what is missing up to there
        // was not captured.
        let body = self.rest.get(..body_len as usize).unwrap_or(self.rest);
        let (options, payload) = body.split_at_checked(self.options_len())?;
        Some(Parts { total_len, options, payload, payload_len: body_len.saturating_sub(len(options)) })
    }

    /// The length of the IP packet on the wire, and of what it has behind the
    /// TCP header's 20 bytes.
    #[inline]
    fn sizes(&self, original_len: u32) -> Option<(u32, u32)> {
        const IPV4_HEADERS: u32 = (IPV4_LEN + tcp::HEADER_LEN) as u32;
        match self.ip {
            Ip::V4(&[_, _, len_1, len_2, ..]) => {
                let total = match u16::from_be_bytes([len_1, len_2]) {
                    // Segmentation offload; the packet ends with the frame.
                    0 => original_len.max(len(self.frame)).saturating_sub(ether::HEADER_LEN as u32),
                    len => u32::from(len),
                };
                Some((total, total.checked_sub(IPV4_HEADERS)?))
            }
            Ip::V6(&[_, _, _, _, len_1, len_2, ..]) => {
                let len = u32::from(u16::from_be_bytes([len_1, len_2]));
                let beyond = len.checked_sub(tcp::HEADER_LEN as u32)?;
                Some((len.saturating_add(IPV6_LEN as u32), beyond))
            }
        }
    }

    /// INVARIANT: [`has_room_for_header`].
    #[inline]
    const fn options_len(&self) -> usize {
        let &[_, _, _, _, _, _, _, _, _, _, _, _, offset, ..] = self.tcp;
        ((offset >> 4) as usize).wrapping_mul(4).wrapping_sub(tcp::HEADER_LEN)
    }
}

#[inline]
const fn ether_type(header: &[u8; ether::HEADER_LEN]) -> u16 {
    let &[.., high, low] = header;
    u16::from_be_bytes([high, low])
}

/// RFC 791 §3.1: 20 bytes of header, not a fragment, TCP.
#[inline]
const fn is_plain_ipv4(header: &[u8; IPV4_LEN]) -> bool {
    const VERSION_4_FIVE_WORDS: u8 = 0x45;
    const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;
    let &[first, _, _, _, _, _, fragment_1, fragment_2, _, protocol, ..] = header;
    let fragment = u16::from_be_bytes([fragment_1, fragment_2]) & MORE_FRAGMENTS_AND_OFFSET;
    // One branch for the three.
    (first == VERSION_4_FIVE_WORDS) & (fragment == 0) & (protocol == ip::TCP)
}

/// RFC 8200 §3: TCP right behind the header, its length given.
#[inline]
const fn is_plain_ipv6(header: &[u8; IPV6_LEN]) -> bool {
    let &[first, _, _, _, len_1, len_2, next_header, ..] = header;
    first >> 4 == 6 && next_header == ip::TCP && u16::from_be_bytes([len_1, len_2]) != 0
}

/// RFC 9293 §3.1: a data offset of five words or more.
#[inline]
const fn has_room_for_header(tcp: &[u8; tcp::HEADER_LEN]) -> bool {
    let &[_, _, _, _, _, _, _, _, _, _, _, _, offset, ..] = tcp;
    offset >= 0x50
}

#[inline]
fn ipv4(header: &[u8; IPV4_LEN], total_len: u32) -> IpFacts {
    let &[_, traffic_class, _, _, id_1, id_2, fragment, _, ttl, _, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = header;
    IpFacts {
        src: IpAddr::from([s0, s1, s2, s3]),
        dst: IpAddr::from([d0, d1, d2, d3]),
        ttl,
        id: Some(u16::from_be_bytes([id_1, id_2])),
        dont_fragment: fragment & DONT_FRAGMENT != 0,
        traffic_class,
        flow_label: None,
        total_len,
        reassembled: false,
    }
}

#[inline]
fn ipv6(header: &[u8; IPV6_LEN], total_len: u32) -> IpFacts {
    const FLOW_LABEL: u32 = 0x000f_ffff;
    let &[v0, v1, v2, v3, _, _, _, ttl, ref addresses @ ..] = header;
    let (src, dst) = addresses.split_at(16);
    let address = |bytes: &[u8]| IpAddr::from(bytes.first_chunk::<16>().copied().unwrap_or_default());
    IpFacts {
        src: address(src),
        dst: address(dst),
        ttl,
        id: None,
        dont_fragment: true,
        traffic_class: (v0 << 4) | (v1 >> 4),
        flow_label: Some(u32::from_be_bytes([v0, v1, v2, v3]) & FLOW_LABEL),
        total_len,
        reassembled: false,
    }
}

/// Lengths inside a frame; no frame is 4 GiB long.
#[inline]
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
