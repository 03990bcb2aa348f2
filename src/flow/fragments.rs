//! IP fragments → whole packets (RFC 815, RFC 8200 §4.5).
//!
//! Everything here can be provoked by one hostile packet after another, so each
//! step costs at most one fragment's bytes, and memory is bounded three ways.
//! Nothing is guessed: a packet with a hole is given up, and counted.

mod partial;

use core::net::IpAddr;
use std::collections::{BTreeMap, HashMap};

use self::partial::{Partial, Place};
use crate::base::{CaptureId, CaptureTime, Frame, NoticeKind, Notices, Span};
use crate::wire::IpFacts;
use crate::wire::segment::Fragment;

/// Packets that wait for fragments at the same time. Genuine traffic has a few;
/// at the limit the oldest is given up.
pub const MAX_PACKETS: usize = 1024;

/// Bytes of one packet's payload, and the end of the last fragment: what the
/// length fields of IPv4 and of the IPv6 fragment header can express.
pub const MAX_PACKET_BYTES: u32 = 65_535;

/// Bytes that all waiting packets hold together. A fragment of eight bytes at the
/// highest offset claims 64 KiB of it, so a flood reaches this limit first.
pub const MAX_TOTAL_BYTES: usize = 16 << 20;

/// Fragments of one packet. The largest packet over the smallest IPv6 path has 53,
/// over a modem's 576 bytes 119; beyond that somebody sends crumbs.
pub const MAX_FRAGMENTS: usize = 256;

/// How long a packet waits, in capture time: as long as Linux does.
pub const MAX_AGE: Span = Span::from_secs(30);

/// A packet was given up because fragments were missing for too long, or to the end.
pub const INCOMPLETE: NoticeKind = NoticeKind("fragments-incomplete");
/// A packet was given up to make room for newer ones.
pub const EVICTED: NoticeKind = NoticeKind("fragments-evicted");
/// A fragment contradicts bytes that an earlier one brought; the earlier won.
pub const OVERLAPPING: NoticeKind = NoticeKind("fragments-overlapping");
/// A fragment was ignored: no sender makes such a place or length.
pub const MALFORMED: NoticeKind = NoticeKind("fragments-malformed");
/// A fragment was ignored: its packet already has [`MAX_FRAGMENTS`].
pub const TOO_MANY: NoticeKind = NoticeKind("fragments-too-many");

/// Puts packets together.
#[derive(Debug, Default)]
pub struct Fragments {
    /// Where a packet waits. INVARIANT: the same packets as `waiting`.
    tickets: HashMap<Key, u64>,
    /// The packets, oldest first.
    waiting: BTreeMap<u64, Partial>,
    next_ticket: u64,
    /// INVARIANT: the sum of the lengths of all buffers in `waiting`.
    total_bytes: usize,
    /// The packet handed out last; its buffers serve the next one.
    done: Partial,
}

/// A packet whose fragments have all arrived.
#[derive(Clone, Copy, Debug)]
pub struct Reassembled<'a> {
    /// Facts of the first fragment's header, with `total_len` of the whole packet.
    pub ip: IpFacts,
    /// The IP protocol of the payload.
    pub protocol: u8,
    /// The payload, up to the first byte that was not captured.
    pub bytes: &'a [u8],
    /// The payload's length on the wire.
    pub len: u32,
    /// The frames that brought it, in the order of their arrival.
    pub frames: &'a [Frame],
}

impl Fragments {
    /// Takes one fragment; returns its packet when it was the last one missing.
    ///
    /// What was inside a fragmented packet may be a fragment again (tunnels): it
    /// may be pushed too, but the caller must bound how often.
    pub fn push(
        &mut self,
        fragment: &Fragment<'_>,
        frame: Frame,
        time: CaptureTime,
        notices: &mut Notices,
    ) -> Option<Reassembled<'_>> {
        self.give_up_old(time, notices);
        let Some(place) = Place::of(fragment) else {
            notices.add(MALFORMED, Some(frame), || {
                format!(
                    "an IP fragment from {} at offset {} cannot be part of a packet",
                    fragment.ip.src, fragment.offset
                )
            });
            return None;
        };
        let key = Key::of(fragment, frame.capture);
        if time.since(self.done.since) <= MAX_AGE && self.done.is_repeated_by(key, fragment, place) {
            return None;
        }
        let ticket = self.ticket(key, frame, time, notices);
        let packet = self.waiting.get_mut(&ticket)?;
        let held_before = packet.held();
        packet.add(fragment, place, frame, notices);
        self.total_bytes = self.total_bytes.saturating_add(packet.held()).saturating_sub(held_before);
        if packet.is_complete() {
            self.done = self.remove(ticket)?;
            return self.done.reassembled();
        }
        self.make_room(MAX_PACKETS, notices);
        None
    }

    /// Counts the packets that are still incomplete, and forgets them.
    pub fn finish(&mut self, notices: &mut Notices) {
        while self.give_up_oldest(INCOMPLETE, "at the end of the capture", notices) {}
    }

    /// How many packets wait for fragments.
    #[must_use]
    pub fn in_progress(&self) -> usize {
        self.waiting.len()
    }

    /// The packet that `key` names; a new one where there is none.
    fn ticket(&mut self, key: Key, frame: Frame, time: CaptureTime, notices: &mut Notices) -> u64 {
        if let Some(&known) = self.tickets.get(&key) {
            return known;
        }
        self.make_room(MAX_PACKETS - 1, notices);
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.saturating_add(1);
        let packet = core::mem::take(&mut self.done).renewed(key, frame, time);
        self.tickets.insert(key, ticket);
        self.waiting.insert(ticket, packet);
        ticket
    }

    fn remove(&mut self, ticket: u64) -> Option<Partial> {
        let packet = self.waiting.remove(&ticket)?;
        if let Some(key) = packet.key {
            self.tickets.remove(&key);
        }
        self.total_bytes = self.total_bytes.saturating_sub(packet.held());
        Some(packet)
    }

    fn give_up_old(&mut self, now: CaptureTime, notices: &mut Notices) {
        while self.waiting.first_key_value().is_some_and(|(_, oldest)| now.since(oldest.since) > MAX_AGE) {
            self.give_up_oldest(INCOMPLETE, "within 30 s", notices);
        }
    }

    fn make_room(&mut self, packets: usize, notices: &mut Notices) {
        while self.waiting.len() > packets || self.total_bytes > MAX_TOTAL_BYTES {
            if !self.give_up_oldest(EVICTED, "before there were too many others", notices) {
                return;
            }
        }
    }

    /// Whether there was one.
    fn give_up_oldest(&mut self, kind: NoticeKind, when: &'static str, notices: &mut Notices) -> bool {
        let Some(packet) = self.waiting.first_key_value().map(|(&oldest, _)| oldest).and_then(|t| self.remove(t))
        else {
            return false;
        };
        notices.add(kind, Some(packet.begun), || match packet.key {
            Some(key) => format!("fragments of an IP packet from {} to {} were missing {when}", key.src, key.dst),
            None => format!("fragments of an IP packet were missing {when}"),
        });
        true
    }
}

/// What fragments of one packet share. IPv6 leaves the protocol out (RFC 8200
/// §4.5); captures of the same traffic at two places never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    capture: CaptureId,
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

impl Key {
    fn of(fragment: &Fragment<'_>, capture: CaptureId) -> Self {
        let IpFacts { src, dst, .. } = fragment.ip;
        let protocol = src.is_ipv4().then_some(fragment.protocol);
        Self { capture, src, dst, id: fragment.id, protocol }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::partial::tests::{part, payload};
    use super::*;
    use crate::base::LinkType;
    use crate::wire::{Decoded, decode, decode_reassembled};

    #[derive(Default)]
    struct Bench {
        fragments: Fragments,
        notices: Notices,
        number: u64,
    }

    impl Bench {
        fn push(&mut self, fragment: &Fragment<'_>) -> Option<Reassembled<'_>> {
            self.push_at(fragment, 0)
        }

        fn push_at(&mut self, fragment: &Fragment<'_>, seconds: i64) -> Option<Reassembled<'_>> {
            self.number += 1;
            let (frame, time) = (Frame::new(0, self.number), CaptureTime::from_parts(seconds, 0));
            self.fragments.push(fragment, frame, time, &mut self.notices)
        }

        fn counts(&self) -> Vec<(&'static str, u64)> {
            self.notices.list().iter().map(|notice| (notice.kind.0, notice.count)).collect()
        }
    }

    #[test]
    fn three_fragments_out_of_order_and_one_twice() {
        let whole = payload(3008);
        let mut bench = Bench::default();
        assert!(bench.push(&part(&whole, 2512, 3008)).is_none());
        assert!(bench.push(&part(&whole, 0, 1256)).is_none());
        assert!(bench.push(&part(&whole, 0, 1256)).is_none());
        let packet = bench.push(&part(&whole, 1256, 2512)).unwrap();
        assert_eq!(packet.bytes, whole);
        assert_eq!((packet.len, packet.protocol, packet.ip.total_len, packet.ip.reassembled), (3008, 6, 3028, true));
        assert_eq!(packet.frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!((bench.fragments.in_progress(), bench.fragments.total_bytes), (0, 0));
        assert!(bench.notices.is_empty());
    }

    /// A Connection Request in IPv4, as Linux sends it.
    const PACKET: [u8; 71] = *b"\x45\0\0\x47\x83\xc6\x40\0\x40\x06\xb8\xe8\x7f\0\0\x01\x7f\0\0\x01\
        \x9c\x12\x0d\x3d\xad\xf8\x4f\x71\xb9\x05\xdb\x09\x80\x18\0\x40\xfe\x3b\0\0\
        \x01\x01\x08\x0a\x13\xd3\xc1\x02\x59\x5c\xcd\x02\
        \x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";

    #[test]
    fn a_segment_in_fragments_is_the_segment() {
        let Decoded::Tcp(whole) = decode(LinkType::RAW, &PACKET, 71) else { panic!() };
        // Inside the TCP header, so that neither part can be read alone.
        for cut in (8..48).step_by(8) {
            let fragment = |part: &[u8], more: u8, offset: usize| {
                let mut header: [u8; 20] = PACKET[..20].try_into().unwrap();
                header[3] = u8::try_from(20 + part.len()).unwrap();
                header[6..8].copy_from_slice(&[more, u8::try_from(offset / 8).unwrap()]);
                [&header[..], part].concat()
            };
            let (first, last) = (fragment(&PACKET[20..20 + cut], 0x20, 0), fragment(&PACKET[20 + cut..], 0, cut));
            let mut bench = Bench::default();
            let Decoded::Fragment(last) = decode(LinkType::RAW, &last, 0) else { panic!() };
            assert!(bench.push(&last).is_none());
            let Decoded::Fragment(first) = decode(LinkType::RAW, &first, 0) else { panic!() };
            let packet = bench.push(&first).unwrap();
            let decoded = decode_reassembled(packet.ip, packet.protocol, packet.bytes, packet.len);
            let Decoded::Tcp(segment) = decoded else { panic!("{decoded:?}") };
            assert_eq!((segment.tcp, segment.payload, segment.payload_len), (whole.tcp, whole.payload, 19));
            assert_eq!(segment.ip, IpFacts { reassembled: true, dont_fragment: false, ..whole.ip });
        }
    }

    #[test]
    fn a_mirror_that_delivers_twice_is_no_second_packet() {
        let whole = payload(64);
        let mut bench = Bench::default();
        for fragment in [part(&whole, 0, 32), part(&whole, 0, 32)] {
            assert!(bench.push(&fragment).is_none());
        }
        assert!(bench.push(&part(&whole, 32, 64)).is_some());
        assert!(bench.push(&part(&whole, 32, 64)).is_none());
        assert_eq!(bench.fragments.in_progress(), 0);
        // The same identification much later, or with other bytes, is a new packet.
        bench.push_at(&part(&whole, 32, 64), 31);
        assert_eq!(bench.fragments.in_progress(), 1);
        assert!(bench.push_at(&part(&whole, 0, 32), 31).is_some());
        bench.push_at(&part(&[0xff; 64], 32, 64), 31);
        assert_eq!(bench.fragments.in_progress(), 1);
    }

    #[test]
    fn the_next_packet_inherits_memory_but_no_bytes() {
        let (one, two) = (payload(64), vec![0xff; 32]);
        let mut bench = Bench::default();
        bench.push(&part(&one, 0, 32));
        assert!(bench.push(&part(&one, 32, 64)).is_some());
        bench.push(&part(&two, 16, 32));
        let packet = bench.push(&part(&two, 0, 16)).unwrap();
        assert_eq!((packet.bytes, packet.frames.len()), (&two[..], 2));
    }

    #[test]
    fn hostile_places_are_counted_and_ignored() {
        let whole = payload(64);
        let sane = part(&whole, 0, 32);
        let mut bench = Bench::default();
        for hostile in [
            Fragment { offset: 65_528, ..sane },
            Fragment { offset: u32::MAX, ..sane },
            Fragment { offset: 4, ..sane },
            Fragment { len: 0, bytes: &[], ..sane },
            Fragment { len: 31, bytes: &whole[..31], ..sane },
            Fragment { len: u32::MAX, ..sane },
        ] {
            assert!(bench.push(&hostile).is_none());
        }
        assert_eq!(bench.counts(), [("fragments-malformed", 6)]);
        assert_eq!(bench.fragments.in_progress(), 0);
    }

    #[test]
    fn age_and_the_end_of_the_capture_give_up() {
        let whole = payload(64);
        let mut bench = Bench::default();
        bench.push_at(&part(&whole, 0, 32), 0);
        assert!(bench.push_at(&part(&whole, 32, 64), 31).is_none(), "the first half was too old");
        bench.fragments.finish(&mut bench.notices);
        assert_eq!(bench.counts(), [("fragments-incomplete", 2)]);
        assert_eq!((bench.fragments.in_progress(), bench.fragments.total_bytes), (0, 0));
    }

    #[test]
    fn a_clock_that_runs_back_gives_up_nothing() {
        let whole = payload(64);
        let mut bench = Bench::default();
        bench.push_at(&part(&whole, 0, 32), 1000);
        assert!(bench.push_at(&part(&whole, 32, 64), 1).is_some());
    }

    #[test]
    fn a_flood_evicts_the_oldest_and_stays_bounded() {
        let whole = payload(64);
        let mut bench = Bench::default();
        for id in 0..3000 {
            bench.push(&Fragment { id, ..part(&whole, 0, 32) });
        }
        assert_eq!(bench.fragments.in_progress(), MAX_PACKETS);
        assert_eq!(bench.counts(), [("fragments-evicted", 3000 - MAX_PACKETS as u64)]);
        assert!(bench.push(&Fragment { id: 2999, ..part(&whole, 32, 64) }).is_some());

        // Eight bytes that claim the most memory.
        for id in 0..3000 {
            bench.push(&Fragment { id, offset: 65_520, ..part(&whole, 0, 8) });
            assert!(bench.fragments.total_bytes <= MAX_TOTAL_BYTES);
        }
        assert_eq!(bench.fragments.tickets.len(), bench.fragments.waiting.len());
    }

    #[test]
    fn packets_with_other_addresses_ids_protocols_or_captures_stay_apart() {
        let whole = payload(64);
        let first = part(&whole, 0, 32);
        let mut bench = Bench::default();
        bench.push(&first);
        let rest = part(&whole, 32, 64);
        assert!(bench.push(&Fragment { id: 8, ..rest }).is_none());
        assert!(bench.push(&Fragment { protocol: 17, ..rest }).is_none());
        assert!(bench.push(&Fragment { ip: IpFacts { src: rest.ip.dst, ..rest.ip }, ..rest }).is_none());
        let other = bench.fragments.push(&rest, Frame::new(1, 1), CaptureTime::default(), &mut bench.notices);
        assert!(other.is_none());
        assert!(bench.push(&rest).is_some());
    }

    #[test]
    fn only_the_first_fragment_of_ipv6_tells_the_protocol() {
        let whole = payload(64);
        let v6 = |mut fragment: Fragment<'static>, protocol| {
            (fragment.ip.src, fragment.ip.dst) = (IpAddr::V6(1.into()), IpAddr::V6(2.into()));
            Fragment { protocol, ..fragment }
        };
        let whole: &'static [u8] = whole.leak();
        let mut bench = Bench::default();
        bench.push(&v6(part(whole, 32, 64), 0));
        let packet = bench.push(&v6(part(whole, 0, 32), 6)).unwrap();
        assert_eq!((packet.protocol, packet.bytes), (6, whole));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any split, any order, any repetition gives the packet once or more, never another one.
        #[test]
        fn any_order_gives_the_same_bytes(
            blocks in 2..60_usize,
            tail in 1..9_usize,
            cuts in proptest::collection::btree_set(1..60_usize, 1..12),
            order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let whole = payload((blocks - 1) * 8 + tail);
            let edges: BTreeSet<_> = cuts
                .into_iter()
                .map(|cut| (1 + cut % (blocks - 1)) * 8)
                .chain([0, whole.len()])
                .collect();
            let edges: Vec<_> = edges.into_iter().collect();
            let mut parts: Vec<_> = edges.windows(2).map(|edge| part(&whole, edge[0], edge[1])).collect();
            for index in &order {
                let from = index.index(parts.len());
                parts.swap(from, 0);
            }
            let repeated: Vec<_> = order.iter().map(|index| parts[index.index(parts.len())]).collect();
            let mut bench = Bench::default();
            let mut complete = 0;
            for fragment in repeated.iter().chain(&parts) {
                if let Some(packet) = bench.push(fragment) {
                    prop_assert_eq!(packet.bytes, &whole[..]);
                    complete += 1;
                }
            }
            prop_assert!(complete >= 1);
            prop_assert!(bench.notices.is_empty());
        }
    }
}
