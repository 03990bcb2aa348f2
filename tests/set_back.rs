//! A capture whose clock was set back names no cause and no culprit that the
//! same packets in their own time do not know of.

use std::collections::BTreeSet;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{Certainty, Span};
use rdpwhy::findings::EndedBy;
use rdpwhy::findings::resets::{Builder, Judgement};

use super::cases::{captures, folders};
use super::laws_resets::{Kept, play, read};
use super::one_direction::by_port;

/// From this one of so many packets on, the clock is behind.
const PLACES: [usize; 3] = [1, 4, 8];
const OF: usize = 9;

/// Somebody corrects a clock a little, or by a time zone.
const STEPS: [Span; 2] = [Span::from_secs(2), Span::from_secs(3_600)];

fn set_back(packets: &[Kept], from: usize, step: Span) -> Vec<Kept> {
    let behind = |(place, packet): (usize, &Kept)| {
        let mut packet = packet.clone();
        packet.time = if place < from { packet.time } else { packet.time - step };
        packet
    };
    packets.iter().enumerate().map(behind).collect()
}

/// What is said of it with more than a maybe: causes, who is at fault, and who
/// ended it.
fn claims(connection: &Connection) -> BTreeSet<String> {
    let diagnosis = &connection.diagnosis;
    let verdict = diagnosis.verdict().filter(|found| found.certainty > Certainty::Possible);
    let cause = verdict.map(|found| format!("{} ({:?})", found.id, found.at_fault));
    let is_foreign =
        |reset: &Judgement| reset.built_by == Builder::OtherDevice && reset.certainty > Certainty::Possible;
    let device = diagnosis.resets.iter().any(is_foreign).then(|| "a reset of another device".to_owned());
    let named = matches!(diagnosis.ended_by, EndedBy::Side(_) | EndedBy::OtherDevice);
    let ender = named.then(|| format!("ended by {:?}", diagnosis.ended_by));
    cause.into_iter().chain(device).chain(ender).collect()
}

/// The same of what it might be, too.
fn known(connection: &Connection) -> BTreeSet<String> {
    let findings = connection.diagnosis.findings.iter();
    let causes = findings.map(|found| format!("{} ({:?})", found.id, found.at_fault));
    claims(connection).into_iter().chain(causes).collect()
}

#[test]
fn a_clock_that_was_set_back_wrongs_nobody() {
    let (mut tried, mut claimed, mut wrong) = (0, 0, Vec::new());
    for folder in folders() {
        for (vantage, path) in captures(&folder) {
            let packets = read(&[&path]);
            let whole = play(&packets);
            let known_by_port = by_port(&whole.connections);
            for (place, step) in PLACES.into_iter().flat_map(|place| STEPS.map(|step| (place, step))) {
                let from = packets.len() * place / OF;
                let shifted = play(&set_back(&packets, from, step));
                for (port, connections) in by_port(&shifted.connections) {
                    let known: BTreeSet<String> = known_by_port
                        .get(&port)
                        .into_iter()
                        .flatten()
                        .flat_map(|connection| known(connection))
                        .collect();
                    for connection in connections {
                        tried += 1;
                        let claims = claims(connection);
                        claimed += claims.len();
                        wrong.extend(claims.difference(&known).map(|claim| {
                            format!("{}/{vantage} port {port}, {step} behind from {from} on: {claim}", folder.display())
                        }));
                    }
                }
            }
        }
    }
    assert!(tried > 2_000 && claimed > 1_000, "{claimed} claims of {tried} connections");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
