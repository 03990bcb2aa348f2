//! What came of the attempts of each host, and of whom it met.

use core::hash::Hash;
use std::collections::BTreeMap;

use foldhash::HashMap;

use super::Tried;
use crate::report::document::{Outcome, Text, Time};

/// Servers listed, and clients: more than anybody reads, and as many as a table of
/// 8,192 places takes, of 100 bytes each.
pub(super) const MAX_LISTED: usize = 7_168;

/// Pairs of a client and a server that are remembered, of some 30 bytes each: by
/// them is known at how many servers a client failed.
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
    pub(super) failed: Seen,
    pub(super) active: Seen,
    /// Who stood at the other end.
    pub(super) peers: Peers<Peer>,
    /// There were others, for whom there was no room.
    pub(super) has_more_peers: bool,
    /// Few of them are known, and most hosts have none.
    pub(super) by_finding: Vec<(Text, u32)>,
}

/// What came of the attempts with each host at the other end. Most hosts have one
/// or two, for which a table is large.
#[derive(Debug)]
pub(super) enum Peers<Peer> {
    Few(Vec<(Peer, Reached)>),
    // Boxed: few hosts have that many.
    Many(Box<HashMap<Peer, Reached>>),
}

/// Attempts of one outcome: how many, when the first and the last began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) count: u32,
    between: Option<(Time, Time)>,
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
                tally.failed.add(tried.start);
                tried.finding.iter().for_each(|finding| tally.found(finding));
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

    fn found(&mut self, finding: &Text) {
        match self.by_finding.iter_mut().find(|(known, _)| known == finding) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => {
                self.by_finding.reserve_exact(1);
                self.by_finding.push((finding.clone(), 1));
            }
        }
    }

    pub(super) fn by_finding(&self) -> BTreeMap<String, u64> {
        self.by_finding.iter().map(|(finding, count)| (finding.to_string(), u64::from(*count))).collect()
    }
}

impl<Peer: Eq + Hash + Copy> Peers<Peer> {
    /// More than that are looked up in a table.
    const FEW: usize = 8;

    fn get_mut(&mut self, peer: &Peer) -> Option<&mut Reached> {
        match self {
            Self::Few(few) => few.iter_mut().find(|(known, _)| known == peer).map(|(_, reached)| reached),
            Self::Many(many) => many.get_mut(peer),
        }
    }

    /// Adds one that is not known yet.
    fn add(&mut self, peer: Peer, reached: Reached) {
        match self {
            Self::Few(few) if few.len() < Self::FEW => {
                few.reserve_exact(1);
                few.push((peer, reached));
            }
            Self::Few(few) => *self = Self::Many(Box::new(few.drain(..).chain([(peer, reached)]).collect())),
            Self::Many(many) => {
                many.insert(peer, reached);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Peer, Reached)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        let many = many.into_iter().flat_map(|many| &**many).map(|(peer, reached)| (*peer, *reached));
        few.into_iter().flatten().copied().chain(many)
    }
}

impl Seen {
    fn add(&mut self, start: Time) {
        self.count = self.count.saturating_add(1);
        let (first, last) = self.between.unwrap_or((start, start));
        self.between = Some((first.min(start), last.max(start)));
    }

    pub(super) fn first(&self) -> Option<Time> {
        self.between.map(|(first, _)| first)
    }

    pub(super) fn last(&self) -> Option<Time> {
        self.between.map(|(_, last)| last)
    }
}

impl<Host, Peer> Default for Hosts<Host, Peer> {
    fn default() -> Self {
        Self { tallies: HashMap::default(), pairs: 0, left_out: 0 }
    }
}

impl<Peer> Default for Tally<Peer> {
    fn default() -> Self {
        Self {
            attempts: 0,
            failed: Seen::default(),
            active: Seen::default(),
            peers: Peers::Few(Vec::new()),
            has_more_peers: false,
            by_finding: Vec::new(),
        }
    }
}
