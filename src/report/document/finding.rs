//! What was found, and what was ruled out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Certainty, Few, FrameRef, Text};

/// What explains the end of a connection best.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Id of the finding, such as `injected-reset`; it stands first in
    /// `findings`.
    pub finding: Text,
    /// How sure it is.
    pub certainty: Certainty,
    /// What happened, in one sentence, without names or addresses.
    pub sentence: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable id, such as `injected-reset`; `rdpwhy explain` tells more.
    pub id: Text,
    /// What it means for the person who connected.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// What is the matter, in a few words, without names or addresses.
    pub title: Text,
    /// What happened, in sentences, with numbers.
    pub detail: Text,
    /// With whom the fault lies. Absent where the finding is not about waiting
    /// or about packets that did not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_fault: Option<AtFault>,
    /// The frames that show it; at least one is primary.
    pub evidence: Vec<Evidence>,
    /// What this finding cannot tell.
    pub cannot_tell: Vec<Text>,
    /// What to look at or to do next.
    pub next: Vec<Text>,
    /// A display filter that shows the evidence in Wireshark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_filter: Option<String>,
    /// Whom it concerns, for a finding about a whole capture or about several
    /// connections. Absent within a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concerns: Option<Concerns>,
}

/// What a finding means for the person who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It hurts.
    Warning,
    /// It explains why the attempt died.
    Failure,
}

/// With whom the fault lies when somebody waits in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtFault {
    /// The path: packets did not arrive, or nothing acknowledged them. A computer
    /// that stopped altogether looks the same, and the detail says so.
    Path,
    /// The client's computer: it had what it was to answer.
    Client,
    /// The server's computer: it had what it was to answer.
    Server,
    /// The capture leaves it open; the detail says why.
    Unclear,
}

/// A frame that shows something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The frame.
    pub frame: FrameRef,
    /// What it is to the finding.
    pub role: Role,
    /// What it shows.
    pub says: Text,
}

/// What a frame is to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The finding rests on it.
    Primary,
    /// It explains or confirms.
    Supporting,
}

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concerns {
    /// `index` of each capture.
    pub captures: Vec<u32>,
    /// `id` of each connection; some of them may be counted and not listed.
    pub connections: Vec<u32>,
}

/// A cause that the capture excludes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuledOut {
    /// Id of the finding that it would have been.
    pub finding: Text,
    /// What excludes it.
    pub because: Text,
    /// The frames that show that.
    #[schemars(with = "Vec<FrameRef>")]
    pub frames: Few<FrameRef>,
}

/// Whether a connection ended the way that the Remote Desktop client reports as
/// error code 0x904, extended error code 0x7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern0x7 {
    /// How well it matches.
    pub r#match: PatternMatch,
    /// What the Remote Desktop client would most likely have shown. Absent
    /// where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_would_show: Option<Text>,
    /// Why.
    pub because: Text,
}

/// How well a connection matches the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PatternMatch {
    /// It did not die between TCP connect and desktop.
    None,
    /// It died there in another way that makes the client see its socket close.
    Partial,
    /// It died there by a reset or close that the client did not choose, with
    /// an injected reset, a stalled negotiation or a retransmission burst
    /// behind it.
    Full,
}
