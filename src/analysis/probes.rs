//! Connections that came no further than a probe of the port, where they are
//! counted.
//!
//! What the report says of a million of them is how many there were of each
//! kind. So those that carried nothing wait as the few packets that they are;
//! what is to be said of one is told by its class, and only the first of each
//! class is explained, as any connection is. Those that asked for RDP and left
//! are followed, and looked at without a word being written. Whoever wants all
//! of one asks for it.

use super::{Analyzer, Batch, Connection};
use crate::base::At;
use crate::findings::resets::Company;
use crate::findings::{Coverage, Known, Link, Told, connection_sentence, diagnose_in, is_probe, may_be_probe, told_in};
use crate::flow::{Bare, Finished, TcpFacts};
use crate::session::{Session, SessionFacts, Stage};

/// A connection that is counted, and what is said of it.
#[derive(Debug)]
pub struct Probe {
    /// Number in the analysis, as a [`Connection`] has one.
    pub id: u32,
    /// What is said of it.
    pub told: Told,
    shown: Shown,
    /// What that was said by.
    grounds: Grounds,
}

/// A connection that is over and may be counted; what was said of it before, if
/// it was looked at.
#[derive(Debug)]
pub(super) struct Candidate {
    shown: Shown,
    said: Option<(Told, Grounds)>,
}

/// As much as was kept of it.
#[derive(Debug)]
enum Shown {
    /// It carried nothing.
    Bare(Bare),
    /// It was followed.
    Followed(Box<TcpFacts>, Box<SessionFacts>),
}

/// What becomes known of others, and may change what is said of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grounds {
    /// The capture lost packets while it was open.
    dropped: bool,
    /// How much is known of the hosts in its resets.
    acquaintance: u64,
}

impl From<Bare> for Candidate {
    fn from(bare: Bare) -> Self {
        Self { shown: Shown::Bare(bare), said: None }
    }
}

impl From<Probe> for Candidate {
    fn from(Probe { shown, told, grounds, .. }: Probe) -> Self {
        Self { shown, said: Some((told, grounds)) }
    }
}

impl Candidate {
    /// A connection that was followed, where it came no further than a probe; it
    /// gives itself back where it did.
    pub(super) fn of(
        tcp: Box<TcpFacts>,
        session: Box<SessionFacts>,
    ) -> Result<Self, (Box<TcpFacts>, Box<SessionFacts>)> {
        if tcp.trace.is_none() && may_be_probe(&tcp, &session) {
            Ok(Self { shown: Shown::Followed(tcp, session), said: None })
        } else {
            Err((tcp, session))
        }
    }
}

impl Probe {
    /// How far it came.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.shown {
            Shown::Bare(_) => Stage::Tcp,
            Shown::Followed(_, session) => session.stage(),
        }
    }

    /// The first packet.
    #[must_use]
    pub fn first(&self) -> At {
        match &self.shown {
            Shown::Bare(bare) => bare.first(),
            Shown::Followed(tcp, _) => tcp.first,
        }
    }

    /// The last packet.
    #[must_use]
    pub fn last(&self) -> At {
        match &self.shown {
            Shown::Bare(bare) => bare.last(),
            Shown::Followed(tcp, _) => tcp.last,
        }
    }

    pub(super) fn link(&self, id: u32) -> Link {
        let dropped = self.grounds.dropped;
        match &self.shown {
            Shown::Bare(bare) => Link::of_bare(id, bare, &self.told, dropped),
            Shown::Followed(tcp, session) => Link::of(id, tcp, session, Coverage::of(tcp, dropped), &self.told),
        }
    }
}

impl Analyzer {
    /// From now on, connections that came no further than a probe come as
    /// [`Probe`]s, where nothing speaks for more: to be counted rather than
    /// listed. Whoever remembers packets has none.
    pub const fn count_probes(&mut self) {
        self.counts_probes = true;
        self.table.leave_bare();
    }

    /// All of a connection of the batch that was settled last.
    #[must_use]
    pub fn whole(&self, probe: &Probe) -> Connection {
        let whole = match &probe.shown {
            Shown::Bare(bare) => self.explain_bare(bare),
            Shown::Followed(tcp, session) => self.explain_followed(tcp.clone(), session.clone()),
        };
        Connection { id: probe.id, ..whole }
    }

    /// Probes that were told: their room may be wanted again.
    pub fn take_back(&mut self, probes: Vec<Probe>) {
        for probe in probes {
            if let Shown::Bare(bare) = probe.shown {
                self.table.take_back(bare);
            }
        }
    }

    /// Makes the probes of a batch connections like the others.
    pub(super) fn make_whole(&self, batch: &mut Batch) {
        for probe in core::mem::take(&mut batch.probes) {
            let connection = self.whole(&probe);
            batch.attempts.iter_mut().for_each(|attempt| attempt.told_by(connection.id, &connection.sentence));
            batch.connections.push(connection);
        }
        batch.connections.sort_by_key(|connection| connection.id);
    }

    /// What is said of a connection, where it is one to be counted.
    pub(super) fn count(&mut self, Candidate { shown, said }: Candidate) -> Result<Probe, Connection> {
        // Another capture may show what this one does not.
        if self.watched.captures() > 1 {
            return Err(self.explained(shown));
        }
        let grounds = match self.grounds(&shown) {
            Some(grounds) => grounds,
            None => return Err(self.explained(shown)),
        };
        let told = match said {
            Some((told, before)) if before == grounds => Some(told),
            _ => self.told(&shown, grounds.dropped),
        };
        match told {
            Some(told) => Ok(Probe { id: 0, told, shown, grounds }),
            None => Err(self.explained(shown)),
        }
    }

    /// What is known of the others; nothing where it looks like what a device did
    /// elsewhere.
    fn grounds(&self, shown: &Shown) -> Option<Grounds> {
        let (neighbours, suspects) = (&self.totals.neighbours, &self.suspects);
        let (first, last, acquaintance, is_suspect) = match shown {
            Shown::Bare(bare) => {
                let is_suspect = !suspects.is_empty() && suspects.concern_bare(bare);
                (bare.first(), bare.last(), neighbours.acquaintance_of_bare(bare), is_suspect)
            }
            Shown::Followed(tcp, _) => {
                let is_suspect = !suspects.is_empty() && suspects.concern(tcp);
                (tcp.first, tcp.last, neighbours.acquaintance(tcp), is_suspect)
            }
        };
        let dropped = self.drops.during(first.time, last.time).is_some();
        (!is_suspect).then_some(Grounds { dropped, acquaintance })
    }

    /// What is said of it, where that is all.
    fn told(&mut self, shown: &Shown, dropped: bool) -> Option<Told> {
        match shown {
            Shown::Bare(bare) => match self.classes.of(bare, dropped, &self.totals.neighbours) {
                Known::Told(told) => Some(told),
                Known::Unusual => None,
                Known::First(class) => {
                    let first = self.explain_bare(bare);
                    self.classes.learn(class, &first.tcp, &first.session, &first.diagnosis)
                }
            },
            Shown::Followed(tcp, session) => {
                let company = Company { neighbours: Some(&self.totals.neighbours), ..Company::default() };
                told_in(tcp, session, company, dropped).filter(|told| is_probe(tcp, session, told.outcome))
            }
        }
    }

    fn explained(&self, shown: Shown) -> Connection {
        match shown {
            Shown::Bare(bare) => self.explain_bare(&bare),
            Shown::Followed(tcp, session) => self.explain_followed(tcp, session),
        }
    }

    fn explain_bare(&self, bare: &Bare) -> Connection {
        let Finished { tcp, consumer, .. } = bare.whole::<Session>();
        self.explain_followed(tcp, Box::new(consumer.into_facts()))
    }

    fn explain_followed(&self, tcp: Box<TcpFacts>, session: Box<SessionFacts>) -> Connection {
        let lost = self.drops.during(tcp.first.time, tcp.last.time);
        let company = Company {
            neighbours: Some(&self.totals.neighbours),
            suspects: (!self.suspects.is_empty()).then_some(&self.suspects),
            ..Company::default()
        };
        let diagnosis = Box::new(diagnose_in(&tcp, &session, company, lost.is_some()));
        let sentence = connection_sentence(&tcp, &session, &diagnosis);
        let capture = tcp.first.frame.capture;
        Connection { id: 0, capture, tcp, session, diagnosis, sentence, lost, acquaintance: None }
    }
}

#[cfg(test)]
mod tests;
