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
        vec![reset.at.frame, twin.at.frame],
        format!(
            "a reset in the name of each side passed within {}: hosts do not answer a reset with a reset",
            twin.at.time.since(reset.at.time).abs()
        ),
    ))
}
