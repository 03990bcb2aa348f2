//! `capture-late-start`: connections that were under way when the capture began.

use super::finding::{Evidence, Finding, Severity};
use super::totals::{CaptureRule, Totals};
use crate::base::Certainty;

/// The rule.
pub struct CaptureLateStart;

impl CaptureRule for CaptureLateStart {
    fn id(&self) -> &'static str {
        "capture-late-start"
    }

    fn prose(&self) -> &'static str {
        include_str!("capture_late_start.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let first = totals.late.first?;
        Some(
            Finding::new(
                self.id(),
                Severity::Info,
                Certainty::Proven,
                "Some connections began before the capture did",
                Evidence::new(first, "the first packet of a connection that was already under way"),
            )
            .detail(format!(
                "The beginning of {} of {} connections is not in the capture.",
                totals.late.connections, totals.connections
            ))
            .cannot_tell("how those connections were negotiated")
            .next("start the capture first and connect then (rdpwhy capture-advice)"),
        )
    }
}
