//! `state-expired`: the connection was idle for as long as a known timer, and
//! then a reset came or the path was dead.

use super::finding::{AtFault, Evidence, Finding, Severity};
use super::resets::{Builder, timers};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Side, Span};
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
        let mut finding = Finding::new(
            self.id(),
            severity,
            case.coverage.temper(certainty),
            "The connection ended after a silence as long as a known idle timer",
            Evidence::new(at, format!("{how} after {idle} of silence")),
        )
        .detail(format!("Nothing passed for {idle}; then {how}. Candidates: {}.", timers::list(&timers)))
        .at_fault(if sure { AtFault::Path } else { AtFault::Unclear })
        .cannot_tell("which device it was: several have the same timer, and all of them can be set otherwise")
        .next("ask for the idle timer of each firewall, balancer and NAT between the two addresses")
        .next("switch on keep-alives on the server (policy: Configure keep-alive connection interval) at less than half of it");
        if silent {
            finding = finding.cannot_tell("whether the computer that fell silent had stopped or gone to sleep");
        }
        out.found(finding);
    }
}

/// Where it ended, how long it had been silent, how it ended, and whether a
/// device on the path is known to be behind it: one that built the reset, or
/// that carried packets before the silence and none after.
fn end_after_silence(case: &Case<'_>) -> Option<(At, Span, &'static str, bool)> {
    // Nothing passed: that wants a capture which would have shown it.
    let unseen = Side::BOTH.into_iter().any(|side| case.has_unseen_bytes(side));
    let coverage = &case.coverage;
    let no_clock = coverage.clock_set || case.tcp.clock_ran_back > 0;
    if unseen || coverage.gaps || coverage.missing_side.is_some() || no_clock {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use super::StateExpired;
    use crate::base::Certainty;
    use crate::base::Side::{Client, Server};
    use crate::findings::rule::Rule;
    use crate::findings::scripts::{A, Line, R, filled, finding, packet, script};

    const ID: &str = "state-expired";

    /// A few packets each way, the last at 40.1 ms.
    fn talk() -> Vec<Line> {
        script(
            10.0,
            [
                filled(11.0, Client, 1, 1, 100),
                filled(21.0, Server, 1, 101, 100),
                packet(21.1, Client, A, 101, 101, b""),
                filled(30.0, Client, 101, 101, 100),
                filled(40.0, Server, 101, 201, 100),
                packet(40.1, Client, A, 201, 201, b""),
            ],
        )
    }

    fn reset_after(seconds: f64, ttl: u8) -> Vec<Line> {
        let mut lines = talk();
        let mut rst = packet(40.1 + seconds * 1_000.0, Server, A | R, 201, 201, b"");
        (rst.ttl, rst.id, rst.window) = (ttl, 0, 0);
        lines.push(rst);
        lines
    }

    /// The client speaks after `seconds`, again and again, and nobody answers.
    fn dark_after(seconds: f64) -> Vec<Line> {
        let mut lines = talk();
        let start = 40.1 + seconds * 1_000.0;
        for (n, wait) in [0.0, 300.0, 900.0, 2_100.0, 4_500.0, 9_300.0].into_iter().enumerate() {
            let mut line = filled(start + wait, Client, 201, 201, 50);
            line.id = 50_000 + n as u16;
            lines.push(line);
        }
        lines
    }

    fn certainty(lines: &[Line]) -> Option<Certainty> {
        finding(lines, StateExpired.id()).map(|found| found.certainty)
    }

    #[test]
    fn a_foreign_reset_after_a_timer_is_likely_and_names_candidates() {
        let found = finding(&reset_after(240.0, 62), ID).unwrap();
        assert_eq!(found.certainty, Certainty::Likely);
        assert!(found.detail.contains("Azure"), "{}", found.detail);
    }

    #[test]
    fn a_reset_of_unknown_builder_is_possible() {
        assert_eq!(certainty(&reset_after(350.0, 121)), Some(Certainty::Possible));
    }

    #[test]
    fn a_path_that_carries_nothing_after_the_silence() {
        assert_eq!(certainty(&dark_after(600.0)), Some(Certainty::Likely));
    }

    #[test]
    fn other_silences_and_the_hosts_own_goodbye_say_nothing() {
        assert_eq!(certainty(&reset_after(200.0, 62)), None);
        assert_eq!(certainty(&reset_after(60.0, 62)), None);
        assert_eq!(certainty(&dark_after(200.0)), None);
        // The server's own: its numbering goes on.
        let mut own = reset_after(240.0, 121);
        let before = own.iter().rev().find(|line| line.from == Server && line.flags & R == 0).unwrap().id;
        own.last_mut().unwrap().id = before + 1;
        assert_eq!(certainty(&own), None);
    }

    #[test]
    fn keep_alives_in_between_are_no_silence() {
        let mut lines = talk();
        lines.push(packet(120_000.0, Client, A, 201, 201, b""));
        lines.push(packet(120_010.0, Server, A, 201, 201, b""));
        let mut rst = packet(240_050.0, Server, A | R, 201, 201, b"");
        (rst.ttl, rst.id) = (62, 0);
        lines.push(rst);
        assert_eq!(certainty(&lines), None);
    }

    #[test]
    fn a_silence_that_the_capture_may_have_missed_is_none() {
        let mut holed = reset_after(240.0, 62);
        holed.remove(4);
        assert_eq!(certainty(&holed), None, "bytes are missing");
    }

    #[test]
    fn copies_and_a_late_start_change_nothing() {
        let twice: Vec<Line> = reset_after(240.0, 62).into_iter().flat_map(|line| [line.clone(), line]).collect();
        assert_eq!(certainty(&twice), Some(Certainty::Likely));
        let late = reset_after(240.0, 62).split_off(3);
        assert!(certainty(&late) >= Some(Certainty::Possible));
    }
}
