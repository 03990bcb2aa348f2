//! Attempts of which a report has the number, and no more.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EndedBy, EndedHow, Endpoint, FrameRef, Outcome, Stage, Time};

/// Attempts that are counted, not listed. Either their connections carried no
/// data, as far as the capture shows, or the client left by itself after the
/// first messages of RDP, before encryption: probes are like that. Beyond the
/// first of these a report has one entry for each server and each way in which
/// they ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The server's address and port. Absent where the servers were too many:
    /// then the entry is about all the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Endpoint>,
    /// The stage in which each of the connections ended: `tcp` or `x224`.
    pub stage: Stage,
    /// How each of the attempts turned out.
    pub outcome: Outcome,
    /// Id of the finding that explains each failure. Absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// How each of the connections ended, and by whom.
    pub ended: CountedEnd,
    /// How many attempts.
    pub attempts: u64,
    /// Their connections.
    pub connections: u64,
    /// Addresses of clients among them.
    pub clients: u64,
    /// Whether that is the least that it can be: addresses beyond a limit were
    /// not told apart.
    pub clients_at_least: bool,
    /// The first few of those addresses.
    pub examples: Vec<IpAddr>,
    /// The first frame of the connection that began first.
    pub first_frame: FrameRef,
    /// The last frame of the connection that ended last.
    pub last_frame: FrameRef,
    /// Time of the first frame.
    pub start: Time,
    /// Time of the last frame.
    pub end: Time,
}

/// How connections ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedEnd {
    /// How.
    pub how: EndedHow,
    /// By whom.
    pub by: EndedBy,
}
