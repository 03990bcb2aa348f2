//! What each segment was, written down for those who draw it.

use super::{Consumer, Conversation};
use crate::base::{At, Side};
use crate::flow::loss::SegmentClass;
use crate::flow::seq::Seq;
use crate::flow::trace::Traced;
use crate::wire::{Segment, TcpFlags};

impl<C: Consumer> Conversation<C> {
    /// Writes down what a segment was, once it has been taken.
    pub(super) fn record(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        let flags = segment.tcp.flags;
        let (own, other) = (self.directions.of(side), self.directions.of(side.other()));
        let is_plain = !flags.has(TcpFlags::RST) && !flags.has(TcpFlags::SYN);
        let repeated = |count: u32, class| (count > 1).then_some(class);
        let class = match (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK)) {
            (true, false) => repeated(self.handshake.syns, SegmentClass::Syn),
            (true, true) => repeated(self.handshake.syn_acks, SegmentClass::SynAck),
            _ if is_plain => own.last_class(),
            _ => None,
        };
        let traced = Traced {
            at,
            side,
            flags,
            offset: own.offset(Seq(segment.tcp.seq)),
            len: segment.payload_len,
            ack: flags.has(TcpFlags::ACK).then(|| other.offset(Seq(segment.tcp.ack))).flatten(),
            window: own.window(&segment.tcp),
            class,
        };
        if let Some(trace) = &mut self.trace {
            trace.note(traced);
        }
    }
}
