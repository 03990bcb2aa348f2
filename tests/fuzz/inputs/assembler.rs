//! One direction of a connection, beside a model that knows every byte.
//!
//! What the sender sends is a function of the place in the stream, in two
//! versions that disagree everywhere; the model notes which bytes of which
//! version passed. Whatever the order, the overlaps and the holes: each byte
//! handed on is one that passed, at its place, and what passed without a hole
//! before it is handed on.

use std::net::{IpAddr, Ipv4Addr};

use rdpwhy::base::{At, CaptureTime, Frame, Gap, GapCause, Side};
use rdpwhy::flow::{Consumer, Finished, Table};
use rdpwhy::wire::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};

const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 1), 50_000);
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 2), 3389);
/// Close to where sequence numbers begin anew.
const ISN: u32 = u32::MAX - 3_000;
/// Behind every place that an operation can name.
const REACH: usize = (1 << 16) + 255 * 8 + 1;

/// What came out, in order.
#[derive(Debug)]
enum Event {
    Bytes(Vec<u8>),
    Gap(u64, GapCause),
    End,
}

#[derive(Debug, Default)]
struct Log(Vec<Event>);

impl Consumer for Log {
    fn bytes(&mut self, side: Side, data: &[u8], _: At) {
        assert_eq!(side, Side::Client, "the server sends no data");
        self.0.push(Event::Bytes(data.to_vec()));
    }

    fn gap(&mut self, _: Side, gap: Gap) {
        self.0.push(Event::Gap(gap.bytes, gap.cause));
    }

    fn end(&mut self, side: Side, _: At) {
        if side == Side::Client {
            self.0.push(Event::End);
        }
    }
}

/// The byte at `place`, in one of the two versions.
fn truth(place: usize, version: bool) -> u8 {
    let byte = ((place as u32).wrapping_mul(0x9e37_79b1) >> 24) as u8;
    if version { !byte } else { byte }
}

/// Operations of five bytes: what (0 acknowledges, 1 ends, others send; 8
/// chooses the version, 16 cuts the packet when captured), place, length in
/// units of eight bytes, milliseconds since the last.
pub fn assembler(data: &[u8]) {
    let mut wire = Wire::default();
    wire.handshake();
    let mut passed = vec![[false; 2]; REACH];
    let mut fins = Vec::new();
    for operation in data.as_chunks::<5>().0 {
        let [what, high, low, length, wait] = *operation;
        let place = usize::from(u16::from_be_bytes([high, low]));
        let version = what & 8 != 0;
        wire.nanos += i64::from(wait) * 1_000_000;
        match what & 7 {
            0 => wire.send(Side::Server, TcpFlags::ACK, 1, place as u32 + 1, &[], 0),
            1 => {
                fins.push(place);
                wire.send(Side::Client, TcpFlags::ACK | TcpFlags::FIN, place as u32 + 1, 1, &[], 0);
            }
            _ => {
                let length = usize::from(length) * 8;
                let captured = if what & 16 == 0 { length } else { length / 2 };
                let bytes: Vec<u8> = (place..place + captured).map(|place| truth(place, version)).collect();
                passed[place..place + captured].iter_mut().for_each(|seen| seen[usize::from(version)] = true);
                wire.send(Side::Client, TcpFlags::ACK, place as u32 + 1, 1, &bytes, length as u32);
            }
        }
    }
    let finished = wire.finish();
    let [Finished { consumer, .. }] = &finished[..] else { panic!("{} connections", finished.len()) };
    check(&consumer.0, &passed, &fins);
}

fn check(events: &[Event], passed: &[[bool; 2]], fins: &[usize]) {
    let (mut place, mut limited) = (0, false);
    for event in events {
        match event {
            Event::Bytes(bytes) => {
                for byte in bytes {
                    let known = passed[place];
                    assert!(
                        known[0] && *byte == truth(place, false) || known[1] && *byte == truth(place, true),
                        "a byte at {place} that never passed"
                    );
                    place += 1;
                }
            }
            Event::Gap(bytes, cause) => {
                assert_ne!(*cause, GapCause::LateStart, "the handshake was seen");
                limited |= *cause == GapCause::Limit;
                place += *bytes as usize;
            }
            Event::End => assert!(fins.iter().any(|fin| *fin <= place), "an end before its place"),
        }
    }
    let whole = passed.iter().position(|seen| !seen[0] && !seen[1]).unwrap_or(passed.len());
    assert!(limited || place >= whole, "{whole} bytes passed without a hole, {place} were handed on");
}

/// Hands segments to the table.
#[derive(Default)]
struct Wire {
    table: Table<Log>,
    number: u64,
    nanos: i64,
}

impl Wire {
    fn handshake(&mut self) {
        self.send(Side::Client, TcpFlags::SYN, 0, 0, &[], 0);
        self.send(Side::Server, TcpFlags::SYN | TcpFlags::ACK, 0, 1, &[], 0);
        self.send(Side::Client, TcpFlags::ACK, 1, 1, &[], 0);
    }

    fn send(&mut self, from: Side, flags: u8, seq: u32, ack: u32, payload: &[u8], payload_len: u32) {
        self.number += 1;
        let (source, destination, isn, peer_isn) = match from {
            Side::Client => (CLIENT, SERVER, ISN, 7),
            Side::Server => (SERVER, CLIENT, 7, ISN),
        };
        let ip = IpFacts {
            src: IpAddr::V4(source.0),
            dst: IpAddr::V4(destination.0),
            ttl: 64,
            id: Some(self.number as u16),
            dont_fragment: true,
            traffic_class: 0,
            flow_label: None,
            total_len: 40 + payload_len,
            reassembled: false,
        };
        let tcp = TcpHeader {
            source_port: source.1,
            destination_port: destination.1,
            seq: isn.wrapping_add(seq),
            ack: if flags & TcpFlags::ACK == 0 { 0 } else { peer_isn.wrapping_add(ack) },
            flags: TcpFlags(flags),
            window: 8192,
            options: TcpOptions::default(),
        };
        let segment = Segment { ip, source_mac: None, vlan: None, tunnels: 0, tcp, payload, payload_len };
        let at = At { frame: Frame::new(0, self.number), time: CaptureTime::from_nanos(self.nanos) };
        self.table.segment(&segment, at, 0);
    }

    fn finish(mut self) -> Vec<Finished<Log>> {
        self.table.finish();
        self.table.drain().collect()
    }
}
