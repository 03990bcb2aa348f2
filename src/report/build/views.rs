//! What the attempts show together, by server and by client. One server that
//! fails for everybody and one client that fails everywhere are different
//! tickets.

mod hosts;
#[cfg(test)]
mod tests;

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
                failed: tally.failed().count.into(),
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
        failed: tally.failed().count.into(),
        active: tally.active.count.into(),
        clients: tally.peers(|_| true) as u64,
        clients_at_least: tally.has_more_peers,
        clients_failed: tally.peers(|r| r.failed) as u64,
        clients_active: tally.peers(|r| r.active) as u64,
        first_failure: tally.failed().first(),
        last_failure: tally.failed().last(),
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
    let (failed, active) = (tally.failed().count, tally.active.count);
    let (clients_failed, worked) = (tally.peers(|r| r.failed), tally.peers(|r| r.active));
    let always_failed = tally.peers(|r| r.failed && !r.active);
    let same = match tally.findings() {
        [(id, n)] if *n == failed => format!(", each time with {id}"),
        _ => String::new(),
    };
    let (first_failure, last_failure) = (tally.failed().first(), tally.failed().last());
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
