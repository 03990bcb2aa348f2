//! `stalled-negotiation`: somebody owed the next message and did not send it.

use super::fault::{Fault, is_beside};
use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::words::as_told;
use crate::base::{Certainty, Side, Span, Visibility};
use crate::flow::EndKind;
use crate::session::{IsRdp, Message, Owed, Stage, Waiting};

/// A side that answers within this time is slow at the most. Servers answer in
/// milliseconds (a hundred at the worst, in a network of their own).
const STALL: Span = Span::from_secs(5);

/// A client may take its time: people type passwords, read warnings.
const CLIENT_STALL: Span = Span::from_secs(20);

/// A message that is known to have been lost on its way is no thinking: this
/// much of it and the person notices.
const LOST: Span = Span::from_secs(1);

/// Waiting that long when the capture ends will hardly be rewarded: a thousand
/// times what a server needs.
const HOPELESS: Span = Span::from_secs(10);

/// When the server's clock for the connection sequence runs out.
const SERVER_CLOCK: core::ops::RangeInclusive<Span> = Span::from_secs(59)..=Span::from_secs(62);

/// The rule.
pub struct StalledNegotiation;

impl Rule for StalledNegotiation {
    fn id(&self) -> &'static str {
        "stalled-negotiation"
    }

    fn prose(&self) -> &'static str {
        include_str!("stalled_negotiation.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        if let Some(waiting) = owed_at_last(case)
            && !is_silence_of_the_service(case, &waiting)
        {
            check_waiting(self.id(), case, &waiting, out);
        } else if let Some(desktop) = case.session.stages.of(Stage::Active) {
            let says = as_told!("the connection sequence was completed", desktop.visibility);
            out.exclude(self.id(), says, [desktop.first.frame]);
        }
    }
}

/// What was owed when the connection ended, or when its other side gave up and
/// said goodbye to TLS.
pub(super) fn owed_at_last(case: &Case<'_>) -> Option<Waiting> {
    let waiting = case.session.waiting?;
    let gave_up = waiting.owed == Owed::Close
        && matches!(waiting.since.value, Message::EncryptedAlert | Message::Alert | Message::DisconnectUltimatum);
    // What comes after the end answers nobody any more.
    let too_late = waiting.owed == Owed::Close && waiting.since.at().follows(&case.tcp.end.at);
    match case.session.unanswered {
        Some(unanswered) if too_late || (gave_up && unanswered.side != waiting.side) => Some(unanswered),
        _ => Some(waiting),
    }
}

/// Whether nothing at all came where the Connection Confirm was owed, which is
/// what `service-silent` tells.
pub(super) fn is_silence_of_the_service(case: &Case<'_>, waiting: &Waiting) -> bool {
    waiting.owed == Owed::ConnectionConfirm && !matches!(Fault::of(case, waiting), Fault::Unread(_))
}

/// Reports `waiting` under `id` if it is a stall. Shared with `service-silent`,
/// which is the same for the first message of all.
pub(super) fn check_waiting(id: &'static str, case: &Case<'_>, waiting: &Waiting, out: &mut Out) {
    let Waiting { side, owed, since } = waiting;
    if matches!(owed, Owed::Close | Owed::ConnectionRequest) {
        return;
    }
    // Who speaks another language is not silent: `not-rdp` tells.
    if matches!(case.session.is_rdp, IsRdp::Other(foreign) if foreign.value.0 == *side) {
        return;
    }
    // Beside a host nothing that it sends is lost before the capture: it was sent,
    // and the capture lacks it.
    if case.tcp.directions.of(*side).never_seen > 0 && is_beside(case, *side) {
        return;
    }
    let open = case.tcp.end.kind == EndKind::CaptureEnd;
    let until = match case.tcp.end.kind {
        EndKind::CaptureEnd | EndKind::Silence => case.tcp.observed_until,
        EndKind::Fin | EndKind::Reset => case.tcp.end.at.time,
    };
    let waited = case.tcp.passed(since.at(), until);
    let fault = Fault::of(case, waiting);
    let patience = match (fault, *side) {
        (Fault::AnswerLost(_), _) => LOST,
        (Fault::RequestLost(_) | Fault::NoRoom, _) | (_, Side::Server) => STALL,
        (_, Side::Client) => CLIENT_STALL,
    };
    // A client that leaves while it is its turn has changed its mind, unless
    // it never got what it was to answer, or its answer got lost.
    let on_the_path = matches!(fault, Fault::AnswerLost(_) | Fault::RequestLost(_));
    let own_choice = *side == Side::Client && case.ended_by(Side::Client) && !on_the_path && fault != Fault::NoRoom;
    let absent = case.coverage.shows_absence(*side) || matches!(fault, Fault::AnswerLost(_));
    if waited < patience || own_choice || !absent {
        return;
    }
    let blind = case.session.blind.of(*side).is_some_and(|b| b.recovered.is_none());
    if blind && !on_the_path {
        return;
    }
    let unread = matches!(fault, Fault::Unread(_));
    let unclear = unread || matches!(fault, Fault::Delivered(_) | Fault::Unknown);
    let severity = if open && waited < HOPELESS { Severity::Warning } else { Severity::Failure };
    let inferred = case.session.stages.list().last().is_some_and(|s| s.visibility == Visibility::Inferred)
        || case.session.stages.lower_bound().is_some();
    let best = if unread {
        Certainty::Possible
    } else if inferred || open || on_the_path || unclear {
        Certainty::Likely
    } else {
        Certainty::Proven
    };
    let ending = match case.tcp.end.kind {
        EndKind::CaptureEnd => match case.went_on_for() {
            Span::ZERO => "The capture ends there.".to_owned(),
            went_on => format!("Nothing more came on this connection; the capture went on for {went_on}."),
        },
        EndKind::Silence => "Nobody was heard again.".to_owned(),
        EndKind::Fin | EndKind::Reset => match case.tcp.end.by {
            Some(by) if case.ended_by(by) => format!("Then the {by} ended the connection{}.", server_clock(case, by)),
            _ => "Then the connection was reset.".to_owned(),
        },
    };
    let finding = Finding::new(
        id,
        severity,
        case.coverage.temper(best),
        fault.title(waiting, waited),
        Evidence::new(since.at(), format!("{}: the last message; the {side} now owes {owed}", since.value)),
    )
    .detail(format!(
        "The {side} owed {owed} {} and {} for {waited}. {} {ending}",
        case.session.stage().words().during,
        if on_the_path || unclear { "it did not come" } else { "did not send it" },
        fault.blame(case, waiting),
    ))
    .at_fault(fault.lies_with(*side))
    .support(fault.evidence(case, *side))
    .support([case.end_evidence()])
    .cannot_tell(fault.cannot_tell(*side));
    out.found(fault.next(waiting).into_iter().fold(finding, Finding::next));
}

/// A Windows server closes what is not done within a minute ([MS-RDPBCGR]
/// 3.3.6.1).
fn server_clock(case: &Case<'_>, by: Side) -> &'static str {
    let lasted = case.tcp.end.at.time.since(case.tcp.first.time);
    let is_full = by == Side::Server && !case.coverage.late_start && SERVER_CLOCK.contains(&lasted);
    if is_full {
        ", a minute after it began: as long as a Windows server grants for the connection sequence"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::AtFault;
    use crate::findings::scripts::*;

    fn silent(rest: Vec<Line>) -> Option<Finding> {
        let mut lines = vec![packet(20.0, Client, A, 1, 1, REQUEST)];
        lines.extend(rest);
        finding(&script(10.0, lines), "service-silent")
    }

    #[test]
    fn acknowledged_and_not_answered_is_the_host() {
        let alive = packet(21_010.0, Server, A, 1, 21, b"");
        let found =
            silent(vec![packet(32.0, Server, A, 1, 20, b""), packet(21_000.0, Client, A | F, 20, 1, b""), alive])
                .unwrap();
        assert_eq!(found.severity, Severity::Failure);
        assert!(found.detail.contains("the network is not at fault"), "{}", found.detail);
        assert!(found.detail.contains("12.0 ms"), "{}", found.detail);
    }

    #[test]
    fn an_answer_that_may_have_been_lost_clears_no_network() {
        let found =
            silent(vec![packet(32.0, Server, A, 1, 20, b""), packet(21_000.0, Client, A | F, 20, 1, b"")]).unwrap();
        assert!(found.detail.contains("does not show"), "{}", found.detail);
        assert!(!found.detail.contains("not at fault") && found.certainty < Certainty::Proven, "{}", found.detail);
    }

    #[test]
    fn never_acknowledged_is_the_path() {
        let again = |ms| packet(ms, Client, A, 1, 1, REQUEST);
        let lines = vec![again(320.0), again(920.0), again(2_120.0), packet(9_000.0, Client, A | R, 20, 1, b"")];
        let found = silent(lines).unwrap();
        assert!(
            found.detail.contains("Either it, or every acknowledgment, was lost") && found.detail.contains("3 times"),
            "{}",
            found.detail
        );
    }

    #[test]
    fn an_answer_that_was_lost_is_the_path_too() {
        // The server's next packet has the number behind the Confirm.
        let lines = vec![
            packet(32.0, Server, A, 1, 20, b""),
            packet(2_000.0, Client, A | F, 20, 1, b""),
            packet(2_010.0, Server, A, 20, 21, b""),
        ];
        let found = silent(lines).unwrap();
        assert!(found.detail.contains("19 bytes which never came"), "{}", found.detail);
    }

    #[test]
    fn a_server_that_closes_after_a_minute_kept_to_its_clock() {
        let after = |ms| {
            let mut lines = vec![
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, CONFIRM),
                packet(30.1, Client, A, 20, 20, b""),
            ];
            lines.push(packet(ms - 5_000.0, Client, A, 20, 20, b""));
            lines.push(packet(ms, Server, A | F, 20, 20, b""));
            finding(&script(10.0, lines), "stalled-negotiation").unwrap()
        };
        let minute = after(60_010.0);
        assert!(minute.detail.contains("a minute after it began"), "{}", minute.detail);
        assert_eq!(minute.at_fault, Some(AtFault::Host(Client)));
        assert!(minute.next[0].contains("ask the person"), "{:?}", minute.next);
        assert!(!after(40_000.0).detail.contains("a minute"), "that was another limit");
    }

    #[test]
    fn the_last_packet_of_a_connection_need_not_end_the_capture() {
        let mut lines = script(10.0, [packet(20.0, Client, A, 1, 1, REQUEST), packet(32.0, Server, A, 1, 20, b"")]);
        let told = |lines: &[Line], until| {
            let mut found = diagnosis_until(lines, until).findings;
            found.retain(|found| found.id == "service-silent");
            let found = found.pop().unwrap();
            let last = found.supporting.last().map(|evidence| evidence.says.to_string());
            (found.detail.to_string(), last.unwrap())
        };
        let (detail, last) = told(&lines, 20_032.0);
        assert!(detail.ends_with("the capture went on for 20.0 s."), "{detail}");
        assert_eq!(last, "the last packet of this connection in the capture, which went on for 20.0 s");
        lines.push(packet(20_032.0, Client, A, 20, 1, b""));
        let (detail, last) = told(&lines, 20_032.0);
        assert!(detail.ends_with("The capture ends there."), "{detail}");
        assert_eq!(last, "the last packet of this connection in the capture");
    }

    #[test]
    fn patience_is_no_stall() {
        assert!(
            silent(vec![packet(32.0, Server, A, 1, 20, b""), packet(4_000.0, Client, A | F, 20, 1, b"")]).is_none()
        );
    }

    #[test]
    fn a_prompt_between_confirm_and_hello_is_no_fault() {
        let lines = script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, CONFIRM),
                packet(30.1, Client, A, 20, 20, b""),
                packet(18_000.0, Client, A | F, 20, 20, b""),
            ],
        );
        assert!(finding(&lines, "stalled-negotiation").is_none());
    }

    #[test]
    fn one_sided_captures_show_no_silence() {
        let lines: Vec<Line> =
            script(10.0, [packet(20.0, Client, A, 1, 1, REQUEST), packet(21_000.0, Client, A | F, 20, 1, b"")])
                .into_iter()
                .filter(|line| line.from == Client)
                .collect();
        assert!(finding(&lines, "service-silent").is_none());
    }
}
