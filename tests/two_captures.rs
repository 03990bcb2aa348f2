//! Two captures of one connection, read together: what one end received and the
//! other never sent was built in between, and nobody is accused because a
//! capture lacks a packet or its clock is wrong.

use std::collections::BTreeSet;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{Certainty, Span};
use rdpwhy::findings::AtFault;

use super::cases::{captures, folders};
use super::laws_resets::{Kept, Truth, accused, evidence_of, forged_frames, play, read};

/// The two captures of a case, as one timeline.
struct Pair {
    case: String,
    /// Capture and frame of each forged reset.
    forged: BTreeSet<(u32, u64)>,
    packets: Vec<Kept>,
}

fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for folder in folders() {
        let truth: Truth = toml::from_str(&std::fs::read_to_string(folder.join("truth.toml")).unwrap()).unwrap();
        let files = captures(&folder);
        if files.len() != 2 {
            continue;
        }
        let paths: Vec<_> = files.iter().map(|(_, path)| path.as_path()).collect();
        let packets = read(&paths);
        let mut forged = BTreeSet::new();
        for (n, (vantage, _)) in (0_u32..).zip(&files) {
            let own: Vec<Kept> = packets.iter().filter(|p| p.frame.capture.0 == n).cloned().collect();
            forged.extend(forged_frames(&truth, vantage, &own).into_iter().map(|frame| (n, frame)));
        }
        if packets.iter().any(|packet| packet.is_reset()) {
            pairs.push(Pair { case: truth.name, forged, packets });
        }
    }
    assert!(pairs.len() > 50, "the fixtures are there");
    pairs
}

#[derive(Default)]
struct Score {
    forged: u32,
    found: u32,
    settled: u32,
    wrong: Vec<String>,
}

impl Score {
    fn add(&mut self, pair: &Pair, how: &str, packets: &[Kept]) {
        let analysis = play(packets);
        for connection in &analysis.connections {
            for (reset, judgement) in connection.tcp.resets.iter().zip(&connection.diagnosis.resets) {
                let frame = (reset.at.frame.capture.0, reset.at.frame.number);
                let is_accused = accused((judgement.built_by, judgement.certainty));
                self.settled += u32::from(judgement.evidence.iter().any(|piece| piece.id == "other-end"));
                if pair.forged.contains(&frame) {
                    self.forged += 1;
                    self.found += u32::from(is_accused);
                    if !is_accused && how == "whole" {
                        println!("not found: {} {frame:?}: {}", pair.case, evidence_of(judgement));
                    }
                } else if is_accused {
                    self.wrong.push(format!("{} {how} {frame:?}: {}", pair.case, evidence_of(judgement)));
                }
            }
        }
    }

    fn nobody_is_wronged(&self) {
        assert!(self.wrong.is_empty(), "{} wrong accusations:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.settled > 0, "the other capture was never asked");
    }
}

fn under(damage: impl Fn(&Pair) -> Vec<(String, Vec<Kept>)>) -> Score {
    let mut score = Score::default();
    for pair in pairs() {
        for (how, packets) in damage(&pair) {
            score.add(&pair, &how, &packets);
        }
    }
    score
}

fn without(packets: &[Kept], drop: impl Fn(&Kept) -> bool) -> Vec<Kept> {
    packets.iter().filter(|packet| !drop(packet)).cloned().collect()
}

#[test]
fn both_ends_together_find_more_and_wrong_nobody() {
    let score = under(|pair| vec![("whole".to_owned(), pair.packets.clone())]);
    println!("{} of {} forged resets found; the other end spoke {} times", score.found, score.forged, score.settled);
    score.nobody_is_wronged();
    assert!(score.found * 100 >= score.forged * 98, "{} of {}", score.found, score.forged);
}

#[test]
fn a_capture_without_the_reset_that_was_sent_convicts_nobody() {
    let score = under(|pair| {
        [0, 1]
            .into_iter()
            .map(|capture| {
                let kept = without(&pair.packets, |p| p.frame.capture.0 == capture && p.is_reset());
                (format!("without the resets of capture {capture}"), kept)
            })
            .collect()
    });
    score.nobody_is_wronged();
}

#[test]
fn clocks_that_disagree_wrong_nobody() {
    let score = under(|pair| {
        let shifted = |millis: i64| {
            let shift = |kept: &Kept| {
                let mut kept = kept.clone();
                if kept.frame.capture.0 == 1 {
                    kept.time = kept.time + Span::from_millis(millis);
                }
                kept
            };
            let mut packets: Vec<Kept> = pair.packets.iter().map(shift).collect();
            packets.sort_by_key(|kept| (kept.time, kept.frame));
            (format!("the server's clock {millis} ms ahead"), packets)
        };
        [-3_600_000, -40_000, -700, -15, 15, 700, 40_000, 3_600_000].into_iter().map(shifted).collect()
    });
    score.nobody_is_wronged();
}

#[test]
fn captures_that_end_early_or_begin_late_wrong_nobody() {
    let score = under(|pair| {
        let cut = |(capture, tenth): (u32, usize)| {
            let own = pair.packets.iter().filter(|p| p.frame.capture.0 == capture).count();
            let (from, to) = if tenth < 5 { (own * tenth / 10, own) } else { (0, own * tenth / 10) };
            let kept = |p: &Kept| {
                let place = usize::try_from(p.frame.number).unwrap() - 1;
                p.frame.capture.0 != capture || (from..to).contains(&place)
            };
            (format!("packets {from} to {to} of capture {capture}"), without(&pair.packets, |p| !kept(p)))
        };
        [(0, 1), (0, 3), (0, 6), (0, 8), (0, 9), (1, 1), (1, 3), (1, 6), (1, 8), (1, 9)].into_iter().map(cut).collect()
    });
    score.nobody_is_wronged();
}

#[test]
fn captures_that_lack_packets_wrong_nobody() {
    let score = under(|pair| {
        let sampled = |seed: u64| {
            let nth = [50, 20, 7, 3][seed as usize % 4];
            let lost = |p: &Kept| {
                let mixed = (p.frame.number + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                p.frame.capture.0 == (seed / 4 % 2) as u32 && mixed.is_multiple_of(nth)
            };
            (format!("one in {nth} missing, seed {seed}"), without(&pair.packets, lost))
        };
        (0..8).map(sampled).collect()
    });
    score.nobody_is_wronged();
}

#[test]
fn the_same_file_twice_settles_nothing() {
    let score = under(|pair| {
        let own = pair.packets.iter().filter(|p| p.frame.capture.0 == 0);
        let again = |p: &Kept| {
            let mut copy = p.clone();
            copy.frame.capture.0 = 1;
            copy.vantage = 1;
            [p.clone(), copy]
        };
        vec![("the client's file twice".to_owned(), own.flat_map(again).collect())]
    });
    assert!(score.wrong.iter().all(|wrong| !wrong.contains("(0, ")), "{:?}", score.wrong);
}

#[test]
fn a_second_capture_that_ends_too_early_is_said_to() {
    let folder = folders().into_iter().find(|folder| folder.ends_with("injected-suricata-tls")).unwrap();
    let files = captures(&folder);
    let paths: Vec<_> = files.iter().map(|(_, path)| path.as_path()).collect();
    let analysis = play(&read(&paths));
    assert_eq!((analysis.connections.len(), analysis.attempts.len()), (2, 1), "one connection from two points");
    assert_eq!(analysis.attempts[0].verdict.map(|(finding, _)| finding), Some("injected-reset"));
    let finding = analysis.connections.iter().flat_map(|c| &c.diagnosis.findings).find(|f| f.id == "injected-reset");
    let next = &finding.unwrap().next;
    assert!(next.iter().any(|step| step.contains("some seconds after its end")), "{next:?}");
}

#[test]
fn what_one_capture_settles_the_other_does_not_leave_open() {
    let settled = |connection: &Connection| {
        connection
            .diagnosis
            .verdict()
            .is_some_and(|found| found.at_fault != Some(AtFault::Unclear) && found.certainty > Certainty::Possible)
    };
    let (mut tried, mut wrong) = (0, Vec::new());
    for folder in folders() {
        let files = captures(&folder);
        let [(_, client), (_, server)] = &files[..] else { continue };
        for paths in [[client, server], [server, client]] {
            let both = play(&read(&paths.map(|path| path.as_path())));
            for attempt in both.attempts.iter().filter(|attempt| attempt.sightings() == 1) {
                let views = || both.connections.iter().filter(|one| attempt.connections.contains(&one.id));
                let told = attempt.verdict.and_then(|(_, id)| both.connections.iter().find(|one| one.id == id));
                let all_failed = views().all(|one| one.diagnosis.has_verdict);
                let differ = all_failed && views().any(settled) && !views().all(settled);
                tried += u32::from(differ);
                if differ && !told.is_some_and(settled) {
                    wrong.push(folder.display().to_string());
                }
            }
        }
    }
    assert!(tried >= 6 && wrong.is_empty(), "{tried} tried:\n{}", wrong.join("\n"));
}
