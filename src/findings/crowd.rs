//! What many connections show together and none of them alone.

use core::net::IpAddr;

use super::connection_limit::TURNED_AWAY;
use super::finding::Finding;
use super::link::Link;
use crate::base::{At, CaptureTime};
use crate::flow::{Endpoint, SideChannel};
use crate::session::Stage;

/// Everything that was seen, summarised.
#[derive(Clone, Copy, Debug)]
pub struct Crowd<'a> {
    /// The connections, in the order of their start.
    pub connections: &'a [Member],
    /// The UDP side channels.
    pub side_channels: &'a [SideChannel],
}

/// What is kept of a connection: tens of thousands of these wait for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The client's address.
    pub client: IpAddr,
    /// The server.
    pub server: Endpoint,
    /// The server's packets are in the capture.
    pub server_answered: bool,
    /// The capture shows all of it: both sides, the start, no gaps.
    pub is_sound: bool,
    /// Where it begins.
    pub first: At,
    /// Until when it was between its Connection Request and its desktop. What a
    /// damaged capture shows so may have been done long before.
    pub half_done_until: Option<CaptureTime>,
    /// Its verdict is one of [`TURNED_AWAY`].
    pub was_turned_away: bool,
}

impl From<&Link> for Member {
    fn from(link: &Link) -> Self {
        let begun = link.is_sound && link.stage >= Stage::X224;
        Self {
            client: link.client.ip,
            server: link.server,
            server_answered: link.server_answered,
            is_sound: link.is_sound,
            first: link.first,
            half_done_until: begun.then(|| link.desktop.unwrap_or(link.open_until)),
            was_turned_away: link.verdict.is_some_and(|id| TURNED_AWAY.contains(&id)),
        }
    }
}

/// A kind of finding about several connections.
pub trait CrowdRule: Sync {
    /// Permanent id.
    fn id(&self) -> &'static str;

    /// The page that `explain` prints.
    fn prose(&self) -> &'static str;

    /// Looks at all of them. Takes time in proportion to their number, sorting
    /// aside.
    fn check(&self, crowd: &Crowd<'_>) -> Option<Finding>;
}
