//! A live capture has no end that finishes what goes on: the clock does, also
//! when no packet comes.

use super::ending::{HALF_OPEN, LINGER};
use super::{Consumer, Endpoint, FlowKey, Kind, State, Table};
use crate::base::{CaptureTime, Span};
use crate::flow::Glimpse;

/// The longest wait between two SYNs is 32 s (Linux with six retries, RFC 6298
/// timers from 1 s on): after this, nobody asks any more. Shorter than
/// [`HALF_OPEN`], because somebody is waiting for the report.
const UNANSWERED: Span = Span::from_secs(70);

/// A sender waits at most 120 s before it sends again (RFC 6298 §2.4 allows any
/// limit of 60 s or more; Linux and Windows use 120 s): what is owed and silent
/// for longer does not come.
const OWED: Span = Span::from_secs(130);

const _: () = assert!(UNANSWERED.nanos() < HALF_OPEN.nanos() && LINGER.nanos() < UNANSWERED.nanos());

impl<C: Consumer + Default> Table<C> {
    /// The clock has come to `now`. Finishes what is over or hopeless by then:
    /// closed connections, unanswered SYNs, and silent connections in which
    /// something is owed. `is_at_rest`: nobody owes anything in the protocol
    /// above, as in a session whose user has gone for lunch. At most `limit` at
    /// once; returns whether there is more of it.
    pub fn tick(&mut self, now: CaptureTime, limit: usize, is_at_rest: impl Fn(&C) -> bool) -> bool {
        self.watched.fill(now);
        self.now = now;
        let mut room = limit;
        for (kind, patience) in [(Kind::Closed, LINGER), (Kind::HalfOpen, UNANSWERED)] {
            while let Some(slot) = self.queues.overdue(kind, now, patience) {
                if room == 0 {
                    return true;
                }
                room -= 1;
                self.finish_slot(slot, now);
            }
        }
        let is_owed = |state: &State<C>| match state {
            State::Opening(_) => true,
            State::Followed(conversation) => conversation.glimpse().outstanding || !is_at_rest(&conversation.consumer),
        };
        // Sessions at rest stand first in their queue: all are looked at, which
        // for a full table takes less than a millisecond.
        for slot in 0..self.slots.len() {
            if let Some(Some(found)) = self.slots.get(slot)
                && found.kind == Kind::Open
                && now.since(found.state.last_seen()) > OWED
                && is_owed(&found.state)
            {
                if room == 0 {
                    return true;
                }
                room -= 1;
                self.finish_slot(slot as u32, now);
            }
        }
        false
    }

    /// The capture is over, and at most `limit` connections with it: those first
    /// of which more is known than their opening. Returns whether any is left.
    pub fn finish_some(&mut self, limit: usize) -> bool {
        let mut ending = self.ending.take().unwrap_or_else(|| self.in_order_of_ending());
        for slot in ending.drain(ending.len().saturating_sub(limit)..).rev() {
            self.finish_slot(slot, self.now);
        }
        let is_left = !ending.is_empty();
        self.ending = Some(ending);
        is_left
    }

    /// All slots in use, those last of which most is known.
    fn in_order_of_ending(&self) -> Vec<u32> {
        let of_kind = |is_known: bool| {
            (0..self.slots.len() as u32).rev().filter(move |slot| match self.slots.get(*slot as usize) {
                Some(Some(found)) => found.state.is_past_opening() == is_known,
                _ => false,
            })
        };
        of_kind(false).chain(of_kind(true)).collect()
    }

    /// Whether the connection between two ends, as seen from `vantage`, is in
    /// the table.
    pub fn follows(&self, a: Endpoint, b: Endpoint, vantage: u16) -> bool {
        self.index.get(&FlowKey::new(a, b, vantage)).is_some()
    }

    /// Whether a packet between two ends came too late: for a connection that was
    /// over.
    pub fn is_stray(&self, a: Endpoint, b: Endpoint, vantage: u16) -> bool {
        let key = FlowKey::new(a, b, vantage);
        self.tombstones.contains(&key) && self.index.get(&key).is_none()
    }

    /// When the oldest connection began that has not been taken away.
    pub fn oldest_start(&self) -> Option<CaptureTime> {
        self.slots.iter().flatten().map(|slot| slot.state.first_seen()).min()
    }

    /// Every connection in progress, those that linger after their end left
    /// out; what takes its bytes is absent before the first of them.
    pub fn in_progress(&self) -> impl Iterator<Item = (Glimpse, Option<&C>)> {
        let open = self.slots.iter().flatten().filter(|slot| slot.kind != Kind::Closed);
        open.map(|slot| match &slot.state {
            State::Opening(opening) => (opening.glimpse(), None),
            State::Followed(conversation) => (conversation.glimpse(), Some(&conversation.consumer)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{At, Frame, Side};
    use crate::flow::testing::{A, Line, Log, S, handshake, packet, segment};

    fn at(second: i64) -> At {
        At { frame: Frame::new(0, 1), time: CaptureTime::from_parts(second, 0) }
    }

    /// A SYN from a port of its own.
    fn syn(table: &mut Table<Log>, port: u16) {
        let line = packet(0.0, Side::Client, S, 0, 0, b"");
        let mut segment = segment(&line);
        segment.tcp.source_port = port;
        table.segment(&segment, at(0), 0);
    }

    #[test]
    fn a_flood_is_over_bit_by_bit() {
        let mut table = Table::<Log>::default();
        (0..600).for_each(|n| syn(&mut table, 1_000 + n));
        let mut told = Vec::new();
        assert!(!table.tick(at(69).time, 256, |_| true), "somebody may still answer");
        while table.tick(at(71).time, 256, |_| true) {
            told.push(table.drain().count());
        }
        told.push(table.drain().count());
        assert_eq!(told, [256, 256, 88]);
    }

    #[test]
    fn what_is_known_best_ends_first() {
        let mut table = Table::<Log>::default();
        (0..5).for_each(|n| syn(&mut table, 1_000 + n));
        let more = packet(11.0, Side::Client, A, 1, 1, b"hello");
        let opened: Vec<Line> = handshake().into_iter().chain([more]).collect();
        opened.iter().for_each(|line| table.segment(&segment(line), at(1), 0));
        assert!(table.finish_some(1));
        let first: Vec<_> = table.drain().map(|finished| finished.tcp.handshake.established.is_some()).collect();
        assert_eq!(first, [true]);
        assert!(table.finish_some(4) && table.drain().count() == 4);
        assert!(!table.finish_some(4) && table.drain().count() == 1);
    }
}
