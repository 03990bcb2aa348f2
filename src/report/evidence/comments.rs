//! What is written into the file for whoever opens it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Selection;
use crate::base::Frame;
use crate::report::document::{Attempt, Connection, FrameRef, Report, Role};
use crate::report::words::Frames;
use crate::report::{escape, story, words};

/// Attempts described in the section's comment; the others are counted.
const MAX_ATTEMPTS: usize = 20;
/// Comments on one packet; a packet that proves more proves enough.
const MAX_COMMENTS: usize = 8;

/// The comments of one file.
pub(super) struct Comments<'a> {
    report: &'a Report,
    attempts: Vec<&'a Attempt>,
    /// The frame's number in the new file, by capture and number in the old.
    numbers: BTreeMap<(u32, u64), u64>,
    of_frames: BTreeMap<(u32, u64), Vec<String>>,
    /// Captures that were preferred to others that hold the same.
    views: Vec<Cow<'a, str>>,
    left_out: u64,
}

impl<'a> Comments<'a> {
    /// `frames`: those that are written, in order.
    pub(super) fn new(report: &'a Report, selection: &Selection, frames: &[Frame], left_out: u64) -> Self {
        let mut numbers = BTreeMap::new();
        for (number, frame) in (1..).zip(frames) {
            numbers.entry((frame.capture.0, frame.number)).or_insert(number);
        }
        let attempts: Vec<_> = report.attempts.iter().filter(|a| selection.attempts().contains(&a.id)).collect();
        let taken = report.captures.iter().filter(|capture| selection.seen_elsewhere().contains(&capture.index));
        let views = taken.map(|capture| words::file_name(&capture.path)).collect();
        let mut comments = Self { report, attempts, numbers, of_frames: BTreeMap::new(), views, left_out };
        for connection in report.connections.iter().filter(|c| selection.attempts().contains(&c.attempt)) {
            comments.connection(connection);
        }
        comments
    }

    /// The comments of a frame.
    pub(super) fn of(&self, frame: Frame) -> &[String] {
        self.of_frames.get(&(frame.capture.0, frame.number)).map_or(&[], Vec::as_slice)
    }

    /// The comment of the whole file.
    pub(super) fn section(&self, is_full: bool, is_redacted: bool) -> String {
        // Writing to a String does not fail.
        let mut text = String::from("Evidence taken from a longer capture by rdpwhy: why did the connection die?\n");
        for attempt in self.attempts.iter().take(MAX_ATTEMPTS) {
            let verdict = attempt.verdict.as_ref().map_or("no verdict", |verdict| &*verdict.finding);
            let _ = write!(text, "\nAttempt {} ({verdict}): {}\n", attempt.id, line(&attempt.sentence));
            if let Some(told) = self.deciding(attempt) {
                let _ = writeln!(text, "{told}");
            }
        }
        if let Some(more) = self.attempts.len().checked_sub(MAX_ATTEMPTS).filter(|more| *more > 0) {
            let _ = writeln!(text, "\nand {more} more attempts.");
        }
        let views: Vec<_> = self.views.iter().map(|name| line(name)).collect();
        if !views.is_empty() {
            let _ = writeln!(
                text,
                "\nWhat several captures hold is here once, as it passed in {}. For another point of view, take the evidence of that capture alone.",
                views.join(", ")
            );
        }
        text.push_str("\nNumbers in square brackets are those of the original capture; times are the original's.\n");
        if !is_full {
            text.push_str(
                "What was negotiated in the clear is here; all other payload is zeros or cut off. Checksums over it do not fit.\n",
            );
        }
        if is_redacted {
            text.truncate(text.trim_end().len());
            text.truncate(
                text.strip_suffix("Checksums over it do not fit.").map_or(text.len(), |front| front.trim_end().len()),
            );
            text.push_str(
                "\nAddresses and names are pseudonyms, and the packets were built anew around them, without tunnels and with valid checksums.\n",
            );
        }
        if self.left_out > 0 {
            let _ = writeln!(
                text,
                "{} packets more than can be held were left out; choose one with --attempt.",
                self.left_out
            );
        }
        text
    }

    /// Where the packet is that decides an attempt.
    fn deciding(&self, attempt: &Attempt) -> Option<String> {
        let connection = self.report.connection(attempt.verdict.as_ref()?.connection)?;
        let finding = story::explaining(connection)?;
        // Its primary evidence, where that is in the file.
        let mut evidence: Vec<_> = finding.evidence.iter().collect();
        evidence.sort_by_key(|e| e.role != Role::Primary);
        let (here, frame) = evidence.iter().find_map(|e| Some((self.numbers.get(&key(e.frame))?, e.frame)))?;
        Some(format!("Look at frame {here} ({}): {}", self.original(frame), line(&finding.title)))
    }

    fn connection(&mut self, connection: &Connection) {
        let verdict = connection.verdict.as_ref().map(|verdict| &*verdict.finding);
        for finding in &connection.findings {
            let is_verdict = verdict == Some(&*finding.id);
            for evidence in &finding.evidence {
                let mark = if is_verdict { "verdict: " } else { "" };
                self.add(evidence.frame, format!("{mark}{}: {}", finding.id, line(&evidence.says)));
            }
        }
        for reset in &connection.resets {
            for evidence in &reset.evidence {
                let told = format!("who built the reset: {}: {}", evidence.id, line(&evidence.says));
                evidence.frames.iter().for_each(|frame| self.add(*frame, told.clone()));
            }
        }
    }

    fn add(&mut self, frame: FrameRef, says: String) {
        if !self.numbers.contains_key(&key(frame)) {
            return;
        }
        let told = format!("{says} [{}]", self.original(frame));
        let comments = self.of_frames.entry(key(frame)).or_default();
        if comments.len() < MAX_COMMENTS && !comments.contains(&told) {
            comments.push(told);
        }
    }

    /// What a frame was in the capture that it comes from.
    fn original(&self, frame: FrameRef) -> String {
        let named = Frames::of(self.report).one(frame).replace('\u{a0}', " ");
        if self.report.captures.len() > 1 { named } else { format!("{named} of the original") }
    }
}

fn key(frame: FrameRef) -> (u32, u64) {
    (frame.capture.unwrap_or_default(), frame.number)
}

/// As one line that no name can break out of.
fn line(text: &str) -> String {
    escape::shortened(text, 400).into_owned()
}
