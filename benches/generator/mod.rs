//! Remote Desktop traffic at any scale, the same on every run.
//!
//! Many connections take turns in the order of time; one that ends makes room
//! for the next. Only the connections under way are in memory. Nothing here is
//! shared with the code under test.

mod background;
mod connection;
mod container;
mod dice;
mod frame;
mod rdp;
mod tls;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use background::{Transfer, Web};
use connection::{Connection, MILLISECOND, SECOND, Script, Stack};
pub use container::Container;
use dice::Dice;
use frame::{Endpoint, Ip};
use rdp::{Desktop, Rdp, Scan};

/// 2 March 2026, 08:00 UTC.
const START: u64 = 1_772_438_400 * SECOND;
/// A segment is lost once in so many, on a good network.
const LOSS: u64 = 2_500;
const RDP_PORT: u16 = 3389;

/// What kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RDP sessions with moving screens: mostly full segments.
    Heavy,
    /// A company's traffic, of which 3 % of the packets are RDP.
    Mixed,
    /// RDP sessions of people who type: small packets only.
    Small,
    /// Connections that die young.
    Scan,
}

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub kind: Kind,
    pub container: Container,
    /// The capture ends with the packet that reaches this many bytes.
    pub bytes: u64,
    pub seed: u64,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Size of the file.
    pub bytes: u64,
    pub packets: u64,
    /// Packets from or to port 3389.
    pub rdp_packets: u64,
    /// Bytes of all frames.
    pub frame_bytes: u64,
    /// TCP connections begun.
    pub connections: u64,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 4] =
        [("heavy", Self::Heavy), ("mixed", Self::Mixed), ("small", Self::Small), ("scan", Self::Scan)];

    /// Bytes of a usual connection, which decides how many run at once.
    fn connection_size(self) -> u64 {
        match self {
            Self::Heavy | Self::Small => 200_000,
            Self::Mixed => 50_000,
            Self::Scan => 500,
        }
    }
}

/// Makes the whole capture.
pub fn write(plan: &Plan, out: &mut impl Write) -> io::Result<Totals> {
    let mut traffic = Traffic::new(plan);
    let mut totals = Totals::default();
    plan.container.begin(out)?;
    let mut frame = Vec::with_capacity(2_048);
    while totals.bytes < plan.bytes {
        let (time, rdp) = traffic.next(&mut frame);
        totals.bytes += plan.container.packet(out, time, &frame)?;
        totals.packets += 1;
        totals.rdp_packets += u64::from(rdp);
        totals.frame_bytes += frame.len() as u64;
    }
    totals.connections = traffic.begun;
    Ok(totals)
}

/// The packets of all connections in the order of time.
struct Traffic {
    kind: Kind,
    seed: u64,
    dice: Dice,
    begun: u64,
    /// Packets so far, and those of RDP among them.
    packets: (u64, u64),
    slots: Vec<Slot>,
    /// When each slot speaks next.
    turns: BinaryHeap<Reverse<(u64, usize)>>,
    resolver: Resolver,
}

struct Slot {
    connection: Connection,
    rdp: bool,
}

impl Traffic {
    fn new(plan: &Plan) -> Self {
        let at_once = (plan.bytes / plan.kind.connection_size() / 12).clamp(8, 512);
        let mut traffic = Self {
            kind: plan.kind,
            seed: plan.seed,
            dice: Dice::new(plan.seed, u64::MAX),
            begun: 0,
            packets: (0, 0),
            slots: Vec::new(),
            turns: BinaryHeap::new(),
            resolver: Resolver::default(),
        };
        for slot in 0..at_once as usize {
            let start = START + traffic.dice.between(0, 2 * SECOND);
            let (time, begun) = traffic.begin(start);
            traffic.slots.push(begun);
            traffic.turns.push(Reverse((time, slot)));
        }
        traffic
    }

    /// Writes the next frame; gives its time, and whether it is RDP.
    fn next(&mut self, frame: &mut Vec<u8>) -> (u64, bool) {
        self.packets.0 += 1;
        let Some(Reverse((time, slot))) = self.turns.pop() else { unreachable!("a slot is refilled when it ends") };
        if self.kind == Kind::Mixed && self.dice.one_in(12) {
            self.turns.push(Reverse((time, slot)));
            self.resolver.packet(&mut self.dice, frame);
            return (time, false);
        }
        let place = &mut self.slots[slot];
        place.connection.packet(frame);
        let rdp = place.rdp;
        self.packets.1 += u64::from(rdp);
        let next = place.connection.next_time().unwrap_or_else(|| {
            let pause = self.dice.between(MILLISECOND, 300 * MILLISECOND);
            let (start, begun) = self.begin(time + pause);
            self.slots[slot] = begun;
            start
        });
        self.turns.push(Reverse((next.max(time), slot)));
        (time, rdp)
    }

    fn begin(&mut self, start: u64) -> (u64, Slot) {
        let number = self.begun;
        self.begun += 1;
        let mut dice = Dice::new(self.seed, number);
        let (script, port): (Box<dyn Script>, u16) = match self.kind {
            Kind::Heavy => {
                let bursts = dice.between(1, 26);
                (Box::new(Rdp::new(Desktop::Graphics, bursts, &mut dice)), RDP_PORT)
            }
            Kind::Small => {
                let bursts = dice.between(400, 1_600);
                (Box::new(Rdp::new(Desktop::Typing, bursts, &mut dice)), RDP_PORT)
            }
            Kind::Scan => (Box::new(Scan::new(&mut dice)), RDP_PORT),
            // Whenever RDP falls behind its share, a session begins.
            Kind::Mixed if self.packets.1 * 100 < self.packets.0 * 3 && number.is_multiple_of(4) => {
                let bursts = dice.between(1, 8);
                (Box::new(Rdp::new(Desktop::Graphics, bursts, &mut dice)), RDP_PORT)
            }
            Kind::Mixed if dice.one_in(60) => (Box::new(Transfer::new(&mut dice)), 445),
            Kind::Mixed => (Box::new(Web::new(&mut dice)), 443),
        };
        let ends = ends(number, port, &mut dice);
        let mut connection = Connection::new(ends, script, dice, start, LOSS);
        let time = connection.next_time().unwrap_or(start);
        (time, Slot { connection, rdp: port == RDP_PORT })
    }
}

/// Client and server of the connection with this number; no two are alike, for
/// the first 2^36 of them. Every eighth speaks IPv6.
fn ends(number: u64, port: u16, dice: &mut Dice) -> [(Endpoint, Stack); 2] {
    let host = number % (1 << 22);
    let [_, _, _, _, _, a, b, c] = host.to_be_bytes();
    let client_port = 49_152 + ((number >> 22) % 16_384) as u16;
    let server = dice.between(1, 250) as u8;
    let (client_ip, server_ip): (IpAddr, IpAddr) = if number % 8 == 7 {
        let client = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, u16::from(a), u16::from(b), u16::from(c));
        (client.into(), Ipv6Addr::new(0xfd00, 0, 0, 2, 0, 0, 0, u16::from(server)).into())
    } else {
        // Up to 10.63.255.255, so that servers are apart.
        (Ipv4Addr::new(10, a, b, c).into(), Ipv4Addr::new(10, 200, 0, server).into())
    };
    let windows = Stack { ttl: 128, timestamps: false };
    let linux = Stack { ttl: 64, timestamps: true };
    let client = Endpoint { mac: [0x02, 0, 0, a, b, c], ip: client_ip, port: client_port };
    // Servers stand three routers behind the capture. Each is one host, which
    // answers, and refuses, in its own way: another TTL would be another device's.
    let server_stack =
        if server.is_multiple_of(6) { Stack { ttl: 61, ..linux } } else { Stack { ttl: 125, ..windows } };
    let server = Endpoint { mac: [0x02, 0xff, 0, 0, 0, 1], ip: server_ip, port };
    [(client, if dice.one_in(5) { linux } else { windows }), (server, server_stack)]
}

/// Questions to a name server, each followed by its answer (RFC 1035, 4.1).
#[derive(Default)]
struct Resolver {
    id: u16,
    asked: Option<Endpoint>,
}

impl Resolver {
    fn packet(&mut self, dice: &mut Dice, frame: &mut Vec<u8>) {
        let server = Endpoint { mac: [0x02, 0xff, 0, 0, 0, 1], ip: Ipv4Addr::new(10, 200, 1, 53).into(), port: 53 };
        let mut message = Vec::new();
        let question = b"\x03www\x07example\x00\x00\x01\x00\x01";
        if let Some(client) = self.asked.take() {
            message.extend_from_slice(&self.id.to_be_bytes());
            message.extend_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            message.extend_from_slice(question);
            message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);
            frame::udp(frame, &server, &client, Ip { ttl: 61, id: self.id }, &message);
        } else {
            self.id = self.id.wrapping_add(1);
            let host = dice.between(1, 250) as u8;
            let ip = Ipv4Addr::new(10, 0, 0, host).into();
            let client = Endpoint { mac: [0x02, 0, 0, 0, 0, host], ip, port: dice.between(49_152, 65_535) as u16 };
            self.asked = Some(client);
            message.extend_from_slice(&self.id.to_be_bytes());
            message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            message.extend_from_slice(question);
            frame::udp(frame, &client, &server, Ip { ttl: 128, id: self.id }, &message);
        }
    }
}
