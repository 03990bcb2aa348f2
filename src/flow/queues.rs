//! Which connection was quiet for longest: three queues over the table's slots.

use crate::base::{CaptureTime, Span};

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

/// How many kinds there are; the link of each queue's two ends stands at the
/// place of its kind, those of the slots follow.
const KINDS: usize = 3;

/// A queue is a ring: before its first slot and after its last is its own link.
#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    kind: Kind,
    /// When it was last heard of, as far as it was said: here, so that asking
    /// who is due touches no connection.
    last_seen: CaptureTime,
}

/// Slots in the order of their last packet, oldest first, one queue a kind.
///
/// Those that wait for more data are many and hear of it with nearly every
/// packet, while their queue is only asked when the table is full. So nothing is
/// written down of them until then: a slot at the front that was heard of since
/// it was put into the queue goes to the back, and is passed over once (what
/// paging calls a second chance). Every operation is O(1), counted over the
/// packets.
#[derive(Debug)]
pub struct Queues {
    links: Vec<Link>,
    /// Whether another stands first in a queue in which somebody may become due.
    changed: bool,
}

impl Default for Queues {
    fn default() -> Self {
        let ring = |kind| Link { before: kind as u32, after: kind as u32, kind, last_seen: CaptureTime::default() };
        Self { links: [Kind::HalfOpen, Kind::Open, Kind::Closed].map(ring).to_vec(), changed: true }
    }
}

impl Queues {
    /// Puts a new slot at the back of its queue.
    pub fn add(&mut self, slot: u32, kind: Kind, last_seen: CaptureTime) {
        let link = link_of(slot);
        if self.links.len() <= link as usize {
            self.links.resize(link as usize + 1, Link { before: link, after: link, kind, last_seen });
        }
        self.append(link, kind, last_seen);
    }

    /// The slot saw a packet: to the back of the queue of `kind`. Need not be said
    /// of one that was open before and still is.
    #[inline]
    pub fn touch(&mut self, slot: u32, kind: Kind, last_seen: CaptureTime) {
        let link = link_of(slot);
        self.unlink(link);
        self.append(link, kind, last_seen);
    }

    /// Takes the slot out of its queue.
    pub fn remove(&mut self, slot: u32) {
        self.unlink(link_of(slot));
    }

    /// The slot to give up first: of those whose end or answer is waited for the
    /// one that was quiet for longest; of the others one that was not heard of
    /// since it was last passed over. `heard`: when a slot was last heard of.
    pub fn quietest(&mut self, heard: impl Fn(u32) -> CaptureTime) -> Option<u32> {
        if let Some(slot) = self.oldest(Kind::Closed).or_else(|| self.oldest(Kind::HalfOpen)) {
            return Some(slot);
        }
        loop {
            let slot = self.oldest(Kind::Open)?;
            let last_seen = heard(slot);
            if last_seen <= self.links.get(link_of(slot) as usize)?.last_seen {
                return Some(slot);
            }
            self.touch(slot, Kind::Open, last_seen);
        }
    }

    /// The first slot in the queue of `kind`.
    #[inline]
    fn oldest(&self, kind: Kind) -> Option<u32> {
        self.links.get(kind as usize)?.after.checked_sub(KINDS as u32)
    }

    /// The same, where it has been quiet for longer than `patience` at `now`.
    #[inline]
    pub fn overdue(&self, kind: Kind, now: CaptureTime, patience: Span) -> Option<u32> {
        let slot = self.oldest(kind)?;
        (now > self.due(kind, patience)).then_some(slot)
    }

    /// Until when the oldest of `kind` is waited for.
    pub fn due(&self, kind: Kind, patience: Span) -> CaptureTime {
        let oldest = self.oldest(kind).and_then(|slot| self.links.get(link_of(slot) as usize));
        oldest.map_or(CaptureTime::from_nanos(i64::MAX), |link| link.last_seen + patience)
    }

    /// Whether [`due`](Self::due) may give something else than before
    /// [`settled`](Self::settled) was said. Connections that are open are never due.
    #[inline]
    pub const fn have_changed(&self) -> bool {
        self.changed
    }

    /// Who is due was looked at.
    pub const fn settled(&mut self) {
        self.changed = false;
    }

    #[inline]
    fn unlink(&mut self, link: u32) {
        let Some(&Link { before, after, kind, .. }) = self.links.get(link as usize) else { return };
        self.changed |= kind != Kind::Open && before == kind as u32;
        if let Some(before) = self.links.get_mut(before as usize) {
            before.after = after;
        }
        if let Some(after) = self.links.get_mut(after as usize) {
            after.before = before;
        }
    }

    #[inline]
    fn append(&mut self, link: u32, kind: Kind, last_seen: CaptureTime) {
        let ring = kind as u32;
        let Some(end) = self.links.get_mut(ring as usize) else { return };
        self.changed |= kind != Kind::Open && end.after == ring;
        let before = core::mem::replace(&mut end.before, link);
        if let Some(before) = self.links.get_mut(before as usize) {
            before.after = link;
        }
        if let Some(own) = self.links.get_mut(link as usize) {
            *own = Link { before, after: ring, kind, last_seen };
        }
    }
}

#[inline]
const fn link_of(slot: u32) -> u32 {
    slot + KINDS as u32
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
            // Slot, kind, and when it was last heard of.
            let mut model: Vec<(u32, Kind, CaptureTime)> = Vec::new();
            let mut said = Vec::new();
            for (now, (slot, kind)) in (1..).zip(moves) {
                let (kind, now) = (kinds[kind], CaptureTime::from_nanos(now));
                match model.iter_mut().find(|(known, ..)| *known == slot) {
                    Some((_, Kind::Open, heard)) if kind == Kind::Open => {
                        *heard = now;
                        continue;
                    }
                    Some(_) => queues.touch(slot, kind, now),
                    None => queues.add(slot, kind, now),
                }
                model.retain(|(known, ..)| *known != slot);
                model.push((slot, kind, now));
                said.retain(|(known, _)| *known != slot);
                said.push((slot, now));
                for kind in kinds {
                    let first = model.iter().find(|(_, known, _)| *known == kind).map(|(slot, ..)| *slot);
                    prop_assert_eq!(queues.oldest(kind), first);
                }
            }
            let heard = |slot| model.iter().find(|(known, ..)| *known == slot).unwrap().2;
            let of = |wanted: Kind, late: bool| {
                let is_late = |slot: u32| said.iter().any(|(known, said)| *known == slot && *said < heard(slot));
                model.iter().filter(move |(slot, kind, _)| *kind == wanted && is_late(*slot) == late)
            };
            let order = of(Kind::Closed, false).chain(of(Kind::HalfOpen, false));
            let order = order.chain(of(Kind::Open, false)).chain(of(Kind::Open, true));
            for (slot, ..) in order {
                prop_assert_eq!(queues.quietest(heard), Some(*slot));
                queues.remove(*slot);
            }
            prop_assert_eq!(queues.quietest(heard), None);
        }
    }
}
