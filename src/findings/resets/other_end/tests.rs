//! The other end's capture: what it settles, and what it does not.

use super::Views;
use crate::base::{CaptureTime, Certainty, Frame, Side};
use crate::findings::resets::testing::{foreign, strength, talk};
use crate::findings::resets::{Builder, Company, Judgement, PointsAt, Strength, judge};
use crate::flow::TcpFacts;
use crate::flow::testing::{A, Line, R, packet, play_one};
use crate::session::SessionFacts;
use Side::{Client, Server};

const ID: &str = "other-end";

/// What a capture at the server shows of `lines`, which were captured at
/// the client, by a clock that is `ahead` milliseconds ahead.
fn at_server(lines: &[Line], ahead: f64) -> Vec<Line> {
    let there = |line: &Line| {
        let mut line = line.clone();
        line.ms += ahead + if line.from == Client { 5.0 } else { -5.0 };
        line.ttl = if line.from == Client { 121 } else { line.ttl.saturating_add(7) };
        line
    };
    let mut lines: Vec<Line> = lines.iter().map(there).collect();
    lines.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    lines
}

fn facts(lines: &[Line], capture: u32) -> TcpFacts {
    let mut tcp = play_one(lines).0;
    for at in [&mut tcp.first, &mut tcp.last] {
        at.frame = Frame::new(capture, at.frame.number);
    }
    tcp
}

/// The first reset of `here`, judged beside a capture that shows `there` and
/// was taken until `until` milliseconds.
fn judged(here: &[Line], there: &[Line], until: f64) -> Judgement {
    judged_facts(&facts(here, 0), &facts(there, 1), until)
}

fn judged_facts(here: &TcpFacts, there: &TcpFacts, until: f64) -> Judgement {
    let alone = judge(there, &SessionFacts::default(), Company::default());
    let mut views = Views::default();
    views.add(there, &alone, CaptureTime::from_nanos((until * 1e6) as i64), false);
    let company = Company { views: Some(&views), ..Company::default() };
    judge(here, &SessionFacts::default(), company).remove(0)
}

/// A reset in the server's name, like those that Linux builds.
fn reset(ms: f64) -> Line {
    let mut rst = packet(ms, Server, R, 13, 0, b"");
    (rst.id, rst.window) = (0, 0);
    rst
}

fn received() -> Vec<Line> {
    let mut lines = talk();
    lines.push(reset(60.0));
    lines
}

/// The server answers, long after "its" reset.
fn went_on() -> Vec<Line> {
    let mut answer = packet(400.0, Server, A, 13, 21, b"answer");
    answer.id = 9_004;
    let mut lines = talk();
    lines.push(answer);
    lines
}

#[test]
fn a_reset_that_the_server_never_sent_and_outlived_is_proof() {
    for ahead in [0.0, 3_600_000.0] {
        let there = at_server(&went_on(), ahead);
        let judgement = judged(&received(), &there, ahead + 400.0);
        assert_eq!(strength(&judgement, ID), Some(Strength::Proof), "{ahead}");
        assert_eq!((judgement.built_by, judgement.certainty), (Builder::OtherDevice, Certainty::Proven));
    }
}

#[test]
fn a_reset_that_is_only_missing_there_convicts_nobody() {
    let judgement = judged(&received(), &at_server(&talk(), 0.0), 5_000.0);
    assert_eq!(strength(&judgement, ID), Some(Strength::Strong));
    assert!(!foreign(&judgement));
}

#[test]
fn a_capture_that_ended_too_early_is_said_to() {
    let judgement = judged(&received(), &at_server(&talk(), 0.0), 50.0);
    assert_eq!(strength(&judgement, ID), None);
    assert!(judgement.cannot_tell.iter().any(|says| says.contains("ends too early")), "{:?}", judgement.cannot_tell);
}

#[test]
fn a_reset_that_the_server_is_seen_to_send_is_its_own() {
    let judgement = judged(&received(), &at_server(&received(), 70_000.0), 80_000.0);
    let piece = judgement.evidence.iter().find(|piece| piece.id == ID).unwrap();
    assert_eq!((piece.strength, piece.points_at), (Strength::Strong, PointsAt::Host));
    assert_eq!(judgement.built_by, Builder::Host);
}

#[test]
fn a_forgery_between_the_captures_is_not_taken_for_the_hosts_own() {
    // The server sends the same bits; the one that arrives came another way.
    let mut here = received();
    here.last_mut().unwrap().ttl = 63;
    assert_ne!(strength(&judged(&here, &at_server(&received(), 0.0), 5_000.0), ID), Some(Strength::Compelling));
    let there = at_server(&received(), 0.0);
    let judgement = judged(&here, &there, 5_000.0);
    assert_eq!(strength(&judgement, ID), None, "it did send one, and numbers may be written anew");
}

#[test]
fn each_side_told_that_the_other_had_left() {
    let mut other = talk();
    other.push(packet(60.0, Client, A | R, 21, 13, b""));
    assert_eq!(strength(&judged(&received(), &at_server(&other, 0.0), 5_000.0), ID), Some(Strength::Compelling));
}

#[test]
fn a_capture_on_the_wrong_side_says_nothing() {
    // What passed at the server and not at the client was lost between.
    let mut sent = talk();
    sent.push(reset(60.0));
    let judgement = judged(&at_server(&sent, 0.0), &went_on(), 5_000.0);
    assert_eq!(strength(&judgement, ID), None);
}

#[test]
fn damage_takes_the_word_from_a_capture() {
    let here = facts(&received(), 0);
    let of = |lines: &[Line]| strength(&judged_facts(&here, &facts(lines, 1), 5_000.0), ID);
    let whole = at_server(&went_on(), 0.0);
    assert_eq!(of(&whole), Some(Strength::Proof));
    let twice: Vec<Line> = whole.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    assert_eq!(of(&twice), Some(Strength::Proof), "copies");
    let mut holed = whole.clone();
    holed.remove(4);
    assert_eq!(of(&holed), None, "a hole");
    assert_eq!(of(&whole[3..]), None, "a late start");
    let mut proxied = facts(&whole, 1);
    proxied.isns.server = Some(99);
    assert_eq!(strength(&judged_facts(&here, &proxied, 5_000.0), ID), None, "a proxy's own connection");
    let mut jumped = facts(&whole, 1);
    jumped.clock_ran_back = 1;
    assert_eq!(strength(&judged_facts(&here, &jumped, 5_000.0), ID), None, "a clock that ran back");
    let mut cut = facts(&whole, 1);
    cut.directions.server.cut_frames = 1;
    assert_eq!(strength(&judged_facts(&here, &cut, 5_000.0), ID), None, "cut packets");
    let same_capture = facts(&whole, 0);
    assert_eq!(strength(&judged_facts(&here, &same_capture, 5_000.0), ID), None);
}
