//! A report that is whole in memory, as people read it.

use std::io;

use super::Listener;
use crate::analysis::NOT_LISTED;
use crate::report::document::{Attempt, Connection, Notice, Outcome, Report};

/// Attempts listed with their connections: more than anybody reads. Beyond,
/// only those that failed are.
const MAX_ATTEMPTS: usize = 5_000;

/// Attempts listed, if the later ones failed. The document of a connection
/// takes some 10 KiB.
const MAX_FAILED: usize = 10_000;

/// The attempts and connections of a report, as far as there is room.
#[derive(Debug, Default)]
pub struct Listed {
    attempts: Vec<Attempt>,
    connections: Vec<Connection>,
    /// Attempts without room.
    left_out: u64,
}

impl Listener for Listed {
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        let room = if attempt.outcome == Outcome::Failed { MAX_FAILED } else { MAX_ATTEMPTS };
        if self.attempts.len() < room {
            self.attempts.push(attempt.clone());
        } else {
            self.left_out += 1;
        }
        Ok(())
    }

    fn wants(&self, attempt: &Attempt) -> bool {
        self.attempts.binary_search_by_key(&attempt.id, |listed| listed.id).is_ok()
    }

    fn connection(&mut self, connection: Connection, _: &Attempt) -> io::Result<()> {
        self.connections.push(connection);
        Ok(())
    }
}

impl Listed {
    /// Puts the lists into the report that was made of the rest.
    #[must_use]
    pub fn into_report(self, rest: Report) -> Report {
        let Self { attempts, connections, left_out } = self;
        let mut report = Report { attempts, connections, ..rest };
        if left_out > 0 {
            report.notices.push(Notice {
                kind: NOT_LISTED.0.to_owned(),
                says: format!(
                    "more than {MAX_ATTEMPTS} attempts: later ones are counted and not listed, failed ones not beyond {MAX_FAILED}; --format json --all lists every one"
                ),
                count: left_out,
                frame: None,
            });
        }
        report
    }
}
