//! `capture-gaps`: bytes that were acknowledged and are not in the capture.

use super::finding::{Evidence, Finding, Severity};
use super::totals::{CaptureRule, Totals};
use super::words::counted;
use crate::base::Certainty;

/// The rule.
pub struct CaptureGaps;

impl CaptureRule for CaptureGaps {
    fn id(&self) -> &'static str {
        "capture-gaps"
    }

    fn prose(&self) -> &'static str {
        include_str!("capture_gaps.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let first = totals.gaps.first?;
        let more = if totals.dropped > 0 {
            format!(" The capture itself counts {} dropped packets.", totals.dropped)
        } else {
            String::new()
        };
        Some(
            Finding::new(
                self.id(),
                Severity::Warning,
                Certainty::Proven,
                "Packets are missing from the capture",
                Evidence::new(first, "the first hole: the receiver acknowledged bytes that are not in the capture"),
            )
            .detail(format!(
                "{} ({}) in {} of {}: packets that arrived and were not captured.{more}",
                counted(totals.gaps.count, "hole", "holes"),
                counted(totals.gap_bytes, "byte", "bytes"),
                totals.gaps.connections,
                counted(totals.connections, "connection", "connections")
            ))
            .cannot_tell("what the missing packets said")
            .next("capture again with a larger buffer: dumpcap -i eth0 -B 64 -f \"port 3389\" -w rdp.pcapng (rdpwhy capture-advice)"),
        )
    }
}
