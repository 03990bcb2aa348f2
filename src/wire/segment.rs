//! What the lower decoders hand to the flow floor: one packet's network and
//! transport facts.

use core::net::IpAddr;

use crate::base::ParseError;

/// What a frame turned out to hold, tunnels already removed.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram that is not a tunnel.
    Udp(Datagram<'a>),
    /// An ICMP or ICMPv6 error about a TCP or UDP packet.
    IcmpError(IcmpError),
    /// One fragment of an IP packet, to be put together by the flow floor.
    Fragment(Fragment<'a>),
    /// Well-formed and none of our business.
    Other,
    /// It could not be decoded up to the transport header.
    Failed(ParseError),
}

/// A TCP segment with the facts of the packet that carried it.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Facts of the (innermost) IP header.
    pub ip: IpFacts,
    /// Source MAC address of the (outermost) frame, where it has one.
    pub source_mac: Option<[u8; 6]>,
    /// Innermost VLAN id of the outermost frame.
    pub vlan: Option<u16>,
    /// How many tunnel headers were removed.
    pub tunnels: u8,
    /// The TCP header.
    pub tcp: TcpHeader,
    /// The captured payload, padding and trailers removed.
    pub payload: &'a [u8],
    /// The payload's length on the wire; more than `payload.len()` where the
    /// frame was cut short when captured.
    pub payload_len: u32,
}

/// A UDP datagram with the facts of the packet that carried it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Facts of the (innermost) IP header.
    pub ip: IpFacts,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The captured payload.
    pub payload: &'a [u8],
    /// The payload's length on the wire.
    pub payload_len: u32,
}

/// An ICMP error, with the flow of the packet that it complains about.
#[derive(Clone, Copy, Debug)]
pub struct IcmpError {
    /// Facts of the IP header that carried the error: `ip.src` reports it.
    pub ip: IpFacts,
    /// ICMP (or ICMPv6) type.
    pub kind: u8,
    /// ICMP (or ICMPv6) code.
    pub code: u8,
    /// The next-hop MTU of "fragmentation needed" or "packet too big".
    pub mtu: Option<u32>,
    /// The quoted packet's source.
    pub quoted_source: (IpAddr, u16),
    /// The quoted packet's destination.
    pub quoted_destination: (IpAddr, u16),
    /// The quoted packet's IP protocol (6 or 17).
    pub quoted_protocol: u8,
    /// The quoted TCP sequence number.
    pub quoted_seq: Option<u32>,
    /// The quoted packet's total IP length.
    pub quoted_len: u32,
}

/// One fragment of an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Facts of its own IP header (`ip.total_len` is the fragment's).
    pub ip: IpFacts,
    /// The IP protocol of the whole packet's payload.
    pub protocol: u8,
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Byte offset of `bytes` in the whole payload.
    pub offset: u32,
    /// Whether further fragments follow.
    pub more: bool,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Their length on the wire.
    pub len: u32,
}

/// The facts of an IP header that later floors reason about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpFacts {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub id: Option<u16>,
    /// IPv4 "don't fragment"; IPv6 packets are never fragmented on the way.
    pub dont_fragment: bool,
    /// IPv4 type of service or IPv6 traffic class.
    pub traffic_class: u8,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// The whole packet's length on the wire, IP header included. Where the
    /// header says 0 (segmentation offload), taken from the frame.
    pub total_len: u32,
    /// Whether this packet was put together from fragments.
    pub reassembled: bool,
}

/// A TCP header (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; meaningful with [`TcpFlags::ACK`], but kept as it is.
    pub ack: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window, unscaled.
    pub window: u16,
    /// The options that matter to us.
    pub options: TcpOptions,
}

/// TCP control bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment field is valid.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer is valid.
    pub const URG: u8 = 0x20;

    /// Whether every bit of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift as sent (a receiver uses 14 at the most).
    pub window_scale: Option<u8>,
    /// Selective acknowledgments permitted.
    pub sack_permitted: bool,
    /// Timestamp value and echo reply.
    pub timestamps: Option<(u32, u32)>,
    /// Selective acknowledgment blocks, left edge and right edge.
    pub sack: [(u32, u32); 4],
    /// How many of `sack` are valid.
    pub sack_count: u8,
    /// Whether the options were cut short when captured.
    pub cut_short: bool,
}
