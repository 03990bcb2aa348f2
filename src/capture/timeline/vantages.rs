//! Points of view.

use std::collections::HashMap;

/// Which captures look from the same point: those that follow one another.
#[derive(Debug, Default)]
pub(super) struct Vantages {
    /// The point of view of each capture that has given packets.
    of_capture: HashMap<u32, u16>,
    /// Points of view whose capture has ended, ready for the next one.
    free: Vec<u16>,
    next: u16,
}

impl Vantages {
    pub(super) fn of(&mut self, id: u32) -> u16 {
        *self.of_capture.entry(id).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                let new = self.next;
                self.next = self.next.saturating_add(1);
                new
            })
        })
    }

    pub(super) fn ended(&mut self, id: u32) {
        self.free.extend(self.of_capture.remove(&id));
    }
}
