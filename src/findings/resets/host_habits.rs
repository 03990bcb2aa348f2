//! What speaks for the host itself.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::{IpIdMode, SequenceFit};

/// Windows steps by one, or two where another connection came between.
const NEXT_IDS: std::ops::RangeInclusive<u16> = 1..=2;

pub(super) fn weigh(scene: &Scene<'_>) -> Vec<Piece> {
    let reset = scene.reset;
    // A refused SYN has only the sender's other connections to be held against.
    let same_ttl = scene.baseline().is_some_and(|baseline| baseline.step(reset.ttl) == 0);
    let exact = matches!(reset.fit, SequenceFit::Exact | SequenceFit::AnswersSyn) || reset.seq_is_peers_ack;
    let mut pieces = Vec::new();
    let mut add = |id, strength, says: String| {
        pieces.push(Piece::host(id, strength, scene.frames(), says));
    };
    if same_ttl && exact {
        add(
            "same-path",
            Strength::Weak,
            format!(
                "same TTL ({}) as the {}'s other packets, and the sequence number fits exactly",
                reset.ttl, reset.claimed_by
            ),
        );
        let continues = match (reset.id, reset.sender.last_id) {
            (Some(id), Some(last)) => id != 0 && last != 0 && NEXT_IDS.contains(&id.wrapping_sub(last)),
            _ => false,
        };
        // One chance in 32768 that another device hits it, however few packets
        // the counter is known by.
        if continues && matches!(reset.sender.id_mode(), IpIdMode::Counter | IpIdMode::Unknown) {
            add(
                "identification-continues",
                Strength::Strong,
                format!("its IP identification continues the {}'s own counter", reset.claimed_by),
            );
        }
    }
    if same_ttl && (reset.after_peer_fin || reset.after_own_fin) {
        add("after-fin", Strength::Strong, "it follows a FIN: an ordinary way to close".to_owned());
    }
    pieces
}
