//! `abrupt-close`: an active session ends without the Disconnect Provider
//! Ultimatum ([MS-RDPBCGR] 1.4.1).

use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::resets::Builder;
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
            || is_anothers(case)
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
        // What came before a bare RST may have been another device's.
        let is_unsure = case.coverage.late_start || may_go_on || case.ended_by_bare_reset();
        let certainty = if is_unsure { Certainty::Possible } else { Certainty::Likely };
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

/// Whether another device reset the connection, and the server is not known to
/// have: nothing of the server's doing is shown.
fn is_anothers(case: &Case<'_>) -> bool {
    let by_server = case.ending_reset().is_none_or(|(_, judgement)| judgement.built_by == Builder::Host);
    !by_server && case.resets.iter().any(is_foreign)
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::EndedBy;
    use crate::findings::testing::{FIN, RST, diagnosed, finds, verdict};
    use crate::session::tests::{ACTIVATION, LICENSED, MCS, SSL_13};
    use crate::wire::TcpFlags;

    fn running() -> String {
        [SSL_13, MCS, LICENSED, ACTIVATION, "C 90\nS 900\nC 90\n"].concat()
    }

    #[test]
    fn a_server_that_closes_a_running_session_cuts_it_off() {
        assert_eq!(verdict(&running(), &[(20, Server, FIN)]), "abrupt-close Likely");
        assert!(finds("abrupt-close", &running(), &[(20, Server, RST)]), "its own reset");
        assert_eq!(
            verdict(&running(), &[(20, Server, TcpFlags::RST)]),
            "abrupt-close Possible",
            "of a socket long gone"
        );
    }

    #[test]
    fn a_client_that_closes_has_had_enough() {
        assert!(!finds("abrupt-close", &running(), &[(20, Client, FIN), (20, Server, FIN)]));
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        // The client's FIN is missing, not the acknowledgment of it.
        let closed = diagnosed(&(running() + "C gap:1\n"), &[(20, Server, FIN)]);
        assert_eq!((closed.verdict().map(|found| found.id), closed.ended_by), (None, EndedBy::Side(Client)));
        assert!(closed.end_is_unseen);
    }
}
