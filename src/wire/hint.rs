//! Ports, control bits and the first byte of a segment, in as few steps as there
//! are: most packets of most captures are none of ours, and this is all that is
//! read of them.
//!
//! It answers for Ethernet, IPv4 without options or fragments, and TCP.
//!
//! Law: what this gives, [`Plain`](super::Plain) gives as well.

use super::{TcpFlags, ether, ip, tcp};
use crate::base::LinkType;

const IPV4_LEN: usize = 20;

/// Where the TCP header begins.
const TCP_AT: usize = ether::HEADER_LEN + IPV4_LEN;

/// The EtherType of IPv4, then version 4 and five words.
const IPV4_OF_20_BYTES: u32 = (ether::IPV4 as u32) << 8 | 0x45;

/// Of four bytes: more fragments, the offset, the protocol.
const NO_FRAGMENT_AND_PROTOCOL: u32 = 0x3fff_00ff;

/// What tells whether a segment needs to be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Control bits.
    pub flags: TcpFlags,
    /// What stands behind the TCP header: the first byte of the payload, or of
    /// what pads the frame; 0 where the frame ends.
    pub first: u8,
}

impl Hint {
    /// That of `frame`, if it is of this shape.
    #[must_use]
    #[inline(always)]
    pub fn of(link: LinkType, frame: &[u8]) -> Option<Self> {
        let headers = frame.first_chunk::<{ TCP_AT + tcp::HEADER_LEN }>()?;
        let (ether, rest) = headers.split_first_chunk::<{ ether::HEADER_LEN }>()?;
        let (ip, tcp) = rest.split_first_chunk::<IPV4_LEN>()?;
        let tcp = tcp.first_chunk::<{ tcp::HEADER_LEN }>()?;
        let &[.., type_1, type_2] = ether;
        let &[version, class, _, _, _, _, fragment_1, fragment_2, ttl, protocol, ..] = ip;
        let &[s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, flags, ..] = tcp;
        // IPv4 of 20 bytes, no fragment (RFC 791 §3.1); TCP, a header of at least
        // its own length (RFC 9293 §3.1). Two loads and one branch.
        let begins = u32::from_be_bytes([type_1, type_2, version, class]) >> 8;
        let carries = u32::from_be_bytes([fragment_1, fragment_2, ttl, protocol]) & NO_FRAGMENT_AND_PROTOCOL;
        let is_plain = (begins == IPV4_OF_20_BYTES) & (carries == ip::TCP as u32) & (offset >= 0x50);
        if !(is_plain & (link == LinkType::ETHERNET)) {
            return None;
        }
        let behind = TCP_AT.wrapping_add(usize::from(offset >> 4).wrapping_mul(4));
        Some(Self {
            ports: (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])),
            flags: TcpFlags(flags),
            first: frame.get(behind).copied().unwrap_or(0),
        })
    }
}
