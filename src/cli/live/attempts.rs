//! Which connections belong to one attempt, told as each of them ends.

use std::collections::HashMap;
use std::net::IpAddr;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::findings::Link;
use rdpwhy::findings::attempts::{Attempt, group};

/// Longer than any pause within an attempt.
const FORGOTTEN: Span = Span::from_secs(120);

/// Clients remembered; a flood from random sources fills no memory, and
/// connections beyond are attempts of their own.
const MAX_CLIENTS: usize = 16_384;

/// Connections remembered of all of them, some 500 bytes each.
const MAX_ALL: usize = 32_768;

/// Connections remembered of one client address: those of the people behind a
/// NAT within two minutes. Each is looked at again when the next one ends.
const MAX_LINKS: usize = 64;

/// The attempts that may still go on.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    recent: HashMap<IpAddr, Vec<Link>>,
    /// Connections in `recent`.
    all: usize,
}

impl Attempts {
    /// A connection has ended: the attempt that it belongs to, as it stands
    /// now. Its number is the least `id` of its connections.
    pub(super) fn add(&mut self, connection: &Connection) -> Option<(u32, Attempt)> {
        let link = connection.link();
        let (client, id, end) = (link.client.ip, link.id, link.end);
        let mut links = self.recent.remove(&client).unwrap_or_default();
        self.all -= links.len();
        links.retain(|link| end.since(link.end) < FORGOTTEN);
        if links.len() >= MAX_LINKS {
            links.remove(0);
        }
        links.push(link);
        links.sort_by_key(|link| link.start);
        let attempt = group(&links).into_iter().find(|attempt| attempt.connections.contains(&id))?;
        if self.recent.len() < MAX_CLIENTS && self.all + links.len() <= MAX_ALL {
            self.all += links.len();
            self.recent.insert(client, links);
        }
        let number = attempt.connections.iter().copied().min()?;
        Some((number, attempt))
    }

    /// Forgets attempts that cannot go on any more.
    pub(super) fn forget(&mut self, now: CaptureTime) {
        self.recent.retain(|_, links| links.iter().any(|link| now.since(link.end) < FORGOTTEN));
        self.all = self.recent.values().map(Vec::len).sum();
    }
}
