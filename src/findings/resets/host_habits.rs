//! What speaks for the host itself.

use super::{Piece, PointsAt, Strength};
use crate::flow::{IpIdMode, ResetFacts, SequenceFit};

/// Windows steps by one, or two where another connection came between.
const NEXT_IDS: std::ops::RangeInclusive<u16> = 1..=2;

pub(super) fn weigh(reset: &ResetFacts) -> Vec<Piece> {
    let same_ttl = reset.sender.packets() > 0 && reset.sender.ttls().any(|(ttl, _)| ttl == reset.ttl);
    let exact = matches!(reset.fit, SequenceFit::Exact | SequenceFit::AnswersSyn) || reset.seq_is_peers_ack;
    let mut pieces = Vec::new();
    let mut add = |id, strength, says: String| {
        pieces.push(Piece {
            id,
            points_at: PointsAt::Host,
            strength,
            frames: vec![reset.sender.last.frame, reset.at.frame],
            says,
        });
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
            (Some(id), Some(last)) => id != 0 && NEXT_IDS.contains(&id.wrapping_sub(last)),
            _ => false,
        };
        if continues && reset.sender.id_mode() == IpIdMode::Counter {
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
