//! Connections that a reset ends, for the tests of each piece of evidence.

use super::{Builder, Company, Judgement, PointsAt, Strength, judge};
use crate::base::{BySide, Certainty, Side};
use crate::flow::TcpFacts;
use crate::flow::testing::{A, Line, R, S, handshake, packet, play, play_one};
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
    let mut next = BySide { client: 100, server: 9_000 };
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

/// A RST of a Linux kernel whose socket is gone.
pub(super) fn bare(ms: f64) -> Line {
    let mut rst = packet(ms, Server, R, 13, 0, b"");
    (rst.id, rst.window) = (0, 0);
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

pub(super) fn judge_lines(lines: &[Line]) -> Judgement {
    judge_one(&play_one(lines).0)
}

pub(super) fn strength(judgement: &Judgement, id: &str) -> Option<Strength> {
    judgement.evidence.iter().find(|piece| piece.id == id).map(|piece| piece.strength)
}

pub(super) fn foreign(judgement: &Judgement) -> bool {
    judgement.built_by == Builder::OtherDevice && judgement.certainty > Certainty::Possible
}

/// Resets that hosts mean, each at the end of a connection.
fn genuine() -> Vec<(&'static str, Vec<Line>)> {
    let ending = |rst: Line| {
        let mut lines = talk();
        lines.push(rst);
        lines
    };
    let mut abort = packet(60.0, Client, A | R, 21, 13, b"");
    (abort.id, abort.window) = (107, 0);
    let mut unread = answered(60.0);
    unread.window = 500;
    let mut refused = packet(10.0, Server, A | R, 0, 1, b"");
    refused.window = 0;
    vec![
        ("a Windows server's abort", ending(answered(60.0))),
        ("a Windows client's abort", ending(abort)),
        ("a Linux server's, with data unread", ending(unread)),
        ("a Linux kernel's without a socket", ending(bare(60.0))),
        ("a refusal", vec![packet(0.0, Client, S, 0, 0, b""), refused]),
    ]
}

/// What may become of a capture: a late start, a missing packet, copies, packets
/// out of order, a clock for each direction.
fn damaged(lines: &[Line]) -> Vec<(String, Vec<Line>)> {
    let mut forms = vec![("whole".to_owned(), lines.to_vec())];
    for n in 0..lines.len() {
        forms.push((format!("from packet {n}"), lines[n..].to_vec()));
        let mut less = lines.to_vec();
        less.remove(n);
        forms.push((format!("without packet {n}"), less));
        let mut swapped = lines.to_vec();
        swapped.swap(n, (n + 1).min(lines.len() - 1));
        forms.push((format!("packet {n} late"), swapped));
    }
    let copy = |line: &Line| [line.clone(), Line { ms: line.ms + 0.3, ..line.clone() }];
    forms.push(("every packet twice".to_owned(), lines.iter().flat_map(copy).collect()));
    for off in [-15.0, -3.0, 3.0, 15.0] {
        let moved = |line: &Line| Line { ms: line.ms + if line.from == Server { off } else { 20.0 }, ..line.clone() };
        let mut shifted: Vec<Line> = lines.iter().map(moved).collect();
        shifted.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        forms.push((format!("one direction {off} ms off"), shifted));
    }
    forms
}

/// No damage lets a piece of evidence decide against a host that built its
/// reset itself.
pub(super) fn damage_accuses_nobody(id: &str) {
    for (what, lines) in genuine() {
        for (how, lines) in damaged(&lines) {
            let connections = play(&lines);
            let judgements =
                connections.iter().flat_map(|c| judge(&c.tcp, &SessionFacts::default(), Company::default()));
            for judgement in judgements {
                let decides = |p: &&super::Piece| {
                    p.id == id && p.points_at == PointsAt::OtherDevice && p.strength >= Strength::Compelling
                };
                let accusing = judgement.evidence.iter().find(decides);
                assert!(accusing.is_none(), "{what}, {how}: {accusing:?}");
                assert!(!foreign(&judgement), "{what}, {how}: {:?}", judgement.evidence);
            }
        }
    }
}
