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
use crate::findings::attempts::{self, Attempt, Tie};
use crate::findings::resets::{Company, Views};
use crate::findings::{Link, Member, Outcome, connection_sentence, diagnose, sightings};

/// Finished connections that wait for company. Those of one person follow each
/// other within seconds; a device between is known after three.
const COMPANY: usize = 96;

/// Finished connections that gather before any is settled. All that wait are
/// looked at then, so that it is more than are looked at again. With company
/// they take less than 5 MiB, of up to 20 KiB each.
const AT_ONCE: usize = 128;

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

    const fn id_mut(&mut self) -> &mut u32 {
        match self {
            Self::Whole(connection) => &mut connection.id,
            Self::Probe(probe) => &mut probe.id,
        }
    }

    fn link(&self) -> Link {
        match self {
            Self::Whole(connection) => connection.link(),
            Self::Probe(probe) => probe.link(),
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
        let mut waiting = self.gather(may_have_dropped);
        // For now by place; the ids are given to those that are told.
        for (place, connection) in (0..).zip(&mut waiting) {
            *connection.id_mut() = place;
        }
        let links: Vec<Link> = waiting.iter().map(Waiting::link).collect();
        let attempts = choose(attempts::group(&links), &links, keep);

        let mut ids: Vec<Option<u32>> = vec![None; waiting.len()];
        for place in attempts.iter().flat_map(|attempt| &attempt.connections) {
            if let Some(id) = ids.get_mut(*place as usize) {
                *id = Some(0);
            }
        }
        for id in ids.iter_mut().flatten() {
            self.settled.count = self.settled.count.saturating_add(1);
            *id = self.settled.count;
        }
        let renamed = |place: u32| ids.get(place as usize).copied().flatten().unwrap_or_default();
        let mut batch = Batch { attempts, probes: Vec::with_capacity(waiting.len()), ..Batch::default() };
        for attempt in &mut batch.attempts {
            attempt.connections.iter_mut().for_each(|c| *c = renamed(*c));
            attempt.decisive = renamed(attempt.decisive);
            if let Some((_, connection)) = &mut attempt.verdict {
                *connection = renamed(*connection);
            }
        }
        let mut told = Vec::with_capacity(waiting.len());
        for ((mut waiting, link), id) in waiting.into_iter().zip(links).zip(&ids) {
            if let Some(id) = *id {
                *waiting.id_mut() = id;
                told.push(Link { id, sentence: String::new(), ..link });
            }
            match (waiting, id) {
                (Waiting::Whole(connection), None) => self.connections.push(connection),
                (Waiting::Probe(probe), None) => self.candidates.push(probe.into()),
                (Waiting::Whole(connection), Some(_)) => {
                    self.totals.foreign_resets.add(&connection.tcp, &connection.session, &connection.diagnosis);
                    batch.connections.push(connection);
                }
                (Waiting::Probe(probe), Some(_)) => {
                    self.totals.foreign_resets.add_without(probe.first().frame.capture);
                    batch.probes.push(probe);
                }
            }
        }
        // The attempts say already whether any connection was seen twice.
        if batch.attempts.iter().any(|attempt| attempt.ties.contains(&Tie::SeenTwice)) {
            each_once(&mut told);
        }
        for link in told {
            if self.settled.members.len() < MAX_COMPARED {
                self.settled.members.push(Member::from(&link));
            } else {
                self.notices.add(NOT_COMPARED, Some(link.first.frame), || {
                    format!(
                        "more than {MAX_COMPARED} connections: what is said of many together is said of the first ones"
                    )
                });
            }
        }
        batch
    }

    /// All that waits, each in the light of the others, in the order of the first
    /// packets.
    fn gather(&mut self, may_have_dropped: bool) -> Vec<Waiting> {
        let mut connections = mem::take(&mut self.connections);
        let mut probes = Vec::with_capacity(self.candidates.len());
        for candidate in mem::take(&mut self.candidates) {
            match self.count(candidate) {
                Ok(probe) => probes.push(probe),
                Err(connection) => connections.push(connection),
            }
        }
        let order = |first: At| (first.time, first.frame);
        connections.sort_by_cached_key(|c| order(c.tcp.first));
        self.apply_losses(&mut connections);
        let views = self.views(&connections, may_have_dropped);
        self.reconsider(&mut connections, &views);
        let mut waiting: Vec<Waiting> = connections.into_iter().map(Waiting::Whole).collect();
        for probe in probes {
            // What was found in the others may concern it.
            waiting.push(if self.suspects.is_empty() {
                Waiting::Probe(probe)
            } else {
                self.count(probe.into()).map_or_else(Waiting::Whole, Waiting::Probe)
            });
        }
        // Each is large: places are sorted, and each is moved once.
        waiting.sort_by_cached_key(|one| order(one.first()));
        waiting
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

/// Leaves one view of each connection.
fn each_once(links: &mut Vec<Link>) {
    let sightings = sightings(links);
    if sightings.len() < links.len() {
        let told: BTreeSet<u32> = sightings.iter().map(|sighting| sighting.told().id).collect();
        links.retain(|link| told.contains(&link.id));
    }
}

/// The attempts to settle, so that about `keep` connections are left: first
/// those that nothing can continue, then the oldest.
fn choose(attempts: Vec<Attempt>, links: &[Link], keep: usize) -> Vec<Attempt> {
    if keep == 0 {
        return attempts;
    }
    let Some(now) = links.last().map(|link| link.start) else { return attempts };
    let is_over = |attempt: &Attempt| {
        let pause = now.since(attempt.end);
        attempt.outcome != Outcome::Open && pause > Span::ZERO && pause > attempts::PAUSE
    };
    let mut left = links.len().saturating_sub(keep);
    let mut chosen = vec![false; attempts.len()];
    for wanted in [true, false] {
        for (attempt, chosen) in attempts.iter().zip(&mut chosen) {
            if left > 0 && is_over(attempt) == wanted {
                *chosen = true;
                left = left.saturating_sub(attempt.connections.len());
            }
        }
    }
    attempts.into_iter().zip(chosen).filter_map(|(attempt, chosen)| chosen.then_some(attempt)).collect()
}
