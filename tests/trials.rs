//! Every finding is tried three times: a capture in which it is so, one that
//! comes near and is something else, and one that lacks what would show it and
//! could be taken for it. `trials.toml` names them, and here they are played.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rdpwhy::analysis::Analysis;
use rdpwhy::base::Side;
use rdpwhy::findings::{CAPTURE_RULES, CROWD_RULES, RULES};
use rdpwhy::wire::Glance;
use serde::Deserialize;

use super::laws_resets::{Kept, play, read};

/// The trials of one finding. A capture is `case/vantage`, with the reason for
/// which it is here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trials {
    /// It is found.
    fires: Vec<String>,
    /// It is not found, though much looks like it: capture and what it is.
    near: BTreeMap<String, String>,
    /// It is not found either: `capture, damage` and what could deceive.
    damaged: BTreeMap<String, String>,
}

fn trials() -> BTreeMap<String, Trials> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trials.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every finding that there is.
fn ids() -> BTreeSet<&'static str> {
    let of_connections = RULES.iter().map(|rule| rule.id());
    let of_captures = CAPTURE_RULES.iter().map(|rule| rule.id());
    of_connections.chain(of_captures).chain(CROWD_RULES.iter().map(|rule| rule.id())).collect()
}

/// The packets of `case/vantage`.
fn capture(name: &str) -> Vec<Kept> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let found = ["pcap", "pcapng"].map(|ending| folder.join(format!("{name}.{ending}")));
    let path = found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{name} does not exist"));
    read(&[path])
}

/// What is left of a capture after `damage`, in which several may be joined by
/// `and`:
///
/// * `from 8`, `to 8`: the capture begins, ends, with this frame
/// * `without 4`, `without 4-9`: these frames are missing
/// * `without the server` (`client`): its packets are missing
/// * `cut to 96`: no more than so many bytes of each frame were kept
/// * `twice`: each packet was captured twice
/// * `as it is`: the case is a damaged capture by itself
fn damaged(mut packets: Vec<Kept>, damage: &str) -> Vec<Kept> {
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("no number: {damage}"));
    for part in damage.split(" and ") {
        match part.split_once(' ') {
            _ if part == "as it is" => {}
            _ if part == "twice" => packets = packets.iter().flat_map(|kept| [kept.clone(), kept.clone()]).collect(),
            Some(("from", frame)) => packets.retain(|kept| kept.frame.number >= number(frame)),
            Some(("to", frame)) => packets.retain(|kept| kept.frame.number <= number(frame)),
            Some(("cut", size)) => {
                let size = number(size.strip_prefix("to ").unwrap()) as usize;
                packets.iter_mut().for_each(|kept| kept.data.truncate(size));
            }
            Some(("without", "the server")) => packets.retain(|kept| sender(kept) != Some(Side::Server)),
            Some(("without", "the client")) => packets.retain(|kept| sender(kept) != Some(Side::Client)),
            Some(("without", frames)) => {
                let (first, last) = frames.split_once('-').unwrap_or((frames, frames));
                let missing = number(first)..=number(last);
                packets.retain(|kept| !missing.contains(&{ kept.frame.number }));
            }
            _ => panic!("unknown damage: {part}"),
        }
    }
    packets
}

/// Who sent it, by the port: servers of the lab have low ones.
fn sender(kept: &Kept) -> Option<Side> {
    match kept.glance() {
        Glance::Tcp { source_port, destination_port, .. } => {
            Some(if source_port < destination_port { Side::Server } else { Side::Client })
        }
        Glance::Udp { .. } | Glance::Unclear => None,
    }
}

/// Everything that is found in it.
fn found(analysis: &Analysis) -> BTreeSet<&'static str> {
    let of_connections = analysis.connections.iter().flat_map(|c| &c.diagnosis.findings);
    of_connections.chain(&analysis.findings).map(|finding| finding.id).collect()
}

#[test]
fn every_finding_is_tried_three_times() {
    let (trials, mut wrong, mut played) = (trials(), Vec::new(), 0);
    let known = ids();
    wrong.extend(trials.keys().filter(|id| !known.contains(id.as_str())).map(|id| format!("{id} is no finding")));
    for id in known {
        let Some(Trials { fires, near, damaged: spoilt }) = trials.get(id) else {
            wrong.push(format!("{id} is never tried"));
            continue;
        };
        for (kind, count) in [("fires", fires.len()), ("near", near.len()), ("damaged", spoilt.len())] {
            if count == 0 {
                wrong.push(format!("{id}: no capture is '{kind}'"));
            }
        }
        for name in fires {
            if !found(&play(&capture(name))).contains(id) {
                wrong.push(format!("{id} is not found in {name}"));
            }
        }
        for (name, what) in near {
            assert!(!what.is_empty());
            if found(&play(&capture(name))).contains(id) {
                wrong.push(format!("{id} is found in {name}: {what}"));
            }
        }
        for (name, what) in spoilt {
            assert!(!what.is_empty());
            let (name, damage) = name.split_once(", ").unwrap_or_else(|| panic!("{id}: no damage in '{name}'"));
            let whole = capture(name);
            let left = damaged(whole.clone(), damage);
            let size = |packets: &[Kept]| packets.iter().map(|kept| kept.data.len()).sum::<usize>();
            let is_damaged = damage == "as it is" && name.starts_with("damage-") || size(&whole) != size(&left);
            if !is_damaged {
                wrong.push(format!("{id}: {name}, {damage}: nothing is damaged"));
            }
            if found(&play(&left)).contains(id) {
                wrong.push(format!("{id} is found in {name}, {damage}: {what}"));
            }
        }
        played += fires.len() + near.len() + spoilt.len();
    }
    println!("{} findings, {played} trials", trials.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
