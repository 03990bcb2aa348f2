//! Half-done connections over time: begun, and neither at the desktop nor at
//! their end. Windows counts them and takes no more beyond a limit.

use foldhash::HashMap;

use super::crowd::Member;
use crate::base::{At, CaptureTime, Span};
use crate::flow::Endpoint;

/// Points of the curve: enough to see a flood rise, few enough for a ticket.
const POINTS: usize = 48;

/// A curve over fewer connections at once says nothing.
const WORTH_A_CURVE: usize = 5;

/// The half-done connections of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowding {
    /// The most at once.
    pub most: usize,
    /// The connection with which it came to that.
    pub at: At,
    /// The most at once within each of the equal parts of the time in which
    /// there were any, by the beginning of the part. Empty where there never
    /// were many.
    pub curve: Vec<(CaptureTime, usize)>,
}

/// The servers at which more than one connection was half done at once, in the
/// order of their addresses.
#[must_use]
pub fn of(connections: &[Member]) -> Vec<(Endpoint, Crowding)> {
    let mut servers: HashMap<Endpoint, Vec<&Member>> = HashMap::default();
    for connection in connections {
        servers.entry(connection.server).or_default().push(connection);
    }
    let mut all: Vec<_> = servers.iter().filter_map(|(server, all)| Some((*server, crowding(all)?))).collect();
    all.sort_unstable_by_key(|(server, _)| (server.ip, server.port));
    all
}

fn crowding(connections: &[&Member]) -> Option<Crowding> {
    // At the same instant, what ends makes room for what begins.
    let mut changes: Vec<(CaptureTime, bool, At)> = Vec::new();
    for Member { first, half_done_until, .. } in connections {
        if let Some(until) = half_done_until {
            changes.push((first.time, true, *first));
            changes.push(((*until).max(first.time), false, *first));
        }
    }
    changes.sort_unstable_by_key(|&(time, begins, at)| (time, begins, at.frame));
    let (from, to) = (changes.first()?.0, changes.last()?.0);
    let part = to.since(from).nanos() / POINTS as i64;
    let index = |time: CaptureTime| {
        let parts = time.since(from).nanos().checked_div(part).unwrap_or_default();
        usize::try_from(parts).unwrap_or_default().min(POINTS - 1)
    };
    let mut curve = [0usize; POINTS];
    let (mut now, mut filled, mut most) = (0usize, 0usize, None::<(usize, At)>);
    for (time, begins, at) in changes {
        // What stood at the end of a part stands through those without changes.
        for passed in curve.iter_mut().take(index(time) + 1).skip(filled) {
            *passed = now.max(*passed);
        }
        filled = index(time);
        now = if begins { now.saturating_add(1) } else { now.saturating_sub(1) };
        if let Some(point) = curve.get_mut(filled) {
            *point = now.max(*point);
        }
        if most.is_none_or(|(count, _)| now > count) {
            most = Some((now, at));
        }
    }
    let (most, at) = most?;
    let beginning = |i: usize| from + Span::from_nanos(part.saturating_mul(i as i64));
    let curve = match most {
        WORTH_A_CURVE.. if part > 0 => curve.iter().enumerate().map(|(i, &n)| (beginning(i), n)).collect(),
        _ => Vec::new(),
    };
    (most > 1).then_some(Crowding { most, at, curve })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Link;
    use crate::findings::testing::link;
    use crate::session::Stage;

    fn of(links: &[Link]) -> Vec<(Endpoint, Crowding)> {
        super::of(&links.iter().map(Member::from).collect::<Vec<_>>())
    }

    fn half_done(id: u32, start: i64, end: i64) -> Link {
        Link { stage: Stage::X224, desktop: None, ..link(id, start, end) }
    }

    #[test]
    fn a_flood_is_a_curve_with_its_summit() {
        // One more each second, all gone after 48 seconds.
        let links: Vec<Link> = (0..10).map(|id| half_done(id, id.into(), 48)).collect();
        let (server, crowding) = of(&links).remove(0);
        assert_eq!((server, crowding.most, crowding.at.frame.number), (links[0].server, 10, 10));
        let curve: Vec<usize> = crowding.curve.iter().map(|(_, n)| *n).collect();
        assert_eq!(curve[..11], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]);
        assert_eq!((curve.len(), curve[47]), (POINTS, 10), "it stands until they end");
        assert_eq!(crowding.curve[1].0.since(crowding.curve[0].0), Span::from_secs(1));
    }

    #[test]
    fn the_number_falls_between_two_waves() {
        let waves = (0..6).map(|id| half_done(id, 0, 10)).chain((6..12).map(|id| half_done(id, 38, 48)));
        let crowding = of(&waves.collect::<Vec<_>>()).remove(0).1;
        let curve: Vec<usize> = crowding.curve.iter().map(|(_, n)| *n).collect();
        assert_eq!((crowding.most, curve[5], curve[20], curve[40]), (6, 6, 0, 6));
    }

    #[test]
    fn one_after_the_other_is_no_crowd() {
        assert_eq!(of(&[half_done(1, 0, 5), half_done(2, 5, 9)]), []);
        assert_eq!(of(&[link(1, 0, 90), link(2, 1, 90)]), [], "they reached the desktop at once");
        let damaged = |id| Link { is_sound: false, ..half_done(id, 0, 5) };
        assert_eq!(of(&[damaged(1), damaged(2)]), []);
    }
}
