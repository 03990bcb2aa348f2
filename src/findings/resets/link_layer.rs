//! E13: the reset came from another MAC address than all packets of its sender.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::Habits;

/// Packets with the same address that make it the sender's way.
const MIN_PACKETS: u64 = 4;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let (got, usual) = (reset.mac?, reset.sender.mac?);
    if got == usual || reset.sender.mac_changed || reset.sender.packets() < MIN_PACKETS {
        return None;
    }
    // Two routers (VRRP, asymmetric routes) bring the packets of a distant
    // host; a host of the same segment has one address.
    let neighbour = reset.sender.usual_ttl().map(Habits::hops) == Some(0);
    Some(Piece::other(
        "link-layer",
        if neighbour { Strength::Strong } else { Strength::Weak },
        scene.frames(),
        format!("it came from another MAC address than every packet of the {}", reset.claimed_by),
    ))
}
