//! `injected-reset`: a device other than the claimed sender built the RST.

use super::finding::{Evidence, Finding, Severity};
use super::resets::{Builder, Effect, Judgement, PointsAt, UNSETTLED};
use super::rule::{Case, Out, Rule};
use super::words;
use crate::base::Certainty;
use crate::flow::ResetFacts;

/// The rule.
pub struct InjectedReset;

impl Rule for InjectedReset {
    fn id(&self) -> &'static str {
        "injected-reset"
    }

    fn prose(&self) -> &'static str {
        include_str!("injected_reset.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        // Of a volley, the one that hit.
        let foreign = case
            .tcp
            .resets
            .iter()
            .zip(case.resets)
            .filter(|(_, j)| is_foreign(j))
            .min_by_key(|(_, j)| j.effect != Effect::EndedConnection);
        let Some((reset, judgement)) = foreign else {
            if case.tcp.resets.is_empty() && case.is_complete() {
                out.exclude(self.id(), "there is no reset in this connection", [case.tcp.end.at.frame]);
            } else if let Some((reset, j)) = case.ending_reset()
                && j.built_by == Builder::Host
                && j.certainty >= Certainty::Likely
                && !case.coverage.gaps
                // Another one may stand among the packets of the other side.
                && case.coverage.missing_side.is_none()
            {
                let because = out.prose.text(|| format!("the reset was built by the {} itself", reset.claimed_by));
                out.exclude(self.id(), because, [reset.at.frame]);
            }
            return;
        };
        out.found(finding(self.id(), case, reset, judgement));
    }
}

/// Whether a judgement is sure enough to name another device.
pub(super) fn is_foreign(judgement: &Judgement) -> bool {
    judgement.built_by == Builder::OtherDevice && judgement.certainty >= Certainty::Likely
}

/// How much speaks for another device.
fn traces(judgement: &Judgement) -> String {
    let traces = judgement.evidence.iter().filter(|p| p.points_at == PointsAt::OtherDevice).count();
    words::counted(traces as u64, "piece of evidence points", "pieces of evidence point")
}

fn finding(id: &'static str, case: &Case<'_>, reset: &ResetFacts, judgement: &Judgement) -> Finding {
    let (severity, effect) = match judgement.effect {
        Effect::EndedConnection => (Severity::Failure, "It ended the connection."),
        Effect::AfterTheEnd => (Severity::Warning, "The connection was already ending; the reset changed nothing."),
        Effect::Challenged => {
            (Severity::Warning, "Its receiver asked back (challenge ACK) and the connection went on.")
        }
        Effect::Ignored => (Severity::Warning, "Its receiver ignored it and the connection went on."),
    };
    let distance = judgement.distance().map_or_else(String::new, |distance| {
        format!(
            " By its TTL the builder is {} from the capture point; the {} is {} away.",
            words::hops(distance.builder),
            reset.claimed_by,
            words::hops(distance.host)
        )
    });
    let mut finding = Finding::new(
        id,
        severity,
        case.coverage.temper(judgement.certainty),
        format!("A device on the path reset the connection in the {}'s name", reset.claimed_by),
        Evidence::new(reset.at, format!("RST with the {}'s address, built by another device", reset.claimed_by)),
    )
    .detail(format!("{effect}{distance} {} away from the {}.", traces(judgement), reset.claimed_by))
    .support(judgement.evidence.iter().filter(|p| p.points_at == PointsAt::OtherDevice).filter_map(|piece| {
        let at = piece.rests_on.iter().find(|at| at.frame != reset.at.frame)?;
        Some(Evidence::new(*at, piece.says.clone()))
    }))
    .cannot_tell("which product built it, and which of its rules or timers")
    .next("ask the owners of the firewalls on this path for their log of exactly this connection");
    // What is proven needs no other capture to settle it.
    let proven = judgement.certainty == Certainty::Proven;
    let (unsettled, blind): (Vec<&str>, Vec<&str>) =
        judgement.cannot_tell.iter().partition(|blind| UNSETTLED.contains(blind));
    for blind in blind {
        finding = finding.cannot_tell(blind);
    }
    if proven {
        return finding;
    }
    for unsettled in &unsettled {
        finding = finding.cannot_tell(*unsettled);
    }
    if !unsettled.is_empty() {
        finding.next(
            "capture on both ends once more, from before the connection until some seconds after its end: the other capture could have settled it",
        )
    } else if judgement.evidence.iter().all(|piece| piece.id != "other-end") {
        finding.next("capture on both ends at once: a reset that one end receives and the other never sent settles it")
    } else {
        finding
    }
}
