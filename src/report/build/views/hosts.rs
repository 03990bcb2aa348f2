//! What came of the attempts of each host, and of whom it met.

use core::hash::Hash;
use core::mem;
use core::net::IpAddr;
use std::collections::BTreeMap;

use foldhash::HashMap;

use super::Tried;
use crate::base::Few;
use crate::report::document::{Endpoint, Outcome, Text, Time};

/// Servers listed, and clients: more than anybody reads, and as many as a table of
/// 8,192 places takes, of 88 bytes each.
pub(super) const MAX_LISTED: usize = 7_168;

/// Pairs of a client and a server that are remembered, of some 30 bytes each where a
/// host has several: by them is known at how many servers a client failed.
pub(super) const MAX_PAIRS: usize = 16_384;

/// All of one kind, and how many attempts found no room among them.
#[derive(Debug)]
pub(super) struct Hosts<Host, Peer> {
    pub(super) tallies: HashMap<Host, Tally<Peer>>,
    pairs: usize,
    pub(super) left_out: u64,
}

/// What both views count of one host.
#[derive(Debug)]
pub(super) struct Tally<Peer> {
    pub(super) attempts: u32,
    pub(super) active: Seen,
    // Boxed: most hosts have no failure.
    failures: Option<Box<Failures>>,
    /// Who stood at the other end.
    pub(super) peers: Peers<Peer>,
    /// There were others, for whom there was no room.
    pub(super) has_more_peers: bool,
}

/// What the limits of memory rest on, for either kind of host.
const _: () = assert!(size_of::<(Endpoint, Tally<IpAddr>)>() <= 88 && size_of::<(IpAddr, Tally<Endpoint>)>() <= 88);

/// The attempts of a host that failed.
#[derive(Debug, Default)]
struct Failures {
    seen: Seen,
    /// Most hosts fail in one way.
    by_finding: Few<(Text, u32)>,
}

/// What came of the attempts with each host at the other end. Most hosts have one,
/// which takes no room of its own, or two, for which a table is large.
#[derive(Debug)]
pub(super) enum Peers<Peer> {
    None,
    One(Peer, Reached),
    // Boxed: what they are in is no larger than one peer.
    Few(Box<[(Peer, Reached)]>),
    Many(Box<HashMap<Peer, Reached>>),
}

/// Attempts of one outcome: how many, when the first and the last began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) count: u32,
    /// Where there is none, of no meaning.
    first: Time,
    last: Time,
}

/// What came of the attempts of one pair.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) failed: bool,
    pub(super) active: bool,
}

impl<Host: Eq + Hash + Copy, Peer: Eq + Hash + Copy> Hosts<Host, Peer> {
    pub(super) fn add(&mut self, tried: &Tried, host: Host, peer: Peer) {
        let tally = if self.tallies.len() < MAX_LISTED {
            self.tallies.entry(host).or_default()
        } else if let Some(tally) = self.tallies.get_mut(&host) {
            tally
        } else {
            self.left_out += 1;
            return;
        };
        tally.attempts = tally.attempts.saturating_add(1);
        let mut reached = Reached::default();
        match tried.outcome {
            Outcome::Failed => {
                reached.failed = true;
                tally.failures.get_or_insert_default().add(tried);
            }
            Outcome::Active => {
                reached.active = true;
                tally.active.add(tried.start);
            }
            Outcome::Abandoned | Outcome::Open | Outcome::Unknown => {}
        }
        match tally.peers.get_mut(&peer) {
            Some(before) => {
                before.failed |= reached.failed;
                before.active |= reached.active;
            }
            None if self.pairs < MAX_PAIRS => {
                self.pairs += 1;
                tally.peers.add(peer, reached);
            }
            None => {
                tally.has_more_peers = true;
                self.left_out += 1;
            }
        }
    }
}

impl<Peer: Eq + Hash + Copy> Tally<Peer> {
    pub(super) fn peers(&self, wanted: impl Fn(Reached) -> bool) -> usize {
        self.peers.iter().filter(|(_, reached)| wanted(*reached)).count()
    }

    /// The attempts that failed.
    pub(super) fn failed(&self) -> Seen {
        self.failures.as_ref().map(|failures| failures.seen).unwrap_or_default()
    }

    /// Of those, how many there were of each finding.
    pub(super) fn findings(&self) -> &[(Text, u32)] {
        self.failures.as_ref().map_or(&[], |failures| &failures.by_finding)
    }

    pub(super) fn by_finding(&self) -> BTreeMap<String, u64> {
        self.findings().iter().map(|(finding, count)| (finding.to_string(), u64::from(*count))).collect()
    }
}

impl Failures {
    fn add(&mut self, tried: &Tried) {
        self.seen.add(tried.start);
        let Some(finding) = &tried.finding else { return };
        match self.by_finding.iter_mut().find(|(known, _)| known == finding) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.by_finding.push((finding.clone(), 1)),
        }
    }
}

impl<Peer: Eq + Hash + Copy> Peers<Peer> {
    /// More than that are looked up in a table.
    const FEW: usize = 8;

    fn get_mut(&mut self, peer: &Peer) -> Option<&mut Reached> {
        match self {
            Self::None => None,
            Self::One(known, reached) => (known == peer).then_some(reached),
            Self::Few(few) => few.iter_mut().find(|(known, _)| known == peer).map(|(_, reached)| reached),
            Self::Many(many) => many.get_mut(peer),
        }
    }

    /// Adds one that is not known yet.
    fn add(&mut self, peer: Peer, reached: Reached) {
        *self = match mem::replace(self, Self::None) {
            Self::None => Self::One(peer, reached),
            Self::One(first, before) => Self::Few(Box::new([(first, before), (peer, reached)])),
            Self::Few(few) if few.len() < Self::FEW => {
                let mut few = few.into_vec();
                few.reserve_exact(1);
                few.push((peer, reached));
                Self::Few(few.into_boxed_slice())
            }
            Self::Few(few) => Self::Many(Box::new(few.into_iter().chain([(peer, reached)]).collect())),
            Self::Many(mut many) => {
                many.insert(peer, reached);
                Self::Many(many)
            }
        };
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Peer, Reached)> {
        let (one, few, many) = match self {
            Self::None => (None, None, None),
            Self::One(peer, reached) => (Some((*peer, *reached)), None, None),
            Self::Few(few) => (None, Some(few), None),
            Self::Many(many) => (None, None, Some(many)),
        };
        let many = many.into_iter().flat_map(|many| &**many).map(|(peer, reached)| (*peer, *reached));
        one.into_iter().chain(few.into_iter().flatten().copied()).chain(many)
    }
}

impl Seen {
    fn add(&mut self, start: Time) {
        if self.count == 0 {
            (self.first, self.last) = (start, start);
        }
        self.count = self.count.saturating_add(1);
        (self.first, self.last) = (self.first.min(start), self.last.max(start));
    }

    pub(super) fn first(&self) -> Option<Time> {
        (self.count > 0).then_some(self.first)
    }

    pub(super) fn last(&self) -> Option<Time> {
        (self.count > 0).then_some(self.last)
    }
}

impl Default for Seen {
    fn default() -> Self {
        let never = Time::from_nanos(0);
        Self { count: 0, first: never, last: never }
    }
}

impl<Host, Peer> Default for Hosts<Host, Peer> {
    fn default() -> Self {
        Self { tallies: HashMap::default(), pairs: 0, left_out: 0 }
    }
}

impl<Peer> Default for Tally<Peer> {
    fn default() -> Self {
        Self { attempts: 0, active: Seen::default(), failures: None, peers: Peers::None, has_more_peers: false }
    }
}
