//! Path or host: what became of the message that was to be answered, and of
//! the answer.

use super::finding::{AtFault, Evidence};
use super::rule::Case;
use crate::base::{At, Side, Span};
use crate::flow::{Burst, BurstOutcome, DirectionFacts};
use crate::session::{Owed, Waiting};

/// Packets that come so long after an acknowledgment would have carried the
/// answer, had there been one; and no window closes for so long by itself.
const LATER: Span = Span::from_secs(1);

/// A packet that was repeated so often was lost, not late.
const REPEATED: u32 = 2;

/// A capture is taken beside the host to which the round trip is so many times
/// shorter than to the other.
const BESIDE: i64 = 20;

/// Why what is owed did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Later packets of the owing side show that it had sent so many bytes,
    /// which never came to the capture point.
    AnswerLost(u64),
    /// The message was acknowledged: the host has it, and what it sent later
    /// shows that it had not answered.
    Host(At),
    /// The message was acknowledged; whether it was answered cannot be told
    /// where answers may be lost before the capture point.
    Delivered(At),
    /// The message was never acknowledged, although it was sent again so often.
    RequestLost(u32),
    /// The owing side had closed its window: its program does not read.
    WindowClosed,
    /// The other side had closed its window: the owing side may not send.
    NoRoom,
    /// The owing side is not silent: it sent this, last, since the message came, and
    /// what is owed was not recognised in it.
    Unread(At),
    /// The capture does not show.
    Unknown,
}

impl Fault {
    pub(super) fn of(case: &Case<'_>, waiting: &Waiting) -> Self {
        let side = waiting.side;
        let request = case.tcp.directions.of(side.other());
        let answer = case.tcp.directions.of(side);
        if answer.never_seen > 0 && !case.coverage.late_start {
            return Self::AnswerLost(answer.never_seen);
        }
        let closed = |facts: &DirectionFacts| facts.window_closed_since.is_some() && facts.longest_zero_window > LATER;
        if closed(request) {
            return Self::NoRoom;
        }
        if closed(answer) {
            return Self::WindowClosed;
        }
        let in_vain = |burst: &&Burst| burst.outcome == BurstOutcome::Unrecovered && burst.needed() >= REPEATED;
        let lost =
            request.loss.bursts.last().filter(in_vain).filter(|_| request.acknowledged_bytes < request.sent_bytes);
        if let (None, Some(sent)) = (lost, unread(case, waiting)) {
            return Self::Unread(sent);
        }
        if let Some(acked) = request.flights.acknowledged_since(waiting.since.time) {
            return if answer_would_show(case, side, acked) { Self::Host(acked) } else { Self::Delivered(acked) };
        }
        lost.map_or(Self::Unknown, |burst| Self::RequestLost(burst.needed()))
    }

    pub(super) const fn lies_with(self, side: Side) -> AtFault {
        match self {
            Self::AnswerLost(_) | Self::RequestLost(_) => AtFault::Path,
            Self::Host(_) | Self::WindowClosed => AtFault::Host(side),
            Self::NoRoom => AtFault::Host(side.other()),
            Self::Delivered(_) | Self::Unread(_) | Self::Unknown => AtFault::Unclear,
        }
    }

    pub(super) fn title(self, waiting: &Waiting, waited: Span) -> String {
        let Waiting { side, owed, since } = waiting;
        match self {
            Self::AnswerLost(_) => format!("The {side}'s answer was lost on the way ({owed})"),
            Self::RequestLost(_) => format!("The {}'s {} was never acknowledged", side.other(), since.value),
            Self::Delivered(_) | Self::Unknown => format!("The {side} was not heard to send {owed} for {waited}"),
            Self::Unread(_) => format!("The {side} sent something, but {owed} was not seen whole for {waited}"),
            Self::NoRoom => format!("The {} took no data, so the {side} could not send {owed}", side.other()),
            Self::Host(_) | Self::WindowClosed => format!("The {side} did not send {owed} for {waited}"),
        }
    }

    /// In sentences, with the proof.
    pub(super) fn blame(self, case: &Case<'_>, waiting: &Waiting) -> String {
        let (side, other) = (waiting.side, waiting.side.other());
        let message = waiting.since.value;
        let took = |acked: At| acked.time.since(waiting.since.time).max(Span::ZERO);
        match self {
            Self::AnswerLost(bytes) => format!(
                "The path is at fault: the {side}'s later packets show that it had sent {bytes} bytes which never came to the capture point."
            ),
            Self::Host(acked) => {
                let facts = case.tcp.directions.of(side);
                let skipped = facts.more_skips > 0 || facts.skips.iter().any(|skip| skip.at.time > waiting.since.time);
                let hint = if skipped {
                    " (The numbering of its packets shows that some of them never came to the capture point; the answer may have been among them.)"
                } else {
                    ""
                };
                let who = match side {
                    Side::Server => "the service there did not answer",
                    Side::Client => "the program there, or the person at it, did not go on",
                };
                format!(
                    "The {side}'s computer had acknowledged the last message ({message}) {} after it was sent: it arrived, the network is not at fault, and {who}.{hint}",
                    took(acked)
                )
            }
            Self::Delivered(acked) => {
                let why = if heard_later(case.tcp.directions.of(side), acked) {
                    format!(
                        "the SYN of the {other} is missing from it, and with it what the numbers of later packets can prove"
                    )
                } else {
                    format!("the {side} was not heard again")
                };
                format!(
                    "The {side}'s computer had acknowledged the last message ({message}) {} after it was sent: it arrived. Whether the {} there did not answer, or its answers were lost before they came to the capture point, this capture does not show: {why}.",
                    took(acked),
                    program(side),
                )
            }
            Self::RequestLost(times) => format!(
                "It is not the {} alone: what the {other} had sent was never acknowledged, although it was sent again {times} times. Either it, or every acknowledgment, was lost between the capture point and the {side}, or the {side}'s whole computer had stopped.",
                program(side)
            ),
            Self::WindowClosed => format!(
                "The {side} had closed its receive window: its network stack is alive, and the program does not read."
            ),
            Self::NoRoom => format!(
                "The {other} is at fault: it had closed its receive window, so the {side} was not allowed to send. The network stack of the {other} is alive, and the program there does not read."
            ),
            Self::Unread(_) => format!(
                "The {side} is not silent: it has sent something since. Either that is something else than {}, or it is the beginning of it and the rest did not come; which of the two, this capture does not show.",
                waiting.owed
            ),
            Self::Unknown => format!(
                "Whether the last message ({message}) arrived, this capture does not show: it was not acknowledged, nor sent again often enough to call it lost."
            ),
        }
    }

    /// The packet that shows what became of it.
    pub(super) fn evidence(self, case: &Case<'_>, side: Side) -> Option<Evidence> {
        let (asked, answers) = (case.tcp.directions.of(side.other()), case.tcp.directions.of(side));
        Some(match self {
            Self::AnswerLost(bytes) => {
                let says = format!("the number of this packet of the {side} shows that {bytes} bytes are missing");
                Evidence::new(answers.hole_since?, says)
            }
            Self::Host(acked) | Self::Delivered(acked) => {
                Evidence::new(acked, format!("the {side}'s computer acknowledges the last message"))
            }
            Self::Unread(sent) => {
                Evidence::new(sent, format!("the {side} sends something in which what it owes was not recognised"))
            }
            Self::RequestLost(_) => {
                Evidence::new(asked.loss.bursts.last()?.last, "the last time it was sent again, in vain")
            }
            Self::NoRoom => Evidence::new(
                asked.first_zero_window?,
                format!("the {} closes its window for the first time", side.other()),
            ),
            Self::WindowClosed => {
                Evidence::new(answers.first_zero_window?, format!("the {side} closes its window for the first time"))
            }
            Self::Unknown => return None,
        })
    }

    pub(super) fn cannot_tell(self, side: Side) -> String {
        match self {
            Self::AnswerLost(_) | Self::RequestLost(_) => "which hop lost it".to_owned(),
            Self::Delivered(_) | Self::Unknown => format!("whether the {side} answered"),
            Self::Unread(_) => format!("what the {side} sent instead, and whether it would have gone on"),
            Self::NoRoom => format!("what kept the program on the {} from reading", side.other()),
            Self::Host(_) | Self::WindowClosed => format!("what the {side} was waiting for"),
        }
    }

    pub(super) fn next(self, waiting: &Waiting) -> Vec<String> {
        let side = waiting.side;
        match self {
            Self::AnswerLost(_) => vec![format!(
                "look at the path between the {side} and the capture point; if only large packets are lost, at the packet size (MTU)"
            )],
            Self::Delivered(_) => {
                vec![format!("capture at the {side} as well: if an answer leaves it there, it was lost on the way")]
            }
            Self::RequestLost(_) => vec![
                format!("look at the path between the capture point and the {side}"),
                format!("check that the {side}'s computer itself was up at that time"),
            ],
            Self::NoRoom => {
                vec![format!("look at the {}: a hanging or overloaded {}", side.other(), program(side.other()))]
            }
            Self::Unread(_) => {
                vec![format!(
                    "look at what the {side} sent: is it Remote Desktop that speaks there, and is all of it there?"
                )]
            }
            Self::Host(_) | Self::WindowClosed => vec![host(side, waiting.owed).to_owned()],
            Self::Unknown => vec![format!("capture again, for longer, and at the {side} as well")],
        }
    }
}

const fn program(side: Side) -> &'static str {
    match side {
        Side::Server => "service",
        Side::Client => "program",
    }
}

/// Where to look on the computer that did not go on.
const fn host(side: Side, owed: Owed) -> &'static str {
    match (side, owed) {
        (Side::Client, Owed::ClientHello) => {
            "ask the person: mstsc asks for credentials at this point, and the server closes the connection 60 s after it began"
        }
        (Side::Client, _) => {
            "look at the client: a question left open on the screen, a frozen program, a suspended computer"
        }
        (Side::Server, Owed::CredsspLeg(_) | Owed::EarlyUserAuthorization) => {
            "look at the server: a hanging service, overload, a domain controller that does not answer it (nltest /sc_verify, event 5719)"
        }
        (Side::Server, Owed::LicenceReply) => {
            "look at the server: a hanging service, overload, a licence server that does not answer it"
        }
        (Side::Server, Owed::DemandActive | Owed::FontMap) => {
            "look at the server: its disk, its user profiles (profile server, FSLogix) and its graphics driver"
        }
        (Side::Server, _) => "look at the server: a hanging or overloaded Remote Desktop service (TermService)",
    }
}

/// The last new bytes of the owing side, where they came after the message that it
/// was to answer and are in no message that was recognised.
fn unread(case: &Case<'_>, waiting: &Waiting) -> Option<At> {
    let sent = case.tcp.directions.of(waiting.side).last_data.filter(|sent| sent.follows(&waiting.since.at()))?;
    let recognised = case.session.steps.list().rev().find(|step| step.side == waiting.side);
    recognised.is_none_or(|step| sent.follows(&step.last)).then_some(sent)
}

/// Whether the capture would show an answer that `side` sent after `acked`: it
/// was taken at that side, or the numbers of what came later count every byte
/// sent (and none is missing, or `AnswerLost` would have been found).
fn answer_would_show(case: &Case<'_>, side: Side, acked: At) -> bool {
    let facts = case.tcp.directions.of(side);
    // Without the SYN of whoever offers room for them the scale of its windows is
    // not known, and with it not which numbers can be right.
    let has_scale = match side {
        Side::Client => case.tcp.handshake.syn_acks > 0,
        Side::Server => case.tcp.handshake.syns > 0,
    };
    let counts = facts.never_seen == 0 && has_scale;
    (counts && heard_later(facts, acked)) || is_beside(case, side)
}

/// Whether a packet came so much later than `acked` that it would be numbered
/// behind an answer.
fn heard_later(facts: &DirectionFacts, acked: At) -> bool {
    facts.last.is_some_and(|last| last.time.since(acked.time) >= LATER)
}

/// Whether the capture was taken at `side`, or next to it.
pub(super) fn is_beside(case: &Case<'_>, side: Side) -> bool {
    match (case.tcp.rtt.of(side).min(), case.tcp.rtt.of(side.other()).min()) {
        (Some(near), Some(far)) => near.times(BESIDE) < far,
        _ => false,
    }
}
