//! E11: the sequence number is the start of the sender's last data, not its
//! end: the builder answered that packet without counting its bytes.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::wire::TcpFlags;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    // A closed socket repeats what was acknowledged, and that lags (RFC 9293
    // §3.10.7.1).
    if !reset.repeats_last_start || reset.seq_is_peers_ack || scene.has_gaps() || scene.tcp.clock_ran_back > 0 {
        return None;
    }
    Some(Piece::other(
        "stale-sequence",
        // A bare RST may answer a packet that is missing here.
        if reset.flags.has(TcpFlags::ACK) { Strength::Strong } else { Strength::Weak },
        scene.frames(),
        format!(
            "it uses the number at which the {}'s last data began: the {} itself had gone on to the end of it",
            reset.claimed_by, reset.claimed_by
        ),
    ))
}
