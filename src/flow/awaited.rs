//! How long an answer to a connection request was waited for.

use crate::base::{CaptureTime, Span};

/// Nobody asks again before (RFC 6298 §2.1): the answer to what was just sent may
/// be on its way.
const FIRST_TIMER: Span = Span::from_secs(1);

/// No answer takes as long as that: the second timer of a client that doubles.
const ENOUGH: Span = Span::from_secs(3);

/// So many that no single loss explains why none was answered.
const ENOUGH_TRIES: usize = 3;

/// Whether an answer would have come. What counts is the last request: those before
/// it may have been lost, and this one be answered just behind the capture's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// Nobody can know yet.
    TooShort,
    /// It is late.
    Briefly,
    /// It will not come.
    Long,
}

impl Awaited {
    /// Of requests at those times, in order, followed up to `until`.
    pub(super) fn of(tries: impl Iterator<Item = CaptureTime>, until: CaptureTime) -> Self {
        let (mut count, mut longest, mut last) = (0, Span::ZERO, None);
        for time in tries {
            count += 1;
            longest = last.map_or(longest, |before| longest.max(time.since(before)));
            last = Some(time);
        }
        let Some(last) = last else { return Self::TooShort };
        let since_last = until.since(last);
        // Who asked often waited in vain for those before the last.
        let often = count >= ENOUGH_TRIES;
        if since_last >= ENOUGH || (often && longest >= ENOUGH) {
            Self::Long
        } else if since_last >= FIRST_TIMER || (often && longest >= FIRST_TIMER) {
            Self::Briefly
        } else {
            Self::TooShort
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(tries: &[i64], until: i64) -> Awaited {
        let time = |ms: &i64| CaptureTime::from_nanos(ms * 1_000_000);
        Awaited::of(tries.iter().map(time), time(&until))
    }

    #[test]
    fn the_last_request_is_waited_for() {
        assert_eq!(awaited(&[], 9_000), Awaited::TooShort);
        assert_eq!(awaited(&[0, 1_020], 1_020), Awaited::TooShort);
        assert_eq!(awaited(&[0, 20, 40], 900), Awaited::TooShort);
        assert_eq!(awaited(&[0, 1_020], 2_020), Awaited::Briefly);
        assert_eq!(awaited(&[0, 1_020], 4_020), Awaited::Long);
        assert_eq!(awaited(&[0], 3_000), Awaited::Long);
    }

    #[test]
    fn many_that_were_waited_for_need_no_wait_for_the_last() {
        // Linux waits for a second several times before it doubles.
        assert_eq!(awaited(&[0, 1_020, 2_040], 2_040), Awaited::Briefly);
        assert_eq!(awaited(&[0, 1_020, 3_040, 7_100], 7_100), Awaited::Long);
        // Two, of which the second may have been the first to arrive.
        assert_eq!(awaited(&[0, 3_000], 3_000), Awaited::TooShort);
    }
}
