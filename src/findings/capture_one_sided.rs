//! `capture-one-sided`: connections of which one direction is missing.

use super::finding::{Evidence, Finding, Severity};
use super::totals::{CaptureRule, Totals};
use crate::base::Certainty;

/// The rule.
pub struct CaptureOneSided;

impl CaptureRule for CaptureOneSided {
    fn id(&self) -> &'static str {
        "capture-one-sided"
    }

    fn prose(&self) -> &'static str {
        include_str!("capture_one_sided.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let first = totals.one_sided.first?;
        Some(
            Finding::new(
                self.id(),
                Severity::Warning,
                Certainty::Proven,
                "Only one direction of the traffic was captured",
                Evidence::new(first, "the first connection of which one side is missing"),
            )
            .detail(format!(
                "Of {} of {} connections only one side's packets are in the capture, although the other side was answering.",
                totals.one_sided.connections, totals.connections
            ))
            .cannot_tell("anything about what the missing side did")
            .next("capture on one of the two computers, or mirror both directions (rdpwhy capture-advice)"),
        )
    }
}
