//! Ports, control bits and the first byte of a segment, in as few steps as there
//! are: most packets of most captures are none of ours, and this is all that is
//! read of them.
//!
//! It answers for Ethernet, IPv4 without options or fragments, and TCP.
//!
//! Law: what this gives, [`Plain`] gives as well.

use super::{IPV4_LEN, Plain, ether, ether_type, has_room_for_header, is_plain_ipv4};
use crate::base::LinkType;
use crate::wire::TcpFlags;

/// Where the TCP header begins.
const TCP_AT: usize = ether::HEADER_LEN + IPV4_LEN;

/// What tells whether a segment needs to be read at all.
#[derive(Clone, Copy, Debug)]
pub struct Hint<'a> {
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Control bits.
    pub flags: TcpFlags,
    /// What holds the data offset of the TCP header (RFC 9293 §3.1).
    offset: u8,
    frame: &'a [u8],
}

impl<'a> Hint<'a> {
    /// That of `frame`, if it is of this shape.
    #[must_use]
    #[inline(always)]
    pub fn of(link: LinkType, frame: &'a [u8]) -> Option<Self> {
        let (ether, ip, tcp, _) = Plain::split_v4(frame)?;
        let is_plain = (ether_type(ether) == ether::IPV4) & is_plain_ipv4(ip) & has_room_for_header(tcp);
        if !(is_plain & (link == LinkType::ETHERNET)) {
            return None;
        }
        let &[s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, flags, ..] = tcp;
        Some(Self {
            ports: (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])),
            flags: TcpFlags(flags),
            offset,
            frame,
        })
    }

    /// What stands behind the TCP header: the first byte of the payload, or of what
    /// pads the frame; 0 where the frame ends.
    #[must_use]
    #[inline(always)]
    pub fn first(self) -> u8 {
        let behind = TCP_AT.wrapping_add(usize::from(self.offset >> 4).wrapping_mul(4));
        self.frame.get(behind).copied().unwrap_or(0)
    }
}
