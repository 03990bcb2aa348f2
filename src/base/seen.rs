//! Facts carry the frame that shows them.

use super::{CaptureTime, Frame, Gap};

/// A point in a capture: a frame and its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The frame.
    pub frame: Frame,
    /// When it was captured.
    pub time: CaptureTime,
}

impl At {
    /// `value`, seen here.
    pub const fn seen<T>(self, value: T) -> Seen<T> {
        Seen::new(value, self.frame, self.time)
    }
}

impl From<Gap> for At {
    fn from(gap: Gap) -> Self {
        Self { frame: gap.frame, time: gap.time }
    }
}

/// A value, the frame that shows it, and when that was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// What was seen.
    pub value: T,
    /// Where.
    pub frame: Frame,
    /// When.
    pub time: CaptureTime,
}

impl<T> Seen<T> {
    /// `value` as shown by `frame` at `time`.
    pub const fn new(value: T, frame: Frame, time: CaptureTime) -> Self {
        Self { value, frame, time }
    }

    /// Where and when.
    pub const fn at(&self) -> At {
        At { frame: self.frame, time: self.time }
    }
}

/// How a fact became visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    /// Read from the shape of encrypted records.
    Inferred,
    /// Read with a key.
    Decrypted,
    /// Read in the clear.
    Clear,
}

/// How sure a claim is. Ordered: a weaker one is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Fits, and so do other explanations.
    Possible,
    /// The best explanation by far.
    Likely,
    /// Cannot be otherwise, given an undamaged capture.
    Proven,
}

impl Certainty {
    /// One step weaker; `Possible` stays.
    #[must_use]
    pub const fn lowered(self) -> Self {
        match self {
            Self::Proven => Self::Likely,
            Self::Likely | Self::Possible => Self::Possible,
        }
    }

    /// `proven`, `likely` or `possible`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}
