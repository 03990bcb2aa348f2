//! What a reader of the report must know of how a connection was read: what was
//! left out, what could not be read, by how much less it is judged.

use crate::base::{At, Cause, NoticeKind, Notices, Seen, Side};
use crate::findings::resets::MAX_HOSTS;
use crate::flow::{Leap, TcpFacts};
use crate::session::{Blind, BlindCause, SessionFacts};

/// Bytes that were not put in order because a limit was reached.
const HOLE_GIVEN_UP: NoticeKind = NoticeKind("reassembly-limit-reached");

/// Segments that bring other bytes for a place than came before.
const DISAGREEMENT: NoticeKind = NoticeKind("segments-disagree");

/// Segments whose numbers nobody comes to.
const LEAPS: NoticeKind = NoticeKind("sequence-numbers-leap");

/// A clock of a sender says far less than the capture's.
const CLOCK_LEAPT: NoticeKind = NoticeKind("clock-leapt");

/// Messages whose bytes contradict what they are.
const NOT_READ: NoticeKind = NoticeKind("messages-not-decoded");

/// Bytes that are no message of any protocol that belongs where they came.
const NOT_UNDERSTOOD: NoticeKind = NoticeKind("messages-not-understood");

/// More of a kind than is kept of one connection.
const DETAILS: NoticeKind = NoticeKind("connection-details-limit");

/// Resets in the name of hosts for which there was no room.
const HOSTS_FORGOTTEN: NoticeKind = NoticeKind("hosts-not-remembered");

/// A connection has a reset that is judged by less than others are.
pub(super) fn forgotten(notices: &mut Notices, at: At) {
    notices.add(HOSTS_FORGOTTEN, Some(at.frame), || {
        format!(
            "more than {MAX_HOSTS} hosts: of later ones no other connections are remembered, by which a reset in their name could be judged; where its own connection is short, its sender stays undetermined"
        )
    });
}

/// What is counted of a connection, and not looked at one by one.
pub(super) fn details(notices: &mut Notices, tcp: &TcpFacts, session: &SessionFacts) {
    let kinds = [
        (tcp.more_resets, tcp.resets.len(), "resets"),
        (tcp.more_icmp, tcp.icmp.len(), "ICMP errors"),
        (session.more_out_of_place, session.out_of_place.len(), "kinds of messages out of place"),
    ];
    for (_, kept, what) in kinds.into_iter().filter(|(more, ..)| *more > 0) {
        notices.add(DETAILS, Some(tcp.first.frame), || {
            format!("a connection has more {what} than the first {kept} that are looked at")
        });
    }
}

/// A silence that took no such time.
pub(super) fn clock(notices: &mut Notices, tcp: &TcpFacts) {
    if let Some(leap) = &tcp.leap {
        let Leap { from, to, side, by_sender } = leap;
        notices.add(CLOCK_LEAPT, Some(to.frame), || {
            format!(
                "nothing passed for {} before this frame, in which the {side}'s clock (its TCP timestamps) went on by {by_sender}: the clock of this capture was set forward, or the {side}'s computer slept; what lies across that has no right duration",
                to.time.since(from.time)
            )
        });
    }
}

/// What was left out of the streams of a connection.
pub(super) fn streams(notices: &mut Notices, tcp: &TcpFacts) {
    for side in Side::BOTH {
        let facts = tcp.directions.of(side);
        if facts.given_up > 0 {
            notices.add(HOLE_GIVEN_UP, Some(tcp.last.frame), || {
                "more came behind a missing packet than is held back; what the packet said is left out".to_owned()
            });
        }
        if let Some((before, at)) = facts.first_disagreeing {
            notices.add(DISAGREEMENT, Some(at.frame), || {
                format!(
                    "{} segments of the {side} bring other bytes than frame {} had brought for the same place; what came first was read, and its receiver may have read the other",
                    facts.disagreeing, before.frame
                )
            });
        }
        if let Some(at) = facts.first_leap {
            notices.add(LEAPS, Some(at.frame), || {
                format!(
                    "{} segments of the {side} have sequence numbers far beyond all that was sent, and nothing goes on there; they were left out",
                    facts.leaps
                )
            });
        }
    }
}

/// What could not be read of the messages of a connection, though it was captured.
pub(super) fn messages(notices: &mut Notices, session: &SessionFacts) {
    if let Some((Seen { value: (side, error), frame, .. }, _)) = &session.not_decoded
        && error.cause != Cause::NotSeen
    {
        notices.add(NOT_READ, Some(*frame), || {
            format!("a message of the {side} was not read ({error}); what it says is left out")
        });
    }
    for side in Side::BOTH {
        if let Some(Blind { from, recovered: None }) = session.blind.of(side)
            && from.value == BlindCause::NotUnderstood
        {
            notices.add(NOT_UNDERSTOOD, Some(from.frame), || {
                format!(
                    "what the {side} sends here is no message that belongs there; its messages were not followed from there on"
                )
            });
        }
    }
}
