//! From a connection's name to its slot.

use foldhash::HashMap;

use crate::flow::key::{FlowKey, Narrow, Wide};

/// The slots by name: one map for each family, so that the entries of the
/// common one are small and quick to compare.
#[derive(Debug, Default)]
pub(super) struct Index {
    narrow: HashMap<Narrow, u32>,
    wide: HashMap<Wide, u32>,
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
            FlowKey::V4(key) => self.narrow.remove(key),
            FlowKey::V6(key) => self.wide.remove(key),
        };
    }

    /// Connections that have one.
    pub(super) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }
}
