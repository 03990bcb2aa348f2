//! `session-denied`: Set Error Info before the session was active
//! ([MS-RDPBCGR] 2.2.5.1.1; the server must then disconnect, 3.3.5.7.1.1).

use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::rule::{Case, Out, Rule};
use super::words::as_told;
use crate::base::{Certainty, Seen, Span};
use crate::flow::EndKind;
use crate::session::{ErrorInfoFact, Message, Stage};
use crate::wire::error_info::{Area, ErrorInfo};

/// After its error the server disconnects at once; an end that comes later has
/// another reason.
const AT_ONCE: Span = Span::from_secs(5);

/// The rule.
pub struct SessionDenied;

impl Rule for SessionDenied {
    fn id(&self) -> &'static str {
        "session-denied"
    }

    fn prose(&self) -> &'static str {
        include_str!("session_denied.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        if case.is_active() {
            if let Some(desktop) = case.session.stages.of(Stage::Active) {
                out.exclude(self.id(), as_told!("the desktop was reached", desktop.visibility), [desktop.first.frame]);
            }
            return;
        }
        let Some(error) = final_error(case) else { return };
        let code = error.value.code;
        // Those have findings of their own.
        let elsewhere = match code {
            Some(ErrorInfo::ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES) => true,
            Some(code) => code.area() == Area::Licensing,
            None => licensing_in_progress(case),
        };
        if elsewhere {
            return;
        }
        let (title, says) = match code {
            Some(code) => (
                format!("The server ended the session before the desktop: {}", in_words(code)),
                format!("Set Error Info {:#x} ({code})", code.0),
            ),
            None => (
                "The server denied the session before the desktop".to_owned(),
                "a server message of the size of Set Error Info, where nothing else has that size".to_owned(),
            ),
        };
        let certainty = if code.is_some() { Certainty::Proven } else { Certainty::Likely };
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(certainty),
            title,
            Evidence::new(error.at(), says),
        )
        .detail(format!(
            "{} That was {}; the connection ended {} later. Network, certificate and TLS had done their part: the service itself decided.",
            match code {
                Some(_) => "The server said why it disconnects.",
                None => "A message came that, by its size and place, is the one in which a server says why it disconnects.",
            },
            case.session.stage().words().during,
            case.until_end(error.at())
        ))
        .support([case.end_evidence()])
        .next("on the server: events of TerminalServices-LocalSessionManager and RemoteConnectionManager (Operational) at this time")
        .next("check the limit of sessions (policy \"Limit number of connections\"; two administrators without the session host role), the drain mode of the host and the user's right to log on through Remote Desktop");
        if let Some(ultimatum) = case.session.disconnect_ultimatum {
            finding = finding.support([Evidence::new(ultimatum.at(), "MCS Disconnect Provider Ultimatum")]);
        }
        if code.is_none() {
            finding = finding
                .cannot_tell("which code it was: it is encrypted. 0x7 (connection denied), a session limit, a missing right and a broker's refusal look the same")
                .next("ask what the client showed: its extended error code names the reason");
        }
        out.found(finding);
    }
}

/// The Set Error Info that ended a connection before the desktop: the last word
/// of the sequence, and the end soon after it, made by the two hosts.
pub(super) fn final_error(case: &Case<'_>) -> Option<Seen<ErrorInfoFact>> {
    let session = case.session;
    let error = session.error_info.filter(|_| !case.is_active() && session.redirection.is_none())?;
    let is_last = session
        .steps
        .last()
        .is_some_and(|step| matches!(step.message, Message::SetErrorInfo | Message::DisconnectUltimatum));
    let nothing_wrong = error.value.code == Some(ErrorInfo::ERRINFO_NONE);
    // An order that was lost may have lost the desktop as well.
    if !is_last || nothing_wrong || session.stages.lower_bound().is_some() {
        return None;
    }
    let said_goodbye = session.disconnect_ultimatum.is_some();
    let closed = match case.tcp.end.kind {
        EndKind::Fin => case.until_end(error.at()) <= AT_ONCE,
        EndKind::Reset => {
            let foreign = case.ending_reset().is_some_and(|(_, judgement)| is_foreign(judgement));
            !foreign && case.until_end(error.at()) <= AT_ONCE
        }
        EndKind::Silence | EndKind::CaptureEnd => false,
    };
    let certain = error.value.code.is_some();
    (closed || said_goodbye || certain).then_some(error)
}

/// The server had asked for a licence and had not granted one.
pub(super) fn licensing_in_progress(case: &Case<'_>) -> bool {
    let licensing = &case.session.licensing;
    licensing.granted.is_none() && !licensing.messages.is_empty()
}

fn in_words(code: ErrorInfo) -> String {
    match code.meaning() {
        Some(meaning) => meaning.trim_end_matches('.').to_owned(),
        None => format!("code {:#x}, which is not documented", code.0),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::Outcome;
    use crate::findings::testing::{FIN, RST, diagnosed, finds, verdict};
    use crate::session::tests::{CREDSSP, LICENSED, MCS, NLA};

    fn denied(rest: &str) -> String {
        [NLA, CREDSSP, MCS, LICENSED, rest].concat()
    }

    #[test]
    fn an_error_before_the_desktop_is_the_servers_decision() {
        let script = denied("S 36\nS 9\n");
        assert_eq!(verdict(&script, &[(20, Client, RST)]), "session-denied Likely");
        assert_eq!(verdict(&script, &[(20, Server, FIN)]), "session-denied Likely");
        let diagnosis = diagnosed(&script, &[(20, Client, RST)]);
        assert_eq!(diagnosis.outcome, Outcome::Failed);
        assert!(diagnosis.findings[0].cannot_tell[0].contains("encrypted"));
    }

    #[test]
    fn near_misses_stay_silent() {
        for (script, close) in [
            // No error, only an end.
            (denied(""), vec![(20, Client, RST)]),
            // A message of another size.
            (denied("S 44\n"), vec![(20, Client, RST)]),
            // The sequence went on: the Synchronize has the same size.
            (denied("S 472\nC 611\nC 36\nC 40\nC 40\nC 40\nS 36\n"), vec![(20, Client, RST)]),
            // Still open.
            (denied("S 36\n"), vec![]),
            // An end long after it has another reason.
            (denied("S 36\n"), vec![(60_000, Client, RST)]),
        ] {
            assert!(!finds("session-denied", &script, &close), "{script}");
        }
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        // What went on in between is missing.
        let script = denied("S gap:900\nS 36\n");
        assert!(!finds("session-denied", &script, &[(20, Client, RST)]));
    }
}
