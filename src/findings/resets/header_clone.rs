//! E3: the reset carries header fields of a packet of the *other* side: the device
//! that built it reused the packet which triggered it.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::IpIdMode;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let trigger = &reset.receiver;
    let id = reset.id?;
    let cloned = id != 0 && trigger.last_id == Some(id);
    // Where either side repeats itself an equal number means nothing, and two
    // counters that run close together meet by chance.
    let constant = |mode| matches!(mode, IpIdMode::Constant | IpIdMode::Zero);
    let own_series_near = reset.sender.last_id.is_some_and(|last| id.wrapping_sub(last) <= 1000);
    if !cloned || constant(trigger.id_mode()) || constant(reset.sender.id_mode()) && id == 0 || own_series_near {
        return None;
    }
    let window = reset.window == trigger.last_window && reset.window != 0;
    Some(Piece::other(
        "header-clone",
        Strength::Proof,
        vec![trigger.last.frame, reset.at.frame],
        format!(
            "its IP identification {id}{} copied from the {}'s last packet, which no host does",
            if window { format!(" and window {} are", reset.window) } else { " is".to_owned() },
            reset.claimed_by.other(),
        ),
    ))
}
