//! A few connections with faults, through the whole pipeline to the reports.
//!
//! The input is no file but a list of things that happen, so that nearly every
//! input makes packets that the pipeline looks into.

use std::net::{IpAddr, Ipv4Addr};

use rdpwhy::analysis::Analyzer;
use rdpwhy::base::{CaptureTime, Frame, LinkType};
use rdpwhy::capture::Packet;
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::document::Report;
use rdpwhy::report::{json, text};

use super::frame::{self, ACK, Endpoint, FIN, Ip, RST, SYN, Tcp};

/// What is said, by whom (0 the client, 1 the server), in a healthy connection.
const MESSAGES: &[(usize, &[u8])] = &[
    (0, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0"),
    (1, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"),
    // ClientHello; ServerHello with TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 and
    // ServerHelloDone; key exchange and Finished; Finished.
    (0, b"\x16\x03\x01\0\x2f\x01\0\0\x2b\x03\x0300000000000000000000000000000000\0\0\x02\xc0\x30\x01\0\0\0"),
    (1, b"\x16\x03\x03\0\x2a\x02\0\0\x26\x03\x0300000000000000000000000000000000\0\xc0\x30\0"),
    (1, b"\x16\x03\x03\0\x04\x0e\0\0\0"),
    (0, b"\x16\x03\x03\0\x08\x10\0\0\x04abcd\x14\x03\x03\0\x01\x01\x16\x03\x03\0\x2800000000000000000000000000000000000000000"),
    (1, b"\x14\x03\x03\0\x01\x01\x16\x03\x03\0\x280000000000000000000000000000000000000000"),
];

/// One connection under way.
struct Flow {
    ends: [Endpoint; 2],
    /// The next number of each side.
    next: [u32; 2],
    said: usize,
}

/// Operations of six bytes: which of four connections (bits 0–1), which side
/// (bit 2), whether the number is off (bit 3), whether the capture cuts the
/// packet (bit 4); what happens; how long after the last (0x80: seconds, 0x40:
/// backwards); and three that the event uses.
pub fn packets(data: &[u8]) {
    let mut scene = Scene::new();
    for operation in data.as_chunks::<6>().0 {
        scene.happens(*operation);
    }
    let frames = scene.frames;
    let report = report(scene.analyzer.finish(0), &Inputs { captures: Vec::new(), unreadable: Vec::new() });
    let _ = json::write(&report, &mut std::io::sink());
    let _ = text::write(&report, text::Options { all: true, color: false }, &mut std::io::sink());
    check(&report, frames);
}

/// What every report owes its reader.
fn check(report: &Report, frames: u64) {
    for connection in &report.connections {
        for frame in connection.frames() {
            assert!((1..=frames).contains(&frame.number), "frame {} of {frames}: {connection:#?}", frame.number);
        }
        assert!(connection.stages.windows(2).all(|pair| pair[0].stage < pair[1].stage));
        if let Some(verdict) = &connection.verdict {
            assert_eq!(connection.findings.first().map(|f| &f.id), Some(&verdict.finding));
        }
        for finding in &connection.findings {
            assert!(!finding.evidence.is_empty(), "{} without evidence", finding.id);
            assert!(
                connection.ruled_out.iter().all(|excluded| excluded.finding != finding.id),
                "{} is found and ruled out",
                finding.id
            );
        }
    }
}

struct Scene {
    analyzer: Analyzer,
    flows: Vec<Flow>,
    nanos: i64,
    frames: u64,
    id: u16,
    /// The last frame, to be seen twice.
    last: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let end = |host: u8, port| Endpoint {
            mac: [2, 0, 0, 0, 0, host],
            ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
            port,
        };
        let flow = |number: u8| Flow {
            ends: [end(1 + number / 2, 50_000 + u16::from(number)), end(9, 3389)],
            next: [u32::MAX - 100 * u32::from(number), 7_000],
            said: 0,
        };
        Self {
            analyzer: Analyzer::default(),
            flows: (0..4).map(flow).collect(),
            nanos: 1_772_438_400_000_000_000,
            frames: 0,
            id: 0,
            last: Vec::new(),
        }
    }

    fn happens(&mut self, [who, what, wait, a, b, c]: [u8; 6]) {
        let (which, mut side) = (usize::from(who & 3), usize::from(who >> 2 & 1));
        let unit = if wait & 0x80 == 0 { 1_000_000 } else { 1_000_000_000 };
        let span = i64::from(wait & 0x3f) * unit;
        self.nanos += if wait & 0x40 == 0 { span } else { -span };
        let off = if who & 8 == 0 { 0 } else { u32::from_be_bytes([c & 0x80, 0, b, a]) };
        let flow = &self.flows[which];
        let mut flags = ACK;
        let mut payload = Vec::new();
        let mut options = Vec::new();
        let mut back = 0;
        match what % 14 {
            // The next message of a healthy connection, or a protected record.
            0 | 1 => match MESSAGES.get(flow.said) {
                Some((by, bytes)) => {
                    side = *by;
                    payload = bytes.to_vec();
                    self.flows[which].said += 1;
                }
                None => payload = record(23, usize::from(u16::from_be_bytes([b & 7, a]))),
            },
            2 => payload = record(c, usize::from(a)),
            3 => payload = vec![a; usize::from(b)],
            4 => payload = [a, b, c].to_vec(),
            // Sent again.
            5 => {
                back = u32::from(a) + 1;
                payload = record(23, usize::from(a));
                payload.truncate(back as usize);
            }
            // Numbers that never pass.
            6 => self.flows[which].next[side] = flow.next[side].wrapping_add(u32::from(a) << (b & 15)),
            7 => flags = ACK | FIN,
            8 => flags = RST | (a & ACK),
            9 => flags = if side == 0 { SYN } else { SYN | ACK },
            10 => {
                let left = flow.next[1 - side].wrapping_add(u32::from(a) << 4);
                let right = left.wrapping_add(u32::from(b) + 1);
                options = [&[1, 1, 5, 10][..], &left.to_be_bytes(), &right.to_be_bytes()].concat();
            }
            11 => return self.again(),
            12 => flags = a,
            _ => {}
        }
        let flow = &mut self.flows[which];
        let seq = flow.next[side].wrapping_sub(back).wrapping_add(off);
        let tcp = Tcp {
            seq,
            ack: flow.next[1 - side],
            flags,
            window: if what % 14 == 13 { u16::from(a) } else { 8_192 },
            options: &options,
            payload: &payload,
        };
        if off == 0 {
            let control = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            flow.next[side] = seq.wrapping_add(payload.len() as u32 + control);
        }
        self.id = self.id.wrapping_add(1);
        let ttl = if who & 0x20 == 0 { 128 - 7 * side as u8 } else { c };
        let mut bytes = Vec::new();
        frame::tcp(&mut bytes, &flow.ends[side], &flow.ends[1 - side], Ip { ttl, id: self.id }, &tcp);
        let cut = if who & 0x10 == 0 { 0 } else { usize::from(a) };
        self.pass(bytes, cut);
    }

    fn again(&mut self) {
        let last = std::mem::take(&mut self.last);
        self.pass(last, 0);
    }

    fn pass(&mut self, bytes: Vec<u8>, cut: usize) {
        self.frames += 1;
        self.analyzer.push(&Packet {
            frame: Frame::new(0, self.frames),
            time: CaptureTime::from_nanos(self.nanos),
            link: LinkType::ETHERNET,
            interface: 0,
            vantage: 0,
            packet_id: None,
            data: &bytes[..bytes.len().saturating_sub(cut)],
            original_len: bytes.len() as u32,
        });
        self.last = bytes;
    }
}

/// A record of `kind` whose body nobody can read.
fn record(kind: u8, length: usize) -> Vec<u8> {
    [&[kind, 3, 3][..], &(length as u16).to_be_bytes(), &vec![0xee; length]].concat()
}
