//! A silence in which the clock of who ended it stood still.
//!
//! TCP timestamps (RFC 7323 §5.4) are a clock of the sender's own. Where it went
//! on by far less than the capture's, the capture's clock was set forward, or the
//! sender's computer slept: nobody knows how long anybody was waited for.

use super::habits::Habits;
use crate::base::{At, CaptureTime, Side, Span};

/// Silences up to here are judged as they are: nothing that is called a stall is
/// shorter, and queues delay packets by as much.
pub(super) const JUDGED_AS_IT_IS: Span = Span::from_secs(2);

/// A sender's clock is measured over at least this long: ten ticks of the slowest
/// that is usual, and more than a SYN cookie takes of a SYN-ACK's timestamp.
const MIN_BASE: Span = Span::from_millis(200);

/// Ticks a second where the clock was not measured: systems count milliseconds,
/// older ones hundredths of a second. A slower one looks as if it stood still, by
/// which nobody is accused of anything.
const SLOWEST: f64 = 100.0;

/// Ticks a second of any clock (RFC 7323 §5.4, and as much again as a short
/// measurement may be wrong): what goes faster are two clocks, as of a device that
/// answers for a server at first.
const ANY: core::ops::RangeInclusive<f64> = 0.5..=2_000.0;

/// A clock that says less than one part in so many of the silence stood still;
/// queues make a short measurement wrong by half.
const PARTS: f64 = 4.0;

/// Such a silence.
#[derive(Clone, Copy, Debug)]
pub struct Leap {
    /// The last packet before it.
    pub from: At,
    /// The packet that ended it.
    pub to: At,
    /// Whose clock stood still.
    pub side: Side,
    /// By how much it went on since that side's last packet.
    pub by_sender: Span,
}

impl Leap {
    /// Whether the silence between `from` and `to` was one, by the timestamp
    /// `tsval` of the packet of `side` that ended it.
    #[cold]
    #[inline(never)]
    pub(super) fn told(habits: &Habits, tsval: u32, side: Side, from: At, to: At) -> Option<Self> {
        let ((first, first_at), (last, last_at)) = (habits.first_tsval?, habits.last_tsval?);
        let silence = to.time.since(from.time);
        let base = last_at.time.since(first_at.time);
        let (before, ticks) = (last.wrapping_sub(first).cast_signed(), tsval.wrapping_sub(last).cast_signed());
        let was_measured = base >= MIN_BASE;
        // One that never went on, or back, is no clock.
        let is_clock = if was_measured { before > 0 && ticks >= 0 } else { before >= 0 && ticks > 0 };
        if silence <= JUDGED_AS_IT_IS || !is_clock {
            return None;
        }
        let rate = if was_measured { f64::from(before) / base.secs_f64() } else { SLOWEST };
        let seconds = f64::from(ticks) / rate;
        (ANY.contains(&rate) && seconds * PARTS < silence.secs_f64()).then(|| Self {
            from,
            to,
            side,
            by_sender: Span::from_micros((seconds * 1e6) as i64),
        })
    }

    /// By how much the time between two points is too long.
    #[must_use]
    pub fn within(&self, from: CaptureTime, to: CaptureTime) -> Span {
        if from <= self.from.time && self.to.time <= to {
            self.to.time.since(self.from.time) - self.by_sender
        } else {
            Span::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::flow::TcpFacts;
    use crate::flow::testing::{A, Line, handshake, packet, play_one, stamped};

    /// A handshake and an exchange a second later, at `rate` ticks a second; after
    /// `silence` the server sends, when its clock went on by `passed`.
    fn played(rate: f64, silence: f64, passed: f64) -> TcpFacts {
        let at = |ms: f64, line: Line| stamped(line, (5_000.0 + ms * rate / 1_000.0) as u32);
        let mut lines: Vec<Line> = handshake().into_iter().map(|line| at(line.ms, line)).collect();
        lines.push(at(1_000.0, packet(1_000.0, Client, A, 1, 1, b"request")));
        lines.push(at(1_010.0, packet(1_010.0, Server, A, 1, 8, b"")));
        lines.push(at(1_010.0 + passed, packet(1_010.0 + silence, Server, A, 1, 8, b"answer")));
        play_one(&lines).0
    }

    #[test]
    fn a_clock_that_stood_still_is_told_at_any_rate() {
        for rate in [10.0, 100.0, 250.0, 1_000.0] {
            let tcp = played(rate, 30_000.0, 500.0);
            let leap = tcp.leap.unwrap();
            assert_eq!((leap.side, leap.from.frame.number, leap.to.frame.number), (Server, 5, 6));
            assert!((leap.by_sender.millis_f64() - 500.0).abs() < 110.0, "{}", leap.by_sender);
            let (first, last) = (tcp.first.time, tcp.last.time);
            assert!((leap.within(first, last).secs_f64() - 29.5).abs() < 0.2);
            assert_eq!(leap.within(first, leap.from.time), Span::ZERO);
            assert!(tcp.stalls.list().is_empty());
        }
    }

    #[test]
    fn a_server_that_took_its_time_is_no_leap() {
        for rate in [10.0, 100.0, 250.0, 1_000.0] {
            assert!(played(rate, 30_000.0, 30_000.0).leap.is_none());
            assert!(played(rate, 30_000.0, 9_000.0).leap.is_none(), "a clock that is wrong, but goes");
            assert!(played(rate, 2_000.0, 20.0).leap.is_none(), "too short to matter");
        }
    }

    #[test]
    fn the_clock_of_a_device_that_answered_for_the_server_measures_nothing() {
        let mut lines: Vec<Line> = handshake().into_iter().map(|line| stamped(line, 5_000)).collect();
        lines.push(stamped(packet(1_000.0, Client, A, 1, 1, b"request"), 6_000));
        lines.push(stamped(packet(1_010.0, Server, A, 1, 8, b""), 900_000_000));
        lines.push(stamped(packet(31_010.0, Server, A, 1, 8, b"answer"), 900_030_000));
        assert!(play_one(&lines).0.leap.is_none());
    }

    #[test]
    fn before_it_is_measured_a_clock_counts_hundredths_at_the_slowest() {
        let silence_of = |rate: f64, passed: f64| {
            let at = |ms: f64, line: Line| stamped(line, (5_000.0 + ms * rate / 1_000.0) as u32);
            let mut lines: Vec<Line> = handshake().into_iter().map(|line| at(line.ms, line)).collect();
            lines.push(at(10.0 + passed, packet(20_010.0, Server, A, 1, 1, b"answer")));
            play_one(&lines).0.leap.map(|leap| leap.by_sender)
        };
        assert_eq!(silence_of(1_000.0, 200.0), Some(Span::from_secs(2)));
        assert_eq!(silence_of(100.0, 20_000.0), None);
        assert_eq!(silence_of(0.0, 20_000.0), None, "no clock");
    }

    #[test]
    fn without_timestamps_nothing_is_told() {
        let mut lines = handshake();
        lines.push(packet(1_000.0, Client, A, 1, 1, b"request"));
        lines.push(packet(31_000.0, Server, A, 1, 8, b"answer"));
        assert!(play_one(&lines).0.leap.is_none());
    }
}
