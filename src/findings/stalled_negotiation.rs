//! `stalled-negotiation`: somebody owed the next message and did not send it.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Side, Span, Visibility};
use crate::flow::{Burst, BurstOutcome, DirectionFacts, EndKind};
use crate::session::{Message, Owed, Waiting};

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

/// A capture is taken beside the host to which the round trip is so many times
/// shorter than to the other.
const BESIDE: i64 = 20;

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
            && waiting.owed != Owed::ConnectionConfirm
        {
            check_waiting(self.id(), case, &waiting, out);
        } else if case.is_active() {
            out.exclude(self.id(), "the connection sequence was completed", [case.tcp.last.frame]);
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
    let too_late = waiting.owed == Owed::Close && waiting.since.time > case.tcp.end.at.time;
    match case.session.unanswered {
        Some(unanswered) if too_late || (gave_up && unanswered.side != waiting.side) => Some(unanswered),
        _ => Some(waiting),
    }
}

/// Reports `waiting` under `id` if it is a stall. Shared with `service-silent`,
/// which is the same for the first message of all.
pub(super) fn check_waiting(id: &'static str, case: &Case<'_>, waiting: &Waiting, out: &mut Out) {
    let Waiting { side, owed, since } = waiting;
    if matches!(owed, Owed::Close | Owed::ConnectionRequest) {
        return;
    }
    let open = case.tcp.end.kind == EndKind::CaptureEnd;
    let until = match case.tcp.end.kind {
        EndKind::CaptureEnd | EndKind::Silence => case.tcp.observed_until,
        EndKind::Fin | EndKind::Reset => case.tcp.end.at.time,
    };
    let waited = until.since(since.time);
    let fault = Fault::of(case, waiting);
    let patience = match (fault, *side) {
        (Fault::AnswerLost(_), _) => LOST,
        (Fault::RequestLost { repeated: true } | Fault::NoRoom, _) | (_, Side::Server) => STALL,
        (_, Side::Client) => CLIENT_STALL,
    };
    // A client that leaves while it is its turn has changed its mind, unless
    // it never got what it was to answer, or its answer got lost.
    let on_the_path = matches!(fault, Fault::AnswerLost(_) | Fault::RequestLost { repeated: true });
    let own_choice = *side == Side::Client && case.ended_by(Side::Client) && !on_the_path && fault != Fault::NoRoom;
    let absent = case.coverage.shows_absence(*side) || matches!(fault, Fault::AnswerLost(_));
    if waited < patience || own_choice || !absent {
        return;
    }
    let blind = case.session.blind.of(*side).is_some_and(|b| b.recovered.is_none());
    if blind && !on_the_path {
        return;
    }
    let unclear = matches!(fault, Fault::Delivered(_));
    let severity = if open && waited < HOPELESS { Severity::Warning } else { Severity::Failure };
    let inferred = case.session.stages.list().last().is_some_and(|s| s.visibility == Visibility::Inferred)
        || case.session.stages.lower_bound().is_some();
    let best = if inferred || open || on_the_path || unclear { Certainty::Likely } else { Certainty::Proven };
    let (blame, next) = fault.explain(case, waiting);
    let ending = match case.tcp.end.kind {
        EndKind::CaptureEnd => "The capture ends there.".to_owned(),
        EndKind::Silence => "Nobody was heard again.".to_owned(),
        EndKind::Fin | EndKind::Reset => match case.tcp.end.by {
            Some(by) if case.ended_by(by) => format!("Then the {by} ended the connection."),
            _ => "Then the connection was reset.".to_owned(),
        },
    };
    out.found(
        Finding::new(
            id,
            severity,
            case.coverage.temper(best),
            match fault {
                Fault::AnswerLost(_) => format!("What the {side} sent as {owed} got lost on the way"),
                Fault::RequestLost { repeated: true } if *side == Side::Client => {
                    format!("{} of the server never reached the client", since.value)
                }
                Fault::Delivered(_) => format!("The {side} was not heard to send {owed} for {waited}"),
                Fault::NoRoom => format!("The {} took no data, so the {side} could not send {owed}", side.other()),
                _ => format!("The {side} did not send {owed} for {waited}"),
            },
            Evidence::new(since.at(), format!("{}: the last message; the {side} now owes {owed}", since.value)),
        )
        .detail(format!(
            "In stage {} the {side} owed {owed} and {} for {waited}. {blame} {ending}",
            case.session.stage(),
            if on_the_path || unclear { "it did not come" } else { "did not send it" }
        ))
        .support([case.end_evidence()])
        .cannot_tell(format!("what the {side} was waiting for"))
        .next(next),
    );
}

/// Path or host: what became of the request, and of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Later packets of the owing side show that it had sent so many bytes,
    /// which never came to the capture point.
    AnswerLost(u64),
    /// The request was acknowledged at once: the host has it, and what it sent
    /// later shows that it had not answered.
    Host(At),
    /// The request was acknowledged; whether it was answered cannot be told
    /// where answers may be lost before the capture point.
    Delivered(At),
    /// The request was never acknowledged; `repeated`: not even after its
    /// sender had repeated it.
    RequestLost { repeated: bool },
    /// The owing side had closed its window: its program does not read.
    WindowClosed,
    /// The other side had closed its window: the owing side may not send.
    NoRoom,
    /// The capture does not show.
    Unknown,
}

impl Fault {
    fn of(case: &Case<'_>, waiting: &Waiting) -> Self {
        let side = waiting.side;
        let request = case.tcp.directions.of(side.other());
        let answer = case.tcp.directions.of(side);
        if answer.never_seen > 0 && !case.coverage.late_start {
            return Self::AnswerLost(answer.never_seen);
        }
        let closed = |facts: &DirectionFacts| facts.window_closed_since.is_some() && facts.longest_zero_window > LOST;
        if closed(request) {
            return Self::NoRoom;
        }
        if closed(answer) {
            return Self::WindowClosed;
        }
        match request.acknowledged_since(waiting.since.time) {
            Some(acked) if answer_would_show(case, side, acked) => Self::Host(acked),
            Some(acked) => Self::Delivered(acked),
            None if request.acknowledged_bytes < request.sent_bytes => {
                let unrecovered = |burst: &Burst| burst.outcome == BurstOutcome::Unrecovered && burst.needed() >= 2;
                Self::RequestLost { repeated: request.loss.bursts.last().is_some_and(unrecovered) }
            }
            None => Self::Unknown,
        }
    }

    fn explain(self, case: &Case<'_>, waiting: &Waiting) -> (String, String) {
        let side = waiting.side;
        let path = format!("look at the path between the capture point and the {side}");
        match self {
            Self::AnswerLost(bytes) => (
                format!(
                    "The path is at fault: the {side}'s later packets show that it had sent {bytes} bytes which never came to the capture point."
                ),
                format!(
                    "look at the path between the {side} and the capture point; if only large packets are lost, at the packet size (MTU)"
                ),
            ),
            Self::Host(acked) => {
                let took = acked.time.since(waiting.since.time).max(Span::ZERO);
                let skipped = case.tcp.directions.of(side).skips.iter().any(|skip| skip.at.time > waiting.since.time);
                let hint = if skipped {
                    " (The numbering of its packets shows that some of them never came to the capture point; the answer may have been among them.)"
                } else {
                    ""
                };
                (
                    format!(
                        "The {side}'s computer had acknowledged the request {took} after it was sent: the request arrived, the network is not at fault, and the service did not answer.{hint}"
                    ),
                    format!(
                        "look at the {side}: hanging service, overload, a domain controller that does not answer it"
                    ),
                )
            }
            Self::Delivered(acked) => (
                format!(
                    "The {side}'s computer had acknowledged the request {} after it was sent: the request arrived. Whether the service there did not answer, or its answers were lost before they came to the capture point, this capture does not show: the {side} was not heard again.",
                    acked.time.since(waiting.since.time).max(Span::ZERO)
                ),
                format!("capture at the {side} as well: an answer that leaves it was lost on the way"),
            ),
            Self::RequestLost { .. } => {
                let tries = case.tcp.directions.of(side.other()).loss.bursts.last().map_or(0, Burst::needed);
                (
                    format!(
                        "The path is at fault: what the {} had sent was never acknowledged, although it was repeated {tries} times. It, or every acknowledgment, was lost between the capture point and the {side}.",
                        side.other()
                    ),
                    path,
                )
            }
            Self::WindowClosed => (
                format!(
                    "The {side} had closed its receive window: its network stack is alive, and the program does not read."
                ),
                format!("look at the {side}: a hanging or overloaded service"),
            ),
            Self::NoRoom => (
                format!(
                    "The {0} is at fault: it had closed its receive window, so the {side} was not allowed to send. The network stack of the {0} is alive, and the program there does not read.",
                    side.other()
                ),
                format!("look at the {}: a hanging or overloaded service", side.other()),
            ),
            Self::Unknown => (String::new(), format!("look at the {side}")),
        }
    }
}

/// Whether the capture would show an answer that `side` sent after `acked`: it
/// was taken at that side, or the numbers of what came later count every byte
/// sent (and none is missing, or `AnswerLost` would have been found).
fn answer_would_show(case: &Case<'_>, side: Side, acked: At) -> bool {
    let heard_later = case.tcp.directions.of(side).last.is_some_and(|last| last.time.since(acked.time) >= LOST);
    let beside = match (case.tcp.rtt.of(side).min(), case.tcp.rtt.of(side.other()).min()) {
        (Some(near), Some(far)) => near.times(BESIDE) < far,
        _ => false,
    };
    heard_later || beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
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
        assert!(found.detail.contains("The path is at fault") && found.detail.contains("3 times"), "{}", found.detail);
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
