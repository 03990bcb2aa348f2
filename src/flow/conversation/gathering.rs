//! Packets of a session in progress: gathered, and taken into account together.

use super::{Consumer, Conversation};
use crate::base::{At, BySide, Side};
use crate::flow::gathering::Taken;
use crate::wire::Outline;

impl<C: Consumer> Conversation<C> {
    /// Takes a packet that is like the others of this connection; `false` where
    /// it is not, and is to be taken as a [segment](Self::segment).
    #[inline(always)]
    pub fn gather(&mut self, packet: &Outline<'_>, side: Side, at: At) -> bool {
        let last = self.last.time;
        let Some(Taken { trip, is_full }) = self.gathering.take(packet, side, at, last) else { return false };
        self.longest_silence = self.longest_silence.max(at.time.since(last));
        self.last = at;
        if let Some(trip) = trip {
            self.rtt.of_mut(side).sample(trip);
        }
        if !packet.payload.is_empty() {
            self.consumer.bytes(side, packet.payload, at);
        }
        if is_full {
            self.take_gathered();
        }
        true
    }

    /// Takes the gathered packets into account.
    #[inline(never)]
    pub(super) fn take_gathered(&mut self) {
        let packets = self.gathering.take_all();
        if packets.is_empty() {
            return;
        }
        let Self { gathering, directions: BySide { client, server }, triggers, last_seq, .. } = self;
        let client = client.course(gathering.lane(Side::Client));
        let Some((client, server)) = client.zip(server.course(gathering.lane(Side::Server))) else { return };
        let mut courses = BySide { client, server };
        for (n, packet) in (0..).zip(&packets) {
            let (own, other) = courses.pair_mut(packet.side);
            other.confirm(packet, own.shift(), n);
            own.send(packet, n, gathering);
        }
        for side in Side::BOTH {
            let newest_first = || packets.iter().rev().filter(|packet| packet.side == side);
            let Some(last) = newest_first().next() else { continue };
            let acknowledged = newest_first().map(|packet| (packet.ack, gathering.at(packet)));
            triggers.of_mut(side).note_all(courses.of(side).packets(), acknowledged);
            *last_seq.of_mut(side) = last.seq;
        }
        let BySide { client, server } = courses;
        let windows = (client.widest(), server.widest());
        client.sum_up(gathering, &packets, Side::Client, windows.1);
        server.sum_up(gathering, &packets, Side::Server, windows.0);
        if gathering.is_ambiguous() {
            gathering.close();
        }
        gathering.reuse(packets);
    }

    /// A packet was taken into account: whether those that go on from here may be
    /// gathered.
    #[inline]
    pub(super) fn may_gather(&mut self, at: At) {
        let is_set_up =
            self.handshake.established.is_some() || (self.handshake.syns == 0 && !self.handshake.waits_for_client());
        let is_going_on = self.resets.is_empty() && !self.may_be_over && self.held == 0;
        if !is_set_up || !is_going_on || self.trace.is_some() {
            return;
        }
        let Some(client) = self.directions.client.lane() else { return };
        let Some(server) = self.directions.server.lane() else { return };
        self.gathering.open(BySide { client, server }, at.frame.capture);
    }
}
