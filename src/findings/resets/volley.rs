//! Resets of one volley have one builder.
//!
//! Where one of several resets is known to be another device's, those beside it
//! that are built alike, and not as the claimed sender builds its packets, are
//! from the same hand. The host's own reset among them (it answers what the
//! volley provoked) looks like the host.

use super::{Builder, Judgement, Piece, Strength, combine};
use crate::base::{Certainty, Span};
use crate::flow::{ResetFacts, TcpFacts};

/// Resets further apart are not one volley.
const VOLLEY: Span = Span::from_secs(2);

/// Adds what the surely foreign resets say of their companions.
pub(super) fn share(tcp: &TcpFacts, judgements: &mut [Judgement]) {
    let convicted: Vec<&ResetFacts> = tcp
        .resets
        .iter()
        .zip(judgements.iter())
        .filter(|(_, j)| j.built_by == Builder::OtherDevice && j.certainty > Certainty::Possible)
        .map(|(reset, _)| reset)
        .collect();
    for (reset, judgement) in tcp.resets.iter().zip(judgements) {
        let known = judgement.certainty > Certainty::Possible;
        let Some(companion) = convicted.iter().find(|other| is_companion(reset, other)).filter(|_| !known) else {
            continue;
        };
        judgement.evidence.push(Piece::other(
            "same-volley",
            Strength::Strong,
            vec![companion.at, reset.at],
            format!(
                "it is built like the reset beside it, which another device built, and unlike the {}'s packets",
                reset.claimed_by
            ),
        ));
        (judgement.built_by, judgement.certainty) = combine(&judgement.evidence);
    }
}

fn is_companion(reset: &ResetFacts, other: &ResetFacts) -> bool {
    let alike = reset.flags == other.flags && reset.dont_fragment == other.dont_fragment;
    let foreign_bit = reset.sender.always_df && !reset.dont_fragment;
    let is_far = |ttl: u8| ttl.abs_diff(reset.ttl) > 2;
    let foreign_ttl =
        reset.sender.packets() > 0 && reset.sender.knows_each_ttl() && reset.sender.ttls().all(|(ttl, _)| is_far(ttl));
    reset.claimed_by == other.claimed_by
        && reset.at.frame != other.at.frame
        && reset.at.time.since(other.at.time).abs() <= VOLLEY
        && alike
        && (foreign_bit || foreign_ttl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{self, Client, Server};
    use crate::findings::resets::testing::{foreign, strength, talk};
    use crate::findings::resets::{Company, judge};
    use crate::flow::testing::{A, Line, R, packet, play_one};
    use crate::session::SessionFacts;

    /// A reset in the name of `side` with the don't-fragment bit clear or set.
    fn reset(ms: f64, side: Side, ttl: u8, id: u16) -> Line {
        let (seq, ack) = if side == Server { (13, 21) } else { (21, 13) };
        let mut rst = packet(ms, side, A | R, seq, ack, b"");
        (rst.ttl, rst.id, rst.window) = (ttl, id, 0);
        rst
    }

    fn judged(resets: &[Line], fragmentable: &[usize]) -> Vec<Judgement> {
        let mut lines = talk();
        lines.extend_from_slice(resets);
        let mut tcp = play_one(&lines).0;
        for n in fragmentable {
            tcp.resets[*n].dont_fragment = false;
        }
        judge(&tcp, &SessionFacts::default(), Company::default())
    }

    /// One that is surely another device's.
    fn foreign_one() -> Line {
        reset(60.0, Server, 63, 31_000)
    }

    #[test]
    fn a_companion_that_is_built_alike_is_from_the_same_hand() {
        let judgements = judged(&[foreign_one(), reset(60.2, Server, 121, 0)], &[0, 1]);
        assert!(foreign(&judgements[0]));
        assert_eq!(strength(&judgements[1], "same-volley"), Some(Strength::Strong));
    }

    #[test]
    fn the_hosts_own_reset_in_the_volley_stays_its_own() {
        let judgements = judged(&[foreign_one(), reset(60.2, Server, 121, 9_004)], &[0]);
        assert!(foreign(&judgements[0]));
        assert_eq!(strength(&judgements[1], "same-volley"), None);
        assert_eq!(judgements[1].built_by, Builder::Host);
        // Even where it clears the bit as the device does: what the host's
        // numbering says stands against it.
        let judgements = judged(&[foreign_one(), reset(60.2, Server, 121, 9_004)], &[0, 1]);
        assert!(!foreign(&judgements[1]));
    }

    #[test]
    fn what_came_later_or_from_the_other_side_is_no_companion() {
        let later = judged(&[foreign_one(), reset(2_500.0, Server, 121, 31_100)], &[0, 1]);
        assert_eq!(strength(&later[1], "same-volley"), None);
        let other = judged(&[foreign_one(), reset(60.2, Client, 128, 31_100)], &[0, 1]);
        assert_eq!(strength(&other[1], "same-volley"), None);
    }

    #[test]
    fn without_a_conviction_nobody_is_a_companion() {
        let doubtful = [reset(60.0, Server, 120, 0), reset(60.2, Server, 120, 0)];
        let judgements = judged(&doubtful, &[]);
        assert!(judgements.iter().all(|judgement| strength(judgement, "same-volley").is_none()));
    }

    #[test]
    fn a_copy_is_no_companion() {
        let mut copy = foreign_one();
        copy.ms += 0.2;
        let judgements = judged(&[foreign_one(), copy], &[0]);
        assert_eq!(judgements.len(), 1, "the copy is the same packet");
    }
}
