//! Connections that were followed and are over.

use std::collections::VecDeque;

use foldhash::HashSet;

use super::FlowKey;

/// Connections remembered after they are over: what their ends still send
/// (repetitions into the void, with waits of up to two minutes) is no new
/// connection.
const MAX_TOMBSTONES: usize = 16_384;

/// The connections that ended last.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    keys: HashSet<FlowKey>,
    order: VecDeque<FlowKey>,
}

impl Tombstones {
    pub(super) fn contains(&self, key: &FlowKey) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn add(&mut self, key: FlowKey) {
        if self.keys.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > MAX_TOMBSTONES
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}
