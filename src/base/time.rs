//! Capture time: the only clock of the library.

use core::fmt;
use core::ops::{Add, Sub};

/// A point in capture time: nanoseconds since 1970-01-01 00:00:00 UTC.
///
/// It comes from the capture and never from the machine that analyses it. It
/// may run backwards (merged interfaces, a stepped clock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(4))] // See `Frame`.
pub struct CaptureTime(i64);

/// A signed difference between two capture times, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(Rust, packed(4))] // See `Frame`.
pub struct Span(i64);

/// A packet may be earlier by so much than one that was captured before it though
/// nobody set a clock: processors and interfaces of one machine hand over what they
/// have in batches, every tenth of a second mostly.
pub const OUT_OF_ORDER: Span = Span::from_secs(1);

impl CaptureTime {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds and nanoseconds since the Unix epoch; saturates, since a
    /// hostile file may hold any number.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to `self`; negative where the clock ran back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds with fraction, as reports print them.
    #[must_use]
    pub fn millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Seconds with fraction.
    #[must_use]
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The size of the span, whichever way it runs.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The span times `factor`, saturating.
    #[must_use]
    pub const fn times(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add<Span> for CaptureTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for CaptureTime {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// As a person reads it: `740 µs`, `12.3 ms`, `4.20 s`, `61.0 s`, `2 min 5 s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0 ms"),
            1..=999_499 => write_number(f, nanos.div_ceil(1_000), " µs"),
            999_500..=99_949_999 => write_decimals::<1>(f, nanos, 1_000_000, " ms"),
            99_950_000..=999_499_999 => write_decimals::<0>(f, nanos, 1_000_000, " ms"),
            999_500_000..=9_994_999_999 => write_decimals::<2>(f, nanos, 1_000_000_000, " s"),
            9_995_000_000..=119_949_999_999 => write_decimals::<1>(f, nanos, 1_000_000_000, " s"),
            _ => {
                let secs = nanos / 1_000_000_000;
                let (h, m, s) = (secs / 3600, secs / 60 % 60, secs % 60);
                if h > 0 { write!(f, "{h} h {m} min") } else { write!(f, "{m} min {s} s") }
            }
        }
    }
}

/// Writes so many units of `unit` nanoseconds. Sentences are full of these, and
/// whole numbers are written in a tenth of the time of others.
fn write_decimals<const DECIMALS: u32>(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, name: &str) -> fmt::Result {
    let power = 10_u64.pow(DECIMALS);
    let step = unit / power;
    let (below, rest) = (nanos / step, nanos % step);
    if rest * 2 == step {
        // In the middle between two; there the binary number decides.
        let number = nanos as f64 / 1e6 / (unit as f64 / 1e6);
        return write!(f, "{:.*}{name}", DECIMALS as usize, number);
    }
    let rounded = below + u64::from(rest * 2 > step);
    if DECIMALS == 0 {
        return write_number(f, rounded, name);
    }
    write_number(f, rounded / power, ".")?;
    for digit in (0..DECIMALS).rev() {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let digit = rounded / 10_u64.pow(digit) % 10;
        f.write_str(DIGITS.get(digit as usize).copied().unwrap_or_default())?;
    }
    f.write_str(name)
}

fn write_number(f: &mut fmt::Formatter<'_>, number: u64, name: &str) -> fmt::Result {
    f.write_str(itoa::Buffer::new().format(number))?;
    f.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_like_a_person_would_write_them() {
        for (nanos, text) in [
            (0, "0 ms"),
            (740_000, "740 µs"),
            (12_340_000, "12.3 ms"),
            (999_499_999, "999 ms"),
            (4_200_000_000, "4.20 s"),
            (61_000_000_000, "61.0 s"),
            (125_000_000_000, "2 min 5 s"),
            (7_500_000_000_000, "2 h 5 min"),
            (-5_000_000, "-5.0 ms"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn hostile_times_saturate() {
        let end = CaptureTime::from_parts(i64::MAX, i64::MAX);
        assert_eq!(end.nanos(), i64::MAX);
        assert_eq!(end.since(CaptureTime::from_nanos(i64::MIN)).nanos(), i64::MAX);
        assert_eq!(Span::from_nanos(i64::MIN).abs().nanos(), i64::MAX);
    }

    /// The plain way.
    fn floating(nanos: u64) -> String {
        let ms = nanos as f64 / 1e6;
        match nanos {
            0..=99_949_999 => format!("{ms:.1} ms"),
            99_950_000..=999_499_999 => format!("{ms:.0} ms"),
            999_500_000..=9_994_999_999 => format!("{:.2} s", ms / 1e3),
            _ => format!("{:.1} s", ms / 1e3),
        }
    }

    proptest! {
        #[test]
        fn decimals_are_rounded_as_floating_numbers_are(nanos in 999_500..119_000_000_000_u64, coarse in 0..9_u32) {
            // Most captures have microseconds, so that the middle is common.
            for nanos in [nanos, nanos % 1_000_000_000] {
                let step = 10_u64.pow(coarse);
                let nanos = (nanos / step * step).max(999_500);
                prop_assert_eq!(Span::from_nanos(nanos as i64).to_string(), floating(nanos));
                for step in [100_000, 10_000_000, 100_000_000] {
                    let middle = (nanos / step * step + step / 2).max(999_500);
                    prop_assert_eq!(Span::from_nanos(middle as i64).to_string(), floating(middle));
                }
            }
        }
    }
}
