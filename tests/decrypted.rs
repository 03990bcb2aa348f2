//! What is told of encrypted records by their size and order, message by
//! message, against what they were: the lab's keys open them for tshark, which
//! wrote `steps.toml` beside each case (`tests/lab/steps.py`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{Side, Visibility};
use rdpwhy::session::{Message, Stage, Step};

use super::cases::{analyse, captures, folders};

/// `frame side message` of each connection, by the client's address and port.
type Truth = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A message as both readers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    frame: u64,
    side: Side,
    message: String,
}

/// How many messages were told, by what protects them.
#[derive(Debug, Default)]
struct Tally {
    connections: u32,
    messages: usize,
    told: usize,
}

fn truth(line: &str) -> Told {
    let mut parts = line.splitn(3, ' ');
    let (frame, side) = (parts.next().unwrap().parse().unwrap(), parts.next().unwrap());
    let side = if side == "C" { Side::Client } else { Side::Server };
    Told { frame, side, message: parts.next().unwrap().to_owned() }
}

/// What is told of the inside of TLS, before the desktop.
fn told(step: &Step) -> Option<Told> {
    let hidden = step.visibility == Visibility::Inferred;
    let counts = !matches!(
        step.message,
        // Names of shapes, not of messages: what they stand for is told by others.
        Message::EncryptedAlert | Message::EncryptedFlight | Message::Finished | Message::Graphics
    );
    (hidden && counts).then(|| Told { frame: step.at.frame.number, side: step.side, message: step.message.to_string() })
}

/// The goodbye before the desktop: a fact and no step.
fn goodbye(connection: &Connection) -> Option<Told> {
    let seen = connection.session.disconnect_ultimatum.filter(|seen| seen.value.visibility == Visibility::Inferred)?;
    let message = Message::DisconnectUltimatum.to_string();
    let told = Told { frame: seen.frame.number, side: seen.value.side, message };
    (connection.session.stage() < Stage::Active).then_some(told)
}

/// Joins are told once a row, so only the first of each kind is compared; and
/// nothing behind the desktop is a step.
fn to_compare(lines: &[String]) -> Vec<Told> {
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    for told in lines.iter().map(|line| truth(line)) {
        let in_the_clear = matches!(told.message.as_str(), "ClientHello" | "ServerHello" | "HelloRetryRequest");
        let again = told.message.contains("Join") && seen.contains(&told.message);
        seen.push(told.message.clone());
        let is_last = told.message == "Font Map";
        if !in_the_clear && !again {
            kept.push(told);
        }
        if is_last {
            break;
        }
    }
    kept
}

/// So many frames away, tshark shows a message that overtook another one: where
/// the bytes before it came.
const REORDERED: u64 = 16;

/// How many are told rightly, which are told and were not, which were and are
/// not told.
fn compared<'a>(got: &'a [Told], was: &'a [Told]) -> (usize, Vec<&'a Told>, Vec<&'a Told>) {
    let (mut open, mut strange): (Vec<&Told>, Vec<&Told>) = (was.iter().collect(), Vec::new());
    for told in got {
        let same = |was: &&Told| was.side == told.side && was.message == told.message;
        let away = |was: &Told| was.frame.abs_diff(told.frame);
        let nearest = (0..open.len()).filter(|i| same(&open[*i])).min_by_key(|i| away(open[*i]));
        match nearest.filter(|i| away(open[*i]) <= REORDERED) {
            Some(i) => drop(open.remove(i)),
            None => strange.push(told),
        }
    }
    (got.len() - strange.len(), strange, open)
}

fn protection(connection: &Connection) -> String {
    let tls = connection.session.tls.as_ref();
    let version = tls.and_then(|tls| tls.version()).map_or("no ServerHello".to_owned(), |version| version.to_string());
    let suite =
        tls.and_then(|tls| tls.server_hello.as_ref()).map_or(String::new(), |seen| seen.value.suite.to_string());
    let kind = ["GCM", "CHACHA20", "CBC"].into_iter().find(|kind| suite.contains(kind)).unwrap_or("?");
    format!("{version} {kind}")
}

#[test]
fn every_message_behind_encryption_is_told_for_what_it_was() {
    let (mut wrong, mut missed, mut tallies) = (Vec::new(), Vec::new(), BTreeMap::<String, Tally>::new());
    for folder in folders() {
        let Ok(text) = std::fs::read_to_string(folder.join("steps.toml")) else { continue };
        let truths: Truth = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for (vantage, path) in captures(&folder) {
            let (analysis, _) = analyse(&path);
            for (client, lines) in &truths[vantage] {
                let of = |c: &&Connection| {
                    let endpoint = c.tcp.endpoints.client;
                    SocketAddr::new(endpoint.ip, endpoint.port).to_string() == *client
                };
                let Some(connection) = analysis.connections.iter().find(of) else { continue };
                let case = format!("{}/{vantage} {client}", folder.file_name().unwrap().to_string_lossy());
                let was = to_compare(lines);
                let mut got: Vec<Told> = connection.session.steps.list().filter_map(|step| told(&step)).collect();
                got.extend(goodbye(connection));
                let (right, strange, silent) = compared(&got, &was);
                let tally = tallies.entry(protection(connection)).or_default();
                tally.connections += 1;
                tally.messages += was.len();
                tally.told += right;
                for told in strange {
                    wrong
                        .push(format!("{case}: frame {} is told as {} of the {}", told.frame, told.message, told.side));
                }
                let unsure = connection.session.stages.lower_bound().is_some();
                let stage = connection.session.stage();
                for was in silent.into_iter().filter(|_| !unsure && stage < Stage::Active) {
                    missed
                        .push(format!("{case}: frame {}, {} of the {}, is not told", was.frame, was.message, was.side));
                }
            }
        }
    }
    let mut table = String::new();
    for (protection, t) in &tallies {
        let _ = writeln!(table, "| {protection} | {} | {} of {} |", t.connections, t.told, t.messages);
    }
    println!("{table}");
    assert!(tallies.len() >= 5, "{tallies:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(missed.is_empty(), "{} missed, and nothing says that they may be:\n{}", missed.len(), missed.join("\n"));
}
