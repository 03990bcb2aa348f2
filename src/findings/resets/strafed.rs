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
    let near = |r: &&ResetFacts| r.claimed_by == reset.claimed_by && r.at.time.since(reset.at.time).abs() <= VOLLEY;
    // Most connections have one reset.
    if tcp.resets.iter().filter(near).count() < 2 {
        return None;
    }
    let volley: Vec<&ResetFacts> = tcp.resets.iter().filter(near).collect();
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
    if distances.len() < 2 || !aimed || fin {
        return None;
    }
    Some(Piece::other(
        "strafed",
        Strength::Strong,
        volley.iter().map(|r| r.at).collect(),
        format!(
            "{} resets in the {}'s name within {VOLLEY}, with sequence numbers that grow past everything it had sent: a host knows its own number",
            volley.len(),
            reset.claimed_by
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::Server;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_lines, strength, talk};
    use crate::flow::testing::{A, F, Line, R, packet};

    fn aimed(n: usize, seq: u32) -> Line {
        let mut rst = packet(60.5 + n as f64 * 0.1, Server, R, seq, 0, b"");
        rst.id = 0;
        rst
    }

    fn volley(seqs: &[u32]) -> Option<Strength> {
        weighed(&seqs.iter().enumerate().map(|(n, seq)| aimed(n, *seq)).collect::<Vec<_>>())
    }

    fn weighed(more: &[Line]) -> Option<Strength> {
        let mut lines = talk();
        lines.extend_from_slice(more);
        strength(&judge_lines(&lines), "strafed")
    }

    #[test]
    fn growing_sequence_numbers_are_aimed() {
        assert_eq!(volley(&[13, 1_473, 4_393]), Some(Strength::Strong));
    }

    #[test]
    fn a_closed_socket_repeats_what_each_stray_acknowledged() {
        assert_eq!(volley(&[8, 13]), None);
        assert_eq!(volley(&[13]), None, "one is no volley");
    }

    #[test]
    fn the_hosts_own_answer_among_them_has_another_look() {
        assert_eq!(weighed(&[answered(60.0), aimed(0, 1_473), aimed(1, 4_393)]), None);
    }

    #[test]
    fn what_is_missing_puts_all_numbers_off_by_as_much() {
        assert_eq!(volley(&[900, 900, 900]), None, "887 bytes of the server are not in the capture");
        let fin = packet(60.0, Server, A | F, 13, 21, b"");
        assert_eq!(weighed(&[fin, aimed(0, 14), aimed(1, 1_473)]), None, "an end in order, and late data");
        damage_accuses_nobody("strafed");
    }
}
