//! One device on the path of several connections: what a whole capture tells
//! that no connection tells alone.

use std::path::PathBuf;

use rdpwhy::analysis::{Analysis, Analyzer, Connection};
use rdpwhy::base::{Certainty, Frame, Span};

use super::laws_resets::{Kept, feed, play, read};

/// Where the addresses of source and destination end in an IPv4 packet on
/// Ethernet.
const LAST_BYTES: [usize; 2] = [29, 33];

/// The packets of a case from the client's end.
fn case(name: &str) -> Vec<Kept> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases").join(name).join("client.pcap");
    read(&[&path])
}

/// The same connection `hours` later with another server, its reset `late`
/// milliseconds later still.
fn again(packets: &[Kept], server: u8, hours: i64, late: i64) -> Vec<Kept> {
    let is_client = |ip: &[u8]| ip.get(2) == Some(&1);
    let copy = |packet: &Kept| {
        let mut packet = packet.clone();
        for end in LAST_BYTES {
            if !is_client(&packet.data[end - 3..=end]) {
                packet.data[end] = server;
            }
        }
        let extra = if packet.is_reset() { late } else { 0 };
        packet.time = packet.time + Span::from_secs(hours * 3_600) + Span::from_millis(extra);
        packet.frame = Frame::new(0, packet.frame.number + hours as u64 * 1_000);
        packet
    };
    packets.iter().map(copy).collect()
}

fn middlebox(analysis: &Analysis) -> Option<(Certainty, &str)> {
    let found = analysis.findings.iter().find(|finding| finding.id == "middlebox")?;
    Some((found.certainty, &*found.detail))
}

#[test]
fn the_sentence_for_the_firewall_team_over_several_connections() {
    let idle = case("windows-idle-240s-balancer");
    let mut packets = Vec::new();
    for (n, (server, late)) in (0_i64..).zip([(20, -50), (21, 0), (22, 50)]) {
        packets.extend(again(&idle, server, n, late));
    }
    packets.extend(again(&case("windows-idle-20s"), 23, 3, 0));
    let analysis = play(&packets);
    assert_eq!(analysis.connections.len(), 4);
    assert_eq!(
        middlebox(&analysis).unwrap(),
        (
            Certainty::Likely,
            "A device 1 hop from the capture point reset 3 of 4 connections after 242.9 ± 0.1 s of silence, each in the running session, in the name of 3 different servers, whose own packets come from 3 hops away."
        )
    );
    // What was found in the others stands beside each one's own evidence.
    assert_eq!(analysis.connections.iter().filter(|c| is_strengthened(c)).count(), 3);
}

/// Whether what was found in other connections speaks in this one.
fn is_strengthened(connection: &Connection) -> bool {
    let mut pieces = connection.diagnosis.resets.iter().flat_map(|judgement| &judgement.evidence);
    pieces.any(|piece| piece.id == "same-device")
}

#[test]
fn live_what_was_found_before_counts() {
    let idle = case("windows-idle-240s-balancer");
    let mut analyzer = Analyzer::default();
    let mut strengthened = Vec::new();
    for (n, server) in (0_i64..).zip(20..23) {
        let packets = again(&idle, server, n, 0);
        feed(&mut analyzer, &packets);
        analyzer.tick(packets.last().unwrap().time + Span::from_secs(1_800));
        let taken = analyzer.take();
        assert_eq!(taken.len(), 1, "told as soon as it is over");
        strengthened.push(is_strengthened(&taken[0]));
    }
    assert_eq!(strengthened, [false, false, true], "two others make a device");
}

#[test]
fn healthy_resets_of_several_servers_are_no_device() {
    let healthy = case("windows-idle-20s");
    let packets: Vec<Kept> = (0_i64..4).flat_map(|n| again(&healthy, 20 + n as u8, n, 0)).collect();
    let analysis = play(&packets);
    assert!(analysis.connections.iter().any(|c| !c.tcp.resets.is_empty()), "they do end in resets");
    assert_eq!(middlebox(&analysis), None);
}
