//! Resets, and who built them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Certainty, FrameRef, Side, Text, Time};

/// One TCP reset (RST).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Its frame.
    pub frame: FrameRef,
    /// When it was captured.
    pub time: Time,
    /// The side whose address it carries.
    pub claimed_by: Side,
    /// Who built it.
    pub built_by: BuiltBy,
    /// How sure that is.
    pub certainty: Certainty,
    /// What it did.
    pub effect: ResetEffect,
    /// What that rests on.
    pub evidence: Vec<ResetEvidence>,
    /// How many routers lie between the builder and the point of capture.
    /// Absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hops: Option<Hops>,
    /// Tests that this reset does not allow, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot_tell: Vec<Text>,
}

/// What a reset did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResetEffect {
    /// It ended the connection.
    Ended,
    /// The connection had already been ending.
    AfterTheEnd,
    /// The connection went on: its receiver ignored it.
    Ignored,
    /// The connection went on: its receiver answered with a challenge ACK
    /// (RFC 5961 section 3.2).
    Challenged,
}

/// Who built a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuiltBy {
    /// The host whose address it carries.
    Host,
    /// Another device, in the name of that host.
    OtherDevice,
    /// The evidence does not tell.
    Undetermined,
}

/// One observation about who built a reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetEvidence {
    /// Stable id of the test, such as `ttl-changed`.
    pub id: Text,
    /// What it speaks for.
    pub points_to: BuiltBy,
    /// How much it weighs.
    pub strength: Strength,
    /// The frames that show it.
    pub frames: Vec<FrameRef>,
    /// The observation in words.
    pub says: Text,
}

/// How much an observation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Fits, and is never counted.
    Circumstance,
    /// Supports a conclusion that other evidence bears.
    Weak,
    /// Hard to explain otherwise.
    Strong,
    /// Makes a case alone, short of proof.
    Compelling,
    /// Decides alone.
    Proof,
}

/// Distances from the point of capture, in routers, read from the IP time to
/// live. Absent where it does not tell: nothing of the host is known, or a
/// device copied the value or made one up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hops {
    /// To the host whose address the reset carries.
    pub host: u8,
    /// To the builder of the reset.
    pub reset: u8,
}
