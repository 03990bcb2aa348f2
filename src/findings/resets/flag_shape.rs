//! E17: header bits unlike those of all packets of the sender.
//!
//! Only in mid-connection: Windows clears the don't-fragment bit when it
//! refuses a SYN (134 of 134) and sets it when it aborts (25 of 25).

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::SequenceFit;

/// Packets that show the sender's way.
const MIN_PACKETS: u64 = 2;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    if reset.sender.packets() < MIN_PACKETS || reset.fit == SequenceFit::AnswersSyn {
        return None;
    }
    let fragment = reset.id.is_some() && reset.sender.always_df && !reset.dont_fragment;
    let label = reset.flow_label.is_some()
        && !reset.sender.flow_label_changed
        && reset.sender.flow_label != Some(0)
        && reset.flow_label != reset.sender.flow_label;
    let says = match (fragment, label) {
        (true, _) => "its don't-fragment bit is clear",
        (_, true) => "its IPv6 flow label is another one",
        _ => return None,
    };
    Some(Piece::other(
        "flag-shape",
        Strength::Weak,
        scene.compared(),
        format!("{says}, unlike in every other packet of the {}", reset.claimed_by),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, with};
    use crate::flow::TcpFacts;

    fn weighed(change: impl Fn(&mut crate::flow::ResetFacts)) -> Option<Strength> {
        let mut tcp: TcpFacts = with(answered(60.0));
        change(&mut tcp.resets[0]);
        strength(&judge_one(&tcp), "flag-shape")
    }

    #[test]
    fn a_bit_or_a_flow_label_of_its_own_is_weak() {
        assert_eq!(weighed(|reset| reset.dont_fragment = false), Some(Strength::Weak));
        let labelled = |reset: &mut crate::flow::ResetFacts| {
            (reset.id, reset.flow_label, reset.sender.flow_label) = (None, Some(0x1234), Some(0x4321));
        };
        assert_eq!(weighed(labelled), Some(Strength::Weak));
    }

    #[test]
    fn a_refusal_and_a_sender_that_varies_are_no_contrast() {
        // Windows clears the bit when it refuses, and never else.
        let refusing = |reset: &mut crate::flow::ResetFacts| {
            (reset.dont_fragment, reset.fit) = (false, SequenceFit::AnswersSyn);
        };
        assert_eq!(weighed(refusing), None);
        let relabelled = |reset: &mut crate::flow::ResetFacts| {
            (reset.id, reset.flow_label, reset.sender.flow_label) = (None, Some(0x1234), Some(0x4321));
            reset.sender.flow_label_changed = true;
        };
        assert_eq!(weighed(relabelled), None);
    }

    #[test]
    fn a_single_packet_shows_no_habit() {
        let alone = |reset: &mut crate::flow::ResetFacts| {
            reset.dont_fragment = false;
            reset.sender = crate::flow::Habits::default();
        };
        assert_eq!(weighed(alone), None);
        damage_accuses_nobody("flag-shape");
    }
}
