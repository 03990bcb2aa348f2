//! `jitter`: the way takes now short, now long.

use super::finding::{Evidence, Finding, Severity};
use super::path::Path;
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side, Span};

/// Fewer round trips say nothing about how they vary.
const MIN_SAMPLES: u32 = 6;

/// Acknowledgments may be held back for 40 ms, and every second one is: the
/// mean difference of a perfect path comes close to that (RFC 1122 §4.2.3.2).
const HELD_BACK: Span = Span::from_millis(45);

/// Where packets overtake one another the path itself varies.
const WITH_REORDERING: Span = Span::from_millis(15);

/// The rule.
pub struct Jitter;

impl Rule for Jitter {
    fn id(&self) -> &'static str {
        "jitter"
    }

    fn prose(&self) -> &'static str {
        include_str!("jitter.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let path = Path::of(case);
        let (Some(jitter), Some(shortest)) = (path.jitter, path.shortest) else { return };
        let loss = Side::BOTH.map(|side| &case.tcp.directions.of(side).loss);
        let reordered: u32 = loss.iter().map(|loss| loss.reordered).sum();
        let enough = if reordered >= 2 { WITH_REORDERING } else { HELD_BACK };
        if path.samples < MIN_SAMPLES || jitter <= enough || jitter.times(2) <= shortest {
            return;
        }
        let first = loss.iter().flat_map(|loss| &loss.events).map(|event| event.at).min_by_key(|at| at.time);
        let at = first.or(case.tcp.handshake.syn_ack).unwrap_or(case.tcp.first);
        let overtaken = match reordered {
            0 => String::new(),
            n => format!(" {n} packets were overtaken by later ones."),
        };
        let longest = path.longest.unwrap_or(shortest);
        out.found(
            Finding::new(
                self.id(),
                Severity::Info,
                case.coverage.temper(Certainty::Likely),
                format!("Round trips vary by {jitter} from one to the next"),
                Evidence::new(at, "round trips vary around here"),
            )
            .detail(format!("Round trips took between {shortest} and {longest}.{overtaken}"))
            .cannot_tell("how much of it is the other computer holding back its acknowledgments")
            .next("look for a wireless or overloaded link, and for load balancing by packet where packets overtake each other"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    /// Answers after `waits` milliseconds each.
    fn answers(waits: &[f64]) -> Vec<Line> {
        let mut ms = 20.0;
        let mut lines = Vec::new();
        for (n, wait) in (0..).zip(waits) {
            lines.push(filled(ms, Client, 1 + 10 * n, 1, 10));
            ms += wait;
            lines.push(packet(ms, Server, A, 1, 11 + 10 * n, b""));
            ms += 50.0;
        }
        script(10.0, lines)
    }

    #[test]
    fn round_trips_that_vary_are_told() {
        let found = finding(&answers(&[20.0, 140.0, 30.0, 120.0, 25.0, 150.0, 20.0]), "jitter").unwrap();
        assert_eq!(found.severity, Severity::Info);
    }

    #[test]
    fn acknowledgments_held_back_are_no_jitter() {
        assert!(finding(&answers(&[20.0, 60.0, 20.0, 60.0, 20.0, 60.0, 20.0]), "jitter").is_none());
    }

    #[test]
    fn a_few_round_trips_say_nothing() {
        assert!(finding(&answers(&[20.0, 140.0, 20.0]), "jitter").is_none());
    }
}
