//! `retransmission-burst`: repeated losses in one direction that hurt.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side, Span};
use crate::flow::{Burst, BurstOutcome, EndKind};

/// Fewer repetitions are everyday life.
const MIN_COUNT: u32 = 3;

/// A burst that held the negotiation up for less hurt nobody.
const MIN_DELAY: Span = Span::from_secs(1);

/// Share of repeated data packets below which a long session is healthy, in
/// percent.
const HEALTHY_PERCENT: u64 = 3;

/// The rule.
pub struct RetransmissionBurst;

impl Rule for RetransmissionBurst {
    fn id(&self) -> &'static str {
        "retransmission-burst"
    }

    fn prose(&self) -> &'static str {
        include_str!("retransmission_burst.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let mut lossless = true;
        for side in Side::BOTH {
            let facts = case.tcp.directions.of(side);
            lossless &= facts.loss.retransmitted() == 0 && facts.loss.syn == 0;
            let worst =
                facts.loss.bursts.iter().filter(|burst| burst.count >= MIN_COUNT && burst.bytes > 0).max_by_key(
                    |burst| (burst.outcome == BurstOutcome::Unrecovered, burst.last.time.since(burst.first.time)),
                );
            if let Some(burst) = worst {
                self.judge(case, side, burst, out);
            }
        }
        if lossless && !case.coverage.gaps && case.coverage.missing_side.is_none() {
            out.exclude(
                self.id(),
                "no packet of this connection had to be sent again",
                [case.tcp.first.frame, case.tcp.last.frame],
            );
        }
    }
}

impl RetransmissionBurst {
    fn judge(&self, case: &Case<'_>, side: Side, burst: &Burst, out: &mut Out) {
        let facts = case.tcp.directions.of(side);
        let lasted = burst.last.time.since(burst.first.time);
        let unrecovered = burst.outcome == BurstOutcome::Unrecovered;
        // The connection died of it when nothing got through afterwards and it
        // ended without the other side's word.
        let other_heard_after =
            case.tcp.directions.of(side.other()).last.is_some_and(|last| last.time > burst.first.time);
        let died = unrecovered
            && !other_heard_after
            && match case.tcp.end.kind {
                EndKind::Silence => true,
                EndKind::Fin | EndKind::Reset => {
                    case.tcp.end.by == Some(side) && case.tcp.end.at.time >= burst.last.time
                }
                EndKind::CaptureEnd => false,
            };
        let share = u64::from(facts.loss.retransmitted()) * 100 / facts.packets.max(1);
        if !died && (lasted < MIN_DELAY || share < HEALTHY_PERCENT) {
            return;
        }
        let waits: Vec<String> = burst.intervals.iter().map(ToString::to_string).collect();
        let chain = if burst.same_edge > 0 && !waits.is_empty() {
            format!(" The same data was repeated after {}.", waits.join(", "))
        } else {
            String::new()
        };
        let place = if facts.loss.lost_after_capture_point > 0 && facts.loss.lost_before_capture_point == 0 {
            format!(
                " The lost packets had passed the capture point: they were lost behind it, on the way to the {} (or the acknowledgments on the way back).",
                side.other()
            )
        } else if facts.loss.lost_before_capture_point > 0 && facts.loss.lost_after_capture_point == 0 {
            format!(" The lost packets never came to the capture point: they were lost between the {side} and it.")
        } else {
            String::new()
        };
        let outcome = match burst.outcome {
            BurstOutcome::Recovered(at) => {
                format!("It got through at last ({} after the first repetition).", at.time.since(burst.first.time))
            }
            BurstOutcome::Unrecovered => "It was never acknowledged.".to_owned(),
        };
        let certainty = case.coverage.temper(Certainty::Proven);
        let title = if died {
            format!("The connection died of lost packets from the {side}")
        } else {
            format!("Packets from the {side} were lost and repeated")
        };
        let mut finding = Finding::new(
            self.id(),
            if died { Severity::Failure } else { Severity::Warning },
            certainty,
            title,
            Evidence::new(
                burst.first,
                format!("first repetition of data that the {} did not acknowledge", side.other()),
            ),
        )
        .detail(format!(
            "The {side} repeated {} packets ({} bytes) over {lasted}.{chain} {outcome}{place}",
            burst.count, burst.bytes
        ))
        .cannot_tell("which hop lost them")
        .next(format!(
            "look at the path between the capture point and the {}: VPN, Wi-Fi, WAN line, firewall",
            side.other()
        ))
        .next("capture on both ends to halve the path");
        if burst.count > 1 {
            finding = finding.support([Evidence::new(burst.last, "last repetition")]);
        }
        out.found(finding);
    }
}
