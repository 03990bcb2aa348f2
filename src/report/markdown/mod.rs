//! `--format markdown`: the report for tickets that render Markdown, and for
//! those that do not.
//!
//! The first line is a title as it is: what a ticket system takes as its short
//! description, at most 80 characters, free of names and addresses. Below it
//! stand the same facts in the same words as in the text form. A paragraph is
//! one line, since many systems (Jira, GitHub comments) keep every line break.
//! What strangers wrote stands in code spans, where nothing is obeyed.

mod attempt;
mod inline;
mod overview;
mod sheet;

use std::io;

use super::document::{Outcome, Report};
use super::{groups, story, summary, title, words};
use sheet::Sheet;

/// How to write the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every attempt in full, however many there are.
    pub all: bool,
}

/// Writes the report as Markdown (CommonMark, with tables as GitHub has them).
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, options: Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut sheet = Sheet::new(out);
    sheet.title(&title::of(report).text);
    overview::warnings(&mut sheet, report);
    let failed: Vec<_> = report.attempts.iter().filter(|a| a.outcome == Outcome::Failed).collect();
    overview::failed(&mut sheet, report, &failed, options.all);
    for attempt in groups::in_full(&failed, options.all, groups::MOST_IN_FULL) {
        attempt::full(&mut sheet, report, attempt);
    }
    overview::not_failed(&mut sheet, report, options.all);
    overview::findings(&mut sheet, report);
    overview::captures(&mut sheet, report, options.all);
    overview::closing(&mut sheet, report);
    sheet.finish()
}

#[cfg(test)]
mod tests;
