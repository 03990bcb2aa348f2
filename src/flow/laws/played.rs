//! A session as it may be played and captured: what happens, and the frames that
//! come of it.

use proptest::prelude::*;

use crate::base::{BySide, Side};
use crate::flow::testing::{A, CLIENT, CLIENT_ISN, F, R, S, SERVER, SERVER_ISN};
use crate::wire;

use Side::{Client, Server};

const P: u8 = wire::TcpFlags::PSH;

/// One thing that happens. Most are what sessions consist of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Data of this length, and the newest acknowledgment where the flag is set.
    Say(Side, u16, bool),
    /// An acknowledgment, also where there is nothing new to acknowledge.
    Acknowledge(Side),
    /// An acknowledgment of half of what is new.
    Half(Side),
    /// The last packet once more, so many microseconds later.
    Copy(u16),
    /// Data sent so many packets ago, sent again.
    Again(u8),
    /// The next packet of this side is not captured.
    Miss(Side, u16),
    /// The last two packets change places.
    Overtake,
    /// The byte before the next one.
    KeepAlive(Side),
    /// The window, from now on, told at once.
    Window(Side, u16),
    /// The same, told by whatever comes next.
    Room(Side, u16),
    /// The next file of a ring: its frames are counted from this number.
    File(u8),
    /// The TTL of the next packet only.
    Hop(Side),
    /// Identifications go on so much further.
    Skip(Side, u16),
    /// Data or an acknowledgment far beyond.
    Leap(Side),
    Beyond(Side),
    /// A block behind a hole.
    Selective(Side, u16),
    /// Nothing for so many milliseconds.
    Silence(u16),
    /// The clock is set back.
    Back,
    /// With timestamps from now on, or without.
    Timestamps,
    Urgent(Side),
    Cut(Side, u16),
    Finish(Side),
    Reset(Side),
    StrayReset(Side),
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Client, Server])
}

pub(super) fn act(oddities: u32) -> impl Strategy<Value = Act> {
    let session = prop_oneof![
        30 => (side(), prop_oneof![1u16..200, Just(1_000)], any::<bool>()).prop_map(|(s, n, now)| Act::Say(s, n, now)),
        20 => side().prop_map(Act::Acknowledge),
        3 => side().prop_map(Act::Half),
        4 => (side(), prop_oneof![1u16..2_000, 1..=u16::MAX]).prop_map(|(s, n)| Act::Room(s, n)),
        1 => (100u16..2_000).prop_map(Act::Silence),
    ];
    let odd = prop_oneof![
        (0u16..2_000).prop_map(Act::Copy),
        (1u8..20).prop_map(Act::Again),
        (side(), 1u16..500).prop_map(|(s, n)| Act::Miss(s, n)),
        Just(Act::Overtake),
        side().prop_map(Act::KeepAlive),
        (side(), prop_oneof![Just(0), Just(500), any::<u16>()]).prop_map(|(s, n)| Act::Window(s, n)),
        side().prop_map(Act::Hop),
        (side(), prop_oneof![Just(0), Just(2), 1u16..40, any::<u16>()]).prop_map(|(s, n)| Act::Skip(s, n)),
        side().prop_map(Act::Leap),
        side().prop_map(Act::Beyond),
        (side(), 1u16..500).prop_map(|(s, n)| Act::Selective(s, n)),
        (1u16..2_000).prop_map(Act::Silence),
        Just(Act::Back),
        any::<u8>().prop_map(Act::File),
        Just(Act::Timestamps),
        side().prop_map(Act::Urgent),
        (side(), 20u16..400).prop_map(|(s, n)| Act::Cut(s, n)),
        prop_oneof![
            4 => side().prop_map(Act::StrayReset),
            1 => side().prop_map(Act::Finish),
            1 => side().prop_map(Act::Reset),
        ],
    ];
    prop_oneof![100 => session, oddities => odd]
}

/// One end, as it writes its packets.
struct Peer {
    next: u32,
    /// What of the other side it has acknowledged.
    heard: u32,
    id: u16,
    window: u16,
    ttl: u8,
}

/// A captured frame.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    pub(super) len: u32,
    pub(super) nanos: i64,
    pub(super) file: (u32, u64),
}

pub(super) struct Stage {
    peers: BySide<Peer>,
    now: i64,
    timestamps: bool,
    is_v6: bool,
    pub(super) frames: Vec<Captured>,
    /// The file that is written, and the number of its next frame.
    file: (u32, u64),
    /// Data sent: who, sequence number, length.
    sent: Vec<(Side, u32, u16)>,
}

impl Stage {
    pub(super) fn new(is_v6: bool) -> Self {
        let peer = |next: u32, heard, ttl| Peer { next, heard, id: 60_000, window: 8_192, ttl };
        Self {
            peers: BySide { client: peer(CLIENT_ISN, SERVER_ISN, 128), server: peer(SERVER_ISN, CLIENT_ISN, 121) },
            now: 0,
            timestamps: false,
            is_v6,
            frames: Vec::new(),
            file: (0, 1),
            sent: Vec::new(),
        }
    }

    pub(super) fn open(&mut self) {
        let handshake = [(Client, S, 0), (Server, S | A, 1), (Client, A, 1)];
        for (side, flags, acknowledges) in handshake {
            let isn = if side == Client { SERVER_ISN } else { CLIENT_ISN };
            let seq = self.peers.of(side).next;
            self.write(side, flags, seq, isn.wrapping_add(acknowledges), 0, None);
            if flags & S != 0 {
                self.peers.of_mut(side).next = seq.wrapping_add(1);
            }
        }
        for side in Side::BOTH {
            self.peers.of_mut(side).heard = self.peers.of(side.other()).next;
        }
    }

    fn write(&mut self, side: Side, flags: u8, seq: u32, ack: u32, len: u16, sack: Option<(u32, u32)>) {
        self.now += 3_000_000;
        let peer = self.peers.of_mut(side);
        peer.id = peer.id.wrapping_add(1);
        let ((source, source_port), (destination, destination_port)) =
            if side == Client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let mut options = Vec::new();
        if flags & S != 0 {
            options.extend([2, 4, 5, 0xb4, 1, 3, 3, 7]);
        }
        if self.timestamps {
            let value = (self.now / 1_000_000) as u32;
            options.extend([1, 1, 8, 10]);
            options.extend(value.to_be_bytes().into_iter().chain((value / 2).to_be_bytes()));
        }
        if let Some((from, to)) = sack {
            options.extend([1, 1, 5, 10]);
            options.extend(from.to_be_bytes().into_iter().chain(to.to_be_bytes()));
        }
        let data = (0..len).map(|n| (n ^ seq as u16) as u8);
        let behind = 20 + options.len() as u16 + len;
        let mut bytes = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, side as u8];
        if self.is_v6 {
            // The hop tells the flow label as well.
            bytes.extend([0x86, 0xdd, 0x60, 0, peer.ttl, 7]);
            bytes.extend(behind.to_be_bytes().into_iter().chain([6, peer.ttl]));
        } else {
            bytes.extend([8, 0, 0x45, 0]);
            bytes.extend((behind + 20).to_be_bytes().into_iter().chain(peer.id.to_be_bytes()));
            bytes.extend([0x40, 0, peer.ttl, 6, 0, 0]);
        }
        for ip in [source, destination] {
            let core::net::IpAddr::V4(ip) = ip else { continue };
            if self.is_v6 {
                bytes.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            bytes.extend(ip.octets());
        }
        bytes.extend(source_port.to_be_bytes().into_iter().chain(destination_port.to_be_bytes()));
        bytes.extend(seq.to_be_bytes().into_iter().chain(ack.to_be_bytes()));
        bytes.extend([(5 + options.len() as u8 / 4) << 4, flags]);
        bytes.extend(peer.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.extend(data);
        let len = bytes.len() as u32;
        self.capture(Captured { bytes, len, nanos: self.now, file: self.file });
    }

    fn capture(&mut self, frame: Captured) {
        self.frames.push(Captured { file: self.file, ..frame });
        self.file.1 += 1;
    }

    fn say(&mut self, side: Side, flags: u8, len: u16) {
        let Peer { next: seq, heard, .. } = *self.peers.of(side);
        self.write(side, flags, seq, heard, len, None);
        self.sent.push((side, seq, len));
        self.peers.of_mut(side).next = seq.wrapping_add(len.into());
    }

    fn acknowledge(&mut self, side: Side, ack: u32) {
        self.peers.of_mut(side).heard = ack;
        let seq = self.peers.of(side).next;
        self.write(side, A, seq, ack, 0, None);
    }

    pub(super) fn play(&mut self, act: Act) {
        let newest = |stage: &Self, side: Side| stage.peers.of(side.other()).next;
        match act {
            Act::Say(side, len, now) => {
                if now {
                    self.peers.of_mut(side).heard = newest(self, side);
                }
                self.say(side, A | if len % 2 == 0 { P } else { 0 }, len);
            }
            Act::Acknowledge(side) => self.acknowledge(side, newest(self, side)),
            Act::Half(side) => {
                let heard = self.peers.of(side).heard;
                let half = newest(self, side).wrapping_sub(heard) / 2;
                self.acknowledge(side, heard.wrapping_add(half));
            }
            Act::Copy(micros) => {
                if let Some(mut copy) = self.frames.last().cloned() {
                    self.now += i64::from(micros) * 1_000;
                    copy.nanos = self.now;
                    self.capture(copy);
                }
            }
            Act::Again(back) => {
                if let Some((side, seq, len)) = self.sent.iter().rev().nth(back.into()).copied() {
                    let heard = self.peers.of(side).heard;
                    self.write(side, A | P, seq, heard, len, None);
                }
            }
            Act::Miss(side, len) => {
                self.say(side, A, len);
                self.frames.pop();
            }
            Act::Overtake => {
                if let [.., a, b] = self.frames.as_mut_slice() {
                    core::mem::swap(&mut a.bytes, &mut b.bytes);
                    core::mem::swap(&mut a.len, &mut b.len);
                }
            }
            Act::KeepAlive(side) => {
                let Peer { next, heard, .. } = *self.peers.of(side);
                self.write(side, A, next.wrapping_sub(1), heard, 0, None);
            }
            Act::Window(side, window) => {
                self.peers.of_mut(side).window = window;
                self.acknowledge(side, self.peers.of(side).heard);
            }
            Act::Room(side, window) => self.peers.of_mut(side).window = window,
            // Whatever is fed to it: numbers may go on from the file before.
            Act::File(number) => self.file = (self.file.0 + 1, u64::from(number) * 20 + 1),
            Act::Hop(side) => {
                self.peers.of_mut(side).ttl -= 1;
                self.say(side, A | P, 10);
                self.peers.of_mut(side).ttl += 1;
            }
            Act::Skip(side, ids) => {
                let id = self.peers.of(side).id;
                // 0 and 1 are a sender that does not count.
                self.peers.of_mut(side).id = if ids < 2 { ids.wrapping_sub(1) } else { id.wrapping_add(ids) };
            }
            Act::Leap(side) => {
                let Peer { next, heard, .. } = *self.peers.of(side);
                self.write(side, A, next.wrapping_add(5 << 20), heard, 7, None);
            }
            Act::Beyond(side) => {
                let Peer { next, heard, .. } = *self.peers.of(side);
                self.write(side, A, next, heard.wrapping_add(3 << 29), 0, None);
            }
            Act::Selective(side, len) => {
                let Peer { next, heard, .. } = *self.peers.of(side);
                let from = heard.wrapping_add(100);
                self.write(side, A, next, heard, 0, Some((from, from.wrapping_add(len.into()))));
            }
            Act::Silence(ms) => self.now += i64::from(ms) * 1_000_000,
            Act::Back => self.now -= 20_000_000,
            Act::Timestamps => self.timestamps = !self.timestamps,
            Act::Urgent(side) => self.say(side, A | wire::TcpFlags::URG, 3),
            Act::Cut(side, len) => {
                self.say(side, A, len);
                if let Some(frame) = self.frames.last_mut() {
                    frame.bytes.truncate(80);
                }
            }
            Act::Finish(side) => {
                self.say(side, A | F, 0);
                let peer = self.peers.of_mut(side);
                peer.next = peer.next.wrapping_add(1);
            }
            Act::Reset(side) => {
                let Peer { next, heard, .. } = *self.peers.of(side);
                self.write(side, R | A, next, heard, 0, None);
            }
            Act::StrayReset(side) => {
                // From a closed socket: the number that was acknowledged last.
                let Peer { heard, .. } = *self.peers.of(side.other());
                self.write(side, R, heard, 0, 0, None);
            }
        }
    }
}
