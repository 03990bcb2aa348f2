//! What has happened since the start, in numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use rdpwhy::base::Span;
use rdpwhy::findings::{Diagnosis, Outcome};

use super::ring::RingTally;

/// The numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// How long it has run.
    pub(super) uptime: Span,
    /// Packets read.
    pub(super) packets: u64,
    /// Their captured bytes.
    pub(super) bytes: u64,
    /// Packets that passed the filter and found no room in the kernel's buffer.
    pub(super) dropped: u64,
    /// Packets that an interface or its driver lost.
    pub(super) dropped_by_interface: u64,
    /// How often an interface went away.
    pub(super) interfaces_lost: u64,
    /// Connections in progress.
    pub(super) open: usize,
    /// Those that were in progress at the end and too many to explain.
    pub(super) not_explained: usize,
    /// Connections that ended, by outcome.
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    /// Failed connections by the finding of their verdict.
    pub(super) failures: BTreeMap<&'static str, u64>,
    /// How often the system's clock was stepped.
    pub(super) clock_steps: u64,
    /// Lines that were left out, because nobody read them or they could not be
    /// written.
    pub(super) lines_lost: u64,
    /// What became of evidence.
    pub(super) evidence: EvidenceTally,
    /// What became of the ring of captures, where there is one.
    pub(super) ring: Option<RingTally>,
}

/// What became of evidence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EvidenceTally {
    /// Failed attempts whose packets and report were written.
    pub(super) written: u64,
    /// Those for which the disk had no room, or no folder.
    pub(super) failed: u64,
    /// Those that wait to be written; at the end, those that there was no time for.
    pub(super) waiting: u64,
    /// Old evidence that could not be removed, metrics that could not be written.
    pub(super) troubles: u64,
    /// Those left out: too many of the same cause, or faster than the disk.
    pub(super) left_out: u64,
    /// Older ones that made room.
    pub(super) forgotten: u64,
    /// Packets that were not held, for lack of memory.
    pub(super) not_held: u64,
    /// Bytes of packets that are held now.
    pub(super) held: usize,
}

impl Tally {
    /// A connection has ended.
    pub(super) fn add(&mut self, diagnosis: &Diagnosis) {
        *self.outcomes.entry(outcome(diagnosis.outcome)).or_default() += 1;
        if diagnosis.outcome == Outcome::Failed {
            let cause = diagnosis.verdict().map_or("unknown", |finding| finding.id);
            *self.failures.entry(cause).or_default() += 1;
        }
    }

    /// What should have been written and was not.
    pub(super) fn unwritten(&self) -> u64 {
        let EvidenceTally { failed, waiting, troubles, .. } = self.evidence;
        self.lines_lost + failed + waiting + troubles + self.ring.map_or(0, |ring| ring.lost)
    }

    /// Connections that ended.
    pub(super) fn ended(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Connections that failed.
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Packets that are missing from what was seen.
    pub(super) const fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.dropped_by_interface)
    }

    /// For people, on a few lines.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} of watching: {} packets, {} dropped by the kernel, {} by interfaces",
            self.uptime, self.packets, self.dropped, self.dropped_by_interface
        )];
        lines.push(format!("connections: {} open, {} ended{}", self.open, self.ended(), list(&self.outcomes)));
        if !self.failures.is_empty() {
            lines.push(format!("causes{}", list(&self.failures)));
        }
        let evidence = self.evidence;
        let remarks = [
            ("connections open at the end, too many to explain and not told", self.not_explained as u64),
            ("times an interface was away", self.interfaces_lost),
            ("times the system's clock was stepped", self.clock_steps),
            ("lines left out, which nobody read or which could not be written", self.lines_lost),
            ("failed attempts whose packets and report were written", evidence.written),
            ("failed attempts that could not be written", evidence.failed),
            ("failed attempts that still waited to be written", evidence.waiting),
            ("failed attempts not written, too many of one cause or faster than the disk", evidence.left_out),
            ("failed attempts removed to make room", evidence.forgotten),
            ("times metrics could not be written, or old evidence could not be removed", evidence.troubles),
            ("packets not held, beyond --flow-memory or --memory", evidence.not_held),
        ];
        lines.extend(remarks.into_iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what}: {n}")));
        if let Some(RingTally { written, lost, files }) = self.ring {
            lines.push(format!("ring: {written} packets written, {lost} not written; files there: {files}"));
        }
        lines
    }
}

/// `: 3 active, 1 failed`.
fn list(counts: &BTreeMap<&'static str, u64>) -> String {
    let mut text = String::new();
    for (i, (what, count)) in counts.iter().enumerate() {
        let _ = write!(text, "{}{count} {what}", if i == 0 { ": " } else { ", " });
    }
    text
}

/// As the report names it.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Active => "active",
        Outcome::Failed => "failed",
        Outcome::Abandoned => "abandoned",
        Outcome::Open => "open",
        Outcome::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_told() {
        let tally = Tally {
            uptime: Span::from_secs(75),
            packets: 9,
            outcomes: [("active", 2), ("failed", 1)].into(),
            failures: [("no-answer", 1)].into(),
            clock_steps: 1,
            ..Tally::default()
        };
        let told = [
            "75.0 s of watching: 9 packets, 0 dropped by the kernel, 0 by interfaces",
            "connections: 0 open, 3 ended: 2 active, 1 failed",
            "causes: 1 no-answer",
            "times the system's clock was stepped: 1",
        ];
        assert_eq!(tally.sentences(), told);
    }
}
