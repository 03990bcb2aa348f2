//! The law of [gathering](super::gathering): nothing that can be asked of a
//! connection shows whether its packets were gathered.

use proptest::prelude::*;

use super::conversation::{Consumer, Conversation, RolesFrom};
use super::table::{Endpoint, Table};
use super::testing::{A, CLIENT, CLIENT_ISN, F, R, S, SERVER, SERVER_ISN};
use crate::base::{At, BySide, CaptureTime, Frame, Gap, LinkType, Side};
use crate::wire::{self, Decoded, Plain, Segment};

use Side::{Client, Server};

const P: u8 = wire::TcpFlags::PSH;

/// What the consumer was given, and when.
#[derive(Debug, Default)]
struct Diary(Vec<String>);

impl Consumer for Diary {
    fn bytes(&mut self, side: Side, data: &[u8], at: At) {
        self.0.push(format!("{side} {} {data:?}", at.frame));
    }
    fn gap(&mut self, side: Side, gap: Gap) {
        self.0.push(format!("{side} {gap:?}"));
    }
    fn end(&mut self, side: Side, at: At) {
        self.0.push(format!("{side} ends {}", at.frame));
    }
}

/// One thing that happens. Most are what sessions consist of.
#[derive(Clone, Copy, Debug)]
enum Act {
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

fn act(oddities: u32) -> impl Strategy<Value = Act> {
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
struct Captured {
    bytes: Vec<u8>,
    len: u32,
    nanos: i64,
    file: (u32, u64),
}

struct Stage {
    peers: BySide<Peer>,
    now: i64,
    timestamps: bool,
    is_v6: bool,
    frames: Vec<Captured>,
    /// The file that is written, and the number of its next frame.
    file: (u32, u64),
    /// Data sent: who, sequence number, length.
    sent: Vec<(Side, u32, u16)>,
}

impl Stage {
    fn new(is_v6: bool) -> Self {
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

    fn open(&mut self) {
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

    fn play(&mut self, act: Act) {
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

/// What can be asked of a table while packets come, and in the end.
fn story(frames: &[Captured], gathers: bool) -> Vec<String> {
    let mut table = Table::<Diary>::default();
    let mut story = Vec::new();
    for frame in frames {
        let (file, number) = frame.file;
        let at = At { frame: Frame::new(file, number), time: CaptureTime::from_nanos(frame.nanos) };
        let plain = Plain::of(LinkType::ETHERNET, &frame.bytes).filter(|_| gathers);
        let is_taken = plain.is_some_and(|plain| match plain.is_v4() {
            true => table.plain::<{ wire::V4 }>(&plain, at, 0),
            false => table.plain::<{ wire::V6 }>(&plain, at, 0),
        });
        if !is_taken {
            table.segment(&segment(frame), at, 0);
        }
        story.extend(table.in_progress().map(|(glimpse, _)| format!("{glimpse:?}")));
    }
    table.finish();
    story.extend(table.drain().map(|finished| format!("{finished:#?}")));
    story
}

fn segment(frame: &Captured) -> Segment<'_> {
    match wire::decode(LinkType::ETHERNET, &frame.bytes, frame.len) {
        Decoded::Tcp(segment) => segment,
        other => panic!("{other:?}"),
    }
}

fn check((is_whole, is_v6): (bool, bool), acts: &[Act]) -> Result<(), TestCaseError> {
    let mut stage = Stage::new(is_v6);
    if is_whole {
        stage.open();
    }
    for side in Side::BOTH {
        stage.play(Act::Say(side, 200, true));
        stage.play(Act::Say(side.other(), 150, true));
    }
    acts.iter().for_each(|act| stage.play(*act));
    let (alone, gathered) = (story(&stage.frames, false), story(&stage.frames, true));
    for (alone, gathered) in alone.iter().zip(&gathered) {
        prop_assert!(alone == gathered, "{}", similar(alone, gathered));
    }
    prop_assert_eq!(alone.len(), gathered.len());
    Ok(())
}

/// The lines that differ.
fn similar(alone: &str, gathered: &str) -> String {
    let lines = alone.lines().zip(gathered.lines()).filter(|(a, b)| a != b);
    lines.map(|(a, b)| format!("alone {a}\ngathered {b}\n")).take(20).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_with_few_oddities(how: (bool, bool), acts in prop::collection::vec(act(2), 0..400)) {
        check(how, &acts)?;
    }

    #[test]
    fn a_session_with_many_oddities(how: (bool, bool), acts in prop::collection::vec(act(30), 0..120)) {
        check(how, &acts)?;
    }
}

#[test]
fn a_window_that_was_offered_between_two_others_counts() {
    // Wide for one packet of a run: a number far beyond proves a hole, then.
    let offers = |window| [Act::Room(Client, window), Act::Say(Client, 40, true), Act::Say(Server, 300, true)];
    let acts = |window| {
        let before = offers(8_000).repeat(30);
        [
            before,
            offers(window).into(),
            offers(500).repeat(5),
            vec![Act::Miss(Server, 30_000), Act::Acknowledge(Server)],
        ]
        .concat()
    };
    for window in [60_000, 500] {
        check((false, false), &acts(window)).unwrap();
    }
}

#[test]
fn what_sessions_consist_of_is_gathered() {
    let mut stage = Stage::new(false);
    stage.open();
    for n in 0..200 {
        stage.play(Act::Say(Client, 40, true));
        stage.play(Act::Say(Server, 300 + n % 7, true));
        stage.play(Act::Acknowledge(Client));
    }
    let end = |(ip, port)| Endpoint { ip, port };
    let endpoints = BySide { client: end(CLIENT), server: end(SERVER) };
    let mut conversation = Conversation::new(endpoints, RolesFrom::Handshake, At::default(), Diary::default());
    let mut alone = 0;
    for (number, frame) in (1..).zip(&stage.frames) {
        let at = At { frame: Frame::new(0, number), time: CaptureTime::from_nanos(frame.nanos) };
        let plain = Plain::of(LinkType::ETHERNET, &frame.bytes).unwrap();
        let side = if plain.ports().0 == CLIENT.1 { Client } else { Server };
        let is_gathered =
            plain.outline::<{ wire::V4 }>().is_some_and(|outline| conversation.gather(&outline, side, at));
        if !is_gathered {
            alone += 1;
            conversation.segment(&segment(frame), side, at);
        }
    }
    assert!(alone < 40, "{alone} of {} packets were taken by themselves", stage.frames.len());
}
