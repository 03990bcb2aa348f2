//! What the person did, and what came of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Endpoint, Text, Time};

/// How an attempt or a connection turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The session became active: the desktop was there.
    Active,
    /// It died before the desktop, or the desktop died of a failure.
    Failed,
    /// The client left of its own accord, to ask the person something or to
    /// try another protocol.
    Abandoned,
    /// The capture ended while it was still under way.
    Open,
    /// The capture does not show how it ended.
    Unknown,
}

/// One try of a person to reach a desktop: the connections of one client to
/// one server that belong together, since clients fall back from one protocol
/// to another and reconnect after a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Number of the attempt within the report, from 1.
    pub id: u32,
    /// The client's address.
    pub client_ip: IpAddr,
    /// The server's address and port; after a redirection the first one's.
    pub server: Endpoint,
    /// The `id`s of its connections, in order of time. Those that are one and
    /// the same connection, as several captures show it, stand beside one
    /// another, the most telling last.
    pub connections: Vec<u32>,
    /// Why each connection after the first belongs to it, in the same order.
    pub ties: Vec<Tie>,
    /// When its first connection began.
    pub start: Time,
    /// When its last connection ended, or was last seen.
    pub end: Time,
    /// How it turned out.
    pub outcome: Outcome,
    /// What explains that best; null where nothing needs explaining or nothing
    /// is known.
    pub verdict: Option<AttemptVerdict>,
    /// The result in one sentence, without names or addresses.
    pub sentence: String,
}

impl Attempt {
    /// Its connections, each with all that show it, the most telling last.
    pub fn sightings(&self) -> impl Iterator<Item = &[u32]> {
        let mut rest = self.connections.as_slice();
        let mut ties = self.ties.as_slice();
        core::iter::from_fn(move || {
            let views = ties.iter().take_while(|tie| **tie == Tie::SeenTwice).count().saturating_add(1);
            let (sighting, others) = rest.split_at_checked(views).unwrap_or((rest, &[]));
            (rest, ties) = (others, ties.get(views..).unwrap_or_default());
            (!sighting.is_empty()).then_some(sighting)
        })
    }
}

/// Why a connection belongs to the attempt of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// It asks for other security protocols than the one before.
    ProtocolFallback,
    /// The client had left by itself, as it does to show a certificate or to
    /// ask for credentials.
    Prompt,
    /// The server had refused the credentials.
    CredentialsRetry,
    /// It brings the routing token of a redirection.
    Redirection,
    /// The client tried again at once, by itself, and failed again.
    AutomaticRetry,
    /// It is the same connection, as another capture (or interface) shows it.
    SeenTwice,
}

/// The finding that explains an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptVerdict {
    /// Id of the finding, such as `injected-reset`.
    pub finding: Text,
    /// `id` of the connection that has the finding.
    pub connection: u32,
}

/// The report in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Attempts, whatever came of them.
    pub attempts: u64,
    /// Attempts whose session became active.
    pub active: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts that the client gave up of its own accord.
    pub abandoned: u64,
    /// Attempts still under way when the capture ended.
    pub open: u64,
    /// Attempts of which the capture does not show the end.
    pub unknown: u64,
    /// Connections that were followed; each counts once, however many captures
    /// show it.
    pub connections: u64,
    /// Connections among them that turned out not to be RDP.
    pub other_connections: u64,
    /// Failed attempts by the finding of their verdict.
    pub by_finding: BTreeMap<String, u64>,
    /// Packets read, over all captures.
    pub packets: u64,
    /// Captured bytes of those packets.
    pub bytes: u64,
    /// Whether all input was read to its end.
    pub complete: bool,
}
