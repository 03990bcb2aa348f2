//! `authorization-denied`: the logon is right, and the user may not use it for
//! Remote Desktop ([MS-RDPBCGR] 2.2.10.2, 3.2.5.10.2 and 3.3.5.7.1.1).

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::session_denied::final_error;
use crate::base::{At, Certainty, Side, Span};
use crate::session::{Message, Stage};
use crate::wire::error_info::ErrorInfo;

/// A client that is denied leaves at once; one that waits longer has a reason
/// of its own.
const AT_ONCE: Span = Span::from_secs(5);

/// The rule.
pub struct AuthorizationDenied;

impl Rule for AuthorizationDenied {
    fn id(&self) -> &'static str {
        "authorization-denied"
    }

    fn prose(&self) -> &'static str {
        include_str!("authorization_denied.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let session = case.session;
        let result = session.credssp.as_ref().and_then(|credssp| credssp.authorization);
        if let (Some(result), true) = (result, session.stage() > Stage::Credssp) {
            out.exclude(self.id(), "the client went on after the Early User Authorization Result", [result.frame]);
            return;
        }
        let denied = early(case, result).or_else(|| late(case));
        let Some((at, certainty, says)) = denied else { return };
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(certainty),
                "The user is not allowed to log on through Remote Desktop",
                Evidence::new(at, says),
            )
            .detail(format!(
                "The server had accepted the logon; then came {says}, and the connection ended {} later. Network, certificate and password had done their part.",
                case.until_end(at)
            ))
            .support([case.end_evidence()])
            .cannot_tell("which right is missing: membership of Remote Desktop Users, the logon right, or a policy that denies it; nor the user's name")
            .next("on the server: is the user (or a group of the user) in Remote Desktop Users? Get-LocalGroupMember 'Remote Desktop Users'")
            .next("compare \"Allow log on through Remote Desktop Services\" and \"Deny log on through Remote Desktop Services\" (secpol.msc, User Rights Assignment); a denial wins")
            .next("event 4825 in the server's Security log names the user who was denied; give the right to that user alone, since every member may log on from anywhere that reaches the server"),
        );
    }
}

/// The Early User Authorization Result, after which the client goes no further.
fn early(case: &Case<'_>, result: Option<At>) -> Option<(At, Certainty, &'static str)> {
    let session = case.session;
    let result = result?;
    let is_last = session.steps.list().rev().find(|step| step.message != Message::EncryptedAlert);
    let denied = session.stage() == Stage::Credssp
        && session.stages.lower_bound().is_none()
        && is_last.is_some_and(|step| step.message == Message::EarlyUserAuthorization)
        && case.client_left()
        && case.until_end(result) <= AT_ONCE
        && case.coverage.shows_absence(Side::Client)
        && !case.has_unseen_bytes(Side::Client);
    denied.then_some((result, Certainty::Likely, "an Early User Authorization Result after which the client left"))
}

/// Without PROTOCOL_HYBRID_EX the server says it once the channels are joined.
fn late(case: &Case<'_>) -> Option<(At, Certainty, &'static str)> {
    let error = final_error(case)?;
    let certainty = match error.value.code {
        Some(ErrorInfo::ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES) => Certainty::Proven,
        // A session limit would say it there too.
        None if case.session.stage() == Stage::Mcs && case.session.credssp.is_some() => Certainty::Possible,
        _ => return None,
    };
    Some((error.at(), certainty, "the server's Set Error Info"))
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::Outcome;
    use crate::findings::testing::{FIN, RST, diagnosed, finds, verdict};
    use crate::session::tests::{CREDSSP, HYBRID, MCS, NLA};

    #[test]
    fn a_client_that_leaves_after_the_result_was_denied() {
        let script = [NLA, CREDSSP].concat();
        assert_eq!(verdict(&script, &[(20, Client, RST)]), "authorization-denied Likely");
        assert_eq!(verdict(&(script.clone() + "C alert\n"), &[(1, Client, FIN)]), "authorization-denied Likely");
        assert_eq!(diagnosed(&script, &[(20, Client, FIN)]).outcome, Outcome::Failed);
    }

    #[test]
    fn an_error_after_the_joins_may_be_it() {
        let script = [HYBRID, "C 57\nS 295\nC 677\nS 91\nC 183\n", MCS, "S 36\nS 9\n"].concat();
        let diagnosis = diagnosed(&script, &[(20, Client, RST)]);
        let of = |id| diagnosis.findings.iter().find(|f| f.id == id).map(|f| format!("{:?}", f.certainty));
        assert_eq!(of("authorization-denied").as_deref(), Some("Possible"));
        assert_eq!(of("session-denied").as_deref(), Some("Likely"));
    }

    #[test]
    fn near_misses_stay_silent() {
        for (script, close) in [
            // The client went on.
            ([NLA, CREDSSP, MCS].concat(), vec![(20, Client, RST)]),
            // The result has not come.
            ([NLA, "C 57\nS 295\nC 677\nS 91\nC 183\n"].concat(), vec![(20, Client, RST)]),
            // The server ended it: a result that allows, and a crash.
            ([NLA, CREDSSP].concat(), vec![(20, Server, RST)]),
            // Still open, and a client that hung.
            ([NLA, CREDSSP].concat(), vec![]),
            ([NLA, CREDSSP].concat(), vec![(90_000, Client, RST)]),
        ] {
            assert!(!finds("authorization-denied", &script, &close), "{script}");
        }
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        // What the client went on with is missing.
        let script = [NLA, CREDSSP, "C gap:487\n"].concat();
        assert!(!finds("authorization-denied", &script, &[(20, Client, RST)]));
    }
}
