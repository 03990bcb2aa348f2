//! Facts carry the frame that shows them.

use core::cmp::Ordering;

use super::{CaptureTime, Frame, Gap, OUT_OF_ORDER};

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

    /// Which of two comes first: by time, and within one capture by number where
    /// its clock was set back in between. No total order where it was.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let by_number = self.frame.cmp(&other.frame);
        let by_time = self.time.cmp(&other.time).then(by_number);
        let was_set_back = self.frame.capture == other.frame.capture
            && by_time == by_number.reverse()
            && self.time.since(other.time).abs() > OUT_OF_ORDER;
        if was_set_back { by_number } else { by_time }
    }

    /// Whether it comes after `other`, in that order.
    #[must_use]
    pub fn follows(&self, other: &Self) -> bool {
        self.order(other).is_gt()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    fn at(capture: u32, number: u64, millis: i64) -> At {
        At { frame: Frame::new(capture, number), time: CaptureTime::from_nanos(0) + Span::from_millis(millis) }
    }

    #[test]
    fn time_orders_unless_the_clock_was_set_back() {
        assert!(at(0, 2, 10).follows(&at(0, 1, 5)) && !at(0, 1, 5).follows(&at(0, 2, 10)));
        assert!(at(0, 2, 5).follows(&at(0, 1, 5)), "at the same time the later frame");
        assert!(at(0, 1, 1_005).follows(&at(0, 2, 5)), "two interfaces");
        assert!(at(0, 2, 5).follows(&at(0, 1, 1_006)), "the clock was set back");
        assert!(at(0, 1, 1_006).follows(&at(1, 2, 5)), "each capture has numbers of its own");
        assert_eq!(at(0, 1, 5).order(&at(0, 1, 5)), Ordering::Equal);
    }
}
