//! How long each capture went on: what did not come by then did not come.

use std::collections::BTreeMap;

use crate::base::{CaptureId, CaptureTime};
use crate::capture::Passed;
use crate::flow::Table;
use crate::session::Session;

/// When the last packet of each capture passed, of whatever kind.
#[derive(Debug, Default)]
pub(super) struct Watched {
    now: Option<(CaptureId, Watch)>,
    before: BTreeMap<CaptureId, Watch>,
}

/// How long a capture went on: to its last packet, and to the latest; its clock
/// may have run back.
#[derive(Clone, Copy, Debug)]
struct Watch {
    vantage: u16,
    last: CaptureTime,
    latest: CaptureTime,
}

impl Watched {
    #[inline]
    pub(super) fn passed(&mut self, passed: Passed) {
        let Passed { capture, vantage, last, latest, .. } = passed;
        match &mut self.now {
            Some((same, watch)) if *same == capture => {
                watch.last = last;
                watch.latest = latest.max(watch.latest);
            }
            _ => self.other_capture(capture, Watch { vantage, last, latest }),
        }
    }

    #[cold]
    fn other_capture(&mut self, capture: CaptureId, watch: Watch) {
        let known = self.before.get(&capture).map_or(watch.latest, |known| known.latest);
        let watch = Watch { latest: watch.latest.max(known), ..watch };
        if let Some((other, watch)) = self.now.replace((capture, watch)) {
            self.before.insert(other, watch);
        }
    }

    /// What did not come by then did not come.
    pub(super) fn tell(&self, table: &mut Table<Session>) {
        for watch in self.before.values().chain(self.now.as_ref().map(|(_, watch)| watch)) {
            table.watch(watch.last, watch.vantage);
        }
    }

    pub(super) fn captures(&self) -> usize {
        let new = self.now.is_some_and(|(capture, _)| !self.before.contains_key(&capture));
        self.before.len() + usize::from(new)
    }

    pub(super) fn until(&self, capture: CaptureId) -> CaptureTime {
        let now = self.now.filter(|(current, _)| *current == capture).map(|(_, watch)| watch);
        now.or_else(|| self.before.get(&capture).copied()).map(|watch| watch.latest).unwrap_or_default()
    }
}
