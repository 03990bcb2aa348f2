//! What many connections show together and none of them alone.

use super::finding::Finding;
use super::link::Link;
use crate::flow::SideChannel;

/// Everything that was seen, summarised.
#[derive(Clone, Copy, Debug)]
pub struct Crowd<'a> {
    /// The connections, in the order of their start.
    pub connections: &'a [Link],
    /// The UDP side channels.
    pub side_channels: &'a [SideChannel],
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
