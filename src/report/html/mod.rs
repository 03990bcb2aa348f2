//! `--format html`: the report as a page that can be mailed, archived and
//! printed: one file, nothing loaded from anywhere, no scripts.
//!
//! Its reader was not there and has to believe it. So an attempt begins with
//! the verdict in a sentence, and the proof follows in the order in which
//! somebody doubts: what passed between the two (the ladder), when (the
//! diagram of sequence numbers), what shows it, what it cannot be.

mod attempt;
mod ladder;
mod marks;
mod markup;
mod page;
mod scale;
mod sequence;
mod stages;

use std::io;

use super::document::{Outcome, Report};
use super::plots::{self, Plots};
use super::{groups, story, summary, title, words};
use markup::Html;

/// The most attempts drawn in full. A page of more takes long to load and is
/// not read; the table above them has every one.
pub const MOST_DRAWN: usize = 20;

/// How to write the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every attempt in full, however many there are.
    pub all: bool,
}

/// Writes the report as one HTML page. `plots` hold the packets that the
/// diagrams show; without them the ladder has what the document knows, and
/// there is no diagram of sequence numbers.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, plots: &Plots, options: Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut html = Html::new(out);
    let failed: Vec<_> = report.attempts.iter().filter(|a| a.outcome == Outcome::Failed).collect();
    let drawn = groups::in_full(&failed, options.all, MOST_DRAWN);
    page::head(&mut html, report);
    page::warnings(&mut html, report);
    page::overview(&mut html, report, &drawn, options.all);
    for attempt in &drawn {
        attempt::full(&mut html, report, plots, attempt);
    }
    page::trouble(&mut html, report, plots, options.all);
    page::findings(&mut html, report);
    page::captures(&mut html, report, options.all);
    page::closing(&mut html, report);
    html.finish()
}

#[cfg(test)]
mod tests;
