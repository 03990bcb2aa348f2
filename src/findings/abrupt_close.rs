//! `abrupt-close`: an active session ends without the Disconnect Provider
//! Ultimatum ([MS-RDPBCGR] 1.4.1).

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side, Span};
use crate::flow::EndKind;

/// The rule.
pub struct AbruptClose;

impl Rule for AbruptClose {
    fn id(&self) -> &'static str {
        "abrupt-close"
    }

    fn prose(&self) -> &'static str {
        include_str!("abrupt_close.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        if !case.is_active() {
            return;
        }
        if let Some(goodbye) = &case.session.disconnect_ultimatum {
            out.exclude(self.id(), "the session ended with a goodbye (Disconnect Provider Ultimatum)", [goodbye.frame]);
            return;
        }
        // A client that closes has had enough; nobody cut it off.
        let cut_off = match case.tcp.end.kind {
            EndKind::Fin | EndKind::Reset => case.tcp.end.by == Some(Side::Server),
            EndKind::Silence => true,
            EndKind::CaptureEnd => false,
        };
        // The client may have closed first, or said goodbye, where its packets
        // are not in the capture.
        let unseen_client = case.coverage.missing_side.is_some();
        // A client that says goodbye to TLS ends the session itself; the server
        // then closes first.
        if case.client_goodbye().is_some()
            || !cut_off
            || unseen_client
            || case.session.error_info.is_some()
            || case.session.redirection.is_some()
        {
            return;
        }
        let last = case.tcp.directions.client.last_data.unwrap_or(case.tcp.first);
        let before = case.until_end(last);
        let busy = if before > Span::ZERO {
            format!("{before} before the end the client had still sent data.")
        } else {
            "the client was still sending when it ended.".to_owned()
        };
        let may_go_on = case.tcp.end.kind == EndKind::Silence && !case.tcp.fell_silent();
        let certainty = if case.coverage.late_start || may_go_on { Certainty::Possible } else { Certainty::Likely };
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(certainty),
                "A running session was cut off without a goodbye",
                case.end_evidence(),
            )
            .detail(format!("The session was running; {busy} No Disconnect Provider Ultimatum came first."))
            .support([Evidence::new(last, "the client's last data")])
            .cannot_tell("why: a crashed or restarted service, a killed session, or the network")
            .next("on the server: LocalSessionManager events 24, 39 and 40, Application Error and the System log at this time"),
        );
    }
}
