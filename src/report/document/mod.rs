//! The report as a document: what JSON version 1 holds, and all that any
//! rendering may use.
//!
//! The types here are the contract with everybody who reads a report by
//! machine. They are plain, know nothing of how an analysis works inside, and
//! are documented for the reader of the JSON: these comments are the
//! descriptions in its schema. Three rules hold throughout:
//!
//! * what is absent was not seen; 0 and empty lists are facts;
//! * a name ends in its unit (`_ms`, `bytes`), and times are UTC;
//! * nothing here holds payload, user names or cookies.

mod attempt;
mod capture;
mod connection;
mod counted;
mod finding;
mod network;
mod reset;
mod security;
mod side_channel;
mod stage;
mod time;
mod view;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::base::{Few, Text};
pub use attempt::{Attempt, AttemptVerdict, Outcome, Summary, Tie};
pub use capture::{Capture, Interface, Unreadable};
pub use connection::{Connection, Ended, EndedBy, EndedHow, Proxied, ProxyProtocol, RolesFrom};
pub use counted::{Counted, CountedEnd};
pub use finding::{AtFault, Concerns, Evidence, Finding, Pattern0x7, PatternMatch, Role, RuledOut, Severity, Verdict};
pub use network::{Legs, Network, Retransmissions, RoundTrip, SegmentSizes, Stall, StallCause, Stalls, ZeroWindow};
pub use reset::{BuiltBy, Hops, Reset, ResetEffect, ResetEvidence, Strength};
pub use security::{
    Alert, Certificate, Code, CredSsp, DisconnectUltimatum, ErrorInfo, Licensing, Negotiation, Reaction, Tls, Validity,
};
pub use side_channel::SideChannel;
pub use stage::{Stage, StageRecord, Step, Waiting};
pub(super) use time::Clock;
pub use time::{Millis, Time};
pub use view::{Client, HalfDone, HalfDoneAt, SeenCertificate, Server};
pub use words::{BySide, Certainty, Endpoint, FrameRef, Notice, SchemaVersion, Side, Visibility};

/// What rdpwhy found in one or more packet captures: every RDP connection, the
/// stage in which it ended, who ended it, and the frames that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this format.
    pub schema_version: SchemaVersion,
    /// What wrote the report.
    pub tool: Tool,
    /// What was read.
    pub captures: Vec<Capture>,
    /// What people tried, in order of `id`.
    pub attempts: Vec<Attempt>,
    /// The RDP connections, in order of `id`.
    pub connections: Vec<Connection>,
    /// Attempts that are in no list: probes, and others that came no further
    /// than those do, where they are more than somebody reads. Those most often
    /// counted come first. Absent where every attempt is listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<Counted>,
    /// Findings that concern a whole capture or several connections.
    pub findings: Vec<Finding>,
    /// UDP side channels of RDP (MS-RDPEUDP), in order of time.
    pub side_channels: Vec<SideChannel>,
    /// The servers, those with most failed attempts first.
    pub servers: Vec<Server>,
    /// The clients, those with most failed attempts first.
    pub clients: Vec<Client>,
    /// The report in numbers.
    pub summary: Summary,
    /// What happened during the analysis: limits that were reached, packets
    /// that could not be decoded.
    pub notices: Vec<Notice>,
    /// Input of which nothing could be read.
    pub unreadable: Vec<Unreadable>,
}

/// The program that wrote a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    #[must_use]
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

impl Report {
    /// The connection with this `id`; connections stand in the order of their
    /// ids.
    #[must_use]
    pub fn connection(&self, id: u32) -> Option<&Connection> {
        let found = self.connections.binary_search_by_key(&id, |c| c.id).ok()?;
        self.connections.get(found)
    }

    /// The attempt with this `id`; attempts stand in the order of their ids.
    #[must_use]
    pub fn attempt(&self, id: u32) -> Option<&Attempt> {
        let found = self.attempts.binary_search_by_key(&id, |a| a.id).ok()?;
        self.attempts.get(found)
    }
}
