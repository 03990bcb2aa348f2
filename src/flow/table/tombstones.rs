//! Connections that were followed and are over.

use core::hash::Hash;
use core::mem;

use foldhash::HashSet;

use super::FlowKey;
use crate::flow::key::{Narrow, Wide};

/// Connections remembered after they are over, at least, and at most twice as many:
/// what their ends still send (repetitions into the void, with waits of up to two
/// minutes) is no new connection. As many as a table of 16,384 places takes, of 16
/// bytes each.
const MIN_NARROW: usize = 14_336;

/// The same of IPv6, which take 40 bytes each, in tables of half the size.
const MIN_WIDE: usize = 7_168;

/// The connections that ended last.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    narrow: Last<Narrow, MIN_NARROW>,
    wide: Last<Wide, MIN_WIDE>,
}

impl Tombstones {
    pub(super) fn contains(&self, key: &FlowKey) -> bool {
        match key {
            FlowKey::V4(key) => self.narrow.contains(key),
            FlowKey::V6(key) => self.wide.contains(key),
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

/// The last keys that were added: `PART` of them at least, in two parts of which
/// the older one is forgotten whole. To forget them one by one would take a list of
/// their order, and a table of twice the size: places of what is removed from a
/// table that is full are not used again before it grows.
#[derive(Debug)]
struct Last<K, const PART: usize> {
    newer: HashSet<K>,
    older: HashSet<K>,
    has_forgotten: bool,
}

impl<K: Copy + Eq + Hash, const PART: usize> Last<K, PART> {
    fn contains(&self, key: &K) -> bool {
        self.newer.contains(key) || self.older.contains(key)
    }

    fn add(&mut self, key: K) {
        if self.contains(&key) {
            return;
        }
        // First, so that neither grows for one more than is kept.
        if self.newer.len() >= PART {
            self.has_forgotten |= !self.older.is_empty();
            self.older.clear();
            mem::swap(&mut self.newer, &mut self.older);
        }
        self.newer.insert(key);
    }
}

impl<K, const PART: usize> Default for Last<K, PART> {
    fn default() -> Self {
        Self { newer: HashSet::default(), older: HashSet::default(), has_forgotten: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_the_last_ones_never() {
        let mut last = Last::<u32, 3>::default();
        for key in [1, 2, 3, 1, 4, 5, 6] {
            last.add(key);
        }
        assert!((1..=6).all(|key| last.contains(&key)) && !last.has_forgotten);
        last.add(7);
        let kept = |last: &Last<u32, 3>| (1..=7).filter(|key| last.contains(key)).collect::<Vec<u32>>();
        assert_eq!((kept(&last), last.has_forgotten), (vec![4, 5, 6, 7], true));
        assert!(last.newer.len() + last.older.len() <= 6);
    }
}
