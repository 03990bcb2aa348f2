//! Packets of a session in progress: gathered, and taken into account together.

use super::{Consumer, Conversation};
use crate::base::{At, BySide, Side, Span};
use crate::flow::direction::Direction;
use crate::flow::gathering::{Alike, Course, Gathered, KEPT_ACKS};
use crate::flow::rtt::Rtt;
use crate::flow::sender::Trips;
use crate::flow::stall::{Stalls, Waiting};
use crate::wire::Outline;

impl<C: Consumer> Conversation<C> {
    /// Takes a packet that is like the others of this connection; `false` where
    /// it is not, and is to be taken as a [segment](Self::segment).
    #[inline(always)]
    pub fn gather<const HEADERS: usize>(&mut self, packet: &Outline<'_, HEADERS>, side: Side, at: At) -> bool {
        let Self { gathering, directions, .. } = self;
        let Some(alike) = gathering.alike(packet, side, at, self.last) else { return false };
        let Alike { own, other, ahead, ack, len, window, silence, may_end_stall } = alike;
        if may_end_stall
            && let Some(waiting) =
                waiting(directions, &self.rtt, side, (&own.course, &other.course), self.last, silence)
        {
            self.stalls.ended(&waiting, side, None, at);
        }
        if window != own.course.window {
            if own.course.packets() > 0 {
                let (sender, receiver) = directions.pair_mut(side);
                receiver.had_room(other.course.acked, sender.in_bytes(own.course.window));
            }
            own.course.window = window;
        }
        let (course, theirs) = (&mut own.course, &mut other.course);
        if ahead > 0 {
            theirs.acked = ack;
            theirs.last_ack = (at.time, at.frame.number);
            if let Some(oldest) = other.acks.get_mut(theirs.acks as usize % KEPT_ACKS) {
                *oldest = ack;
            }
            theirs.acks = theirs.acks.wrapping_add(1);
            if let Some((end, sent)) = theirs.timed
                && ack.wrapping_sub(end).cast_signed() >= 0
            {
                theirs.timed = None;
                self.rtt.of_mut(side).sample(at.time.since(sent));
            }
            if !theirs.outstanding() {
                directions.of_mut(side.other()).facts.flights.land(at);
            }
        }
        if len > 0 {
            if !course.outstanding() {
                directions.of_mut(side).facts.flights.begin(at);
            }
            course.next = course.next.wrapping_add(len.into());
            if course.timed.is_none() {
                course.timed = Some((course.next, at.time));
            }
        }
        let (id, timestamps) = (packet.id(), packet.timestamps());
        match id {
            Some(id) if u32::from(id) == course.next_id => {
                course.next_id = course.next_id.wrapping_add(1);
                course.ids = course.ids.wrapping_add(1);
            }
            Some(id) => directions.of_mut(side).jump(course, id, at),
            None => {}
        }
        if let Some((tsval, _)) = timestamps
            && tsval.wrapping_sub(course.tsval).cast_signed() > 0
        {
            course.tsval = tsval;
        }
        course.last = at.time;
        own.keep(Gathered {
            time: at.time,
            frame: at.frame.number,
            seq: packet.seq(),
            ack,
            timestamps: timestamps.unwrap_or_default(),
            len,
            window,
            id: id.unwrap_or(0),
            flags: packet.flags(),
        });
        self.longest_silence = self.longest_silence.max(silence);
        self.last = at;
        if len > 0 {
            self.consumer.bytes(side, packet.payload, at);
        }
        true
    }

    /// Takes the gathered packets into account.
    #[inline(never)]
    pub(super) fn take_gathered(&mut self) {
        let Self { gathering, directions: BySide { client, server }, triggers, last_seq, .. } = self;
        let capture = gathering.capture();
        let Some(lanes) = gathering.close() else { return };
        for side in Side::BOTH {
            let lane = lanes.of(side);
            let Some(last) = lane.newest().next() else { continue };
            let acknowledged = lane.newest().map(|packet| (packet.ack, packet.at(capture)));
            triggers.of_mut(side).note_all(lane.course.packets() as usize, acknowledged);
            *last_seq.of_mut(side) = last.seq;
        }
        client.take_gathered(&lanes.client, &lanes.server.course, server.shift(), capture);
        server.take_gathered(&lanes.server, &lanes.client.course, client.shift(), capture);
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
/// healthy path takes, where packets are gathered: `courses` are those of `side`
/// and of the other one.
#[cold]
#[inline(never)]
fn waiting(
    directions: &BySide<Direction>,
    rtt: &BySide<Rtt>,
    side: Side,
    courses: (&Course, &Course),
    since: At,
    silence: Span,
) -> Option<Waiting> {
    let smoothed = Trips::of(rtt, Side::Client).smoothed.unwrap_or(Span::ZERO);
    if !Stalls::is_stall(silence, smoothed) {
        return None;
    }
    let (own, other) = courses;
    let (client, server) = if side == Side::Client { (own, other) } else { (other, own) };
    let (owner, course) = if client.outstanding() { (Side::Client, client) } else { (Side::Server, server) };
    let (acked, max_end) = directions.of(owner).placed(course)?;
    Some(Waiting { since, owner, acked, max_end, window_closed: false, smoothed })
}
