//! Attempts that are counted, not listed.
//!
//! A server that faces the Internet is probed all day: by connections that carry
//! no data, and by clients that ask for RDP and leave with the answer. A list of
//! a million of them serves nobody, and takes more time and room than all else
//! together. So the first ones are listed, and of the others is said what is
//! true of each.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use foldhash::{HashMap, HashSet};

use super::{Frames, connection};
use crate::analysis::{Connection, Probe};
use crate::base::At;
use crate::findings::{self, attempts};
use crate::flow;
use crate::report::document::{Counted, CountedEnd, Notice, Outcome, Stage};

/// Probes that are listed, whoever made them: what people look through.
const ANYBODYS: u32 = 500;

/// Probes that are listed at most, so that those of a client that comes later
/// than a noisy one are among them: [`FEW`] of each client.
const SEVERAL_CLIENTS: u32 = 1_000;

/// The same with those of clients that came further on another connection:
/// whoever uses the server, and cannot reach it any more, is no probe.
const OF_USERS: u32 = 2_000;

/// Probes of one client that are more than a coincidence.
const FEW: u32 = 10;

/// Clients of which is remembered that they came further: as many as a table of
/// 16,384 places takes, of 20 bytes each.
const MAX_USERS: usize = 14_336;

/// Entries, each of one server and one way to end: together less than 2 MiB.
const MAX_KINDS: usize = 4_096;

/// Clients told apart for one entry.
const MAX_CLIENTS: usize = 1_024;

/// Clients told apart in all, of 20 bytes each.
const MAX_TOLD_APART: usize = 65_536;

/// Clients named.
const MAX_EXAMPLES: usize = 5;

/// Those counted so far, and who is still listed.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    listed: u32,
    /// Those of each client: no more clients than are listed.
    of_client: HashMap<IpAddr, u32>,
    users: HashSet<IpAddr>,
    /// There were more.
    has_more_users: bool,
    /// Probes that would be listed if they were of one of those.
    of_users_maybe: u64,
    kinds: HashMap<Kind, Tally>,
    told_apart: usize,
}

/// What is true of each attempt of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    server: Option<flow::Endpoint>,
    stage: Stage,
    outcome: Outcome,
    finding: Option<&'static str>,
    ended: CountedEnd,
}

/// Where a server refuses, it mostly refuses in one way: the finding tells hardly
/// any two kinds apart, and is long.
impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { server, stage, outcome, finding: _, ended } = self;
        let word = [*stage as u8, *outcome as u8, ended.how as u8, ended.by as u8];
        server.hash(state);
        u32::from_ne_bytes(word).hash(state);
    }
}

#[derive(Debug)]
struct Tally {
    attempts: u64,
    connections: u64,
    clients: HashSet<IpAddr>,
    more_clients: bool,
    examples: Vec<IpAddr>,
    first: At,
    last: At,
}

impl Tallies {
    /// Counts `attempt`, unless it is to be listed. `batch`: what it came with.
    pub(super) fn takes(&mut self, attempt: &attempts::Attempt, batch: &Several) -> bool {
        let mut all = attempt.connections.iter().filter_map(|id| batch.of(*id));
        let Some(one) = all.next() else { return false };
        let first = kind(attempt, one);
        if !one.is_probe || !all.clone().all(|other| other.is_probe) {
            self.came_further(attempt.client_ip);
            return false;
        }
        // What is said of the attempt must be true of each of its connections.
        let alike = all.clone().all(|other| kind(attempt, other) == first && other.verdict == one.verdict);
        if !alike || self.lists(attempt.client_ip) {
            return false;
        }
        let (mut began, mut ended, mut count) = (one.first, one.last, 1);
        for &Seen { first, last, .. } in all {
            began = if first.time < began.time { first } else { began };
            ended = if last.time > ended.time { last } else { ended };
            count += 1;
        }
        self.count(first, attempt.client_ip, count, began, ended);
        true
    }

    fn came_further(&mut self, client: IpAddr) {
        if self.users.len() < MAX_USERS {
            self.users.insert(client);
        } else {
            self.has_more_users |= !self.users.contains(&client);
        }
    }

    /// What is not known for want of room.
    pub(super) fn notice(&self) -> Option<Notice> {
        (self.of_users_maybe > 0).then(|| Notice {
            kind: "users-not-remembered".to_owned(),
            says: format!(
                "more than {MAX_USERS} clients came further than a probe does: attempts of later ones that look like probes are counted as such, and not listed; --all lists them"
            ),
            count: self.of_users_maybe,
            frame: None,
        })
    }

    /// Whether there is room in the list for a probe of this client.
    fn lists(&mut self, client: IpAddr) -> bool {
        let before = self.of_client.get(&client).copied().unwrap_or(0);
        let is_few = before < FEW && (self.listed < SEVERAL_CLIENTS || self.users.contains(&client));
        let room = self.listed < ANYBODYS || (is_few && self.listed < OF_USERS);
        if room {
            self.listed += 1;
            self.of_client.insert(client, before + 1);
        } else if self.has_more_users && before < FEW && self.listed < OF_USERS && !self.users.contains(&client) {
            self.of_users_maybe += 1;
        }
        room
    }

    fn count(&mut self, kind: Kind, client: IpAddr, connections: u64, first: At, last: At) {
        let has_room = self.kinds.len() < MAX_KINDS || self.kinds.contains_key(&kind);
        let kind = if has_room { kind } else { Kind { server: None, ..kind } };
        let tally = self.kinds.entry(kind).or_insert_with(|| Tally {
            attempts: 0,
            connections: 0,
            clients: HashSet::default(),
            more_clients: false,
            examples: Vec::new(),
            first,
            last,
        });
        tally.attempts += 1;
        tally.connections += connections;
        if first.time < tally.first.time {
            tally.first = first;
        }
        if last.time > tally.last.time {
            tally.last = last;
        }
        if tally.clients.contains(&client) {
            return;
        }
        if tally.clients.len() >= MAX_CLIENTS || self.told_apart >= MAX_TOLD_APART {
            tally.more_clients = true;
            return;
        }
        self.told_apart += 1;
        tally.clients.insert(client);
        if tally.examples.len() < MAX_EXAMPLES {
            tally.examples.push(client);
        }
    }

    /// The entries, those with most attempts first.
    pub(super) fn entries(self, frames: Frames) -> Vec<Counted> {
        let mut kinds: Vec<(Kind, Tally)> = self.kinds.into_iter().collect();
        kinds.sort_unstable_by_key(|(kind, tally)| (core::cmp::Reverse(tally.attempts), *kind));
        kinds.into_iter().map(|(kind, tally)| entry(kind, tally, frames)).collect()
    }
}

/// What counts of a connection.
#[derive(Debug)]
struct Seen {
    is_probe: bool,
    stage: Stage,
    ended: CountedEnd,
    verdict: Option<&'static str>,
    first: At,
    last: At,
}

/// The connections of a batch, by their ids.
#[derive(Debug)]
pub(super) struct Several {
    all: Vec<(u32, Seen)>,
}

impl Several {
    /// Both come in the order of their ids.
    pub(super) fn of_batch(connections: &[Connection], probes: &[Probe]) -> Self {
        let mut all = Vec::with_capacity(connections.len() + probes.len());
        all.extend(connections.iter().map(|connection| (connection.id, connection.into())));
        all.extend(probes.iter().map(|probe| (probe.id, probe.into())));
        all.sort_by_key(|(id, _)| *id);
        Self { all }
    }

    fn of(&self, id: u32) -> Option<&Seen> {
        // One number follows the other, mostly.
        let first = self.all.first()?.0;
        let near = self.all.get(id.checked_sub(first)? as usize).filter(|(known, _)| *known == id);
        let found = || self.all.get(self.all.binary_search_by_key(&id, |(known, _)| *known).ok()?);
        near.or_else(found).map(|(_, seen)| seen)
    }
}

impl From<&Connection> for Seen {
    fn from(one: &Connection) -> Self {
        let Connection { tcp, session, diagnosis, .. } = one;
        Self {
            is_probe: findings::is_probe(tcp, session, diagnosis.outcome),
            stage: session.stage().into(),
            ended: ended(diagnosis.ended_how, diagnosis.ended_by),
            verdict: diagnosis.verdict().map(|finding| finding.id),
            first: tcp.first,
            last: tcp.last,
        }
    }
}

impl From<&Probe> for Seen {
    fn from(probe: &Probe) -> Self {
        let findings::Told { how, by, verdict, .. } = probe.told;
        Self {
            is_probe: true,
            stage: probe.stage().into(),
            ended: ended(how, by),
            verdict: verdict.map(|(finding, _)| finding),
            first: probe.first(),
            last: probe.last(),
        }
    }
}

fn ended(how: flow::EndKind, by: findings::EndedBy) -> CountedEnd {
    CountedEnd { how: connection::how(how), by: connection::by(by) }
}

fn kind(attempt: &attempts::Attempt, seen: &Seen) -> Kind {
    Kind {
        server: Some(attempt.server),
        stage: seen.stage,
        outcome: attempt.outcome.into(),
        finding: attempt.verdict.map(|(finding, _)| finding),
        ended: seen.ended,
    }
}

fn entry(kind: Kind, tally: Tally, frames: Frames) -> Counted {
    Counted {
        server: kind.server.as_ref().map(super::endpoint),
        stage: kind.stage,
        outcome: kind.outcome,
        finding: kind.finding.map(str::to_owned),
        ended: kind.ended,
        attempts: tally.attempts,
        connections: tally.connections,
        clients: tally.clients.len() as u64,
        clients_at_least: tally.more_clients,
        examples: tally.examples,
        first_frame: frames.name(tally.first.frame),
        last_frame: frames.name(tally.last.frame),
        start: tally.first.time.into(),
        end: tally.last.time.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{EndedBy, EndedHow};

    fn ip(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    fn refused(server: u32) -> Kind {
        Kind {
            server: Some(flow::Endpoint { ip: ip(server), port: 3389 }),
            stage: Stage::Tcp,
            outcome: Outcome::Failed,
            finding: Some("connection-refused"),
            ended: CountedEnd { how: EndedHow::Reset, by: EndedBy::Server },
        }
    }

    #[test]
    fn a_noisy_client_takes_half_the_list_and_users_are_heard_last() {
        let mut tallies = Tallies::default();
        let listed =
            |tallies: &mut Tallies, client, times: u32| (0..times).filter(|_| tallies.lists(ip(client))).count();
        assert_eq!(listed(&mut tallies, 1, 800), 500);
        assert_eq!(listed(&mut tallies, 2, 20), 10, "room for others");
        assert_eq!((3..=100).map(|client| listed(&mut tallies, client, 5)).sum::<usize>(), 490);
        assert_eq!(listed(&mut tallies, 101, 1), 0);
        tallies.users.extend([ip(1), ip(102)]);
        assert_eq!(listed(&mut tallies, 102, 20), 10, "whoever uses the server");
        assert_eq!(listed(&mut tallies, 1, 20), 0, "it has had its part");
    }

    #[test]
    fn a_probe_that_may_be_a_users_is_noticed() {
        let mut tallies = Tallies::default();
        (0..MAX_USERS as u32).for_each(|client| tallies.came_further(ip(client)));
        (0..SEVERAL_CLIENTS).for_each(|n| assert!(tallies.lists(ip(1_000_000 + n))));
        assert!(!tallies.lists(ip(2_000_000)));
        assert!(tallies.notice().is_none(), "a client that was never seen to come further");
        tallies.came_further(ip(3));
        assert!(!tallies.lists(ip(2_000_000)) && tallies.notice().is_none(), "each one that came further is known");
        tallies.came_further(ip(MAX_USERS as u32));
        assert!(tallies.lists(ip(3)) && tallies.notice().is_none(), "a user");
        assert!(!tallies.lists(ip(MAX_USERS as u32)));
        assert_eq!(tallies.notice().map(|notice| notice.count), Some(1));
    }

    #[test]
    fn beyond_a_limit_there_are_at_least_so_many() {
        let mut tallies = Tallies::default();
        let at = At::default();
        (0..3_000).for_each(|client| tallies.count(refused(1), ip(client), 1, at, at));
        (0..5_000).for_each(|server| tallies.count(refused(server), ip(7), 1, at, at));
        let entries = tallies.entries(Frames { several: false });
        assert_eq!(entries.len(), MAX_KINDS + 1);
        assert_eq!(entries.iter().map(|entry| entry.attempts).sum::<u64>(), 8_000, "all are counted");
        let [most, others, one, ..] = entries.as_slice() else { panic!() };
        assert_eq!((most.attempts, most.clients, most.clients_at_least), (3_001, 1_024, true));
        assert_eq!((others.server, others.attempts, others.clients_at_least), (None, 904, false));
        assert_eq!((one.attempts, one.clients, one.examples.as_slice()), (1, 1, &[ip(7)][..]));
    }
}
