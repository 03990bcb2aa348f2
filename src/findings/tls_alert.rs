//! `tls-alert`: a fatal alert in the clear (RFC 8446 §6, RFC 5246 §7.2).

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::wire::tls::alert::{AlertDescription, AlertLevel};

/// The rule.
pub struct TlsAlert;

impl Rule for TlsAlert {
    fn id(&self) -> &'static str {
        "tls-alert"
    }

    fn prose(&self) -> &'static str {
        include_str!("tls_alert.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some(tls) = &case.session.tls else { return };
        let Some(alert) = tls.alerts.iter().find(|seen| seen.value.1.level == AlertLevel::fatal) else { return };
        let (side, description) = (alert.value.0, alert.value.1.description);
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                Certainty::Proven,
                format!("The {side} ended the TLS handshake: {}", in_words(description)),
                Evidence::new(alert.at(), format!("fatal TLS alert {} ({description}) from the {side}", description.0)),
            )
            .detail(format!(
                "The {side} sent the fatal alert {description} ({}). The network delivered everything; the two ends do not agree.",
                description.0
            ))
            .next(match side {
                Side::Server => "on the server: Schannel events 36874 and 36888; compare its TLS versions and cipher suites with the client's offer",
                Side::Client => "look at the server's certificate and at what the client trusts",
            }),
        );
    }
}

fn in_words(description: AlertDescription) -> &'static str {
    match description {
        AlertDescription::handshake_failure => "no common settings",
        AlertDescription::protocol_version => "no common TLS version",
        AlertDescription::certificate_expired => "certificate expired",
        AlertDescription::bad_certificate => "bad certificate",
        AlertDescription::unknown_ca => "certificate not trusted",
        AlertDescription::certificate_unknown => "certificate not accepted",
        AlertDescription::insufficient_security => "offered cipher suites too weak",
        AlertDescription::internal_error => "internal error",
        AlertDescription::access_denied => "access denied",
        _ => "fatal alert",
    }
}
