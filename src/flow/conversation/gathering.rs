//! Packets of a session in progress: gathered, and taken into account together.

use super::{Consumer, Conversation};
use crate::base::{At, BySide, Side, Span};
use crate::flow::direction::Direction;
use crate::flow::gathering::{Alike, Gathered, Lanes, Stream};
use crate::flow::rtt::Rtt;
use crate::flow::sender::Trips;
use crate::flow::stall::{Stalls, Waiting};
use crate::wire::Outline;

impl<C: Consumer> Conversation<C> {
    /// Takes a packet that is like the others of this connection; `false` where
    /// it is not, and is to be taken as a [segment](Self::segment).
    #[inline(always)]
    pub fn gather<const HEADERS: usize>(&mut self, packet: &Outline<'_, HEADERS>, side: Side, at: At) -> bool {
        let Self { gathering, directions, rtt, .. } = self;
        let Some(alike) = gathering.alike(packet, side, at) else { return false };
        let Alike { own, other, stream, theirs, ahead, ack, len, window, silence, .. } = alike;
        if alike.may_end_stall {
            own.take_trips(rtt.of_mut(side));
            other.take_trips(rtt.of_mut(side.other()));
            if let Some(waiting) = waiting(directions, rtt, side, (stream, theirs), *alike.last, silence) {
                self.stalls.ended(&waiting, side, None, at);
            }
        }
        let course = &mut own.course;
        if window != course.window {
            if course.packets() > 0 {
                let (sender, receiver) = directions.pair_mut(side);
                receiver.had_room(theirs.acked, sender.in_bytes(course.window));
            }
            course.window = window;
        }
        if ahead > 0 {
            theirs.acked = ack;
            own.acknowledges(ack, theirs.timed_by(ack), at, rtt.of_mut(side));
            if !theirs.outstanding() {
                other.lands(theirs, at);
            }
        }
        if len > 0 {
            if !stream.outstanding() {
                own.begins(stream, at);
            }
            stream.next = stream.next.wrapping_add(len.into());
            stream.time(stream.next, at.time);
        }
        let (id, timestamps) = (packet.id(), packet.timestamps());
        match id {
            Some(id) if u32::from(id) == own.course.next_id => {
                own.course.next_id = own.course.next_id.wrapping_add(1);
                own.course.ids = own.course.ids.wrapping_add(1);
            }
            Some(id) => directions.of_mut(side).jump(own, id, at),
            None => {}
        }
        if let Some((tsval, _)) = timestamps
            && tsval.wrapping_sub(own.course.tsval).cast_signed() > 0
        {
            own.course.tsval = tsval;
        }
        let packet_in_short = Gathered {
            time: at.time,
            frame: at.frame.number,
            seq: packet.seq(),
            ack,
            len,
            window,
            id: id.unwrap_or(0),
            flags: packet.flags(),
        };
        own.keep(packet_in_short, timestamps);
        *alike.longest_silence = silence.max(*alike.longest_silence);
        *alike.last = At { time: at.time, frame: at.frame };
        if len > 0 {
            self.consumer.bytes(side, packet.payload, at);
        }
        true
    }

    /// A packet of `side` will come soon.
    #[inline(always)]
    pub fn expect(&self, side: Side) {
        self.gathering.expect(side);
    }

    /// Takes the gathered packets into account.
    #[inline(never)]
    pub(super) fn take_gathered(&mut self) {
        let Self { gathering, directions: BySide { client, server }, triggers, last_seq, rtt, .. } = self;
        let capture = gathering.capture();
        let Some(Lanes { streams, lanes }) = gathering.close() else { return };
        for side in Side::BOTH {
            let lane = lanes.of_mut(side);
            lane.take_trips(rtt.of_mut(side));
            let Some((last, _)) = lane.newest().next() else { continue };
            let acknowledged = lane.newest().map(|(packet, _)| (packet.ack, packet.at(capture)));
            triggers.of_mut(side).note_all(lane.course.packets() as usize, acknowledged);
            *last_seq.of_mut(side) = last.seq;
        }
        client.take_gathered(&streams.client, (&lanes.client, &lanes.server), server.shift(), capture);
        server.take_gathered(&streams.server, (&lanes.server, &lanes.client), client.shift(), capture);
    }

    /// A packet was taken into account: whether those that go on from here may be
    /// gathered.
    #[inline]
    pub(super) fn may_gather(&mut self, at: At) {
        let waits = self.handshake.waits_for_client() || self.handshake.syns > 0;
        let is_set_up = self.handshake.established.is_some() || !waits;
        let is_going_on = self.resets.is_empty() && !self.may_be_over && self.held == 0;
        if !is_set_up || !is_going_on || self.trace.is_some() {
            return;
        }
        let Some(client) = self.directions.client.course() else { return };
        let Some(server) = self.directions.server.course() else { return };
        self.gathering.open(BySide { client, server }, at.frame.capture);
    }
}

/// What was waited for in the `silence` since `since`, if that is longer than a
/// healthy path takes, where packets are gathered: `streams` are those of `side`
/// and of the other one.
#[cold]
#[inline(never)]
fn waiting(
    directions: &BySide<Direction>,
    rtt: &BySide<Rtt>,
    side: Side,
    streams: (&Stream, &Stream),
    since: At,
    silence: Span,
) -> Option<Waiting> {
    let smoothed = Trips::of(rtt, Side::Client).smoothed.unwrap_or(Span::ZERO);
    if !Stalls::is_stall(silence, smoothed) {
        return None;
    }
    let (own, other) = streams;
    let (client, server) = if side == Side::Client { (own, other) } else { (other, own) };
    let (owner, stream) = if client.outstanding() { (Side::Client, client) } else { (Side::Server, server) };
    let (acked, max_end) = directions.of(owner).placed(stream)?;
    Some(Waiting { since, owner, acked, max_end, window_closed: false, smoothed })
}
