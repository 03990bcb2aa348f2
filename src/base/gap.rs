//! Bytes that the capture does not show.

use super::{CaptureTime, Frame};

/// Why bytes of a stream were not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapCause {
    /// The packet is missing from the capture although the receiver had it.
    NotCaptured,
    /// The packet is there, but was cut short when it was captured.
    CutShort,
    /// The capture began after these bytes had passed.
    LateStart,
    /// One of our own limits was reached; a notice counts it.
    Limit,
}

/// A hole in one direction of a stream: an input like any other, never silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many stream bytes are missing; 0 where that is not known (late start).
    pub bytes: u64,
    /// Why.
    pub cause: GapCause,
    /// The frame that made the hole certain.
    pub frame: Frame,
    /// When that frame was captured.
    pub time: CaptureTime,
}
