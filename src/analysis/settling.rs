//! What is over is told while the rest is still being read.
//!
//! A verdict may lean on other connections: a reset on those of the same host,
//! on the same connection in another capture, on devices found elsewhere; and
//! connections are parts of an attempt. So the last ones to finish wait here,
//! whole, until there are `COMPANY + AT_ONCE` of them; then the attempts of all
//! but `COMPANY` are settled and handed out. What is settled does not change any more,
//! and nothing of it is kept but a summary of fixed size. Memory is therefore
//! the same for a thousand connections and for a million.
//!
//! A capture of fewer connections is settled at its end alone: each is seen in
//! the light of all others, and ids follow the order of the first packets. In a
//! longer one
//! * a connection is seen in the light of all that finished before it was
//!   settled: mostly `COMPANY` more than itself, and fewer where nothing can
//!   continue its attempt;
//! * ids follow the order of the first packets within each part that was
//!   settled, and the parts follow each other in time;
//! * a connection that would have continued an attempt that was settled begins
//!   another one. Attempts that nothing can continue are settled first;
//! * what is not in one capture and in another one convicts nobody before the
//!   end, since only then is known whether packets were dropped.
//!
//! Findings about many connections look at the first [`MAX_COMPARED`].

use core::mem;
use std::collections::BTreeSet;

use super::probes::Probe;
use super::{Analysis, Analyzer, Connection};
use crate::base::{At, NoticeKind, Span};
use crate::findings::attempts::{self, Attempt, Group, Tie};
use crate::findings::resets::{Company, Views};
use crate::findings::{Link, Member, Outcome, connection_sentence, diagnose, sightings};

/// Finished connections that wait for company. Those of one person follow each
/// other within seconds; a device between is known after three.
const COMPANY: usize = 80;

/// Finished connections that gather before any is settled. All that wait are
/// looked at then, so that it is more than are looked at again. With company
/// they take less than 4 MiB, of up to 20 KiB each.
const AT_ONCE: usize = 112;

/// Connections of which a summary of 72 bytes is kept, for what is said of many of
/// them together: 1.1 MiB.
pub const MAX_COMPARED: usize = 16_384;

/// Losses came to be known after connections had been told.
const TOLD_BEFORE: NoticeKind = NoticeKind("told-before-losses-were-known");

/// More connections than are looked at together.
const NOT_COMPARED: NoticeKind = NoticeKind("connections-not-compared");

/// Attempts that are settled, in the order of their start, with their
/// connections in the order of their ids.
#[derive(Debug, Default)]
pub struct Batch {
    /// The connections.
    pub connections: Vec<Connection>,
    /// Those that carried nothing, where they are counted.
    pub probes: Vec<Probe>,
    /// What people tried by them.
    pub attempts: Vec<Attempt>,
}

/// A connection that waits.
enum Waiting {
    Whole(Connection),
    Probe(Probe),
}

impl Waiting {
    fn first(&self) -> At {
        match self {
            Self::Whole(connection) => connection.tcp.first,
            Self::Probe(probe) => probe.first(),
        }
    }

    fn link(&self, id: u32) -> Link {
        match self {
            Self::Whole(connection) => Link { id, ..connection.link() },
            Self::Probe(probe) => probe.link(id),
        }
    }
}

impl Batch {
    /// Takes what an analysis has left to tell.
    #[must_use]
    pub fn take(analysis: &mut Analysis) -> Self {
        let (connections, attempts) = (mem::take(&mut analysis.connections), mem::take(&mut analysis.attempts));
        Self { connections, attempts, ..Self::default() }
    }
}

/// What is kept of connections that were settled.
#[derive(Debug, Default)]
pub(super) struct Settled {
    count: u32,
    members: Vec<Member>,
}

impl Settled {
    /// What is kept of the first connections.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }
}

impl Analyzer {
    /// Attempts of which nothing more is expected; `None` until many
    /// connections wait. To be asked after each packet, by whoever tells them
    /// while reading; what is never asked for comes with the end, as far as
    /// there is room.
    #[inline]
    pub fn settled(&mut self) -> Option<Batch> {
        self.has_settled().then(|| self.settle(COMPANY, true))
    }

    /// Whether [`settled`](Self::settled) has something to give.
    #[must_use]
    #[inline]
    pub const fn has_settled(&self) -> bool {
        self.waiting() >= COMPANY + AT_ONCE
    }

    /// Connections that are over and not told yet.
    #[inline]
    pub(super) const fn waiting(&self) -> usize {
        self.connections.len() + self.candidates.len()
    }

    /// Settles all but `keep` connections. `may_have_dropped`: packets may be
    /// missing from a capture that nobody has counted yet.
    #[cold]
    pub(super) fn settle(&mut self, keep: usize, may_have_dropped: bool) -> Batch {
        let (waiting, order) = self.gather(may_have_dropped);
        // For now by place; the ids are given to those that are told.
        let mut links: Vec<Link> = Vec::with_capacity(waiting.len());
        for (place, at) in (0..).zip(&order) {
            links.extend(waiting.get(*at as usize).map(|waiting| waiting.link(place)));
        }
        let groups = choose(attempts::groups(&links), &links, keep);

        let mut ids: Vec<Option<u32>> = vec![None; links.len()];
        for link in groups.iter().flat_map(Group::views) {
            if let Some(id) = ids.get_mut(link.id as usize) {
                *id = Some(0);
            }
        }
        for id in ids.iter_mut().flatten() {
            self.settled.count = self.settled.count.saturating_add(1);
            *id = self.settled.count;
        }
        let renamed = |place: u32| ids.get(place as usize).copied().flatten().unwrap_or_default();
        let mut batch = Batch {
            attempts: groups.iter().map(|group| group.attempt(renamed)).collect(),
            probes: Vec::with_capacity(waiting.len()),
            connections: Vec::new(),
        };
        let mut waiting: Vec<Option<Waiting>> = waiting.into_iter().map(Some).collect();
        for (at, id) in order.iter().zip(&ids) {
            let Some(waiting) = waiting.get_mut(*at as usize).and_then(Option::take) else { continue };
            match (waiting, *id) {
                (Waiting::Whole(connection), None) => self.connections.push(connection),
                (Waiting::Probe(probe), None) => self.candidates.push(probe.into()),
                (Waiting::Whole(connection), Some(id)) => {
                    self.totals.foreign_resets.add(&connection.tcp, &connection.session, &connection.diagnosis);
                    batch.connections.push(Connection { id, ..connection });
                }
                (Waiting::Probe(mut probe), Some(id)) => {
                    self.totals.foreign_resets.add_without(probe.first().frame.capture);
                    probe.id = id;
                    batch.probes.push(probe);
                }
            }
        }
        self.remember(&links, &ids, &batch.attempts);
        batch
    }

    /// Keeps what is looked at of many connections together.
    fn remember(&mut self, links: &[Link], ids: &[Option<u32>], attempts: &[Attempt]) {
        let told = links.iter().zip(ids).filter_map(|(link, id)| Some((link, (*id)?)));
        // The attempts say already whether any connection was seen twice.
        let again = if attempts.iter().any(|attempt| attempt.ties.contains(&Tie::SeenTwice)) {
            let told: Vec<Link> = told.clone().map(|(link, id)| Link { id, ..link.clone() }).collect();
            seen_before(&told)
        } else {
            BTreeSet::new()
        };
        for (link, _) in told.filter(|(_, id)| !again.contains(id)) {
            if self.settled.members.len() < MAX_COMPARED {
                self.settled.members.push(Member::from(link));
            } else {
                self.notices.add(NOT_COMPARED, Some(link.first.frame), || {
                    format!(
                        "more than {MAX_COMPARED} connections: what is said of many together is said of the first ones"
                    )
                });
            }
        }
    }

    /// All that waits, each in the light of the others, and the order of their
    /// first packets.
    fn gather(&mut self, may_have_dropped: bool) -> (Vec<Waiting>, Vec<u32>) {
        let mut connections = mem::take(&mut self.connections);
        let mut waiting = Vec::with_capacity(connections.len() + self.candidates.len());
        let mut candidates = mem::take(&mut self.candidates);
        for candidate in candidates.drain(..) {
            match self.count(candidate) {
                Ok(probe) => waiting.push(Waiting::Probe(probe)),
                Err(connection) => connections.push(connection),
            }
        }
        // Its room is wanted again.
        self.candidates = candidates;
        let order = |first: At| (first.time, first.frame);
        connections.sort_by_cached_key(|c| order(c.tcp.first));
        self.apply_losses(&mut connections);
        let views = self.views(&connections, may_have_dropped);
        self.reconsider(&mut connections, &views);
        // What was found in them may concern the others.
        if !self.suspects.is_empty() {
            waiting = waiting.into_iter().map(|waiting| self.count_again(waiting)).collect();
        }
        waiting.extend(connections.into_iter().map(Waiting::Whole));
        // Those that waited before are in order already, and each is large: places
        // are sorted.
        let mut sorted: Vec<_> = (0..).zip(&waiting).map(|(at, one)| (order(one.first()), at)).collect();
        sorted.sort();
        (waiting, sorted.into_iter().map(|(_, at)| at).collect())
    }

    fn count_again(&mut self, waiting: Waiting) -> Waiting {
        match waiting {
            Waiting::Probe(probe) => self.count(probe.into()).map_or_else(Waiting::Whole, Waiting::Probe),
            whole @ Waiting::Whole(_) => whole,
        }
    }

    /// What was told before a file said, at its end, what had been lost.
    pub(super) fn note_late_losses(&mut self, dropped: u64) {
        let told = self.settled.count;
        if told > 0 && (dropped > 0 || !self.drops.is_empty()) {
            self.notices.add(TOLD_BEFORE, None, || {
                format!(
                    "the captures say at their end that packets were dropped; what is said of connections 1 to {told}, which were told before, may be too certain"
                )
            });
        }
    }

    /// A file may tell at its end what was lost all along.
    fn apply_losses(&self, connections: &mut [Connection]) {
        for Connection { tcp, session, diagnosis, sentence, lost, acquaintance, .. } in connections {
            *lost = self.drops.during(tcp.first.time, tcp.last.time.max(tcp.end.at.time));
            if lost.is_some() && !diagnosis.coverage.dropped {
                **diagnosis = diagnose(tcp, session, true);
                *acquaintance = None;
                *sentence = connection_sentence(tcp, session, diagnosis);
            }
        }
    }

    /// What each capture shows of the connections that others may show, too.
    fn views(&self, connections: &[Connection], may_have_dropped: bool) -> Views {
        let mut views = Views::default();
        if self.watched.captures() > 1 {
            for Connection { capture, tcp, diagnosis, .. } in connections {
                views.add(tcp, &diagnosis.resets, self.watched.until(*capture), may_have_dropped);
            }
        }
        views
    }

    /// A reset can be held against its sender's other connections, against the
    /// same connection in another capture, and against what was found elsewhere.
    pub(super) fn reconsider(&mut self, connections: &mut [Connection], views: &Views) {
        let company = Company { neighbours: Some(&self.totals.neighbours), views: Some(views), suspects: None };
        // What other captures show is looked at each time.
        let is_alone = self.watched.captures() <= 1;
        for connection in &mut *connections {
            let acquaintance = Some(self.totals.neighbours.acquaintance(&connection.tcp));
            if !is_alone || connection.acquaintance != acquaintance {
                connection.reconsider(company);
                connection.acquaintance = acquaintance;
            }
            self.suspects.learn(&connection.tcp, &connection.diagnosis.resets);
        }
        if !self.suspects.is_empty() {
            let company = Company { suspects: Some(&self.suspects), ..company };
            let concerned = connections.iter_mut().filter(|connection| self.suspects.concern(&connection.tcp));
            for connection in concerned {
                connection.reconsider(company);
                connection.acquaintance = None;
            }
        }
    }
}

/// All but one view of each connection.
fn seen_before(links: &[Link]) -> BTreeSet<u32> {
    let told: BTreeSet<u32> = sightings(links).iter().map(|sighting| sighting.told().id).collect();
    links.iter().map(|link| link.id).filter(|id| !told.contains(id)).collect()
}

/// The attempts to settle, so that about `keep` connections are left: first
/// those that nothing can continue, then the oldest.
fn choose<'a>(groups: Vec<Group<'a>>, links: &[Link], keep: usize) -> Vec<Group<'a>> {
    if keep == 0 {
        return groups;
    }
    let Some(now) = links.last().map(|link| link.start) else { return groups };
    let is_over = |group: &Group<'_>| {
        let pause = now.since(group.end());
        group.outcome() != Outcome::Open && pause > Span::ZERO && pause > attempts::PAUSE
    };
    let mut left = links.len().saturating_sub(keep);
    let mut chosen = vec![false; groups.len()];
    for wanted in [true, false] {
        for (group, chosen) in groups.iter().zip(&mut chosen) {
            if left > 0 && is_over(group) == wanted {
                *chosen = true;
                left = left.saturating_sub(group.count());
            }
        }
    }
    groups.into_iter().zip(chosen).filter_map(|(group, chosen)| chosen.then_some(group)).collect()
}
