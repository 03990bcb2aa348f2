//! Which connections belong to one attempt, told as each of them ends.

use std::collections::HashMap;
use std::net::IpAddr;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::findings::attempts::{Attempt, Link, group};
use rdpwhy::flow::Endpoint;

/// Longer than any pause within an attempt.
const FORGOTTEN: Span = Span::from_secs(120);

/// Pairs of client and server remembered; a flood from random sources fills no
/// memory, and connections beyond are attempts of their own.
const MAX_PAIRS: usize = 16_384;

/// The attempts that may still go on.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    recent: HashMap<(IpAddr, Endpoint), Vec<Link>>,
}

impl Attempts {
    /// A connection has ended: the attempt that it belongs to, as it stands
    /// now. Its number is the least `id` of its connections.
    pub(super) fn add(&mut self, connection: &Connection) -> Option<(u32, Attempt)> {
        let link = connection.link();
        let key = (link.client.ip, link.server);
        let id = link.id;
        let mut links = self.recent.remove(&key).unwrap_or_default();
        links.push(link);
        links.sort_by_key(|link| link.start);
        let attempts = group(&links);
        let attempt = attempts.iter().find(|attempt| attempt.connections.contains(&id))?.clone();
        let last = attempts.last()?;
        links.retain(|link| last.connections.contains(&link.id));
        if self.recent.len() < MAX_PAIRS {
            self.recent.insert(key, links);
        }
        let number = attempt.connections.iter().copied().min()?;
        Some((number, attempt))
    }

    /// Forgets attempts that cannot go on any more.
    pub(super) fn forget(&mut self, now: CaptureTime) {
        self.recent.retain(|_, links| links.iter().any(|link| now.since(link.end) < FORGOTTEN));
    }
}
