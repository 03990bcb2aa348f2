//! `service-silent`: a Connection Request that nobody confirmed.

use super::rule::{Case, Out, Rule};
use super::stalled_negotiation::{check_waiting, owed_at_last};
use crate::session::Owed;

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
            && waiting.owed == Owed::ConnectionConfirm
        {
            check_waiting(self.id(), case, &waiting, out);
        }
    }
}
