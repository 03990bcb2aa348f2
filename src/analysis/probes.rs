//! Connections that carried nothing, where they are counted.
//!
//! What the report says of a million of them is how many there were of each
//! kind. So they wait as the few packets that they are; what is to be said of one
//! is told by its class, and only the first of each class is explained, as any
//! connection is. Whoever wants all of one asks for it.

use super::{Analyzer, Batch, Connection};
use crate::base::At;
use crate::findings::resets::Company;
use crate::findings::{Known, Link, Told, connection_sentence, diagnose_in};
use crate::flow::{Bare, Finished};
use crate::session::Session;

/// A connection that carried nothing, and what is said of it.
#[derive(Debug)]
pub struct Probe {
    /// Number in the analysis, as a [`Connection`] has one.
    pub id: u32,
    /// What is said of it.
    pub told: Told,
    pub(super) bare: Bare,
    dropped: bool,
}

impl Probe {
    /// The first packet.
    #[must_use]
    pub fn first(&self) -> At {
        self.bare.first()
    }

    /// The last packet.
    #[must_use]
    pub fn last(&self) -> At {
        self.bare.last()
    }

    pub(super) fn link(&self) -> Link {
        Link::of_bare(self.id, &self.bare, &self.told, self.dropped)
    }
}

impl Analyzer {
    /// From now on, connections that carried nothing come as [`Probe`]s, where
    /// nothing speaks for more: to be counted rather than listed. Whoever
    /// remembers packets has none.
    pub const fn count_probes(&mut self) {
        self.table.leave_bare();
    }

    /// All of a connection of the batch that was settled last.
    #[must_use]
    pub fn whole(&self, probe: &Probe) -> Connection {
        Connection { id: probe.id, ..self.explain_bare(&probe.bare) }
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

    /// What is said of a connection by its class.
    pub(super) fn by_class(&mut self, bare: Bare) -> Result<Probe, Connection> {
        // Another capture may show what this one does not.
        if self.watched.captures() > 1 {
            return Err(self.explain_bare(&bare));
        }
        let dropped = self.drops.during(bare.first().time, bare.last().time).is_some();
        match self.classes.of(&bare, dropped, &self.totals.neighbours, &self.suspects) {
            Known::Told(told) => Ok(Probe { id: 0, told, bare, dropped }),
            Known::Unusual => Err(self.explain_bare(&bare)),
            Known::First(class) => {
                let first = self.explain_bare(&bare);
                match self.classes.learn(class, &first.tcp, &first.session, &first.diagnosis) {
                    Some(told) => Ok(Probe { id: 0, told, bare, dropped }),
                    None => Err(first),
                }
            }
        }
    }

    fn explain_bare(&self, bare: &Bare) -> Connection {
        let Finished { tcp, consumer, .. } = bare.whole::<Session>();
        let session = consumer.into_facts();
        let lost = self.drops.during(tcp.first.time, tcp.last.time);
        let company = Company {
            neighbours: Some(&self.totals.neighbours),
            suspects: (!self.suspects.is_empty()).then_some(&self.suspects),
            ..Company::default()
        };
        let diagnosis = diagnose_in(&tcp, &session, company, lost.is_some());
        let sentence = connection_sentence(&tcp, &session, &diagnosis);
        let capture = tcp.first.frame.capture;
        let (session, diagnosis) = (Box::new(session), Box::new(diagnosis));
        Connection { id: 0, capture, tcp, session, diagnosis, sentence, lost, acquaintance: None }
    }
}

#[cfg(test)]
mod tests;
