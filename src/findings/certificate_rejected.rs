//! `certificate-rejected`: the client leaves between the server's certificate
//! and CredSSP.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::words::as_told;
use crate::base::{Certainty, Side};
use crate::session::{Stage, TlsFacts};
use crate::wire::TcpFlags;
use crate::wire::tls::names::bears_name;

/// The rule.
pub struct CertificateRejected;

impl Rule for CertificateRejected {
    fn id(&self) -> &'static str {
        "certificate-rejected"
    }

    fn prose(&self) -> &'static str {
        include_str!("certificate_rejected.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let session = case.session;
        if session.stage() > Stage::Tls && session.tls.is_some() {
            if let Some(next) = session.stages.list().iter().find(|s| s.stage > Stage::Tls) {
                let says = as_told!("the client went on after seeing the certificate", next.visibility);
                out.exclude(self.id(), says, [next.first.frame]);
            }
            return;
        }
        let Some(tls) = session.tls.as_ref() else { return };
        let Some(hello) = &tls.server_hello else { return };
        let seen = tls.certificate.as_ref().map_or(hello.at(), |c| c.at());
        let damaged = session.stages.lower_bound().is_some();
        if session.stage() != Stage::Tls || damaged || !case.client_left() || case.coverage.late_start {
            return;
        }
        // A bare RST comes from a socket that is gone already: it answers a
        // late packet and tells nothing of why the client left.
        let afterthought = case.ending_reset().is_some_and(|(reset, _)| !reset.flags.has(TcpFlags::ACK));
        if afterthought {
            return;
        }
        // Nor does a client that the certificate never reached.
        let server = &case.tcp.directions.server;
        let delivered = server.flights.acknowledged_since(seen.time).is_some() || server.loss.retransmitted() < 2;
        if !delivered && server.acknowledged_bytes < server.sent_bytes {
            return;
        }
        // A client that was kept waiting gave up for that reason.
        let alert = case.client_goodbye();
        let owed_by_server = session.waiting.is_some_and(|w| w.side == Side::Server && !tls.is_done());
        if owed_by_server && alert.is_none() {
            return;
        }
        let certainty = if alert.is_some() { Certainty::Likely } else { Certainty::Possible };
        let mut finding = Finding::new(
            self.id(),
            Severity::Failure,
            case.coverage.temper(certainty),
            "The client left after seeing the server's certificate",
            Evidence::new(seen, "the server's certificate reached the client here"),
        )
        .detail(format!(
            "The client ended the connection {} after the server's certificate, before any logon{}.{}",
            case.until_end(seen),
            if alert.is_some() { ", and sent an encrypted alert first" } else { "" },
            name_in_words(tls)
        ))
        .support([case.end_evidence()])
        .cannot_tell("what it disliked, or whether a person declined the warning or the client only paused to show one")
        .next("compare the certificate's name, validity and issuer with what the client expects");
        if let Some(at) = alert {
            finding = finding.support([Evidence::new(at, "encrypted alert from the client")]);
        }
        out.found(finding);
    }
}

/// Whether the certificate bears the name that the client asked for; the names
/// themselves are nobody's business.
fn name_in_words(tls: &TlsFacts) -> &'static str {
    let asked = tls.client_hello.as_ref().and_then(|hello| hello.value.server_name.as_ref());
    let Some((name, certificate)) = asked.zip(tls.certificate.as_ref()) else { return "" };
    match bears_name(&certificate.value, name.expose()) {
        Some(true) => " The certificate bears the name that the client asked for.",
        Some(false) => " The certificate does not bear the name (or address) that the client asked for.",
        None => "",
    }
}
