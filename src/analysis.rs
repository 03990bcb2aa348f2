//! Floor 5: the page on which the pipeline can be read.
//!
//! Packets are pushed, connections come out explained. No clock, no file: the
//! same packets always give the same analysis.

mod drops;
mod live;
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
use crate::findings::resets::{Company, MAX_HOSTS, Suspects};
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

/// Bytes that were not put in order because a limit was reached.
const HOLE_GIVEN_UP: NoticeKind = NoticeKind("reassembly-limit-reached");

/// Segments that bring other bytes for a place than came before.
const DISAGREEMENT: NoticeKind = NoticeKind("segments-disagree");

/// Segments whose numbers nobody comes to.
const LEAPS: NoticeKind = NoticeKind("sequence-numbers-leap");

/// More of a kind than is kept of one connection.
const DETAILS: NoticeKind = NoticeKind("connection-details-limit");

/// Resets in the name of hosts for which there was no room.
const HOSTS_FORGOTTEN: NoticeKind = NoticeKind("hosts-not-remembered");

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
                        note_forgotten(&mut self.notices, bare.last());
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
            note_streams(&mut self.notices, &tcp);
            note_details(&mut self.notices, &tcp, &session);
            let lost = self.drops.during(tcp.first.time, tcp.last.time.max(tcp.end.at.time));
            let dropped = lost.is_some();
            self.totals.add(&tcp, &Coverage::of(&tcp, dropped));
            let forgotten_sender =
                tcp.resets.iter().find(|reset| self.totals.neighbours.has_forgotten(&tcp, reset.claimed_by));
            if let Some(reset) = forgotten_sender {
                note_forgotten(&mut self.notices, reset.at);
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

/// A connection has a reset that is judged by less than others are.
fn note_forgotten(notices: &mut Notices, at: At) {
    notices.add(HOSTS_FORGOTTEN, Some(at.frame), || {
        format!(
            "more than {MAX_HOSTS} hosts: of later ones no other connections are remembered, by which a reset in their name could be judged; where its own connection is short, its sender stays undetermined"
        )
    });
}

/// What is counted of a connection, and not looked at one by one.
fn note_details(notices: &mut Notices, tcp: &TcpFacts, session: &SessionFacts) {
    let kinds = [
        (tcp.more_resets, tcp.resets.len(), "resets"),
        (tcp.more_icmp, tcp.icmp.len(), "ICMP errors"),
        (session.more_out_of_place, session.out_of_place.len(), "kinds of messages out of place"),
    ];
    for (_, kept, what) in kinds.into_iter().filter(|(more, ..)| *more > 0) {
        notices.add(DETAILS, Some(tcp.first.frame), || {
            format!("a connection has more {what} than the first {kept} that are looked at")
        });
    }
}

/// What was left out of the streams of a connection.
fn note_streams(notices: &mut Notices, tcp: &TcpFacts) {
    for side in Side::BOTH {
        let facts = tcp.directions.of(side);
        if facts.given_up > 0 {
            notices.add(HOLE_GIVEN_UP, Some(tcp.last.frame), || {
                "more came behind a missing packet than is held back; what the packet said is left out".to_owned()
            });
        }
        if let Some((before, at)) = facts.first_disagreeing {
            notices.add(DISAGREEMENT, Some(at.frame), || {
                format!(
                    "{} segments of the {side} bring other bytes than frame {} had brought for the same place; what came first was read, and its receiver may have read the other",
                    facts.disagreeing, before.frame
                )
            });
        }
        if let Some(at) = facts.first_leap {
            notices.add(LEAPS, Some(at.frame), || {
                format!(
                    "{} segments of the {side} have sequence numbers far beyond all that was sent, and nothing goes on there; they were left out",
                    facts.leaps
                )
            });
        }
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
