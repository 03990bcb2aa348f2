//! Attempts that are counted and not listed: all that is said of them is true of
//! each, and the sums are the same as if all were listed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use rdpwhy::analysis::{Analyzer, Batch};
use rdpwhy::base::CaptureId;
use rdpwhy::capture::{CaptureOptions, from_reader};
use rdpwhy::report::build::{Builder, Inputs, Listener};
use rdpwhy::report::document::{Attempt, Connection, Counted, Outcome, Report, Stage};

use super::generator::traffic::{Container, Kind, Plan, write};

/// Keeps everything.
#[derive(Default)]
struct All {
    attempts: Vec<Attempt>,
    connections: Vec<Connection>,
}

impl Listener for All {
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        self.attempts.push(attempt.clone());
        Ok(())
    }

    fn connection(&mut self, connection: Connection, _: &Attempt) -> io::Result<()> {
        self.connections.push(connection);
        Ok(())
    }
}

fn scan() -> Vec<u8> {
    let plan = Plan { kind: Kind::Scan, container: Container::Pcap, bytes: 2 << 20, seed: 7 };
    let mut bytes = Vec::new();
    write(&plan, &mut bytes).unwrap();
    bytes
}

fn report(bytes: &[u8], counts: bool, hosts: &[IpAddr]) -> Report {
    let reader = Box::new(io::Cursor::new(bytes.to_vec()));
    let mut capture = from_reader("scan", reader, CaptureId(0), &CaptureOptions::default()).unwrap();
    let (mut analyzer, mut builder, mut all) = (Analyzer::default(), Builder::new(1), All::default());
    builder.only(hosts.to_vec());
    if counts {
        builder.count_many();
        analyzer.count_probes();
    }
    while let Some(packet) = capture.next_packet().unwrap() {
        analyzer.push(&packet);
        if let Some(batch) = analyzer.settled() {
            builder.tell(batch, Some(&analyzer), &mut all).unwrap();
        }
    }
    let mut analysis =
        analyzer.finish_telling(0, |by, batch| builder.tell(batch, Some(by), &mut all).map(drop)).unwrap();
    builder.tell(Batch::take(&mut analysis), None, &mut all).unwrap();
    let rest = builder.finish(&analysis, &Inputs { captures: vec![capture.info()], unreadable: vec![] });
    Report { attempts: all.attempts, connections: all.connections, ..rest }
}

/// What is said of an attempt that is only counted, made from its full account.
fn kind(attempt: &Attempt, whole: &Report) -> String {
    let connection = whole.connection(attempt.connections[0]).unwrap();
    match connection.stage {
        Stage::Tcp => assert_eq!((connection.bytes.client, connection.bytes.server), (0, 0), "no data"),
        stage => assert_eq!((stage, attempt.outcome), (Stage::X224, Outcome::Abandoned)),
    }
    assert_eq!(connection.server, attempt.server);
    let finding = attempt.verdict.as_ref().map(|verdict| &verdict.finding);
    format!(
        "{:?}",
        (attempt.server, connection.stage, attempt.outcome, finding, connection.ended.how, connection.ended.by)
    )
}

fn told(entry: &Counted) -> String {
    format!(
        "{:?}",
        (entry.server.unwrap(), entry.stage, entry.outcome, entry.finding.as_ref(), entry.ended.how, entry.ended.by)
    )
}

#[test]
fn what_is_counted_is_told_as_it_is_and_changes_no_sum() {
    let bytes = scan();
    let (whole, counted) = (report(&bytes, false, &[]), report(&bytes, true, &[]));
    assert_eq!(whole.counted, []);
    assert_eq!(
        (&whole.summary, &whole.servers, &whole.clients, &whole.findings, &whole.notices),
        (&counted.summary, &counted.servers, &counted.clients, &counted.findings, &counted.notices)
    );
    let listed: BTreeSet<u32> = counted.attempts.iter().map(|attempt| attempt.id).collect();
    for attempt in &counted.attempts {
        assert_eq!(whole.attempt(attempt.id), Some(attempt), "numbered as if all were listed");
    }
    for connection in &counted.connections {
        assert_eq!(whole.connection(connection.id), Some(connection));
    }
    let missing: Vec<&Attempt> = whole.attempts.iter().filter(|attempt| !listed.contains(&attempt.id)).collect();
    assert!(missing.len() > 2_000, "{} are counted", missing.len());
    let mut kinds: BTreeMap<String, Vec<&Attempt>> = BTreeMap::new();
    for attempt in &missing {
        kinds.entry(kind(attempt, &whole)).or_default().push(attempt);
    }
    assert_eq!(kinds.len(), counted.counted.len());
    for entry in &counted.counted {
        let members = &kinds[&told(entry)];
        let connections: Vec<&Connection> =
            members.iter().flat_map(|a| &a.connections).map(|id| whole.connection(*id).unwrap()).collect();
        let clients: BTreeSet<IpAddr> = members.iter().map(|attempt| attempt.client_ip).collect();
        assert_eq!((entry.attempts, entry.connections), (members.len() as u64, connections.len() as u64));
        assert_eq!((entry.clients, entry.clients_at_least), (clients.len() as u64, false));
        assert!(!entry.examples.is_empty() && entry.examples.iter().all(|client| clients.contains(client)));
        assert_eq!(Some(entry.start), connections.iter().map(|c| c.start).min());
        assert_eq!(Some(entry.end), connections.iter().map(|c| c.end).max());
        assert!(connections.iter().any(|c| (c.first_frame, c.start) == (entry.first_frame, entry.start)));
        assert!(connections.iter().any(|c| (c.last_frame, c.end) == (entry.last_frame, entry.end)));
    }
}

#[test]
fn a_report_about_one_host_has_all_of_it_and_nothing_else() {
    let bytes = scan();
    let whole = report(&bytes, false, &[]);
    let host = whole.attempts.last().unwrap().client_ip;
    let one = report(&bytes, true, &[host]);
    let concerned: Vec<&Attempt> = whole.attempts.iter().filter(|attempt| attempt.client_ip == host).collect();
    assert!(!concerned.is_empty() && one.counted.is_empty());
    assert_eq!(one.summary.attempts, concerned.len() as u64);
    for (attempt, listed) in concerned.iter().zip(&one.attempts) {
        assert_eq!((attempt.connections.as_slice(), attempt.outcome), (listed.connections.as_slice(), listed.outcome));
    }
    let connections: Vec<u32> = concerned.iter().flat_map(|attempt| &attempt.connections).copied().collect();
    assert!(one.connections.iter().map(|connection| connection.id).eq(connections));
    assert!(one.clients.iter().all(|client| client.ip == host));
    let left_out = one.notices.iter().find(|notice| notice.kind == "other-hosts-left-out").unwrap();
    assert_eq!(left_out.count, whole.summary.attempts - one.summary.attempts);
}
