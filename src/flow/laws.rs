//! The law of [gathering](super::gathering): nothing that can be asked of a
//! connection shows whether its packets were gathered.

mod played;

use proptest::prelude::*;

use played::{Act, Captured, Stage, act};

use super::conversation::{Consumer, Conversation, RolesFrom};
use super::table::{Endpoint, Table};
use super::testing::{CLIENT, SERVER};
use crate::base::{At, BySide, CaptureTime, Frame, Gap, LinkType, Side};
use crate::wire::{self, Decoded, Plain, Segment};

use Side::{Client, Server};

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
fn the_last_packet_is_one_of_its_own_file() {
    let before = [Act::Say(Client, 40, true), Act::Say(Server, 300, true)].repeat(30);
    // The next file of a ring begins with the last packet of the one before.
    let acts = [before, vec![Act::File(255), Act::Copy(100), Act::Say(Client, 40, true)]].concat();
    check((false, false), &acts).unwrap();
}

#[test]
fn a_round_trip_may_be_longer_than_a_number_of_32_bits_tells() {
    let exchanges = [Act::Say(Client, 40, true), Act::Say(Server, 300, true)].repeat(30);
    let waits = |count| [Act::Silence(1_500), Act::Say(Server, 300, false)].repeat(count);
    for count in 0..5 {
        let late = [vec![Act::Say(Client, 40, true)], waits(count), vec![Act::Say(Server, 300, true)]].concat();
        check((false, false), &[exchanges.clone(), late, exchanges.clone()].concat()).unwrap();
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
