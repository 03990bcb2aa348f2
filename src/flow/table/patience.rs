//! A live capture has no end that finishes what goes on: the clock does, also
//! when no packet comes.

use super::{Consumer, Endpoint, FlowKey, HALF_OPEN, Kind, LINGER, State, Table};
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

/// SYNs that are given up in one tick. The explanation of each waits for room
/// in a list; a flood that ends all at once is told over some ticks.
const MAX_GIVEN_UP: usize = 4_096;

const _: () = assert!(UNANSWERED.nanos() < HALF_OPEN.nanos() && LINGER.nanos() < UNANSWERED.nanos());

impl<C: Consumer + Default> Table<C> {
    /// The clock has come to `now`. Finishes what is over or hopeless by then:
    /// closed connections, unanswered SYNs, and silent connections in which
    /// something is owed. `is_at_rest`: nobody owes anything in the protocol
    /// above, as in a session whose user has gone for lunch.
    pub fn tick(&mut self, now: CaptureTime, is_at_rest: impl Fn(&C) -> bool) {
        self.watched.fill(now);
        self.advance(now);
        for _ in 0..MAX_GIVEN_UP {
            let Some(slot) = self.queues.overdue(Kind::HalfOpen, now, UNANSWERED) else { break };
            self.finish_slot(slot, now);
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
                self.finish_slot(slot as u32, now);
            }
        }
    }

    /// The capture is over, and at most `limit` connections with it: those first
    /// of which more is known than their opening. Returns whether any is left.
    pub fn finish_some(&mut self, limit: usize) -> bool {
        let (followed, openings): (Vec<u32>, Vec<u32>) =
            (0..self.slots.len() as u32).partition(|slot| match self.slots.get(*slot as usize) {
                Some(Some(found)) => matches!(found.state, State::Followed(_)),
                _ => false,
            });
        let in_use = |table: &Self, slot: u32| matches!(table.slots.get(slot as usize), Some(Some(_)));
        let mut finished = 0;
        for slot in followed.into_iter().chain(openings) {
            if finished == limit {
                break;
            }
            if in_use(self, slot) {
                self.finish_slot(slot, self.now);
                finished += 1;
            }
        }
        !self.index.is_empty()
    }

    /// Whether the connection between two ends, as seen from `vantage`, is in
    /// the table.
    pub fn follows(&self, a: Endpoint, b: Endpoint, vantage: u16) -> bool {
        self.index.contains_key(&FlowKey::new(a, b, vantage))
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

impl<C: Consumer> State<C> {
    fn last_seen(&self) -> CaptureTime {
        match self {
            Self::Opening(opening) => opening.last_seen(),
            Self::Followed(conversation) => conversation.last_seen(),
        }
    }
}
