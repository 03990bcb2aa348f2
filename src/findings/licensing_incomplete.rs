//! `licensing-incomplete`: licensing began and did not come to its end
//! ([MS-RDPBCGR] 2.2.1.12, [MS-RDPELE] 3.3.5).

use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::resets::Builder;
use super::rule::{Case, Out, Rule};
use super::session_denied::{final_error, licensing_in_progress};
use crate::base::{Certainty, Side, Span};
use crate::flow::EndKind;
use crate::session::Stage;
use crate::wire::error_info::Area;
use crate::wire::licence::ErrorCode;

/// Whoever waited longer than this for the other side gave up waiting: that is
/// a stall, and licensing only the place of it.
const PATIENCE: Span = Span::from_secs(5);

/// The rule.
pub struct LicensingIncomplete;

impl Rule for LicensingIncomplete {
    fn id(&self) -> &'static str {
        "licensing-incomplete"
    }

    fn prose(&self) -> &'static str {
        include_str!("licensing_incomplete.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let licensing = &case.session.licensing;
        if let Some(granted) = licensing.granted {
            out.exclude(self.id(), "licensing came to its end", [granted.frame]);
            return;
        }
        let Some((evidence, certainty, how)) = said(case).or_else(|| broken_off(case)) else { return };
        let asked = licensing.messages.iter().find(|seen| seen.value.0 == Side::Server);
        let sent = |side| licensing.messages.iter().filter(|seen| seen.value.0 == side).count();
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(certainty),
            "Licensing was begun and not completed",
            evidence,
        )
        .detail(format!(
            "The server asked for a licence ({} of its messages, {} of the client's); {how}. A server that asks is a session host: Windows client editions and servers without that role grant at once.",
            sent(Side::Server),
            sent(Side::Client)
        ))
        .cannot_tell("why: no licence left, no licence server within reach, a licence store that the client may not write, or messages that do not fit")
        .next("on the session host: lsdiag.msc (Licensing Diagnoser); events 1128, 1129 and 1130 of TerminalServices-RemoteConnectionManager; is the grace period of 120 days over?")
        .next("on the licence server: licmgr.exe, are licences left of the right kind (per user or per device)?")
        .next("on the client: may it write HKLM\\SOFTWARE\\Microsoft\\MSLicensing? Starting the client once as administrator lets it store a licence; do not work like that for good, it weakens security");
        if let Some(asked) = asked {
            finding = finding.support([Evidence::new(asked.at(), "first licensing message of the server")]);
        }
        out.found(finding.support([case.end_evidence()]));
    }
}

type Proof = (Evidence, Certainty, String);

/// One side said so, readable or not.
fn said(case: &Case<'_>) -> Option<Proof> {
    let alert = case.session.licensing.alert.filter(|seen| seen.value.code != ErrorCode::STATUS_VALID_CLIENT);
    if let Some(alert) = alert.filter(|_| case.session.stage() <= Stage::Licensing) {
        let code = alert.value.code;
        let says = format!("licence error {} ({code})", code.0);
        let how = format!("it ended with {says}");
        return Some((Evidence::new(alert.at(), says), Certainty::Proven, how));
    }
    let error = final_error(case)?;
    match error.value.code {
        Some(code) if code.area() == Area::Licensing => {
            let says = format!("Set Error Info {:#x} ({code})", code.0);
            let how = format!("then the server said {says}");
            Some((Evidence::new(error.at(), says), Certainty::Proven, how))
        }
        None if licensing_in_progress(case) => Some((
            Evidence::new(
                error.at(),
                "a server message of the size of Set Error Info, in place of the next licensing message",
            ),
            Certainty::Likely,
            "then the server said why it disconnects (encrypted)".to_owned(),
        )),
        _ => None,
    }
}

/// One side ended the connection in the middle of it.
fn broken_off(case: &Case<'_>) -> Option<Proof> {
    let session = case.session;
    let settled = session.stages.lower_bound().is_none()
        && Side::BOTH.into_iter().all(|side| case.coverage.shows_absence(side) && !case.has_unseen_bytes(side));
    let here = session.stage() == Stage::Licensing && licensing_in_progress(case) && session.redirection.is_none();
    if !settled || !here {
        return None;
    }
    let last = session.licensing.messages.last()?;
    if case.until_end(last.at()) > PATIENCE {
        return None;
    }
    let by = case.tcp.end.by?;
    let own_hand = match case.tcp.end.kind {
        EndKind::Fin => true,
        EndKind::Reset => case
            .ending_reset()
            .is_some_and(|(_, judgement)| !is_foreign(judgement) && judgement.built_by == Builder::Host),
        EndKind::Silence | EndKind::CaptureEnd => false,
    };
    if !own_hand {
        return None;
    }
    // A client may have been closed by its user in that moment.
    let certainty = if by == Side::Server { Certainty::Likely } else { Certainty::Possible };
    let how = format!("then the {by} ended the connection, {} after the last of them", case.until_end(last.at()));
    Some((Evidence::new(last.at(), "the last licensing message; no licence was granted"), certainty, how))
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::testing::{FIN, RST, diagnosed, finds, verdict};
    use crate::session::tests::{CREDSSP, MCS, NLA};

    fn licensing(rest: &str) -> String {
        [NLA, CREDSSP, MCS, "C 343\n", rest].concat()
    }

    #[test]
    fn an_end_in_the_middle_of_licensing_is_one() {
        let script = licensing("S 534\nC 355\n");
        assert_eq!(verdict(&script, &[(300, Server, RST)]), "licensing-incomplete Likely");
        assert_eq!(verdict(&script, &[(300, Server, FIN)]), "licensing-incomplete Likely");
        assert_eq!(verdict(&licensing("S 534\n"), &[(300, Client, FIN)]), "licensing-incomplete Possible");
        let error = licensing("S 534\nC 355\nS 36\nS 9\n");
        assert_eq!(verdict(&error, &[(20, Client, RST)]), "licensing-incomplete Likely");
        assert!(!finds("session-denied", &error, &[(20, Client, RST)]));
    }

    #[test]
    fn near_misses_stay_silent() {
        for (script, close) in [
            // Silence after the Client Info is not licensing.
            (licensing(""), vec![(300, Server, FIN)]),
            // Granted.
            (licensing("S 534\nC 355\nS 34\n"), vec![(300, Server, FIN)]),
            (licensing("S 34\n"), vec![(300, Server, FIN)]),
            // A stall, and a capture that stops.
            (licensing("S 534\nC 355\n"), vec![(60_000, Client, RST)]),
            (licensing("S 534\nC 355\n"), vec![]),
        ] {
            assert!(!finds("licensing-incomplete", &script, &close), "{script}");
        }
        let granted = diagnosed(&licensing("S 534\nC 355\nS 34\n"), &[(300, Server, FIN)]);
        assert!(granted.excluded.iter().any(|excluded| excluded.finding == "licensing-incomplete"));
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        let script = licensing("S 534\nC 355\nS gap:59\n");
        assert!(!finds("licensing-incomplete", &script, &[(300, Server, FIN)]));
    }
}
