//! Who kept whom waiting: every stall of the lab's cases, from both ends,
//! against the truth that the lab wrote down; and what is left of that where
//! the capture is damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rdpwhy::analysis::Analysis;
use rdpwhy::base::{Certainty, Side};
use rdpwhy::findings::{AtFault, Finding, Severity};
use rdpwhy::report::document::{self, Connection, Outcome};
use serde::Deserialize;

use super::cases::{analyse, captures, folders};
use super::laws_resets::{Kept, play, read};

/// The part of a case's truth that is about waiting.
#[derive(Debug, Deserialize)]
struct Truth {
    name: String,
    kind: String,
    connections: Vec<TrueConnection>,
}

#[derive(Debug, Deserialize)]
struct TrueConnection {
    client: String,
    seen_from_client: Option<Seen>,
    seen_from_server: Option<Seen>,
}

#[derive(Clone, Debug, Deserialize)]
struct Seen {
    /// `path`, or the side whose host had what it was to answer.
    stall_fault: Option<String>,
    stall_owed_by: Option<String>,
    stall_step: Option<String>,
}

/// One end of one stall.
struct Stall {
    case: String,
    vantage: &'static str,
    client: String,
    fault: String,
    owed: Option<(String, String)>,
    damaged: bool,
    path: PathBuf,
}

fn truth(folder: &Path) -> Truth {
    toml::from_str(&std::fs::read_to_string(folder.join("truth.toml")).unwrap()).unwrap()
}

fn stalls() -> Vec<Stall> {
    let mut found = Vec::new();
    for folder in folders() {
        let truth = truth(&folder);
        for (vantage, path) in captures(&folder) {
            for connection in &truth.connections {
                let seen =
                    if vantage == "client" { &connection.seen_from_client } else { &connection.seen_from_server };
                let Some(Seen { stall_fault: Some(fault), stall_owed_by, stall_step }) = seen.clone() else { continue };
                found.push(Stall {
                    case: truth.name.clone(),
                    vantage,
                    client: connection.client.clone(),
                    fault,
                    owed: stall_owed_by.zip(stall_step),
                    damaged: truth.kind == "damage",
                    path: path.clone(),
                });
            }
        }
    }
    assert!(found.len() >= 50, "the fixtures are there");
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Right,
    /// The report leaves it open, and says so.
    Open,
    Wrong,
}

/// Whose message was due, and which: of a wait that ended well, that of the
/// slow answer.
fn owed_as_told(connection: &Connection, owed: &(String, String)) -> Told {
    let (side, step) = owed;
    let is_slow = |f: &&document::Finding| f.id == "slow-server";
    if let Some(slow) = connection.findings.iter().find(is_slow).filter(|_| connection.outcome == Outcome::Active) {
        let right =
            slow.title.starts_with(&format!("The {side} took")) && slow.title.ends_with(&format!("send {step}"));
        return if right { Told::Right } else { Told::Wrong };
    }
    let waiting = connection.stages.iter().filter_map(|stage| stage.waiting_for.as_ref()).next_back();
    match waiting {
        Some(waiting) if waiting.side.name() == side && waiting.message == *step => Told::Right,
        Some(_) => Told::Wrong,
        None => Told::Open,
    }
}

fn fault_as_told(connection: &Connection, fault: &str) -> Told {
    // A server that was slow before the stall is another matter.
    let of_the_stall = |f: &&document::Finding| f.id != "slow-server" || connection.outcome == Outcome::Active;
    let told = connection.findings.iter().filter(of_the_stall).find_map(|f| Some((f, f.at_fault?)));
    match told {
        Some((_, document::AtFault::Path)) if fault == "path" => Told::Right,
        Some((_, document::AtFault::Client)) if fault == "client" => Told::Right,
        Some((_, document::AtFault::Server)) if fault == "server" => Told::Right,
        Some((finding, document::AtFault::Unclear)) => {
            assert!(finding.detail.contains("this capture does not show"), "no reason: {}", finding.detail);
            assert!(!finding.cannot_tell.is_empty(), "{}", finding.detail);
            Told::Open
        }
        Some(_) => Told::Wrong,
        None => Told::Open,
    }
}

#[test]
fn whose_fault_each_stall_was() {
    let mut tally: BTreeMap<(&str, Told), u32> = BTreeMap::new();
    let mut best: BTreeMap<String, Told> = BTreeMap::new();
    let mut wrong = Vec::new();
    for stall in stalls() {
        let (_, report) = analyse(&stall.path);
        let connection = report.connections.iter().find(|c| c.client.to_string() == stall.client).unwrap();
        let name = format!("{}/{}", stall.case, stall.vantage);
        let fault = fault_as_told(connection, &stall.fault);
        let owed = stall.owed.as_ref().map(|owed| owed_as_told(connection, owed));
        for (field, told) in [("path or host", Some(fault)), ("owed side and step", owed)] {
            let Some(told) = told else { continue };
            *tally.entry((field, told)).or_default() += 1;
            match told {
                Told::Right => {}
                Told::Open => println!("{name}: {field} left open"),
                Told::Wrong => wrong.push(format!("{name}: {field}: {:?} {:?}", stall.fault, stall.owed)),
            }
        }
        if fault == Told::Open {
            // Nobody is blamed, and why nothing more is said stands there.
            let unclear = connection.findings.iter().any(|f| f.at_fault == Some(document::AtFault::Unclear));
            let open = connection.outcome == Outcome::Open || connection.outcome == Outcome::Unknown;
            assert!(unclear || open, "{name}: {:?}", connection.outcome);
        }
        if !stall.damaged {
            let best = best.entry(stall.case).or_insert(Told::Wrong);
            *best = fault.min(*best);
        }
    }
    println!("\nstalls of the lab's cases, each from both ends");
    for ((field, told), n) in &tally {
        println!("  {field:<20} {told:?}: {n}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let untold: Vec<_> = best.iter().filter(|(_, told)| **told != Told::Right).collect();
    assert!(untold.is_empty(), "told at neither end: {untold:?}");
}

/// A person who thinks is nobody's fault, whether they come back or not.
#[test]
fn people_may_think() {
    let mut seen = 0;
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let thinks = name.contains("prompt") || name == "windows-cancelled";
        for (vantage, path) in captures(&folder).into_iter().filter(|_| thinks) {
            seen += 1;
            for finding in analyse(&path).0.connections.iter().flat_map(|c| &c.diagnosis.findings) {
                let blames = finding.at_fault.is_some() || finding.severity > Severity::Info;
                assert!(!blames, "{name}/{vantage}: {}: {}", finding.id, finding.title);
            }
        }
    }
    assert!(seen >= 12, "{seen}");
}

/// Loss, delay and packets that overtake each other: warnings at most, where
/// the desktop was reached.
#[test]
fn rough_roads_that_lead_to_the_desktop_are_no_failure() {
    let mut warned: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let rough = name.starts_with("rough-") || name == "loss-burst-40" || name == "windows-loss-10";
        for (vantage, path) in captures(&folder).into_iter().filter(|_| rough) {
            for finding in analyse(&path).0.connections.iter().flat_map(|c| &c.diagnosis.findings) {
                assert!(finding.severity < Severity::Failure, "{name}/{vantage}: {}", finding.title);
                if finding.severity == Severity::Warning {
                    warned.entry(name.clone()).or_default().push(finding.id);
                }
            }
        }
    }
    // 300 ms with jitter and reordering, and a tenth of the packets lost.
    let everything = &warned["rough-everything"];
    assert!(everything.contains(&"high-latency") && everything.contains(&"packet-loss"), "{everything:?}");
}

type Damage = (&'static str, fn(&[Kept], u16) -> Vec<Kept>);

/// What people's captures lack.
const DAMAGES: [Damage; 6] = [
    ("only what the client sent", |packets, port| of_one_side(packets, port, Side::Client)),
    ("only what the server sent", |packets, port| of_one_side(packets, port, Side::Server)),
    ("begun eight packets late", |packets, _| packets.get(8..).unwrap_or_default().to_vec()),
    ("cut to 60 bytes a packet", |packets, _| {
        let mut packets = packets.to_vec();
        packets.iter_mut().for_each(|packet| packet.data.truncate(60));
        packets
    }),
    ("begun late and cut", |packets, _| {
        let mut packets = packets.get(8..).unwrap_or_default().to_vec();
        packets.iter_mut().for_each(|packet| packet.data.truncate(60));
        packets
    }),
    ("without every seventh packet", |packets, _| {
        packets.iter().enumerate().filter(|(n, _)| n % 7 != 6).map(|(_, packet)| packet.clone()).collect()
    }),
];

/// Destination port of TCP over IPv4 without options, on Ethernet.
const DESTINATION_PORT: std::ops::Range<usize> = 14 + 20 + 2..14 + 20 + 4;

fn of_one_side(packets: &[Kept], port: u16, side: Side) -> Vec<Kept> {
    let to_server = |packet: &&Kept| packet.data.get(DESTINATION_PORT) == Some(port.to_be_bytes().as_slice());
    packets.iter().filter(|packet| to_server(packet) == (side == Side::Client)).cloned().collect()
}

fn faults(analysis: &Analysis) -> impl Iterator<Item = &Finding> {
    analysis.connections.iter().flat_map(|c| &c.diagnosis.findings)
}

/// A damaged capture may say less. It blames nobody else, and proves nothing
/// for which it would have to be whole.
#[test]
fn damaged_captures_blame_nobody_wrongly() {
    let mut wrong = Vec::new();
    for stall in stalls().iter().filter(|stall| !stall.damaged) {
        let packets = read(&[&stall.path]);
        for (damage, apply) in DAMAGES {
            let analysis = play(&apply(&packets, 3389));
            let one_sided = damage.starts_with("only");
            for finding in faults(&analysis) {
                let told = match finding.at_fault {
                    Some(AtFault::Path) => "path",
                    Some(AtFault::Host(Side::Client)) => "client",
                    Some(AtFault::Host(Side::Server)) => "server",
                    Some(AtFault::Unclear) | None => continue,
                };
                let name =
                    format!("{}/{}, {damage}: {} ({:?})", stall.case, stall.vantage, finding.id, finding.certainty);
                let decides = finding.severity == Severity::Failure && finding.certainty > Certainty::Possible;
                if decides && told != stall.fault {
                    wrong.push(format!("{name} blames {told}: {}", finding.detail));
                }
                if finding.severity == Severity::Failure && finding.certainty == Certainty::Proven && one_sided {
                    wrong.push(format!("{name} proves it with one side: {}", finding.detail));
                }
                if finding.detail.contains(" 0 times") || finding.detail.contains(" 1 times") {
                    wrong.push(format!("{name}: {}", finding.detail));
                }
            }
            for excluded in analysis.connections.iter().flat_map(|c| &c.diagnosis.excluded).filter(|_| one_sided) {
                if excluded.because.contains("both") {
                    wrong.push(format!("{}/{}, {damage}: {}", stall.case, stall.vantage, excluded.because));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

/// The death of a connection in lost packets is proven by a whole capture only.
#[test]
fn a_late_start_and_cut_packets_prove_no_death() {
    for case in ["loss-75-gives-up-tls12", "windows-gave-up-mcs", "dark-credssp"] {
        let path = folders().into_iter().find(|folder| folder.ends_with(case)).unwrap().join("client.pcap");
        let packets = read(&[&path]);
        for (damage, apply) in DAMAGES.iter().skip(2) {
            for finding in faults(&play(&apply(&packets, 3389))).filter(|f| f.severity == Severity::Failure) {
                assert!(finding.certainty < Certainty::Proven, "{case}, {damage}: {} {}", finding.id, finding.detail);
            }
        }
    }
}
