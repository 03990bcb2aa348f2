//! The failed attempts: each in full while they are few, by cause and server
//! when they are many.

use std::collections::BTreeMap;

use super::attempt;
use super::page::{Page, Tone};
use super::words;
use crate::report::document::{Attempt, Endpoint, Report};
use crate::report::escape;

/// The most failed attempts shown in full: about what somebody reads.
const MOST_IN_FULL: usize = 5;
/// The most reasons listed. There are fewer findings than that; a document from
/// elsewhere may hold anything.
const MOST_GROUPS: usize = 40;
/// The most servers of a reason that are named.
const MOST_SERVERS: usize = 6;
/// The most attempts of a reason that are named.
const MOST_NAMED: usize = 12;

/// Attempts that failed for the same reason, in order of time.
struct Group<'r> {
    /// Id of the finding; empty where none explains them.
    finding: &'r str,
    attempts: Vec<&'r Attempt>,
}

/// The failed attempts; `all` of them in full, or what can be read.
pub(super) fn failed(page: &mut Page<'_>, report: &Report, failed: &[&Attempt], all: bool) {
    if all || failed.len() <= MOST_IN_FULL {
        for one in failed {
            attempt::full(page, report, one);
        }
        return;
    }
    let groups = group(failed);
    page.heading(&format!("{} failed", words::counted(failed.len() as u64, "attempt")));
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
    for first in groups.iter().take(MOST_IN_FULL).filter_map(|group| group.attempts.first()) {
        attempt::full(page, report, first);
    }
}

/// The groups, largest first.
fn group<'r>(failed: &[&'r Attempt]) -> Vec<Group<'r>> {
    let mut groups: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for &one in failed {
        let finding = one.verdict.as_ref().map_or("", |v| v.finding.as_str());
        groups.entry(finding).or_default().push(one);
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(finding, attempts)| Group { finding, attempts }).collect();
    groups.sort_by_key(|group| core::cmp::Reverse(group.attempts.len()));
    groups
}

fn summarise(page: &mut Page<'_>, group: &Group<'_>) {
    let reason = if group.finding.is_empty() { "not explained".into() } else { escape::text(group.finding) };
    let times = words::counted(group.attempts.len() as u64, "attempt");
    let span = match group.attempts.as_slice() {
        [first, .., last] => words::period(first.start, last.start),
        [one] => words::date(one.start),
        [] => String::new(),
    };
    page.item_in("- ", &format!("{reason}: {times}, {span}"), Tone::Bad);
    page.item("  ", &format!("at {}", servers(group)));
    let named = group.attempts.iter().take(MOST_NAMED).map(|a| a.id.to_string()).collect::<Vec<_>>().join(", ");
    let more = if group.attempts.len() > MOST_NAMED { ", ..." } else { "" };
    let which = if group.attempts.len() == 1 { "number" } else { "numbers" };
    page.item("  ", &format!("{which} {named}{more}"));
}

/// The servers of a group, those with most attempts first.
fn servers(group: &Group<'_>) -> String {
    let mut servers: BTreeMap<Endpoint, u64> = BTreeMap::new();
    for attempt in &group.attempts {
        let times = servers.entry(attempt.server).or_default();
        *times = times.saturating_add(1);
    }
    let mut servers: Vec<_> = servers.into_iter().collect();
    servers.sort_by_key(|&(server, times)| (core::cmp::Reverse(times), server));
    let hidden = servers.len().saturating_sub(MOST_SERVERS);
    let named = servers.iter().take(MOST_SERVERS).map(|(server, times)| match times {
        1 => server.to_string(),
        _ => format!("{server} ({} times)", words::count(*times)),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    if hidden > 0 { format!("{named} and {}", words::counted(hidden as u64, "more server")) } else { named }
}
