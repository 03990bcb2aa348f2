//! Failed attempts by reason, for when there are more than somebody reads.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use super::document::{Attempt, Endpoint};
use super::words;

/// The most failed attempts shown in full: about what somebody reads.
pub(super) const MOST_IN_FULL: usize = 5;
/// The most servers of a reason that are named.
const MOST_SERVERS: usize = 6;
/// Attempts that failed for the same reason, in order of time.
pub(super) struct Group<'r> {
    /// Id of the finding; empty where none explains them.
    pub(super) finding: &'r str,
    pub(super) attempts: Vec<&'r Attempt>,
}

/// The groups, largest first.
pub(super) fn group<'r>(failed: &[&'r Attempt]) -> Vec<Group<'r>> {
    let mut groups: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for &one in failed {
        let finding = one.verdict.as_ref().map_or("", |v| &*v.finding);
        groups.entry(finding).or_default().push(one);
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(finding, attempts)| Group { finding, attempts }).collect();
    groups.sort_by_key(|group| Reverse(group.attempts.len()));
    groups
}

/// The servers of a group, those with most attempts first.
pub(super) fn servers(group: &Group<'_>) -> String {
    let mut servers: BTreeMap<Endpoint, u64> = BTreeMap::new();
    for attempt in &group.attempts {
        let times = servers.entry(attempt.server).or_default();
        *times = times.saturating_add(1);
    }
    let mut servers: Vec<_> = servers.into_iter().collect();
    servers.sort_by_key(|&(server, times)| (Reverse(times), server));
    let hidden = servers.len().saturating_sub(MOST_SERVERS);
    let named = servers.iter().take(MOST_SERVERS).map(|(server, times)| match times {
        1 => server.to_string(),
        _ => format!("{server} ({} times)", words::count(*times)),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    if hidden > 0 { format!("{named} and {}", words::counted(hidden as u64, "more server")) } else { named }
}

/// When the attempts of a group began.
pub(super) fn when(group: &Group<'_>) -> String {
    match group.attempts.as_slice() {
        [first, .., last] => words::period(first.start, last.start),
        [one] => words::date(one.start),
        [] => String::new(),
    }
}

/// The attempts to be told in full: `all`, or at most `most`; where they are
/// more, one for each of the commonest reasons.
pub(super) fn in_full<'r>(failed: &[&'r Attempt], all: bool, most: usize) -> Vec<&'r Attempt> {
    if all || failed.len() <= most {
        return failed.to_vec();
    }
    group(failed).iter().take(most).filter_map(|group| group.attempts.first().copied()).collect()
}
