//! E9: several resets in one direction with growing sequence numbers: somebody who
//! does not see the stream aims where the window might be.
//!
//! A host sends one reset for each stray segment that reaches it, and then the
//! sequence number is one that the other side had acknowledged; those are left
//! out.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::Span;
use crate::flow::ResetFacts;

/// Resets further apart are not one volley.
const VOLLEY: Span = Span::from_secs(2);

/// A keep-alive makes a number differ by one.
const SLACK: i64 = 2;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    let beyond = |r: &ResetFacts| r.seq_beyond_sent.filter(|b| *b > SLACK && !r.seq_is_peers_ack);
    let volley: Vec<&ResetFacts> = tcp
        .resets
        .iter()
        .filter(|r| r.claimed_by == reset.claimed_by && r.at.time.since(reset.at.time).abs() <= VOLLEY)
        .collect();
    // Lost packets put every number of a genuine sender beyond what was seen,
    // but all by the same distance.
    let mut distances: Vec<i64> = volley.iter().filter_map(|r| r.seq_beyond_sent).collect();
    distances.sort_unstable();
    distances.dedup();
    // The host's own reset may stand among them: it answers what they provoked.
    let came_the_usual_way = reset.sender.ttls().any(|(ttl, _)| ttl == reset.ttl);
    let alike = |r: &ResetFacts| {
        let look = |r: &ResetFacts| (r.flags, r.dont_fragment);
        look(r) == look(reset) && (r.ttl == reset.ttl || !came_the_usual_way)
    };
    let aimed = volley.iter().any(|r| beyond(r).is_some() && alike(r));
    let fin = volley.iter().any(|r| r.after_own_fin || r.after_peer_fin);
    if volley.len() < 2 || distances.len() < 2 || !aimed || fin {
        return None;
    }
    Some(Piece::other(
        "strafed",
        Strength::Strong,
        volley.iter().map(|r| r.at.frame).collect(),
        format!(
            "{} resets in the {}'s name within {VOLLEY}, with sequence numbers that grow past everything it had sent: a host knows its own number",
            volley.len(),
            reset.claimed_by
        ),
    ))
}
