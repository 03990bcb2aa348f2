//! Idle timers of devices on the path.
//!
//! Vendors' defaults; every one of them can be configured otherwise, and
//! applications like the round ones as well. A match names candidates, never a
//! culprit.

use crate::base::Span;

/// Timers known, in seconds, who has them by default, and whether the vendor's
/// or the standard's own text was read for it.
const TIMERS: &[Timer] = &[
    Timer::read(240, "Azure Load Balancer and Azure NAT"),
    Timer::read(300, "Linux conntrack for unacknowledged data"),
    Timer::read(350, "AWS Network Load Balancer, Network Firewall and Nitro connection tracking"),
    Timer::heard(600, "Google Cloud connection tracking"),
    Timer::heard(1_800, "Juniper SRX"),
    Timer::read(3_600, "Cisco ASA, FortiGate"),
    Timer::heard(3_600, "Palo Alto"),
    Timer::heard(7_440, "NATs that keep to the least of RFC 5382 for established connections"),
    Timer::read(432_000, "Linux conntrack for established connections"),
];

/// No timer matches a shorter silence.
const SHORTEST: Span = Span::from_secs(200);

/// A match is within this of the timer, or within two per cent of it.
const SLACK: Span = Span::from_secs(2);

/// A device's idle timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Seconds after which it forgets a connection.
    pub seconds: i64,
    /// Whose default that is.
    pub who: &'static str,
    /// Documentation was read for it; otherwise it is what people say.
    pub is_documented: bool,
}

impl Timer {
    const fn read(seconds: i64, who: &'static str) -> Self {
        Self { seconds, who, is_documented: true }
    }

    const fn heard(seconds: i64, who: &'static str) -> Self {
        Self { seconds, who, is_documented: false }
    }
}

/// The known timers that `idle` matches.
#[must_use]
pub fn matching(idle: Span) -> Vec<Timer> {
    // Hardly any connection is silent for so long.
    if idle < SHORTEST {
        return Vec::new();
    }
    TIMERS.iter().copied().filter(|timer| fits(idle, Span::from_secs(timer.seconds))).collect()
}

fn fits(idle: Span, timer: Span) -> bool {
    let slack = SLACK.max(Span::from_nanos(timer.nanos() / 50));
    idle.nanos().saturating_sub(timer.nanos()).saturating_abs() <= slack.nanos()
}

/// Candidates in words.
#[must_use]
pub fn list(timers: &[Timer]) -> String {
    let name = |timer: &Timer| {
        let is = if timer.is_documented { "is" } else { "is said to be" };
        format!("{} s {is} a default of: {}", timer.seconds, timer.who)
    };
    let names: Vec<String> = timers.iter().map(name).collect();
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(idle: Span) -> Vec<i64> {
        matching(idle).into_iter().map(|timer| timer.seconds).collect()
    }

    #[test]
    fn a_timer_matches_within_two_per_cent_or_two_seconds() {
        assert_eq!(seconds(Span::from_millis(241_300)), [240]);
        assert_eq!(seconds(Span::from_secs(3_650)), [3_600, 3_600]);
    }

    #[test]
    fn what_was_only_heard_of_is_told_so() {
        assert_eq!(
            list(&matching(Span::from_secs(3_600))),
            "3600 s is a default of: Cisco ASA, FortiGate; 3600 s is said to be a default of: Palo Alto"
        );
    }

    #[test]
    fn no_timer_is_passed_over() {
        let earliest = TIMERS.iter().map(|timer| Span::from_secs(timer.seconds) - SLACK).min().unwrap();
        assert!(SHORTEST.times(11) < earliest.times(10));
    }

    #[test]
    fn near_misses_do_not_match() {
        for idle in [0, 10, 57, 60, 63, 200, 247, 320, 400, 700, 3_700] {
            assert!(seconds(Span::from_secs(idle)).is_empty(), "{idle}");
        }
        assert!(seconds(Span::from_nanos(i64::MIN / 2)).is_empty());
    }
}
