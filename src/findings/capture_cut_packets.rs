//! `capture-cut-packets`: frames shorter than the packets were.

use super::finding::{Evidence, Finding, Severity};
use super::totals::{CaptureRule, Totals};
use crate::base::Certainty;

/// The rule.
pub struct CaptureCutPackets;

impl CaptureRule for CaptureCutPackets {
    fn id(&self) -> &'static str {
        "capture-cut-packets"
    }

    fn prose(&self) -> &'static str {
        include_str!("capture_cut_packets.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let first = totals.cut.first?;
        Some(
            Finding::new(
                self.id(),
                Severity::Info,
                Certainty::Proven,
                "Packets were cut short when they were captured",
                Evidence::new(first, "the first packet that was cut short"),
            )
            .detail(format!(
                "{} packets in {} of {} connections are not whole; what stood in the rest cannot be read.",
                totals.cut.count, totals.cut.connections, totals.connections
            ))
            .cannot_tell("what stood in the part that was cut, such as certificates")
            .next("capture whole packets: pktmon start --capture --comp nics --pkt-size 0 -f rdp.etl, or tcpdump -s 0 (rdpwhy capture-advice)"),
        )
    }
}
