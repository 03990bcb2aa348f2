//! Whether the clock of a capture was set back: what lies across that has no
//! duration that anybody could measure.

use crate::base::{CaptureId, CaptureTime, Frame, Notice, NoticeKind, OUT_OF_ORDER, Span};

/// The clock of the capture was set back, or captures were put together out of
/// order.
pub const CLOCK_SET_BACK: NoticeKind = NoticeKind("clock-set-back");

/// Steps back of a capture's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetBack {
    /// How many there were.
    pub count: u64,
    /// The largest.
    pub most: Span,
    /// The number of the first frame behind one.
    pub first: Option<u64>,
}

impl SetBack {
    /// Frame `number` has `time`, and the one before it had the later time
    /// `before`.
    #[cold]
    pub(super) fn note(&mut self, before: CaptureTime, time: CaptureTime, number: u64) {
        let step = before.since(time);
        if step > OUT_OF_ORDER {
            self.count = self.count.saturating_add(1);
            self.most = self.most.max(step);
            self.first.get_or_insert(number);
        }
    }

    /// What a reader of the report on `capture` must know of it, if anything.
    #[must_use]
    pub fn notice(&self, capture: CaptureId) -> Option<Notice> {
        let Self { count, most, first } = *self;
        Some(Notice {
            kind: CLOCK_SET_BACK,
            says: format!(
                "the clock of this capture was set back, by {most} at the most, or packets are not in the order in which they were captured: what lies across that has no right duration"
            ),
            count,
            frame: Some(Frame { capture, number: first? }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_no_step() {
        let at = |millis: i64| CaptureTime::from_nanos(0) + Span::from_millis(millis);
        let mut clock = SetBack::default();
        clock.note(at(5_000), at(4_000), 7);
        assert_eq!((clock, clock.notice(CaptureId(0))), (SetBack::default(), None));
        clock.note(at(5_000), at(3_999), 8);
        clock.note(at(9_000), at(2_000), 9);
        let notice = clock.notice(CaptureId(2)).unwrap();
        assert_eq!((notice.count, notice.frame), (2, Some(Frame::new(2, 8))));
        assert!(notice.says.contains("by 7.00 s at the most"), "{}", notice.says);
    }
}
