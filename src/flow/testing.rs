//! Scripted conversations for the tests of this floor: one line a packet.

use core::net::{IpAddr, Ipv4Addr};

use super::conversation::{Consumer, TcpFacts};
use super::table::{Finished, Table};
use crate::base::{At, BySide, CaptureTime, Frame, Gap, GapCause, Side};
use crate::wire::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};

pub const CLIENT: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 50_000);
pub const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 3389);
pub const CLIENT_ISN: u32 = u32::MAX - 50;
pub const SERVER_ISN: u32 = 7_000;

pub const S: u8 = TcpFlags::SYN;
pub const A: u8 = TcpFlags::ACK;
pub const F: u8 = TcpFlags::FIN;
pub const R: u8 = TcpFlags::RST;

/// What the consumer was given.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Log {
    pub bytes: BySide<Vec<u8>>,
    pub gaps: Vec<(Side, u64, GapCause)>,
    pub ended: BySide<bool>,
}

impl Consumer for Log {
    fn bytes(&mut self, side: Side, data: &[u8], _: At) {
        self.bytes.of_mut(side).extend_from_slice(data);
    }
    fn gap(&mut self, side: Side, gap: Gap) {
        self.gaps.push((side, gap.bytes, gap.cause));
    }
    fn end(&mut self, side: Side, _: At) {
        *self.ended.of_mut(side) = true;
    }
}

/// One packet: offsets count from each side's ISN, so that data begins at 1.
#[derive(Debug, Clone)]
pub struct Line {
    pub ms: f64,
    pub from: Side,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub data: Vec<u8>,
    pub ttl: u8,
    pub id: u16,
    pub window: u16,
    pub frame: u64,
    /// A block received out of order, by the other side's offsets.
    pub sack: Option<(u32, u32)>,
    /// The sender's timestamp.
    pub tsval: Option<u32>,
}

/// A packet of `from` at `ms` milliseconds.
pub fn packet(ms: f64, from: Side, flags: u8, seq: u32, ack: u32, data: &[u8]) -> Line {
    let ttl = if from == Side::Client { 128 } else { 121 };
    Line {
        ms,
        from,
        flags,
        seq,
        ack,
        data: data.to_vec(),
        ttl,
        id: ((ms * 10.0) as i64 % 60_000) as u16 + 1,
        window: 8192,
        frame: 0,
        sack: None,
        tsval: None,
    }
}

/// `line` with a timestamp.
pub fn stamped(line: Line, tsval: u32) -> Line {
    Line { tsval: Some(tsval), ..line }
}

/// The three packets of a handshake on a 10 ms path, captured at the client.
pub fn handshake() -> Vec<Line> {
    vec![
        packet(0.0, Side::Client, S, 0, 0, b""),
        packet(10.0, Side::Server, S | A, 0, 1, b""),
        packet(10.1, Side::Client, A, 1, 1, b""),
    ]
}

/// Plays a script; every connection that it makes.
pub fn play(lines: &[Line]) -> Vec<Finished<Log>> {
    play_to(lines)
}

/// The same, its bytes handed to consumers of another kind.
pub fn play_to<C: Consumer + Default>(lines: &[Line]) -> Vec<Finished<C>> {
    play_until(lines, 0.0)
}

/// The same, where the capture goes on until then.
pub fn play_until<C: Consumer + Default>(lines: &[Line], ms: f64) -> Vec<Finished<C>> {
    let time = |ms: f64| CaptureTime::from_nanos((ms * 1e6) as i64);
    let mut table = Table::<C>::default();
    for (i, line) in lines.iter().enumerate() {
        let number = if line.frame == 0 { i as u64 + 1 } else { line.frame };
        let at = At { frame: Frame::new(0, number), time: time(line.ms) };
        table.segment(&segment(line), at, 0);
    }
    let last = lines.iter().fold(ms, |last, line| last.max(line.ms));
    table.watch(time(last), 0);
    table.finish();
    table.drain().collect()
}

/// Plays a script that makes one connection.
pub fn play_one(lines: &[Line]) -> (TcpFacts, Log) {
    let mut all = play(lines);
    assert_eq!(all.len(), 1, "one connection expected");
    let one = all.remove(0);
    (*one.tcp, one.consumer)
}

/// A line as a segment.
pub fn segment(line: &Line) -> Segment<'_> {
    let (source, destination, isn, peer_isn) = match line.from {
        Side::Client => (CLIENT, SERVER, CLIENT_ISN, SERVER_ISN),
        Side::Server => (SERVER, CLIENT, SERVER_ISN, CLIENT_ISN),
    };
    Segment {
        ip: IpFacts {
            src: source.0,
            dst: destination.0,
            ttl: line.ttl,
            id: Some(line.id),
            dont_fragment: true,
            traffic_class: 0,
            flow_label: None,
            total_len: 40 + line.data.len() as u32,
            reassembled: false,
        },
        source_mac: None,
        vlan: None,
        tunnels: 0,
        tcp: TcpHeader {
            source_port: source.1,
            destination_port: destination.1,
            seq: isn.wrapping_add(line.seq),
            ack: if line.flags & A == 0 { line.ack } else { peer_isn.wrapping_add(line.ack) },
            flags: TcpFlags(line.flags),
            window: line.window,
            options: options(line, peer_isn),
        },
        payload: &line.data,
        payload_len: line.data.len() as u32,
    }
}

fn options(line: &Line, peer_isn: u32) -> TcpOptions {
    let mut options = TcpOptions::default();
    if let (Some((from, to)), Some(first)) = (line.sack, options.sack.first_mut()) {
        *first = (peer_isn.wrapping_add(from), peer_isn.wrapping_add(to));
        options.sack_count = 1;
    }
    options.timestamps = line.tsval.map(|tsval| (tsval, 0));
    options
}
