//! A reset that acknowledges bytes its claimed sender cannot have received yet.
//!
//! The bytes passed the capture point on their way to the sender; its answer
//! cannot pass back sooner than the shortest round trip to it.

use super::{Piece, PointsAt, Strength};
use crate::base::Span;
use crate::flow::{ResetFacts, TcpFacts};

/// Below this round trip, scheduling noise of the capturing machine is as
/// large as what is measured.
const MIN_ROUND_TRIP: Span = Span::from_millis(2);

/// The share of the shortest known round trip that counts as impossible, in
/// tenths: paths do get a little shorter.
const IMPOSSIBLE_TENTHS: i64 = 8;

pub(super) fn weigh(reset: &ResetFacts, tcp: &TcpFacts) -> Option<Piece> {
    let rtt = reset.sender_min_rtt?;
    let seen = reset.acknowledges_byte_seen_at?;
    // Clocks that ran back (merged interfaces) make time meaningless.
    if rtt < MIN_ROUND_TRIP || tcp.clock_ran_back > 0 {
        return None;
    }
    let took = reset.at.time.since(seen.time);
    if took < Span::ZERO || took.nanos() >= rtt.nanos() / 10 * IMPOSSIBLE_TENTHS {
        return None;
    }
    Some(Piece {
        id: "causality",
        points_at: PointsAt::OtherDevice,
        strength: Strength::Proof,
        frames: vec![seen.frame, reset.at.frame],
        says: format!(
            "it acknowledges bytes that passed the capture point {took} earlier, but the {} is never less than {rtt} away and back: it cannot have received them yet",
            reset.claimed_by
        ),
    })
}
