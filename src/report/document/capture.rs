//! What was read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Notice, Time};

/// One capture that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Its place in `captures`, from 0; frames name their capture by it.
    pub index: u32,
    /// The path as it was given, `-` for standard input.
    pub path: String,
    /// SHA-256 of the file as stored, 64 hexadecimal digits. Absent where it
    /// was not computed (a large file, unless asked for).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// The capture format: `pcap`, `pcapng`, `netmon`, `snoop`.
    pub format: String,
    /// How the file was compressed, outermost first: `gzip`, `zstd`, `lz4`.
    pub compression: Vec<String>,
    /// The kinds of frames found, by their name in the tcpdump registry
    /// (`ETHERNET`), or the number in hexadecimal.
    pub link_types: Vec<String>,
    /// The interfaces that the capture describes.
    pub interfaces: Vec<Interface>,
    /// Packets read.
    pub packets: u64,
    /// Captured bytes of those packets.
    pub bytes: u64,
    /// Bytes read of the file as stored (compressed).
    pub stored_bytes: u64,
    /// Time of the earliest packet. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_time: Option<Time>,
    /// Time of the latest packet. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_time: Option<Time>,
    /// Packets that were cut short when captured (snap length).
    pub cut_packets: u64,
    /// Packets that the capturing machine says it dropped. Absent where it
    /// says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Whether the whole input was read: false after damage or a cut end.
    pub complete: bool,
    /// Whether the capture carries TLS secrets.
    pub has_tls_secrets: bool,
    /// The program and system that wrote the capture, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_by: Option<String>,
    /// Comments on the capture as a whole.
    pub comments: Vec<String>,
    /// What happened while it was read.
    pub notices: Vec<Notice>,
}

/// An interface on which packets were captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name, such as `eth0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description, such as the adapter's product name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kind of its frames, named as in `link_types`.
    pub link_type: String,
    /// The most bytes kept of a packet. Absent where no limit was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snap_len: Option<u32>,
    /// Packets that the interface received, as counted when capturing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Packets that were dropped, as counted when capturing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// Input of which nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// The path as it was given.
    pub path: String,
    /// What it is, what was expected, and what to do next.
    pub says: String,
}
