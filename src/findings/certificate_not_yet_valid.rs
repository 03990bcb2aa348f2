//! `certificate-not-yet-valid`: the leaf's validity begins after capture time.

use super::expired_certificate::client_left_after_certificate;
use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::Certainty;

/// The rule.
pub struct CertificateNotYetValid;

impl Rule for CertificateNotYetValid {
    fn id(&self) -> &'static str {
        "certificate-not-yet-valid"
    }

    fn prose(&self) -> &'static str {
        include_str!("certificate_not_yet_valid.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some(seen) = case.session.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else { return };
        let certificate = &seen.value;
        if seen.time >= certificate.not_before {
            return;
        }
        let early = certificate.not_before.since(seen.time).secs_f64() / 86_400.0;
        let left = client_left_after_certificate(case);
        out.found(
            Finding::new(
                self.id(),
                if left { Severity::Failure } else { Severity::Warning },
                if left { case.coverage.temper(Certainty::Likely) } else { Certainty::Proven },
                "The server's certificate is not valid yet",
                Evidence::new(seen.at(), format!("certificate that becomes valid {early:.1} days after the capture")),
            )
            .detail(format!("The certificate becomes valid {early:.1} days after this connection: a clock is wrong."))
            .cannot_tell("whose clock is wrong")
            .next("compare the clocks of server, client and domain controller (w32tm /query /status)"),
        );
    }
}
