//! `not-rdp`: what answers on the port speaks something else.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::session::{Foreign, IsRdp, Stage};

/// The rule.
pub struct NotRdp;

impl Rule for NotRdp {
    fn id(&self) -> &'static str {
        "not-rdp"
    }

    fn prose(&self) -> &'static str {
        include_str!("not_rdp.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let IsRdp::Other(seen) = case.session.is_rdp else {
            // That the client asks for it says nothing of who listens.
            let confirm = case.session.negotiation.confirm.as_ref().map(|confirm| confirm.frame);
            let answered = confirm.is_some() || case.session.stage() > Stage::Tls;
            if let IsRdp::Rdp(seen) = case.session.is_rdp
                && answered
                && case.coverage.missing_side.is_none()
            {
                let confirm = confirm.filter(|confirm| *confirm != seen.frame);
                let frames = [seen.frame].into_iter().chain(confirm);
                out.exclude(self.id(), "both ends speak the Remote Desktop protocol", frames);
            }
            return;
        };
        let (side, foreign) = seen.value;
        let (name, certainty) = match foreign {
            Foreign::Ssh => ("SSH", Certainty::Proven),
            Foreign::Http => ("HTTP", Certainty::Proven),
            Foreign::Vnc => ("VNC", Certainty::Proven),
            Foreign::Tls => ("TLS from the first byte", Certainty::Possible),
            Foreign::Other => ("something unknown", Certainty::Possible),
        };
        // In mid-stream any bytes look foreign.
        if case.coverage.late_start {
            return;
        }
        let asked_for_rdp = case.session.negotiation.request.is_some();
        let severity = if side == Side::Server && asked_for_rdp { Severity::Failure } else { Severity::Info };
        out.found(
            Finding::new(
                self.id(),
                severity,
                certainty,
                match side {
                    Side::Server => format!("What answers on this port is not Remote Desktop but {name}"),
                    Side::Client => format!("The client does not speak Remote Desktop but {name}"),
                },
                Evidence::new(seen.at(), format!("the {side}'s first bytes are {name}")),
            )
            .detail(format!("The first bytes from the {side} are no message of the Remote Desktop protocol: {name}."))
            .next("on the server: which program listens on this port? Is the address right?"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::{A, CONFIRM, REQUEST, diagnosis, finding, packet, script};
    use crate::findings::{Finding, Severity};

    /// What the two sides send first.
    fn first_bytes(client: &[u8], server: &[u8]) -> Option<Finding> {
        let (client_end, server_end) = (1 + client.len() as u32, 1 + server.len() as u32);
        let lines = [
            packet(11.0, Client, A, 1, 1, client),
            packet(21.0, Server, A, 1, client_end, server),
            packet(22.0, Client, A, client_end, server_end, b""),
        ];
        finding(&script(10.0, lines), "not-rdp")
    }

    #[test]
    fn what_answers_in_another_language_is_named() {
        for (answer, name) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "SSH"),
            (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
            (b"RFB 003.008\n", "VNC"),
        ] {
            let found = first_bytes(REQUEST, answer).unwrap();
            assert_eq!(found.severity, Severity::Failure);
            assert!(found.title.ends_with(name), "{}", found.title);
        }
    }

    #[test]
    fn rdp_is_rdp_and_a_client_of_another_protocol_is_no_failure() {
        assert!(first_bytes(REQUEST, CONFIRM).is_none());
        assert_eq!(first_bytes(b"GET / HTTP/1.1\r\n\r\n", b"").unwrap().severity, Severity::Info);
    }

    #[test]
    fn a_load_balancer_that_introduces_its_client_is_looked_through() {
        let balanced = [b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n", REQUEST].concat();
        assert!(first_bytes(&balanced, CONFIRM).is_none());
    }

    #[test]
    fn a_late_start_is_no_other_language() {
        let middle = [
            packet(0.0, Client, A, 5000, 9000, b"SSH-2.0-OpenSSH_9.2\r\n"),
            packet(10.0, Server, A, 9000, 5021, &[0x99; 40]),
        ];
        assert!(diagnosis(&middle).findings.iter().all(|f| f.id != "not-rdp"));
    }
}
