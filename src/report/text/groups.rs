//! The failed attempts: each in full while they are few, by cause and server
//! when they are many.

use super::attempt;
use super::grouping::{self, Group, MOST_IN_FULL};
use super::page::{Page, Tone};
use super::{summary, words};
use crate::report::document::{Attempt, Report};
use crate::report::escape;

/// The most reasons listed. There are fewer findings than that; a document from
/// elsewhere may hold anything.
const MOST_GROUPS: usize = 40;
/// The most attempts of a reason that are named.
const MOST_NAMED: usize = 12;

/// The failed attempts; `all` of them in full, or what can be read.
pub(super) fn failed(page: &mut Page<'_>, report: &Report, failed: &[&Attempt], all: bool) {
    if !all && failed.len() > MOST_IN_FULL {
        reasons(page, report, failed);
    }
    for one in grouping::in_full(failed, all, MOST_IN_FULL) {
        attempt::full(page, report, one);
    }
}

fn reasons(page: &mut Page<'_>, report: &Report, failed: &[&Attempt]) {
    let groups = grouping::group(failed);
    page.heading(&summary::failures(report, failed.len()));
    for group in groups.iter().take(MOST_GROUPS) {
        summarise(page, group);
    }
    let rest = groups.len().saturating_sub(MOST_GROUPS);
    if rest > 0 {
        page.item("- ", &format!("and {} (--format json has them)", words::counted(rest as u64, "more reason")));
    }
    page.gap();
    page.text(
        "Below, one attempt stands for each reason. --all shows every attempt in full; --format json holds everything.",
    );
}

fn summarise(page: &mut Page<'_>, group: &Group<'_>) {
    let reason = if group.finding.is_empty() { "not explained".into() } else { escape::text(group.finding) };
    let times = words::counted(group.attempts.len() as u64, "attempt");
    let span = grouping::when(group);
    page.item_in("- ", &format!("{reason}: {times}, {span}"), Tone::Bad);
    page.item("  ", &format!("at {}", grouping::servers(group)));
    let named = group.attempts.iter().take(MOST_NAMED).map(|a| a.id.to_string()).collect::<Vec<_>>().join(", ");
    let more = if group.attempts.len() > MOST_NAMED { ", ..." } else { "" };
    let which = if group.attempts.len() == 1 { "number" } else { "numbers" };
    page.item("  ", &format!("{which} {named}{more}"));
}
