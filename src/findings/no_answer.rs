//! `no-answer`: SYNs without any reply.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Span};

/// One SYN may simply be the last packet of the capture.
const ENOUGH_WAITING: Span = Span::from_secs(3);

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
        if handshake.syn_ack.is_some() {
            let frames = handshake.syn_ack.map(|at| at.frame);
            out.exclude(self.id(), "the server accepted the TCP connection", frames);
            return;
        }
        let Some(first) = handshake.syn_times.first() else { return };
        let server_spoke = tcp.directions.server.packets > 0;
        // A client that went on had an answer, which the capture lacks.
        let client_went_on = tcp.directions.client.sent_bytes > 0 || tcp.directions.client.fin.is_some();
        let waited = tcp.observed_until.since(first.time);
        if server_spoke || client_went_on || (handshake.syns < 2 && waited < ENOUGH_WAITING) {
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
            "The server never answered the connection request",
            Evidence::new(*first, "first SYN, never answered"),
        )
        .detail(format!("The client asked for a connection {tries} and got no answer of any kind within {waited}."))
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
