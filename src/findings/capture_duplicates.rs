//! `capture-duplicates`: packets that stand in the capture twice.

use super::finding::{Evidence, Finding, Severity};
use super::totals::{CaptureRule, Totals};
use super::words;
use crate::base::Certainty;

/// The rule.
pub struct CaptureDuplicates;

impl CaptureRule for CaptureDuplicates {
    fn id(&self) -> &'static str {
        "capture-duplicates"
    }

    fn prose(&self) -> &'static str {
        include_str!("capture_duplicates.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let first = totals.copies.first?;
        Some(
            Finding::new(
                self.id(),
                Severity::Info,
                Certainty::Proven,
                "Packets were captured more than once",
                Evidence::new(first, "the first copy"),
            )
            .detail(format!(
                "{} in {} of {} connections, left out everywhere: a copy is no retransmission.",
                words::counted(totals.copies.count, "copy", "copies"),
                totals.copies.connections, totals.connections
            ))
            .next("nothing is needed; to avoid copies, capture on one interface (pktmon: --comp nics; rdpwhy capture-advice)"),
        )
    }
}
