//! What stands around the failed attempts: the title, warnings about the
//! input, what worked, the captures, and the closing summary.

use super::attempt::brief;
use super::page::{Page, Tone};
use super::story::deciding;
use super::summary;
use super::title::{self, Mood, Title};
use super::words::{self, Frames};
use crate::report::document::{Attempt, Capture, Finding, Notice, Outcome, Report, Severity};
use crate::report::escape;

/// The most attempts that did not fail listed one by one.
const MOST_LISTED: usize = 10;
/// The most captures described one by one: a ring has thousands.
const MOST_CAPTURES: usize = 5;

/// The first line: a title for the ticket.
pub(super) fn title(page: &mut Page<'_>, report: &Report) {
    let Title { text, mood } = title::of(report);
    let tone = match mood {
        Mood::Bad => Tone::Bad,
        Mood::Warn => Tone::Warn,
        Mood::Good => Tone::Good,
    };
    page.title(&text, tone);
}

/// What limits everything below: input that is missing or damaged.
pub(super) fn warnings(page: &mut Page<'_>, report: &Report) {
    let warnings = summary::warnings(report);
    if !warnings.is_empty() {
        page.heading("Part of the input could not be read");
    }
    for warning in warnings {
        page.item_in("- ", &warning, Tone::Warn);
    }
}

/// Attempts that worked, or of which nothing bad can be said.
pub(super) fn not_failed(page: &mut Page<'_>, report: &Report, all: bool) {
    let (active, other): (Vec<_>, Vec<_>) =
        report.attempts.iter().filter(|a| a.outcome != Outcome::Failed).partition(|a| a.outcome == Outcome::Active);
    list(page, report, "Worked", &active, all);
    list(page, report, "Neither failed nor worked", &other, all);
}

fn list(page: &mut Page<'_>, report: &Report, heading: &str, attempts: &[&Attempt], all: bool) {
    if attempts.is_empty() {
        return;
    }
    page.heading(heading);
    let most = if all { usize::MAX } else { MOST_LISTED };
    for attempt in attempts.iter().take(most) {
        line(page, report, attempt);
    }
    let hidden = attempts.len().saturating_sub(most);
    if hidden > 0 {
        page.item_in("- ", &format!("and {} more (--all shows them)", words::count(hidden as u64)), Tone::Dim);
    }
}

/// One attempt in a line, and what hurt it.
fn line(page: &mut Page<'_>, report: &Report, attempt: &Attempt) {
    let (ips, start) = (format!("{} to {}", attempt.client_ip, attempt.server), words::date(attempt.start));
    let Some(c) = deciding(report, attempt) else { return };
    let told = summary::outcome(attempt, c);
    page.item("- ", &format!("{ips}, {start}: {told}"));
    let frames = Frames::of(report);
    for finding in c.findings.iter().filter(|f| f.severity > Severity::Info) {
        match attempt.outcome {
            Outcome::Active => brief(page, "  - ", finding, &frames),
            // Here it may be all that there is to go on.
            _ => about(page, "  ", finding, &frames),
        }
    }
}

/// Findings about captures and across connections.
pub(super) fn findings(page: &mut Page<'_>, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    page.heading("About the whole capture");
    for finding in &report.findings {
        about(page, "", finding, &Frames::of(report));
    }
}

/// A finding with what it says, `indent` further in.
fn about(page: &mut Page<'_>, indent: &str, finding: &Finding, frames: &Frames<'_>) {
    brief(page, &format!("{indent}- "), finding, frames);
    let indent = format!("{indent}  ");
    page.item(&indent, &words::stopped(&finding.detail));
    for limit in &finding.cannot_tell {
        page.item(&indent, &format!("It cannot tell: {}", words::stopped(&words::within_sentence(limit))));
    }
    for next in &finding.next {
        page.item(&indent, &format!("Next: {next}"));
    }
}

/// What was read.
pub(super) fn captures(page: &mut Page<'_>, report: &Report, all: bool) {
    if !report.captures.is_empty() {
        page.heading(if report.captures.len() > 1 { "Captures" } else { "Capture" });
    }
    let most = if all { usize::MAX } else { MOST_CAPTURES };
    for capture in report.captures.iter().take(most) {
        describe(page, capture, &Frames::of(report));
    }
    let hidden = report.captures.len().saturating_sub(most);
    if hidden > 0 {
        page.item_in("- ", &format!("and {} more (--all shows them)", words::count(hidden as u64)), Tone::Dim);
    }
    let serious = report.captures.iter().skip(most).filter(|c| !c.complete || !c.notices.is_empty());
    for capture in serious.take(most) {
        describe(page, capture, &Frames::of(report));
    }
    if !report.notices.is_empty() {
        page.heading("Notes on the analysis");
        notices(page, &report.notices, "- ", &Frames::of(report));
    }
}

fn describe(page: &mut Page<'_>, capture: &Capture, frames: &Frames<'_>) {
    let mut bullet = "- ";
    for (text, mood) in summary::capture(capture) {
        page.item_in(bullet, &text, if mood == Mood::Warn { Tone::Warn } else { Tone::Plain });
        bullet = "  ";
    }
    notices(page, &capture.notices, "  ", frames);
}

fn notices(page: &mut Page<'_>, notices: &[Notice], bullet: &str, frames: &Frames<'_>) {
    for notice in notices {
        page.item_in(bullet, &summary::notice(notice, frames), Tone::Warn);
    }
}

/// The report in numbers, and where to read on.
pub(super) fn closing(page: &mut Page<'_>, report: &Report) {
    page.heading("Summary");
    for text in summary::counts(report) {
        page.text(&text);
    }
    let ids: Vec<_> = report.summary.by_finding.keys().map(|id| escape::text(id)).collect();
    if !ids.is_empty() {
        page.aside(&format!("More about a finding: rdpwhy explain {}", ids.join(" ")));
    }
}
