//! Floor 5: the page on which the pipeline can be read.
//!
//! Packets are pushed, connections come out explained. No clock, no file: the
//! same packets always give the same analysis.

mod drops;
mod live;
mod notes;
mod packets;
mod probes;
mod settling;
mod watched;

use drops::Drops;
pub use live::{Ends, InProgress};
use probes::Candidate;
pub use probes::Probe;
use settling::Settled;
pub use settling::{Batch, MAX_COMPARED};
use watched::Watched;

use crate::base::{At, CaptureId, Gap, Notice, NoticeKind, Notices, Side};
use crate::findings::attempts::Attempt;
use crate::findings::crowding::{self, Crowding};
use crate::findings::resets::{Company, Suspects};
use crate::findings::{
    CAPTURE_RULES, CROWD_RULES, Classes, Coverage, Crowd, Diagnosis, Finding, Severity, Totals, connection_sentence,
    diagnose_in, reconsider,
};
use crate::flow::fragments::Fragments;
use crate::flow::{Consumer, Endpoint, Finished, Over, RolesFrom, SideChannel, SideChannels, Table, TcpFacts};
use crate::session::{Session, SessionFacts};

/// Finished connections that wait to be taken, of some 8 KiB each. Whoever
/// takes them while reading never meets this.
const MAX_WAITING: usize = 10_000;

/// Connections that are in no list of the report.
pub const NOT_LISTED: NoticeKind = NoticeKind("connections-not-listed");

/// One connection, explained. Its parts are freed one by one as they are told.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Number in the analysis, from 1, in the order of the first packet.
    pub id: u32,
    /// The capture that shows its beginning.
    pub capture: CaptureId,
    /// What TCP tells.
    pub tcp: Box<TcpFacts>,
    /// What the protocols above it tell.
    pub session: Box<SessionFacts>,
    /// What is said of it.
    pub diagnosis: Box<Diagnosis>,
    /// That in one sentence.
    pub sentence: String,
    /// Packets that the capture lost while it was open; 0 where nobody counted.
    pub lost: Option<u64>,
    /// How much was known of the hosts in its resets when those were judged;
    /// nothing, where they were judged by more than that.
    pub acquaintance: Option<u64>,
}

/// What came of all packets.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// Connections that were not taken before, in the order of their first
    /// packet.
    pub connections: Vec<Connection>,
    /// What people tried by those.
    pub attempts: Vec<Attempt>,
    /// How many connections of each server were half done at once.
    pub crowding: Vec<(Endpoint, Crowding)>,
    /// Findings that concern the capture as a whole.
    pub findings: Vec<Finding>,
    /// UDP side channels.
    pub side_channels: Vec<SideChannel>,
    /// Limits that were reached and packets that could not be read.
    pub notices: Vec<Notice>,
}

/// Turns packets into an [`Analysis`].
#[derive(Debug, Default)]
pub struct Analyzer {
    fragments: Fragments,
    table: Table<Session>,
    side_channels: SideChannels,
    notices: Notices,
    totals: Totals,
    watched: Watched,
    /// Finished, and not told yet.
    connections: Vec<Connection>,
    /// The same, of those that may be counted.
    candidates: Vec<Candidate>,
    counts_probes: bool,
    classes: Classes,
    settled: Settled,
    drops: Drops,
    suspects: Suspects,
}

impl Analyzer {
    /// From now on, the packets of connections that do not end well are
    /// remembered (the first and the last few hundred), so that they can be
    /// drawn. Costs memory and a little time.
    pub fn remember_packets(&mut self) {
        self.table.trace();
    }

    /// Connections followed right now, and those that are over.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.table.open_connections(), self.waiting())
    }

    /// No more packets will come. `dropped`: packets that the capturing
    /// machines count as missed.
    #[must_use]
    pub fn finish(mut self, dropped: u64) -> Analysis {
        self.watched.tell(&mut self.table);
        while self.table.finish_next() {
            self.explain_finished();
        }
        self.conclude(dropped)
    }

    /// The same for whoever tells attempts while reading: `tell` is given those
    /// for which there is no room until the end.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn finish_telling<E>(
        mut self,
        dropped: u64,
        mut tell: impl FnMut(&Self, Batch) -> Result<(), E>,
    ) -> Result<Analysis, E> {
        self.watched.tell(&mut self.table);
        while self.table.finish_next() {
            self.explain_finished();
            if let Some(batch) = self.settled() {
                tell(&self, batch)?;
            }
        }
        Ok(self.conclude(dropped))
    }

    fn conclude(mut self, dropped: u64) -> Analysis {
        self.fragments.finish(&mut self.notices);
        self.totals.dropped = dropped;
        self.note_late_losses(dropped);
        let mut batch = self.settle(0, dropped > 0);
        self.make_whole(&mut batch);
        let Batch { connections, attempts, .. } = batch;
        let Self { table, side_channels, settled, totals, notices, .. } = self;
        let mut notices = notices.list().to_vec();
        notices.extend_from_slice(table.notices());
        // It makes room for what is put together now.
        drop(table);
        let members = settled.members();
        let side_channels = side_channels.finish();
        let crowd = Crowd { connections: members, side_channels: &side_channels };
        let together = CROWD_RULES.iter().filter_map(|rule| rule.check(&crowd));
        let capture = CAPTURE_RULES.iter().filter_map(|rule| rule.check(&totals));
        Analysis {
            attempts,
            crowding: crowding::of(members),
            findings: together.chain(capture).collect(),
            side_channels,
            notices,
            connections,
        }
    }

    #[inline]
    fn explain_finished(&mut self) {
        if self.table.has_finished() {
            self.explain();
        }
    }

    #[cold]
    fn explain(&mut self) {
        let mut forgotten = 0;
        for over in self.table.over() {
            let Finished { mut tcp, consumer: session, .. } = match over {
                Over::Bare(bare) if self.connections.len() + self.candidates.len() < MAX_WAITING => {
                    self.totals.add_bare(&bare);
                    if self.totals.neighbours.has_forgotten_ender(&bare) {
                        notes::forgotten(&mut self.notices, bare.last());
                    }
                    self.candidates.push(bare.into());
                    continue;
                }
                over => over.whole(),
            };
            // The port may mislead; who sent the Connection Request does not.
            if tcp.roles_from == RolesFrom::Port && session.roles().is_some_and(|roles| roles.client == Side::Server) {
                tcp.swap_sides();
            }
            let mut session = Box::new(session.into_facts());
            notes::streams(&mut self.notices, &tcp);
            notes::clock(&mut self.notices, &tcp);
            notes::messages(&mut self.notices, &session);
            notes::details(&mut self.notices, &tcp, &session);
            let lost = self.drops.during(tcp.first.time, tcp.last.time.max(tcp.end.at.time));
            let dropped = lost.is_some();
            self.totals.add(&tcp, &Coverage::of(&tcp, dropped));
            let forgotten_sender =
                tcp.resets.iter().find(|reset| self.totals.neighbours.has_forgotten(&tcp, reset.claimed_by));
            if let Some(reset) = forgotten_sender {
                notes::forgotten(&mut self.notices, reset.at);
            }
            if self.connections.len() + self.candidates.len() >= MAX_WAITING {
                self.notices.add(NOT_LISTED, Some(tcp.first.frame), || {
                    format!("more than {MAX_WAITING} connections at once: those beyond are counted and not explained")
                });
                forgotten += tcp.trace.map_or(0, |trace| trace.len());
                continue;
            }
            if self.counts_probes {
                match Candidate::of(tcp, session) {
                    Ok(candidate) => {
                        self.candidates.push(candidate);
                        continue;
                    }
                    Err(more) => (tcp, session) = more,
                }
            }
            let company = Company { neighbours: Some(&self.totals.neighbours), ..Company::default() };
            let diagnosis = diagnose_in(&tcp, &session, company, dropped);
            // Nobody draws what went well.
            if diagnosis.findings.iter().all(|f| f.severity == Severity::Info)
                && let Some(trace) = tcp.trace.take()
            {
                forgotten += trace.len();
            }
            let sentence = connection_sentence(&tcp, &session, &diagnosis);
            let capture = tcp.first.frame.capture;
            let diagnosis = Box::new(diagnosis);
            let acquaintance = Some(self.totals.neighbours.acquaintance(&tcp));
            self.connections.push(Connection { id: 0, capture, tcp, session, diagnosis, sentence, lost, acquaintance });
        }
        self.table.forget_trace(forgotten);
    }
}

impl Connection {
    fn reconsider(&mut self, company: Company<'_>) {
        let Self { tcp, session, diagnosis, sentence, .. } = self;
        if let Some(better) = reconsider(tcp, session, diagnosis, company) {
            *sentence = connection_sentence(tcp, session, &better);
            **diagnosis = better;
        }
    }
}

/// The flow floor hands bytes over; the session floor takes them.
impl Consumer for Session {
    #[inline]
    fn bytes(&mut self, side: Side, data: &[u8], at: At) {
        self.bytes(side, data, at);
    }

    fn gap(&mut self, side: Side, gap: Gap) {
        self.gap(side, gap);
    }

    fn end(&mut self, side: Side, at: At) {
        self.end(side, at);
    }
}
