//! How reading bytes can fail, with an address.

use core::fmt;

/// What was wrong. The five are never merged: each sends the reader elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The bytes contradict the format.
    Malformed,
    /// Valid, but not what this stage of the protocol allows.
    OutOfPlace,
    /// The peer said no.
    Refused,
    /// The bytes are not in the capture.
    NotSeen,
    /// Valid for all we know; we do not decode it.
    NotUnderstood,
}

/// Which field set the end that was run into: the difference between a packet
/// that was cut when captured and a header that lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitSource {
    /// The bytes that were captured.
    Captured,
    /// A length field of the named protocol.
    LengthField(&'static str),
}

/// A failed parse: which layer and field, at which offset, what it needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseError {
    /// What kind of failure.
    pub cause: Cause,
    /// The protocol, as Wireshark names it in lower case: `tcp`, `tpkt`, `tls`.
    pub layer: &'static str,
    /// The field that could not be read or made no sense.
    pub field: &'static str,
    /// Byte offset of the field from the start of the layer.
    pub offset: usize,
    /// Bytes needed from `offset`; 0 where length was not the problem.
    pub need: usize,
    /// Bytes there were from `offset`.
    pub have: usize,
    /// What set the end.
    pub limit: LimitSource,
}

impl ParseError {
    /// The field wants `need` bytes and finds `have`.
    #[must_use]
    pub const fn short(layer: &'static str, field: &'static str, offset: usize, need: usize, have: usize) -> Self {
        Self { cause: Cause::NotSeen, layer, field, offset, need, have, limit: LimitSource::Captured }
    }

    /// The field holds a value that the format forbids.
    #[must_use]
    pub const fn malformed(layer: &'static str, field: &'static str, offset: usize) -> Self {
        Self { cause: Cause::Malformed, layer, field, offset, need: 0, have: 0, limit: LimitSource::Captured }
    }

    /// The same failure, where a length field set the end: then it is the
    /// header that contradicts itself.
    #[must_use]
    pub const fn limited_by(mut self, field: &'static str) -> Self {
        self.cause = Cause::Malformed;
        self.limit = LimitSource::LengthField(field);
        self
    }

    /// The same failure, another cause.
    #[must_use]
    pub const fn because(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, field, offset, need, have, .. } = self;
        match self.cause {
            Cause::NotSeen => write!(f, "{layer}: {field} at byte {offset} needs {need} bytes, {have} were captured"),
            Cause::Malformed if *need > 0 => {
                write!(f, "{layer}: {field} at byte {offset} needs {need} bytes, its length field allows {have}")
            }
            Cause::Malformed => write!(f, "{layer}: {field} at byte {offset} holds no valid value"),
            Cause::OutOfPlace => write!(f, "{layer}: {field} at byte {offset} does not belong at this stage"),
            Cause::Refused => write!(f, "{layer}: the peer refused with {field}"),
            Cause::NotUnderstood => write!(f, "{layer}: {field} at byte {offset} is not decoded"),
        }
    }
}

impl core::error::Error for ParseError {}
