//! The opening: SYN, SYN-ACK, and the acknowledgment that completes it.

use super::{Consumer, Conversation};
use crate::base::{At, Side};
use crate::flow::loss::{LossEvent, SegmentClass};
use crate::flow::seq::Seq;
use crate::wire::{Segment, TcpFlags};

/// SYN times kept: Linux sends at most seven. All are counted.
const MAX_SYN_TIMES: usize = 8;

impl<C: Consumer> Conversation<C> {
    /// Takes a SYN or SYN-ACK; says which, where it is a repeated one.
    #[cold]
    pub(super) fn syn(&mut self, segment: &Segment<'_>, side: Side, at: At) -> Option<SegmentClass> {
        let direction = self.directions.of_mut(side);
        direction.begin_at(Seq(segment.tcp.seq).plus(1), true);
        direction.announces(&segment.tcp.options);
        let is_answer = segment.tcp.flags.has(TcpFlags::ACK);
        let repeated = if is_answer {
            self.handshake.syn_acks = self.handshake.syn_acks.saturating_add(1);
            self.isns.server.get_or_insert(segment.tcp.seq);
            self.handshake.syn_ack.is_some()
        } else {
            self.isns.client.get_or_insert(segment.tcp.seq);
            self.handshake.syns = self.handshake.syns.saturating_add(1);
            if self.handshake.syn_times.len() < MAX_SYN_TIMES {
                self.handshake.syn_times.push(at);
            }
            self.handshake.syns > 1
        };
        let class = if is_answer { SegmentClass::SynAck } else { SegmentClass::Syn };
        if repeated {
            let ip_len = segment.ip.total_len;
            direction
                .facts
                .loss
                .note(LossEvent { at, class, place: None, offset: -1, len: 0, ip_len, waited: None }, 0);
        }
        if segment.tcp.flags.has(TcpFlags::ACK) && self.handshake.syn_ack.is_none() {
            self.handshake.syn_ack = Some(at);
            // Karn: with a repeated SYN nobody knows which one was answered.
            if let ([syn], 1) = (self.handshake.syn_times.as_slice(), self.handshake.syns) {
                let trip = at.time.since(syn.time);
                self.rtt.server.sample(trip);
                self.handshake.round_trip.server = Some(trip);
            }
        }
        repeated.then_some(class)
    }

    /// The client acknowledges, for the first time, what answered its SYN.
    #[cold]
    pub(super) fn complete_handshake(&mut self, segment: &Segment<'_>, at: At) {
        if self.handshake.established.is_none() {
            self.handshake.established = Some(at);
            if let (Some(syn_ack), 1) = (self.handshake.syn_ack, self.handshake.syn_acks) {
                let trip = at.time.since(syn_ack.time);
                self.rtt.client.sample(trip);
                // What comes with data may have waited for it.
                let whole = segment.payload_len == 0 && self.directions.server.offset(Seq(segment.tcp.ack)) == Some(0);
                self.handshake.round_trip.client = whole.then_some(trip);
            }
        }
    }
}
