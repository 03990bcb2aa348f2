//! `stalled-negotiation`: somebody owed the next message and did not send it.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side, Span, Visibility};
use crate::flow::EndKind;
use crate::session::{Message, Owed, Waiting};

/// A side that answers within this time is slow at the most. Servers answer in
/// milliseconds (a hundred at the worst, in a network of their own).
const STALL: Span = Span::from_secs(5);

/// A client may take its time: people type passwords, read warnings.
const CLIENT_STALL: Span = Span::from_secs(20);

/// Waiting that long when the capture ends will hardly be rewarded: a thousand
/// times what a server needs.
const HOPELESS: Span = Span::from_secs(10);

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
    match case.session.unanswered {
        Some(unanswered) if gave_up && unanswered.side != waiting.side => Some(unanswered),
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
    let patience = if *side == Side::Client { CLIENT_STALL } else { STALL };
    // A client that leaves while it is its turn has changed its mind.
    let own_choice = *side == Side::Client && case.ended_by(Side::Client);
    if waited < patience || own_choice || !case.coverage.shows_absence(*side) {
        return;
    }
    let blind = case.session.blind.of(*side).is_some_and(|b| b.recovered.is_none());
    if blind {
        return;
    }
    let severity = if open && waited < HOPELESS { Severity::Warning } else { Severity::Failure };
    let inferred = case.session.stages.list().last().is_some_and(|s| s.visibility == Visibility::Inferred)
        || case.session.stages.lower_bound().is_some();
    let best = if inferred || open { Certainty::Likely } else { Certainty::Proven };
    let (fault, next) = blame(case, waiting);
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
            format!("The {side} did not send {owed} for {waited}"),
            Evidence::new(since.at(), format!("{}: the last message; the {side} now owes {owed}", since.value)),
        )
        .detail(format!(
            "In stage {} the {side} owed {owed} and did not send it for {waited}. {fault} {ending}",
            case.session.stage()
        ))
        .support([case.end_evidence()])
        .cannot_tell(format!("what the {side} was waiting for"))
        .next(next),
    );
}

/// Path or host: was the request acknowledged?
fn blame(case: &Case<'_>, waiting: &Waiting) -> (String, String) {
    let side = waiting.side;
    let request = case.tcp.directions.of(side.other());
    let answer = case.tcp.directions.of(side);
    if answer.never_seen > 0 {
        return (
            format!(
                "Its later packets show that it had sent {} bytes which never came to the capture point: they were lost on the way.",
                answer.never_seen
            ),
            format!(
                "look at the path between the {side} and the capture point; if only large packets are lost, at the packet size (MTU)"
            ),
        );
    }
    match request.acknowledged_since(waiting.since.time) {
        Some(acked) => {
            let took = acked.time.since(waiting.since.time).max(Span::ZERO);
            (
                format!(
                    "The {side}'s computer had acknowledged the request {took} after it was sent: the request arrived, and the service did not answer (or its answers were lost before the capture point)."
                ),
                format!("look at the {side}: hanging service, overload, a domain controller that does not answer it"),
            )
        }
        _ if request.acknowledged_bytes < request.sent_bytes => (
            "The request was never acknowledged: it, or every acknowledgment, was lost on the way.".to_owned(),
            format!("look at the path between the capture point and the {side}"),
        ),
        _ => (String::new(), format!("look at the {side}")),
    }
}
