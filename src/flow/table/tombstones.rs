//! Connections that were followed and are over.

use core::hash::Hash;
use std::collections::VecDeque;

use foldhash::HashSet;

use super::FlowKey;
use crate::flow::key::{Narrow, Wide};

/// Connections remembered after they are over: what their ends still send
/// (repetitions into the void, with waits of up to two minutes) is no new
/// connection. As many as a table of 16,384 places takes, of 16 bytes each.
const MAX_NARROW: usize = 14_336;

/// The same of IPv6, which take 40 bytes each, in a table of half the size.
const MAX_WIDE: usize = 7_168;

/// The connections that ended last.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    narrow: Last<Narrow, MAX_NARROW>,
    wide: Last<Wide, MAX_WIDE>,
}

impl Tombstones {
    pub(super) fn contains(&self, key: &FlowKey) -> bool {
        match key {
            FlowKey::V4(key) => self.narrow.keys.contains(key),
            FlowKey::V6(key) => self.wide.keys.contains(key),
        }
    }

    /// Whether there is a connection that may be over, and is not among them for want
    /// of room.
    pub(super) const fn may_have_forgotten(&self, key: &FlowKey) -> bool {
        match key {
            FlowKey::V4(_) => self.narrow.has_forgotten,
            FlowKey::V6(_) => self.wide.has_forgotten,
        }
    }

    pub(super) fn add(&mut self, key: FlowKey) {
        match key {
            FlowKey::V4(key) => self.narrow.add(key),
            FlowKey::V6(key) => self.wide.add(key),
        }
    }
}

/// The last `KEPT` keys that were added.
#[derive(Debug)]
struct Last<K, const KEPT: usize> {
    keys: HashSet<K>,
    order: VecDeque<K>,
    has_forgotten: bool,
}

impl<K: Copy + Eq + Hash, const KEPT: usize> Last<K, KEPT> {
    fn add(&mut self, key: K) {
        if self.keys.contains(&key) {
            return;
        }
        // First, so that neither grows for one more than is kept.
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
            self.has_forgotten = true;
        }
        self.keys.insert(key);
        self.order.push_back(key);
    }
}

impl<K, const KEPT: usize> Default for Last<K, KEPT> {
    fn default() -> Self {
        Self { keys: HashSet::default(), order: VecDeque::new(), has_forgotten: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_for_one_more() {
        let mut last = Last::<u32, 3>::default();
        for (key, has_forgotten) in [(1, false), (2, false), (3, false), (1, false), (4, true)] {
            last.add(key);
            assert_eq!(last.has_forgotten, has_forgotten);
        }
        assert_eq!(last.order, [2, 3, 4]);
        assert!(!last.keys.contains(&1) && last.keys.contains(&4));
        assert_eq!(last.keys.len(), 3);
    }
}
