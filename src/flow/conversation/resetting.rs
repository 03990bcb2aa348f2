//! A RST as it arrives: everything that stands around it is written down at
//! once, since later packets change it.

use super::{Consumer, Conversation};
use crate::base::{At, Side};
use crate::flow::reset::{ResetFacts, SequenceFit};
use crate::flow::seq::Seq;
use crate::wire::{Segment, TcpFlags};

/// Resets kept; strafing devices send dozens, the first ones tell it all.
const MAX_RESETS: usize = 16;

impl<C: Consumer> Conversation<C> {
    pub(super) fn reset(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        if self.resets.len() >= MAX_RESETS {
            self.more_resets = self.more_resets.saturating_add(1);
            return;
        }
        let (sender, receiver) = (self.directions.of(side), self.directions.of(side.other()));
        let mut reset = ResetFacts::of(segment, side, at, &sender.habits, &receiver.habits);
        let seq = Seq(segment.tcp.seq);
        let ack = segment.tcp.flags.has(TcpFlags::ACK).then_some(Seq(segment.tcp.ack));
        reset.after_own_fin = sender.facts.fin.is_some();
        reset.after_peer_fin = receiver.facts.fin.is_some();
        reset.after_peer_reset = self.resets.iter().find(|r| r.claimed_by != side).map(|r| r.at);
        reset.silence_before = at.time.since(self.gathering.last.time);
        reset.sender_min_rtt = self.rtt.of(side).min().filter(|_| self.handshake.round_trip.of(side).is_some());
        reset.sender_rtt_is_steady = self.rtt.of(side).is_steady();
        reset.receiver_min_rtt = self.rtt.of(side.other()).min();
        reset.fit = self.sequence_fit(side, seq, ack);
        if let Some(offset) = sender.offset(seq) {
            let beyond = offset - sender.max_end();
            reset.seq_beyond_sent = Some(beyond);
            reset.repeats_last_start = beyond < -1 && segment.tcp.seq == *self.last_seq.of(side);
            // One less or more where a keep-alive was answered.
            reset.seq_is_peers_ack = (-1..=1).any(|slack| sender.was_acked(offset + slack));
        }
        if ack.is_none() {
            reset.answers = self.triggers.of(side.other()).with_ack(segment.tcp.seq, self.handshake.syns > 0);
        }
        // The newest byte of the receiver: acknowledged by the RST?
        let newest = receiver.max_end() + i64::from(receiver.facts.fin.is_some());
        if let Some(acked) = ack.and_then(|ack| receiver.offset(ack))
            && acked >= newest
            && newest > receiver.acked()
        {
            reset.acknowledges_byte_seen_at = receiver.facts.last_data;
        }
        // Most have one, of 800 bytes.
        self.resets.reserve_exact(1);
        self.resets.push(reset);
    }

    /// How a RST of `side` fits what the other side expects (RFC 5961 §3.2).
    fn sequence_fit(&self, side: Side, seq: Seq, ack: Option<Seq>) -> SequenceFit {
        let (sender, receiver) = (self.directions.of(side), self.directions.of(side.other()));
        if side == Side::Server && self.handshake.syn_ack.is_none() && sender.facts.packets <= 1 {
            let answers = ack.is_some_and(|ack| receiver.offset(ack) == Some(0));
            return if answers { SequenceFit::AnswersSyn } else { SequenceFit::Unknown };
        }
        let Some(offset) = sender.offset(seq) else { return SequenceFit::Unknown };
        if receiver.habits.packets() == 0 {
            return SequenceFit::Unknown;
        }
        // What the receiver expects lies between what it has acknowledged and
        // all that passed the capture point on its way there.
        let window = i64::from(receiver.last_window());
        // A window that was closed does not take back what it had promised.
        let promised = if receiver.window_is_closed() { sender.right_edge() - sender.acked() } else { 0 };
        let room = window.max(promised);
        let fin = i64::from(sender.facts.fin.is_some());
        if offset == sender.acked() || offset == sender.max_end() || offset == sender.max_end() + fin {
            SequenceFit::Exact
        } else if offset > sender.acked() && offset <= sender.acked() + room.max(1) {
            SequenceFit::InWindow
        } else {
            SequenceFit::Outside
        }
    }
}
