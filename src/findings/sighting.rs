//! One connection, in every capture that shows it.
//!
//! Captures of both ends, or of two interfaces, show a connection twice. It is
//! counted once, and told by the view that shows most of its end.

use core::cmp::Reverse;

use foldhash::HashMap;

use super::RULES;
use super::diagnosis::Outcome;
use super::link::Link;
use crate::base::{Certainty, Side};
use crate::flow::{EndKind, Endpoint};

/// Views of one connection that are put together; nobody reads more captures
/// of it at once.
const MAX_VIEWS: usize = 8;

/// Connections between the same two ports that a new one is held against: a
/// port is used again long after most captures have ended.
const MAX_REUSES: usize = 4;

/// A connection and its views.
#[derive(Clone, Debug)]
pub struct Sighting<'a> {
    first: &'a Link,
    /// The most telling comes last.
    others: Vec<&'a Link>,
}

/// The last connections between two ports, by their places.
#[derive(Clone, Copy, Default)]
struct Recent {
    places: [usize; MAX_REUSES],
    count: usize,
}

impl Recent {
    /// Those places, the latest first.
    fn latest(&self) -> impl Iterator<Item = usize> {
        let oldest = self.count.saturating_sub(MAX_REUSES);
        (oldest..self.count).rev().filter_map(|n| self.places.get(n % MAX_REUSES).copied())
    }

    fn add(&mut self, place: usize) {
        if let Some(oldest) = self.places.get_mut(self.count % MAX_REUSES) {
            *oldest = place;
        }
        self.count += 1;
    }
}

/// Puts together what is the same connection, in the order of its first view.
#[must_use]
pub fn sightings(links: &[Link]) -> Vec<Sighting<'_>> {
    let mut all: Vec<Sighting<'_>> = Vec::with_capacity(links.len());
    let mut latest: HashMap<(Endpoint, Endpoint), Recent> = HashMap::default();
    latest.reserve(links.len());
    for link in links {
        let recent = latest.entry((link.client, link.server)).or_default();
        let known = recent.latest().find(|&i| all.get(i).is_some_and(|sighting| sighting.shows(link)));
        if let Some(sighting) = known.and_then(|i| all.get_mut(i)) {
            sighting.others.push(link);
        } else {
            recent.add(all.len());
            all.push(Sighting { first: link, others: Vec::new() });
        }
    }
    all.iter_mut().for_each(Sighting::sort);
    all
}

impl<'a> Sighting<'a> {
    /// The view that tells most.
    #[must_use]
    pub fn told(&self) -> &'a Link {
        self.others.last().copied().unwrap_or(self.first)
    }

    /// All views, the most telling last.
    pub fn views(&self) -> impl Iterator<Item = &'a Link> + '_ {
        core::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        1 + self.others.len()
    }

    fn shows(&self, link: &Link) -> bool {
        self.count() < MAX_VIEWS && self.views().all(|view| is_same(view, link))
    }

    fn sort(&mut self) {
        if self.others.is_empty() {
            return;
        }
        let furthest = self.views().map(|view| view.stage).max();
        // A silence in one capture is a hole in it where another shows more.
        let refuted = |view: &Link| view.how == EndKind::Silence && furthest > Some(view.stage);
        let mut views: Vec<&Link> = self.views().collect();
        views.sort_by_key(|view| {
            let failed = view.outcome == Outcome::Failed && !refuted(view);
            let best = (knows_whose(view), shows_end(view), view.certainty);
            let rule = Reverse(place(view.verdict));
            (failed, failed.then_some(best), view.stage, telling(view.outcome), rule)
        });
        self.first = views.remove(0);
        self.others = views;
    }
}

/// Whether a view says with whom the fault lies, and more than perhaps. Of two
/// captures only one may show what was lost on the way, or that it was not.
fn knows_whose(view: &Link) -> bool {
    !view.leaves_open && view.certainty > Some(Certainty::Possible)
}

/// Whether a packet shows the end; that nothing came any more shows less.
const fn shows_end(view: &Link) -> bool {
    matches!(view.how, EndKind::Reset | EndKind::Fin)
}

/// The place of a verdict's rule: the most specific come first.
fn place(verdict: Option<&str>) -> usize {
    RULES.iter().position(|rule| Some(rule.id()) == verdict).unwrap_or(RULES.len())
}

/// How much an outcome says, of two that are not failures.
const fn telling(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Unknown => 0,
        Outcome::Open => 1,
        Outcome::Abandoned => 2,
        Outcome::Failed => 3,
        Outcome::Active => 4,
    }
}

/// Whether two captures, or two interfaces of one, show the same connection.
fn is_same(a: &Link, b: &Link) -> bool {
    let at_once = a.start < b.end && b.start < a.end;
    let same_number = |side: Side| a.isns.of(side).zip(*b.isns.of(side)).map(|(a, b)| a == b);
    match (same_number(Side::Client), same_number(Side::Server)) {
        // A proxy answers the same SYN with a number of its own.
        (Some(false), _) | (_, Some(false)) => false,
        // The clocks of two machines may disagree.
        (Some(true), _) => a.first.frame.capture != b.first.frame.capture || at_once,
        (None, _) => at_once,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BySide, CaptureTime, Frame};
    use crate::findings::testing;
    use crate::session::Stage;

    /// View `id`, in capture `capture`, of the connection whose SYN had `isn`.
    fn view(id: u32, capture: u32, isn: Option<u32>) -> Link {
        let one = testing::link(1, 0, 10);
        let mut link = Link { id, isns: BySide { client: isn, server: None }, ..one };
        link.first.frame = Frame::new(capture, 1);
        link
    }

    fn later(link: Link, seconds: i64) -> Link {
        let [start, end] = [0, 10].map(|s| CaptureTime::from_parts(s + seconds, 0));
        Link { start, end, ..link }
    }

    fn ids(links: &[Link]) -> Vec<Vec<u32>> {
        sightings(links).iter().map(|sighting| sighting.views().map(|view| view.id).collect()).collect()
    }

    #[test]
    fn both_ends_of_one_connection_whatever_their_clocks_say() {
        assert_eq!(ids(&[view(1, 0, Some(7)), view(2, 1, Some(7))]), [[1, 2]]);
        assert_eq!(ids(&[view(1, 0, Some(7)), later(view(2, 1, Some(7)), 3600)]), [[1, 2]]);
        // One capture began late: that both are under way at once has to do.
        assert_eq!(ids(&[view(1, 0, Some(7)), later(view(2, 1, None), 5)]), [[1, 2]]);
    }

    #[test]
    fn a_port_that_is_used_again_is_another_connection() {
        assert_eq!(ids(&[view(1, 0, Some(7)), later(view(2, 0, Some(8)), 20)]), [[1], [2]]);
        assert_eq!(ids(&[view(1, 0, Some(7)), later(view(2, 1, Some(8)), 5)]), [[1], [2]]);
        assert_eq!(ids(&[view(1, 0, Some(7)), later(view(2, 0, Some(7)), 20)]), [[1], [2]], "the same number again");
        assert_eq!(ids(&[view(1, 0, None), later(view(2, 1, None), 20)]), [[1], [2]]);
    }

    #[test]
    fn a_proxy_makes_two_connections_of_one() {
        let mut behind = view(2, 1, Some(7));
        behind.isns.server = Some(100);
        let mut before = view(1, 0, Some(7));
        before.isns.server = Some(200);
        assert_eq!(ids(&[before, behind]), [[1], [2]]);
    }

    #[test]
    fn the_view_that_shows_the_end_is_told() {
        let cut = Link {
            outcome: Outcome::Failed,
            how: EndKind::Reset,
            certainty: Some(Certainty::Proven),
            stage: Stage::Tls,
            ..view(1, 0, Some(7))
        };
        let open = Link { outcome: Outcome::Open, stage: Stage::X224, ..view(2, 1, Some(7)) };
        assert_eq!(ids(&[cut.clone(), open.clone()]), [[2, 1]]);
        assert_eq!(ids(&[open, cut.clone()]), [[2, 1]]);
        let doubtful = Link { certainty: Some(Certainty::Possible), stage: Stage::Credssp, ..cut.clone() };
        assert_eq!(ids(&[cut, Link { id: 3, ..doubtful }]), [[3, 1]], "the surer one");
    }

    /// A view that failed at the logon.
    fn failed(id: u32, verdict: &'static str, certainty: Certainty, how: EndKind) -> Link {
        let (outcome, stage) = (Outcome::Failed, Stage::Credssp);
        Link { outcome, how, certainty: Some(certainty), stage, verdict: Some(verdict), ..view(id, id, Some(7)) }
    }

    #[test]
    fn the_view_that_knows_whose_fault_it_was_is_told() {
        let open =
            |certainty| Link { leaves_open: true, ..failed(1, "stalled-negotiation", certainty, EndKind::Silence) };
        let sure = failed(2, "stalled-negotiation", Certainty::Likely, EndKind::Silence);
        for certainty in [Certainty::Likely, Certainty::Proven] {
            assert_eq!(ids(&[open(certainty), sure.clone()]), [[1, 2]]);
            assert_eq!(ids(&[sure.clone(), open(certainty)]), [[1, 2]]);
        }
        let guess = Link { certainty: Some(Certainty::Possible), ..sure };
        assert_eq!(ids(&[open(Certainty::Likely), guess]), [[2, 1]], "which a guess does not");
    }

    #[test]
    fn of_two_that_know_as_much_the_one_that_shows_more_is_told() {
        let silent = failed(1, "stalled-negotiation", Certainty::Likely, EndKind::Silence);
        let reset = failed(2, "stalled-negotiation", Certainty::Likely, EndKind::Reset);
        assert_eq!(ids(&[reset.clone(), silent]), [[1, 2]], "the end itself");
        let specific = failed(3, "path-mtu-black-hole", Certainty::Likely, EndKind::Reset);
        assert_eq!(ids(&[specific, reset.clone()]), [[2, 3]], "the more specific");
    }

    #[test]
    fn a_silence_that_another_capture_fills_is_none() {
        let silent = Link {
            outcome: Outcome::Failed,
            how: EndKind::Silence,
            certainty: Some(Certainty::Likely),
            stage: Stage::Tls,
            ..view(1, 0, Some(7))
        };
        assert_eq!(ids(&[silent.clone(), view(2, 1, Some(7))]), [[1, 2]]);
        let less = Link { outcome: Outcome::Open, stage: Stage::Tls, ..view(2, 1, Some(7)) };
        assert_eq!(ids(&[silent, less]), [[2, 1]]);
    }

    #[test]
    fn thousands_of_connections_over_one_port_take_no_time() {
        let links: Vec<Link> = (0..20_000).map(|n| later(view(n, 0, Some(n)), i64::from(n) * 20)).collect();
        assert_eq!(sightings(&links).len(), 20_000);
    }
}
