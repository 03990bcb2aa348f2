//! `high-latency`: the path is long, however healthy.

use super::finding::{Evidence, Finding, Severity};
use super::path::{Path, SERVER_CLOCK};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Span};

/// Below this nobody notices.
const NOTICEABLE: Span = Span::from_millis(150);

/// From here on typing and pointing are hard work.
const HURTS: Span = Span::from_millis(250);

/// The rule.
pub struct HighLatency;

impl Rule for HighLatency {
    fn id(&self) -> &'static str {
        "high-latency"
    }

    fn prose(&self) -> &'static str {
        include_str!("high_latency.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let path = Path::of(case);
        let (Some(shortest), Some(at)) =
            (path.shortest(), case.tcp.handshake.syn_ack.or(case.tcp.handshake.established))
        else {
            return;
        };
        if shortest < NOTICEABLE {
            let because = out.prose.text(|| format!("a round trip took {shortest} at best"));
            out.exclude(self.id(), because, [at.frame]);
            return;
        }
        let turns = path.turns();
        let least = shortest.times(i64::from(turns));
        let middle = path.median().unwrap_or(shortest);
        out.found(
            Finding::new(
                self.id(),
                if shortest >= HURTS { Severity::Warning } else { Severity::Info },
                case.coverage.temper(Certainty::Proven),
                format!("A round trip takes {shortest} at best"),
                Evidence::new(at, "an answer that measures the round trip"),
            )
            .detail(format!(
                "The shortest round trip was {shortest}, the middle one {middle}. The connection sequence takes {turns} turns, so the path alone costs it {least} of the {SERVER_CLOCK} that the server grants. That alone does not fail a connection below 2.5 s a turn; with lost packets it adds up.",
            ))
            .cannot_tell("which part of the path is slow")
            .next("compare with a ping from the client to the server; look for a detour (VPN in another country, satellite or mobile link)"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    fn over(rtt: f64) -> Vec<Line> {
        script(rtt, [packet(2.0 * rtt, Client, A, 1, 1, REQUEST), packet(3.0 * rtt, Server, A, 1, 20, CONFIRM)])
    }

    #[test]
    fn a_long_path_is_told_against_the_clock() {
        let long = finding(&over(300.0), "high-latency").unwrap();
        assert_eq!(long.severity, Severity::Warning);
        assert!(long.detail.contains("20 turns") && long.detail.contains("6.00 s"), "{}", long.detail);
    }

    #[test]
    fn an_ordinary_path_is_excluded() {
        let diagnosis = diagnosis(&over(100.0));
        assert!(diagnosis.findings.iter().all(|f| f.id != "high-latency"));
        assert!(diagnosis.excluded.iter().any(|e| e.finding == "high-latency"));
    }

    #[test]
    fn without_the_handshake_nothing_is_said() {
        assert!(finding(&over(300.0)[3..], "high-latency").is_none());
    }
}
