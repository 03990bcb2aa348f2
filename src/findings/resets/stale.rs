//! E11: the sequence number is the start of the sender's last data, not its
//! end: the builder answered that packet without counting its bytes.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::wire::TcpFlags;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    // A closed socket repeats what was acknowledged, and that lags (RFC 9293
    // §3.10.7.1).
    if !reset.repeats_last_start || reset.seq_is_peers_ack || scene.has_gaps() || scene.tcp.clock_ran_back > 0 {
        return None;
    }
    Some(Piece::other(
        "stale-sequence",
        // A bare RST may answer a packet that is missing here.
        if reset.flags.has(TcpFlags::ACK) { Strength::Strong } else { Strength::Weak },
        scene.compared(),
        format!(
            "it uses the number at which the {}'s last data began: the {} itself had gone on to the end of it",
            reset.claimed_by, reset.claimed_by
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::Server;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, talk};
    use crate::flow::TcpFacts;
    use crate::flow::testing::{A, R, packet, play_one};

    /// A reset at the number at which the server's last data began.
    fn old(flags: u8) -> TcpFacts {
        let mut rst = answered(60.0);
        (rst.flags, rst.seq) = (flags, 13);
        let mut lines = talk();
        let mut last = packet(55.0, Server, A, 13, 21, b"more");
        last.id = 9_004;
        lines.extend([last, rst]);
        let mut tcp = play_one(&lines).0;
        // The client's acknowledgment of 13 is not what it repeats.
        tcp.resets[0].seq_is_peers_ack = false;
        tcp
    }

    fn weighed(tcp: &TcpFacts) -> Option<Strength> {
        strength(&judge_one(tcp), "stale-sequence")
    }

    #[test]
    fn an_old_number_counts_once_and_hardly_in_a_bare_reset() {
        assert_eq!(weighed(&old(A | R)), Some(Strength::Strong));
        assert_eq!(strength(&judge_one(&old(A | R)), "sequence"), None);
        assert_eq!(weighed(&old(R)), Some(Strength::Weak));
    }

    #[test]
    fn a_closed_socket_repeats_an_old_acknowledgment() {
        let mut tcp = old(A | R);
        tcp.resets[0].seq_is_peers_ack = true;
        assert_eq!(weighed(&tcp), None);
    }

    #[test]
    fn holes_and_clocks_take_its_word() {
        let mut holed = old(A | R);
        holed.directions.server.gaps = 1;
        assert_eq!(weighed(&holed), None);
        let mut jumped = old(A | R);
        jumped.clock_ran_back = 1;
        assert_eq!(weighed(&jumped), None);
        damage_accuses_nobody("stale-sequence");
    }
}
