//! Axes: where a time or an offset stands, and which of them are labelled.

use crate::report::document::{Millis, Time};

/// The most silences that are cut out of an axis.
const MOST_BREAKS: usize = 3;
/// Silences are cut out where all the rest takes at most this share of the
/// time. A sender that waits twice as long each time is never cut.
const LITTLE: f64 = 0.05;
/// The width of a cut, in percent of the axis.
const BREAK_WIDTH: f64 = 13.0;
/// What a character of a label takes on a telephone, in percent of the axis, and
/// what stays free between two labels.
const CHARACTER: f64 = 2.3;
/// See [`CHARACTER`].
const BETWEEN: f64 = 3.0;
/// What stays free at both ends, in percent of the axis.
const MARGIN: f64 = 2.0;

/// A stretch of time and where it is drawn, in percent of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_ms: f64,
    pub(super) to_ms: f64,
    pub(super) x: f64,
    pub(super) width: f64,
    /// A silence that is not drawn to scale.
    pub(super) is_break: bool,
}

/// The axis of time: to scale, but for long silences, which are cut out
/// visibly. A negotiation of 100 ms and the minute of silence after it are
/// both part of the story, and only so both can be seen.
#[derive(Debug)]
pub(super) struct TimeScale {
    start: Time,
    stretches: Vec<Stretch>,
}

impl TimeScale {
    /// An axis for these times; `start` is where it counts from.
    pub(super) fn new(start: Time, times: impl Iterator<Item = Time>) -> Self {
        let mut at: Vec<f64> = times.map(|time| time.since(start).as_f64()).collect();
        at.push(0.0);
        at.sort_by(f64::total_cmp);
        let (first, last) = (at.first().copied().unwrap_or(0.0), at.last().copied().unwrap_or(0.0));
        let mut gaps: Vec<(f64, f64)> = at.iter().zip(at.iter().skip(1)).map(|(a, b)| (*a, *b)).collect();
        gaps.sort_by(|a, b| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
        let span = last - first;
        let mut breaks: Vec<(f64, f64)> = Vec::new();
        let mut left = span;
        for (n, (from, to)) in (1..=MOST_BREAKS).zip(gaps.iter().copied()) {
            left -= to - from;
            // With hardly anything else there is nothing to make room for.
            if left > 0.0 && left <= LITTLE * span && at.len() > 4 {
                breaks = gaps.iter().copied().take(n).collect();
                break;
            }
        }
        if breaks.is_empty() {
            left = span;
        }
        breaks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let room = 100.0 - 2.0 * MARGIN - BREAK_WIDTH * breaks.len() as f64;
        let per_ms = if left > 0.0 { room / left } else { 0.0 };
        let mut scale = Self { start, stretches: Vec::new() };
        let mut now = first;
        for (from, to) in breaks {
            scale.add(now, from, (from - now) * per_ms, false);
            scale.add(from, to, BREAK_WIDTH, true);
            now = to;
        }
        scale.add(now, last, (last - now) * per_ms, false);
        scale
    }

    fn add(&mut self, from_ms: f64, to_ms: f64, width: f64, is_break: bool) {
        let x = self.stretches.last().map_or(MARGIN, |s| s.x + s.width);
        self.stretches.push(Stretch { from_ms, to_ms, x, width, is_break });
    }

    /// Where a time stands, in percent.
    pub(super) fn x(&self, time: Time) -> f64 {
        let ms = time.since(self.start).as_f64();
        let stretch = self.stretches.iter().find(|s| ms <= s.to_ms).or(self.stretches.last());
        stretch.map_or(MARGIN, |s| {
            let share = if s.to_ms > s.from_ms { (ms - s.from_ms) / (s.to_ms - s.from_ms) } else { 0.0 };
            s.x + s.width * share.clamp(0.0, 1.0)
        })
    }

    /// The silences that are cut out.
    pub(super) fn breaks(&self) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(|s| s.is_break)
    }

    /// Labels and where they stand, in percent.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let drawn: f64 = self.stretches.iter().filter(|s| !s.is_break).map(|s| s.to_ms - s.from_ms).sum();
        let step = nice(drawn / 6.0);
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for s in self.stretches.iter().filter(|s| !s.is_break) {
            let mut n = (s.from_ms / step).ceil();
            while n * step <= s.to_ms {
                let share = if s.to_ms > s.from_ms { (n * step - s.from_ms) / (s.to_ms - s.from_ms) } else { 0.0 };
                let x = s.x + s.width * share;
                let label = duration(n * step, step);
                // The label of the last one is cut off at the edge.
                let crowded = ticks
                    .last()
                    .is_some_and(|(last, before)| x - last < (width_of(before) + width_of(&label)) / 2.0 + BETWEEN);
                if !crowded && x <= 97.0 {
                    ticks.push((x, label));
                }
                n += 1.0;
            }
        }
        ticks
    }
}

fn width_of(label: &str) -> f64 {
    label.chars().count() as f64 * CHARACTER
}

/// The next larger of 1, 2 and 5 times a power of ten; of minutes, 1, 2, 5 and
/// 10 of them.
fn nice(at_least: f64) -> f64 {
    const MINUTE: f64 = 60_000.0;
    if !at_least.is_finite() || at_least <= 0.0 {
        return 1.0;
    }
    if at_least > MINUTE / 2.0 {
        return MINUTE * nice_decimal(at_least / MINUTE).max(1.0);
    }
    let step = nice_decimal(at_least);
    // 20 s and 50 s make odd minutes.
    if step > 10_000.0 { if at_least > 15_000.0 { 30_000.0 } else { 15_000.0 } } else { step }
}

fn nice_decimal(at_least: f64) -> f64 {
    let power = 10_f64.powf(at_least.log10().floor());
    let lead = at_least / power;
    // Floating point: 5.000000001 is 5.
    let lead = if lead <= 1.000_001 {
        1.0
    } else if lead <= 2.000_001 {
        2.0
    } else if lead <= 5.000_001 {
        5.0
    } else {
        10.0
    };
    lead * power
}

/// `20 ms`, `1.5 s`, `4 min`: in the unit of the step.
fn duration(ms: f64, step: f64) -> String {
    let (value, unit) = match step {
        _ if ms == 0.0 => return "0".to_owned(),
        s if s < 1.0 && ms < 1.0 => (ms * 1e3, "\u{b5}s"),
        s if s < 1_000.0 && ms < 1_000.0 => (ms, "ms"),
        s if s < 60_000.0 && ms < 60_000.0 => (ms / 1e3, "s"),
        s if s < 60_000.0 => {
            let seconds = ms / 1e3;
            let minutes = (seconds / 60.0).floor();
            return format!("{minutes}:{:02} min", (seconds - minutes * 60.0).round());
        }
        _ => (ms / 60_000.0, "min"),
    };
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}\u{a0}{unit}")
}

/// The axis of offsets within a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteScale {
    low: i64,
    high: i64,
    top: f64,
    height: f64,
}

impl ByteScale {
    /// From `low` at the bottom to `high`, drawn `height` pixels high below
    /// `top`.
    pub(super) fn new(low: i64, high: i64, top: f64, height: f64) -> Self {
        Self { low, high: high.max(low.saturating_add(1)), top, height }
    }

    /// Where an offset stands, in pixels; one beyond the axis at its end.
    pub(super) fn y(&self, offset: i64) -> f64 {
        let span = self.high.saturating_sub(self.low) as f64;
        let share = offset.saturating_sub(self.low) as f64 / span;
        self.top + self.height * (1.0 - share.clamp(0.0, 1.0))
    }

    /// Labels and where they stand, in pixels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let step = nice_decimal((self.high.saturating_sub(self.low) as f64 / 3.0).max(1.0));
        // A double holds these: streams are far below 2^53 bytes.
        let step = (step as i64).max(1);
        let first = self.low.div_euclid(step).saturating_add(i64::from(self.low.rem_euclid(step) > 0));
        (0..5)
            .map(|n| first.saturating_add(n).saturating_mul(step))
            .take_while(|offset| *offset <= self.high)
            .map(|offset| (self.y(offset), bytes(offset)))
            .collect()
    }
}

/// `500`, `2 kB`, `1.5 MB`.
fn bytes(offset: i64) -> String {
    let (value, unit) = match offset.unsigned_abs() {
        0..1_000 => return offset.to_string(),
        1_000..1_000_000 => (offset as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (offset as f64 / 1e6, "MB"),
        _ => (offset as f64 / 1e9, "GB"),
    };
    format!("{value}\u{a0}{unit}")
}

/// How long a stretch is.
pub(super) fn length(stretch: &Stretch) -> Millis {
    // A cast saturates.
    Millis::from_micros(((stretch.to_ms - stretch.from_ms) * 1e3) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CaptureTime;
    use proptest::prelude::*;

    fn at(micros: i64) -> Time {
        CaptureTime::from_nanos(micros * 1_000).into()
    }

    fn labels(micros: &[i64]) -> Vec<String> {
        let scale = TimeScale::new(at(0), micros.iter().map(|m| at(*m)));
        scale.ticks().into_iter().map(|(_, label)| label.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn axes_are_sensible_at_10_ms_and_at_10_minutes() {
        let even = |step: i64| (0..=10).map(|n| n * step).collect::<Vec<_>>();
        assert_eq!(labels(&even(10)), ["0", "20 µs", "40 µs", "60 µs", "80 µs"]);
        assert_eq!(labels(&even(1_000)), ["0", "2 ms", "4 ms", "6 ms", "8 ms"]);
        assert_eq!(labels(&even(100_000)), ["0", "200 ms", "400 ms", "600 ms", "800 ms"]);
        assert_eq!(labels(&even(6_000_000)), ["0", "10 s", "20 s", "30 s", "40 s", "50 s"]);
        assert_eq!(labels(&even(60_000_000)), ["0", "2 min", "4 min", "6 min", "8 min"]);
    }

    #[test]
    fn a_long_silence_is_cut_out_and_what_is_around_it_stays_readable() {
        let scale = TimeScale::new(at(0), [0, 20, 40, 60, 80, 60_000_000, 60_000_020].map(at).into_iter());
        let breaks: Vec<_> = scale.breaks().map(|s| length(s).to_string()).collect();
        assert_eq!(breaks, ["60.0 s"]);
        assert!(scale.x(at(80)) > 50.0, "{}", scale.x(at(80)));
        // A retransmission that waits twice as long each time needs no cut.
        let backoff = [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000].map(at);
        assert!(TimeScale::new(at(0), backoff.into_iter()).breaks().count() == 0);
    }

    #[test]
    fn offsets_are_labelled_in_round_numbers() {
        let labels = |low, high| -> Vec<String> {
            ByteScale::new(low, high, 0.0, 100.0).ticks().into_iter().map(|t| t.1.replace('\u{a0}', " ")).collect()
        };
        assert_eq!(labels(0, 1_400), ["0", "500", "1 kB"]);
        assert_eq!(labels(0, 0), ["0", "1"]);
        assert_eq!(labels(0, 2_500_000), ["0", "1 MB", "2 MB"]);
    }

    proptest! {
        #[test]
        fn later_is_never_further_left(times in prop::collection::vec(0_i64..10_000_000_000, 1..40), a: prop::sample::Index, b: prop::sample::Index) {
            let scale = TimeScale::new(at(0), times.iter().map(|m| at(*m)));
            let (a, b) = (*a.get(&times), *b.get(&times));
            let (early, late) = (scale.x(at(a.min(b))), scale.x(at(a.max(b))));
            prop_assert!(early <= late + 1e-9 && early >= 0.0 && late <= 100.0, "{early} {late}");
            prop_assert!(scale.ticks().len() < 20);
        }
    }
}
