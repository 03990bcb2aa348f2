//! Redaction of a report that is told while its captures are read.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Redactor;
use crate::report::build::{Listener, community_id};
use crate::report::document::{Attempt, Capture, Connection, Finding};

/// Passes on what it is told, under pseudonyms.
pub struct Redacting<'a> {
    redactor: &'a Redactor,
    /// The files by name, and what to call them.
    names: Vec<(String, String)>,
    to: &'a mut dyn Listener,
}

impl Redactor {
    /// Hides what `to` is to be told. `captures`: as far as they are known.
    pub fn telling<'a>(&'a self, captures: &[Capture], to: &'a mut dyn Listener) -> Redacting<'a> {
        Redacting { redactor: self, names: self.files(captures.iter().map(|capture| &capture.path)), to }
    }

    /// The captures under pseudonyms.
    ///
    /// # Errors
    /// When one cannot be redacted; then it is not given at all.
    pub fn captures(&self, captures: &[Capture]) -> io::Result<Vec<Capture>> {
        let names = self.files(captures.iter().map(|capture| &capture.path));
        captures.iter().map(|capture| self.part("captures", capture, &names)).collect()
    }

    /// An entry of the list `place` of a report.
    fn part<T: Serialize + DeserializeOwned>(
        &self,
        place: &str,
        part: &T,
        names: &[(String, String)],
    ) -> io::Result<T> {
        let mut value = serde_json::to_value(part)?;
        self.value(&mut value, &[place], names);
        Ok(serde_json::from_value(value)?)
    }
}

impl Listener for Redacting<'_> {
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        self.to.attempt(&self.redactor.part("attempts", attempt, &self.names)?)
    }

    fn wants(&self, attempt: &Attempt) -> bool {
        self.to.wants(attempt)
    }

    fn connection(&mut self, connection: Connection, attempt: &Attempt) -> io::Result<()> {
        let mut hidden: Connection = self.redactor.part("connections", &connection, &self.names)?;
        hidden.community_id = community_id(hidden.client, hidden.server);
        self.to.connection(hidden, &self.redactor.part("attempts", attempt, &self.names)?)
    }

    fn all_is_read(&mut self, captures: Vec<Capture>, findings: Vec<Finding>) {
        let findings = findings.iter().map(|finding| self.redactor.part("findings", finding, &self.names));
        // What cannot be hidden is not passed on.
        let (captures, findings) = (self.redactor.captures(&captures), findings.collect::<io::Result<_>>());
        self.to.all_is_read(captures.unwrap_or_default(), findings.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::build::Listed;
    use crate::report::samples;

    #[test]
    fn told_piece_by_piece_it_is_the_same_report() {
        let redactor = Redactor::new([5; 32]);
        for (name, report) in samples::all() {
            let whole = redactor.report(&report).unwrap();
            let mut listed = Listed::default();
            let mut telling = redactor.telling(&report.captures, &mut listed);
            for attempt in &report.attempts {
                telling.attempt(attempt).unwrap();
            }
            for connection in &report.connections {
                let attempt = report.attempt(connection.attempt).unwrap();
                telling.connection(connection.clone(), attempt).unwrap();
            }
            let told = listed.into_report(whole.clone());
            assert_eq!(told, whole, "{name}");
            assert_eq!(redactor.captures(&report.captures).unwrap(), whole.captures, "{name}");
        }
    }
}
