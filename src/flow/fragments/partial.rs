//! One packet of which fragments are missing: which blocks of eight bytes have
//! arrived, and what they hold.

use core::ops::Range;

use super::{Key, MAX_FRAGMENTS, MAX_PACKET_BYTES, OVERLAPPING, Reassembled, TOO_MANY};
use crate::base::{CaptureTime, Frame, Notices};
use crate::wire::IpFacts;
use crate::wire::segment::Fragment;

/// A packet of which something is missing.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// What its fragments share; none before the first.
    pub(super) key: Option<Key>,
    /// When the first fragment to arrive was captured.
    pub(super) since: CaptureTime,
    /// Its frame.
    pub(super) begun: Frame,
    /// The payload as far as a fragment reached, holes zero.
    bytes: Vec<u8>,
    /// The blocks that arrived.
    arrived: Arrived,
    /// Length of the payload, once the last fragment told it.
    len: Option<usize>,
    /// Where the first byte stands that a snap length cut off.
    cut_at: Option<usize>,
    /// Facts and protocol of the fragment at offset 0, and the length of what
    /// stands before its payload.
    first: Option<(IpFacts, u8, u32)>,
    frames: Vec<Frame>,
}

impl Partial {
    /// An empty packet in the same memory.
    pub(super) fn renewed(mut self, key: Key, frame: Frame, time: CaptureTime) -> Self {
        self.bytes.clear();
        self.frames.clear();
        let Self { bytes, frames, .. } = self;
        Self { key: Some(key), since: time, begun: frame, bytes, frames, ..Self::default() }
    }

    /// Adds what is new in `fragment`; what arrived first stands.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, place: Place, frame: Frame, notices: &mut Notices) {
        let Place { offset, end } = place;
        if self.contradicts_end(end, fragment.more) {
            notices.add(OVERLAPPING, Some(frame), || {
                format!("IP fragments from {} disagree about the end of their packet", fragment.ip.src)
            });
            return;
        }
        if self.frames.len() >= MAX_FRAGMENTS {
            notices.add(TOO_MANY, Some(frame), || {
                format!("{} sends a packet in more than {MAX_FRAGMENTS} fragments", fragment.ip.src)
            });
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let added = self.fill(place, fragment.bytes);
        if added.disagrees {
            notices.add(OVERLAPPING, Some(frame), || {
                format!("IP fragments from {} overlap with different bytes", fragment.ip.src)
            });
        }
        if added.anything {
            self.frames.push(frame);
            let captured_end = offset.saturating_add(fragment.bytes.len());
            if captured_end < end {
                self.cut_at = Some(self.cut_at.map_or(captured_end, |cut| cut.min(captured_end)));
            }
        }
        if !fragment.more {
            self.len = Some(end);
        }
        if offset == 0 && self.first.is_none() {
            self.first = Some((fragment.ip, fragment.protocol, fragment.ip.total_len.saturating_sub(fragment.len)));
        }
    }

    /// Whether there would be two ends, or bytes behind the end.
    fn contradicts_end(&self, end: usize, more: bool) -> bool {
        match (self.len, more) {
            (Some(len), true) => end > len,
            (Some(len), false) => end != len,
            (None, true) => false,
            (None, false) => end < self.bytes.len(),
        }
    }

    /// Copies the blocks of `bytes` that are new, and compares the others.
    fn fill(&mut self, place: Place, bytes: &[u8]) -> Added {
        let mut added = Added::default();
        for at in place.blocks() {
            let from = bytes.get(at.start.saturating_sub(place.offset)..).unwrap_or_default();
            let from = from.get(..at.len()).unwrap_or(from);
            let Some(to) = self.bytes.get_mut(at.clone()).and_then(|to| to.get_mut(..from.len())) else { break };
            if self.arrived.insert(at.start / BLOCK_LEN) {
                to.copy_from_slice(from);
                added.anything = true;
            } else {
                // Behind a cut stand zeros of our own.
                let is_known = self.cut_at.is_none_or(|cut| at.end <= cut);
                added.disagrees |= is_known && from != to;
            }
        }
        added
    }

    /// Whether `fragment` only says again what this packet, complete, has said:
    /// mirror ports deliver frames twice.
    pub(super) fn is_repeated_by(&self, key: Key, fragment: &Fragment<'_>, place: Place) -> bool {
        self.key == Some(key) && self.bytes.get(place.offset..place.end) == Some(fragment.bytes)
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        self.first.is_some() && self.len.is_some_and(|len| self.arrived.count == len.div_ceil(BLOCK_LEN))
    }

    /// The packet, once it is complete.
    pub(super) fn reassembled(&self) -> Option<Reassembled<'_>> {
        let (first, protocol, header_len) = self.first?;
        let len = self.len?;
        let bytes = self.bytes.get(..self.cut_at.unwrap_or(len))?;
        let len = u32::try_from(len).ok()?;
        let ip = IpFacts { total_len: header_len.saturating_add(len), reassembled: true, ..first };
        Some(Reassembled { ip, protocol, bytes, len, frames: &self.frames })
    }
}

/// Where a fragment stands in its packet's payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: usize,
    end: usize,
}

impl Place {
    /// Every fragment begins at a block, has bytes, and, but for the last, ends
    /// at a block (RFC 791 §3.2, RFC 8200 §4.5).
    pub(super) fn of(fragment: &Fragment<'_>) -> Option<Self> {
        let end = fragment.offset.checked_add(fragment.len).filter(|&end| end <= MAX_PACKET_BYTES)?;
        let (offset, end) = (usize::try_from(fragment.offset).ok()?, usize::try_from(end).ok()?);
        let ends_well = !fragment.more || end.is_multiple_of(BLOCK_LEN);
        (offset < end && offset.is_multiple_of(BLOCK_LEN) && ends_well).then_some(Self { offset, end })
    }

    /// Its blocks, as ranges of bytes.
    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let Self { offset, end } = self;
        (offset..end).step_by(BLOCK_LEN).map(move |start| start..end.min(start.saturating_add(BLOCK_LEN)))
    }
}

/// What a fragment changed.
#[derive(Clone, Copy, Debug, Default)]
struct Added {
    anything: bool,
    disagrees: bool,
}

/// A set of blocks. INVARIANT: `count` is the number of bits set.
#[derive(Debug)]
struct Arrived {
    bits: [u64; WORDS],
    count: usize,
}

impl Default for Arrived {
    fn default() -> Self {
        Self { bits: [0; WORDS], count: 0 }
    }
}

impl Arrived {
    /// Whether `block` is new.
    fn insert(&mut self, block: usize) -> bool {
        let Some(word) = self.bits.get_mut(block / 64) else { return false };
        let bit = 1_u64 << (block % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count = self.count.saturating_add(usize::from(is_new));
        is_new
    }
}

/// The unit of fragment offsets.
const BLOCK_LEN: usize = 8;
/// One bit for each block of the largest packet.
const WORDS: usize = (MAX_PACKET_BYTES as usize).div_ceil(BLOCK_LEN * 64);

#[cfg(test)]
pub(super) mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn facts(len: u32) -> IpFacts {
        IpFacts {
            src: IpAddr::V4(Ipv4Addr::LOCALHOST),
            dst: IpAddr::V4(Ipv4Addr::BROADCAST),
            ttl: 64,
            id: Some(7),
            dont_fragment: false,
            traffic_class: 0,
            flow_label: None,
            total_len: len + 20,
            reassembled: false,
        }
    }

    /// Bytes `offset..end` of `whole`.
    pub(in crate::flow::fragments) fn part(whole: &[u8], offset: usize, end: usize) -> Fragment<'_> {
        let bytes = &whole[offset..end];
        let len = u32::try_from(bytes.len()).unwrap();
        let (offset, more) = (u32::try_from(offset).unwrap(), end < whole.len());
        Fragment { ip: facts(len), protocol: 6, id: 7, offset, more, bytes, len }
    }

    pub(in crate::flow::fragments) fn payload(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
    }

    #[derive(Default)]
    struct Bench {
        packet: Partial,
        notices: Notices,
    }

    impl Bench {
        fn add(&mut self, fragment: &Fragment<'_>) {
            let place = Place::of(fragment).unwrap();
            self.packet.add(fragment, place, Frame::default(), &mut self.notices);
        }

        fn complete(&self) -> Option<Reassembled<'_>> {
            if self.packet.is_complete() { self.packet.reassembled() } else { None }
        }

        fn counts(&self) -> Vec<(&'static str, u64)> {
            self.notices.list().iter().map(|notice| (notice.kind.0, notice.count)).collect()
        }
    }

    #[test]
    fn the_first_of_two_overlapping_fragments_wins() {
        let (good, evil) = (payload(64), vec![0xee; 64]);
        let mut bench = Bench::default();
        bench.add(&part(&good, 0, 32));
        bench.add(&part(&evil, 8, 40));
        assert!(bench.complete().is_none());
        bench.add(&part(&good, 32, 64));
        let packet = bench.complete().unwrap();
        assert_eq!(packet.bytes[..32], good[..32]);
        assert_eq!(packet.bytes[32..40], evil[..8]);
        assert_eq!(packet.bytes[40..], good[40..]);
        assert_eq!(bench.counts(), [("fragments-overlapping", 2)]);
    }

    #[test]
    fn the_end_cannot_be_moved() {
        let (whole, longer) = (payload(64), payload(88));
        let mut bench = Bench::default();
        bench.add(&part(&whole, 48, 64));
        // Behind the end; then another end before it, and another after it.
        bench.add(&part(&longer, 64, 72));
        bench.add(&Fragment { more: false, ..part(&whole, 32, 48) });
        bench.add(&part(&longer, 64, 88));
        assert_eq!(bench.counts(), [("fragments-overlapping", 3)]);
        bench.add(&part(&whole, 0, 48));
        assert_eq!(bench.complete().unwrap().bytes, whole);
    }

    #[test]
    fn a_last_fragment_of_odd_length_ends_the_packet() {
        let whole = payload(21);
        let mut bench = Bench::default();
        bench.add(&part(&whole, 16, 21));
        bench.add(&part(&whole, 0, 16));
        assert_eq!(bench.complete().unwrap().bytes, whole);
    }

    #[test]
    fn a_cut_fragment_ends_what_is_known() {
        let whole = payload(96);
        let mut bench = Bench::default();
        bench.add(&Fragment { bytes: &whole[32..43], ..part(&whole, 32, 64) });
        bench.add(&part(&whole, 0, 32));
        bench.add(&part(&whole, 32, 64));
        bench.add(&part(&whole, 64, 96));
        let packet = bench.complete().unwrap();
        assert_eq!((packet.bytes, packet.len), (&whole[..43], 96));
        assert!(bench.notices.is_empty(), "what was not captured contradicts nothing");
    }

    #[test]
    fn crumbs_are_refused() {
        let whole = payload(8 * (MAX_FRAGMENTS + 10));
        let mut bench = Bench::default();
        for i in 0..MAX_FRAGMENTS + 5 {
            bench.add(&part(&whole, 8 * i, 8 * i + 8));
        }
        assert_eq!(bench.counts(), [("fragments-too-many", 5)]);
    }

    #[test]
    fn the_largest_packet_fits() {
        let whole = payload(MAX_PACKET_BYTES as usize);
        let mut bench = Bench::default();
        bench.add(&part(&whole, 65_528, 65_535));
        bench.add(&part(&whole, 0, 65_528));
        assert_eq!(bench.complete().unwrap().bytes, whole);
    }

    proptest! {
           #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

           /// Against a model that keeps every byte on its own.
           #[test]
           fn hostile_overlaps_agree_with_a_byte_model(
               pieces in proptest::collection::vec((0..12_usize, 1..6_usize, any::<bool>(), any::<u8>()), 1..30),
           ) {
               let mut bench = Bench::default();
               let mut model: Vec<Option<u8>> = vec![None; 200];
               let mut end: Option<usize> = None;
               for (block, blocks, more, fill) in pieces {
                   let (offset, len) = (block * 8, blocks * 8);
                   let bytes = vec![fill; len];
                   let stop = offset + len;
                   let reach = model.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
                   let accepted = match end {
                       Some(end) => if more { stop <= end } else { stop == end },
                       None => more || stop >= reach,
                   };
                   if accepted {
                       for slot in &mut model[offset..stop] { slot.get_or_insert(fill); }
                       if !more { end = Some(stop); }
                   }
                   let fragment = Fragment { bytes: &bytes, len: u32::try_from(len).unwrap(),
                       offset: u32::try_from(offset).unwrap(), more, ..part(&[0; 8], 0, 8) };
                   let expected: Option<Vec<u8>> = end.and_then(|end| model[..end].iter().copied().collect());
                   let packet = {
    bench.add(&fragment); bench.complete().map(|packet| packet.bytes.to_vec()) };
                   prop_assert_eq!(&packet, &expected);
                   if packet.is_some() {
                       break;
                   }
               }
           }
       }
}
