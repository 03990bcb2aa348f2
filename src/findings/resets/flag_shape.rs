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
        scene.frames(),
        format!("{says}, unlike in every other packet of the {}", reset.claimed_by),
    ))
}
