//! The same packets give the same findings, whatever they come in.

use std::io::{self, Read, Write};
use std::path::Path;

use rdpwhy::analysis::Analyzer;
use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::report::build::{Inputs, report};

use super::cases::{captures, folders};

/// Gives one byte at a time, as a slow pipe does.
struct Dribble(io::Cursor<Vec<u8>>);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(1);
        self.0.read(&mut buffer[..n])
    }
}

/// Everything of the report that is said of connections and attempts.
fn findings(source: Source) -> serde_json::Value {
    let mut timeline = Timeline::new(vec![source], CaptureOptions::default());
    let mut analyzer = Analyzer::default();
    while let Some(packet) = timeline.next_packet() {
        analyzer.push(&packet);
    }
    let complete = !timeline.is_incomplete();
    let inputs = Inputs { captures: timeline.captures().collect(), unreadable: Vec::new() };
    let report = report(analyzer.finish(0), &inputs);
    serde_json::json!([report.attempts, report.connections, report.findings, report.summary, complete])
}

fn piped(bytes: Vec<u8>) -> Source {
    Source::Reader { name: "-".to_owned(), reader: Box::new(io::Cursor::new(bytes)) }
}

/// Some cases of every kind are enough, and quick.
fn sample() -> Vec<std::path::PathBuf> {
    let all: Vec<_> = folders().iter().flat_map(|folder| captures(folder)).map(|(_, path)| path).collect();
    all.into_iter().step_by(9).filter(|path| path.extension().is_some_and(|e| e == "pcap")).collect()
}

#[test]
fn whole_dribbled_gzipped_and_pcapng_say_the_same() {
    let sample = sample();
    assert!(sample.len() > 10);
    for path in sample {
        let bytes = std::fs::read(&path).unwrap();
        let whole = findings(Source::named(&path));
        let dribble =
            Source::Reader { name: "-".to_owned(), reader: Box::new(Dribble(io::Cursor::new(bytes.clone()))) };
        assert_eq!(findings(dribble), whole, "byte by byte: {}", path.display());
        assert_eq!(findings(piped(gzip(&bytes))), whole, "gzip: {}", path.display());
        // A file cut inside its last packet has none to be converted.
        if let Some(pcapng) = pcapng(&bytes).filter(|_| whole[4] == true) {
            assert_eq!(findings(piped(pcapng)), whole, "pcapng: {}", path.display());
        }
    }
}

/// Two gzip members, as tools that append make them.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut out = Vec::new();
    for part in [first, second] {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(part).unwrap();
        out.extend(member.finish().unwrap());
    }
    out
}

/// A microsecond pcap in little-endian order as pcapng; `None` for others.
fn pcapng(pcap: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| pcap.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    if word(0)? != 0xa1b2_c3d4 {
        return None;
    }
    let mut out = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padding = body.len().next_multiple_of(4) - body.len();
        let total = (12 + body.len() + padding) as u32;
        for part in [&kind.to_le_bytes()[..], &total.to_le_bytes(), body, &vec![0; padding], &total.to_le_bytes()] {
            out.extend_from_slice(part);
        }
    };
    let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    block(0x0a0d_0d0a, &section);
    block(1, &[&(word(20)? as u16).to_le_bytes()[..], &[0, 0], &word(16)?.to_le_bytes()].concat());
    let mut at = 24;
    while let (Some(seconds), Some(micros), Some(captured), Some(original)) =
        (word(at), word(at + 4), word(at + 8), word(at + 12))
    {
        let data = pcap.get(at + 16..at + 16 + captured as usize)?;
        let time = u64::from(seconds) * 1_000_000 + u64::from(micros);
        let header = [0, (time >> 32) as u32, time as u32, captured, original].map(u32::to_le_bytes).concat();
        block(6, &[&header[..], data].concat());
        at += 16 + captured as usize;
    }
    Some(out)
}

#[test]
fn a_capture_cut_anywhere_still_tells_what_it_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/healthy-nla-tls13/client.pcap");
    let bytes = std::fs::read(path).unwrap();
    for cut in (0..bytes.len()).step_by(301) {
        let mut timeline = Timeline::new(vec![piped(bytes[..cut].to_vec())], CaptureOptions::default());
        let mut analyzer = Analyzer::default();
        while let Some(packet) = timeline.next_packet() {
            analyzer.push(&packet);
        }
        // A cut capture proves nothing against anybody.
        for connection in analyzer.finish(0).connections {
            assert!(connection.diagnosis.verdict().is_none(), "cut at {cut}: {}", connection.sentence);
        }
    }
}
