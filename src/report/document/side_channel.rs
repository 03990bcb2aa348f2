//! The UDP side channel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BySide, Endpoint, FrameRef};

/// A UDP conversation on port 3389. It makes a session faster where it comes
/// up; where it does not, the session goes on over TCP alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SideChannel {
    /// The client's end.
    pub client: Endpoint,
    /// The server's end.
    pub server: Endpoint,
    /// Datagrams of each side.
    pub packets: BySide<u64>,
    /// Whether the server answered.
    pub answered: bool,
    /// Its first frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_frame: Option<FrameRef>,
}
