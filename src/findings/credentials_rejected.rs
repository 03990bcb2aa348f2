//! `credentials-rejected`: CredSSP ends with an error reply or alert from the
//! server ([MS-CSSP] 3.1.5).

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::words::as_told;
use crate::base::{At, Certainty, Side};
use crate::session::{MAX_LEGS, Mechanism, Owed, Stage, Waiting};

/// The rule.
pub struct CredentialsRejected;

impl Rule for CredentialsRejected {
    fn id(&self) -> &'static str {
        "credentials-rejected"
    }

    fn prose(&self) -> &'static str {
        include_str!("credentials_rejected.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let session = case.session;
        if session.stage() > Stage::Credssp && session.stages.of(Stage::Credssp).is_some() {
            if let Some(next) = session.stages.list().iter().find(|s| s.stage > Stage::Credssp) {
                let says = as_told!("the session went on after the logon", next.visibility);
                out.exclude(self.id(), says, [next.first.frame]);
            }
            return;
        }
        let Some(credssp) = session.credssp.as_ref().filter(|_| session.stage() == Stage::Credssp) else { return };
        let alert = session.tls.as_ref().and_then(|tls| tls.encrypted_alert.server);
        let is_clients =
            |waiting: &Waiting| waiting.side == Side::Client && matches!(waiting.owed, Owed::CredsspLeg(_));
        let owes = [session.waiting, session.unanswered].iter().flatten().any(is_clients)
            // It may be what the capture lacks.
            && !case.has_unseen_bytes(Side::Client);
        let (refused, what): (At, &str) = match (credssp.error, alert) {
            (Some(at), _) => (at, "a CredSSP message with nothing but an error code, by its size"),
            // While the client owes the next one the server has nothing to refuse.
            (None, Some(at)) if !owes && credssp.legs.iter().any(|leg| !leg.at.follows(&at)) => {
                (at, "an encrypted TLS alert in place of the server's next CredSSP message")
            }
            _ => return,
        };
        // What comes after the client has left answers nobody.
        if case.ended_by(Side::Client) && case.comes_after_end(refused) {
            return;
        }
        let mechanism = match credssp.mechanism {
            Some(Mechanism::Ntlm) => " The client used NTLM.",
            Some(Mechanism::Kerberos) => " The client used Kerberos.",
            None => "",
        };
        // No password, right or wrong, is in the first message.
        let at_once = credssp.legs.len() == 1;
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(Certainty::Likely),
            if at_once {
                "The server refused the way in which the client wanted to log on"
            } else {
                "The server rejected the logon (Network Level Authentication)"
            },
            Evidence::new(refused, what),
        )
        .detail(if at_once {
            format!(
                "The server answered the client's first CredSSP message with {what}. That message names the way to log on and holds no proof of a password yet.{mechanism} Network, certificate and TLS had done their part."
            )
        } else {
            format!(
                "After {} the server answered with {what}. Network, certificate and TLS had done their part.{mechanism}",
                messages(credssp.legs.len())
            )
        })
        .cannot_tell(if at_once {
            "why: NTLM restricted by policy, an account that may not use it (Protected Users), or the CredSSP policy; the code is encrypted"
        } else {
            "why: wrong or expired password, locked or restricted account, NTLM blocked, CredSSP policy; the code is encrypted"
        })
        .next("on the server: event 4625 in the Security log at this time; its Status and Sub Status name the reason")
        .next("ask what the client showed: 0x807, 0xC07, 0xD07, 0xF07 and 0x1207 each name one reason");
        if at_once && credssp.mechanism == Some(Mechanism::Ntlm) {
            finding = finding.next("connect by the server's full DNS name: with an address there is no Kerberos, and NTLM is all that is left");
        }
        if let Some(first) = credssp.legs.first() {
            finding = finding.support([Evidence::new(first.at, "first CredSSP message")]);
        }
        out.found(finding);
    }
}

/// So many CredSSP messages, of which no more than [`MAX_LEGS`] are kept.
fn messages(kept: usize) -> String {
    let at_least = if kept < MAX_LEGS { "" } else { "at least " };
    format!("{at_least}{kept} CredSSP messages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::Server;
    use crate::findings::testing::{FIN, finds};
    use crate::session::tests::HYBRID;

    fn is_found(logon: &str) -> bool {
        finds("credentials-rejected", &[HYBRID, logon].concat(), &[(1, Server, FIN)])
    }

    #[test]
    fn an_alert_in_place_of_an_answer_rejects() {
        assert!(is_found("C 57\nS 295\nC 677\nS alert\n"));
        assert!(is_found("C 57\nS alert\n"), "the way to log on");
        assert!(is_found("C 57\nS 295\nC gap:677\nS alert\n"), "what it answers is missing");
    }

    #[test]
    fn who_was_shown_no_proof_of_a_password_rejects_none() {
        assert!(!is_found("C 57\nS 295\nS alert\n"), "a goodbye");
        // The client's FIN, which the server acknowledges, is missing.
        assert!(!is_found("C 57\nS 295\nC gap:1\nS alert\n"));
        assert!(!is_found("C 57\nS 295\nC 677\nC gap:1\nS alert\n"), "it answers one who has left");
    }

    #[test]
    fn where_no_more_are_kept_there_may_have_been_more() {
        assert_eq!(
            [messages(MAX_LEGS - 1), messages(MAX_LEGS)],
            ["15 CredSSP messages", "at least 16 CredSSP messages"]
        );
    }
}
