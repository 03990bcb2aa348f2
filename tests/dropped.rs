//! What the capturing machine lost lowers the certainty of what it touches, and
//! of nothing else.

use std::path::Path;

use rdpwhy::analysis::{Analyzer, Connection};
use rdpwhy::base::{CaptureTime, Certainty, Span};
use rdpwhy::capture::{CaptureOptions, InterfaceNotes, PacketToWrite, PcapngWriter, SectionNotes, Source, Timeline};

const CASE: &str = "fixtures/cases/stalled-server-serverhello/client.pcap";

/// The first connection of a capture, with what the capture says it lost.
fn first(source: Source) -> Connection {
    let mut timeline = Timeline::new(vec![source], CaptureOptions::default());
    let mut analyzer = Analyzer::default();
    while let Some(packet) = timeline.next_packet() {
        analyzer.push(&packet);
    }
    for loss in timeline.captures().flat_map(|capture| &capture.losses) {
        analyzer.lost(loss.packets, loss.since, loss.until);
    }
    analyzer.finish(0).connections.remove(0)
}

/// The case as pcapng, an hour after a packet of somebody else; `counted` is
/// what the interface says in between and at the end.
fn with_counters(between: u64, end: u64) -> Connection {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(CASE);
    let mut timeline = Timeline::new(vec![Source::Path(file)], CaptureOptions::default());
    let mut writer = PcapngWriter::new(Vec::new(), &SectionNotes::default()).unwrap();
    let mut last = CaptureTime::default();
    while let Some(packet) = timeline.next_packet() {
        let notes = InterfaceNotes { link: packet.link, snap_len: 0, name: Some("eth0"), description: None };
        if packet.frame.number == 1 {
            writer.interface(&notes).unwrap();
            let before = packet.time - Span::from_secs(3_600);
            let stranger =
                PacketToWrite { interface: 0, time: before, data: &[0; 60], original_len: 60, comments: &[] };
            writer.packet(&stranger).unwrap();
            writer.statistics(0, packet.time - Span::from_secs(60), Some(1), Some(between)).unwrap();
        }
        last = packet.time;
        let original_len = packet.original_len;
        writer
            .packet(&PacketToWrite { interface: 0, time: last, data: packet.data, original_len, comments: &[] })
            .unwrap();
    }
    writer.statistics(0, last, Some(99), Some(end)).unwrap();
    first(Source::Reader { name: "-".into(), reader: Box::new(std::io::Cursor::new(writer.into_inner())) })
}

#[test]
fn what_is_lost_meanwhile_makes_a_verdict_less_certain() {
    let (whole, lossy) = (with_counters(0, 0), with_counters(0, 12));
    let of = |c: &Connection| c.diagnosis.verdict().map(|f| (f.id, f.certainty)).unwrap();
    assert_eq!((whole.lost, lossy.lost), (None, Some(12)));
    assert!(lossy.diagnosis.coverage.dropped);
    let ((id, sure), (same, less)) = (of(&whole), of(&lossy));
    assert_eq!((id, sure.lowered()), (same, less));
    assert!(sure > Certainty::Possible);
}

#[test]
fn what_was_lost_before_it_began_does_not() {
    let (whole, before) = (with_counters(0, 0), with_counters(12, 12));
    assert_eq!(before.lost, None);
    assert_eq!(before.diagnosis.verdict().unwrap().certainty, whole.diagnosis.verdict().unwrap().certainty);
}
