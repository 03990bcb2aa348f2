//! For tests: captures written independently of what reads them.

use std::io::Read;

use super::{Capture, CaptureInfo, CaptureOptions, Packet, from_reader};
use crate::base::{CaptureId, CaptureTime};

/// What a test compares of a packet: number, nanoseconds, link type,
/// interface, packet id, bytes, original length.
pub(super) type Got = (u64, i64, u32, u32, Option<u64>, Vec<u8>, u32);

/// A packet to be written: nanoseconds, bytes, original length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) nanos: i64,
    pub(super) data: Vec<u8>,
    pub(super) original: u32,
}

/// `n` packets, each unlike the others, one a millisecond from some day in 2026.
pub(super) fn packets(n: usize) -> Vec<Sent> {
    (0..n)
        .map(|i| {
            let data: Vec<u8> = (0..40 + i * 7 % 90).map(|j| (i * 31 + j * 17) as u8).collect();
            let nanos = (1_792_000_000_000 + i as i64) * 1_000_000;
            Sent { nanos, original: data.len() as u32 + (i as u32 % 3), data }
        })
        .collect()
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct In {
    pub(super) big: bool,
}

impl In {
    pub(super) fn u16(self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn u32(self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub(super) fn u64(self, n: u64) -> [u8; 8] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    /// A pcap; `magic` tells the variant.
    pub(super) fn pcap(self, magic: u32, snap_len: u32, link: u32, packets: &[Sent]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.u32(magic));
        out.extend(self.u16(2));
        out.extend(self.u16(4));
        out.extend([0; 8]);
        out.extend(self.u32(snap_len));
        out.extend(self.u32(link));
        if matches!(magic, 0x1c00_01ab | 0x1c00_01ac) {
            out.extend([0; 4]);
        }
        let unit = if matches!(magic, 0xa1b2_3c4d | 0x1c00_01ac) { 1 } else { 1_000 };
        for packet in packets {
            out.extend(self.u32((packet.nanos / 1_000_000_000) as u32));
            out.extend(self.u32((packet.nanos % 1_000_000_000 / unit) as u32));
            out.extend(self.u32(packet.data.len() as u32));
            out.extend(self.u32(packet.original));
            if magic == 0xa1b2_cd34 {
                out.extend([1, 2, 3, 4, 5, 6, 7, 8]);
            }
            out.extend(&packet.data);
        }
        out
    }

    /// A pcapng block around `body`, which is padded.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let len = (12 + body.len().next_multiple_of(4)) as u32;
        let mut out = Vec::new();
        out.extend(self.u32(kind));
        out.extend(self.u32(len));
        out.extend(body);
        out.resize(len as usize - 4, 0);
        out.extend(self.u32(len));
        out
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.u16(code));
        out.extend(self.u16(value.len() as u16));
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    pub(super) fn section(self, options: &[u8]) -> Vec<u8> {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        body.extend(options);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
        let mut body = self.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.u32(snap_len));
        body.extend(options);
        self.block(1, &body)
    }

    /// An Enhanced Packet Block whose clock counts `unit` nanoseconds.
    pub(super) fn enhanced(self, interface: u32, unit: i64, packet: &Sent, options: &[u8]) -> Vec<u8> {
        let ticks = (packet.nanos / unit) as u64;
        let mut body = self.u32(interface).to_vec();
        body.extend(self.u32((ticks >> 32) as u32));
        body.extend(self.u32(ticks as u32));
        body.extend(self.u32(packet.data.len() as u32));
        body.extend(self.u32(packet.original));
        body.extend(&packet.data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }

    /// The plainest pcapng: one section, one Ethernet interface, microseconds.
    pub(super) fn pcapng(self, packets: &[Sent]) -> Vec<u8> {
        let mut out = self.section(&[]);
        out.extend(self.interface(1, 0, &[]));
        for packet in packets {
            out.extend(self.enhanced(0, 1_000, packet, &[]));
        }
        out
    }
}

/// A snoop file with Ethernet frames.
pub(super) fn snoop(packets: &[Sent]) -> Vec<u8> {
    let mut out = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
    for packet in packets {
        let padding = packet.data.len().next_multiple_of(4) - packet.data.len();
        let record = 24 + packet.data.len() + padding;
        let seconds = packet.nanos / 1_000_000_000;
        let micros = packet.nanos % 1_000_000_000 / 1_000;
        for field in [packet.original, packet.data.len() as u32, record as u32, 7, seconds as u32, micros as u32] {
            out.extend(field.to_be_bytes());
        }
        out.extend(&packet.data);
        out.resize(out.len() + padding, 0);
    }
    out
}

/// A NetMon 2.3 file with Ethernet frames, the table at its end.
pub(super) fn netmon(packets: &[Sent]) -> Vec<u8> {
    let mut out = b"GMBU\x03\x02\x01\0".to_vec();
    out.resize(128, 0);
    let mut table = Vec::new();
    for packet in packets {
        table.extend((out.len() as u32).to_le_bytes());
        out.extend([0; 8]);
        out.extend(packet.original.to_le_bytes());
        out.extend((packet.data.len() as u32).to_le_bytes());
        out.extend(&packet.data);
        out.extend([1, 0, 0, 0, 0, 0]);
        out.extend((packet.nanos / 100 + 116_444_736_000_000_000).to_le_bytes());
        out.push(0);
    }
    let at = (out.len() as u32).to_le_bytes();
    out[24..28].copy_from_slice(&at);
    out[28..32].copy_from_slice(&(table.len() as u32).to_le_bytes());
    out.extend(table);
    out
}

/// Gives `bytes` in pieces of the sizes in `sizes`, over and over.
pub(super) struct Dribble {
    bytes: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl Dribble {
    pub(super) fn new(bytes: Vec<u8>, sizes: Vec<usize>) -> Self {
        Self { bytes, at: 0, sizes, turn: 0 }
    }
}

impl Read for Dribble {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].max(1);
        self.turn += 1;
        let n = size.min(into.len()).min(self.bytes.len() - self.at);
        into[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Opens `bytes` as a pipe.
pub(super) fn piped(bytes: &[u8]) -> Capture {
    from_reader("-", Box::new(std::io::Cursor::new(bytes.to_vec())), CaptureId(0), &CaptureOptions::default()).unwrap()
}

/// Reads all packets.
pub(super) fn read_all(mut capture: Capture) -> (Vec<Got>, CaptureInfo) {
    let mut got = Vec::new();
    while let Some(packet) = capture.next_packet().unwrap() {
        got.push(kept(&packet));
    }
    assert!(capture.next_packet().unwrap().is_none());
    (got, capture.into_info())
}

/// The same, where one packet is asked for and runs of at most `most` are given.
pub(super) fn read_in_runs(mut capture: Capture, most: usize) -> (Vec<Got>, CaptureInfo) {
    let mut got = Vec::new();
    while let Some(packet) = capture.next_packet().unwrap() {
        got.push(kept(&packet));
        let before = got.len();
        let mut take = |packet: &Packet<'_>| {
            got.push(kept(packet));
            got.len() < before + most
        };
        capture.run(CaptureTime::from_nanos(i64::MAX), 0, &mut take).unwrap();
        assert!(got.len() <= before + most);
    }
    (got, capture.into_info())
}

fn kept(p: &Packet<'_>) -> Got {
    (p.frame.number, p.time.nanos(), p.link.0, p.interface, p.packet_id, p.data.to_vec(), p.original_len)
}

/// Reads `bytes` as a pipe.
pub(super) fn read(bytes: &[u8]) -> (Vec<Got>, CaptureInfo) {
    read_all(piped(bytes))
}

/// What reading `sent` must give, on Ethernet and interface 0.
pub(super) fn expected(sent: &[Sent]) -> Vec<Got> {
    let number = |(i, p): (usize, &Sent)| (i as u64 + 1, p.nanos, 1, 0, None, p.data.clone(), p.original);
    sent.iter().enumerate().map(number).collect()
}

/// The notice ids of `info`.
pub(super) fn notices(info: &CaptureInfo) -> Vec<&'static str> {
    info.notices.list().iter().map(|n| n.kind.0).collect()
}
