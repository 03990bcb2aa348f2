//! `early-close`: the server closes (FIN) before the desktop, and nothing that
//! can be read says why.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::session_denied::licensing_in_progress;
use crate::base::{Certainty, Side, Span};
use crate::flow::EndKind;
use crate::session::{IsRdp, Message, Stage, Step};

/// A server that closes later than this had been waiting: that is a stall.
const AT_ONCE: Span = Span::from_secs(5);

/// The rule.
pub struct EarlyClose;

impl Rule for EarlyClose {
    fn id(&self) -> &'static str {
        "early-close"
    }

    fn prose(&self) -> &'static str {
        include_str!("early_close.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let by_server = case.tcp.end.kind == EndKind::Fin && case.tcp.end.by == Some(Side::Server);
        if case.is_active() || !by_server || case.client_goodbye().is_some() || says_why(case) {
            return;
        }
        // What is missing may have said it, or may have been the desktop.
        let seen = case.session.stages.lower_bound().is_none()
            && !case.coverage.late_start
            && Side::BOTH.into_iter().all(|side| case.coverage.shows_absence(side) && !case.has_unseen_bytes(side));
        let Some(last) = case.session.steps.last().filter(|_| seen) else { return };
        let took = case.until_end(last.last);
        if took > AT_ONCE {
            return;
        }
        let (meant, next) = explained(case.session.stage(), &last);
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(Certainty::Likely),
                "The server closed before the desktop, without saying why",
                case.end_evidence(),
            )
            .detail(format!(
                "The server closed the connection in good order (FIN) {}, {took} after the {}. {meant}",
                case.session.stage().words().during,
                last.message
            ))
            .support([Evidence::new(last.last, format!("{}: the last message", last.message))])
            .cannot_tell("why: no message that can be read says so, and an encrypted one was not seen")
            .cannot_tell("whether the server itself closed or something that ends its connections for it: a forwarder, a balancer, a proxy")
            .next(next),
        );
    }
}

/// Whether a message, or its form, tells the reason: other findings speak of it.
fn says_why(case: &Case<'_>) -> bool {
    let session = case.session;
    let refused = session.negotiation.failure().is_some() || session.negotiation.selected_is_not_offered();
    let tls = session.tls.as_ref();
    let alert = tls.is_some_and(|tls| !tls.alerts.is_empty());
    let logon_refused = session.stage() == Stage::Credssp
        && (session.credssp.as_ref().is_some_and(|credssp| credssp.error.is_some())
            || tls.is_some_and(|tls| tls.encrypted_alert.server.is_some()));
    let hello_unanswered = session.stage() == Stage::Tls && session.steps.find(Message::ServerHello).is_none();
    let ended = session.error_info.is_some() || session.disconnect_ultimatum.is_some() || session.redirection.is_some();
    let licensing = session.stage() == Stage::Licensing && licensing_in_progress(case);
    let not_rdp = matches!(session.is_rdp, IsRdp::Other(_));
    refused || alert || logon_refused || hello_unanswered || ended || licensing || not_rdp
}

/// What looks like this, and where to look, by the place at which it happened.
fn explained(stage: Stage, last: &Step) -> (&'static str, &'static str) {
    match (stage, last.message) {
        (Stage::Tcp | Stage::X224, Message::ConnectionConfirm) => (
            "It had agreed on a security protocol, and closed before the client began with it.",
            "on the server: events of RemoteConnectionManager and RdpCoreTS (Operational) at this time",
        ),
        (Stage::Tcp | Stage::X224, _) => (
            "A forwarder with nothing behind it looks so (a tunnel, a port forwarding, a balancer without a live host), a limit of connections, and a service that fails.",
            "does the client speak to the server itself? If a tunnel, a port forwarding or a balancer is in between: is the host behind it up, and does it listen?",
        ),
        (Stage::Tls, _) => (
            "The handshake had begun, and no alert in the clear came before.",
            "on the server: Schannel events 36870, 36871, 36874 and 36888 (System log) at this time",
        ),
        (Stage::Credssp, _) => (
            "Old servers refuse a logon like this, without an error message (before version 3 of CredSSP).",
            "on the server: event 4625 in the Security log at this time; its Status and Sub Status name the reason",
        ),
        (Stage::Mcs, _) => (
            "Servers close here when they do not like the settings of the client, or take no more sessions.",
            "on the server: events of RemoteConnectionManager and RdpCoreTS (Operational) at this time; qwinsta shows the sessions that there are",
        ),
        (Stage::Licensing, _) => (
            "The server had what it needs to open a session and closed instead. Often that is a limit of sessions, a right, licensing, or a service that fails. It had not asked for a licence.",
            "on the server: events of TerminalServices-LocalSessionManager and RemoteConnectionManager (Operational) at this time; qwinsta shows the sessions that there are",
        ),
        (Stage::Activation | Stage::Active, _) => (
            "The session was being made: profile, drivers and the display come into it.",
            "on the server: events of TerminalServices-LocalSessionManager (Operational), User Profile Service and Application Error at this time",
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::testing::{FIN, RST, finds, verdict};
    use crate::session::tests::{CREDSSP, HYBRID, LICENSED, MCS, NLA};

    #[test]
    fn a_server_that_closes_before_the_desktop_fails_it() {
        for script in [
            "C cr:0b\n".to_owned(),
            "C cr:0b\nS cc:08\n".to_owned(),
            [HYBRID, "C 57\nS 295\nC 677\n"].concat(),
            [NLA, CREDSSP].concat(),
            [NLA, CREDSSP, MCS].concat(),
            [NLA, CREDSSP, MCS, "C 343\n"].concat(),
            [NLA, CREDSSP, MCS, LICENSED].concat(),
            [NLA, CREDSSP, MCS, LICENSED, "S 472\n"].concat(),
        ] {
            assert_eq!(verdict(&script, &[(200, Server, FIN)]), "early-close Likely", "{script}");
            assert!(!finds("early-close", &script, &[(200, Client, FIN)]), "the client closes: {script}");
            assert!(!finds("early-close", &script, &[(200, Server, RST)]), "host-reset: {script}");
            assert!(!finds("early-close", &script, &[(60_000, Server, FIN)]), "a stall: {script}");
        }
    }

    #[test]
    fn where_something_says_why_it_is_silent() {
        for script in [
            "C cr:01\nS fail:5\n".to_owned(),
            "C cr:01\nS cc:00\n".to_owned(),
            "C cr:01\nS cc:01\nC hello\n".to_owned(),
            "C cr:01\nS cc:01\nC hello\nS alert:40\n".to_owned(),
            [HYBRID, "C 57\nS 295\nC 677\nS 15\n"].concat(),
            [NLA, CREDSSP, MCS, LICENSED, "S 36\nS 9\n"].concat(),
            [NLA, CREDSSP, MCS, "C 343\nS 534\nC 355\n"].concat(),
        ] {
            assert!(!finds("early-close", &script, &[(200, Server, FIN)]), "{script}");
        }
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        let script = [NLA, CREDSSP, MCS, "C 343\nS gap:59\n"].concat();
        assert!(!finds("early-close", &script, &[(200, Server, FIN)]));
    }
}
