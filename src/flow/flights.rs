//! Data sent without waiting: when each stretch of it began, and when all of
//! it was acknowledged.

use crate::base::{At, CaptureTime};

/// Flights remembered: the one that was not answered, and what came after it
/// (keep-alives, an alert, a goodbye).
pub const REMEMBERED: usize = 4;

/// Data sent until all of it was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    /// Its first packet.
    first: At,
    /// When all of it was acknowledged.
    acknowledged: Option<At>,
}

/// The last flights of one side. In place: one begins with every keystroke.
#[derive(Clone, Debug, Default)]
pub struct Flights {
    ring: [Flight; REMEMBERED],
    begun: usize,
}

impl Flights {
    /// Data is sent, and before it nothing was under way.
    #[inline]
    pub(super) fn begin(&mut self, at: At) {
        if let Some(oldest) = self.ring.get_mut(self.begun % REMEMBERED) {
            *oldest = Flight { first: at, acknowledged: None };
        }
        self.begun = self.begun.wrapping_add(1);
    }

    /// So many began, of which none is remembered any more.
    pub(super) const fn forget(&mut self, begun: u32) {
        self.begun = self.begun.wrapping_add(begun as usize);
    }

    /// Everything that was sent is acknowledged.
    #[inline]
    pub(super) fn land(&mut self, at: At) {
        if let Some(newest) = self.begun.checked_sub(1)
            && let Some(flight) = self.ring.get_mut(newest % REMEMBERED)
        {
            flight.acknowledged.get_or_insert(at);
        }
    }

    /// When the last data was sent before which nothing was under way.
    #[must_use]
    pub fn newest(&self) -> Option<At> {
        let newest = self.begun.checked_sub(1)?;
        self.ring.get(newest % REMEMBERED).map(|flight| flight.first)
    }

    /// When the data that was under way at `time` had been acknowledged.
    #[must_use]
    pub fn acknowledged_since(&self, time: CaptureTime) -> Option<At> {
        let remembered = self.begun.min(REMEMBERED);
        let mut newest_first = (1..=remembered).filter_map(|back| self.ring.get((self.begun - back) % REMEMBERED));
        newest_first.find(|flight| flight.first.time <= time)?.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Frame;

    fn at(n: i64) -> At {
        At { frame: Frame::new(0, n.unsigned_abs()), time: CaptureTime::from_nanos(n) }
    }

    #[test]
    fn the_flight_of_a_time_is_the_last_that_had_begun() {
        let mut flights = Flights::default();
        flights.land(at(1));
        assert_eq!(flights.acknowledged_since(at(1).time), None, "nothing was under way");
        for begun in [10, 20, 30, 40, 50] {
            flights.begin(at(begun));
            if begun != 50 {
                flights.land(at(begun + 5));
                flights.land(at(begun + 6));
            }
        }
        let since = |n| flights.acknowledged_since(at(n).time);
        assert_eq!([since(20), since(29), since(45)], [Some(at(25)), Some(at(25)), Some(at(45))]);
        assert_eq!(since(50), None, "not acknowledged");
        assert_eq!(since(19), None, "forgotten");
        assert_eq!((flights.newest(), Flights::default().newest()), (Some(at(50)), None));
    }
}
