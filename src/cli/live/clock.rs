//! The machine's clock, which somebody may set while connections are open.
//!
//! Packets bear the system's time. When that is stepped, an hour would seem to
//! pass between two packets, and every open connection would have timed out. So
//! a step is measured against the steady clock and taken back, until no
//! connection that began before it is left.

use std::time::{Instant, SystemTime};

use rdpwhy::base::{CaptureTime, Span};

/// A step is more than what NTP slews and what a suspended laptop's rounding
/// makes between two looks.
const STEP: Span = Span::from_secs(1);

/// One look at both clocks, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The system's time.
    pub(super) real: CaptureTime,
    /// The steady clock's, from any beginning.
    pub(super) steady: Span,
}

impl Look {
    /// Looks; `since` is the beginning of the steady clock.
    #[expect(clippy::disallowed_methods, reason = "a live capture is where the clock comes in")]
    pub(super) fn now(since: Instant) -> Self {
        let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let real = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => nanos(before.duration()).saturating_neg(),
        };
        Self { real: CaptureTime::from_nanos(real), steady: Span::from_nanos(nanos(Instant::now() - since)) }
    }

    fn offset(self) -> CaptureTime {
        self.real - self.steady
    }
}

/// Turns the system's time into one that never steps.
#[derive(Debug)]
pub(super) struct Clock {
    look: Look,
    correction: Span,
    /// What it was before the step that the last look found: packets of that
    /// moment may be from before or after.
    before: Option<Span>,
    steps: u64,
}

impl Clock {
    pub(super) const fn new(look: Look) -> Self {
        Self { look, correction: Span::ZERO, before: None, steps: 0 }
    }

    /// Looks again; returns by how much the system's time was stepped, if it
    /// was.
    pub(super) fn look(&mut self, look: Look) -> Option<Span> {
        let step = look.offset().since(self.look.offset());
        self.look = look;
        self.before = None;
        if step.abs() <= STEP {
            return None;
        }
        self.before = Some(self.correction);
        self.correction = self.correction - step;
        self.steps += 1;
        Some(step)
    }

    /// Now, without steps.
    pub(super) fn now(&self) -> CaptureTime {
        self.look.real + self.correction
    }

    /// The time of a packet, without steps.
    pub(super) fn of(&self, stamp: CaptureTime) -> CaptureTime {
        let time = stamp + self.correction;
        match self.before.map(|before| stamp + before) {
            Some(other) if other.since(self.now()).abs() < time.since(self.now()).abs() => other,
            _ => time,
        }
    }

    /// No connection is open that began before a step: the system's time is
    /// right again.
    pub(super) const fn settle(&mut self) {
        self.correction = Span::ZERO;
    }

    /// By how much our time differs from the system's.
    pub(super) const fn correction(&self) -> Span {
        self.correction
    }

    /// How often it was stepped.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(real_s: i64, steady_s: i64) -> Look {
        Look { real: CaptureTime::from_parts(real_s, 0), steady: Span::from_secs(steady_s) }
    }

    #[test]
    fn a_step_is_taken_back_either_way() {
        for hour in [3_600, -3_600] {
            let mut clock = Clock::new(look(10_000, 0));
            assert_eq!(clock.look(look(10_005, 5)), None);
            assert_eq!(clock.look(look(10_006 + hour, 6)), Some(Span::from_secs(hour)));
            assert_eq!(clock.now(), CaptureTime::from_parts(10_006, 0));
            // One packet from before the step and one from after it.
            assert_eq!(clock.of(CaptureTime::from_parts(10_005, 5)), CaptureTime::from_parts(10_005, 5));
            assert_eq!(clock.of(CaptureTime::from_parts(10_006 + hour, 0)), CaptureTime::from_parts(10_006, 0));
            assert_eq!(clock.look(look(10_007 + hour, 7)), None);
            assert_eq!(clock.of(CaptureTime::from_parts(10_007 + hour, 0)), CaptureTime::from_parts(10_007, 0));
            clock.settle();
            assert_eq!((clock.now(), clock.steps()), (CaptureTime::from_parts(10_007 + hour, 0), 1));
        }
    }

    #[test]
    fn drift_is_no_step() {
        let mut clock = Clock::new(look(0, 0));
        for second in 1..10_000 {
            let drifting = Look { real: CaptureTime::from_nanos(second * 1_001_000_000), ..look(0, second) };
            assert_eq!(clock.look(drifting), None);
        }
        assert_eq!(clock.now(), CaptureTime::from_nanos(9_999 * 1_001_000_000));
    }
}
