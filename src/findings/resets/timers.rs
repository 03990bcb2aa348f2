//! Idle timers of devices on the path.
//!
//! Vendors' defaults; every one of them can be configured otherwise, and
//! applications like the round ones as well. A match names candidates, never a
//! culprit.

use crate::base::Span;

/// Timers known, in seconds, and who has them by default.
const TIMERS: &[(i64, &str)] = &[
    (60, "default of many HTTP-minded proxies and balancers"),
    (240, "Azure Load Balancer and Azure NAT"),
    (300, "Linux conntrack for unacknowledged data, F5 BIG-IP"),
    (350, "AWS Network Load Balancer, NAT gateway and Nitro connection tracking"),
    (600, "Google Cloud connection tracking"),
    (1_800, "Juniper SRX"),
    (3_600, "Cisco ASA, Palo Alto, FortiGate"),
    (7_440, "RFC 5382's least for established connections"),
    (432_000, "Linux conntrack for established connections"),
];

/// A match is within this of the timer, or within two per cent of it.
const SLACK: Span = Span::from_secs(2);

/// A device, and the seconds after which it forgets.
pub type Timer = (i64, &'static str);

/// The known timers that `idle` matches.
#[must_use]
pub fn matching(idle: Span) -> Vec<Timer> {
    TIMERS.iter().copied().filter(|(seconds, _)| fits(idle, Span::from_secs(*seconds))).collect()
}

fn fits(idle: Span, timer: Span) -> bool {
    let slack = SLACK.max(Span::from_nanos(timer.nanos() / 50));
    idle.nanos().saturating_sub(timer.nanos()).saturating_abs() <= slack.nanos()
}

/// Candidates in words.
#[must_use]
pub fn list(timers: &[Timer]) -> String {
    let names: Vec<String> =
        timers.iter().map(|(seconds, who)| format!("{seconds} s is a default of: {who}")).collect();
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(idle: Span) -> Vec<i64> {
        matching(idle).into_iter().map(|(seconds, _)| seconds).collect()
    }

    #[test]
    fn a_timer_matches_within_two_per_cent_or_two_seconds() {
        assert_eq!(seconds(Span::from_millis(241_300)), [240]);
        assert_eq!(seconds(Span::from_secs(3_650)), [3_600]);
        assert_eq!(seconds(Span::from_secs(62)), [60]);
    }

    #[test]
    fn near_misses_do_not_match() {
        for idle in [0, 10, 57, 63, 200, 247, 320, 400, 700, 3_700] {
            assert!(seconds(Span::from_secs(idle)).is_empty(), "{idle}");
        }
        assert!(seconds(Span::from_nanos(i64::MIN / 2)).is_empty());
    }
}
