//! `hello-rejected`: the server ends the connection at the ClientHello.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::session::{Message, Stage};

/// The rule.
pub struct HelloRejected;

impl Rule for HelloRejected {
    fn id(&self) -> &'static str {
        "hello-rejected"
    }

    fn prose(&self) -> &'static str {
        include_str!("hello_rejected.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some(tls) = case.session.tls.as_ref() else { return };
        // A ServerHello that was cut when captured is a step without content.
        if let Some(hello) = case.session.steps.find(Message::ServerHello) {
            out.exclude(self.id(), "the server answered with a ServerHello", [hello.at.frame]);
            return;
        }
        let Some(hello) = case.session.steps.find(Message::ClientHello) else { return };
        let answered = !tls.alerts.is_empty() || tls.hello_retry_request.is_some();
        if answered
            || case.session.stage() != Stage::Tls
            // A ServerHello that cannot be read is one all the same.
            || case.session.stages.lower_bound().is_some()
            || !case.ended_by(Side::Server)
            || !case.coverage.shows_absence(Side::Server)
            || case.tcp.directions.server.never_seen > 0
        {
            return;
        }
        // Without traces of the server's own hand it may be anybody's reset.
        if case.ending_reset().is_some_and(|(_, j)| j.certainty < Certainty::Likely) {
            return;
        }
        let took = case.until_end(hello.at);
        out.found(
            Finding::new(
                self.id(),
                Severity::Failure,
                case.coverage.temper(Certainty::Likely),
                "The server closed the connection instead of beginning TLS",
                Evidence::new(hello.at, "ClientHello, never answered with a ServerHello"),
            )
            .detail(format!(
                "The server ended the connection {took} after the ClientHello, without a ServerHello or an alert: often it cannot use its certificate or key."
            ))
            .support([case.end_evidence()])
            .cannot_tell("whether it was the certificate, its key, or no common TLS version or cipher suite")
            .cannot_tell("whether the service decided so, or crashed or was stopped at that moment")
            .next("on the server: Schannel events 36870, 36871, 36874 and RemoteConnectionManager events 1057, 1058 at this time")
            .next("does it happen to every client? Then look at the certificate and its key"),
        );
    }
}
