//! Which connection was quiet for longest: three queues over the table's slots.

use crate::base::{CaptureTime, Span};

/// No slot.
const NONE: u32 = u32::MAX;

/// What a connection waits for; each kind has its own patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For an answer to its SYN.
    HalfOpen,
    /// For more data.
    Open,
    /// For stragglers after its end.
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    kind: Kind,
    /// When it was last heard of: here, so that asking who is due touches no
    /// connection.
    last_seen: CaptureTime,
}

/// Slots in the order of their last packet, oldest first, one queue a kind.
/// Every operation is O(1).
#[derive(Debug)]
pub struct Queues {
    links: Vec<Link>,
    ends: [(u32, u32); 3],
}

impl Default for Queues {
    fn default() -> Self {
        Self { links: Vec::new(), ends: [(NONE, NONE); 3] }
    }
}

impl Queues {
    /// Puts a new slot at the back of its queue.
    pub fn add(&mut self, slot: u32, kind: Kind, last_seen: CaptureTime) {
        let index = slot as usize;
        if self.links.len() <= index {
            self.links.resize(index + 1, Link { before: NONE, after: NONE, kind, last_seen });
        }
        self.append(slot, kind, last_seen);
    }

    /// The slot saw a packet: to the back of the queue of `kind`.
    pub fn touch(&mut self, slot: u32, kind: Kind, last_seen: CaptureTime) {
        self.remove(slot);
        self.append(slot, kind, last_seen);
    }

    /// Takes the slot out of its queue.
    pub fn remove(&mut self, slot: u32) {
        let Some(&Link { before, after, kind, .. }) = self.links.get(slot as usize) else { return };
        match self.links.get_mut(before as usize) {
            Some(link) => link.after = after,
            None => self.ends_of(kind).0 = after,
        }
        match self.links.get_mut(after as usize) {
            Some(link) => link.before = before,
            None => self.ends_of(kind).1 = before,
        }
    }

    /// The slot of `kind` that was quiet for longest.
    #[inline]
    pub fn oldest(&mut self, kind: Kind) -> Option<u32> {
        let (first, _) = *self.ends_of(kind);
        (first != NONE).then_some(first)
    }

    /// The same, where it has been quiet for longer than `patience` at `now`.
    #[inline]
    pub fn overdue(&mut self, kind: Kind, now: CaptureTime, patience: Span) -> Option<u32> {
        let slot = self.oldest(kind)?;
        let link = self.links.get(slot as usize)?;
        (now.since(link.last_seen) > patience).then_some(slot)
    }

    fn append(&mut self, slot: u32, kind: Kind, last_seen: CaptureTime) {
        let (_, last) = *self.ends_of(kind);
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link { before: last, after: NONE, kind, last_seen };
        }
        match self.links.get_mut(last as usize) {
            Some(link) => link.after = slot,
            None => self.ends_of(kind).0 = slot,
        }
        self.ends_of(kind).1 = slot;
    }

    const fn ends_of(&mut self, kind: Kind) -> &mut (u32, u32) {
        let [half_open, open, closed] = &mut self.ends;
        match kind {
            Kind::HalfOpen => half_open,
            Kind::Open => open,
            Kind::Closed => closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_list(moves in prop::collection::vec((0u32..6, 0usize..3), 1..60)) {
            let kinds = [Kind::HalfOpen, Kind::Open, Kind::Closed];
            let mut queues = Queues::default();
            let mut model: Vec<(u32, Kind)> = Vec::new();
            for (slot, kind) in moves {
                let kind = kinds[kind];
                if let Some(known) = model.iter().position(|(s, _)| *s == slot) {
                    model.remove(known);
                    queues.touch(slot, kind, CaptureTime::default());
                } else {
                    queues.add(slot, kind, CaptureTime::default());
                }
                model.push((slot, kind));
                for kind in kinds {
                    prop_assert_eq!(queues.oldest(kind), model.iter().find(|(_, k)| *k == kind).map(|(s, _)| *s));
                }
            }
        }
    }
}
