//! `state-expired`: the connection was idle for as long as a known timer, and
//! then a reset came or the path was dead.

use super::finding::{Evidence, Finding, Severity};
use super::resets::{Builder, timers};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Span};
use crate::flow::EndKind;

/// The rule.
pub struct StateExpired;

impl Rule for StateExpired {
    fn id(&self) -> &'static str {
        "state-expired"
    }

    fn prose(&self) -> &'static str {
        include_str!("state_expired.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some((at, idle, how, sure)) = end_after_silence(case) else { return };
        let timers = timers::matching(idle);
        if timers.is_empty() {
            return;
        }
        let silent = case.tcp.end.kind == EndKind::Silence;
        let severity = if silent { Severity::Failure } else { Severity::Warning };
        // A round number alone is a coincidence waiting to happen.
        let certainty = if sure { Certainty::Likely } else { Certainty::Possible };
        out.found(
            Finding::new(
                self.id(),
                severity,
                case.coverage.temper(certainty),
                "The connection ended after a silence as long as a known idle timer",
                Evidence::new(at, format!("{how} after {idle} of silence")),
            )
            .detail(format!("Nothing passed for {idle}; then {how}. Candidates: {}.", timers::list(&timers)))
            .cannot_tell("which device it was: several have the same timer, and all of them can be set otherwise")
            .next("ask for the idle timer of each firewall, balancer and NAT between the two addresses")
            .next("switch on keep-alives on the server (policy: Configure keep-alive connection interval) at less than half of it"),
        );
    }
}

/// Where it ended, how long it had been silent, how it ended, and whether a
/// device on the path is known to be behind it: one that built the reset, or
/// that carried packets before the silence and none after.
fn end_after_silence(case: &Case<'_>) -> Option<(At, Span, &'static str, bool)> {
    match case.tcp.end.kind {
        EndKind::Reset => {
            let (reset, judgement) = case.ending_reset()?;
            // A host that says goodbye after an idle hour is a person.
            let host = judgement.built_by == Builder::Host && judgement.certainty > Certainty::Possible;
            let foreign = super::injected_reset::is_foreign(judgement);
            (!host).then_some((reset.at, reset.silence_before, "a reset came", foreign))
        }
        EndKind::Silence => {
            let side = case.tcp.end.by?;
            let unanswered = case.tcp.directions.of(side.other()).loss.bursts.last()?.first;
            let heard = case.tcp.directions.of(side).last?;
            // Both sides were silent for so long, and then one of them was alone.
            let idle = unanswered.time.since(heard.time).min(case.tcp.longest_silence);
            Some((unanswered, idle, "the path no longer carried packets", true))
        }
        EndKind::Fin | EndKind::CaptureEnd => None,
    }
}
