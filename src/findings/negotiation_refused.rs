//! `negotiation-refused`: RDP_NEG_FAILURE, [MS-RDPBCGR] 2.2.1.2.2.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::Certainty;
use crate::wire::negotiation::{FailureCode, Protocols};

/// The rule.
pub struct NegotiationRefused;

impl Rule for NegotiationRefused {
    fn id(&self) -> &'static str {
        "negotiation-refused"
    }

    fn prose(&self) -> &'static str {
        include_str!("negotiation_refused.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let negotiation = &case.session.negotiation;
        let Some(failure) = negotiation.failure() else {
            if let (Some(selected), Some(confirm)) = (negotiation.selected(), &negotiation.confirm) {
                let because = out.prose.text(|| ["the server agreed to ", &selected.text()].concat());
                out.exclude(self.id(), because, [confirm.frame]);
            }
            return;
        };
        let code = failure.value;
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            Certainty::Proven,
            title(code),
            Evidence::new(failure.at(), format!("Connection Confirm with failure code {} ({code})", code.0)),
        )
        .detail(format!("{} {}", in_words(code), asked(case)))
        .next(next_step(code));
        if let Some(request) = &negotiation.request {
            finding = finding.support([Evidence::new(request.at(), "Connection Request")]);
        }
        out.found(finding);
    }
}

fn title(code: FailureCode) -> &'static str {
    match code {
        FailureCode::SSL_CERT_NOT_ON_SERVER => "The server has no usable certificate and refused the connection",
        FailureCode::HYBRID_REQUIRED_BY_SERVER => "The server insists on Network Level Authentication",
        FailureCode::SSL_REQUIRED_BY_SERVER => "The server insists on TLS",
        FailureCode::SSL_NOT_ALLOWED_BY_SERVER => "The server only does Standard RDP Security",
        _ => "The server refused the requested security protocol",
    }
}

fn in_words(code: FailureCode) -> &'static str {
    match code {
        FailureCode::SSL_REQUIRED_BY_SERVER => "The server accepts nothing less than TLS.",
        FailureCode::SSL_NOT_ALLOWED_BY_SERVER => "The server is set to Standard RDP Security and does no TLS.",
        FailureCode::SSL_CERT_NOT_ON_SERVER => "The server says that it has no valid certificate to do TLS with.",
        FailureCode::INCONSISTENT_FLAGS => "The server says that the flags of the request contradict each other.",
        FailureCode::HYBRID_REQUIRED_BY_SERVER => {
            "The server wants the user authenticated before the session (CredSSP)."
        }
        FailureCode::SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER => "The server wants TLS with a client certificate.",
        _ => "The server refused with a code that is not in the specification.",
    }
}

fn asked(case: &Case<'_>) -> String {
    match case.session.negotiation.requested() {
        Some(Protocols::PROTOCOL_RDP) => "The client had asked for nothing but Standard RDP Security.".to_owned(),
        Some(protocols) => format!("The client had asked for {protocols}."),
        None => "What the client had asked for is not in the capture.".to_owned(),
    }
}

fn next_step(code: FailureCode) -> &'static str {
    match code {
        FailureCode::SSL_CERT_NOT_ON_SERVER => {
            "on the server: events 1057 and 1058 (RemoteConnectionManager) and 36870 (Schannel); is there a certificate in Cert:\\LocalMachine\\Remote Desktop, and can its key be read?"
        }
        FailureCode::HYBRID_REQUIRED_BY_SERVER => {
            "use a client that does Network Level Authentication (switching it off on the server weakens security)"
        }
        _ => "compare the server's security layer setting with what the client offers",
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::testing::diagnosed;

    fn detail(script: &str) -> String {
        diagnosed(script, &[]).verdict().unwrap().detail.to_string()
    }

    #[test]
    fn what_was_asked_for_is_said_where_it_was_seen() {
        assert!(detail("C cr:01\nS fail:5\n").ends_with("The client had asked for PROTOCOL_SSL."));
        assert!(detail("C cr:00\nS fail:5\n").ends_with("nothing but Standard RDP Security."));
        // The server's side alone, or a capture that began late.
        assert!(detail("S fail:5\n").ends_with("is not in the capture."));
    }
}
