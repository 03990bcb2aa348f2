//! What the attempts show together, by server and by client. One server that
//! fails for everybody and one client that fails everywhere are different
//! tickets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Frames;
use crate::analysis::Analysis;
use crate::findings::crowding::Crowding;
use crate::report::document::{
    Attempt, Client, Endpoint, HalfDone, HalfDoneAt, Outcome, SeenCertificate, Server, Time,
};

/// Certificates listed for a server. A farm behind one address has some; who
/// makes up a new one for each connection is known by less.
const MAX_CERTIFICATES: usize = 16;

/// Attempts with what both views count.
struct Tally<'a, Peer> {
    attempts: Vec<&'a Attempt>,
    /// Who stood at the other end: all of them, those with a failure, those
    /// with a desktop.
    peers: BTreeSet<Peer>,
    failed: BTreeSet<Peer>,
    active: BTreeSet<Peer>,
    by_finding: BTreeMap<String, u64>,
}

impl<Peer> Default for Tally<'_, Peer> {
    fn default() -> Self {
        Self {
            attempts: Vec::new(),
            peers: BTreeSet::new(),
            failed: BTreeSet::new(),
            active: BTreeSet::new(),
            by_finding: BTreeMap::new(),
        }
    }
}

impl<'a, Peer: Ord + Copy> Tally<'a, Peer> {
    fn add(&mut self, attempt: &'a Attempt, peer: Peer) {
        self.attempts.push(attempt);
        self.peers.insert(peer);
        match attempt.outcome {
            Outcome::Failed => {
                self.failed.insert(peer);
                if let Some(verdict) = &attempt.verdict {
                    *self.by_finding.entry(verdict.finding.clone()).or_default() += 1;
                }
            }
            Outcome::Active => {
                self.active.insert(peer);
            }
            Outcome::Abandoned | Outcome::Open | Outcome::Unknown => {}
        }
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.attempts.iter().filter(|a| a.outcome == outcome).count() as u64
    }

    fn starts(&self, outcome: Outcome) -> (Option<Time>, Option<Time>) {
        let starts = || self.attempts.iter().filter(|a| a.outcome == outcome).map(|a| a.start);
        (starts().min(), starts().max())
    }
}

/// The servers, those with most failures first: they are what the reader looks
/// for.
pub(super) fn servers(attempts: &[Attempt], analysis: &Analysis, frames: Frames) -> Vec<Server> {
    let mut tallies: BTreeMap<Endpoint, Tally<'_, IpAddr>> = BTreeMap::new();
    for attempt in attempts {
        tallies.entry(attempt.server).or_default().add(attempt, attempt.client_ip);
    }
    let mut certificates = certificates(attempts, analysis);
    let crowding: BTreeMap<Endpoint, &Crowding> =
        analysis.crowding.iter().map(|(server, crowding)| (super::endpoint(server), crowding)).collect();
    let mut servers: Vec<Server> = tallies
        .into_iter()
        .map(|(server, tally)| Server {
            certificates: certificates.remove(&server).unwrap_or_default(),
            half_done: crowding.get(&server).map(|crowding| half_done(crowding, frames)),
            ..one_server(server, tally)
        })
        .collect();
    servers.sort_by_key(|s| core::cmp::Reverse((s.failed, s.attempts)));
    servers
}

fn one_server(server: Endpoint, tally: Tally<'_, IpAddr>) -> Server {
    let (first_failure, last_failure) = tally.starts(Outcome::Failed);
    let (first_success, last_success) = tally.starts(Outcome::Active);
    Server {
        ip: server.ip,
        port: server.port,
        attempts: tally.attempts.len() as u64,
        failed: tally.count(Outcome::Failed),
        active: tally.count(Outcome::Active),
        clients: tally.peers.len() as u64,
        clients_failed: tally.failed.len() as u64,
        clients_active: tally.active.len() as u64,
        first_failure,
        last_failure,
        first_success,
        last_success,
        sentence: of_server(&tally),
        certificates: Vec::new(),
        half_done: None,
        by_finding: tally.by_finding,
    }
}

/// One server, one sentence. Only what failed and what worked counts; an
/// attempt that was given up says nothing about the server.
fn of_server(tally: &Tally<'_, IpAddr>) -> Option<String> {
    let (failed, active) = (tally.count(Outcome::Failed), tally.count(Outcome::Active));
    let (always_failed, worked) = (tally.failed.difference(&tally.active).count(), tally.active.len());
    let same = match (tally.by_finding.len(), tally.by_finding.iter().next()) {
        (1, Some((id, n))) if *n == failed => format!(", each time with {id}"),
        _ => String::new(),
    };
    let (first_failure, last_failure) = tally.starts(Outcome::Failed);
    let (first_success, last_success) = tally.starts(Outcome::Active);
    if failed == 0 || failed + active < 2 {
        return None;
    }
    if active == 0 {
        return Some(match tally.failed.len() {
            1 => format!(
                "Every attempt that came to an end failed{same}. All are of one client: whether others fail too, this capture does not show."
            ),
            n => format!(
                "It failed for all {n} clients that came to an end{same}: look at the server, or at what all of them pass."
            ),
        });
    }
    if always_failed > 0 && always_failed == tally.failed.len() {
        let clients = if always_failed == 1 { "1 client".to_owned() } else { format!("{always_failed} clients") };
        let others = if worked == 1 { "1 other".to_owned() } else { format!("{worked} others") };
        return Some(format!(
            "It failed for {clients}{same} and worked for {others}: look first at what tells them apart (computer, path, account)."
        ));
    }
    if last_success < first_failure {
        return Some(format!("It worked before, and every attempt from the first failure on failed{same}."));
    }
    if last_failure < first_success {
        return Some(format!("It failed at first{same}, and every attempt from the first success on worked."));
    }
    let comes_and_goes = if same.is_empty() { "" } else { ": the cause comes and goes" };
    Some(format!("{failed} failed{same}, between {active} that worked{comes_and_goes}."))
}

/// The clients, those with most failures first.
pub(super) fn clients(attempts: &[Attempt]) -> Vec<Client> {
    let mut tallies: BTreeMap<IpAddr, Tally<'_, Endpoint>> = BTreeMap::new();
    // Who reached the desktop of each server.
    let mut reached: BTreeMap<Endpoint, BTreeSet<IpAddr>> = BTreeMap::new();
    for attempt in attempts {
        tallies.entry(attempt.client_ip).or_default().add(attempt, attempt.server);
        if attempt.outcome == Outcome::Active {
            reached.entry(attempt.server).or_default().insert(attempt.client_ip);
        }
    }
    let mut clients: Vec<Client> = tallies
        .into_iter()
        .map(|(ip, tally)| Client {
            ip,
            attempts: tally.attempts.len() as u64,
            failed: tally.count(Outcome::Failed),
            active: tally.count(Outcome::Active),
            servers: tally.peers.len() as u64,
            servers_failed: tally.failed.len() as u64,
            servers_active: tally.active.len() as u64,
            sentence: of_client(ip, &tally, &reached),
            by_finding: tally.by_finding,
        })
        .collect();
    clients.sort_by_key(|c| core::cmp::Reverse((c.failed, c.attempts)));
    clients
}

/// One client, one sentence, where it failed at several servers.
fn of_client(
    ip: IpAddr,
    tally: &Tally<'_, Endpoint>,
    reached: &BTreeMap<Endpoint, BTreeSet<IpAddr>>,
) -> Option<String> {
    let (failed, active) = (tally.failed.len(), tally.active.len());
    if failed < 2 {
        return None;
    }
    if active > 0 {
        return Some(format!("It failed at {failed} servers and reached the desktop of {active}."));
    }
    let servers_of_others =
        tally.failed.iter().filter(|s| reached.get(s).is_some_and(|who| who.iter().any(|other| *other != ip))).count();
    let all = format!("It failed at all {failed} servers at which it came to an end");
    Some(match servers_of_others {
        0 => format!("{all}; nobody else was seen to reach them."),
        n if n == failed => {
            format!("{all}, and others reached each of them: look at this client or its own path first.")
        }
        n => format!("{all}; others reached {n} of them."),
    })
}

/// The certificates of each server.
fn certificates(attempts: &[Attempt], analysis: &Analysis) -> BTreeMap<Endpoint, Vec<SeenCertificate>> {
    let mut servers: BTreeMap<Endpoint, Vec<SeenCertificate>> = BTreeMap::new();
    let views = attempts.iter().flat_map(Attempt::sightings).filter_map(|views| views.split_last());
    let again: BTreeSet<u32> = views.flat_map(|(_, others)| others).copied().collect();
    // Connections come in the order of their start.
    for connection in analysis.connections.iter().filter(|c| !again.contains(&c.id)) {
        let Some(certificate) = connection.session.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else {
            continue;
        };
        let start = connection.tcp.first.time.into();
        let sha256 = super::security::fingerprint(&certificate.value);
        let known = servers.entry(super::endpoint(&connection.tcp.endpoints.server)).or_default();
        if let Some(seen) = known.iter_mut().find(|seen| seen.sha256 == sha256) {
            seen.connections += 1;
            seen.last = start;
        } else if known.len() < MAX_CERTIFICATES {
            known.push(SeenCertificate { sha256, connections: 1, first: start, last: start });
        }
    }
    servers
}

fn half_done(crowding: &Crowding, frames: Frames) -> HalfDone {
    HalfDone {
        most: crowding.most as u64,
        frame: frames.name(crowding.at.frame),
        over_time: crowding
            .curve
            .iter()
            .map(|&(time, most)| HalfDoneAt { time: time.into(), most: most as u64 })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::AttemptVerdict;
    use crate::report::samples;

    /// Attempts as `client server outcome` at one second after another:
    /// `1>2 -` failed, `1>2 +` worked, `1>2 ?` was given up.
    fn attempts(script: &str) -> Vec<Attempt> {
        let one = |(id, line): (u32, &str)| {
            let (route, outcome) = line.trim().split_once(' ').unwrap();
            let (client, server) = route.split_once('>').unwrap();
            let ip = |n: &str| IpAddr::from([10, 0, 0, n.parse::<u8>().unwrap()]);
            let (outcome, verdict) = match outcome {
                "-" => (Outcome::Failed, Some("injected-reset")),
                "+" => (Outcome::Active, None),
                _ => (Outcome::Abandoned, None),
            };
            let start = samples::at(i64::from(id) * 1000);
            Attempt {
                id,
                client_ip: ip(client),
                server: Endpoint { ip: ip(server), port: 3389 },
                connections: vec![id],
                ties: vec![],
                start,
                end: start,
                outcome,
                verdict: verdict.map(|finding| AttemptVerdict { finding: finding.to_owned(), connection: id }),
                sentence: String::new(),
            }
        };
        (1..).zip(script.split(',')).map(one).collect()
    }

    fn server(script: &str) -> String {
        let attempts = attempts(script);
        let servers = servers(&attempts, &Analysis::default(), Frames { several: false });
        servers[0].sentence.clone().unwrap_or_default()
    }

    fn client(script: &str) -> String {
        clients(&attempts(script))[0].sentence.clone().unwrap_or_default()
    }

    #[test]
    fn a_server_that_fails_for_everybody() {
        let all = server("1>9 -, 2>9 -, 3>9 -, 4>9 ?");
        assert!(all.starts_with("It failed for all 3 clients"), "{all}");
        assert!(all.contains("each time with injected-reset"), "{all}");
        assert!(server("1>9 -, 1>9 -").contains("of one client"), "nobody else tried");
    }

    #[test]
    fn a_server_that_fails_for_some() {
        let some = server("1>9 -, 2>9 +, 3>9 +, 1>9 -");
        assert!(
            some.starts_with("It failed for 1 client, each time with injected-reset and worked for 2 others"),
            "{some}"
        );
    }

    #[test]
    fn before_and_after() {
        assert!(server("1>9 +, 2>9 +, 1>9 -, 2>9 -").starts_with("It worked before"));
        assert!(server("1>9 -, 2>9 -, 1>9 +, 2>9 +").starts_with("It failed at first"));
        assert!(server("1>9 -, 1>9 +, 1>9 -, 1>9 +").starts_with("2 failed, each time with injected-reset, between 2"));
    }

    #[test]
    fn one_attempt_and_no_failure_make_no_sentence() {
        assert_eq!(server("1>9 -"), "");
        assert_eq!(server("1>9 +, 2>9 +"), "");
        assert_eq!(server("1>9 -, 2>9 ?"), "", "a client that went by itself shows nothing");
    }

    #[test]
    fn a_client_that_fails_everywhere() {
        assert!(client("1>7 -, 1>8 -, 2>7 +, 3>8 +").ends_with("look at this client or its own path first."));
        assert!(client("1>7 -, 1>8 -, 2>7 +").ends_with("others reached 1 of them."));
        assert!(client("1>7 -, 1>8 -, 2>9 +").ends_with("nobody else was seen to reach them."));
        assert_eq!(client("1>7 -, 1>8 -, 1>9 +"), "It failed at 2 servers and reached the desktop of 1.");
        assert_eq!(client("1>7 -, 1>7 -"), "", "that is the server's view");
    }

    #[test]
    fn the_counts_and_times_of_a_server() {
        let attempts = attempts("1>9 -, 2>9 +, 1>9 -, 3>9 ?");
        let server = servers(&attempts, &Analysis::default(), Frames { several: false }).remove(0);
        assert_eq!((server.attempts, server.failed, server.active), (4, 2, 1));
        assert_eq!((server.clients, server.clients_failed, server.clients_active), (3, 1, 1));
        assert_eq!((server.first_failure, server.last_failure), (Some(samples::at(1000)), Some(samples::at(3000))));
        assert_eq!((server.first_success, server.last_success), (Some(samples::at(2000)), Some(samples::at(2000))));
        assert_eq!(server.by_finding, BTreeMap::from([("injected-reset".to_owned(), 2)]));
    }
}
