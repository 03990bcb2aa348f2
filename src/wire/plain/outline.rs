//! A segment of a session in progress, in outline: nearly all that are ours
//! bring nothing but data and an acknowledgment, and were captured whole. What a
//! follower needs of them is little, and stands at fixed places: it is read when it
//! is asked for.
//!
//! Law: an outline says what the [segment](super::Plain::segment) says.

use super::{IPV4_LEN, IPV6_LEN, Plain, ether, ip, tcp};
use crate::wire::TcpFlags;

/// What two packets of one sender have in common, as one number for the link and
/// one for the network, so that to compare it takes two instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Source MAC address and EtherType.
    link: u64,
    /// IPv4: flags and fragment offset, TTL and protocol. IPv6: flow label and
    /// hop limit.
    hop: u32,
}

impl Look {
    /// That of a sender on IPv4.
    #[must_use]
    pub fn v4(mac: [u8; 6], dont_fragment: bool, ttl: u8) -> Self {
        let flags = if dont_fragment { super::DONT_FRAGMENT } else { 0 };
        Self { link: link(mac, ether::IPV4), hop: u32::from_ne_bytes([flags, 0, ttl, ip::TCP]) }
    }

    /// That of a sender on IPv6.
    #[must_use]
    pub fn v6(mac: [u8; 6], flow_label: u32, hop_limit: u8) -> Self {
        Self { link: link(mac, ether::IPV6), hop: flow_label << 8 | u32::from(hop_limit) }
    }
}

fn link([a, b, c, d, e, f]: [u8; 6], ether_type: u16) -> u64 {
    let [high, low] = ether_type.to_be_bytes();
    u64::from_ne_bytes([a, b, c, d, e, f, high, low])
}

/// Lengths of the headers of a segment without options.
pub const V4: usize = ether::HEADER_LEN + IPV4_LEN + tcp::HEADER_LEN;
/// See [`V4`].
pub const V6: usize = ether::HEADER_LEN + IPV6_LEN + tcp::HEADER_LEN;

const IP: usize = ether::HEADER_LEN;

/// The timestamp option behind two fillers (RFC 7323 appendix A).
const TIMESTAMPS: usize = 12;

/// A segment in outline: ACK and perhaps PSH, no options or timestamps alone,
/// captured whole. `HEADERS` is [`V4`] or [`V6`].
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a, const HEADERS: usize> {
    headers: &'a [u8; HEADERS],
    timestamps: Option<&'a [u8; TIMESTAMPS]>,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Plain<'a> {
    /// Whether it is of IPv4.
    #[must_use]
    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        matches!(self.ip, super::Ip::V4(_))
    }

    /// The segment in outline, where it has one and is of that family.
    #[must_use]
    #[inline(always)]
    pub fn outline<const HEADERS: usize>(&self) -> Option<Outline<'a, HEADERS>> {
        const { assert!(HEADERS == V4 || HEADERS == V6) };
        let &[.., words, flags, _, _, _, _, _, _] = self.tcp;
        if flags & !TcpFlags::PSH != TcpFlags::ACK || self.is_v4() != (HEADERS == V4) {
            return None;
        }
        let outline = Outline { headers: self.frame.first_chunk()?, timestamps: None, payload: &[] };
        // Less than its headers, as in segmentation offload: contradicts itself, or
        // the frame tells.
        let behind = (outline.total_len() as usize).checked_sub(HEADERS - IP)?;
        let body = self.rest.get(..behind)?;
        match words >> 4 {
            5 => Some(Outline { payload: body, ..outline }),
            8 => {
                let (options, payload) = body.split_first_chunk::<TIMESTAMPS>()?;
                matches!(options, [1, 1, 8, 10, ..]).then_some(Outline {
                    timestamps: Some(options),
                    payload,
                    ..outline
                })
            }
            _ => None,
        }
    }
}

impl<'a> Outline<'a, V4> {
    /// What may be the headers of one, and is nothing that was looked at: to ask
    /// whether its ends are known.
    #[must_use]
    #[inline(always)]
    pub fn perhaps(frame: &'a [u8]) -> Option<Self> {
        Some(Self { headers: frame.first_chunk()?, timestamps: None, payload: &[] })
    }
}

impl<const HEADERS: usize> Outline<'_, HEADERS> {
    const TCP: usize = HEADERS - tcp::HEADER_LEN;

    /// Both addresses, the sender's first, as they lie in the frame: one number
    /// for IPv4, four for IPv6.
    #[must_use]
    #[inline(always)]
    pub fn addresses<const N: usize>(&self) -> [u64; N] {
        let from = if HEADERS == V4 { IP + 12 } else { IP + 8 };
        core::array::from_fn(|n| u64::from_ne_bytes(self.bytes(from + 8 * n)))
    }

    /// Both ports, the sender's first, as they lie in the frame.
    #[must_use]
    #[inline(always)]
    pub fn ports(&self) -> u32 {
        u32::from_ne_bytes(self.bytes(Self::TCP))
    }

    /// What its sender's packets have in common.
    #[must_use]
    #[inline(always)]
    pub fn look(&self) -> Look {
        let hop = if HEADERS == V4 {
            u32::from_ne_bytes(self.bytes(IP + 6))
        } else {
            let [hop_limit] = self.bytes(IP + 7);
            self.u32(IP) << 12 >> 4 | u32::from(hop_limit)
        };
        Look { link: u64::from_ne_bytes(self.bytes(6)), hop }
    }

    /// The packet's length, IP header included.
    #[must_use]
    #[inline(always)]
    pub fn total_len(&self) -> u32 {
        if HEADERS == V4 { self.u16(IP + 2).into() } else { u32::from(self.u16(IP + 4)) + IPV6_LEN as u32 }
    }

    /// Identification; IPv6 has none.
    #[must_use]
    #[inline(always)]
    pub fn id(&self) -> Option<u16> {
        (HEADERS == V4).then(|| self.u16(IP + 4))
    }

    /// Sequence number.
    #[must_use]
    #[inline(always)]
    pub fn seq(&self) -> u32 {
        self.u32(Self::TCP + 4)
    }

    /// Acknowledgment number.
    #[must_use]
    #[inline(always)]
    pub fn ack(&self) -> u32 {
        self.u32(Self::TCP + 8)
    }

    /// Control bits.
    #[must_use]
    #[inline(always)]
    pub fn flags(&self) -> TcpFlags {
        let [flags] = self.bytes(Self::TCP + 13);
        TcpFlags(flags)
    }

    /// Window, unscaled.
    #[must_use]
    #[inline(always)]
    pub fn window(&self) -> u16 {
        self.u16(Self::TCP + 14)
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
    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes(self.bytes(at))
    }

    #[inline(always)]
    fn u32(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes(at))
    }

    /// The place is known when this is compiled, so nothing is checked when it runs.
    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        self.headers.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }
}
