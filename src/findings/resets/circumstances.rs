//! E15, E16, E18: what fits and decides nothing. Reported, never counted.

use super::scene::Scene;
use super::timers;
use super::{Piece, Strength};
use crate::base::{At, Side, Text};
use crate::session::Stage;

/// Repetitions by the receiver after which it has not heard of the reset.
const WENT_ON: u32 = 2;

/// A silence as long as a known timer. 5 and 10 minutes and an hour are
/// popular with applications, too.
pub(super) fn timer(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let names = timers::matching(reset.silence_before);
    (!names.is_empty()).then(|| {
        Piece::circumstance(
            "known-timer",
            vec![reset.at],
            format!("it came after {} of silence: {}", reset.silence_before, timers::list(&names)),
        )
    })
}

/// The first answer to the client's opening words. A server without a usable
/// certificate resets there as well.
pub(super) fn stage(scene: &Scene<'_>) -> Option<Piece> {
    let stage = scene.session.stage();
    // What the server said before may be missing.
    if scene.has_gaps() || scene.tcp.directions.server.never_seen > 0 {
        return None;
    }
    let opening = match stage {
        Stage::X224 if scene.session.negotiation.confirm.is_none() => "Connection Request",
        Stage::Tls if scene.session.tls.as_ref().is_some_and(|tls| tls.server_hello.is_none()) => "ClientHello",
        _ => return None,
    };
    (scene.side() == Side::Server)
        .then(|| Piece::circumstance("stage", vec![scene.reset.at], format!("it is the first answer to the {opening}")))
}

/// The side that was reset goes on as if it had not been, after a round trip
/// and longer: the reset went past it, or was lost on its way.
pub(super) fn one_sided(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    (reset.receiver_went_on >= WENT_ON).then(|| {
        Piece::circumstance(
            "one-sided",
            vec![reset.at],
            format!(
                "the {} sent {} more packets: it did not obey, or never got it",
                reset.claimed_by.other(),
                reset.receiver_went_on
            ),
        )
    })
}

impl Piece {
    fn circumstance(id: &'static str, rests_on: Vec<At>, says: impl Into<Text>) -> Self {
        Self::other(id, Strength::Circumstance, rests_on, says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::Builder;
    use crate::findings::resets::testing::{answered, judge_one, strength, talk, with};
    use crate::findings::testing::{ACK, RST, diagnosed};
    use crate::flow::testing::{A, R, packet, play_one};
    use Side::{Client, Server};

    fn stage_says(script: &str, by: Side) -> Option<String> {
        let resets = diagnosed(script, &[(20, by, RST)]).resets;
        let mut pieces = resets.into_iter().flat_map(|judgement| judgement.evidence);
        pieces.find(|piece| piece.id == "stage").map(|piece| piece.says.into_owned())
    }

    #[test]
    fn a_silence_as_long_as_a_timer_is_told_and_never_counted() {
        let after = |ms| {
            let mut rst = answered(ms);
            rst.id = 0;
            judge_one(&with(rst))
        };
        assert_eq!(strength(&after(240_050.0), "known-timer"), Some(Strength::Circumstance));
        assert_eq!(after(240_050.0).built_by, Builder::Host);
        assert_eq!(strength(&after(200_050.0), "known-timer"), None);
        assert_eq!(strength(&after(60_050.0), "known-timer"), None, "nobody's documented default");
    }

    #[test]
    fn the_first_answer_to_an_opening_is_told() {
        assert_eq!(stage_says("C cr:0b", Server).unwrap(), "it is the first answer to the Connection Request");
        let hello = "C cr:0b\nS cc:02\nC hello";
        assert_eq!(stage_says(hello, Server).unwrap(), "it is the first answer to the ClientHello");
    }

    #[test]
    fn a_second_answer_or_the_other_side_or_a_hole_is_none() {
        assert_eq!(stage_says("C cr:0b\nS cc:02", Server), None);
        assert_eq!(stage_says("C cr:0b\nS cc:02\nC hello\nS sh12 cert done", Server), None);
        assert_eq!(stage_says("C cr:0b", Client), None, "who asks does not answer");
        assert_eq!(stage_says("C cr:0b\nS gap:19", Server), None, "the answer before it is missing here");
    }

    #[test]
    fn the_stage_accuses_nobody() {
        let judgement = diagnosed("C cr:0b\nS cc:02\nC hello", &[(20, Server, RST)]).resets.remove(0);
        assert_eq!(judgement.built_by, Builder::Host, "{:?}", judgement.evidence);
    }

    /// Packets of the client after a reset in the server's name.
    fn after_reset(times: &[f64]) -> Option<Strength> {
        let mut lines = talk();
        lines.push(answered(60.0));
        for (n, ms) in times.iter().enumerate() {
            let mut line = packet(*ms, Client, A, 13, 13, b"question");
            line.id = 200 + n as u16;
            lines.push(line);
        }
        strength(&judge_one(&play_one(&lines).0), "one-sided")
    }

    #[test]
    fn a_receiver_that_goes_on_did_not_obey() {
        assert_eq!(after_reset(&[300.0, 900.0]), Some(Strength::Circumstance));
        assert_eq!(after_reset(&[300.0]), None, "one may be a straggler");
        assert_eq!(after_reset(&[60.1, 62.0, 65.0]), None, "on their way when the reset passed");
        assert_eq!(after_reset(&[3_000.0, 4_000.0]), None, "another connection by then");
        assert_eq!(after_reset(&[]), None);
    }

    #[test]
    fn copies_and_resets_of_the_receiver_are_no_going_on() {
        let mut lines = talk();
        lines.push(answered(60.0));
        let mut line = packet(300.0, Client, A, 13, 13, b"question");
        line.id = 200;
        // A mirror port's copies.
        lines.extend([line.clone(), line.clone(), line]);
        let mut rst = packet(301.0, Client, R, 21, 0, b"");
        rst.id = 0;
        lines.push(rst);
        assert_eq!(strength(&judge_one(&play_one(&lines).0), "one-sided"), None);
    }

    #[test]
    fn keep_alives_do_not_make_a_silence() {
        let script = "C cr:0b\nS cc:02\nC hello";
        let close = [(120_000, Client, ACK), (120_000, Server, RST)];
        let resets = diagnosed(script, &close).resets;
        assert!(resets[0].evidence.iter().all(|piece| piece.id != "known-timer"), "{:?}", resets[0].evidence);
    }
}
