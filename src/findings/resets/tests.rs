//! Each piece of evidence: a case that fires, a near miss, and what damage to
//! the capture must not make of it.

use super::{Builder, Company, Effect, Judgement, Neighbours, PointsAt, Strength, judge};
use crate::base::{At, Certainty, Frame, Side};
use crate::flow::TcpFacts;
use crate::flow::testing::{A, Line, R, S, handshake, packet, play_one};
use crate::session::SessionFacts;

use Side::{Client, Server};

/// A connection under way on a 10 ms path, captured at the client; both sides
/// count their packets.
pub(super) fn talk() -> Vec<Line> {
    let mut lines = handshake();
    lines.extend([
        packet(11.0, Client, A, 1, 1, b"request"),
        packet(21.0, Server, A, 1, 8, b"confirm"),
        packet(21.1, Client, A, 8, 8, b""),
        packet(30.0, Client, A, 8, 8, b"hello"),
        packet(39.9, Server, A, 8, 13, b""),
        packet(40.0, Server, A, 8, 13, b"hello"),
        packet(40.1, Client, A, 13, 13, b""),
        packet(50.0, Client, A, 13, 13, b"question"),
    ]);
    let mut next = crate::base::BySide { client: 100, server: 9_000 };
    for line in &mut lines {
        line.id = *next.of(line.from);
        *next.of_mut(line.from) += 1;
    }
    lines
}

/// The last packet of `talk`, answered by a RST as the server itself builds it.
pub(super) fn answered(ms: f64) -> Line {
    let mut rst = packet(ms, Server, A | R, 13, 21, b"");
    rst.id = 9_004;
    rst.window = 0;
    rst
}

pub(super) fn with(rst: Line) -> TcpFacts {
    let mut lines = talk();
    lines.push(rst);
    play_one(&lines).0
}

pub(super) fn judge_one(tcp: &TcpFacts) -> Judgement {
    judge(tcp, &SessionFacts::default(), Company::default()).remove(0)
}

pub(super) fn strength(judgement: &Judgement, id: &str) -> Option<Strength> {
    judgement.evidence.iter().find(|piece| piece.id == id).map(|piece| piece.strength)
}

pub(super) fn foreign(judgement: &Judgement) -> bool {
    judgement.built_by == Builder::OtherDevice && judgement.certainty > Certainty::Possible
}

#[test]
fn the_servers_own_reset_is_its_own() {
    let own = judge_one(&with(answered(60.0)));
    assert_eq!((own.built_by, own.certainty, own.effect), (Builder::Host, Certainty::Likely, Effect::EndedConnection));
    assert!(own.evidence.iter().all(|piece| piece.points_at == PointsAt::Host), "{:?}", own.evidence);
}

#[test]
fn what_healthy_stacks_do_is_never_scored() {
    // Linux, no socket any more: RST alone, identification 0, window 0, no
    // timestamp, no FIN before it, an acknowledgment number without its bit.
    let mut bare = packet(60.0, Server, R, 13, 7_777, b"");
    (bare.id, bare.window) = (0, 0);
    let judgement = judge_one(&with(bare));
    assert!(judgement.evidence.iter().all(|p| p.points_at == PointsAt::Host), "{:?}", judgement.evidence);
    assert!(!foreign(&judgement));
}

#[test]
fn an_acknowledgment_before_the_bytes_can_have_arrived_is_proof() {
    assert_eq!(strength(&judge_one(&with(answered(52.0))), "causality"), Some(Strength::Proof));
    // A little faster than the fastest so far is no wonder.
    assert_eq!(strength(&judge_one(&with(answered(58.5))), "causality"), None);
    // Two interfaces whose clocks disagree.
    let mut tcp = with(answered(52.0));
    tcp.clock_ran_back = 1;
    assert_eq!(strength(&judge_one(&tcp), "causality"), None);
    // The client's packet before the last is missing: it may have had the bytes.
    let mut tcp = with(answered(52.0));
    tcp.resets[0].receiver.last_skip = 1;
    assert_eq!(strength(&judge_one(&tcp), "causality"), Some(Strength::Strong));
    // Without the handshake the round trip is that of an application.
    let mut late = talk().split_off(3);
    late.push(answered(52.0));
    assert_eq!(strength(&judge_one(&play_one(&late).0), "causality"), None);
}

#[test]
fn a_bare_reset_answers_a_packet_that_had_time_to_arrive() {
    let bare = |ms| packet(ms, Server, R, 13, 0, b"");
    let mut fast = talk();
    fast.remove(9);
    fast.push(bare(52.0));
    assert_eq!(
        strength(&judge_one(&play_one(&fast).0), "answers-too-early"),
        Some(Strength::Weak),
        "a packet is missing"
    );
    let mut fast = talk();
    fast.remove(9);
    fast[9].id -= 1;
    fast.push(bare(52.0));
    assert_eq!(strength(&judge_one(&play_one(&fast).0), "answers-too-early"), Some(Strength::Compelling));
    // The packet before it had time enough.
    assert_eq!(strength(&judge_one(&with(bare(52.0))), "answers-too-early"), None);
}

#[test]
fn a_sender_that_goes_on_did_not_reset() {
    let after = |ms, seq, ack, data: &[u8], id| {
        let mut lines = talk();
        let mut rst = answered(60.0);
        rst.id = 0;
        lines.push(rst);
        let mut line = packet(ms, Server, A, seq, ack, data);
        line.id = id;
        lines.push(line);
        judge_one(&play_one(&lines).0)
    };
    assert_eq!(strength(&after(61.0, 13, 21, b"answer", 9_004), "sender-lives"), Some(Strength::Proof));
    // Sent before the reset and overtaken by it.
    assert_eq!(strength(&after(61.0, 13, 21, b"answer", 8_990), "sender-lives"), Some(Strength::Strong));
    // Three seconds later it is somebody else's connection.
    assert_eq!(strength(&after(3_500.0, 13, 21, b"answer", 9_004), "sender-lives"), None);
    // So it is with other sequence numbers, when the SYN is missing.
    assert_eq!(strength(&after(61.0, 5_000_000, 21, b"answer", 9_004), "sender-lives"), None);
}

#[test]
fn an_identification_of_the_other_side_was_copied() {
    let cloned = |id| {
        let mut rst = answered(60.0);
        rst.id = id;
        judge_one(&with(rst))
    };
    assert_eq!(strength(&cloned(106), "header-clone"), Some(Strength::Proof), "the client's last");
    assert_eq!(strength(&cloned(107), "header-clone"), None);
    // A client that writes the same number into every packet.
    let mut lines = talk();
    for line in lines.iter_mut().filter(|line| line.from == Client) {
        line.id = 77;
    }
    let mut rst = answered(60.0);
    rst.id = 77;
    lines.push(rst);
    assert_eq!(strength(&judge_one(&play_one(&lines).0), "header-clone"), None);
}

#[test]
fn another_distance_is_another_device() {
    let from = |ttl| {
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (ttl, 0);
        judge_one(&with(rst))
    };
    assert_eq!(strength(&from(63), "ttl-step"), Some(Strength::Compelling));
    assert!(foreign(&from(63)));
    assert_eq!(from(63).hops, 1);
    assert_eq!(from(63).sender_hops, Some(7));
    // A route change.
    assert_eq!(strength(&from(120), "ttl-step"), Some(Strength::Weak));
    assert!(!foreign(&from(120)));
    // Nobody knows a sender whose packets come over different distances.
    let mut lines = talk();
    lines[1].ttl = 62;
    let mut rst = answered(60.0);
    rst.ttl = 62;
    lines.push(rst);
    assert_eq!(strength(&judge_one(&play_one(&lines).0), "ttl-step"), None);
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
fn a_reset_that_came_over_routers_to_the_host_that_is_said_to_send_it() {
    let mut rst = packet(60.0, Client, A | R, 21, 13, b"");
    (rst.ttl, rst.id) = (126, 0);
    let tcp = with(rst.clone());
    assert_eq!(strength(&judge_one(&tcp), "vantage"), Some(Strength::Compelling));
    rst.ttl = 128;
    let own = judge_one(&with(rst));
    assert_eq!(own.built_by, Builder::Host);
    assert_eq!(strength(&own, "vantage"), Some(Strength::Strong));
}

#[test]
fn a_counter_that_breaks_off_is_strong_and_zero_is_not() {
    let numbered = |id| {
        let mut rst = answered(60.0);
        rst.id = id;
        strength(&judge_one(&with(rst)), "identification-break")
    };
    assert_eq!(numbered(40_000), Some(Strength::Strong));
    assert_eq!(numbered(9_300), None, "a busy host");
    assert_eq!(numbered(8_990), None, "an overtaken packet");
    assert_eq!(numbered(0), None, "Linux");
}

#[test]
fn resets_both_ways_at_once_were_not_provoked_by_one_another() {
    let both = |gap| {
        let mut lines = talk();
        lines.push(answered(55.0));
        lines.push(packet(55.0 + gap, Client, A | R, 21, 13, b""));
        judge_one(&play_one(&lines).0)
    };
    assert_eq!(strength(&both(0.1), "both-directions"), Some(Strength::Strong));
    assert_eq!(strength(&both(9.0), "both-directions"), None);
}

#[test]
fn growing_sequence_numbers_are_aimed_and_strays_are_not() {
    let volley = |seqs: &[u32]| {
        let mut lines = talk();
        for (n, seq) in seqs.iter().enumerate() {
            let mut rst = packet(60.0 + n as f64 * 0.1, Server, R, *seq, 0, b"");
            rst.id = 0;
            lines.push(rst);
        }
        judge_one(&play_one(&lines).0)
    };
    assert_eq!(strength(&volley(&[13, 1_473, 4_393]), "strafed"), Some(Strength::Strong));
    // A closed socket repeats what each stray acknowledged.
    assert_eq!(strength(&volley(&[8, 13]), "strafed"), None);
    // The host's own answer among them has another look.
    let mut lines = talk();
    lines.push(answered(60.0));
    lines.extend([1_473, 4_393].map(|seq| packet(60.5 + f64::from(seq) / 1e4, Server, R, seq, 0, b"")));
    assert_eq!(strength(&judge_one(&play_one(&lines).0), "strafed"), None);
}

#[test]
fn an_old_number_counts_once_and_hardly_in_a_bare_reset() {
    let old = |flags| {
        let mut rst = answered(60.0);
        (rst.flags, rst.seq) = (flags, 13);
        let mut lines = talk();
        let mut last = packet(55.0, Server, A, 13, 21, b"more");
        last.id = 9_004;
        lines.extend([last, rst]);
        let mut tcp = play_one(&lines).0;
        // The client's acknowledgment of 13 is not what it repeats.
        tcp.resets[0].seq_is_peers_ack = false;
        judge_one(&tcp)
    };
    assert_eq!(strength(&old(A | R), "stale-sequence"), Some(Strength::Strong));
    assert_eq!(strength(&old(A | R), "sequence"), None);
    assert_eq!(strength(&old(R), "stale-sequence"), Some(Strength::Weak));
}

#[test]
fn a_timestamp_tells_its_clock_and_its_absence_nothing() {
    let at = |ms: i64| At { frame: Frame::new(0, 1), time: crate::base::CaptureTime::from_nanos(ms * 1_000_000) };
    let stamped = |tsval: Option<u32>| {
        let mut tcp = with(answered(60.0));
        let reset = &mut tcp.resets[0];
        reset.sender.first_tsval = Some((5_000, at(10)));
        reset.sender.last_tsval = Some((5_030, at(40)));
        reset.tsval = tsval;
        judge_one(&tcp)
    };
    assert_eq!(strength(&stamped(Some(5_050)), "timestamp-continues"), Some(Strength::Strong));
    assert_eq!(strength(&stamped(Some(905_050)), "timestamp-skew"), Some(Strength::Strong));
    assert_eq!(strength(&stamped(Some(9_050)), "timestamp-skew"), None, "a queue of 4 s");
    let silent = stamped(None);
    assert!(silent.evidence.iter().all(|piece| !piece.id.starts_with("timestamp")));
}

#[test]
fn another_mac_address_counts_only_on_the_senders_own_segment() {
    let from = |hops: u8, mac, changed| {
        let mut lines = talk();
        for line in lines.iter_mut().filter(|line| line.from == Server) {
            line.ttl = 128 - hops;
        }
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (128 - hops, 0);
        lines.push(rst);
        let mut tcp = play_one(&lines).0;
        let reset = &mut tcp.resets[0];
        (reset.sender.mac, reset.sender.mac_changed, reset.mac) = (Some([1; 6]), changed, Some(mac));
        // Three packets in this connection; one more makes it a habit.
        for _ in 0..2 {
            let line = packet(41.0, Server, A, 13, 13, b"");
            let mut segment = crate::flow::testing::segment(&line);
            segment.ip.ttl = 128 - hops;
            segment.source_mac = Some([1; 6]);
            reset.sender.learn(&segment, reset.sender.last, false);
        }
        strength(&judge_one(&tcp), "link-layer")
    };
    assert_eq!(from(0, [2; 6], false), Some(Strength::Strong));
    assert_eq!(from(7, [2; 6], false), Some(Strength::Weak), "two routers");
    assert_eq!(from(0, [1; 6], false), None);
    assert_eq!(from(0, [2; 6], true), None, "a sender with two addresses");
}

#[test]
fn shapes_that_no_stack_writes() {
    let shaped = |id, window, df| {
        let mut rst = answered(60.0);
        (rst.id, rst.window) = (id, window);
        let mut tcp = with(rst);
        tcp.resets[0].dont_fragment = df;
        judge_one(&tcp)
    };
    assert_eq!(strength(&shaped(0, 8_192, false), "raw-socket-template"), Some(Strength::Strong));
    assert_eq!(strength(&shaped(0, 0, true), "raw-socket-template"), None);
    assert_eq!(strength(&shaped(31_000, 0, false), "active-response-template"), Some(Strength::Strong));
    assert_eq!(strength(&shaped(9_004, 0, false), "active-response-template"), None);
    assert_eq!(strength(&shaped(9_004, 0, false), "flag-shape"), Some(Strength::Weak));
    let mut tcp = with(answered(60.0));
    tcp.resets[0].payload = b"BIG-IP: [0x2] {1} idle timeout".to_vec();
    assert_eq!(strength(&judge_one(&tcp), "reset-text"), Some(Strength::Proof));
    tcp.resets[0].payload = vec![0, 1, 2, 3, 4, 5];
    assert_eq!(strength(&judge_one(&tcp), "reset-text"), None);
}

#[test]
fn a_flow_label_of_its_own_is_weak() {
    let mut tcp = with(answered(60.0));
    let reset = &mut tcp.resets[0];
    (reset.id, reset.flow_label, reset.sender.flow_label) = (None, Some(0x1234), Some(0x4321));
    assert_eq!(strength(&judge_one(&tcp), "flag-shape"), Some(Strength::Weak));
    tcp.resets[0].sender.flow_label_changed = true;
    assert_eq!(strength(&judge_one(&tcp), "flag-shape"), None);
}

#[test]
fn circumstances_are_told_and_never_counted() {
    let mut rst = answered(240_050.0);
    rst.id = 0;
    let judgement = judge_one(&with(rst));
    assert_eq!(strength(&judgement, "known-timer"), Some(Strength::Circumstance));
    assert_eq!(judgement.built_by, Builder::Host);
}

#[test]
fn a_challenge_is_told_from_obedience() {
    let mut lines = talk();
    let mut rst = packet(52.0, Server, A | R, 900, 21, b"");
    (rst.ttl, rst.id) = (63, 0);
    lines.push(rst);
    lines.push(packet(52.1, Client, A, 21, 13, b""));
    lines.extend([
        packet(60.0, Server, A, 13, 21, b"answer"),
        packet(61.0, Client, A, 21, 19, b"thanks"),
        packet(71.0, Server, A, 19, 27, b"more"),
        packet(72.0, Client, A, 27, 23, b"and more"),
    ]);
    assert_eq!(judge_one(&play_one(&lines).0).effect, Effect::Challenged);
}

#[test]
fn blind_spots_are_said() {
    let (refused, _) = play_one(&[packet(0.0, Client, S, 0, 0, b""), packet(10.0, Server, A | R, 0, 1, b"")]);
    let judgement = judge_one(&refused);
    assert_eq!(judgement.built_by, Builder::Undetermined);
    assert!(judgement.cannot_tell.iter().any(|says| says.contains("nothing else to compare")));
    assert!(judgement.cannot_tell.iter().any(|says| says.contains("round trip")));
}
