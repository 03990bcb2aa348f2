//! `connection-refused`: a RST in answer to the SYN.

use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::resets::Builder;
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::flow::SequenceFit;

/// The rule.
pub struct ConnectionRefused;

impl Rule for ConnectionRefused {
    fn id(&self) -> &'static str {
        "connection-refused"
    }

    fn prose(&self) -> &'static str {
        include_str!("connection_refused.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let tcp = case.tcp;
        if let Some(syn_ack) = tcp.handshake.syn_ack {
            out.exclude(self.id(), "the server accepted the TCP connection", [syn_ack.frame]);
            return;
        }
        let (Some(syn), Some((reset, judgement))) = (tcp.handshake.syn_times.first(), case.ending_reset()) else {
            return;
        };
        if reset.claimed_by != Side::Server || reset.fit != SequenceFit::AnswersSyn {
            return;
        }
        let by_itself = judgement.built_by == Builder::Host && judgement.certainty >= Certainty::Likely;
        let who = match judgement.built_by {
            Builder::OtherDevice if judgement.certainty == Certainty::Proven => {
                "Another device refused it in the server's name."
            }
            Builder::OtherDevice if is_foreign(judgement) => {
                "Another device refused it in the server's name, most likely."
            }
            Builder::OtherDevice => "There are traces of another device, too few to be sure.",
            Builder::Host if by_itself => {
                "By what else the capture shows of the server, it refused by itself: at that moment nothing accepted connections on this port."
            }
            Builder::Host | Builder::Undetermined => {
                "Either nothing accepts connections on this port, or a device on the path refused in the server's name; a refusal alone does not tell."
            }
        };
        let took = reset.at.time.since(syn.time);
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(Certainty::Proven),
            "The connection request was refused",
            Evidence::new(reset.at, format!("RST in answer to the SYN, after {took}")),
        )
        .detail(format!("The SYN was answered with a reset after {took}. {who}"))
        .support([Evidence::new(*syn, "the SYN")]);
        if !by_itself && !is_foreign(judgement) {
            finding = finding.cannot_tell("whether the server itself refused or a firewall did so in its name");
        }
        out.found(
            finding
                .next("on the server: is the Remote Desktop service running and listening on this port?")
                .next("if it is: look for a firewall rule that rejects (not drops) on the way"),
        );
    }
}
