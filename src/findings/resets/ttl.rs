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
pub(super) const MANY: u64 = 8;

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
        scene.compared(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::Judgement;
    use crate::findings::resets::testing::{
        answered, damage_accuses_nobody, foreign, judge_lines, judge_one, strength, talk, with,
    };

    fn from(ttl: u8) -> Judgement {
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (ttl, 0);
        judge_one(&with(rst))
    }

    #[test]
    fn another_distance_is_another_device() {
        let far = from(63);
        assert_eq!(strength(&far, "ttl-step"), Some(Strength::Compelling));
        assert!(foreign(&far));
        assert_eq!((far.hops, far.sender_hops), (1, Some(7)));
    }

    #[test]
    fn a_route_change_and_an_equal_distance_are_not() {
        assert_eq!(strength(&from(120), "ttl-step"), Some(Strength::Weak));
        assert!(!foreign(&from(120)));
        assert_eq!(strength(&from(121), "ttl-step"), None);
    }

    #[test]
    fn a_sender_whose_packets_come_over_several_distances_is_not_known() {
        let mut lines = talk();
        lines[1].ttl = 62;
        let mut rst = answered(60.0);
        rst.ttl = 62;
        lines.push(rst);
        assert_eq!(strength(&judge_lines(&lines), "ttl-step"), None, "a proxy answers the SYN");
    }

    #[test]
    fn what_is_left_of_a_connection_makes_a_lesser_baseline() {
        // The server's SYN-ACK alone: it may be a proxy's.
        let mut lines = talk();
        lines.truncate(3);
        let mut rst = answered(60.0);
        (rst.ttl, rst.id, rst.seq, rst.ack) = (63, 0, 1, 1);
        lines.push(rst);
        assert_eq!(strength(&judge_lines(&lines), "ttl-step"), Some(Strength::Strong));
        damage_accuses_nobody("ttl-step");
    }
}
