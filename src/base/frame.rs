//! Where a packet stands in what was captured.

use core::fmt;

/// One capture among those read in a run, counted from 0 in reading order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId(pub u32);

/// A frame: its number within its capture file, from 1, as Wireshark counts.
///
/// Frames of different captures are ordered by capture first; their order in
/// time is that of their [`CaptureTime`](super::CaptureTime)s.
// Packed: where something was, and when, is much of what is kept of a connection. At
// multiples of four bytes both take 20 instead of 24, and 24 instead of 32 where
// there may be none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(4))]
pub struct Frame {
    /// The capture that holds the frame.
    pub capture: CaptureId,
    /// The number of the frame in that capture, from 1.
    pub number: u64,
}

impl Frame {
    /// Frame `number` (from 1) of capture `capture` (from 0).
    #[must_use]
    pub const fn new(capture: u32, number: u64) -> Self {
        Self { capture: CaptureId(capture), number }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", { self.number })
    }
}
