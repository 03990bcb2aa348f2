//! What each fuzz target does with its input. The test binary runs the same
//! functions over `fixtures/corpus`, so that what broke once stays mended.

#[path = "inputs/assembler.rs"]
mod assembler;
#[path = "inputs/evidence.rs"]
mod evidence;
#[path = "inputs/fragments.rs"]
mod fragments;
/// Frames as bytes.
#[allow(dead_code, clippy::duplicate_mod, reason = "the generator of the benches is another user of it")]
#[path = "../../benches/generator/frame.rs"]
pub mod frame;
#[path = "inputs/packets.rs"]
mod packets;
#[path = "inputs/records.rs"]
mod records;
#[path = "inputs/redact.rs"]
mod redact;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Cursor;

use rdpwhy::analysis::{Analysis, Analyzer};
use rdpwhy::base::{At, CaptureId, CaptureTime, Frame, Gap, GapCause, LinkType, Side};
use rdpwhy::capture::{Capture, CaptureOptions, Packet, Source, Timeline, from_reader};
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::json;
use rdpwhy::session::Session;
use rdpwhy::wire::{
    self, credssp, fast_path, gcc, licence, mcs, negotiation, ntlm, preconnection, rdpeudp, security, share, tls, tpkt,
    x224,
};

/// By name, which is also that of the folder with its seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture", capture),
    ("wire", wire),
    ("assembler", assembler),
    ("fragments", fragments),
    ("session", session),
    ("records", records),
    ("analyze", analyze),
    ("packets", packets),
    ("evidence", evidence),
    ("redact", redact),
];

pub use assembler::assembler;
pub use evidence::evidence;
pub use fragments::fragments;
pub use packets::packets;
pub use records::records;
pub use redact::redact;

/// Survives any input, or panics.
pub type Target = fn(&[u8]);

/// A file: every format, every compression. In runs come the packets that come one
/// by one.
pub fn capture(data: &[u8]) {
    let Some(mut capture) = open(data) else { return };
    let (mut single, mut in_runs) = (DefaultHasher::new(), DefaultHasher::new());
    while let Ok(Some(packet)) = capture.next_packet() {
        assert!(packet.data.len() <= packet.original_len as usize);
        hash(&packet, &mut single);
    }
    assert!(capture.info().bytes <= MAX_EXPANDED);
    let mut timeline = timeline(data);
    let mut take = |packet: &Packet<'_>| {
        hash(packet, &mut in_runs);
        true
    };
    while timeline.next_packets(&mut take) {}
    assert_eq!(in_runs.finish(), single.finish());
    assert_eq!(timeline.captures().next().map(|info| format!("{info:?}")), Some(format!("{:?}", capture.info())));
}

fn hash(packet: &Packet<'_>, hasher: &mut DefaultHasher) {
    let Packet { frame, time, link, interface, packet_id, data, original_len, .. } = packet;
    (frame, time, link.0, interface, packet_id, data, original_len).hash(hasher);
}

/// More than any input of this size may become.
const MAX_EXPANDED: u64 = 1 << 32;

/// Two bytes choose the link type; the rest is a frame, and also the beginning
/// of each protocol's message.
pub fn wire(data: &[u8]) {
    let Some((link, bytes)) = data.split_first_chunk::<2>() else { return };
    let link = LinkType(u32::from(u16::from_be_bytes(*link)));
    let _ = wire::peek(link, bytes);
    let _ = wire::decode(link, bytes, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    frames_of_streams(bytes);
    messages(bytes);
}

fn frames_of_streams(bytes: &[u8]) {
    let _ = fast_path::frame_size(bytes);
    let _ = credssp::frame_size(bytes);
    let _ = tls::record::frame_size(bytes);
    let _ = tpkt::frame_size(bytes);
    let _ = tpkt::decode(bytes);
    let _ = x224::decode(bytes);
    let _ = negotiation::decode_request(bytes);
    let _ = negotiation::decode_confirm(bytes);
    let _ = preconnection::decode(bytes);
    let _ = rdpeudp::decode(bytes);
}

fn messages(bytes: &[u8]) {
    let _ = mcs::decode(bytes);
    let _ = gcc::decode_client(bytes);
    let _ = gcc::decode_server(bytes);
    let _ = security::decode(bytes);
    let _ = licence::decode(bytes);
    let _ = share::decode(bytes);
    let _ = credssp::decode(bytes);
    let _ = ntlm::decode(bytes);
    let _ = tls::handshake::decode(bytes);
    let _ = tls::certificate::decode(bytes);
    let _ = tls::alert::decode(bytes);
}

/// A conversation as a list of events, each with three bytes before it: the
/// first one's lowest bit is the side and the next two say what comes; then a
/// length, of bytes that follow or of a hole.
pub fn session(data: &[u8]) {
    let mut session = Session::new();
    let mut rest = data;
    for number in 1_u32.. {
        let Some((&[what, high, low], after)) = rest.split_first_chunk::<3>() else { break };
        rest = after;
        let length = u16::from_be_bytes([high, low]);
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        let (frame, time) = (Frame::new(0, u64::from(number)), CaptureTime::from_nanos(i64::from(number) * 1_000_000));
        match what >> 1 & 3 {
            0 | 1 => {
                let (bytes, after) = rest.split_at(rest.len().min(usize::from(length)));
                rest = after;
                session.bytes(side, bytes, At { frame, time });
            }
            2 => {
                let cause = if what & 8 == 0 { GapCause::NotCaptured } else { GapCause::CutShort };
                session.gap(side, Gap { bytes: u64::from(length), cause, frame, time });
            }
            _ => session.end(side, At { frame, time }),
        }
    }
    let _ = session.into_facts();
}

/// The whole pipeline, from a file to the report.
pub fn analyze(data: &[u8]) {
    let mut timeline = timeline(data);
    if timeline.captures().next().is_none() {
        return;
    }
    let mut analyzer = Analyzer::default();
    while timeline.next_packets(&mut |packet: &Packet<'_>| {
        analyzer.push(packet);
        true
    }) {}
    let captures: Vec<_> = timeline.captures().collect();
    let analysis: Analysis = analyzer.finish(captures.iter().filter_map(|info| info.dropped).sum());
    let inputs = Inputs { captures, unreadable: Vec::new() };
    let report = report(analysis, &inputs);
    let _ = json::write(&report, &mut std::io::sink());
}

fn timeline(data: &[u8]) -> Timeline {
    let source = Source::Reader { name: "input".to_owned(), reader: Box::new(Cursor::new(data.to_vec())) };
    Timeline::new(vec![source], CaptureOptions::default())
}

fn open(data: &[u8]) -> Option<Capture> {
    let reader = Box::new(Cursor::new(data.to_vec()));
    from_reader("input", reader, CaptureId(0), &CaptureOptions::default()).ok()
}
