//! What the two sides agreed on: negotiation, TLS, CredSSP, licensing, and the
//! reasons that the server gave.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BySide, FrameRef, Side, Text, Time, Visibility};

/// The X.224 negotiation (MS-RDPBCGR 2.2.1.1 and 2.2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Negotiation {
    /// Whether the client sent a cookie (which names a user) or a routing token
    /// (which names a server).
    pub cookie_present: bool,
    /// What the client offered, by the specification's names:
    /// `PROTOCOL_HYBRID`. An unknown bit is a number in hexadecimal.
    pub requested: Vec<Text>,
    /// What the server selected. Absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<Text>,
    /// Why the server refused. Absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Code>,
    /// Frame of the Connection Request. Absent where it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_frame: Option<FrameRef>,
    /// Frame of the Connection Confirm. Absent where it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_frame: Option<FrameRef>,
}

/// A number from the wire with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The number.
    pub code: u32,
    /// The specification's name. Absent where the number has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
}

/// The TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The version that the server selected, such as `TLS 1.2`. Absent where no
    /// ServerHello was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// The cipher suite that the server selected, by its IANA name, or its
    /// number in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<Text>,
    /// The versions that the client offered.
    pub offered_versions: Vec<Text>,
    /// Whether the client named the server that it wanted (SNI).
    pub sni_present: bool,
    /// Whether both sides completed the handshake.
    pub completed: bool,
    /// Alerts that were readable, in order.
    pub alerts: Vec<Alert>,
    /// The server's certificate. Absent where it was not readable: with TLS 1.3
    /// it is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// A TLS alert in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Who sent it.
    pub side: Side,
    /// Whether it ends the connection.
    pub fatal: bool,
    /// Its number and name, such as 48 `unknown_ca`.
    pub description: Code,
    /// Its frame.
    pub frame: FrameRef,
}

/// A server certificate: the leaf of the chain that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Whom it names, as in the certificate.
    pub subject: String,
    /// Who signed it, as in the certificate.
    pub issuer: String,
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// It is valid from then on.
    pub not_before: Time,
    /// It is valid until then.
    pub not_after: Time,
    /// Whether it was valid at capture time.
    pub validity: Validity,
    /// Whether subject and issuer are the same, as on the certificates that
    /// Windows makes for itself.
    pub self_signed: bool,
    /// Kind and size of the key, such as `RSA 2048`.
    pub key: String,
    /// The algorithm of the signature, such as `sha256WithRSAEncryption`.
    pub signature: String,
    /// SHA-256 of the certificate, 64 hexadecimal digits.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Whether it bears the name that the client asked for (SNI). Absent where
    /// the client named none, or not all of the certificate's names are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_sni: Option<bool>,
    /// What the client did about it. Absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Reaction>,
    /// Certificates in the chain that was sent, this one included.
    pub chain_length: u32,
    /// The frame that completed it.
    pub frame: FrameRef,
}

/// A certificate against the time of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Within its time.
    Valid,
    /// After its time.
    Expired,
    /// Before its time.
    NotYetValid,
}

/// What a client did after it had seen a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reaction {
    /// It went on to the logon.
    WentOn,
    /// It ended the connection before the logon.
    Left,
}

/// The CredSSP exchange (MS-CSSP): Network Level Authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredSsp {
    /// How it became visible; without keys it is `inferred`.
    pub visibility: Visibility,
    /// TSRequest messages sent by each side.
    pub messages: BySide<u64>,
    /// How the client proved who it is: `NTLM` or `Kerberos`. Absent where that
    /// is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Text>,
    /// Whether both sides completed it.
    pub completed: bool,
    /// The NTSTATUS with which the server refused. Absent where none could be
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Code>,
    /// Frame of the message by which the server refused: an error reply, an
    /// alert, or a denied authorization. Absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_frame: Option<FrameRef>,
}

/// The licensing exchange (MS-RDPELE).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Licensing {
    /// How it became visible.
    pub visibility: Visibility,
    /// Licensing messages sent by each side.
    pub messages: BySide<u64>,
    /// Whether it came to its end.
    pub completed: bool,
    /// The error code of the message that ended it; 7 is `STATUS_VALID_CLIENT`,
    /// success. Absent where none could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Code>,
}

/// A Set Error Info message (MS-RDPBCGR 2.2.5.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorInfo {
    /// How it became visible.
    pub visibility: Visibility,
    /// The reason. Absent where the message was seen and its content was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// Its frame.
    pub frame: FrameRef,
}

/// An MCS Disconnect Provider Ultimatum: an orderly goodbye.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisconnectUltimatum {
    /// How it became visible.
    pub visibility: Visibility,
    /// Who sent it.
    pub side: Side,
    /// The reason, such as `rn-user-requested`. Absent where it could not be
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Its frame.
    pub frame: FrameRef,
}
