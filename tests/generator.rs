//! The generated traffic is what it claims to be: benches measure nothing else.

#[path = "../benches/generator/mod.rs"]
pub(super) mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use rdpwhy::analysis::{Analysis, Analyzer, Batch, Connection};
use rdpwhy::base::CaptureId;
use rdpwhy::capture::{CaptureOptions, from_reader};
use rdpwhy::flow::Endpoint;
use traffic::{Container, Kind, Plan, Totals, write};

const MIB: u64 = 1 << 20;

fn plan(kind: Kind, bytes: u64) -> Plan {
    Plan { kind, container: Container::Pcap, bytes, seed: 7 }
}

fn generate(plan: &Plan) -> (Vec<u8>, Totals) {
    let mut bytes = Vec::new();
    let totals = write(plan, &mut bytes).unwrap();
    (bytes, totals)
}

fn analyse(bytes: Vec<u8>) -> (Analysis, u64) {
    let reader = Box::new(std::io::Cursor::new(bytes));
    let mut capture = from_reader("generated", reader, CaptureId(0), &CaptureOptions::default()).unwrap();
    let mut analyzer = Analyzer::default();
    while let Some(packet) = capture.next_packet().unwrap() {
        analyzer.push(&packet);
    }
    (analyzer.finish(0), capture.info().packets)
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_gives_others() {
    let plan = plan(Kind::Mixed, MIB / 2);
    assert!(generate(&plan).0 == generate(&plan).0);
    assert!(generate(&plan).0 != generate(&Plan { seed: 8, ..plan }).0);
}

#[test]
fn each_kind_has_the_shape_it_is_named_for() {
    for (name, kind) in Kind::ALL {
        let (_, made) = generate(&plan(kind, 16 * MIB));
        let frame = made.frame_bytes / made.packets;
        let rdp_percent = 100 * made.rdp_packets / made.packets;
        let (frames, rdp) = match kind {
            Kind::Heavy => (650..790, 100..101),
            Kind::Mixed => (600..1_000, 2..6),
            Kind::Small => (60..101, 100..101),
            Kind::Scan => (60..90, 100..101),
        };
        assert!(frames.contains(&frame), "{name}: {frame} bytes a frame");
        assert!(rdp.contains(&rdp_percent), "{name}: {rdp_percent} % RDP");
    }
}

#[test]
fn packets_come_in_the_order_of_time() {
    let (bytes, made) = generate(&plan(Kind::Mixed, MIB));
    let reader = Box::new(std::io::Cursor::new(bytes));
    let mut capture = from_reader("generated", reader, CaptureId(0), &CaptureOptions::default()).unwrap();
    let mut last = None;
    while let Some(packet) = capture.next_packet().unwrap() {
        assert!(last <= Some(packet.time), "frame {}", packet.frame);
        last = Some(packet.time);
    }
    assert_eq!(capture.info().packets, made.packets);
}

/// What is said of a connection, whatever its number.
type Said = (Endpoint, u64, String);

fn said(analysis: impl IntoIterator<Item = Connection>) -> Vec<Said> {
    let one = |c: Connection| (c.tcp.endpoints.client, c.tcp.first.frame.number, c.sentence);
    analysis.into_iter().map(one).collect()
}

#[test]
fn what_is_told_while_reading_is_what_would_be_told_at_the_end() {
    let (bytes, _) = generate(&plan(Kind::Scan, 2 * MIB));
    let (mut at_once, packets) = analyse(bytes.clone());
    let mut batches = Vec::new();
    let reader = Box::new(std::io::Cursor::new(bytes));
    let mut capture = from_reader("generated", reader, CaptureId(0), &CaptureOptions::default()).unwrap();
    let mut analyzer = Analyzer::default();
    while let Some(packet) = capture.next_packet().unwrap() {
        analyzer.push(&packet);
        batches.extend(analyzer.settled());
    }
    let rest = analyzer.finish_telling(0, |_, batch| {
        batches.push(batch);
        Ok::<_, std::convert::Infallible>(())
    });
    batches.push(Batch::take(&mut rest.unwrap()));
    assert!(batches.len() > 2, "{} batches of {packets} packets", batches.len());

    let ids: Vec<u32> = batches.iter().flat_map(|batch| &batch.connections).map(|c| c.id).collect();
    assert!(ids.iter().copied().eq(1..=ids.len() as u32), "numbered one by one");
    for Batch { connections, attempts, .. } in &batches {
        // Each attempt comes whole: with all of its connections, and no other.
        let mut told: Vec<u32> = attempts.iter().flat_map(|attempt| attempt.connections.clone()).collect();
        told.sort_unstable();
        assert!(told.into_iter().eq(connections.iter().map(|c| c.id)));
        let explained =
            |c: u32| attempts.iter().all(|a| a.verdict.is_none_or(|(_, by)| by != c || a.connections.contains(&c)));
        assert!(connections.iter().all(|c| explained(c.id)));
    }
    let mut told = said(batches.into_iter().flat_map(|batch| batch.connections));
    told.sort_unstable();
    let mut whole = said(std::mem::take(&mut at_once.connections));
    whole.sort_unstable();
    assert_eq!(told.len(), whole.len());
    let other = told.iter().zip(&whole).filter(|(a, b)| a != b).collect::<Vec<_>>();
    assert!(other.is_empty(), "{} of {}: {:?}", other.len(), told.len(), other.first());
}

#[test]
fn a_host_is_one_host_in_all_its_connections() {
    let (analysis, _) = analyse(generate(&plan(Kind::Scan, 2 * MIB)).0);
    let mut of_host: BTreeMap<IpAddr, BTreeSet<u8>> = BTreeMap::new();
    for Connection { tcp, .. } in &analysis.connections {
        for (end, habits) in [(tcp.endpoints.client, &tcp.habits.client), (tcp.endpoints.server, &tcp.habits.server)] {
            let ttls = habits.ttls().map(|(ttl, _)| ttl);
            of_host.entry(end.ip).or_default().extend(ttls);
        }
        for reset in &tcp.resets {
            of_host.entry(reset.source).or_default().insert(reset.ttl);
        }
    }
    assert!(of_host.len() > 1_000 && of_host.values().all(|ttls| ttls.len() <= 1));
}

#[test]
fn both_containers_tell_the_same_story() {
    let pcap = plan(Kind::Heavy, 2 * MIB);
    let (bytes, made) = generate(&pcap);
    // The other container is longer by a few bytes a packet, not by packets.
    let (more, _) = generate(&Plan { container: Container::Pcapng, bytes: 2 * MIB + 40 * made.packets, ..pcap });
    let (analysis, packets) = analyse(bytes);
    let (other, _) = analyse(more);
    assert_eq!(packets, made.packets);
    assert!(analysis.connections.len() >= 6);
    // Connections that were over early are the same in both.
    let first = |a: &Analysis| a.connections.iter().take(4).map(|c| c.tcp.endpoints).collect::<Vec<_>>();
    assert_eq!(first(&analysis), first(&other));
}

/// Sequence numbers, acknowledgments and checksums stand an outside look, where
/// tshark is installed.
#[test]
fn tshark_has_nothing_to_complain_about() {
    let folder = tempfile::tempdir().unwrap();
    for (name, kind) in Kind::ALL {
        let path = folder.path().join(format!("{name}.pcap"));
        std::fs::write(&path, generate(&plan(kind, MIB)).0).unwrap();
        let complaints = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 \
                          || tcp.analysis.ack_lost_segment";
        let Some(text) = tshark(&path, complaints) else { return };
        assert_eq!(text, "", "{name}");
    }
}

fn tshark(path: &Path, filter: &str) -> Option<String> {
    let checks = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE"];
    let output = Command::new("tshark")
        .args(checks.iter().flat_map(|check| ["-o", check]))
        .arg("-r")
        .arg(path)
        .args(["-Y", filter])
        .output();
    output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}
