//! What the attempts show together, by server and by client. One server that
//! fails for everybody and one client that fails everywhere are different
//! tickets.

mod hosts;

use core::mem;
use std::collections::BTreeMap;
use std::net::IpAddr;

use foldhash::HashMap;

use hosts::{Hosts, MAX_LISTED, MAX_PAIRS, Tally};

use super::Frames;
use crate::analysis::Connection;
use crate::findings::attempts;
use crate::findings::crowding::Crowding;
use crate::flow;
use crate::report::document::{
    Attempt, Client, Endpoint, HalfDone, HalfDoneAt, Notice, Outcome, SeenCertificate, Server, Text, Time,
};

/// Certificates listed for a server. A farm behind one address has some; who
/// makes up a new one for each connection is known by less.
const MAX_CERTIFICATES: usize = 16;

/// The servers and the clients, while attempts come in.
#[derive(Debug, Default)]
pub(super) struct Views {
    servers: Hosts<Endpoint, IpAddr>,
    clients: Hosts<IpAddr, Endpoint>,
    certificates: BTreeMap<Endpoint, Vec<Shown>>,
    /// Connections in which one was shown that found no room.
    more_certificates: u64,
}

/// What counts of an attempt for both of its ends.
#[derive(Debug)]
pub(super) struct Tried {
    client: IpAddr,
    server: Endpoint,
    outcome: Outcome,
    start: Time,
    finding: Option<Text>,
}

impl From<&attempts::Attempt> for Tried {
    fn from(attempt: &attempts::Attempt) -> Self {
        Self {
            client: attempt.client_ip,
            server: super::endpoint(&attempt.server),
            outcome: attempt.outcome.into(),
            start: attempt.start.into(),
            finding: attempt.verdict.map(|(finding, _)| finding.into()),
        }
    }
}

impl From<&Attempt> for Tried {
    fn from(attempt: &Attempt) -> Self {
        Self {
            client: attempt.client_ip,
            server: attempt.server,
            outcome: attempt.outcome,
            start: attempt.start,
            finding: attempt.verdict.as_ref().map(|verdict| verdict.finding.clone()),
        }
    }
}

/// A certificate that a server showed.
#[derive(Clone, Copy, Debug)]
struct Shown {
    sha256: [u8; 32],
    connections: u64,
    first: Time,
    last: Time,
}

impl Views {
    /// Counts an attempt for both of its ends.
    pub(super) fn add(&mut self, tried: &Tried) {
        self.servers.add(tried, tried.server, tried.client);
        self.clients.add(tried, tried.client, tried.server);
    }

    /// Counts the certificate that a server showed; connections come in the
    /// order of their start.
    pub(super) fn certificate(&mut self, connection: &Connection) {
        let Some(certificate) = connection.session.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else {
            return;
        };
        let server = super::endpoint(&connection.tcp.endpoints.server);
        if self.certificates.len() >= MAX_LISTED && !self.certificates.contains_key(&server) {
            self.more_certificates += 1;
            return;
        }
        let start = connection.tcp.first.time.into();
        let sha256 = certificate.value.sha256;
        let known = self.certificates.entry(server).or_default();
        if let Some(shown) = known.iter_mut().find(|shown| shown.sha256 == sha256) {
            shown.connections += 1;
            shown.first = shown.first.min(start);
            shown.last = shown.last.max(start);
        } else if known.len() < MAX_CERTIFICATES {
            // Most servers have one.
            known.reserve_exact(1);
            known.push(Shown { sha256, connections: 1, first: start, last: start });
        } else {
            self.more_certificates += 1;
        }
    }

    /// What found no room.
    pub(super) fn notices(&self) -> impl Iterator<Item = Notice> {
        let count = self.servers.left_out.max(self.clients.left_out);
        let hosts = (count > 0).then(|| Notice {
            kind: "hosts-not-listed".to_owned(),
            says: format!(
                "more than {MAX_LISTED} servers or clients, or {MAX_PAIRS} pairs of them: attempts of later ones are in the sums, and not counted for each server and client"
            ),
            count,
            frame: None,
        });
        let certificates = (self.more_certificates > 0).then(|| Notice {
            kind: "certificates-not-listed".to_owned(),
            says: format!(
                "more than {MAX_CERTIFICATES} certificates of one server, or of more than {MAX_LISTED} servers: later ones stand with their connections, and not with their servers"
            ),
            count: self.more_certificates,
            frame: None,
        });
        hosts.into_iter().chain(certificates)
    }

    /// The servers, those with most failures first: they are what the reader
    /// looks for.
    pub(super) fn servers(self, crowding: &[(flow::Endpoint, Crowding)], frames: Frames) -> Vec<Server> {
        let mut presented: BTreeMap<[u8; 32], u64> = BTreeMap::new();
        for shown in self.certificates.values().flatten() {
            *presented.entry(shown.sha256).or_default() += 1;
        }
        let certificate = |shown: &Shown| SeenCertificate {
            sha256: super::hexadecimal(&shown.sha256),
            connections: shown.connections,
            first: shown.first,
            last: shown.last,
            servers: presented.get(&shown.sha256).copied().unwrap_or(1),
        };
        let certificates = |server: &Endpoint| {
            self.certificates.get(server).map(|all| all.iter().map(certificate).collect()).unwrap_or_default()
        };
        let crowding: BTreeMap<Endpoint, &Crowding> =
            crowding.iter().map(|(server, crowding)| (super::endpoint(server), crowding)).collect();
        let mut servers: Vec<Server> = self
            .servers
            .tallies
            .into_iter()
            .map(|(server, tally)| Server {
                certificates: certificates(&server),
                half_done: crowding.get(&server).map(|crowding| half_done(crowding, frames)),
                ..one_server(server, tally)
            })
            .collect();
        // No two are equal, and to keep the order of those that are takes a copy.
        servers.sort_unstable_by_key(|s| (core::cmp::Reverse((s.failed, s.attempts)), s.ip, s.port));
        servers
    }

    /// The clients, those with most failures first.
    pub(super) fn clients(&mut self) -> Vec<Client> {
        // Clients that reached the desktop of each server.
        let servers = &self.servers.tallies;
        let reached: HashMap<Endpoint, usize> =
            servers.iter().map(|(server, tally)| (*server, tally.peers(|r| r.active))).collect();
        let knows_all = self.servers.left_out == 0;
        let others_reached =
            |server: &Endpoint, itself: bool| reached.get(server).is_some_and(|clients| *clients > usize::from(itself));
        // Each is gone when the next one comes.
        let mut clients: Vec<Client> = mem::take(&mut self.clients.tallies)
            .into_iter()
            .map(|(ip, tally)| Client {
                ip,
                attempts: tally.attempts.into(),
                failed: tally.failed.count.into(),
                active: tally.active.count.into(),
                servers: tally.peers(|_| true) as u64,
                servers_at_least: tally.has_more_peers,
                servers_failed: tally.peers(|r| r.failed) as u64,
                servers_active: tally.peers(|r| r.active) as u64,
                sentence: of_client(&tally, others_reached, knows_all),
                by_finding: tally.by_finding(),
            })
            .collect();
        clients.sort_unstable_by_key(|c| (core::cmp::Reverse((c.failed, c.attempts)), c.ip));
        clients
    }
}

fn one_server(server: Endpoint, tally: Tally<IpAddr>) -> Server {
    Server {
        ip: server.ip,
        port: server.port,
        attempts: tally.attempts.into(),
        failed: tally.failed.count.into(),
        active: tally.active.count.into(),
        clients: tally.peers(|_| true) as u64,
        clients_at_least: tally.has_more_peers,
        clients_failed: tally.peers(|r| r.failed) as u64,
        clients_active: tally.peers(|r| r.active) as u64,
        first_failure: tally.failed.first(),
        last_failure: tally.failed.last(),
        first_success: tally.active.first(),
        last_success: tally.active.last(),
        sentence: of_server(&tally),
        certificates: Vec::new(),
        half_done: None,
        by_finding: tally.by_finding(),
    }
}

/// One server, one sentence. Only what failed and what worked counts; an
/// attempt that was given up says nothing about the server.
fn of_server(tally: &Tally<IpAddr>) -> Option<String> {
    let (failed, active) = (tally.failed.count, tally.active.count);
    let (clients_failed, worked) = (tally.peers(|r| r.failed), tally.peers(|r| r.active));
    let always_failed = tally.peers(|r| r.failed && !r.active);
    let same = match tally.by_finding.as_slice() {
        [(id, n)] if *n == failed => format!(", each time with {id}"),
        _ => String::new(),
    };
    let (first_failure, last_failure) = (tally.failed.first(), tally.failed.last());
    let (first_success, last_success) = (tally.active.first(), tally.active.last());
    if failed == 0 || failed + active < 2 {
        return None;
    }
    if active == 0 {
        return Some(match clients_failed {
            1 if !tally.has_more_peers => format!(
                "Every attempt that came to an end failed{same}. All are of one client: whether others fail too, this capture does not show."
            ),
            // Nothing worked, so that it failed for those who are not known as well.
            _ if tally.has_more_peers => format!(
                "It failed for all clients that came to an end{same}: look at the server, or at what all of them pass."
            ),
            n => format!(
                "It failed for all {n} clients that came to an end{same}: look at the server, or at what all of them pass."
            ),
        });
    }
    // Of clients that are not known nobody can say that.
    if always_failed > 0 && always_failed == clients_failed && !tally.has_more_peers {
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

/// One client, one sentence, where it failed at several servers.
/// `others_reached`: whether anybody else reached the desktop of a server, which
/// the client itself did or did not; `knows_all`: whether no server and no client of
/// one was left out.
fn of_client(
    tally: &Tally<Endpoint>,
    others_reached: impl Fn(&Endpoint, bool) -> bool,
    knows_all: bool,
) -> Option<String> {
    let (failed, active) = (tally.peers(|r| r.failed), tally.peers(|r| r.active));
    if failed < 2 || tally.has_more_peers {
        return None;
    }
    if active > 0 {
        return Some(format!("It failed at {failed} servers and reached the desktop of {active}."));
    }
    let failed_at = tally.peers.iter().filter(|(_, reached)| reached.failed);
    let servers_of_others = failed_at.filter(|(server, reached)| others_reached(server, reached.active)).count();
    let all = format!("It failed at all {failed} servers at which it came to an end");
    Some(match servers_of_others {
        0 if knows_all => format!("{all}; nobody else was seen to reach them."),
        0 => format!("{all}."),
        n if n == failed => {
            format!("{all}, and others reached each of them: look at this client or its own path first.")
        }
        n => format!("{all}; others reached {n} of them."),
    })
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
                verdict: verdict.map(|finding| AttemptVerdict { finding: finding.into(), connection: id }),
                sentence: String::new(),
            }
        };
        (1..).zip(script.split(',')).map(one).collect()
    }

    fn views(attempts: &[Attempt]) -> Views {
        let mut views = Views::default();
        attempts.iter().for_each(|attempt| views.add(&attempt.into()));
        views
    }

    fn servers(attempts: &[Attempt]) -> Vec<Server> {
        views(attempts).servers(&[], Frames { several: false })
    }

    fn server(script: &str) -> String {
        servers(&attempts(script))[0].sentence.clone().unwrap_or_default()
    }

    fn client(script: &str) -> String {
        views(&attempts(script)).clients()[0].sentence.clone().unwrap_or_default()
    }

    #[test]
    fn a_server_that_fails_for_everybody() {
        let all = server("1>9 -, 2>9 -, 3>9 -, 4>9 ?");
        assert!(all.starts_with("It failed for all 3 clients"), "{all}");
        assert!(all.contains("each time with injected-reset"), "{all}");
        assert!(server("1>9 -, 1>9 -").contains("of one client"), "nobody else tried");
    }

    #[test]
    fn many_clients_are_counted_as_few_are() {
        let each =
            |outcome: &str| (1..=60).map(|client| format!("{client}>9 {outcome}")).collect::<Vec<_>>().join(", ");
        for [first, then] in [["-", "+"], ["+", "-"]] {
            let server = servers(&attempts(&format!("{}, {}", each(first), each(then)))).remove(0);
            assert_eq!((server.attempts, server.clients), (120, 60));
            assert_eq!((server.clients_failed, server.clients_active), (60, 60));
        }
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
    fn of_more_hosts_than_are_remembered_nothing_is_said_that_needs_them_all() {
        let mut views = Views::default();
        let strangers = (0..MAX_PAIRS as u32).map(|n| Tried {
            client: IpAddr::from((0x0b00_0000 | n).to_be_bytes()),
            server: Endpoint { ip: IpAddr::from([10, 0, 0, 8]), port: 3389 },
            outcome: Outcome::Abandoned,
            start: samples::at(0),
            finding: None,
        });
        strangers.for_each(|tried| views.add(&tried));
        let known = "1>7 -, 1>7 -, 1>9 -, 2>9 +, 2>9 +, 3>9 +, 3>6 -, 3>5 -";
        attempts(known).iter().for_each(|attempt| views.add(&attempt.into()));
        assert!(views.clients().iter().all(|client| client.sentence.is_none()));
        let servers = views.servers(&[], Frames { several: false });
        let of = |last: u8| servers.iter().find(|server| server.ip == IpAddr::from([10, 0, 0, last])).unwrap();
        assert_eq!((of(8).clients, of(8).clients_at_least), (MAX_PAIRS as u64, false));
        assert!(of(7).clients_at_least && of(9).clients_at_least);
        assert!(of(7).sentence.as_ref().unwrap().starts_with("It failed for all clients"), "{:?}", of(7).sentence);
        // Who failed there is not known.
        assert!(of(9).sentence.as_ref().unwrap().starts_with("It failed at first"), "{:?}", of(9).sentence);
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
        let server = servers(&attempts).remove(0);
        assert_eq!((server.attempts, server.failed, server.active), (4, 2, 1));
        assert_eq!((server.clients, server.clients_failed, server.clients_active), (3, 1, 1));
        assert_eq!((server.first_failure, server.last_failure), (Some(samples::at(1000)), Some(samples::at(3000))));
        assert_eq!((server.first_success, server.last_success), (Some(samples::at(2000)), Some(samples::at(2000))));
        assert_eq!(server.by_finding, BTreeMap::from([("injected-reset".to_owned(), 2)]));
    }
}
