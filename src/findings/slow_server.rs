//! `slow-server`: the server took long to answer, and answered in the end.

use super::fault::is_beside;
use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::words::as_told;
use crate::base::{Certainty, Side, Span, Visibility};
use crate::session::{Message, Stage, Step};

/// Servers answer within milliseconds, 70 at the worst (licence to Demand
/// Active); ten times that, and enough to be noticed, is slow. One second is
/// also what a Windows server takes to refuse a password.
const SLOW: Span = Span::from_millis(1_200);

/// From here on the person wonders.
const HURTS: Span = Span::from_secs(3);

/// On a path that lost so many packets an answer may have been lost until it
/// was sent for the third time, before the capture point.
const LOSSY: u32 = 3;

/// The rule.
pub struct SlowServer;

/// One slow answer.
struct Slow {
    asked: Step,
    answer: Step,
    thought: Span,
}

impl Rule for SlowServer {
    fn id(&self) -> &'static str {
        "slow-server"
    }

    fn prose(&self) -> &'static str {
        include_str!("slow_server.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        if !case.coverage.shows_absence(Side::Server) || (is_lossy(case) && !is_beside(case, Side::Server)) {
            return;
        }
        let mut slow: Vec<Slow> = slow(case).collect();
        slow.sort_by_key(|answer| core::cmp::Reverse(answer.thought));
        let Some(worst) = slow.first() else {
            // What was missed may have been late.
            let all_seen = case.session.stages.lower_bound().is_none() && !case.coverage.late_start;
            if let Some(desktop) = case.session.stages.of(Stage::Active).filter(|_| all_seen) {
                out.exclude(self.id(), in_time(desktop.visibility), [desktop.first.frame]);
            }
            return;
        };
        let list: Vec<String> = slow
            .iter()
            .map(|Slow { asked, answer, thought }| {
                format!("{thought} from {} to {} (normal: {})", asked.message, answer.message, normal(answer.message))
            })
            .collect();
        let rest = slow
            .iter()
            .skip(1)
            .map(|answer| Evidence::new(answer.answer.at, format!("{}: late", answer.answer.message)));
        out.found(
            Finding::new(
                self.id(),
                if worst.thought >= HURTS { Severity::Warning } else { Severity::Info },
                case.coverage.temper(Certainty::Likely),
                format!("The server took {} to send {}", worst.thought, worst.answer.message),
                Evidence::new(worst.answer.at, format!("{}: sent {} late", worst.answer.message, worst.thought)),
            )
            .detail(format!(
                "The server's own time, with the round trip and the time for lost packets taken off: {}. Its clock allows 60 s for the whole connection sequence.",
                list.join(", ")
            ))
            .at_fault(AtFault::Host(Side::Server))
            .support([Evidence::new(worst.asked.last, format!("{}: what it followed", worst.asked.message))])
            .support(rest)
            .cannot_tell("what the server waited for: disk, CPU, memory, a domain controller or a profile server")
            .next(advice(worst.answer.message)),
        );
    }
}

/// What is said where no answer was [`SLOW`].
const fn in_time(visibility: Visibility) -> &'static str {
    as_told!("up to the desktop, the server took less than 1.20 s over each answer", visibility)
}

/// The server's slow answers in the connection sequence. Connect-time
/// measurements may go on in between; they are no answers.
fn slow(case: &Case<'_>) -> impl Iterator<Item = Slow> {
    let leg = case.tcp.rtt.server.min().unwrap_or(Span::ZERO);
    let active = case.session.stages.of(Stage::Active).map(|stage| stage.first.time);
    let among = |message| !matches!(message, Message::AutoDetect | Message::Multitransport);
    case.session.steps.apart(SLOW, among).filter_map(move |(asked, answer)| {
        if answer.side != Side::Server {
            return None;
        }
        let in_sequence = active.is_none_or(|active| answer.at.time <= active)
            && !matches!(
                answer.message,
                Message::Graphics
                    | Message::EncryptedAlert
                    | Message::Alert
                    | Message::SetErrorInfo
                    | Message::DisconnectUltimatum
            );
        if !in_sequence || skipped(case, &asked, &answer) {
            return None;
        }
        let way = if asked.side == Side::Client { leg } else { Span::ZERO };
        let thought = case.tcp.passed(asked.last, answer.at.time) - way - case.tcp.stalls.within(asked.last, answer.at);
        (thought >= SLOW).then_some(Slow { asked, answer, thought })
    })
}

/// Whether packets of the server went missing before the capture point while
/// it thought: the answer may have been among them.
fn skipped(case: &Case<'_>, asked: &Step, answer: &Step) -> bool {
    let server = &case.tcp.directions.server;
    let (after, until) = (asked.last.time, answer.at.time);
    server.may_have_skipped(after, until) || server.loss.may_have_lost(after, until)
}

/// Whether so much was lost, either way, that an answer may have been.
fn is_lossy(case: &Case<'_>) -> bool {
    let losses = Side::BOTH.into_iter().map(|side| {
        let loss = &case.tcp.directions.of(side).loss;
        loss.retransmitted() + loss.syn
    });
    losses.sum::<u32>() >= LOSSY
}

/// What servers took in healthy captures on a network of their own.
const fn normal(answer: Message) -> &'static str {
    match answer {
        Message::ConnectionConfirm => "3 to 6 ms",
        Message::ServerHello => "6 to 13 ms",
        Message::LicenceGranted | Message::LicenceRequest => "1 ms",
        Message::DemandActive => "20 to 70 ms",
        _ => "a few ms",
    }
}

const fn advice(answer: Message) -> &'static str {
    match answer {
        Message::ConnectionConfirm => {
            "look at the server's Remote Desktop service: is it starting, overloaded, or at its limit of pending connections?"
        }
        Message::CredsspLeg(_) | Message::EarlyUserAuthorization => {
            "the server asks a domain controller here: check how fast it reaches one (nltest /sc_verify, event 5719)"
        }
        Message::DemandActive | Message::FontMap => {
            "the server prepares the session here: look at its disk, its user profiles (profile server, FSLogix) and its graphics driver"
        }
        _ => "look at the server's CPU, memory and disk at that time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    fn confirmed_after(ms: f64) -> Vec<Line> {
        script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, b""),
                packet(30.0 + ms, Server, A, 1, 20, CONFIRM),
                packet(31.0 + ms, Client, A, 20, 20, b""),
            ],
        )
    }

    #[test]
    fn what_is_in_time_is_not_slow() {
        assert!(in_time(Visibility::Inferred).contains(&format!("less than {SLOW} over")));
    }

    #[test]
    fn a_late_answer_is_told_without_the_way() {
        let found = finding(&confirmed_after(4_000.0), "slow-server").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.title.contains("4.00 s"), "{}", found.title);
    }

    #[test]
    fn an_answer_in_good_time_is_none() {
        assert!(finding(&confirmed_after(900.0), "slow-server").is_none());
    }

    #[test]
    fn what_the_network_took_is_not_the_servers() {
        let lines = script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(320.0, Client, A, 1, 1, REQUEST),
                packet(920.0, Client, A, 1, 1, REQUEST),
                packet(2_120.0, Client, A, 1, 1, REQUEST),
                packet(2_130.0, Server, A, 1, 20, b""),
                packet(2_135.0, Server, A, 1, 20, CONFIRM),
            ],
        );
        assert!(finding(&lines, "slow-server").is_none());
    }

    #[test]
    fn on_a_lossy_path_the_answer_may_have_been_lost() {
        // Three questions before had to be sent again, too.
        let mut lines = Vec::new();
        for n in 0..3 {
            let (ms, seq) = (20.0 + 500.0 * f64::from(n), 20 + 10 * n);
            lines.push(filled(ms, Client, seq, 20, 10));
            lines.push(filled(ms + 300.0, Client, seq, 20, 10));
            lines.push(packet(ms + 310.0, Server, A, 20, seq + 10, b""));
        }
        let mut slow = confirmed_after(4_000.0);
        assert!(finding(&slow, "slow-server").is_some());
        for line in &mut lines {
            line.ms += 5_000.0;
        }
        slow.extend(lines);
        assert!(finding(&slow, "slow-server").is_none());
    }

    #[test]
    fn the_way_is_taken_off() {
        let over = |rtt: f64, took: f64| {
            script(
                rtt,
                [
                    packet(rtt + 10.0, Client, A, 1, 1, REQUEST),
                    packet(2.0 * rtt + 10.0, Server, A, 1, 20, b""),
                    packet(rtt + 10.0 + took, Server, A, 1, 20, CONFIRM),
                    packet(rtt + 11.0 + took, Client, A, 20, 20, b""),
                ],
            )
        };
        assert!(finding(&over(600.0, 1_700.0), "slow-server").is_none());
        let found = finding(&over(600.0, 2_000.0), "slow-server").unwrap();
        assert!(found.title.contains("1.40 s"), "{}", found.title);
        assert!(found.detail.contains("normal: 3 to 6 ms"), "{}", found.detail);
    }

    #[test]
    fn a_person_who_thinks_is_no_slow_server_and_no_fault() {
        let lines = script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, CONFIRM),
                packet(30.1, Client, A, 20, 20, b""),
                filled(4_700.0, Client, 20, 20, 100),
                packet(4_710.0, Server, A, 20, 120, b""),
            ],
        );
        let faults = diagnosis(&lines).findings.into_iter().filter(|f| f.at_fault.is_some() || f.id == "slow-server");
        assert_eq!(faults.count(), 0);
    }

    #[test]
    fn a_capture_with_gaps_says_nothing() {
        let mut lines = confirmed_after(4_000.0);
        lines.push(packet(5_000.0, Client, A, 20, 900, b""));
        lines.push(packet(5_100.0, Server, A, 900, 20, b"x"));
        assert!(finding(&lines, "slow-server").is_none());
    }
}
