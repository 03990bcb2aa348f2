//! `host-reset`: the endpoint itself ended the connection with a RST.

use super::finding::{Evidence, Finding, Severity};
use super::resets::{Builder, PointsAt};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::flow::SequenceFit;

/// The rule.
pub struct HostReset;

impl Rule for HostReset {
    fn id(&self) -> &'static str {
        "host-reset"
    }

    fn prose(&self) -> &'static str {
        include_str!("host_reset.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some((reset, judgement)) = case.ending_reset() else { return };
        // A refused SYN has a finding of its own.
        if judgement.built_by != Builder::Host || reset.fit == SequenceFit::AnswersSyn {
            return;
        }
        // A client that leaves does so on purpose; a server that cuts a
        // negotiation short fails it.
        let before_the_desktop = reset.claimed_by == Side::Server && !case.is_active();
        // What is missing may have been the desktop.
        let seen = case.session.stages.lower_bound().is_none() && !case.coverage.late_start;
        let failed = before_the_desktop && seen;
        if before_the_desktop && (judgement.certainty < Certainty::Likely || case.coverage.missing_side.is_some()) {
            // A client that is missing from the capture may have left before.
            return;
        }
        let who = reset.claimed_by;
        // mstsc ends nearly every connection so: what is said of all is made once.
        let (closed, rst, blind) = match who {
            Side::Client => (
                "The client itself closed with a reset",
                "RST from the client",
                "why the client did it; security software on that computer would look the same",
            ),
            Side::Server => (
                "The server itself closed with a reset",
                "RST from the server",
                "why the server did it; security software on that computer would look the same",
            ),
        };
        let says = || {
            let pieces = judgement.evidence.iter().filter(|p| p.points_at == PointsAt::Host);
            pieces.map(|p| &*p.says).collect::<Vec<&str>>().join("; ")
        };
        let mut finding = Finding::new(
            self.id(),
            if failed { Severity::Failure } else { Severity::Info },
            case.coverage.temper(judgement.certainty.min(Certainty::Likely)),
            if failed { "The server itself reset the connection before the desktop" } else { closed },
            Evidence::new(reset.at, rst),
        )
        .detail(out.prose.text(|| {
            if failed {
                let during = case.session.stage().words().during;
                format!(
                    "The server ended the connection with a reset {during}. The reset is the server's own, by this: {}.",
                    says()
                )
            } else if before_the_desktop {
                format!(
                    "Whether the desktop had been reached, and what came before, this capture does not show. The reset is the server's own, by this: {}.",
                    says()
                )
            } else {
                format!(
                    "An ordinary way to close a Remote Desktop connection. The reset is the {who}'s own, by this: {}.",
                    says()
                )
            }
        }))
        .cannot_tell(blind);
        if failed {
            finding = finding.next("read the server's event logs at this time: RemoteConnectionManager, RdpCoreTS, Schannel, Application Error");
        }
        out.found(finding);
    }
}
