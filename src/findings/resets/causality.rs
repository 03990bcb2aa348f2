//! E1: a reset that answers what its claimed sender cannot have received yet.
//!
//! The bytes passed the capture point on their way to the sender; its answer
//! cannot pass back sooner than the shortest round trip to it.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::{At, Span};
use crate::wire::TcpFlags;

/// Below this round trip, scheduling noise of the capturing machine is as
/// large as what is measured.
const MIN_ROUND_TRIP: Span = Span::from_millis(2);

/// The share of the shortest known round trip that counts as impossible, in
/// tenths: paths do get a little shorter.
const IMPOSSIBLE_TENTHS: i64 = 8;

/// A host answers a stray segment at once. What passed longer ago than this
/// many round trips (and the delay below) is not what it answers.
const STALE_ROUND_TRIPS: i64 = 3;

/// Scheduling and queues may add this much.
const STALE_DELAY: Span = Span::from_millis(20);

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let rtt = scene.round_trip().filter(|rtt| *rtt >= MIN_ROUND_TRIP)?;
    if scene.reset.flags.has(TcpFlags::ACK) { acknowledged(scene, rtt) } else { answered(scene, rtt) }
}

/// RST+ACK: it acknowledges bytes.
fn acknowledged(scene: &Scene<'_>, rtt: Span) -> Option<Piece> {
    let reset = scene.reset;
    let seen = reset.acknowledges_byte_seen_at?;
    let took = too_early(reset.at, seen, rtt)?;
    // If the bytes had passed before, in a packet that is missing here, there
    // was time enough.
    let firm = scene.round_trip_is_firm() && took.times(2) < rtt && !scene.trigger_in_doubt();
    let strength = if firm { Strength::Proof } else { Strength::Strong };
    Some(Piece::other(
        "causality",
        strength,
        vec![seen, reset.at],
        format!(
            "it acknowledges bytes that passed the capture point {took} earlier, but the {} is never less than {rtt} away and back: it cannot have received them yet",
            reset.claimed_by
        ),
    ))
}

/// RST alone: what a closed socket answers to a segment, whose acknowledgment
/// it repeats (RFC 9293 §3.10.7.1). Not proof: an endpoint may abort with a
/// bare RST that answers nothing, though neither Windows nor Linux does.
fn answered(scene: &Scene<'_>, rtt: Span) -> Option<Piece> {
    let reset = scene.reset;
    let answers = &reset.answers;
    let newest = answers.packets.last()?;
    let took = too_early(reset.at, *newest, rtt)?;
    if !answers.complete || reset.sender.packets() == 0 {
        return None;
    }
    let limit = rtt.times(STALE_ROUND_TRIPS) + STALE_DELAY;
    let rest = answers.packets.iter().filter(|at| too_early(reset.at, **at, rtt).is_none());
    let mut stale = 0u32;
    for at in rest {
        if reset.at.time.since(at.time) <= limit {
            return None;
        }
        stale += 1;
    }
    let in_doubt = scene.trigger_in_doubt();
    let strength = if stale == 0 && !in_doubt && scene.round_trip_is_firm() {
        Strength::Compelling
    } else if in_doubt {
        Strength::Weak
    } else {
        Strength::Strong
    };
    Some(Piece::other(
        "answers-too-early",
        strength,
        vec![*newest, reset.at],
        format!(
            "by its sequence number it answers a packet that passed the capture point only {took} before; the {} is never less than {rtt} away and back",
            reset.claimed_by
        ),
    ))
}

fn too_early(reset: At, trigger: At, rtt: Span) -> Option<Span> {
    let took = reset.time.since(trigger.time);
    (took >= Span::ZERO && took.nanos() < rtt.nanos() / 10 * IMPOSSIBLE_TENTHS).then_some(took)
}

/// Whether a reset came too early after a packet for its claimed sender, whose
/// shortest round trip elsewhere was `rtt`, to answer it.
pub(super) fn is_too_early(reset: At, trigger: At, rtt: Span) -> bool {
    rtt >= MIN_ROUND_TRIP && too_early(reset, trigger, rtt).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{
        answered, bare, damage_accuses_nobody, judge_lines, judge_one, strength, talk, with,
    };

    #[test]
    fn an_acknowledgment_before_the_bytes_can_have_arrived_is_proof() {
        assert_eq!(strength(&judge_one(&with(answered(52.0))), "causality"), Some(Strength::Proof));
    }

    #[test]
    fn a_little_faster_than_the_fastest_so_far_is_no_wonder() {
        assert_eq!(strength(&judge_one(&with(answered(58.5))), "causality"), None);
    }

    #[test]
    fn a_bare_reset_answers_a_packet_that_had_time_to_arrive() {
        let mut fast = talk();
        fast.remove(9);
        fast[9].id -= 1;
        fast.push(bare(52.0));
        assert_eq!(strength(&judge_lines(&fast), "answers-too-early"), Some(Strength::Compelling));
        // The packet before it had time enough.
        assert_eq!(strength(&judge_one(&with(bare(52.0))), "answers-too-early"), None);
    }

    #[test]
    fn a_packet_that_is_missing_here_may_have_had_the_bytes() {
        let mut tcp = with(answered(52.0));
        tcp.resets[0].receiver.last_skip = 1;
        assert_eq!(strength(&judge_one(&tcp), "causality"), Some(Strength::Strong));
        let mut fast = talk();
        fast.remove(9);
        fast.push(bare(52.0));
        assert_eq!(strength(&judge_lines(&fast), "answers-too-early"), Some(Strength::Weak));
    }

    #[test]
    fn clocks_that_disagree_and_round_trips_of_an_application_prove_nothing() {
        let mut tcp = with(answered(52.0));
        tcp.clock_ran_back = 1;
        assert_eq!(strength(&judge_one(&tcp), "causality"), None);
        // Without the handshake the round trip is that of an application.
        let mut late = talk().split_off(3);
        late.push(answered(52.0));
        assert_eq!(strength(&judge_lines(&late), "causality"), None);
        damage_accuses_nobody("causality");
        damage_accuses_nobody("answers-too-early");
    }
}
