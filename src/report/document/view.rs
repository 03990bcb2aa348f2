//! What many attempts show together: the view of each server, and of each
//! client.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FrameRef, Time};

/// What happened at one server, over all attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its address.
    pub ip: IpAddr,
    /// Its TCP port.
    pub port: u16,
    /// Attempts to reach it.
    pub attempts: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that reached the desktop.
    pub active: u64,
    /// Failed attempts by the finding of their verdict.
    pub by_finding: BTreeMap<String, u64>,
    /// Client addresses that tried.
    pub clients: u64,
    /// Whether these numbers of clients are the least that they can be: of later
    /// ones nothing is remembered. Absent where they are exact.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub clients_at_least: bool,
    /// Client addresses with a failed attempt.
    pub clients_failed: u64,
    /// Client addresses that reached the desktop.
    pub clients_active: u64,
    /// Start of the first failed attempt. Absent where none failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<Time>,
    /// Start of the last failed attempt. Absent where none failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Time>,
    /// Start of the first attempt that worked. Absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_success: Option<Time>,
    /// Start of the last attempt that worked. Absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Time>,
    /// What the attempts show together, in a sentence without names or
    /// addresses. Absent where they show no more than each alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
    /// The certificates that it presented, in the order in which they were
    /// first seen.
    pub certificates: Vec<SeenCertificate>,
    /// Connections that had begun and neither reached the desktop nor ended.
    /// Absent where there was never more than one at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_done: Option<HalfDone>,
}

/// What happened to one client, over all attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its address. Several people share one behind a NAT or on a jump box.
    pub ip: IpAddr,
    /// Its attempts.
    pub attempts: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that reached the desktop.
    pub active: u64,
    /// Servers that it tried.
    pub servers: u64,
    /// Whether these numbers of servers are the least that they can be. Absent
    /// where they are exact.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub servers_at_least: bool,
    /// Servers at which an attempt failed.
    pub servers_failed: u64,
    /// Servers at which it reached the desktop.
    pub servers_active: u64,
    /// Failed attempts by the finding of their verdict.
    pub by_finding: BTreeMap<String, u64>,
    /// What the attempts show together, in a sentence without names or
    /// addresses. Absent where they show no more than each alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
}

/// A certificate that a server presented on one connection or on several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenCertificate {
    /// SHA-256 of the certificate, 64 hexadecimal digits, as in `tls`.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Connections on which it was readable.
    pub connections: u64,
    /// Start of the first of them.
    pub first: Time,
    /// Start of the last of them.
    pub last: Time,
    /// Servers of the capture that presented it, this one among them: a farm,
    /// machines cloned from one image, or one device that inspects TLS.
    pub servers: u64,
}

/// Half-done connections of a server over time: Windows counts them, and takes
/// no more beyond a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalfDone {
    /// The most at once.
    pub most: u64,
    /// First frame of the connection with which it came to that.
    pub frame: FrameRef,
    /// The most at once within each of equal parts of the time. Empty where
    /// there were never more than a few.
    pub over_time: Vec<HalfDoneAt>,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalfDoneAt {
    /// When the part begins.
    pub time: Time,
    /// The most at once within it.
    pub most: u64,
}
