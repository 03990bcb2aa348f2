//! From a connection's name to its slot.

use foldhash::HashMap;

use crate::flow::key::{FlowKey, Narrow, Wide};

/// The slots by name: one map for each family, so that the entries of the
/// common one are small and quick to compare.
#[derive(Debug)]
pub(super) struct Index {
    narrow: HashMap<Narrow, u32>,
    wide: HashMap<Wide, u32>,
    /// Those of the common family that were found last, each at the one place
    /// that its name leads to: connections in progress are found at once, as long
    /// as they are few.
    near: Box<[(Narrow, u32); NEAR]>,
}

/// Names that are found at once: 24 KiB of them, which is what a core has at hand.
const NEAR: usize = 1 << NEAR_BITS;
const NEAR_BITS: u32 = 10;

impl Default for Index {
    fn default() -> Self {
        Self { narrow: HashMap::default(), wide: HashMap::default(), near: Box::new([(Narrow::NOBODY, 0); NEAR]) }
    }
}

impl Index {
    /// The slot of `key`.
    #[inline(always)]
    pub(super) fn get(&self, key: &FlowKey) -> Option<u32> {
        match key {
            FlowKey::V4(key) => self.narrow.get(key).copied(),
            FlowKey::V6(key) => self.wide.get(key).copied(),
        }
    }

    /// The slot of a connection between two addresses of IPv4.
    #[inline(always)]
    pub(super) fn narrow(&mut self, key: &Narrow) -> Option<u32> {
        let (known, slot) = self.near.get_mut(key.place(NEAR_BITS))?;
        if known != key {
            *slot = *self.narrow.get(key)?;
            *known = *key;
        }
        Some(*slot)
    }

    /// Gives `key` a slot.
    pub(super) fn insert(&mut self, key: FlowKey, slot: u32) {
        match key {
            FlowKey::V4(key) => self.narrow.insert(key, slot),
            FlowKey::V6(key) => self.wide.insert(key, slot),
        };
    }

    /// Takes it away.
    pub(super) fn remove(&mut self, key: &FlowKey) {
        match key {
            FlowKey::V4(key) => {
                if let Some((known, _)) = self.near.get_mut(key.place(NEAR_BITS)).filter(|(known, _)| known == key) {
                    *known = Narrow::NOBODY;
                }
                self.narrow.remove(key)
            }
            FlowKey::V6(key) => self.wide.remove(key),
        };
    }

    /// Connections that have one.
    pub(super) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }
}
