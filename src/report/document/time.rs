//! Times and durations.

use core::fmt;
use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::base;

/// A point in time, UTC, as RFC 3339 with nine decimals of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(base::CaptureTime);

/// A duration in milliseconds, rounded to the microsecond. Negative where the
/// clock of the capture ran back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis {
    micros: i64,
}

impl Time {
    /// The time as seconds since 1970-01-01 00:00:00 UTC, rounded down, and the
    /// nanoseconds within that second.
    #[must_use]
    pub const fn parts(self) -> (i64, i64) {
        let nanos = self.0.nanos();
        (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000))
    }

    /// The time from `earlier` to `self`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        self.0.since(earlier.0).into()
    }

    /// The time so much later.
    #[must_use]
    pub fn shifted(self, by: base::Span) -> Self {
        Self(self.0 + by)
    }

    fn timestamp(self) -> Timestamp {
        let (seconds, nanos) = self.parts();
        // i64 nanoseconds reach from 1677 to 2262, well inside jiff's range.
        Timestamp::new(seconds, i32::try_from(nanos).unwrap_or_default()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// RFC 3339 with nine decimals. A report holds dozens of times for each
    /// connection, so no formatter is asked.
    fn rfc3339(self) -> [u8; 30] {
        let (seconds, nanos) = self.parts();
        let (year, month, day) = date(seconds.div_euclid(86_400));
        // Both are small, and not negative.
        let (second, nanos) = (seconds.rem_euclid(86_400) as u32, nanos as u32);
        let mut text = *b"....-..-..T..:..:.............";
        let digits = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3600),
            (14, second / 60 % 60),
            (17, second % 60),
            (20, nanos / 10_000_000),
            (22, nanos / 100_000 % 100),
            (24, nanos / 1_000 % 100),
            (26, nanos / 10 % 100),
            (28, nanos % 10 * 10),
        ];
        for (place, number) in digits {
            put(&mut text, place, pair(number));
        }
        // The last decimal has a place of its own.
        put(&mut text, 29, *b"Z");
        text
    }
}

fn put<const N: usize>(text: &mut [u8; 30], place: usize, digits: [u8; N]) {
    if let Some(there) = text.get_mut(place..place + N) {
        there.copy_from_slice(&digits);
    }
}

/// The digits of a number below 100.
fn pair(number: u32) -> [u8; 2] {
    const PAIRS: &[u8; 200] = b"\
        0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899";
    PAIRS.as_chunks().0.get(number as usize).copied().unwrap_or_default()
}

/// Year, month and day of so many days after 1970-01-01, in the Gregorian
/// calendar: Howard Hinnant, "chrono-compatible low-level date algorithms". It
/// counts from a 1 March, so that leap days end a year, and 400 years at a time.
const fn date(days: i64) -> (u32, u32, u32) {
    // A capture's time is later than 1677.
    let days = (days + 719_468) as u32;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (year + era * 400, month, day)
}

impl From<base::CaptureTime> for Time {
    fn from(time: base::CaptureTime) -> Self {
        Self(time)
    }
}

impl From<Time> for base::CaptureTime {
    fn from(time: Time) -> Self {
        time.0
    }
}

/// RFC 3339; a precision cuts the decimals of the second: `{:.3}`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(9);
        write!(f, "{:.decimals$}", self.timestamp())
    }
}

impl Millis {
    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// Milliseconds with up to three decimals.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.micros as f64 / 1e3
    }

    /// The same duration in the words of the lower floors.
    #[must_use]
    pub const fn span(self) -> base::Span {
        base::Span::from_micros(self.micros)
    }
}

impl From<base::Span> for Millis {
    fn from(span: base::Span) -> Self {
        let nanos = span.nanos();
        let half = if nanos < 0 { -500 } else { 500 };
        Self { micros: nanos.saturating_add(half) / 1_000 }
    }
}

/// As a person reads it: `740 µs`, `12.3 ms`, `61.0 s`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.span().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(core::str::from_utf8(&self.rfc3339()).map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(de::Error::custom)?;
        let nanos = i64::try_from(time.as_nanosecond()).map_err(de::Error::custom)?;
        Ok(Self(base::CaptureTime::from_nanos(nanos)))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A point in time as the capture shows it: RFC 3339, UTC, nine decimals of the second.",
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
        })
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        // A float cast saturates; JSON cannot carry NaN.
        Ok(Self { micros: (millis * 1e3).round() as i64 })
    }
}

impl JsonSchema for Millis {
    fn schema_name() -> Cow<'static, str> {
        "Millis".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration in milliseconds, rounded to the microsecond. Negative where the clock of the capture ran back.",
            "type": "number",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_keep_nanoseconds_and_durations_microseconds() {
        let time = Time::from(base::CaptureTime::from_parts(1_700_000_000, 5));
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2023-11-14T22:13:20.000000005Z\"");
        assert_eq!(format!("{time:.3}"), "2023-11-14T22:13:20.000Z");
        let ms = Millis::from(base::Span::from_nanos(12_345_678));
        assert_eq!(serde_json::to_string(&ms).unwrap(), "12.346");
        assert_eq!(serde_json::to_string(&Millis::from(base::Span::from_nanos(-1_500))).unwrap(), "-0.002");
    }

    proptest! {
        #[test]
        fn every_time_and_duration_survives_json(nanos: i64, micros in -4_000_000_000_000_000..4_000_000_000_000_000_i64) {
            let time = Time::from(base::CaptureTime::from_nanos(nanos));
            let text = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
            prop_assert_eq!(text, format!("\"{time}\""));
            let ms = Millis::from_micros(micros);
            let text = serde_json::to_string(&ms).unwrap();
            prop_assert_eq!(serde_json::from_str::<Millis>(&text).unwrap(), ms);
        }
    }
}
