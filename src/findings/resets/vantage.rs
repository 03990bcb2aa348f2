//! E4: a capture taken on the claimed sender itself, or beside it.
//!
//! There its own packets have passed no router: their TTL is one of the usual
//! initial values. A reset "from" it that has passed one came from elsewhere;
//! one that leaves it in the same way is its own.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::Span;
use crate::findings::words;
use crate::flow::{Habits, SequenceFit};

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    if !scene.is_at_sender() {
        return at_refuser(scene);
    }
    let usual = scene.baseline()?.usual;
    if Habits::hops(reset.ttl) > 0 {
        // A mirror port behind one router gives copies; the original may be missing.
        let may_be_copy = Habits::hops(reset.ttl) == 1;
        return Some(Piece::other(
            "vantage",
            if may_be_copy { Strength::Weak } else { Strength::Compelling },
            scene.compared(),
            format!(
                "the capture was taken at the {}, whose packets leave with TTL {usual}, but this reset had passed {} routers before it got there",
                reset.claimed_by,
                Habits::hops(reset.ttl)
            ),
        ));
    }
    let fits = matches!(reset.fit, SequenceFit::Exact | SequenceFit::AnswersSyn) || reset.seq_is_peers_ack;
    (fits && reset.ttl == usual).then(|| {
        Piece::host(
            "vantage",
            Strength::Strong,
            scene.compared(),
            scene.prose.text(|| {
                format!(
                    "the capture was taken at the {}, and the reset leaves it as its other packets do",
                    reset.claimed_by
                )
            }),
        )
    })
}

/// A refused SYN leaves nothing to compare with, but next to the refusing host
/// its TTL is still whole and the answer took no time.
fn at_refuser(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let syn = scene.tcp.handshake.syn_times.last()?;
    let took = reset.at.time.since(syn.time);
    let client_hops = reset.receiver.usual_ttl().map(Habits::hops)?;
    let here = Habits::hops(reset.ttl) == 0 && client_hops > 0 && is_at_once(took);
    (here && reset.fit == SequenceFit::AnswersSyn && scene.tcp.clock_ran_back == 0).then(|| {
        Piece::host(
            "vantage",
            Strength::Strong,
            vec![*syn, reset.at],
            format!("the refusal left a host at the capture point {took} after the SYN, with its TTL whole, while the client is {} away", words::hops(client_hops)),
        )
    })
}

/// Whether a host refused a SYN in no time.
pub(super) fn is_at_once(took: Span) -> bool {
    (0..AT_ONCE_NANOS).contains(&took.nanos())
}

/// A busy host refuses a SYN within this. That no router lies between says the
/// whole TTL.
const AT_ONCE_NANOS: i64 = 5_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::testing::{damage_accuses_nobody, judge_lines, judge_one, strength, talk, with};
    use crate::findings::resets::{Builder, Judgement};
    use crate::flow::testing::{A, R, S, packet};

    /// A reset in the client's name, captured at the client.
    fn own(ttl: u8) -> Judgement {
        let mut rst = packet(60.0, Client, A | R, 21, 13, b"");
        (rst.ttl, rst.id) = (ttl, 0);
        judge_one(&with(rst))
    }

    #[test]
    fn a_reset_that_came_over_routers_to_the_host_that_is_said_to_send_it() {
        assert_eq!(strength(&own(126), "vantage"), Some(Strength::Compelling));
    }

    #[test]
    fn one_that_leaves_as_the_others_do_is_its_own() {
        let judgement = own(128);
        assert_eq!(judgement.built_by, Builder::Host);
        assert_eq!(strength(&judgement, "vantage"), Some(Strength::Strong));
    }

    #[test]
    fn away_from_the_sender_nothing_is_claimed() {
        let mut rst = packet(60.0, Server, A | R, 13, 21, b"");
        (rst.ttl, rst.id) = (119, 0);
        assert_eq!(strength(&judge_one(&with(rst)), "vantage"), None);
    }

    #[test]
    fn a_refusal_is_its_own_only_beside_the_host() {
        let refused = |ms: f64, client_ttl: u8| {
            let mut syn = packet(0.0, Client, S, 0, 0, b"");
            syn.ttl = client_ttl;
            let mut rst = packet(ms, Server, A | R, 0, 1, b"");
            rst.ttl = 128;
            strength(&judge_lines(&[syn, rst]), "vantage")
        };
        assert_eq!(refused(0.1, 121), Some(Strength::Strong));
        assert_eq!(refused(9.0, 121), None, "a path lies between");
        assert_eq!(refused(0.1, 128), None, "the client is next to it, too");
    }

    #[test]
    fn without_the_handshake_nobody_knows_where_the_capture_was_taken() {
        let mut lines = talk().split_off(3);
        let mut rst = packet(60.0, Client, A | R, 21, 13, b"");
        (rst.ttl, rst.id) = (126, 0);
        lines.push(rst);
        assert_ne!(strength(&judge_lines(&lines), "vantage"), Some(Strength::Proof));
        damage_accuses_nobody("vantage");
    }
}
