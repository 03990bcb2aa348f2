//! What speaks for the host itself.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::{IpIdMode, SequenceFit};

/// Windows steps by one, or two where another connection came between.
const NEXT_IDS: std::ops::RangeInclusive<u16> = 1..=2;

/// Whether an identification is the next one of its sender's, or the one after.
pub(super) fn continues(id: Option<u16>, last: Option<u16>) -> bool {
    let next = |(id, last): (u16, u16)| id != 0 && last != 0 && NEXT_IDS.contains(&id.wrapping_sub(last));
    id.zip(last).is_some_and(next)
}

pub(super) fn same_path(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let says = || {
        format!(
            "same TTL ({}) as the {}'s other packets, and the sequence number fits exactly",
            reset.ttl, reset.claimed_by
        )
    };
    let is_one = came_as_others(scene) && has_next_number(scene);
    is_one.then(|| Piece::host("same-path", Strength::Weak, scene.compared(), scene.prose.text(says)))
}

pub(super) fn next_identification(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let continues = continues(reset.id, reset.sender.last_id);
    // One chance in 32768 that another device hits it, however few packets the
    // counter is known by.
    let may_count = matches!(reset.sender.id_mode(), IpIdMode::Counter | IpIdMode::Unknown);
    let says = || format!("its IP identification continues the {}'s own counter", reset.claimed_by);
    let is_one = continues && may_count && came_as_others(scene) && has_next_number(scene);
    is_one.then(|| Piece::host("identification-continues", Strength::Strong, scene.compared(), scene.prose.text(says)))
}

pub(super) fn after_fin(scene: &Scene<'_>) -> Option<Piece> {
    let is_one = (scene.reset.after_peer_fin || scene.reset.after_own_fin) && came_as_others(scene);
    let says = "it follows a FIN: an ordinary way to close";
    is_one.then(|| Piece::host("after-fin", Strength::Strong, scene.compared(), says))
}

/// Whether it came as far as its sender's packets do. A refused SYN has only the
/// sender's other connections to be held against.
fn came_as_others(scene: &Scene<'_>) -> bool {
    scene.baseline().is_some_and(|baseline| baseline.step(scene.reset.ttl) == 0)
}

fn has_next_number(scene: &Scene<'_>) -> bool {
    let reset = scene.reset;
    matches!(reset.fit, SequenceFit::Exact | SequenceFit::AnswersSyn) || reset.seq_is_peers_ack
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::Builder;
    use crate::findings::resets::testing::{answered, judge_lines, judge_one, strength, talk, with};
    use crate::flow::testing::{A, F, Line, R, packet};

    fn weighed(change: impl Fn(&mut Line), id: &str) -> Option<Strength> {
        let mut rst = answered(60.0);
        change(&mut rst);
        strength(&judge_one(&with(rst)), id)
    }

    #[test]
    fn the_same_way_the_exact_number_and_the_next_identification() {
        assert_eq!(weighed(|_| (), "same-path"), Some(Strength::Weak));
        assert_eq!(weighed(|_| (), "identification-continues"), Some(Strength::Strong));
        assert_eq!(weighed(|rst| rst.id = 9_005, "identification-continues"), Some(Strength::Strong), "one between");
    }

    #[test]
    fn another_way_number_or_identification_does_not_speak_for_the_host() {
        assert_eq!(weighed(|rst| rst.ttl = 63, "same-path"), None);
        assert_eq!(weighed(|rst| rst.ttl = 63, "identification-continues"), None, "copied along another way");
        assert_eq!(weighed(|rst| rst.seq = 900, "same-path"), None);
        assert_eq!(weighed(|rst| rst.id = 9_100, "identification-continues"), None);
        assert_eq!(weighed(|rst| rst.id = 0, "identification-continues"), None, "0 continues nothing");
    }

    #[test]
    fn a_reset_after_a_fin_closes_in_an_ordinary_way() {
        let mut lines = talk();
        lines.push(packet(60.0, Server, A | F, 13, 21, b""));
        lines.push(packet(60.2, Client, A | R, 21, 14, b""));
        let judgement = judge_lines(&lines);
        assert_eq!(strength(&judgement, "after-fin"), Some(Strength::Strong));
        assert_eq!(judgement.built_by, Builder::Host);
        let mut far = lines;
        far.last_mut().unwrap().ttl = 60;
        assert_eq!(strength(&judge_lines(&far), "after-fin"), None);
    }

    #[test]
    fn without_a_packet_of_the_sender_nothing_speaks_for_it() {
        let refused = [packet(0.0, Client, crate::flow::testing::S, 0, 0, b""), packet(10.0, Server, A | R, 0, 1, b"")];
        let judgement = judge_lines(&refused);
        assert!(judgement.evidence.iter().all(|piece| piece.id != "same-path"), "{:?}", judgement.evidence);
    }
}
