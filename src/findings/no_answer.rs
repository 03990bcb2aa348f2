//! `no-answer`: SYNs without any reply.

use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty};
use crate::flow::{Awaited, TcpFacts};

/// So many SYNs and SYN-ACKs that no single loss explains them.
const ENOUGH_TRIES: u32 = 3;

/// What makes it no more than possible.
const STOPPED_SOON: &str = " The capture ended soon after the last time: an answer to that one may have come later.";

/// The rule.
pub struct NoAnswer;

impl Rule for NoAnswer {
    fn id(&self) -> &'static str {
        "no-answer"
    }

    fn prose(&self) -> &'static str {
        include_str!("no_answer.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let tcp = case.tcp;
        let handshake = &tcp.handshake;
        let awaited = handshake.awaited(tcp.observed_until);
        if let Some(answer) = handshake.syn_ack {
            if handshake.syns >= ENOUGH_TRIES && handshake.syn_acks >= ENOUGH_TRIES && !heard(tcp) {
                self.answer_lost(case, answer, awaited, out);
            } else if heard(tcp) {
                out.exclude(self.id(), "the server accepted the TCP connection", [answer.frame]);
            }
            return;
        }
        let Some(first) = handshake.syn_times.first() else { return };
        let server_spoke = tcp.directions.server.packets > 0;
        // A client that went on had an answer, which the capture lacks.
        let client_went_on = tcp.directions.client.sent_bytes > 0 || tcp.directions.client.fin.is_some();
        let waited = tcp.observed_until.since(first.time);
        let unreachable = tcp.icmp.first();
        // Whoever reports an error need not be waited for any longer.
        let told = tcp.icmp.last().zip(handshake.syn_times.last()).is_some_and(|(icmp, syn)| icmp.at().follows(syn));
        let best = match (awaited, handshake.syns) {
            (Awaited::Long, 1) => Certainty::Likely,
            (_, 0..=1) => return,
            (Awaited::Long, _) => Certainty::Proven,
            _ if told => Certainty::Proven,
            (Awaited::Briefly, _) => Certainty::Possible,
            (Awaited::TooShort, _) => return,
        };
        if server_spoke || client_went_on {
            return;
        }
        let waits: Vec<String> = handshake
            .syn_times
            .windows(2)
            .filter_map(|pair| Some(pair.last()?.time.since(pair.first()?.time).to_string()))
            .collect();
        let tries = match handshake.syns {
            1 => "once".to_owned(),
            n => format!("{n} times (waiting {})", waits.join(", ")),
        };
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(best),
            "No answer came to the connection request",
            Evidence::new(*first, "first SYN, never answered"),
        )
        .detail(format!(
            "The client asked for a connection {tries} and {} within {waited}.{}",
            if unreachable.is_some() {
                "the server sent nothing back; somebody on the way, or its own computer, reported an error (ICMP)"
            } else {
                "got no answer of any kind"
            },
            if best == Certainty::Possible { STOPPED_SOON } else { "" }
        ))
        .at_fault(AtFault::Unclear)
        .support(handshake.syn_times.iter().skip(1).map(|at| Evidence::new(*at, "SYN again")))
        .cannot_tell("whether the request or the answer was lost, and where: that takes a capture at the server, too")
        .next("capture on the server: do the SYNs arrive there?")
        .next("check that the computer is on, the address is right and TCP 3389 is allowed on the way");
        if let Some(icmp) = unreachable {
            finding = finding.support([Evidence::new(
                icmp.at(),
                format!(
                    "ICMP error (type {}, code {}) about the SYN, sent by {}",
                    icmp.value.kind, icmp.value.code, icmp.value.ip.src
                ),
            )]);
        }
        out.found(finding);
    }
}

impl NoAnswer {
    /// A capture beside the server shows the SYN-ACKs; the client never
    /// acknowledges one and goes on asking.
    fn answer_lost(&self, case: &Case<'_>, answer: At, awaited: Awaited, out: &mut Out) {
        let handshake = &case.tcp.handshake;
        let best = match awaited {
            Awaited::Long => Certainty::Likely,
            Awaited::Briefly => Certainty::Possible,
            Awaited::TooShort => return,
        };
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(best),
                "The server's answers never reached the client",
                Evidence::new(answer, "SYN-ACK, never acknowledged"),
            )
            .detail(format!(
                "The client asked for a connection {} times; the server answered {} times, and the client took no notice. The answers were lost between the capture point and the client: to the client it looks as if nobody answered.{}",
                handshake.syns,
                handshake.syn_acks,
                if best == Certainty::Possible { STOPPED_SOON } else { "" }
            ))
            .support(handshake.syn_times.iter().skip(1).map(|at| Evidence::new(*at, "SYN again")))
            .at_fault(AtFault::Path)
            .cannot_tell("which hop lost them")
            .next("look at the way back from the server to the client: its route (another gateway?), a firewall that saw only one direction"),
        );
    }
}

/// Whether the client ever took notice of an answer.
fn heard(tcp: &TcpFacts) -> bool {
    tcp.handshake.established.is_some() || tcp.directions.client.sent_bytes > 0 || !tcp.resets.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    /// What is said of SYNs at those times, where the capture went on until then.
    fn asked(times: &[f64], until: f64) -> Option<Finding> {
        let mut lines: Vec<Line> = times.iter().map(|ms| packet(*ms, Client, S, 0, 0, b"")).collect();
        let mut diagnosed = diagnosis_until(&lines, until);
        lines.push(packet(until, Server, S | A, 0, 1, b""));
        lines.push(packet(until + 0.1, Client, A, 1, 1, b""));
        assert!(finding(&lines, "no-answer").is_none(), "it was answered");
        diagnosed.findings.retain(|found| found.id == "no-answer");
        diagnosed.findings.pop()
    }

    #[test]
    fn nobody_knows_what_would_have_come_after_the_last_syn() {
        for (times, until, certainty) in [
            // As a capture has it that stops at the second SYN, or the third.
            (&[0.0, 1_020.0][..], 1_020.0, None),
            (&[0.0, 1_020.0], 2_010.0, None),
            (&[0.0, 1_020.0, 3_020.0], 3_020.0, Some(Certainty::Possible)),
            (&[0.0, 1_020.0], 2_030.0, Some(Certainty::Possible)),
            (&[0.0, 1_020.0], 4_030.0, Some(Certainty::Proven)),
            (&[0.0, 1_020.0, 3_040.0, 7_100.0], 7_100.0, Some(Certainty::Proven)),
            (&[0.0], 2_900.0, None),
            (&[0.0], 3_000.0, Some(Certainty::Likely)),
        ] {
            let found = asked(times, until);
            assert_eq!(found.as_ref().map(|found| found.certainty), certainty, "{times:?} until {until}");
            let is_unsure = certainty == Some(Certainty::Possible);
            assert_eq!(found.is_some_and(|found| found.detail.contains("may have come later")), is_unsure);
        }
    }

    #[test]
    fn answers_that_never_arrive_look_like_none() {
        let mut lines = Vec::new();
        for n in 0..4 {
            lines.push(packet(f64::from(n) * 1_000.0, Client, S, 0, 0, b""));
            lines.push(packet(f64::from(n) * 1_000.0 + 0.1, Server, S | A, 0, 1, b""));
        }
        let whole = lines.clone();
        let until = |ms| {
            let mut found = diagnosis_until(&whole, ms).findings;
            found.retain(|found| found.id == "no-answer");
            found.pop().map(|found| (found.severity, found.certainty))
        };
        assert_eq!(until(6_000.0), Some((Severity::Failure, Certainty::Likely)));
        assert_eq!(until(4_000.0), Some((Severity::Failure, Certainty::Possible)));
        lines.truncate(4);
        assert!(finding(&lines, "no-answer").is_none(), "the second answer may be on its way yet");
        lines = whole;
        lines.push(packet(3_020.0, Client, A, 1, 1, b""));
        assert!(finding(&lines, "no-answer").is_none(), "the client took notice in the end");
    }
}
