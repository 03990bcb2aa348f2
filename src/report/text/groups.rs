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
/// The most groups that get a line of their own beyond that.
const MOST_GROUPS: usize = 20;
/// The most attempts of a group that are named.
const MOST_NAMED: usize = 10;

/// Attempts that failed for the same reason at the same server.
struct Group<'r> {
    finding: &'r str,
    server: Endpoint,
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
    page.heading(&format!("{} failed, for these reasons:", words::counted(failed.len() as u64, "attempt")));
    for group in groups.iter().take(MOST_GROUPS) {
        summarise(page, group);
    }
    let rest = groups.iter().skip(MOST_GROUPS).map(|g| g.attempts.len()).sum::<usize>();
    if rest > 0 {
        let hidden = words::counted(groups.len().saturating_sub(MOST_GROUPS) as u64, "more reason");
        page.item("- ", &format!("{hidden}, with {} (--all shows them)", words::counted(rest as u64, "attempt")));
    }
    page.gap();
    page.text(
        "Below, one attempt stands for each reason. --all shows every attempt in full; --format json holds everything.",
    );
    let mut shown: Vec<&str> = Vec::new();
    for group in &groups {
        if shown.len() < MOST_IN_FULL && !shown.contains(&group.finding) {
            shown.push(group.finding);
            group.attempts.iter().take(1).for_each(|first| attempt::full(page, report, first));
        }
    }
}

/// The groups, largest first; within a group, in order of time.
fn group<'r>(failed: &[&'r Attempt]) -> Vec<Group<'r>> {
    let mut groups: BTreeMap<(&str, Endpoint), Vec<&Attempt>> = BTreeMap::new();
    for &one in failed {
        let finding = one.verdict.as_ref().map_or("", |v| v.finding.as_str());
        groups.entry((finding, one.server)).or_default().push(one);
    }
    let mut groups: Vec<_> =
        groups.into_iter().map(|((finding, server), attempts)| Group { finding, server, attempts }).collect();
    groups.sort_by_key(|g| core::cmp::Reverse(g.attempts.len()));
    groups
}

fn summarise(page: &mut Page<'_>, group: &Group<'_>) {
    let reason = if group.finding.is_empty() { "no explanation found".into() } else { escape::text(group.finding) };
    let times = words::counted(group.attempts.len() as u64, "attempt");
    let span = match group.attempts.as_slice() {
        [first, .., last] => format!("{} to {}", words::date(first.start), words::date(last.start)),
        [one] => words::date(one.start),
        [] => String::new(),
    };
    let named: Vec<_> = group.attempts.iter().take(MOST_NAMED).map(|a| a.id.to_string()).collect();
    let more = if group.attempts.len() > MOST_NAMED { ", ..." } else { "" };
    let ids = format!("{}{more}", named.join(", "));
    page.item_in("- ", &format!("{times} at {}: {reason}, {span} (numbers {ids})", group.server), Tone::Bad);
}
