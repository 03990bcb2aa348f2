//! What a conversation must get right: order, holes, repetitions, ends.

use proptest::prelude::*;

use super::conversation::{EndKind, RolesFrom};
use super::reset::SequenceFit;
use super::testing::*;
use crate::base::{Frame, GapCause, Side};

use Side::{Client, Server};

fn script(rest: Vec<Line>) -> Vec<Line> {
    let mut lines = handshake();
    lines.extend(rest);
    lines
}

#[test]
fn bytes_come_in_order_across_the_wrap() {
    let long = vec![7u8; 100];
    let (tcp, log) = play_one(&script(vec![
        packet(11.0, Client, A, 1, 1, &long),
        packet(21.0, Server, A, 1, 101, b"ok"),
        packet(22.0, Client, A, 101, 3, b"end"),
    ]));
    assert_eq!(log.bytes.client.len(), 103);
    assert_eq!(log.bytes.server, b"ok");
    assert_eq!(tcp.roles_from, RolesFrom::Handshake);
    assert_eq!(tcp.directions.client.loss.retransmitted(), 0);
    assert_eq!(tcp.end.kind, EndKind::CaptureEnd);
    assert_eq!(tcp.rtt.server.min().unwrap().millis_f64(), 10.0);
}

#[test]
fn an_overtaken_segment_is_not_a_retransmission() {
    let (tcp, log) =
        play_one(&script(vec![packet(11.0, Client, A, 4, 1, b"def"), packet(11.5, Client, A, 1, 1, b"abc")]));
    assert_eq!(log.bytes.client, b"abcdef");
    let loss = &tcp.directions.client.loss;
    assert_eq!((loss.reordered, loss.retransmitted()), (1, 0));
}

#[test]
fn a_late_filler_is_a_retransmission_lost_before_the_capture_point() {
    let (tcp, log) = play_one(&script(vec![
        packet(11.0, Client, A, 4, 1, b"def"),
        packet(250.0, Client, A, 1, 1, b"abc"),
        packet(260.0, Server, A, 1, 7, b""),
    ]));
    assert_eq!(log.bytes.client, b"abcdef");
    let loss = &tcp.directions.client.loss;
    assert_eq!((loss.timeouts, loss.lost_before_capture_point, loss.reordered), (1, 1, 0));
}

#[test]
fn a_repetition_of_seen_bytes_was_lost_behind_the_capture_point() {
    let (tcp, log) = play_one(&script(vec![
        packet(11.0, Client, A, 1, 1, b"abc"),
        packet(311.0, Client, A, 1, 1, b"abc"),
        packet(911.0, Client, A, 1, 1, b"abc"),
        packet(921.0, Server, A, 1, 4, b""),
        packet(930.0, Client, A, 1, 1, b"abc"),
    ]));
    assert_eq!(log.bytes.client, b"abc");
    let loss = &tcp.directions.client.loss;
    assert_eq!((loss.timeouts, loss.lost_after_capture_point, loss.spurious), (2, 2, 1));
    assert_eq!(loss.bursts.len(), 1);
    assert_eq!(loss.bursts[0].intervals.iter().map(|i| i.millis_f64()).collect::<Vec<_>>(), [300.0, 600.0]);
}

#[test]
fn a_packet_captured_twice_is_one_packet() {
    let mut lines = script(vec![packet(11.0, Client, A, 1, 1, b"abc"), packet(12.0, Server, A | R, 1, 4, b"")]);
    // A router's mirror: each packet again, one hop further, 0.2 ms later.
    let mut doubled = Vec::new();
    for (i, line) in lines.drain(..).enumerate() {
        let mut copy = line.clone();
        copy.ttl -= 1;
        copy.ms += 0.2;
        copy.frame = 100 + i as u64;
        doubled.extend([line, copy]);
    }
    doubled.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    let (tcp, log) = play_one(&doubled);
    assert_eq!(log.bytes.client, b"abc");
    // The copy of the RST is left out without a count: hosts repeat resets.
    assert_eq!(tcp.directions.client.copies + tcp.directions.server.copies, 4);
    assert_eq!(tcp.directions.client.loss.retransmitted() + tcp.directions.client.loss.syn, 0);
    assert_eq!(tcp.resets.len(), 1);
    assert_eq!(tcp.habits.client.ttls().count(), 1);
}

#[test]
fn what_the_receiver_acknowledged_and_nobody_captured_is_a_gap() {
    let (tcp, log) = play_one(&script(vec![
        packet(11.0, Client, A, 1, 1, b"abc"),
        // "def" is missing from the capture.
        packet(12.0, Client, A, 7, 1, b"ghi"),
        packet(22.0, Server, A, 1, 10, b""),
        packet(60.0, Server, A, 1, 10, b"hello"),
    ]));
    assert_eq!(log.bytes.client, b"abcghi");
    assert_eq!(log.bytes.server, b"hello");
    assert_eq!(log.gaps, [(Client, 3, GapCause::NotCaptured)]);
    assert_eq!((tcp.directions.client.gaps, tcp.directions.client.gap_bytes), (1, 3));
}

#[test]
fn a_hole_that_the_receiver_has_too_is_a_loss_and_no_gap() {
    let (_, log) = play_one(&script(vec![
        packet(11.0, Client, A, 4, 1, b"def"),
        packet(21.0, Server, A, 1, 1, b""),
        packet(500.0, Server, A, 1, 1, b"x"),
    ]));
    assert_eq!(log.gaps, []);
    assert_eq!(log.bytes.client, b"");
    assert_eq!(log.bytes.server, b"x");
}

#[test]
fn a_capture_that_begins_in_mid_stream_says_so_for_each_side() {
    let (tcp, log) =
        play_one(&[packet(0.0, Server, A, 5000, 9000, b"abc"), packet(1.0, Client, A, 9000, 5003, b"def")]);
    assert_eq!(tcp.roles_from, RolesFrom::Port);
    assert_eq!(log.gaps, [(Server, 0, GapCause::LateStart), (Client, 0, GapCause::LateStart)]);
    assert_eq!((log.bytes.client, log.bytes.server), (b"def".to_vec(), b"abc".to_vec()));
}

#[test]
fn a_new_syn_is_a_new_connection() {
    let mut again = handshake();
    for line in &mut again {
        line.ms += 1000.0;
        line.seq += 90_000;
        line.ack = if line.flags & A == 0 { 0 } else { line.ack + 90_000 };
    }
    let mut lines = script(vec![packet(11.0, Client, A | R, 1, 1, b"")]);
    lines.extend(again);
    let all = play(&lines);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].tcp.resets[0].afterlife.packets, 0);
}

#[test]
fn a_repeated_syn_is_not() {
    let mut lines = handshake();
    lines.insert(1, packet(1000.0, Client, S, 0, 0, b""));
    lines[2].ms = 1010.0;
    lines[3].ms = 1010.1;
    let (tcp, _) = play_one(&lines);
    assert_eq!((tcp.handshake.syns, tcp.directions.client.loss.syn), (2, 1));
    // Karn: nobody knows which SYN was answered.
    assert_eq!(tcp.rtt.server.count(), 0);
}

#[test]
fn a_reset_keeps_its_surroundings() {
    let (tcp, _) = play_one(&script(vec![
        packet(11.0, Client, A, 1, 1, b"hello"),
        packet(11.2, Server, A | R, 1, 6, b""),
        packet(21.0, Server, A, 1, 6, b"answer"),
    ]));
    let reset = &tcp.resets[0];
    assert_eq!(reset.fit, SequenceFit::Exact);
    assert_eq!(reset.acknowledges_byte_seen_at.unwrap().frame, Frame::new(0, 4));
    assert_eq!((reset.afterlife.packets, reset.afterlife.progress, reset.afterlife.continues_series), (1, 1, 1));
}

#[test]
fn a_refused_syn_is_an_end_by_the_server() {
    let (tcp, _) = play_one(&[
        packet(0.0, Client, S, 0, 0, b""),
        packet(1.0, Server, A | R, 0u32.wrapping_sub(SERVER_ISN), 1, b""),
    ]);
    assert_eq!((tcp.end.kind, tcp.end.by), (EndKind::Reset, Some(Server)));
    assert_eq!(tcp.resets[0].fit, SequenceFit::AnswersSyn);
}

#[test]
fn unanswered_syns_are_silence() {
    let lines = [0.0, 1_000.0].map(|ms| packet(ms, Client, S, 0, 0, b""));
    let end = |until| {
        let end = play_until::<Log>(&lines, until).remove(0).tcp.end;
        (end.kind, end.by)
    };
    assert_eq!(end(2_000.0), (EndKind::Silence, Some(Server)));
    assert_eq!(end(1_900.0), (EndKind::CaptureEnd, None), "the last may be answered yet");
}

#[test]
fn a_reset_that_answers_a_fin_did_not_end_the_connection() {
    let (tcp, log) =
        play_one(&script(vec![packet(11.0, Client, A | F, 1, 1, b"bye"), packet(21.0, Server, A | R, 1, 5, b"")]));
    assert_eq!((tcp.end.kind, tcp.end.by), (EndKind::Fin, Some(Client)));
    assert!(tcp.resets[0].after_peer_fin && log.ended.client);
    assert_eq!(tcp.ending_reset, None);
}

#[test]
fn a_reset_outside_the_window_ends_nothing() {
    let (tcp, _) = play_one(&script(vec![
        packet(11.0, Server, A | R, 900_000_000, 1, b""),
        packet(12.0, Client, A, 1, 1, b"a"),
        packet(22.0, Server, A, 1, 2, b"b"),
    ]));
    assert_eq!(tcp.resets[0].fit, SequenceFit::Outside);
    assert_eq!(tcp.end.kind, EndKind::CaptureEnd);
}

#[test]
fn what_comes_after_the_end_is_no_new_connection() {
    let mut lines = script(vec![packet(11.0, Server, A | R, 1, 1, b"")]);
    lines.push(packet(20_000.0, Client, A, 1, 1, b"stray"));
    assert_eq!(play(&lines).len(), 1);
}

#[test]
fn what_is_held_behind_a_hole_has_a_limit_that_is_told() {
    let mut lines = handshake();
    // The byte at offset 1 never comes; 2 MiB behind it do.
    for i in 0..40u32 {
        lines.push(packet(11.0 + f64::from(i), Client, A, 2 + i * 50_000, 1, &vec![7; 50_000]));
    }
    let (tcp, log) = play_one(&lines);
    assert!(tcp.directions.client.given_up > 0);
    assert_eq!(tcp.directions.client.gaps, 0, "the capture lacks nothing");
    assert!(log.gaps.iter().any(|(side, bytes, cause)| (*side, *bytes, *cause) == (Client, 1, GapCause::Limit)));
    assert!(log.bytes.client.len() > 1_000_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cut the stream into segments anyhow, swap neighbours, repeat some: the
    /// bytes stay the same.
    #[test]
    fn any_cutting_and_shuffling_gives_the_same_bytes(
        cuts in prop::collection::vec(1usize..40, 1..30),
        swaps in prop::collection::vec(any::<bool>(), 30),
        repeats in prop::collection::vec(any::<bool>(), 30),
    ) {
        let stream: Vec<u8> = (0..cuts.iter().sum::<usize>()).map(|i| i as u8).collect();
        let mut lines = Vec::new();
        let mut from = 0;
        for (i, cut) in cuts.iter().enumerate() {
            let line = packet(11.0 + i as f64, Client, A, 1 + from as u32, 1, &stream[from..from + cut]);
            if repeats[i] {
                let mut again = line.clone();
                again.ms += 0.5;
                again.id += 5;
                lines.push(again);
            }
            lines.push(line);
            from += cut;
        }
        for i in 1..lines.len() {
            if swaps[i % swaps.len()] {
                lines.swap(i - 1, i);
            }
        }
        let (_, log) = play_one(&script(lines));
        prop_assert_eq!(log.bytes.client, stream);
        prop_assert_eq!(log.gaps, vec![]);
    }

    /// No sequence of segments makes the floor panic or forget its bounds.
    #[test]
    fn any_segments_at_all(
        lines in prop::collection::vec(
            (any::<bool>(), any::<u8>(), any::<u32>(), any::<u32>(), 0usize..50, any::<u8>(), any::<u16>(), -10i64..100),
            1..80,
        ),
    ) {
        let mut ms = 0.0;
        let lines: Vec<Line> = lines
            .into_iter()
            .map(|(client, flags, seq, ack, len, ttl, id, step)| {
                ms += step as f64;
                let mut line = packet(ms, if client { Client } else { Server }, flags, seq, ack, &vec![1; len]);
                (line.ttl, line.id) = (ttl, id);
                line
            })
            .collect();
        play(&lines);
    }
}

#[test]
fn a_fin_that_was_acknowledged_came_first_even_where_it_is_missing() {
    let end = |rest: Vec<Line>| {
        let mut lines = vec![packet(11.0, Client, A, 1, 1, b"bye")];
        lines.extend(rest);
        let end = play_one(&script(lines)).0.end;
        (end.kind, end.by, end.at.frame.number, end.is_unseen)
    };
    let fin = |ack: u32| packet(21.0, Server, A | F, 1, ack, b"");
    assert_eq!(end(vec![fin(5)]), (EndKind::Fin, Some(Client), 5, true));
    assert_eq!(end(vec![packet(20.0, Server, A, 1, 5, b""), fin(5)]), (EndKind::Fin, Some(Client), 5, true));
    assert_eq!(end(vec![fin(4)]), (EndKind::Fin, Some(Server), 5, false), "the bytes alone");
    assert_eq!(end(vec![fin(6)]), (EndKind::Fin, Some(Server), 5, false), "data is missing as well");
    let overtaken = packet(21.1, Client, A | F, 4, 1, b"");
    assert_eq!(end(vec![fin(5), overtaken]), (EndKind::Fin, Some(Client), 6, false), "captured late");
    let more = |ms: f64, seq: u32| packet(ms, Client, A, seq, 1, b"no end");
    assert_eq!(end(vec![packet(20.0, Server, A, 1, 5, b""), more(20.5, 5), fin(11)]).1, Some(Server), "a byte was");
    assert_eq!(end(vec![fin(5), more(21.5, 5)]).1, Some(Server), "which came no more");
    assert_eq!(end(vec![packet(20.0, Server, A, 1, 5, b"")]).0, EndKind::CaptureEnd, "nothing shows a close");
}
