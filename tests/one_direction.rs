//! A capture of one direction only names no cause and no culprit that the
//! whole capture does not know of.

use std::collections::{BTreeMap, BTreeSet};

use rdpwhy::analysis::Connection;
use rdpwhy::base::Side;
use rdpwhy::findings::{EndedBy, Outcome};
use rdpwhy::wire::Glance;

use super::cases::{captures, folders};
use super::laws_resets::{Kept, play, read};

/// Says nothing of anybody.
const LEFT_OPEN: &str = "reset-undetermined";

/// Who sent it: the lab's clients have the higher port.
fn sender(packet: &Kept) -> Option<Side> {
    match packet.glance() {
        Glance::Tcp { source_port, destination_port, .. } if source_port > destination_port => Some(Side::Client),
        Glance::Tcp { .. } => Some(Side::Server),
        _ => None,
    }
}

/// By client's port: connections of one case differ in it.
pub fn by_port(connections: &[Connection]) -> BTreeMap<u16, Vec<&Connection>> {
    let mut all: BTreeMap<u16, Vec<&Connection>> = BTreeMap::new();
    for connection in connections {
        all.entry(connection.tcp.endpoints.client.port).or_default().push(connection);
    }
    all
}

#[test]
fn one_direction_wrongs_nobody() {
    let (mut tried, mut failed, mut wrong) = (0, 0, Vec::new());
    for folder in folders() {
        for (vantage, path) in captures(&folder) {
            let packets = read(&[&path]);
            let whole = play(&packets);
            let known = by_port(&whole.connections);
            for side in Side::BOTH {
                let kept: Vec<Kept> = packets.iter().filter(|p| sender(p) == Some(side)).cloned().collect();
                for (port, connections) in by_port(&play(&kept).connections) {
                    let Some(others) = known.get(&port) else { continue };
                    let causes: BTreeSet<_> =
                        others.iter().flat_map(|c| &c.diagnosis.findings).map(|finding| finding.id).collect();
                    for connection in connections {
                        tried += 1;
                        let diagnosis = &connection.diagnosis;
                        failed += usize::from(diagnosis.outcome == Outcome::Failed);
                        let name = || format!("{}/{vantage} port {port}, {side} alone", folder.display());
                        if let Some(cause) = diagnosis.verdict().filter(|f| f.id != LEFT_OPEN && !causes.contains(f.id))
                        {
                            wrong.push(format!("{}: {}", name(), cause.id));
                        }
                        let is_named = matches!(diagnosis.ended_by, EndedBy::Side(_) | EndedBy::OtherDevice);
                        if is_named && others.iter().all(|c| c.diagnosis.ended_by != diagnosis.ended_by) {
                            wrong.push(format!("{}: ended by {:?}", name(), diagnosis.ended_by));
                        }
                    }
                }
            }
        }
    }
    println!("{tried} connections, {failed} failed");
    assert!(tried > 500 && failed > 50, "{tried}, {failed}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
}
