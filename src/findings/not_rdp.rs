//! `not-rdp`: what answers on the port speaks something else.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::session::{Foreign, IsRdp, Stage};

/// The rule.
pub struct NotRdp;

impl Rule for NotRdp {
    fn id(&self) -> &'static str {
        "not-rdp"
    }

    fn prose(&self) -> &'static str {
        include_str!("not_rdp.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let IsRdp::Other(seen) = case.session.is_rdp else {
            // That the client asks for it says nothing of who listens.
            let answered = case.session.negotiation.confirm.is_some() || case.session.stage() > Stage::Tls;
            if let IsRdp::Rdp(seen) = case.session.is_rdp
                && answered
            {
                out.exclude(self.id(), "both ends speak the Remote Desktop protocol", [seen.frame]);
            }
            return;
        };
        let (side, foreign) = seen.value;
        let (name, certainty) = match foreign {
            Foreign::Ssh => ("SSH", Certainty::Proven),
            Foreign::Http => ("HTTP", Certainty::Proven),
            Foreign::Vnc => ("VNC", Certainty::Proven),
            Foreign::Tls => ("TLS from the first byte", Certainty::Possible),
            Foreign::Other => ("something unknown", Certainty::Possible),
        };
        // In mid-stream any bytes look foreign.
        if case.coverage.late_start {
            return;
        }
        let asked_for_rdp = case.session.negotiation.request.is_some();
        let severity = if side == Side::Server && asked_for_rdp { Severity::Failure } else { Severity::Info };
        out.found(
            Finding::new(
                self.id(),
                severity,
                certainty,
                match side {
                    Side::Server => format!("What answers on this port is not Remote Desktop but {name}"),
                    Side::Client => format!("The client does not speak Remote Desktop but {name}"),
                },
                Evidence::new(seen.at(), format!("the {side}'s first bytes are {name}")),
            )
            .detail(format!("The first bytes from the {side} are no message of the Remote Desktop protocol: {name}."))
            .next("on the server: which program listens on this port? Is the address right?"),
        );
    }
}
