//! When a connection is over, and what is left of it then.

use super::slot::State;
use super::{Bare, Consumer, Finished, Followed, Kind, MAX_CONNECTIONS, Opening, Over, TABLE_FULL, Table};
use crate::base::{CaptureTime, Span};

/// A closed connection is kept for stragglers: what comes within two seconds
/// of a reset tells who built it.
pub(super) const LINGER: Span = Span::from_secs(5);

/// A client gives up on an unanswered SYN after 131 s at the latest (Linux 6.5
/// with six retries); then it is over.
pub(super) const HALF_OPEN: Span = Span::from_secs(140);

/// Connections that one packet can end by its time: each becomes much larger
/// when it is told, and after a jump of the clock a full table is overdue.
/// More than the one that a packet can begin.
const MAX_OVER_AT_ONCE: usize = 64;

impl<C: Consumer + Default> Table<C> {
    /// Connections that ended since the last call, in the order of their end.
    pub fn drain(&mut self) -> impl Iterator<Item = Finished<C>> {
        self.over().map(Over::whole)
    }

    /// The same, as little of each as there was.
    pub fn over(&mut self) -> std::vec::Drain<'_, Over<C>> {
        self.finished.drain(..)
    }

    /// The capture is over: every connection is.
    pub fn finish(&mut self) {
        while self.finish_next() {}
    }

    /// The same for one connection at a time, so that a full table need not
    /// become as many finished connections at once; `false` when none is left.
    pub fn finish_next(&mut self) -> bool {
        let Some(slot) = self.slots.iter().skip(self.over).position(Option::is_some) else { return false };
        let slot = self.over + slot;
        self.over = slot + 1;
        let vantage = self.slots.get(slot).and_then(Option::as_ref).map_or(0, |found| found.key.vantage());
        let until = self.watched.get(usize::from(vantage)).copied().unwrap_or(self.now);
        self.finish_slot(slot as u32, until);
        true
    }

    /// Capture time has come to `time`: connections that were waited for long
    /// enough are over. A clock that was set back takes the present with it:
    /// what begins after that has not waited since before.
    #[inline(always)]
    pub(super) fn advance(&mut self, time: CaptureTime) {
        self.now = time;
        // One branch for both.
        if self.queues.have_changed() | (time > self.next_due) {
            self.finish_overdue();
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn finish_overdue(&mut self) {
        let waited_for = [(Kind::Closed, LINGER), (Kind::HalfOpen, HALF_OPEN)];
        for (kind, patience) in waited_for {
            for _ in 0..MAX_OVER_AT_ONCE {
                let Some(slot) = self.queues.overdue(kind, self.now, patience) else { break };
                self.finish_slot(slot, self.now);
            }
        }
        let [closed, half_open] = waited_for.map(|(kind, patience)| self.queues.due(kind, patience));
        self.next_due = closed.min(half_open);
        self.queues.settled();
    }

    pub(super) fn make_room(&mut self) {
        let heard = |slot: u32| match self.slots.get(slot as usize) {
            Some(Some(found)) => found.state.last_seen(),
            _ => CaptureTime::default(),
        };
        if let Some(slot) = self.queues.quietest(heard) {
            self.notices.add(TABLE_FULL, None, || {
                format!(
                    "more than {MAX_CONNECTIONS} connections were in progress at a time; the quietest were closed early"
                )
            });
            self.finish_slot(slot, self.now);
        }
    }

    pub(super) fn finish_slot(&mut self, slot: u32, observed_until: CaptureTime) {
        let Some(found) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.index.remove(&found.key);
        self.queues.remove(slot);
        if found.kind == Kind::Closed {
            self.tombstones.add(found.key);
        }
        self.free.push(slot);
        let vantage = found.key.vantage();
        let conversation = match found.state {
            State::Followed(conversation) => conversation,
            State::Opening(opening) => match self.left_bare(opening, observed_until, vantage) {
                Ok(bare) => return self.finished.push(Over::Bare(bare)),
                Err(opening) => {
                    let mut conversation = opening.follow(self.traces.begin());
                    self.traces.settle(0, &mut conversation.trace);
                    conversation
                }
            },
        };
        self.held_bytes = self.held_bytes.saturating_sub(conversation.held_bytes());
        self.finished.push(Over::Followed(Followed { conversation, observed_until, vantage }));
    }

    pub(super) fn left_bare(
        &self,
        opening: Box<Opening>,
        until: CaptureTime,
        vantage: u16,
    ) -> Result<Bare, Box<Opening>> {
        if self.leaves_bare && !self.traces.is_wanted() { Bare::of(opening, until, vantage) } else { Err(opening) }
    }
}
