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
    let proof = life.progress > 0 && life.continues_series > 0;
    let series = if proof { ", and their numbering continues its own from before the reset" } else { "" };
    Some(Piece::other(
        "sender-lives",
        if proof { Strength::Proof } else { Strength::Strong },
        vec![reset.at.frame, first.frame],
        format!(
            "the {} sent {} more packet{} on this connection within 2 s after it{series}: a host that resets a connection sends nothing more",
            reset.claimed_by,
            life.packets,
            if life.packets == 1 { "" } else { "s" },
        ),
    ))
}
