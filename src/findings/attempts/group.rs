//! An attempt in the making: connections of which it is known that they belong
//! together, and nothing is written yet.

use super::{Attempt, Tie, several};
use crate::base::{CaptureTime, Few};
use crate::findings::diagnosis::Outcome;
use crate::findings::link::Link;
use crate::findings::sighting::Sighting;

/// An attempt in the making.
#[derive(Debug)]
pub struct Group<'a> {
    pub(super) first: Sighting<'a>,
    pub(super) others: Vec<Sighting<'a>>,
    /// Why each connection after the first belongs to it.
    pub(super) ties: Vec<Tie>,
    /// The attempt of the same client address that began before it.
    pub(super) before: Option<usize>,
}

impl<'a> Group<'a> {
    fn connections(&self) -> impl Iterator<Item = &Sighting<'a>> + Clone {
        core::iter::once(&self.first).chain(&self.others)
    }

    /// What is told of each.
    fn links(&self) -> impl Iterator<Item = &'a Link> {
        self.connections().map(Sighting::told)
    }

    pub(super) fn last(&self) -> &'a Link {
        self.others.last().unwrap_or(&self.first).told()
    }

    /// The one that says what became of it. What stopped it is where it came
    /// furthest; a fallback that is refused afterwards is not the cause.
    fn decisive(&self) -> &'a Link {
        let last = self.last();
        if self.others.is_empty() || matches!(last.outcome, Outcome::Active | Outcome::Open) {
            return last;
        }
        let failures = self.links().filter(|link| link.outcome == Outcome::Failed);
        failures.max_by_key(|link| (link.stage, link.id)).unwrap_or(last)
    }

    /// Whether it is one connection, in one capture, as most are.
    const fn is_one(&self) -> bool {
        self.others.is_empty() && self.first.count() == 1
    }

    /// All that show its connections, those that are one and the same beside one
    /// another.
    pub fn views(&self) -> impl Iterator<Item = &'a Link> {
        self.connections().flat_map(Sighting::views)
    }

    /// How many those are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.connections().map(Sighting::count).sum()
    }

    /// What became of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.decisive().outcome
    }

    /// The last connection's end.
    #[must_use]
    pub fn end(&self) -> CaptureTime {
        self.links().map(|link| link.end).fold(self.first.told().end, CaptureTime::max)
    }

    /// The attempt. `id`: the number that a connection is told by, where the
    /// link has another.
    #[must_use]
    pub fn attempt(&self, id: impl Fn(u32) -> u32) -> Attempt {
        let (first, decisive) = (self.first.told(), self.decisive());
        let connections =
            if self.is_one() { Few::from([id(first.id)]) } else { self.views().map(|view| id(view.id)).collect() };
        Attempt {
            connections,
            ties: with_views(self),
            client_ip: first.client.ip,
            server: first.server,
            start: first.start,
            end: self.end(),
            outcome: decisive.outcome,
            verdict: decisive.verdict.map(|finding| (finding, id(decisive.id))),
            decisive: id(decisive.id),
            sentence: told(&decisive.sentence, self),
        }
    }
}

/// Why each view after the first belongs to the attempt.
fn with_views(group: &Group<'_>) -> Vec<Tie> {
    let mut all = Vec::new();
    if group.is_one() {
        return all;
    }
    for (n, connection) in group.connections().enumerate() {
        all.extend(n.checked_sub(1).and_then(|before| group.ties.get(before)));
        all.extend(connection.views().skip(1).map(|_| Tie::SeenTwice));
    }
    all
}

/// What became of it, why it took more than one connection, and how many
/// captures show it.
fn told(decisive: &str, group: &Group<'_>) -> String {
    if decisive.is_empty() && group.is_one() {
        return String::new();
    }
    let views = group.connections().map(Sighting::count).max().unwrap_or_default();
    let several = several(&group.ties).map(|why| format!(" ({why})")).unwrap_or_default();
    let seen = if views > 1 { format!(" (seen from {views} points)") } else { String::new() };
    [decisive.trim_end_matches('.'), &several, &seen, "."].concat()
}
