//! Times in which the capture lost packets.

use crate::base::CaptureTime;

/// Times remembered in which packets were lost. An hour of one loss after
/// another; beyond, the last one is stretched, which lowers certainty too
/// often rather than too rarely.
const MAX_DROP_WINDOWS: usize = 3_600;

/// Packets were lost between two times; how many, where it was counted.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: CaptureTime,
    until: CaptureTime,
    count: u64,
}

/// All such times.
#[derive(Debug, Default)]
pub(super) struct Drops {
    windows: Vec<Window>,
}

impl Drops {
    pub(super) fn add(&mut self, count: u64, since: CaptureTime, until: CaptureTime) {
        let until = until.max(since);
        let full = self.windows.len() >= MAX_DROP_WINDOWS;
        match self.windows.last_mut() {
            Some(last) if full || (since <= last.until && since >= last.since) => {
                last.until = last.until.max(until);
                last.count = last.count.saturating_add(count);
            }
            _ => self.windows.push(Window { since, until, count }),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Forgets what is older than every connection in progress.
    pub(super) fn forget(&mut self, oldest: CaptureTime) {
        self.windows.retain(|window| window.until >= oldest);
    }

    /// How many packets were lost while a connection was open, from its first
    /// packet to its last; `None` where the capture lost none, 0 where nobody
    /// counted them.
    pub(super) fn during(&self, first: CaptureTime, until: CaptureTime) -> Option<u64> {
        let touching = self.windows.iter().filter(|w| w.since <= until && w.until >= first);
        touching.map(|window| window.count).reduce(u64::saturating_add)
    }
}
