//! `no-answer`: SYNs without any reply.

use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Span};
use crate::flow::TcpFacts;

/// One SYN may simply be the last packet of the capture.
const ENOUGH_WAITING: Span = Span::from_secs(3);

/// So many SYNs and SYN-ACKs that no single loss explains them.
const ENOUGH_TRIES: u32 = 3;

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
        if let Some(answer) = handshake.syn_ack {
            if handshake.syns >= ENOUGH_TRIES && handshake.syn_acks >= ENOUGH_TRIES && !heard(tcp) {
                self.answer_lost(case, answer, out);
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
        if server_spoke || client_went_on || (handshake.syns < 2 && !is_waited_for(waited)) {
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
        let unreachable = tcp.icmp.first();
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(if handshake.syns >= 2 { Certainty::Proven } else { Certainty::Likely }),
            "No answer came to the connection request",
            Evidence::new(*first, "first SYN, never answered"),
        )
        .detail(format!(
            "The client asked for a connection {tries} and {} within {waited}.",
            if unreachable.is_some() {
                "the server sent nothing back; somebody on the way, or its own computer, reported an error (ICMP)"
            } else {
                "got no answer of any kind"
            }
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
    fn answer_lost(&self, case: &Case<'_>, answer: At, out: &mut Out) {
        let handshake = &case.tcp.handshake;
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(Certainty::Likely),
                "The server's answers never reached the client",
                Evidence::new(answer, "SYN-ACK, never acknowledged"),
            )
            .detail(format!(
                "The client asked for a connection {} times; the server answered {} times, and the client took no notice. The answers were lost between the capture point and the client: to the client it looks as if nobody answered.",
                handshake.syns, handshake.syn_acks
            ))
            .support(handshake.syn_times.iter().skip(1).map(|at| Evidence::new(*at, "SYN again")))
            .at_fault(AtFault::Path)
            .cannot_tell("which hop lost them")
            .next("look at the way back from the server to the client: its route (another gateway?), a firewall that saw only one direction"),
        );
    }
}

/// Whether an answer to a single SYN was waited for long enough.
pub(super) fn is_waited_for(waited: Span) -> bool {
    waited >= ENOUGH_WAITING
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

    #[test]
    fn answers_that_never_arrive_look_like_none() {
        let mut lines = Vec::new();
        for n in 0..4 {
            lines.push(packet(f64::from(n) * 1_000.0, Client, S, 0, 0, b""));
            lines.push(packet(f64::from(n) * 1_000.0 + 0.1, Server, S | A, 0, 1, b""));
        }
        let found = finding(&lines, "no-answer").unwrap();
        assert_eq!((found.severity, found.certainty), (Severity::Failure, Certainty::Likely));
        lines.push(packet(3_020.0, Client, A, 1, 1, b""));
        assert!(finding(&lines, "no-answer").is_none(), "the client took notice in the end");
    }
}
