//! E7: the reset breaks the way its claimed sender numbers its packets.
//!
//! Only a sender that counts can be held to it. Linux builds resets outside
//! any socket with identification 0 whatever its sockets count, so that a 0
//! which came the usual distance says nothing.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::Span;
use crate::flow::{IpIdMode, ResetFacts};

/// A counter shared by all connections of a busy host may move on by so much
/// within a second without our seeing it.
const MAX_STEP_PER_SECOND: i64 = 3000;

/// The least distance that is called a break: a busy Windows host was seen to
/// move on by 331 between two packets of a connection.
const MIN_BREAK: u16 = 1_000;

/// After a longer silence a shared counter may stand anywhere.
const MAX_SILENCE: Span = Span::from_secs(5);

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let (id, last) = (reset.id?, reset.sender.last_id?);
    // A mirror's copy from behind a router has a hop less.
    let usual_distance = reset.sender.ttls().any(|(ttl, _)| ttl.abs_diff(reset.ttl) <= 1);
    if id == 0 && (usual_distance || reset.ttl <= 64) || !breaks_off(reset) {
        return None;
    }
    Some(Piece::other(
        "identification-break",
        Strength::Strong,
        scene.compared(),
        format!("its IP identification is {id}; the {} counts its packets and had come to {last}", reset.claimed_by),
    ))
}

/// Whether its claimed sender counts, and does not come to its number.
pub(super) fn breaks_off(reset: &ResetFacts) -> bool {
    let (Some(id), Some(last)) = (reset.id, reset.sender.last_id) else { return false };
    let since = reset.at.time.since(reset.sender.last.time);
    if reset.sender.id_mode() != IpIdMode::Counter || since > MAX_SILENCE {
        return false;
    }
    let ahead = id.wrapping_sub(last);
    let allowed = i64::from(MIN_BREAK).saturating_add(since.nanos().max(0) / 1_000_000 * MAX_STEP_PER_SECOND / 1000);
    // A packet numbered shortly before the last one was overtaken, not forged.
    let behind = last.wrapping_sub(id);
    i64::from(ahead) > allowed && (i64::from(behind) > allowed || id == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, with};

    fn numbered(id: u16, ms: f64, ttl: u8) -> Option<Strength> {
        let mut rst = answered(ms);
        (rst.id, rst.ttl) = (id, ttl);
        strength(&judge_one(&with(rst)), "identification-break")
    }

    #[test]
    fn a_counter_that_breaks_off_is_strong() {
        assert_eq!(numbered(40_000, 60.0, 121), Some(Strength::Strong));
        assert_eq!(numbered(10_900, 50.1, 121), Some(Strength::Strong), "at once");
        assert_eq!(numbered(10_900, 1_060.0, 121), None, "within a second a busy host comes so far");
        assert_eq!(numbered(0, 60.0, 254), Some(Strength::Strong), "no kernel of this host");
    }

    #[test]
    fn a_busy_host_an_overtaken_packet_and_linux_do_not_break_off() {
        assert_eq!(numbered(9_900, 60.0, 121), None);
        assert_eq!(numbered(8_990, 60.0, 121), None);
        assert_eq!(numbered(0, 60.0, 121), None);
    }

    #[test]
    fn after_a_silence_a_counter_may_stand_anywhere() {
        assert_eq!(numbered(40_000, 9_000.0, 121), None);
        damage_accuses_nobody("identification-break");
    }
}
