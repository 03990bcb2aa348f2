//! E10: a sequence number that no host in this state would use.
//!
//! Legal are the sender's next new byte and the numbers the receiver has
//! acknowledged (RFC 9293 §3.10.7.1), each less one where a keep-alive was
//! answered.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::flow::SequenceFit;
use crate::wire::TcpFlags;

/// So far beyond what was seen, lost packets are no explanation any more: no
/// RDP server has a megabyte in flight during a negotiation.
const MAX_UNSEEN: i64 = 1 << 20;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let beyond = reset.seq_beyond_sent?;
    let legal = reset.seq_is_peers_ack || (-1..=1).contains(&beyond);
    // The start of the last data is a piece of its own (E11), and one fact is
    // not counted twice.
    if reset.repeats_last_start
        || legal
        || matches!(reset.fit, SequenceFit::AnswersSyn | SequenceFit::Unknown)
        || reset.sender.packets() == 0
    {
        return None;
    }
    // A capture that lacks packets does not know what was sent, and a sender
    // whose last packets were lost before the capture point is ahead of it.
    let one_sided = reset.receiver.packets() == 0;
    // A bare RST repeats what the packet it answers acknowledged; if that packet
    // is missing here, its number looks old.
    let answers_unseen = beyond < 0 && !reset.flags.has(TcpFlags::ACK);
    let explained = scene.has_gaps() || answers_unseen || one_sided || (0..MAX_UNSEEN).contains(&beyond);
    let place = if beyond > 0 { "beyond everything it had sent" } else { "before bytes it had already sent" };
    Some(Piece::other(
        "sequence",
        if explained { Strength::Weak } else { Strength::Strong },
        vec![reset.at],
        format!("its sequence number lies {} bytes {place}", beyond.unsigned_abs()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::resets::testing::{
        answered, damage_accuses_nobody, judge_lines, judge_one, strength, talk, with,
    };
    use crate::flow::testing::{A, R, packet};

    fn numbered(seq: u32, flags: u8) -> Option<Strength> {
        let mut rst = answered(60.0);
        (rst.seq, rst.flags, rst.id) = (seq, flags, 0);
        strength(&judge_one(&with(rst)), "sequence")
    }

    #[test]
    fn a_number_from_nowhere_is_strong() {
        assert_eq!(numbered(3_000_000, A | R), Some(Strength::Strong));
        assert_eq!(numbered(5, A | R), Some(Strength::Strong), "in the middle of what was sent and acknowledged");
    }

    #[test]
    fn the_next_byte_a_keep_alive_and_a_repeated_acknowledgment_are_legal() {
        for seq in [12, 13, 14, 8] {
            assert_eq!(numbered(seq, A | R), None, "{seq}");
        }
    }

    #[test]
    fn what_the_capture_may_lack_is_weak() {
        assert_eq!(numbered(900, A | R), Some(Strength::Weak), "unseen data of the server");
        assert_eq!(numbered(5, R), Some(Strength::Weak), "an answer to an unseen packet");
        let mut holed = talk();
        holed.remove(8);
        let mut rst = answered(60.0);
        (rst.seq, rst.id) = (5, 0);
        holed.push(rst);
        assert_ne!(strength(&judge_lines(&holed), "sequence"), Some(Strength::Strong), "a hole");
        // Only the server's direction was captured.
        let mut one_sided = talk();
        one_sided.retain(|line| line.from != Client);
        one_sided.push(packet(60.0, Server, A | R, 5, 21, b""));
        assert_ne!(strength(&judge_lines(&one_sided), "sequence"), Some(Strength::Strong));
        damage_accuses_nobody("sequence");
    }
}
