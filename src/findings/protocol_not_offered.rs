//! `protocol-not-offered`: selectedProtocol is none of requestedProtocols
//! ([MS-RDPBCGR] 2.2.1.2.1).

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::Certainty;
use crate::flow::EndKind;
use crate::session::Stage;

/// The rule.
pub struct ProtocolNotOffered;

impl Rule for ProtocolNotOffered {
    fn id(&self) -> &'static str {
        "protocol-not-offered"
    }

    fn prose(&self) -> &'static str {
        include_str!("protocol_not_offered.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let negotiation = &case.session.negotiation;
        let (Some(request), Some(confirm), Some(requested), Some(selected)) =
            (&negotiation.request, &negotiation.confirm, negotiation.requested(), negotiation.selected())
        else {
            return;
        };
        if !negotiation.selected_is_not_offered() {
            let because = out.prose.text(|| ["the server chose ", &selected.text(), ", which was offered"].concat());
            out.exclude(self.id(), because, [confirm.frame]);
            return;
        }
        // A client that goes along has what it can live with, and may do so still
        // where the capture ends before.
        if case.session.stage() > Stage::X224 || case.tcp.end.kind == EndKind::CaptureEnd {
            return;
        }
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                Certainty::Proven,
                "The server chose a security protocol that was not offered",
                Evidence::new(confirm.at(), format!("Connection Confirm selects {selected}")),
            )
            .detail(format!(
                "The client offered {requested}; the server selected {selected}. Often the server cannot read its certificate or key."
            ))
            .support([Evidence::new(request.at(), format!("Connection Request offers {requested}"))])
            .cannot_tell("why the server could not do what was asked")
            .next("on the server: can the service read its certificate and private key?"),
        );
    }
}
