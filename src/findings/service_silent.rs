//! `service-silent`: a Connection Request that nobody confirmed.

use super::rule::{Case, Out, Rule};
use super::stalled_negotiation::{check_waiting, is_silence_of_the_service, owed_at_last};

/// The rule.
pub struct ServiceSilent;

impl Rule for ServiceSilent {
    fn id(&self) -> &'static str {
        "service-silent"
    }

    fn prose(&self) -> &'static str {
        include_str!("service_silent.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        if let Some(confirm) = &case.session.negotiation.confirm {
            out.exclude(self.id(), "the service answered with a Connection Confirm", [confirm.frame]);
            return;
        }
        if let Some(waiting) = owed_at_last(case)
            && is_silence_of_the_service(case, &waiting)
        {
            check_waiting(self.id(), case, &waiting, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Certainty;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;
    use crate::findings::{AtFault, Finding};

    /// What a device that is no Remote Desktop sends back: it begins as a TPKT frame
    /// of 43 bytes would.
    const MODBUS: &[u8] = &[3, 0, 0, 0x2b, 0, 3, 0, 0x80, 1];

    /// The verdict where the server answers the request with `answer` and the
    /// client leaves after 30 s.
    fn answered_with(answer: &[u8]) -> Finding {
        let end = 1 + answer.len() as u32;
        let lines = script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, b""),
                packet(32.0, Server, A, 1, 20, answer),
                packet(32.1, Client, A, 20, end, b""),
                packet(30_000.0, Client, A | F, 20, end, b""),
                packet(30_010.0, Server, A, end, 21, b""),
            ],
        );
        let diagnosis = diagnosis(&lines);
        assert!(diagnosis.findings.iter().all(|f| f.id == ServiceSilent.id() || !f.detail.contains("did not answer")));
        diagnosis.verdict().unwrap().clone()
    }

    #[test]
    fn who_sends_nothing_did_not_answer() {
        let found = answered_with(b"");
        assert_eq!((found.id, found.certainty), (ServiceSilent.id(), Certainty::Proven));
        assert!(found.detail.contains("the service there did not answer"), "{}", found.detail);
    }

    #[test]
    fn another_protocol_that_begins_with_a_3_is_no_silence() {
        let found = answered_with(MODBUS);
        assert_eq!((found.id, found.certainty), ("not-rdp", Certainty::Possible));
    }

    #[test]
    fn half_a_confirm_or_another_message_is_no_silence() {
        let disconnect_request = [3, 0, 0, 11, 6, 0x80, 0, 0, 0, 0, 0];
        for answer in [&CONFIRM[..9], &CONFIRM[..3], &disconnect_request] {
            let found = answered_with(answer);
            assert_eq!((found.id, found.certainty), ("stalled-negotiation", Certainty::Possible), "{}", found.title);
            assert_eq!(found.at_fault, Some(AtFault::Unclear));
            assert!(found.detail.contains("is not silent"), "{}", found.detail);
            let named = |frame: u64| found.supporting.iter().any(|evidence| evidence.at.frame.number == frame);
            assert!(named(6), "{:?}", found.supporting);
        }
    }
}
