//! E2: the claimed sender goes on after "its" reset.
//!
//! A host that has reset a connection forgets it: no data, no acknowledgments.
//! Packets that were merely overtaken by the reset are recognised by an older
//! timestamp or identification and prove nothing.

use super::scene::Scene;
use super::{Piece, Strength};

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let life = &reset.afterlife;
    let first = life.first?;
    if life.progress == 0 && life.continues_series == 0 {
        return None;
    }
    // Where clocks ran back, "after" is not what it says.
    let in_order = scene.tcp.clock_ran_back == 0;
    let proof = in_order && life.progress > 0 && life.continues_series > 0;
    let series = if proof { ", and their numbering continues its own from before the reset" } else { "" };
    Some(Piece::other(
        "sender-lives",
        match (proof, in_order) {
            (true, _) => Strength::Proof,
            (false, true) => Strength::Strong,
            (false, false) => Strength::Weak,
        },
        vec![reset.at.frame, first.frame],
        format!(
            "the {} sent {} more packet{} on this connection within 2 s after it{series}: a host that resets a connection sends nothing more",
            reset.claimed_by,
            life.packets,
            if life.packets == 1 { "" } else { "s" },
        ),
    ))
}
