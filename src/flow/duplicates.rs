//! The same packet captured twice is one packet.
//!
//! Mirror ports that see both directions of a router, Linux's `any`, several
//! components of Windows' packet monitor: all of them write copies. A copy
//! must never become a retransmission, a second reset, or another TTL.

use crate::base::{CaptureTime, Span};
use crate::wire::{Segment, TcpFlags, TcpHeader};

/// Copies with the same non-zero IP identification may be this far apart: a
/// router's two mirrored legs, or a component that held the packet.
pub(super) const SAME_ID_WINDOW: Span = Span::from_millis(500);

/// Without an identification, equal headers within this time are a copy; no
/// stack retransmits this soon.
const SAME_HEADER_WINDOW: Span = Span::from_millis(1);

/// Packets remembered in each direction: copies arrive within a few packets.
const REMEMBERED: usize = 8;

// Gathered packets are written down for this.
const _: () = assert!(REMEMBERED <= super::gathering::KEPT);

/// The last packets of one direction.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Half a digest of each: almost no packet is a copy, and to find that out
    /// eight small numbers are compared.
    marks: [u32; REMEMBERED],
    seen: [(u64, CaptureTime); REMEMBERED],
    packets: u64,
}

impl Recent {
    /// Whether `segment` is a copy of a packet seen shortly before; remembers it.
    ///
    /// `counts_ids`: the sender is known to number its packets. For a sender
    /// whose identification never changes an equal one says nothing.
    #[inline]
    pub fn is_copy(&mut self, segment: &Segment<'_>, time: CaptureTime, counts_ids: impl FnOnce() -> bool) -> bool {
        let digest = Header::of(segment).digest();
        let mark = digest as u32;
        // Without a branch for each, so that they are compared at once.
        let marked = self.marks.iter().fold(false, |any, known| any | (*known == mark));
        if marked {
            let has_id = segment.ip.id.is_some_and(|id| id != 0);
            let window = if has_id && counts_ids() { SAME_ID_WINDOW } else { SAME_HEADER_WINDOW };
            if self.knows(digest, time, window) {
                return true;
            }
        }
        self.put(self.packets, digest, time);
        self.packets = self.packets.wrapping_add(1);
        false
    }

    /// Remembers `count` packets that are known to be no copies.
    #[inline]
    pub fn remember(&mut self, count: u64, newest_first: impl Iterator<Item = (Header, CaptureTime)>) {
        self.packets = self.packets.wrapping_add(count);
        for (back, (header, time)) in (1..).zip(newest_first.take(REMEMBERED)) {
            self.put(self.packets.wrapping_sub(back), header.digest(), time);
        }
    }

    #[inline]
    fn put(&mut self, place: u64, digest: u64, time: CaptureTime) {
        let slot = (place % REMEMBERED as u64) as usize;
        if let (Some(seen), Some(known)) = (self.seen.get_mut(slot), self.marks.get_mut(slot)) {
            *seen = (digest, time);
            *known = digest as u32;
        }
    }

    /// Packets so far, forgotten ones included.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Whether all that were seen when there were `packets` of them are forgotten.
    pub const fn has_forgotten(&self, packets: u64) -> bool {
        self.packets.wrapping_sub(packets) >= REMEMBERED as u64
    }

    #[cold]
    fn knows(&self, digest: u64, time: CaptureTime, window: Span) -> bool {
        let filled = self.packets.min(REMEMBERED as u64) as usize;
        self.seen.iter().take(filled).any(|(known, at)| *known == digest && time.since(*at).abs() <= window)
    }
}

/// All that makes two packets of one direction the same packet. TTL is left
/// out: a copy from behind a router has lost some.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window, unscaled.
    pub window: u16,
    /// Identification; 0 where there is none.
    pub id: u16,
    /// Length of the payload.
    pub len: u32,
    /// The timestamp option; zeros where there is none.
    pub timestamps: (u32, u32),
}

impl Header {
    #[inline]
    fn of(segment: &Segment<'_>) -> Self {
        let Segment { ip, tcp, payload_len, .. } = segment;
        let TcpHeader { seq, ack, flags, window, ref options, .. } = *tcp;
        let timestamps = options.timestamps.unwrap_or_default();
        Self { seq, ack, flags, window, id: ip.id.unwrap_or(0), len: *payload_len, timestamps }
    }

    /// A number of all of it: equal for equal ones, and by chance for one pair in
    /// 2⁶⁴ of others.
    #[inline]
    fn digest(&self) -> u64 {
        let numbers = u64::from(self.seq) << 32 | u64::from(self.ack);
        // Payloads are shorter than 2^24 bytes; longer ones share bits with the flags.
        let len = u64::from(self.flags.0) << 24 ^ u64::from(self.len);
        let (value, echo) = self.timestamps;
        let timestamps = u64::from(value) << 32 | u64::from(echo);
        let rest = len << 32 | u64::from(self.id) << 16 | u64::from(self.window);
        // Odd constants without a pattern: the fractions of the golden ratio, and of
        // the square roots of 2 and 3.
        let both = fold(numbers ^ 0x9e37_79b9_7f4a_7c15, rest ^ 0x6a09_e667_f3bc_c909);
        both ^ timestamps.wrapping_mul(0xbb67_ae85_84ca_a73b)
    }
}

/// Both halves of the product, laid over each other: every bit of either number
/// counts.
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side;
    use crate::flow::testing::{A, packet, segment};

    #[test]
    fn every_field_that_tells_packets_apart_is_in_the_digest_and_ttl_is_not() {
        let line = packet(0.0, Side::Client, A, 1, 1, b"x");
        let one = segment(&line);
        let changes: [fn(&mut Segment<'_>); 8] = [
            |s| s.tcp.seq ^= 1,
            |s| s.tcp.ack ^= 1,
            |s| s.tcp.window ^= 1,
            |s| s.tcp.flags.0 ^= 8,
            |s| s.ip.id = Some(s.ip.id.unwrap_or(0) ^ 1),
            |s| s.payload_len ^= 1,
            |s| s.tcp.options.timestamps = Some((1, 0)),
            |s| s.tcp.options.timestamps = Some((0, 1)),
        ];
        let digests: std::collections::BTreeSet<u64> = changes
            .iter()
            .map(|change| {
                let mut other = one;
                change(&mut other);
                Header::of(&other).digest()
            })
            .chain([Header::of(&one).digest()])
            .collect();
        assert_eq!(digests.len(), 9);
        let mut behind_a_router = one;
        behind_a_router.ip.ttl -= 1;
        assert_eq!(Header::of(&behind_a_router).digest(), Header::of(&one).digest());
    }
}
