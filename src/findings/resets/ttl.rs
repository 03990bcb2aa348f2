//! The reset travelled another distance than every other packet of its sender.

use super::{Piece, PointsAt, Strength};
use crate::flow::{Habits, ResetFacts};

/// Packets that must agree before a TTL is a baseline.
const MIN_BASELINE: u32 = 3;

/// Packets, the handshake's among them, that make the baseline beyond doubt.
/// Of 560 ordinary resets 4 came with a foreign TTL, and all 4 were built by
/// another device.
const FIRM_BASELINE: u32 = 3;

/// Smaller differences come from route changes and parallel paths.
const MIN_STEP: u8 = 5;

/// The sender's copies and route flaps stay within this.
const MAX_FLAP: u8 = 2;

pub(super) fn weigh(reset: &ResetFacts) -> Option<Piece> {
    let baseline: u32 = reset.sender.ttls().map(|(_, count)| count).sum();
    if baseline < MIN_BASELINE {
        return None;
    }
    let nearest = reset.sender.ttls().map(|(ttl, _)| ttl).min_by_key(|ttl| ttl.abs_diff(reset.ttl))?;
    let step = nearest.abs_diff(reset.ttl);
    let usual = reset.sender.usual_ttl()?;
    // A sender whose packets already come over very different distances (a
    // proxy that answers for it) has no baseline.
    let steady = reset.sender.ttls().all(|(ttl, _)| ttl.abs_diff(usual) <= MAX_FLAP);
    if step == 0 || !steady {
        return None;
    }
    let firm =
        baseline >= FIRM_BASELINE && reset.sender.ttls().count() == 1 && reset.sender.handshake_ttl == Some(usual);
    let strength = match step {
        MIN_STEP.. if firm => Strength::Compelling,
        MIN_STEP.. => Strength::Strong,
        _ => Strength::Weak,
    };
    Some(Piece {
        id: "ttl-step",
        points_at: PointsAt::OtherDevice,
        strength,
        frames: vec![reset.sender.last.frame, reset.at.frame],
        says: format!(
            "its TTL is {} ({} hops away); all {baseline} other packets of the {} arrive with {usual} ({} hops away)",
            reset.ttl,
            Habits::hops(reset.ttl),
            reset.claimed_by,
            Habits::hops(usual),
        ),
    })
}
