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
            vec![companion.at.frame, reset.at.frame],
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
    let foreign_ttl = reset.sender.packets() > 0 && reset.sender.ttls().all(|(ttl, _)| ttl.abs_diff(reset.ttl) > 2);
    reset.claimed_by == other.claimed_by
        && reset.at.frame != other.at.frame
        && reset.at.time.since(other.at.time).abs() <= VOLLEY
        && alike
        && (foreign_bit || foreign_ttl)
}
