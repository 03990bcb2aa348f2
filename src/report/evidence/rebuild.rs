//! Packets built anew from what was decoded of them.
//!
//! What is not known of a packet cannot be given away by it: an option, a
//! trailer, a tunnel's own addresses. And what an analysis reads of a packet is
//! exactly what was decoded, so that it sees no difference.

use core::net::IpAddr;

use crate::base::LinkType;
use crate::report::redact::Redactor;
use crate::wire::{Datagram, IcmpError, IpFacts, Segment, TcpHeader};

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Its length is written in four bits, in words of four bytes (RFC 9293 §3.1).
const MAX_TCP_HEADER: usize = 60;
/// Where a frame went, if that is not known: a locally administered address.
const SOMEWHERE: [u8; 6] = [2, 0, 0, 0, 0, 0];

/// A frame.
pub(super) struct Rebuilt {
    pub(super) link: LinkType,
    pub(super) data: Vec<u8>,
    pub(super) original_len: u32,
}

/// A transport header with what was captured of its payload.
struct Body {
    protocol: u8,
    bytes: Vec<u8>,
    /// The length on the wire.
    len: u32,
    /// Where its checksum stands.
    checksum: usize,
}

impl Rebuilt {
    /// A segment under pseudonyms, with another payload, which may be shorter.
    pub(super) fn tcp(segment: &Segment<'_>, payload: &[u8], to: Option<[u8; 6]>, redactor: &Redactor) -> Self {
        let link = segment.source_mac.map(|from| Link {
            from: redactor.mac(from),
            to: to.map_or(SOMEWHERE, |to| redactor.mac(to)),
            vlan: segment.vlan,
        });
        Self::new(&hidden(segment.ip, Some(redactor)), segment_body(segment, payload), link)
    }

    /// A segment that came in fragments.
    pub(super) fn tcp_as_it_was(segment: &Segment<'_>) -> Self {
        Self::new(&segment.ip, segment_body(segment, segment.payload), None)
    }

    /// A datagram.
    pub(super) fn udp(datagram: &Datagram<'_>, redactor: Option<&Redactor>) -> Self {
        let len = datagram.payload_len.saturating_add(8);
        let mut bytes = Vec::with_capacity(8_usize.saturating_add(datagram.payload.len()));
        bytes.extend(datagram.source_port.to_be_bytes());
        bytes.extend(datagram.destination_port.to_be_bytes());
        bytes.extend(u16::try_from(len).unwrap_or(0).to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend_from_slice(datagram.payload);
        Self::new(&hidden(datagram.ip, redactor), Body { protocol: UDP, bytes, len, checksum: 6 }, None)
    }

    /// An ICMP error with as much of the packet that it quotes as a router must
    /// send: the IP header and eight bytes.
    pub(super) fn icmp(error: &IcmpError, redactor: Option<&Redactor>) -> Self {
        let is_v4 = error.ip.src.is_ipv4();
        let quoted = IpFacts {
            src: error.quoted_source.0,
            dst: error.quoted_destination.0,
            ttl: 1,
            id: Some(0),
            dont_fragment: is_v4,
            traffic_class: 0,
            flow_label: Some(0),
            total_len: error.quoted_len,
            reassembled: false,
        };
        let quoted = hidden(quoted, redactor);
        let mut front = Vec::new();
        front.extend(error.quoted_source.1.to_be_bytes());
        front.extend(error.quoted_destination.1.to_be_bytes());
        if let Some(seq) = error.quoted_seq {
            front.extend(seq.to_be_bytes());
        }
        let mut bytes = vec![error.kind, error.code, 0, 0];
        bytes.extend(error.mtu.unwrap_or_default().to_be_bytes());
        bytes.extend(ip_header(&quoted, error.quoted_protocol, error.quoted_len));
        bytes.extend(front);
        let protocol = if is_v4 { ICMP } else { ICMPV6 };
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self::new(&hidden(error.ip, redactor), Body { protocol, bytes, len, checksum: 2 }, None)
    }

    fn new(ip: &IpFacts, mut body: Body, link: Option<Link>) -> Self {
        fill_checksum(ip, &mut body);
        let header_len = if ip.src.is_ipv4() { 20_u32 } else { 40 };
        let total = body.len.saturating_add(header_len);
        let (kind, mut data) = link.map_or((LinkType::RAW, Vec::new()), |link| (LinkType::ETHERNET, link.header(ip)));
        let original_len = total.saturating_add(u32::try_from(data.len()).unwrap_or_default());
        data.extend(ip_header(ip, body.protocol, total));
        data.extend(body.bytes);
        Self { link: kind, data, original_len }
    }
}

/// An Ethernet header to be.
struct Link {
    from: [u8; 6],
    to: [u8; 6],
    vlan: Option<u16>,
}

impl Link {
    fn header(&self, ip: &IpFacts) -> Vec<u8> {
        let mut header = [self.to, self.from].concat();
        if let Some(vlan) = self.vlan {
            header.extend([0x81, 0]);
            header.extend(vlan.to_be_bytes());
        }
        header.extend(if ip.src.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] });
        header
    }
}

fn hidden(ip: IpFacts, redactor: Option<&Redactor>) -> IpFacts {
    let Some(redactor) = redactor else { return ip };
    IpFacts { src: redactor.address(ip.src), dst: redactor.address(ip.dst), ..ip }
}

fn ip_header(ip: &IpFacts, protocol: u8, total: u32) -> Vec<u8> {
    match (ip.src, ip.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            // Segmentation offload: longer than the field is written as 0.
            let total = u16::try_from(total).unwrap_or(0).to_be_bytes();
            let id = ip.id.unwrap_or_default().to_be_bytes();
            let flags = if ip.dont_fragment { 0x40 } else { 0 };
            let mut header =
                vec![0x45, ip.traffic_class, total[0], total[1], id[0], id[1], flags, 0, ip.ttl, protocol, 0, 0];
            header.extend(src.octets());
            header.extend(dst.octets());
            let sum = checksum([header.as_slice()]);
            if let Some(place) = header.get_mut(10..12) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
            header
        }
        (src, dst) => {
            let class = u32::from(ip.traffic_class) << 20;
            let first = 6 << 28 | class | ip.flow_label.unwrap_or_default() & 0xf_ffff;
            let mut header = first.to_be_bytes().to_vec();
            header.extend(u16::try_from(total.saturating_sub(40)).unwrap_or(0).to_be_bytes());
            header.extend([protocol, ip.ttl]);
            header.extend(octets(src));
            header.extend(octets(dst));
            header
        }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn segment_body(segment: &Segment<'_>, payload: &[u8]) -> Body {
    let tcp = &segment.tcp;
    let options = options(tcp);
    // The header stays as long as it was, which is what IP's length and the
    // payload's leave; options that nobody knows become padding.
    let ip_header = if segment.ip.src.is_ipv4() { 20 } else { 40 };
    let was = segment.ip.total_len.saturating_sub(segment.payload_len).saturating_sub(ip_header);
    let was = usize::try_from(was).unwrap_or(0).min(MAX_TCP_HEADER);
    let len = options.len().saturating_add(20).max(was).next_multiple_of(4).min(MAX_TCP_HEADER);
    let mut bytes = Vec::with_capacity(len.saturating_add(payload.len()));
    bytes.extend(tcp.source_port.to_be_bytes());
    bytes.extend(tcp.destination_port.to_be_bytes());
    bytes.extend(tcp.seq.to_be_bytes());
    bytes.extend(tcp.ack.to_be_bytes());
    bytes.push(u8::try_from(len / 4).unwrap_or(5) << 4);
    bytes.push(tcp.flags.0);
    bytes.extend(tcp.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    bytes.resize(len, 1);
    bytes.extend_from_slice(payload);
    let len = u32::try_from(len).unwrap_or_default().saturating_add(segment.payload_len);
    Body { protocol: TCP, bytes, len, checksum: 16 }
}

fn options(tcp: &TcpHeader) -> Vec<u8> {
    let known = &tcp.options;
    let mut options = Vec::new();
    if let Some(mss) = known.mss {
        options.extend([2, 4]);
        options.extend(mss.to_be_bytes());
    }
    if let Some(shift) = known.window_scale {
        options.extend([1, 3, 3, shift]);
    }
    if known.sack_permitted {
        options.extend([1, 1, 4, 2]);
    }
    if let Some((value, echo)) = known.timestamps {
        options.extend([1, 1, 8, 10]);
        options.extend(value.to_be_bytes());
        options.extend(echo.to_be_bytes());
    }
    let blocks = known.sack.iter().take(known.sack_count.into());
    // With timestamps there is room for three.
    let room = MAX_TCP_HEADER.saturating_sub(20).saturating_sub(options.len()).saturating_sub(4) / 8;
    let blocks: Vec<_> = blocks.take(room).collect();
    if !blocks.is_empty() {
        options.extend([1, 1, 5]);
        options.push(u8::try_from(blocks.len().saturating_mul(8).saturating_add(2)).unwrap_or(2));
        for (left, right) in blocks {
            options.extend(left.to_be_bytes());
            options.extend(right.to_be_bytes());
        }
    }
    options
}

/// The checksum of the whole packet, where what was not captured is zeros.
fn fill_checksum(ip: &IpFacts, body: &mut Body) {
    let pseudo = match body.protocol {
        ICMP => Vec::new(),
        protocol => {
            let mut pseudo = [octets(ip.src), octets(ip.dst)].concat();
            pseudo.extend(body.len.to_be_bytes());
            pseudo.extend([0, 0, 0, protocol]);
            pseudo
        }
    };
    let mut sum = checksum([pseudo.as_slice(), &body.bytes]);
    if body.protocol == UDP && sum == 0 {
        sum = u16::MAX;
    }
    let end = body.checksum.saturating_add(2);
    if let Some(place) = body.bytes.get_mut(body.checksum..end) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// RFC 1071, over parts of which all but the last have an even length.
fn checksum<const N: usize>(parts: [&[u8]; N]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (pairs, odd) = part.as_chunks::<2>();
        sum = pairs.iter().fold(sum, |sum, pair| sum.saturating_add(u16::from_be_bytes(*pair).into()));
        if let [last] = odd {
            sum = sum.saturating_add(u64::from(*last) << 8);
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff).saturating_add(sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoded, TcpFlags, TcpOptions, decode};

    fn segment(payload: &[u8], v6: bool) -> Segment<'_> {
        let address = |n: u8| -> IpAddr {
            if v6 {
                core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()).into()
            } else {
                [10, 1, 2, n].into()
            }
        };
        let header = if v6 { 40 } else { 20 };
        Segment {
            ip: IpFacts {
                src: address(1),
                dst: address(2),
                ttl: 57,
                id: (!v6).then_some(4711),
                dont_fragment: true,
                traffic_class: 8,
                flow_label: v6.then_some(0x12345),
                total_len: header + 44 + payload.len() as u32,
                reassembled: false,
            },
            source_mac: Some([0, 1, 2, 3, 4, 5]),
            vlan: Some(7),
            tunnels: 0,
            tcp: TcpHeader {
                source_port: 50_000,
                destination_port: 3389,
                seq: 1,
                ack: 2,
                flags: TcpFlags(TcpFlags::ACK | TcpFlags::PSH),
                window: 512,
                options: TcpOptions {
                    timestamps: Some((5, 6)),
                    sack: [(9, 10), (0, 0), (0, 0), (0, 0)],
                    sack_count: 1,
                    ..TcpOptions::default()
                },
            },
            payload,
            payload_len: payload.len() as u32,
        }
    }

    #[test]
    fn what_is_decoded_again_is_the_same_under_a_pseudonym() {
        let redactor = Redactor::new([9; 32]);
        for v6 in [false, true] {
            let was = segment(b"payload", v6);
            let built = Rebuilt::tcp(&was, was.payload, Some([0, 9, 9, 9, 9, 9]), &redactor);
            let Decoded::Tcp(again) = decode(built.link, &built.data, built.original_len) else { panic!() };
            assert_eq!(again.tcp, was.tcp);
            assert_eq!((again.payload, again.payload_len, again.vlan), (was.payload, was.payload_len, was.vlan));
            assert_eq!(again.source_mac, Some(redactor.mac([0, 1, 2, 3, 4, 5])));
            let (src, dst) = (redactor.address(was.ip.src), redactor.address(was.ip.dst));
            assert_eq!(again.ip, IpFacts { src, dst, ..was.ip });
        }
    }
}
