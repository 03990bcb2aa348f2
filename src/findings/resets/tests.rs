//! How the pieces of evidence are weighed together, and what a reset did.

use super::testing::{answered, bare, foreign, judge_lines, judge_one, strength, talk, with};
use super::{Builder, Company, Distance, Effect, Neighbours, PointsAt, Strength, judge};
use crate::base::{Certainty, Frame, Side};
use crate::flow::testing::{A, F, Line, R, S, packet, play_one};
use crate::session::SessionFacts;

use Side::{Client, Server};

#[test]
fn the_servers_own_reset_is_its_own() {
    let own = judge_one(&with(answered(60.0)));
    assert_eq!((own.built_by, own.certainty, own.effect), (Builder::Host, Certainty::Likely, Effect::EndedConnection));
    assert!(own.evidence.iter().all(|piece| piece.points_at == PointsAt::Host), "{:?}", own.evidence);
}

#[test]
fn a_ttl_that_was_copied_or_made_up_tells_no_distance() {
    let mut judgement = judge_one(&with(answered(60.0)));
    (judgement.hops, judgement.sender_hops) = (3, Some(3));
    assert_eq!(judgement.distance(), Some(Distance { builder: 3, host: 3 }), "the host's own");
    judgement.built_by = Builder::OtherDevice;
    for (builder, host, is_told) in [(2, Some(3), true), (3, Some(3), false), (33, Some(3), false), (2, None, false)] {
        (judgement.hops, judgement.sender_hops) = (builder, host);
        assert_eq!(judgement.distance().is_some(), is_told, "{builder} {host:?}");
    }
}

#[test]
fn what_healthy_stacks_do_is_never_scored() {
    type Change = fn(&mut Line);
    let odd: [(&str, Change); 6] = [
        ("RST alone, no FIN before it", |rst| rst.flags = R),
        ("an acknowledgment number without its bit", |rst| (rst.flags, rst.ack) = (R, 7_777)),
        ("identification 0, from a Linux host", |rst| rst.id = 0),
        ("window 0", |rst| rst.window = 0),
        ("a window of its own", |rst| rst.window = 501),
        ("a counter that others share", |rst| rst.id += 300),
    ];
    for (what, change) in odd {
        let mut rst = answered(60.0);
        change(&mut rst);
        let judgement = judge_one(&with(rst));
        assert!(judgement.evidence.iter().all(|p| p.points_at == PointsAt::Host), "{what}: {:?}", judgement.evidence);
        assert_eq!(judgement.built_by, Builder::Host, "{what}");
    }
    // All of it at once, as a kernel without a socket does.
    let mut all = bare(60.0);
    all.ack = 7_777;
    let judgement = judge_one(&with(all));
    assert!(judgement.evidence.iter().all(|p| p.points_at == PointsAt::Host), "{:?}", judgement.evidence);
}

#[test]
fn a_missing_timestamp_is_never_scored() {
    let mut tcp = with(answered(60.0));
    let reset = &mut tcp.resets[0];
    reset.sender.first_tsval = Some((5_000, reset.sender.last));
    reset.sender.last_tsval = Some((5_030, reset.sender.last));
    reset.tsval = None;
    let judgement = judge_one(&tcp);
    assert!(judgement.evidence.iter().all(|p| p.points_at == PointsAt::Host), "{:?}", judgement.evidence);
}

#[test]
fn a_short_connection_is_held_against_its_neighbours() {
    let mut rst = packet(10.0, Server, A | R, 0, 1, b"");
    rst.ttl = 63;
    let (refused, _) = play_one(&[packet(0.0, Client, S, 0, 0, b""), rst]);
    assert_eq!(judge_one(&refused).built_by, Builder::Undetermined);
    let mut neighbours = Neighbours::default();
    neighbours.learn(&play_one(&talk()).0);
    let company = Company { neighbours: Some(&neighbours), ..Company::default() };
    let known = judge(&refused, &SessionFacts::default(), company).remove(0);
    assert_eq!(strength(&known, "ttl-step"), Some(Strength::Compelling));
    // Another capture point, other distances.
    let mut elsewhere = refused;
    elsewhere.first.frame = Frame::new(1, 1);
    let unknown = judge(&elsewhere, &SessionFacts::default(), company).remove(0);
    assert_eq!(unknown.built_by, Builder::Undetermined);
}

#[test]
fn proof_that_the_hosts_habits_contradict_convicts_nobody() {
    // Its text is a load balancer's, its numbering the server's own.
    let mut tcp = with(answered(60.0));
    tcp.resets[0].payload = b"BIG-IP: [0x2] {1} idle timeout".to_vec();
    let judgement = judge_one(&tcp);
    assert_eq!(strength(&judgement, "reset-text"), Some(Strength::Proof));
    assert!(!foreign(&judgement));
}

/// What the first reset of `talk` and `more` did.
fn effect(more: &[Line]) -> Effect {
    let mut lines = talk();
    lines.extend_from_slice(more);
    judge_lines(&lines).effect
}

/// A reset in the server's name whose number is off by `seq`.
fn aimed(ms: f64, seq: u32) -> Line {
    let mut rst = packet(ms, Server, A | R, seq, 21, b"");
    (rst.ttl, rst.id) = (63, 0);
    rst
}

/// Both sides go on, and leave in order.
fn went_on() -> Vec<Line> {
    vec![
        packet(60.0, Server, A, 13, 21, b"answer"),
        packet(61.0, Client, A, 21, 19, b"thanks"),
        packet(71.0, Server, A, 19, 27, b"more"),
        packet(72.0, Client, A, 27, 23, b"and more"),
    ]
}

#[test]
fn a_reset_at_the_expected_number_ends_the_connection() {
    assert_eq!(effect(&[aimed(52.0, 13)]), Effect::EndedConnection);
}

#[test]
fn one_outside_the_window_is_ignored() {
    // Before what the client had acknowledged: RFC 5961 §3.2 drops it unseen.
    let mut lines = vec![aimed(52.0, 8)];
    lines.extend(went_on());
    assert_eq!(effect(&lines), Effect::Ignored);
}

#[test]
fn one_inside_the_window_is_challenged() {
    let mut lines = vec![aimed(52.0, 900), packet(52.1, Client, A, 21, 13, b"")];
    lines.extend(went_on());
    assert_eq!(effect(&lines), Effect::Challenged);
}

#[test]
fn a_challenge_that_is_missing_from_the_capture_is_not_invented() {
    let mut lines = vec![aimed(52.0, 900)];
    lines.extend(went_on());
    assert_eq!(effect(&lines), Effect::Ignored);
}

#[test]
fn one_after_a_fin_or_after_another_reset_changed_nothing() {
    let fin = packet(60.0, Server, A | F, 13, 21, b"");
    assert_eq!(effect(&[fin, packet(60.1, Client, A | R, 21, 14, b"")]), Effect::AfterTheEnd);
    let mut lines = talk();
    lines.extend([answered(60.0), aimed(60.4, 13)]);
    let judgements = judge(&play_one(&lines).0, &SessionFacts::default(), Company::default());
    let effects: Vec<Effect> = judgements.iter().map(|judgement| judgement.effect).collect();
    assert_eq!(effects, [Effect::EndedConnection, Effect::AfterTheEnd]);
}

#[test]
fn blind_spots_are_said() {
    let (refused, _) = play_one(&[packet(0.0, Client, S, 0, 0, b""), packet(10.0, Server, A | R, 0, 1, b"")]);
    let judgement = judge_one(&refused);
    assert_eq!(judgement.built_by, Builder::Undetermined);
    assert!(judgement.cannot_tell.iter().any(|says| says.contains("nothing else to compare")));
    assert!(judgement.cannot_tell.iter().any(|says| says.contains("round trip")));
}
