//! `--format text`: the report for people.
//!
//! Its reader is tired, has a person on the phone, and will paste what is here
//! into a ticket. So: the first line is a title for the ticket, at most 80
//! characters and free of names and addresses; the verdict comes before its
//! proof; failures come before what worked; nothing relies on columns, colours
//! or a fixed-width font; whatever is left out is said to be left out.

mod attempt;
mod groups;
mod overview;
mod page;
mod prose;
mod views;

use std::io;

use super::document::{Outcome, Report};
use super::{groups as grouping, story, summary, title, words};
use page::Page;
pub use prose::prose;

/// How to write the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Everything in full, however much it is.
    pub all: bool,
    /// With the terminal's colours.
    pub color: bool,
}

/// Writes the report for people.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, options: Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page::new(out, options.color);
    overview::title(&mut page, report);
    overview::warnings(&mut page, report);
    let failed: Vec<_> = report.attempts.iter().filter(|a| a.outcome == Outcome::Failed).collect();
    groups::failed(&mut page, report, &failed, options.all);
    overview::not_failed(&mut page, report, options.all);
    views::views(&mut page, report, options.all);
    overview::findings(&mut page, report);
    overview::captures(&mut page, report, options.all);
    overview::closing(&mut page, report);
    page.finish()
}

#[cfg(test)]
mod tests;
