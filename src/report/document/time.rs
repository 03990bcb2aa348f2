//! Times and durations.

use core::fmt;
use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::base::{self, Digits, Thousand};

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
    /// The name under which it is written.
    pub(in crate::report) const NAME: &str = "Time";

    /// From nanoseconds since 1970-01-01 00:00:00 UTC.
    pub(in crate::report) const fn from_nanos(nanos: i64) -> Self {
        Self(base::CaptureTime::from_nanos(nanos))
    }

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
}

/// Writes times: RFC 3339 with nine decimals. A report holds dozens of times for
/// each connection, so no formatter is asked; and most of them are of the same
/// second as the one before.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Clock {
    /// When the day begins, in nanoseconds since 1970-01-01.
    day: i64,
    /// When the second begins, in the same way.
    second: i64,
    /// A time of that second, in quotation marks.
    text: [u8; Clock::WIDTH],
}

impl Default for Clock {
    fn default() -> Self {
        Self { day: 0, second: 0, text: *b"\"1970-01-01T00:00:00.000000000Z\"" }
    }
}

impl Clock {
    /// How long a time is in quotation marks.
    pub(in crate::report) const WIDTH: usize = 32;
    const DAY: u64 = 86_400 * Self::SECOND;
    const SECOND: u64 = 1_000_000_000;

    /// Writes the time in quotation marks.
    #[inline(always)]
    pub(in crate::report) fn write(&mut self, time: Time, room: &mut [u8; Self::WIDTH]) {
        let nanos = time.0.nanos();
        // A time before the second wraps to a number beyond all seconds.
        let mut since = nanos.wrapping_sub(self.second) as u64;
        if since >= Self::SECOND {
            since = self.turn(nanos);
        }
        *room = self.text;
        let (millis, nanos) = (since as u32 / 1_000_000, since as u32 % 1_000_000);
        // What each of them writes over the digits is written again.
        put(room, 21, Thousand::of(millis).all().to_le_bytes());
        put(room, 24, Thousand::of(nanos / 1_000).all().to_le_bytes());
        put(room, 27, (Thousand::of(nanos % 1_000).all() | u32::from(b'Z') << 24).to_le_bytes());
    }

    /// Turns to the second of a time, and says how long that is after it began.
    #[inline(never)]
    fn turn(&mut self, nanos: i64) -> u64 {
        let mut since = nanos.wrapping_sub(self.day) as u64;
        if since >= Self::DAY {
            since = self.turn_day(nanos);
        }
        // Both are small.
        let (second, nanos_since) = ((since / Self::SECOND) as u32, since % Self::SECOND);
        self.second = nanos.wrapping_sub(nanos_since as i64);
        let clock = second / 3600 * 10_000 + second / 60 % 60 * 100 + second % 60;
        let [_, _, hour @ .., m1, m2, s1, s2] = Digits::of(clock).all();
        put::<2>(&mut self.text, 12, hour);
        put(&mut self.text, 15, [m1, m2]);
        put(&mut self.text, 18, [s1, s2]);
        nanos_since
    }

    /// Turns to the day of a time, and says how long that is after it began.
    #[cold]
    fn turn_day(&mut self, nanos: i64) -> u64 {
        let since = nanos.rem_euclid(Self::DAY as i64);
        // The first day of all may begin before the first number.
        self.day = nanos.wrapping_sub(since);
        let (year, month, day) = date(nanos.div_euclid(Self::DAY as i64));
        let [year @ .., m1, m2, d1, d2] = Digits::of(year * 10_000 + month * 100 + day).all();
        put::<4>(&mut self.text, 1, year);
        put(&mut self.text, 6, [m1, m2]);
        put(&mut self.text, 9, [d1, d2]);
        since as u64
    }
}

#[inline(always)]
fn put<const N: usize>(text: &mut [u8; Clock::WIDTH], place: usize, digits: [u8; N]) {
    if let Some(there) = text.get_mut(place..place + N) {
        there.copy_from_slice(&digits);
    }
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
    /// The name under which it is written.
    pub(in crate::report) const NAME: &str = "Millis";

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

/// Bears its name, so that whoever writes it need not take it from a text.
impl Serialize for Time {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &Nanos(*self))
    }
}

/// What a time is made of: a text for people, and a number for others.
struct Nanos(Time);

impl Serialize for Nanos {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_i64(self.0.0.nanos());
        }
        let mut text = [0; Clock::WIDTH];
        Clock::default().write(self.0, &mut text);
        let [_, text @ .., _] = text;
        serializer.serialize_str(core::str::from_utf8(&text).map_err(ser::Error::custom)?)
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

/// As [`Time`].
impl Serialize for Millis {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &Micros(*self))
    }
}

/// What a duration is made of: milliseconds for people, and a whole number of
/// microseconds for others.
struct Micros(Millis);

impl Serialize for Micros {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_f64(self.0.as_f64())
        } else {
            serializer.serialize_i64(self.0.micros)
        }
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
