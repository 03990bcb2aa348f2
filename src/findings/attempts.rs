//! Connections that belong to one try of one person.
//!
//! mstsc falls back from one protocol to another and drops a connection to
//! show a prompt: several connections, one attempt. What failed or worked is
//! the attempt.

use core::net::IpAddr;

use foldhash::HashMap;

use super::diagnosis::Outcome;
use crate::base::{At, CaptureTime, Span};
use crate::flow::Endpoint;
use crate::session::Stage;

/// The next connection of an attempt begins within this time after the end of
/// the one before (a certificate warning was seen to hold a user for 34 s).
const PAUSE: Span = Span::from_secs(60);

/// A person does not fall back more often; a program that hammers a server
/// makes attempts of its own.
const MAX_CONNECTIONS: usize = 8;

/// A connection, as far as looking at several needs it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The connection's id.
    pub id: u32,
    /// The client's address; its port changes with every connection.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// First packet.
    pub start: CaptureTime,
    /// The end.
    pub end: CaptureTime,
    /// Where it begins.
    pub first: At,
    /// Until when it was open, as far as the capture shows.
    pub open_until: CaptureTime,
    /// When the desktop was reached.
    pub desktop: Option<CaptureTime>,
    /// The server's packets are in the capture.
    pub server_answered: bool,
    /// The capture shows all of it: both sides, the start, no gaps.
    pub is_sound: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// How far it came.
    pub stage: Stage,
    /// Id of the finding that explains it.
    pub verdict: Option<&'static str>,
    /// It in one sentence.
    pub sentence: String,
}

/// One try of one person.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The connections, in the order of their start.
    pub connections: Vec<u32>,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The server.
    pub server: Endpoint,
    /// First packet.
    pub start: CaptureTime,
    /// The last connection's end.
    pub end: CaptureTime,
    /// What became of it.
    pub outcome: Outcome,
    /// The finding that explains a failure, and the connection that has it.
    pub verdict: Option<(&'static str, u32)>,
    /// It in one sentence.
    pub sentence: String,
}

/// Groups connections, which come in the order of their start.
#[must_use]
pub fn group(links: &[Link]) -> Vec<Attempt> {
    let mut groups: Vec<Vec<&Link>> = Vec::new();
    let mut latest: HashMap<(IpAddr, Endpoint), usize> = HashMap::default();
    for link in links {
        let key = (link.client.ip, link.server);
        let known = latest.get(&key).copied();
        match known.and_then(|i| groups.get_mut(i)) {
            Some(group) if continues(group, link) => group.push(link),
            _ => {
                latest.insert(key, groups.len());
                groups.push(vec![link]);
            }
        }
    }
    groups.iter().filter_map(|group| attempt(group)).collect()
}

fn continues(group: &[&Link], link: &Link) -> bool {
    let Some(last) = group.last() else { return false };
    // The same connection seen from a second capture is the same attempt.
    let same_seen_twice = last.client == link.client && link.start < last.end;
    let retry = last.outcome != Outcome::Active
        && last.outcome != Outcome::Open
        && link.start >= last.end
        && link.start.since(last.end) <= PAUSE;
    group.len() < MAX_CONNECTIONS && (same_seen_twice || retry)
}

fn attempt(group: &[&Link]) -> Option<Attempt> {
    let (first, last) = (group.first()?, group.last()?);
    let worked = group.iter().find(|l| l.outcome == Outcome::Active && last.outcome == Outcome::Active);
    // What stopped it is where it came furthest; a fallback that is refused
    // afterwards is not the cause.
    let failure = group.iter().filter(|l| l.outcome == Outcome::Failed).max_by_key(|l| (l.stage, l.id));
    let decisive = worked.or(failure).unwrap_or(last);
    let tries = match group.len() {
        1 => String::new(),
        n => format!(" ({n} connections)"),
    };
    Some(Attempt {
        connections: group.iter().map(|l| l.id).collect(),
        client_ip: first.client.ip,
        server: first.server,
        start: first.start,
        end: group.iter().map(|l| l.end).max()?,
        outcome: decisive.outcome,
        verdict: decisive.verdict.map(|id| (id, decisive.id)),
        sentence: format!("{}{tries}", decisive.sentence.trim_end_matches('.')) + ".",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testing;

    fn link(id: u32, start_s: i64, end_s: i64, outcome: Outcome, stage: Stage, verdict: Option<&'static str>) -> Link {
        Link { outcome, stage, verdict, ..testing::link(id, start_s, end_s) }
    }

    #[test]
    fn a_fallback_that_works_is_an_attempt_that_worked() {
        let attempts = group(&[
            link(1, 0, 1, Outcome::Failed, Stage::X224, Some("negotiation-refused")),
            link(2, 2, 90, Outcome::Active, Stage::Active, None),
            link(3, 95, 99, Outcome::Active, Stage::Active, None),
        ]);
        assert_eq!(attempts.len(), 2);
        assert_eq!((attempts[0].outcome, attempts[0].verdict), (Outcome::Active, None));
        assert_eq!(attempts[0].sentence, "connection 2 (2 connections).");
    }

    #[test]
    fn the_connection_that_came_furthest_explains_the_failure() {
        let attempts = group(&[
            link(1, 0, 1, Outcome::Failed, Stage::Credssp, Some("credentials-rejected")),
            link(2, 2, 3, Outcome::Failed, Stage::X224, Some("negotiation-refused")),
        ]);
        assert_eq!(attempts[0].verdict, Some(("credentials-rejected", 1)));
    }

    #[test]
    fn what_comes_later_is_another_attempt() {
        let failed = |id, start, end| link(id, start, end, Outcome::Failed, Stage::Tls, Some("tls-alert"));
        assert_eq!(group(&[failed(1, 0, 1), failed(2, 62, 63)]).len(), 2);
        assert_eq!(group(&[failed(1, 0, 1), failed(2, 61, 63)]).len(), 1);
    }
}
