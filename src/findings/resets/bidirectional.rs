//! E8: resets to both sides at the same moment. A host answers a reset with
//! nothing (RFC 9293 §3.10.7), so two that cross were sent by a third party.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::Span;

/// Resets this close cannot have been caused by one another on a path that is
/// longer; on a shorter one nothing is claimed.
const AT_ONCE: Span = Span::from_millis(5);

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    let twin = tcp
        .resets
        .iter()
        .find(|other| other.claimed_by != reset.claimed_by && other.at.time.since(reset.at.time).abs() <= AT_ONCE)?;
    let fin = reset.after_own_fin || reset.after_peer_fin || twin.after_own_fin || twin.after_peer_fin;
    if fin {
        return None;
    }
    Some(Piece::other(
        "both-directions",
        Strength::Strong,
        vec![reset.at, twin.at],
        format!(
            "a reset in the name of each side passed within {}: hosts do not answer a reset with a reset",
            twin.at.time.since(reset.at.time).abs()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, foreign, judge_lines, strength, talk};
    use crate::flow::testing::{A, F, R, packet};

    fn both(gap: f64) -> Option<Strength> {
        let mut lines = talk();
        lines.push(answered(55.0));
        lines.push(packet(55.0 + gap, Client, A | R, 21, 13, b""));
        strength(&judge_lines(&lines), "both-directions")
    }

    #[test]
    fn resets_both_ways_at_once_were_not_provoked_by_one_another() {
        assert_eq!(both(0.1), Some(Strength::Strong));
    }

    #[test]
    fn a_round_trip_apart_the_one_may_answer_what_crossed_it() {
        assert_eq!(both(9.0), None);
    }

    #[test]
    fn after_a_fin_both_sides_may_reset() {
        let mut lines = talk();
        lines.push(packet(55.0, Server, A | F, 13, 21, b""));
        lines.push(packet(55.2, Client, A | R, 21, 14, b""));
        lines.push(packet(55.3, Server, R, 14, 0, b""));
        assert_eq!(strength(&judge_lines(&lines), "both-directions"), None);
    }

    #[test]
    fn a_copy_is_no_second_direction() {
        let mut lines = talk();
        lines.extend([answered(60.0), answered(60.2)]);
        assert_eq!(strength(&judge_lines(&lines), "both-directions"), None);
        damage_accuses_nobody("both-directions");
    }

    #[test]
    fn two_hosts_that_abort_in_the_same_moment_are_not_convicted() {
        let mut lines = talk();
        lines.push(answered(60.0));
        let mut abort = packet(60.2, Client, A | R, 21, 13, b"");
        abort.id = 107;
        lines.push(abort);
        assert!(!foreign(&judge_lines(&lines)), "the server's own numbering stands against it");
    }
}
