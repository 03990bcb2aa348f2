//! `jitter`: the way takes now short, now long.

use super::finding::{Evidence, Finding, Severity};
use super::path::{Path, SERVER_CLOCK};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Side, Span};

/// Fewer round trips say nothing about how they vary.
const MIN_SAMPLES: u32 = 6;

/// Acknowledgments may be held back for 40 ms and a tick of a timer, and every
/// second one is: the mean difference of a perfect path comes close to that
/// (RFC 1122 §4.2.3.2).
const HELD_BACK: Span = Span::from_millis(60);

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
        let (Some(jitter), Some(shortest)) = (path.jitter(), path.shortest()) else { return };
        let loss = Side::BOTH.map(|side| &case.tcp.directions.of(side).loss);
        let reordered: u32 = loss.iter().map(|loss| loss.reordered).sum();
        let enough = if reordered >= 2 { WITH_REORDERING } else { HELD_BACK };
        if path.samples() < MIN_SAMPLES || jitter <= enough || jitter.times(2) <= shortest {
            return;
        }
        let first = loss.iter().flat_map(|loss| &loss.events).map(|event| event.at).min_by(At::order);
        let at = first.or(case.tcp.handshake.syn_ack).unwrap_or(case.tcp.first);
        let overtaken = match reordered {
            0 => String::new(),
            n => format!(" {n} packets were overtaken by later ones."),
        };
        let longest = path.longest().unwrap_or(shortest);
        out.found(
            Finding::new(
                self.id(),
                Severity::Info,
                // Without packets that overtake each other, the other computer
                // may be all there is to it.
                case.coverage.temper(if reordered >= 2 { Certainty::Likely } else { Certainty::Possible }),
                format!("Round trips vary by {jitter} from one to the next"),
                Evidence::new(at, "round trips vary around here"),
            )
            .detail(format!(
                "Round trips took between {shortest} and {longest}.{overtaken} Over the {} turns of the connection sequence that adds up to {} at the most, of the {SERVER_CLOCK} that the server grants: it fails no connection, and makes a session stutter.",
                path.turns(),
                jitter.times(i64::from(path.turns())),
            ))
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
    fn a_closed_window_is_no_jitter() {
        let mut lines = answers(&[20.0; 8]);
        // The server takes nothing for five seconds, and the next byte waits for it.
        let (ms, seq) = (1_500.0, 81);
        let shut = |ms| Line { window: 0, ..packet(ms, Server, A, 1, seq, b"") };
        lines.extend([shut(ms), filled(ms + 300.0, Client, seq, 1, 1), shut(ms + 310.0)]);
        lines.push(packet(ms + 5_000.0, Server, A, 1, seq + 1, b""));
        lines.push(filled(ms + 5_010.0, Client, seq + 1, 1, 10));
        lines.push(packet(ms + 5_030.0, Server, A, 1, seq + 11, b""));
        assert!(finding(&lines, "jitter").is_none());
    }

    #[test]
    fn a_capture_without_the_other_side_measures_nothing() {
        let lines = answers(&[20.0, 140.0, 30.0, 120.0, 25.0, 150.0, 20.0]);
        let one_sided: Vec<Line> = lines.into_iter().filter(|line| line.from == Client).collect();
        assert!(finding(&one_sided, "jitter").is_none());
    }

    #[test]
    fn a_few_round_trips_say_nothing() {
        assert!(finding(&answers(&[20.0, 140.0, 20.0]), "jitter").is_none());
    }
}
