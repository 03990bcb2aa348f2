//! How far a connection came, and with which messages.

use core::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FrameRef, Millis, Side, Text, Time, Visibility};

/// The stages of an RDP connection, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// TCP handshake; begins with the SYN.
    Tcp,
    /// Negotiation of the security protocol; begins with the X.224 Connection
    /// Request.
    X224,
    /// TLS handshake; begins with the ClientHello.
    Tls,
    /// Logon before the desktop (Network Level Authentication); begins with the
    /// first TSRequest.
    Credssp,
    /// Channel set-up; begins with the MCS Connect Initial.
    Mcs,
    /// Licensing; begins with the Client Info message.
    Licensing,
    /// Exchange of capabilities; begins with the Demand Active message.
    Activation,
    /// The desktop; begins with the Font Map message or bulk graphics.
    Active,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One stage that a connection went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// Which.
    pub stage: Stage,
    /// How its messages became visible.
    pub visibility: Visibility,
    /// The frame of its first message.
    pub first_frame: FrameRef,
    /// The frame of its last message.
    pub last_frame: FrameRef,
    /// Time of its first message.
    pub start: Time,
    /// From its first message to the first of the next stage, or to the end of
    /// the connection; 0 where the clock was set back in between.
    pub duration_ms: Millis,
    /// What was owed and never came, in the stage in which the connection
    /// ended. Absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<Waiting>,
}

/// A message that one side owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The side that owed it.
    pub side: Side,
    /// For how long it had been owed when the connection, or the capture,
    /// ended.
    pub ms: Millis,
    /// What was owed, such as `the X.224 Connection Confirm`.
    pub message: Text,
}

/// A message that was recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it was, by its name in the specification: `ClientHello`.
    pub message: Text,
    /// Who sent it.
    pub side: Side,
    /// The stage that it belongs to.
    pub stage: Stage,
    /// How it became visible.
    pub visibility: Visibility,
    /// The frame that completed it.
    pub frame: FrameRef,
    /// The time of that frame.
    pub time: Time,
    /// How long the sender took since the message that this one answers.
    /// Absent where it answers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think_ms: Option<Millis>,
}
