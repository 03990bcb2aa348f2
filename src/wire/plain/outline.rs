//! A segment of a session in progress, in outline: nearly all that are ours are
//! IPv4, bring nothing but data and an acknowledgment, and were captured whole.
//! What a follower needs of them is little, and stands at fixed places: it is
//! read when it is asked for.
//!
//! Law: an outline says what the [segment](super::Plain::segment) says.

use super::{IPV4_LEN, Ip, Plain, ether, ip, tcp};
use crate::wire::TcpFlags;

/// What two packets of one sender have in common, as the bytes lie in the frame,
/// so that comparing it takes two instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Source MAC address and EtherType.
    link: u64,
    /// Flags and fragment offset, TTL and protocol.
    hop: u32,
}

impl Look {
    /// That of a sender on IPv4.
    #[must_use]
    pub fn new([a, b, c, d, e, f]: [u8; 6], dont_fragment: bool, ttl: u8) -> Self {
        let [type_1, type_2] = ether::IPV4.to_be_bytes();
        Self {
            link: u64::from_ne_bytes([a, b, c, d, e, f, type_1, type_2]),
            hop: u32::from_ne_bytes([if dont_fragment { super::DONT_FRAGMENT } else { 0 }, 0, ttl, ip::TCP]),
        }
    }
}

const IP: usize = ether::HEADER_LEN;
const TCP: usize = IP + IPV4_LEN;
const HEADERS: usize = TCP + tcp::HEADER_LEN;

/// The timestamp option behind two fillers (RFC 7323 appendix A).
const TIMESTAMPS: usize = 12;

/// A segment in outline: IPv4, ACK and perhaps PSH, no options or timestamps
/// alone, captured whole.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    headers: &'a [u8; HEADERS],
    timestamps: Option<&'a [u8; TIMESTAMPS]>,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Plain<'a> {
    /// The segment in outline, where it has one.
    #[must_use]
    #[inline(always)]
    pub fn outline(&self) -> Option<Outline<'a>> {
        let Ip::V4(&[_, _, len_1, len_2, ..]) = self.ip else { return None };
        let &[.., words, flags, _, _, _, _, _, _] = self.tcp;
        if flags & !TcpFlags::PSH != TcpFlags::ACK {
            return None;
        }
        let headers = self.frame.first_chunk()?;
        // Less than its headers, as in segmentation offload: contradicts itself, or
        // the frame tells.
        let total_len = usize::from(u16::from_be_bytes([len_1, len_2]));
        let body = self.rest.get(..total_len.checked_sub(HEADERS - IP)?)?;
        match words >> 4 {
            5 => Some(Outline { headers, timestamps: None, payload: body }),
            8 => {
                let (options, payload) = body.split_first_chunk::<TIMESTAMPS>()?;
                matches!(options, [1, 1, 8, 10, ..]).then_some(Outline { headers, timestamps: Some(options), payload })
            }
            _ => None,
        }
    }
}

impl Outline<'_> {
    /// The sender's address and port, as one number.
    #[must_use]
    #[inline(always)]
    pub fn source(&self) -> u64 {
        u64::from(self.u32::<{ IP + 12 }>()) << 16 | u64::from(self.u16::<TCP>())
    }

    /// The receiver's.
    #[must_use]
    #[inline(always)]
    pub fn destination(&self) -> u64 {
        u64::from(self.u32::<{ IP + 16 }>()) << 16 | u64::from(self.u16::<{ TCP + 2 }>())
    }

    /// What its sender's packets have in common.
    #[must_use]
    #[inline(always)]
    pub fn look(&self) -> Look {
        Look { link: u64::from_ne_bytes(self.bytes::<6, _>()), hop: u32::from_ne_bytes(self.bytes::<{ IP + 6 }, _>()) }
    }

    /// The packet's length, IP header included.
    #[must_use]
    #[inline(always)]
    pub fn total_len(&self) -> u16 {
        self.u16::<{ IP + 2 }>()
    }

    /// Identification.
    #[must_use]
    #[inline(always)]
    pub fn id(&self) -> u16 {
        self.u16::<{ IP + 4 }>()
    }

    /// Sequence number.
    #[must_use]
    #[inline(always)]
    pub fn seq(&self) -> u32 {
        self.u32::<{ TCP + 4 }>()
    }

    /// Acknowledgment number.
    #[must_use]
    #[inline(always)]
    pub fn ack(&self) -> u32 {
        self.u32::<{ TCP + 8 }>()
    }

    /// Control bits.
    #[must_use]
    #[inline(always)]
    pub fn flags(&self) -> TcpFlags {
        let [flags] = self.bytes::<{ TCP + 13 }, _>();
        TcpFlags(flags)
    }

    /// Window, unscaled.
    #[must_use]
    #[inline(always)]
    pub fn window(&self) -> u16 {
        self.u16::<{ TCP + 14 }>()
    }

    /// Whether it carries the timestamp option.
    #[must_use]
    #[inline(always)]
    pub const fn has_timestamps(&self) -> bool {
        self.timestamps.is_some()
    }

    /// The timestamp option.
    #[must_use]
    #[inline(always)]
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        let &[_, _, _, _, v0, v1, v2, v3, e0, e1, e2, e3] = self.timestamps?;
        Some((u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3])))
    }

    #[inline(always)]
    fn u16<const AT: usize>(&self) -> u16 {
        u16::from_be_bytes(self.bytes::<AT, _>())
    }

    #[inline(always)]
    fn u32<const AT: usize>(&self) -> u32 {
        u32::from_be_bytes(self.bytes::<AT, _>())
    }

    /// The place is known when this is compiled, so nothing is checked when it runs.
    #[inline(always)]
    fn bytes<const AT: usize, const N: usize>(&self) -> [u8; N] {
        const { assert!(AT + N <= HEADERS) };
        self.headers.get(AT..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }
}
