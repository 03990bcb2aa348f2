//! From a connection's name to its slot.

use foldhash::HashMap;

use super::near::{Found, Near};
use crate::flow::key::{FlowKey, Narrow, Wide};
use crate::wire::{self, Outline};

/// The slots by name: one map for each family, so that the entries of the
/// common one are small and quick to compare.
#[derive(Debug, Default)]
pub(super) struct Index {
    narrow: HashMap<Narrow, u32>,
    wide: HashMap<Wide, u32>,
    near_v4: Near<1>,
    near_v6: Near<4>,
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

    /// The slot of an outlined packet; `key` is what its segment has.
    #[inline(always)]
    pub(super) fn find<const HEADERS: usize>(
        &mut self,
        outline: &Outline<'_, HEADERS>,
        vantage: u16,
        key: impl FnOnce() -> Option<(FlowKey, bool)>,
    ) -> Option<Found> {
        let Self { narrow, wide, near_v4, near_v6 } = self;
        let look_up = || {
            let (key, source_is_low) = key()?;
            let slot = match key {
                FlowKey::V4(key) => narrow.get(&key),
                FlowKey::V6(key) => wide.get(&key),
            };
            Some(Found { slot: *slot?, source_is_low })
        };
        if HEADERS == wire::V4 {
            near_v4.find(outline, vantage, look_up)
        } else {
            near_v6.find(outline, vantage, look_up)
        }
    }

    /// The slot of what is probably a packet of a connection in progress.
    #[inline(always)]
    pub(super) fn known(&self, outline: &Outline<'_, { wire::V4 }>, vantage: u16) -> Option<Found> {
        self.near_v4.known(outline, vantage)
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
            FlowKey::V4(narrow) => {
                self.near_v4.remove(key);
                self.narrow.remove(narrow)
            }
            FlowKey::V6(wide) => {
                self.near_v6.remove(key);
                self.wide.remove(wide)
            }
        };
    }

    /// Connections that have one.
    pub(super) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }
}
