//! E6: the reset travelled another distance than every other packet of its
//! sender.
//!
//! Of 560 ordinary resets 4 came with a foreign TTL, and all 4 were built by
//! another device. An equal TTL clears nobody: some devices copy it.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::findings::words;
use crate::flow::Habits;

/// Packets that make the baseline beyond doubt, where they agree.
const FIRM: u64 = 3;

/// Packets beyond which a smaller step is no route change any more, because
/// all of them came the same way.
const MANY: u64 = 8;

/// Smaller steps come from route changes and parallel paths.
const MIN_STEP: u8 = 5;

/// The smallest step that many packets of one TTL make telling.
const SMALL_STEP: u8 = 3;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let baseline = scene.baseline()?;
    let step = baseline.step(reset.ttl);
    if step == 0 {
        return None;
    }
    // A SYN-ACK may come from a proxy, and the reset from the host behind it.
    let firm = baseline.packets >= FIRM && baseline.single && baseline.beyond_handshake;
    let strength = match step {
        MIN_STEP.. if firm => Strength::Compelling,
        MIN_STEP.. => Strength::Strong,
        SMALL_STEP.. if firm && baseline.packets >= MANY => Strength::Strong,
        _ => Strength::Weak,
    };
    let whose = if baseline.pooled { "in all its connections" } else { "in this connection" };
    Some(Piece::other(
        "ttl-step",
        strength,
        scene.frames(),
        format!(
            "its TTL is {} ({} away); {} of the {} {whose} came with {} ({} away)",
            reset.ttl,
            words::hops(Habits::hops(reset.ttl)),
            words::counted(baseline.packets, "other packet", "other packets"),
            reset.claimed_by,
            baseline.usual,
            words::hops(Habits::hops(baseline.usual)),
        ),
    ))
}
