//! Connections that are over, held until their attempt is: it may go on, and
//! what it leaves is about all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{CaptureTime, Span};

use super::recorder::Kept;

/// Longer than any pause within an attempt.
const HELD: Span = Span::from_secs(70);

/// What is held of one connection.
#[derive(Debug)]
pub(super) struct Part {
    /// Its packets.
    pub(super) kept: Arc<Kept>,
    /// The point of view that showed them.
    pub(super) vantage: u16,
    /// What was found.
    pub(super) findings: Vec<&'static str>,
    /// Packets lost meanwhile.
    pub(super) lost: Option<u64>,
    ended: CaptureTime,
}

/// The parts of attempts, by the numbers of their connections.
#[derive(Debug)]
pub(super) struct Held {
    parts: BTreeMap<u32, Part>,
    size: usize,
    room: usize,
}

impl Held {
    /// Holds `room` bytes at most.
    pub(super) const fn new(room: usize) -> Self {
        Self { parts: BTreeMap::new(), size: 0, room }
    }

    /// Holds what was kept of a connection; the oldest make room.
    pub(super) fn hold(&mut self, connection: &Connection, kept: Kept, vantage: u16, now: CaptureTime) {
        self.size += kept.size();
        let findings = connection.diagnosis.findings.iter().map(|finding| finding.id).collect();
        let part = Part { kept: Arc::new(kept), vantage, findings, lost: connection.lost, ended: now };
        self.parts.insert(connection.id, part);
        while self.size > self.room && self.parts.len() > 1 {
            self.drop_first();
        }
    }

    /// What is held of these connections: of those that the first one's point of
    /// view shows. (Another one shows the same once more.)
    pub(super) fn parts(&self, connections: &[u32]) -> Vec<&Part> {
        let parts: Vec<&Part> = connections.iter().filter_map(|id| self.parts.get(id)).collect();
        let Some(vantage) = parts.first().map(|part| part.vantage) else { return parts };
        parts.into_iter().filter(|part| part.vantage == vantage).collect()
    }

    /// Forgets what belongs to attempts that cannot go on.
    pub(super) fn forget(&mut self, now: CaptureTime) {
        while self.parts.first_key_value().is_some_and(|(_, part)| now.since(part.ended).abs() > HELD) {
            self.drop_first();
        }
    }

    /// Bytes that are held.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Connections are numbered as they end.
    fn drop_first(&mut self) {
        if let Some((_, part)) = self.parts.pop_first() {
            self.size = self.size.saturating_sub(part.kept.size());
        }
    }
}
