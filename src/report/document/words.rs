//! The words that every part of the report uses: frames, sides, ends, and how
//! sure a claim is.

use core::fmt;
use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base;

/// The version of the report format. It is 1, and nothing else is read.
///
/// Within version 1 names and meanings never change; later releases may add
/// fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchemaVersion;

impl SchemaVersion {
    /// The number that is written.
    pub const NUMBER: u32 = 1;
}

/// A frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameRef {
    /// The number of the frame within its capture file, from 1, as Wireshark
    /// counts.
    pub number: u64,
    /// The `index` of its capture. Absent where the report covers one capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<u32>,
}

/// An address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The end that asked for the connection: the RDP client.
    Client,
    /// The end that was asked: the RDP server.
    Server,
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BySide_{T}")]
pub struct BySide<T> {
    /// The client's.
    pub client: T,
    /// The server's.
    pub server: T,
}

/// How sure a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It fits, and so do other explanations.
    Possible,
    /// The best explanation by far.
    Likely,
    /// It cannot be otherwise, given an undamaged capture.
    Proven,
}

/// How a fact became visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Read from the size, direction and order of encrypted records. Never the
    /// ground of a claim that is `proven`.
    Inferred,
    /// Read with a TLS key log.
    Decrypted,
    /// Read in the clear.
    Clear,
}

/// Something that the reader of the report must know about how it came to be:
/// a limit that was reached, damage, input that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Stable id, such as `file-cut-short`.
    pub kind: String,
    /// A sentence for people, about the first time it happened.
    pub says: String,
    /// How often it happened.
    pub count: u64,
    /// The frame at which it first happened, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<FrameRef>,
}

impl FrameRef {
    /// The name under which it is written.
    pub(in crate::report) const NAME: &str = "FrameRef";

    #[inline(never)]
    fn serialize_whole<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct(Self::NAME, 1 + usize::from(self.capture.is_some()))?;
        object.serialize_field("number", &self.number)?;
        match &self.capture {
            Some(capture) => object.serialize_field("capture", capture)?,
            None => object.skip_field("capture")?,
        }
        object.end()
    }

    /// Frame `number` of the only capture.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self { number, capture: None }
    }

    /// Frame `number` of the capture with this `index`, among several.
    #[must_use]
    pub const fn of_capture(capture: u32, number: u64) -> Self {
        Self { number, capture: Some(capture) }
    }
}

/// Bears its name, so that whoever writes it may do so at once.
impl Serialize for FrameRef {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &FrameNumber(self))
    }
}

/// What a frame is: an object for people, and a number for others where there is
/// but one capture.
struct FrameNumber<'a>(&'a FrameRef);

impl Serialize for FrameNumber<'_> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.capture.is_none() && !serializer.is_human_readable() {
            return serializer.serialize_u64(self.0.number);
        }
        self.0.serialize_whole(serializer)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::from((self.ip, self.port)).fmt(f)
    }
}

impl<T> From<base::BySide<T>> for BySide<T> {
    fn from(base::BySide { client, server }: base::BySide<T>) -> Self {
        Self { client, server }
    }
}

impl Serialize for SchemaVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(de::Error::custom(format_args!("report version {other}, expected {}", Self::NUMBER))),
        }
    }
}

impl JsonSchema for SchemaVersion {
    fn schema_name() -> Cow<'static, str> {
        "SchemaVersion".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The version of the report format. Within a version names and meanings never change; later releases may add fields.",
            "const": Self::NUMBER,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_by_number() {
        assert!(serde_json::from_str::<SchemaVersion>("1").is_ok());
        let error = serde_json::from_str::<SchemaVersion>("2").unwrap_err().to_string();
        assert!(error.starts_with("report version 2, expected 1"), "{error}");
    }
}
