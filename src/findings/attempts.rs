//! Connections that belong to one try of one person.
//!
//! mstsc falls back from one protocol to another, drops a connection to show a
//! prompt, follows a redirection to another host, and tries once more when the
//! password was wrong: several connections, one attempt. What failed or worked
//! is the attempt. A connection that a failure ended, begun anew, is another
//! attempt: what cut the first one off must not hide behind the second.

mod group;

use core::net::IpAddr;

use foldhash::HashMap;
pub use group::Group;

use super::diagnosis::Outcome;
use super::link::Link;
use super::sighting::sightings;
use crate::base::{CaptureTime, Few, Span};
use crate::flow::Endpoint;
use crate::session::Stage;

/// The next connection of an attempt begins within this time after the end of
/// the one before (a certificate warning was seen to hold a user for 34 s).
pub const PAUSE: Span = Span::from_secs(60);

/// A redirected client connects at once, without asking anybody.
const REDIRECTION: Span = Span::from_secs(10);

/// Nobody reads a message and connects again within this time; programs do
/// within a tenth of a second.
const BY_ITSELF: Span = Span::from_millis(500);

/// A person does not fall back more often; a program that hammers a server
/// makes attempts of its own.
const MAX_CONNECTIONS: usize = 8;

/// Attempts of one client address that may go on at the same time: the people
/// behind a NAT, or on a jump box. With more, a retry counts as an attempt.
const MAX_AT_ONCE: usize = 16;

/// Failures after which the same person tries another protocol or answers a
/// question. Protocols that differ show a fallback after any other.
const TO_BE_ASKED: [&str; 3] = ["certificate-rejected", "expired-certificate", "certificate-not-yet-valid"];

/// Why a connection belongs to the attempt of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// It asks for other protocols.
    ProtocolFallback,
    /// The client had left, as it does to show a certificate or to ask for
    /// credentials.
    Prompt,
    /// The credentials had been refused.
    CredentialsRetry,
    /// It brings the routing token of a redirection.
    Redirection,
    /// The client tried again at once, by itself, and failed again.
    AutomaticRetry,
    /// It is the same connection, in another capture.
    SeenTwice,
}

/// One try of one person.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The connections, in the order of their start; those that are one and the
    /// same, as several captures show it, beside one another, the most telling
    /// last.
    pub connections: Few<u32>,
    /// Why each connection after the first is among them.
    pub ties: Vec<Tie>,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The server; after a redirection the first one.
    pub server: Endpoint,
    /// First packet.
    pub start: CaptureTime,
    /// The last connection's end.
    pub end: CaptureTime,
    /// What became of it.
    pub outcome: Outcome,
    /// The finding that explains a failure, and the connection that has it.
    pub verdict: Option<(&'static str, u32)>,
    /// The connection that says what became of it.
    pub decisive: u32,
    /// It in one sentence; what that connection says is left out where it has
    /// none yet.
    pub sentence: String,
}

impl Attempt {
    /// How many connections it has, however many captures show each.
    #[must_use]
    pub fn sightings(&self) -> usize {
        let again = self.ties.iter().filter(|tie| **tie == Tie::SeenTwice).count();
        self.connections.len().saturating_sub(again)
    }

    /// A connection has its sentence now: if it says what became of the attempt,
    /// so has the attempt.
    pub fn told_by(&mut self, connection: u32, sentence: &str) {
        if connection == self.decisive {
            let rest = if self.sentence.is_empty() { "." } else { &self.sentence };
            self.sentence = [sentence.trim_end_matches('.'), rest].concat();
        }
    }
}

/// The attempts that connections make, which come in the order of their start.
#[must_use]
pub fn group(links: &[Link]) -> Vec<Attempt> {
    groups(links).iter().map(|group| group.attempt(|id| id)).collect()
}

/// The same, before any is written down.
#[must_use]
pub fn groups(links: &[Link]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(links.len());
    // The latest attempt of each client address.
    let mut latest: HashMap<IpAddr, usize> = HashMap::default();
    latest.reserve(links.len());
    for sighting in sightings(links) {
        let link = sighting.told();
        let before = latest.get(&link.client.ip).copied();
        let known = |place: &usize| groups.get(*place).and_then(|group| group.before);
        let recent = core::iter::successors(before, known).take(MAX_AT_ONCE);
        let continued = recent.into_iter().find_map(|i| Some((i, tie(groups.get(i)?, link)?)));
        match continued.and_then(|(i, tie)| Some((groups.get_mut(i)?, tie))) {
            Some((group, tie)) => {
                group.others.push(sighting);
                group.ties.push(tie);
            }
            None => {
                latest.insert(link.client.ip, groups.len());
                groups.push(Group { first: sighting, others: Vec::new(), ties: Vec::new(), before });
            }
        }
    }
    groups
}

/// Why `link` belongs to the attempt that `group` is so far, if it does.
fn tie(group: &Group<'_>, link: &Link) -> Option<Tie> {
    let last = group.last();
    if 1 + group.others.len() >= MAX_CONNECTIONS {
        return None;
    }
    let same_server = last.server == link.server;
    let pause = link.start.since(last.end);
    let over = !matches!(last.outcome, Outcome::Active | Outcome::Open) && pause >= Span::ZERO && pause <= PAUSE;
    if !over || !last.opener.may_be(&link.opener) {
        return None;
    }
    // A redirection comes after Client Info, and leads to another host as often
    // as back to the same address.
    if link.opener.is_routed && !last.opener.is_routed && last.stage >= Stage::Mcs && pause <= REDIRECTION {
        return Some(Tie::Redirection);
    }
    let asks_for_other = last.opener.requested.zip(link.opener.requested).is_some_and(|(a, b)| a != b);
    match last.verdict {
        _ if !same_server => None,
        _ if asks_for_other => Some(Tie::ProtocolFallback),
        Some("credentials-rejected") => Some(Tie::CredentialsRetry),
        Some(id) if TO_BE_ASKED.contains(&id) => Some(Tie::Prompt),
        // Who left before a word was said asked nobody: a probe of the port.
        None if last.outcome == Outcome::Abandoned && last.stage > Stage::Tcp => Some(Tie::Prompt),
        // With a success behind it the failure would be hidden.
        Some(_) if pause <= BY_ITSELF && link.outcome == Outcome::Failed => Some(Tie::AutomaticRetry),
        _ => None,
    }
}

/// That it took more than one connection, and why, in a few words.
#[must_use]
pub fn several(ties: &[Tie]) -> Option<String> {
    let again: Vec<Tie> = ties.iter().copied().filter(|tie| *tie != Tie::SeenTwice).collect();
    let connections = again.len().saturating_add(1);
    let mut kinds = again;
    kinds.sort_unstable();
    kinds.dedup();
    let why: Vec<&str> = kinds
        .into_iter()
        .map(|tie| match tie {
            Tie::ProtocolFallback => "the client fell back to another protocol",
            Tie::Prompt => "the client left and came back, as it does to ask the person",
            Tie::CredentialsRetry => "the client tried again after its credentials were refused",
            Tie::Redirection => "the client was redirected to another host",
            Tie::AutomaticRetry => "the client tried again at once, by itself",
            Tie::SeenTwice => "one connection is seen from several points",
        })
        .collect();
    (!why.is_empty()).then(|| format!("{connections} connections: {}", why.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::link::Opener;
    use crate::findings::testing;
    use crate::wire::negotiation::Protocols;

    fn link(id: u32, start_s: i64, end_s: i64, outcome: Outcome, stage: Stage, verdict: Option<&'static str>) -> Link {
        Link { outcome, stage, verdict, ..testing::link(id, start_s, end_s) }
    }

    fn asking(link: Link, protocols: u32) -> Link {
        Link { opener: Opener { requested: Some(Protocols(protocols)), ..link.opener }, ..link }
    }

    fn wrong_password(id: u32, start: i64, end: i64) -> Link {
        link(id, start, end, Outcome::Failed, Stage::Credssp, Some("credentials-rejected"))
    }

    fn cut_off(id: u32, start: i64, end: i64) -> Link {
        link(id, start, end, Outcome::Failed, Stage::Tls, Some("injected-reset"))
    }

    fn ties(links: &[Link]) -> Vec<Vec<Tie>> {
        group(links).into_iter().map(|attempt| attempt.ties).collect()
    }

    #[test]
    fn a_fallback_that_works_is_an_attempt_that_worked() {
        let refused = |id, start, end| link(id, start, end, Outcome::Failed, Stage::X224, Some("negotiation-refused"));
        let attempts = group(&[
            asking(refused(1, 0, 1), 3),
            asking(testing::link(2, 2, 90), 1),
            asking(testing::link(3, 95, 99), 1),
        ]);
        assert_eq!(attempts.len(), 2);
        assert_eq!((attempts[0].outcome, attempts[0].verdict), (Outcome::Active, None));
        assert_eq!(attempts[0].sentence, "connection 2 (2 connections: the client fell back to another protocol).");
    }

    #[test]
    fn the_connection_that_came_furthest_explains_the_failure() {
        let refused = link(2, 2, 3, Outcome::Failed, Stage::X224, Some("negotiation-refused"));
        let attempts = group(&[asking(wrong_password(1, 0, 1), 0x0b), asking(refused, 1)]);
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].verdict, Some(("credentials-rejected", 1)));
    }

    #[test]
    fn a_prompt_and_a_wrong_password_belong_to_one_attempt() {
        let prompted = link(1, 0, 5, Outcome::Abandoned, Stage::Credssp, None);
        let attempts = group(&[prompted, wrong_password(2, 39, 41), testing::link(3, 50, 90)]);
        assert_eq!(attempts.len(), 1);
        assert_eq!((attempts[0].outcome, attempts[0].connections.len()), (Outcome::Active, 3));
        assert_eq!(attempts[0].ties, [Tie::Prompt, Tie::CredentialsRetry]);
        assert!(attempts[0].sentence.contains("credentials were refused"), "{}", attempts[0].sentence);
    }

    #[test]
    fn an_attempt_under_way_has_not_failed() {
        let running = link(2, 2, 3, Outcome::Open, Stage::Tls, None);
        assert_eq!(group(&[wrong_password(1, 0, 1), running])[0].outcome, Outcome::Open);
        let cancelled = link(2, 2, 3, Outcome::Abandoned, Stage::X224, None);
        assert_eq!(group(&[wrong_password(1, 0, 1), cancelled])[0].verdict, Some(("credentials-rejected", 1)));
    }

    #[test]
    fn what_the_network_cut_off_is_an_attempt_of_its_own() {
        let attempts = group(&[cut_off(1, 0, 1), testing::link(2, 5, 90)]);
        assert_eq!(attempts.len(), 2, "the failure does not hide behind the success");
        // But nobody changes the protocols by hand.
        let fallback = [asking(cut_off(1, 0, 1), 0x0b), asking(testing::link(2, 2, 90), 1)];
        assert_eq!(ties(&fallback), [[Tie::ProtocolFallback]]);
    }

    #[test]
    fn a_program_that_tries_again_at_once_and_fails_again_makes_one_attempt() {
        assert_eq!(ties(&[cut_off(1, 0, 1), cut_off(2, 1, 2)]), [[Tie::AutomaticRetry]]);
        assert_eq!(group(&[cut_off(1, 0, 1), cut_off(2, 2, 3)]).len(), 2, "a person, a second later");
        assert_eq!(group(&[cut_off(1, 0, 1), testing::link(2, 1, 9)]).len(), 2, "what worked hides nothing");
    }

    #[test]
    fn what_comes_later_is_another_attempt() {
        assert_eq!(group(&[wrong_password(1, 0, 1), wrong_password(2, 62, 63)]).len(), 2);
        assert_eq!(group(&[wrong_password(1, 0, 1), wrong_password(2, 61, 63)]).len(), 1);
    }

    #[test]
    fn a_redirection_leads_to_another_host() {
        let broker = link(1, 0, 3, Outcome::Abandoned, Stage::Licensing, None);
        let mut host = testing::link(2, 4, 90);
        host.server = Endpoint { ip: "10.0.0.9".parse().unwrap(), ..host.server };
        assert_eq!(group(&[broker.clone(), host.clone()]).len(), 2, "another server without a token");
        host.opener.is_routed = true;
        let attempts = group(&[broker.clone(), host.clone()]);
        assert_eq!((attempts.len(), attempts[0].outcome), (1, Outcome::Active));
        assert_eq!(attempts[0].ties, [Tie::Redirection]);
        assert_eq!(attempts[0].server, broker.server);
        let too_early = Link { stage: Stage::X224, ..broker.clone() };
        assert_eq!(group(&[too_early, host.clone()]).len(), 2, "no redirection comes that early");
        let much_later = Link { start: CaptureTime::from_parts(40, 0), ..host };
        assert_eq!(group(&[broker, much_later]).len(), 2, "a redirected client connects at once");
    }

    #[test]
    fn people_behind_one_address_are_kept_apart() {
        let named = |link: Link, name| Link { opener: Opener { name: Some(name), ..link.opener }, ..link };
        let (one, other) = (named(wrong_password(1, 0, 1), 7), named(testing::link(2, 5, 90), 8));
        assert_eq!(group(&[one.clone(), other.clone()]).len(), 2, "another name");
        assert_eq!(group(&[one, named(other, 7)]).len(), 1, "the same name");
        let made =
            |link: Link, mss| Link { opener: Opener { stack: Some((mss, Some(8), true)), ..link.opener }, ..link };
        let (one, other) = (made(wrong_password(1, 0, 1), 1460), made(testing::link(2, 5, 90), 1400));
        assert_eq!(group(&[one, other]).len(), 2, "another computer");
    }

    #[test]
    fn attempts_that_go_on_at_the_same_time_are_continued_each() {
        let named = |link: Link, name| Link { opener: Opener { name: Some(name), ..link.opener }, ..link };
        let attempts = group(&[
            named(wrong_password(1, 0, 1), 7),
            named(wrong_password(2, 2, 3), 8),
            named(testing::link(3, 5, 90), 7),
            named(testing::link(4, 6, 90), 8),
        ]);
        let connections: Vec<_> = attempts.iter().map(|a| a.connections.as_slice()).collect();
        assert_eq!(connections, [[1, 3], [2, 4]]);
    }

    #[test]
    fn a_retry_in_two_captures_is_two_connections() {
        let twice = |link: &Link| Link { id: link.id + 1, ..link.clone() };
        let (one, two) = (wrong_password(1, 0, 10), testing::link(3, 12, 90));
        let attempts = group(&[one.clone(), twice(&one), two.clone(), twice(&two)]);
        assert_eq!((attempts.len(), &attempts[0].connections[..]), (1, &[1, 2, 3, 4][..]));
        assert_eq!(attempts[0].ties, [Tie::SeenTwice, Tie::CredentialsRetry, Tie::SeenTwice]);
        assert!(attempts[0].sentence.contains("(2 connections: "), "{}", attempts[0].sentence);
    }

    #[test]
    fn the_same_connection_in_two_captures_is_one_attempt() {
        let one = cut_off(1, 0, 10);
        // The other end's capture does not show what cut it off.
        let again = Link { id: 2, outcome: Outcome::Open, verdict: None, stage: Stage::X224, ..one.clone() };
        let attempts = group(&[one, again]);
        assert_eq!((attempts.len(), &attempts[0].ties[..]), (1, &[Tie::SeenTwice][..]));
        assert_eq!((attempts[0].outcome, attempts[0].verdict), (Outcome::Failed, Some(("injected-reset", 1))));
        assert_eq!(attempts[0].sentence, "connection 1 (seen from 2 points).");
    }
}
