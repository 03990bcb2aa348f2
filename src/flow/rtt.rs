//! Round-trip times, split at the capture point.

use crate::base::Span;

/// Buckets of the histogram: a quarter of an octave each, from 1 µs up.
const BUCKETS: usize = 112;

/// Round trips between the capture point and one end.
///
/// Minimum and maximum are exact; quantiles are exact to a fifth (a histogram
/// with four buckets to the octave needs no memory for samples).
#[derive(Clone, Debug)]
pub struct Rtt {
    min: Span,
    max: Span,
    count: u32,
    last: Span,
    /// Smoothed as RFC 6298 §2.3 does, one eighth of each new sample.
    smoothed: Span,
    /// Sum of the differences between one sample and the next.
    steps: Span,
    buckets: [u16; BUCKETS],
}

impl Default for Rtt {
    fn default() -> Self {
        Self {
            min: Span::ZERO,
            max: Span::ZERO,
            count: 0,
            last: Span::ZERO,
            smoothed: Span::ZERO,
            steps: Span::ZERO,
            buckets: [0; BUCKETS],
        }
    }
}

impl Rtt {
    /// Takes a sample. Negative ones (a clock that ran back) are no round trip.
    pub fn sample(&mut self, span: Span) {
        self.sample_all(core::iter::once(span));
    }

    /// Takes several.
    #[inline]
    pub fn sample_all(&mut self, spans: impl Iterator<Item = Span>) {
        let Self { mut min, mut max, mut count, mut last, mut smoothed, mut steps, .. } = *self;
        for span in spans {
            let Ok(nanos) = u64::try_from(span.nanos()) else { continue };
            if count == 0 {
                (min, max, smoothed) = (span, span, span);
            } else {
                min = min.min(span);
                max = max.max(span);
                // Neither is negative.
                smoothed = Span::from_nanos((smoothed.nanos() >> 3).wrapping_mul(7).wrapping_add(span.nanos() >> 3));
                let step = span.nanos().wrapping_sub(last.nanos()).wrapping_abs();
                steps = Span::from_nanos(steps.nanos().saturating_add(step));
            }
            last = span;
            count = count.saturating_add(1);
            if let Some(bucket) = self.buckets.get_mut(Self::bucket(nanos)) {
                *bucket = bucket.saturating_add(1);
            }
        }
        (self.min, self.max, self.count, self.last) = (min, max, count, last);
        (self.smoothed, self.steps) = (smoothed, steps);
    }

    #[inline]
    fn bucket(nanos: u64) -> usize {
        let micros = (nanos / 1_000).max(1);
        let octave = micros.ilog2();
        // The two bits below the leading one choose the quarter.
        let quarter = if octave >= 2 { (micros >> (octave - 2)) & 3 } else { 0 };
        (octave as usize * 4 + quarter as usize).min(BUCKETS - 1)
    }

    /// The shortest.
    #[must_use]
    pub const fn min(&self) -> Option<Span> {
        if self.count == 0 { None } else { Some(self.min) }
    }

    /// The longest.
    #[must_use]
    pub const fn max(&self) -> Option<Span> {
        if self.count == 0 { None } else { Some(self.max) }
    }

    /// The smoothed round trip, as a sender keeps it for its timer.
    #[must_use]
    pub const fn smoothed(&self) -> Option<Span> {
        if self.count == 0 { None } else { Some(self.smoothed) }
    }

    /// Jitter: the mean difference between one round trip and the next
    /// (RFC 3550 §6.4.1 measures transit times so). `None` below two samples.
    #[must_use]
    pub fn jitter(&self) -> Option<Span> {
        let steps = i64::from(self.count) - 1;
        (steps > 0).then(|| Span::from_nanos(self.steps.nanos() / steps))
    }

    /// How many samples.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The value that `percent` of the samples do not exceed (0–100).
    #[must_use]
    pub fn quantile(&self, percent: u32) -> Option<Span> {
        let (min, max) = (self.min()?, self.max()?);
        let wanted = (u64::from(self.count) * u64::from(percent)).div_ceil(100).max(1);
        let mut passed = 0u64;
        // Most buckets are empty: several are passed at once.
        for (at, several) in self.buckets.as_chunks::<16>().0.iter().enumerate() {
            let all = several.iter().fold(0_u32, |all, n| all.wrapping_add((*n).into()));
            if passed + u64::from(all) < wanted {
                passed += u64::from(all);
                continue;
            }
            for (i, n) in (at * 16..).zip(several) {
                passed += u64::from(*n);
                if passed >= wanted {
                    let (octave, quarter) = (i / 4, i % 4);
                    // The middle of the bucket.
                    let micros = (1u64 << octave) as f64 * (1.0 + (quarter as f64 + 0.5) / 4.0);
                    return Some(Span::from_nanos((micros * 1e3) as i64).clamp(min, max));
                }
            }
        }
        Some(max)
    }

    /// Whether the shortest round trip can be relied on: at least three were
    /// measured, and the middle one is not half as long again. On a path that
    /// jitters, a few samples may all be far above the real minimum.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        // Most connections of a scan have fewer, and a median is counted.
        self.count >= 3 && self.median().is_some_and(|median| median.times(2) <= self.min.times(3))
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> Option<Span> {
        self.quantile(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_fifth() {
        let mut rtt = Rtt::default();
        for ms in 1..=1000 {
            rtt.sample(Span::from_millis(ms));
        }
        let median = rtt.median().unwrap().millis_f64();
        assert!((400.0..=600.0).contains(&median), "{median}");
        assert_eq!((rtt.min(), rtt.max()), (Some(Span::from_millis(1)), Some(Span::from_millis(1000))));
    }

    #[test]
    fn a_clock_that_ran_back_gives_no_sample() {
        let mut rtt = Rtt::default();
        rtt.sample(Span::from_millis(-3));
        rtt.sample(Span::from_nanos(i64::MAX));
        rtt.sample(Span::ZERO);
        assert_eq!(rtt.count(), 2);
        assert!(rtt.median().is_some());
    }
}
