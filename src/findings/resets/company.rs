//! What the other connections and captures of a run tell.

use super::neighbours::Neighbours;
use super::other_end::Views;
use super::same_device::Suspects;

/// The company that a connection is judged in; each part only where it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Company<'a> {
    /// The same hosts in other connections.
    pub neighbours: Option<&'a Neighbours>,
    /// The same connections in other captures.
    pub views: Option<&'a Views>,
    /// The devices that built resets in other connections.
    pub suspects: Option<&'a Suspects>,
}
