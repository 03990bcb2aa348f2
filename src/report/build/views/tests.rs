//! What the attempts show together, on scripts of attempts.

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
    let each = |outcome: &str| (1..=60).map(|client| format!("{client}>9 {outcome}")).collect::<Vec<_>>().join(", ");
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
