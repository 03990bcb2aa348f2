//! `zero-window`: a receiver had no room for data (RFC 9293 §3.8.6.1).

use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Side, Span};

/// Shorter closings are everyday life of a busy receiver.
const NOTICEABLE: Span = Span::from_millis(200);

/// From here on somebody waited.
const HURTS: Span = Span::from_secs(1);

/// The rule.
pub struct ZeroWindow;

impl Rule for ZeroWindow {
    fn id(&self) -> &'static str {
        "zero-window"
    }

    fn prose(&self) -> &'static str {
        include_str!("zero_window.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        for side in Side::BOTH {
            let receiver = case.tcp.directions.of(side);
            let Some(first) = receiver.first_zero_window else { continue };
            let longest = receiver.longest_zero_window;
            if longest < NOTICEABLE {
                continue;
            }
            let sender = side.other();
            let probes = match case.tcp.directions.of(sender).loss.window_probes {
                _ if case.coverage.missing_side == Some(sender) => {
                    format!("the {sender} had to wait (its packets are not in the capture)")
                }
                0 => format!("the {sender} had to wait; it was not seen to ask whether there was room again"),
                1 => format!("the {sender} had to wait and asked once whether there was room again"),
                n => format!("the {sender} had to wait and asked {n} times whether there was room again"),
            };
            let end = match receiver.window_closed_since {
                Some(_) => "It was still closed at the end.",
                None => "Then it opened again.",
            };
            let times = match receiver.zero_windows {
                1 => String::new(),
                n => format!(" ({n} times, {} in all)", receiver.zero_window_time),
            };
            out.found(
                Finding::new(
                    self.id(),
                    if longest >= HURTS { Severity::Warning } else { Severity::Info },
                    case.coverage.temper(Certainty::Proven),
                    format!("The {side} took no data for {longest}"),
                    Evidence::new(first, format!("the {side} closes its receive window")),
                )
                .detail(format!(
                    "The {side}'s network stack had no room, because the program there did not read, for {longest}{times}; {probes}. {} {end}",
                    stopped(case, side, first)
                ))
                .at_fault(AtFault::Host(side))
                .cannot_tell(format!("what kept the program on the {side} from reading"))
                .next(match side {
                    Side::Server => "look at the server at that time: CPU, memory and disk; a hanging Remote Desktop service or session host process",
                    Side::Client => "look at the client at that time: a frozen window, a suspended or overloaded computer",
                }),
            );
        }
        let closed = Side::BOTH.iter().any(|side| case.tcp.directions.of(*side).zero_windows > 0);
        if !closed && case.is_complete() {
            out.exclude(self.id(), "both sides had room for data all the time", [case.tcp.last.frame]);
        }
    }
}

/// What went on when the window was closed.
fn stopped(case: &Case<'_>, side: Side, first: At) -> String {
    let stages = case.session.stages.list();
    let stage = stages.iter().rev().find(|stage| !stage.first.follows(&first));
    match (stage, case.session.waiting) {
        (_, Some(waiting)) if case.tcp.directions.of(side).window_closed_since.is_some() => {
            format!("Meanwhile the {} owed {}.", waiting.side, waiting.owed)
        }
        (Some(stage), _) => format!("That was {}.", stage.stage.words().during),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    fn closed_for(ms: f64) -> Vec<Line> {
        let mut shut = packet(100.0, Server, A, 1, 20, b"");
        shut.window = 0;
        let again = packet(100.0 + ms, Server, A, 1, 20, b"");
        script(10.0, [packet(20.0, Client, A, 1, 1, REQUEST), shut, packet(110.0, Client, A, 20, 1, b"x"), again])
    }

    #[test]
    fn a_closed_window_is_told_with_its_probes() {
        let finding = finding(&closed_for(6_000.0), "zero-window").unwrap();
        assert_eq!((finding.severity, finding.primary.at.frame.number), (Severity::Warning, 5));
        assert!(finding.detail.contains("asked once whether"), "{}", finding.detail);
    }

    #[test]
    fn probes_that_are_not_in_the_capture_are_not_counted_as_none() {
        let mut lines: Vec<Line> = closed_for(6_000.0).into_iter().filter(|line| line.from == Server).collect();
        lines.push(packet(6_200.0, Server, A, 1, 20, CONFIRM));
        let found = finding(&lines, "zero-window").unwrap();
        assert!(found.detail.contains("its packets are not in the capture"), "{}", found.detail);
        assert!(found.certainty < Certainty::Proven);
    }

    #[test]
    fn a_moment_is_none() {
        assert!(finding(&closed_for(150.0), "zero-window").is_none());
    }

    #[test]
    fn a_capture_with_gaps_is_less_sure() {
        let mut lines = closed_for(6_000.0);
        lines.push(packet(6_200.0, Server, A, 1, 500, b""));
        lines.push(packet(6_300.0, Client, A, 500, 1, b"y"));
        let finding = finding(&lines, "zero-window").unwrap();
        assert!(finding.certainty < Certainty::Proven);
    }
}
