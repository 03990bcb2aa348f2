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
        vec![reset.at.frame],
        format!("its sequence number lies {} bytes {place}", beyond.unsigned_abs()),
    ))
}
