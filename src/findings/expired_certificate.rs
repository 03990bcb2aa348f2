//! `expired-certificate`: the server's leaf certificate against capture time.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::Certainty;
use crate::session::Stage;

/// Whether the client ended the connection after the certificate, before it had
/// sent anything through TLS.
pub(super) fn client_left_after_certificate(case: &Case<'_>) -> bool {
    case.client_left() && case.session.stage() <= Stage::Tls
}

/// The rule.
pub struct ExpiredCertificate;

impl Rule for ExpiredCertificate {
    fn id(&self) -> &'static str {
        "expired-certificate"
    }

    fn prose(&self) -> &'static str {
        include_str!("expired_certificate.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some(seen) = case.session.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else { return };
        let certificate = &seen.value;
        if seen.time <= certificate.not_after {
            out.exclude(self.id(), "the server's certificate had not expired", [seen.frame]);
            return;
        }
        let ago = seen.time.since(certificate.not_after);
        let days = ago.secs_f64() / 86_400.0;
        // It explains the end where the client left right after seeing it.
        let client_left = client_left_after_certificate(case);
        let reaction = if client_left {
            "The client ended the connection after seeing it."
        } else if case.session.stage() > Stage::Tls {
            "The client did not mind and went on."
        } else {
            "What the client thought of it is not visible."
        };
        let mut finding = Finding::new(
            self.id(),
            if client_left { Severity::Failure } else { Severity::Warning },
            if client_left { case.coverage.temper(Certainty::Likely) } else { Certainty::Proven },
            "The server's certificate has expired",
            Evidence::new(seen.at(), format!("certificate that expired {days:.0} days before the capture")),
        )
        .detail(format!("The certificate expired {days:.1} days before this connection. {reaction}"))
        .cannot_tell("whether the client left because of the date or because of something else in the certificate")
        .next("on the server: renew the certificate; for the self-signed one delete it from Cert:\\LocalMachine\\Remote Desktop and restart the Remote Desktop service")
        .next("check the clock of the machine that captured: validity is judged against capture time");
        if client_left {
            finding = finding.support([case.end_evidence()]);
        }
        out.found(finding);
    }
}
