//! Connections as text, for the tests of rules: the scripts of the session
//! floor, sent as segments through the flow floor, so that rules see what a
//! capture would give them.

use core::net::{IpAddr, Ipv4Addr};

use super::link::{Link, Opener};
use super::{Diagnosis, Outcome, diagnose};
use crate::base::{At, BySide, CaptureTime, Frame, Side, Span};
use crate::flow::{EndKind, Endpoint, Table};
use crate::session::tests::script::{Event, events};
use crate::session::{Session, Stage};
use crate::wire::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};

pub const ACK: u8 = TcpFlags::ACK;
pub const FIN: u8 = TcpFlags::FIN | TcpFlags::ACK;
pub const RST: u8 = TcpFlags::RST | TcpFlags::ACK;

/// One connection: its handshake, the messages of `script`, and then the
/// packets of `close`, each some milliseconds after the one before.
pub fn diagnosed(script: &str, close: &[(u32, Side, u8)]) -> Diagnosis {
    let mut play = Play::default();
    let start = CaptureTime::from_nanos(0);
    play.send(start, Side::Client, TcpFlags::SYN, &[]);
    play.send(start, Side::Server, TcpFlags::SYN | ACK, &[]);
    play.send(start, Side::Client, ACK, &[]);
    let mut now = start;
    for (at, event) in events(script) {
        now = at.time;
        match event {
            Event::Bytes(side, bytes) => {
                play.send(now, side, ACK, &bytes);
                play.send(now, side.other(), ACK, &[]);
            }
            // The receiver acknowledges what the capture does not have.
            Event::Gap(side, bytes, _) => {
                *play.sent.of_mut(side) += bytes as u32;
                play.send(now, side.other(), ACK, &[]);
            }
            Event::End(_) | Event::Swap => panic!("not in these scripts"),
        }
    }
    for &(after, side, flags) in close {
        now = now + Span::from_millis(after.into());
        play.send(now, side, flags, &[]);
    }
    play.diagnose()
}

/// What is said of the end: the verdict's id and its certainty, or `none`.
pub fn verdict(script: &str, close: &[(u32, Side, u8)]) -> String {
    match diagnosed(script, close).verdict() {
        Some(finding) => format!("{} {:?}", finding.id, finding.certainty),
        None => "none".to_owned(),
    }
}

/// Whether `id` is among the findings.
pub fn finds(id: &str, script: &str, close: &[(u32, Side, u8)]) -> bool {
    diagnosed(script, close).findings.iter().any(|finding| finding.id == id)
}

/// A summary: a connection from `start_s` to `end_s`, each in seconds, that
/// reached the desktop at once.
pub fn link(id: u32, start_s: i64, end_s: i64) -> Link {
    let time = |s: i64| CaptureTime::from_parts(s, 0);
    let ip = |n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n));
    Link {
        id,
        client: Endpoint { ip: ip(1), port: 50_000 + id as u16 },
        server: Endpoint { ip: ip(2), port: 3389 },
        start: time(start_s),
        end: time(end_s),
        first: At { frame: Frame::new(0, u64::from(id) + 1), time: time(start_s) },
        isns: BySide::default(),
        open_until: time(end_s),
        desktop: Some(time(start_s)),
        server_answered: true,
        is_sound: true,
        opener: Opener::default(),
        outcome: Outcome::Active,
        stage: Stage::Active,
        how: EndKind::Fin,
        verdict: None,
        certainty: None,
        leaves_open: false,
        sentence: format!("connection {id}."),
    }
}

#[derive(Default)]
struct Play {
    table: Table<Session>,
    frames: u64,
    sent: BySide<u32>,
}

impl Play {
    fn send(&mut self, time: CaptureTime, side: Side, flags: u8, payload: &[u8]) {
        self.frames += 1;
        let host = |side| match side {
            Side::Client => (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 50_000),
            Side::Server => (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 3389),
        };
        let ((src, source_port), (dst, destination_port)) = (host(side), host(side.other()));
        let segment = Segment {
            ip: IpFacts {
                src,
                dst,
                ttl: if side == Side::Client { 128 } else { 121 },
                id: Some(self.frames as u16),
                dont_fragment: true,
                traffic_class: 0,
                flow_label: None,
                total_len: 40 + payload.len() as u32,
                reassembled: false,
            },
            source_mac: None,
            vlan: None,
            tunnels: 0,
            tcp: TcpHeader {
                source_port,
                destination_port,
                seq: *self.sent.of(side),
                ack: *self.sent.of(side.other()),
                flags: TcpFlags(flags),
                window: if flags & TcpFlags::RST == 0 { 8192 } else { 0 },
                options: TcpOptions::default(),
            },
            payload,
            payload_len: payload.len() as u32,
        };
        self.table.segment(&segment, At { frame: Frame::new(0, self.frames), time }, 0);
        let occupies_a_number = flags & (TcpFlags::SYN | TcpFlags::FIN) != 0;
        *self.sent.of_mut(side) += payload.len() as u32 + u32::from(occupies_a_number);
    }

    fn diagnose(mut self) -> Diagnosis {
        self.table.finish();
        let mut all: Vec<_> = self.table.drain().collect();
        assert_eq!(all.len(), 1, "one connection");
        let one = all.remove(0);
        diagnose(&one.tcp, &one.consumer.into_facts(), false)
    }
}
