//! The flight recorder: the packets of every connection that may yet fail.
//!
//! Of each connection the beginning is kept, since most failures lie there, and
//! of the rest the latest. What does not fit is counted, never silent.

use std::collections::{HashMap, VecDeque};

use rdpwhy::analysis::{Analyzer, Connection, Ends};
use rdpwhy::base::{CaptureTime, LinkType, Span};
use rdpwhy::capture::Packet;

/// What a packet or a connection takes besides its bytes.
const PACKET_OVERHEAD: usize = size_of::<Meta>();
/// See [`PACKET_OVERHEAD`]: the entry, and what the allocator rounds up.
const FLOW_OVERHEAD: usize = size_of::<Flow>() + size_of::<Key>() + 192;

/// Connections that nobody follows (a SYN to another port that may become one)
/// are kept for so long.
const UNFOLLOWED: Span = Span::from_secs(60);

/// Bytes kept of what passes between two hosts beside their connections: the
/// beginning of a UDP side channel, and fragments of late.
const BESIDE: usize = 64 * 1024;

/// Which connection: its ends, and the interface that showed it.
type Key = (Ends, u16);

/// That of a connection. A live capture is a point of view of its own.
pub(super) fn key(connection: &Connection) -> Key {
    let ends = &connection.tcp.endpoints;
    (Ends::new(ends.client, ends.server), u16::try_from(connection.capture.0).unwrap_or(u16::MAX))
}

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Bytes for each connection.
    pub(super) each: usize,
    /// Bytes for all together.
    pub(super) all: usize,
}

#[derive(Clone, Copy, Debug)]
struct Meta {
    time: CaptureTime,
    len: u32,
    original_len: u32,
    link: LinkType,
}

/// Packets in the order of their arrival.
#[derive(Clone, Debug, Default)]
struct Run {
    bytes: VecDeque<u8>,
    packets: VecDeque<Meta>,
}

impl Run {
    fn size(&self) -> usize {
        self.bytes.len() + self.packets.len() * PACKET_OVERHEAD
    }

    fn push(&mut self, packet: &Packet<'_>) {
        make_room(&mut self.bytes, packet.data.len());
        make_room(&mut self.packets, 1);
        self.bytes.extend(packet.data);
        self.packets.push_back(Meta {
            time: packet.time,
            len: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
            original_len: packet.original_len,
            link: packet.link,
        });
    }

    /// Removes the oldest packet; returns what that frees.
    fn pop(&mut self) -> usize {
        let Some(meta) = self.packets.pop_front() else { return 0 };
        let len = meta.len as usize;
        self.bytes.drain(..len.min(self.bytes.len()));
        len + PACKET_OVERHEAD
    }
}

/// Grows by an eighth, where the library would double: that much more than the
/// budget may be in use.
fn make_room<T>(queue: &mut VecDeque<T>, more: usize) {
    if queue.capacity() - queue.len() < more {
        queue.reserve_exact(more.max(queue.len() / 8));
    }
}

#[derive(Debug)]
struct Flow {
    head: Run,
    tail: Run,
    left_out: u64,
    last: CaptureTime,
}

/// The packets of a connection, as far as they were kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    runs: [Run; 2],
    /// Packets between the beginning and the rest that were not kept.
    pub(super) left_out: u64,
}

/// A packet as it was kept.
#[derive(Clone, Debug)]
pub(super) struct KeptPacket {
    /// When it was captured.
    pub(super) time: CaptureTime,
    /// What it begins with.
    pub(super) link: LinkType,
    /// Its length on the wire.
    pub(super) original_len: u32,
    /// Its bytes.
    pub(super) data: Vec<u8>,
}

impl Kept {
    /// What it takes.
    pub(super) fn size(&self) -> usize {
        self.runs.iter().map(Run::size).sum::<usize>() + FLOW_OVERHEAD
    }

    /// The packets, in order.
    pub(super) fn packets(&self) -> impl Iterator<Item = KeptPacket> {
        self.runs.iter().flat_map(|run| {
            let mut bytes = run.bytes.iter().copied();
            run.packets.iter().map(move |meta| KeptPacket {
                time: meta.time,
                link: meta.link,
                original_len: meta.original_len,
                data: bytes.by_ref().take(meta.len as usize).collect(),
            })
        })
    }
}

/// Keeps packets.
#[derive(Debug)]
pub(super) struct Recorder {
    budget: Budget,
    flows: HashMap<Key, Flow>,
    /// Connections that are over, in the order of their end, until they are taken.
    sealed: VecDeque<(Key, Kept)>,
    /// Those of `flows` that are no connections.
    pairs: usize,
    size: usize,
    /// What others hold of the same budget.
    reserved: usize,
    /// Whose packet of a tail is the oldest of all: what goes first when all
    /// together take too much. May name connections that are gone.
    order: VecDeque<Key>,
    /// Packets in tails.
    in_tails: usize,
    left_out: u64,
}

impl Recorder {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            flows: HashMap::new(),
            sealed: VecDeque::new(),
            pairs: 0,
            size: 0,
            reserved: 0,
            order: VecDeque::new(),
            in_tails: 0,
            left_out: 0,
        }
    }

    /// `analyzer` was given a packet, which is about the connection between `ends`;
    /// after `before` connections that had ended by then.
    pub(super) fn pushed(&mut self, ends: Option<Ends>, packet: &Packet<'_>, analyzer: &Analyzer, before: usize) {
        // What comes from now on between the same ends is another's.
        for connection in analyzer.ended().iter().skip(before) {
            self.seal(key(connection));
        }
        if let Some(ends) = ends {
            self.keep(ends, packet, || analyzer.is_stray(&ends, packet.vantage));
        }
    }

    /// Keeps a packet of the connection between `ends`, unless it `is_stray`: no
    /// connection's any more. (Some hosts send for hours into the void.)
    fn keep(&mut self, ends: Ends, packet: &Packet<'_>, is_stray: impl FnOnce() -> bool) {
        let key = (ends, packet.vantage);
        if !self.flows.contains_key(&key) && is_stray() {
            return;
        }
        let size = packet.data.len() + PACKET_OVERHEAD;
        let half = if ends.are_hosts() { BESIDE.min(self.budget.each) / 2 } else { self.budget.each / 2 };
        let known = self.flows.len();
        if ends.are_hosts() && !self.flows.contains_key(&key) {
            // A flood of fragments leaves room for connections.
            if self.pairs >= self.budget.all / 4 / BESIDE {
                self.left_out += 1;
                return;
            }
            self.pairs += 1;
        }
        let flow = self.flows.entry(key).or_insert_with(|| Flow {
            head: Run::default(),
            tail: Run::default(),
            left_out: 0,
            last: packet.time,
        });
        flow.last = packet.time;
        let begins = flow.tail.packets.is_empty() && flow.left_out == 0 && flow.head.size() + size <= half;
        if begins {
            flow.head.push(packet);
        } else {
            flow.tail.push(packet);
            self.in_tails += 1;
            self.order.push_back(key);
            while flow.tail.size() > half {
                self.in_tails -= 1;
                self.size = self.size.saturating_sub(flow.tail.pop());
                flow.left_out += 1;
                self.left_out += 1;
            }
        }
        self.size += size;
        if self.flows.len() > known {
            self.size += FLOW_OVERHEAD;
        }
        self.shed(&key);
    }

    /// All together take too much: the oldest packets of tails go, and if there
    /// are none, the connection that asked for more.
    fn shed(&mut self, newest: &Key) {
        while self.size + self.reserved > self.budget.all {
            let Some(key) = self.order.pop_front() else {
                self.left_out += self.take_by(newest).map_or(0, |kept| kept.packets().count() as u64);
                return;
            };
            if let Some(flow) = self.flows.get_mut(&key)
                && !flow.tail.packets.is_empty()
            {
                self.in_tails -= 1;
                self.size = self.size.saturating_sub(flow.tail.pop());
                flow.left_out += 1;
                self.left_out += 1;
            }
        }
        // Names of packets that are gone take memory, too.
        if self.order.len() > 64 + 2 * self.in_tails {
            let flows = &self.flows;
            let mut left: HashMap<Key, usize> = HashMap::new();
            // Of each connection the latest names, one for each packet.
            let mut order: VecDeque<Key> = VecDeque::new();
            for key in self.order.drain(..).rev() {
                let named = left.entry(key).or_default();
                if flows.get(&key).is_some_and(|flow| *named < flow.tail.packets.len()) {
                    *named += 1;
                    order.push_front(key);
                }
            }
            self.order = order;
        }
    }

    fn seal(&mut self, key: Key) {
        let kept = self.take_by(&key);
        self.sealed.extend(kept.map(|kept| (key, kept)));
    }

    /// The connection has ended: what was kept of it, for the last time.
    pub(super) fn take(&mut self, key: &Key) -> Option<Kept> {
        // They are taken in the order of their end: it is the first, or there is none.
        match self.sealed.iter().position(|(sealed, _)| sealed == key) {
            Some(i) => self.sealed.remove(i).map(|(_, kept)| kept),
            None => self.take_by(key),
        }
    }

    /// What passed between two hosts beside their connections, so far.
    pub(super) fn beside(&self, ends: Ends, vantage: u16) -> Option<Kept> {
        let flow = self.flows.get(&(ends.hosts(), vantage))?;
        Some(Kept { runs: [flow.head.clone(), flow.tail.clone()], left_out: 0 })
    }

    /// Others hold so many bytes of the same budget.
    pub(super) const fn reserve(&mut self, bytes: usize) {
        self.reserved = bytes;
    }

    fn take_by(&mut self, key: &Key) -> Option<Kept> {
        let flow = self.flows.remove(key)?;
        self.pairs -= usize::from(key.0.are_hosts());
        self.in_tails -= flow.tail.packets.len();
        self.size = self.size.saturating_sub(flow.head.size() + flow.tail.size() + FLOW_OVERHEAD);
        Some(Kept { runs: [flow.head, flow.tail], left_out: flow.left_out })
    }

    /// Forgets quiet connections that are not `followed`.
    pub(super) fn forget(&mut self, now: CaptureTime, followed: impl Fn(&Ends, u16) -> bool) {
        let gone: Vec<Key> = self
            .flows
            .iter()
            .filter(|((ends, vantage), flow)| now.since(flow.last) > UNFOLLOWED && !followed(ends, *vantage))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.take_by(&key);
        }
    }

    /// Bytes that are kept now.
    pub(super) const fn size(&self) -> usize {
        self.size + self.reserved
    }

    /// Whether anything is kept that is no connection.
    pub(super) const fn keeps_pairs(&self) -> bool {
        self.pairs > 0
    }

    /// Packets that were not kept although their connection is followed.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rdpwhy::base::Frame;
    use rdpwhy::flow::Endpoint;

    fn ends(port: u16) -> Ends {
        let endpoint = |port| Endpoint { ip: "10.0.0.1".parse().unwrap(), port };
        Ends::new(endpoint(port), endpoint(3389))
    }

    fn keep(recorder: &mut Recorder, port: u16, nanos: i64, data: &[u8]) {
        let packet = Packet {
            frame: Frame::new(0, 1),
            time: CaptureTime::from_nanos(nanos),
            link: LinkType::ETHERNET,
            interface: 0,
            vantage: 0,
            packet_id: None,
            data,
            original_len: data.len() as u32,
        };
        recorder.keep(ends(port), &packet, || false);
    }

    #[test]
    fn the_beginning_and_the_latest_are_kept() {
        let mut recorder = Recorder::new(Budget { each: 8 * (100 + PACKET_OVERHEAD), all: 1 << 20 });
        for n in 0..20 {
            keep(&mut recorder, 1, n, &[n as u8; 100]);
        }
        let kept = recorder.take(&(ends(1), 0)).unwrap();
        let times: Vec<i64> = kept.packets().map(|p| p.time.nanos()).collect();
        assert_eq!((times, kept.left_out), (vec![0, 1, 2, 3, 16, 17, 18, 19], 12));
        assert!(kept.packets().all(|p| p.data == [p.time.nanos() as u8; 100]));
        assert_eq!(recorder.size(), 0);
        assert!(recorder.take(&(ends(1), 0)).is_none());
    }

    #[test]
    fn a_flood_ends_at_the_budget() {
        let mut recorder = Recorder::new(Budget { each: 1 << 20, all: 100 * (60 + PACKET_OVERHEAD + FLOW_OVERHEAD) });
        for n in 0..10_000 {
            keep(&mut recorder, n as u16, n, &[0; 60]);
        }
        assert_eq!(recorder.flows.len(), 100);
        assert_eq!(recorder.left_out(), 9_900);
    }

    #[test]
    fn what_passes_beside_connections_is_kept_apart_and_takes_little() {
        let mut recorder = Recorder::new(Budget { each: 1 << 20, all: 8 * BESIDE });
        let hosts = |n: u8| Ends::of_hosts([10, 0, 0, 1].into(), [10, 0, 1, n].into());
        let packet = Packet {
            frame: Frame::new(0, 1),
            time: CaptureTime::from_nanos(0),
            link: LinkType::ETHERNET,
            interface: 0,
            vantage: 0,
            packet_id: None,
            data: &[0; 1_000],
            original_len: 1_000,
        };
        for n in 0..3 {
            (0..1_000).for_each(|_| recorder.keep(hosts(n), &packet, || false));
        }
        assert!(recorder.beside(hosts(0), 0).is_some_and(|kept| (50..=64).contains(&kept.packets().count())));
        assert!(recorder.beside(hosts(1), 0).is_some() && recorder.beside(hosts(2), 0).is_none());
        recorder.forget(CaptureTime::from_parts(61, 0), |who, _| *who == hosts(1));
        assert_eq!((recorder.flows.len(), recorder.pairs), (1, 1));
    }

    #[test]
    fn what_comes_after_the_end_is_not_the_connections() {
        let mut recorder = Recorder::new(Budget { each: 1 << 20, all: 1 << 20 });
        keep(&mut recorder, 1, 0, &[0; 60]);
        keep(&mut recorder, 1, 1, &[0; 60]);
        recorder.seal((ends(1), 0));
        keep(&mut recorder, 1, 2, &[0; 60]);
        let mut times = || recorder.take(&(ends(1), 0)).map(|kept| kept.packets().map(|p| p.time.nanos()).collect());
        assert_eq!((times(), times(), times()), (Some(vec![0, 1]), Some(vec![2]), None));
        assert_eq!(recorder.size(), 0);
    }

    #[test]
    fn what_nobody_follows_is_forgotten() {
        let mut recorder = Recorder::new(Budget { each: 1 << 20, all: 1 << 20 });
        keep(&mut recorder, 1, 0, &[0; 60]);
        keep(&mut recorder, 2, 0, &[0; 60]);
        recorder.forget(CaptureTime::from_parts(61, 0), |who, _| *who == ends(2));
        assert!(recorder.take(&(ends(1), 0)).is_none() && recorder.take(&(ends(2), 0)).is_some());
    }

    proptest! {
        #[test]
        fn budgets_hold_and_sizes_add_up(packets in prop::collection::vec((0u16..6, 0usize..400), 1..200)) {
            let budget = Budget { each: 1_500, all: 6_000 };
            let mut recorder = Recorder::new(budget);
            for (nanos, (port, len)) in packets.into_iter().enumerate() {
                keep(&mut recorder, port, nanos as i64, &vec![0; len]);
                prop_assert!(recorder.size() <= budget.all);
                let real: usize = recorder.flows.values().map(|f| f.head.size() + f.tail.size() + FLOW_OVERHEAD).sum();
                prop_assert_eq!(recorder.size(), real);
                prop_assert!(recorder.flows.values().all(|f| f.head.size() + f.tail.size() <= budget.each));
                prop_assert!(recorder.order.len() <= 64 + 2 * 200);
            }
        }
    }
}
