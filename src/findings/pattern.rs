//! What people call "the 0x7 failure": mstsc shows error 0x904, extended error
//! 0x7. The pair is no cause; it says that the client's socket closed.

use super::finding::Finding;
use super::rule::Case;
use crate::base::{Side, Text};
use crate::flow::EndKind;

/// How well a connection fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It died between TCP connect and desktop, by a reset or close that the
    /// client did not choose, with an injected reset, a stalled negotiation or
    /// a retransmission burst behind it.
    Full,
    /// It died there in another way that closes the client's socket.
    Partial,
    /// It did not.
    None,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern0x7 {
    /// How well it fits.
    pub matches: Match,
    /// The error code mstsc most likely showed, where one follows from the wire.
    pub client_would_show: Option<&'static str>,
    /// Why.
    pub because: Text,
}

/// The causes that make it the full pattern.
const CAUSES: [&str; 3] = ["injected-reset", "stalled-negotiation", "retransmission-burst"];

pub(super) fn judge(case: &Case<'_>, findings: &[Finding], has_verdict: bool) -> Pattern0x7 {
    let none =
        |because: &'static str| Pattern0x7 { matches: Match::None, client_would_show: None, because: because.into() };
    if case.tcp.handshake.syn_ack.is_none() && case.tcp.directions.server.packets == 0 {
        return Pattern0x7 {
            client_would_show: Some("0x204"),
            ..none("there was no TCP connection: the client reports 0x204, not 0x904")
        };
    }
    let foremost = findings.first().map(|f| f.id);
    let unconnected = match foremost {
        Some("connection-refused") => Some("the TCP connection was refused: the client reports 0x204, not 0x904"),
        Some("no-answer") => Some("to the client nobody answered: it reports 0x204, not 0x904"),
        _ => None,
    };
    if let Some(because) = unconnected {
        return Pattern0x7 { client_would_show: Some("0x204"), ..none(because) };
    }
    if case.is_active() {
        return none("the desktop had been reached");
    }
    if !has_verdict {
        return none("nothing in this connection failed");
    }
    let closed_on_client = match case.tcp.end.kind {
        EndKind::Reset | EndKind::Fin => !case.ended_by(Side::Client),
        EndKind::Silence => true,
        EndKind::CaptureEnd => false,
    };
    let unseen_end = case.tcp.end.kind == EndKind::CaptureEnd;
    // What explains it all names it, where one of these is among what was found.
    let cause = foremost.filter(|_| findings.iter().any(|f| CAUSES.contains(&f.id)));
    // A client that owed the next message did not go on by itself.
    let client_owed = case.session.waiting.is_some_and(|waiting| waiting.side == Side::Client);
    // Where it came further than is seen, it may have died in a session.
    if closed_on_client && case.session.stages.lower_bound().is_some() {
        let behind = cause.map_or_else(String::new, |cause| format!(", with {cause} behind it"));
        return Pattern0x7 {
            matches: Match::Partial,
            client_would_show: None,
            because: format!(
                "the connection died without the client's doing{behind}; that it was before the desktop, the capture does not show"
            ).into(),
        };
    }
    match (closed_on_client, cause) {
        (true, Some("stalled-negotiation")) if client_owed => Pattern0x7 {
            matches: Match::Partial,
            client_would_show: Some("0x904"),
            because: "the connection was closed before the desktop, while the client's next message was awaited".into(),
        },
        (true, Some(cause)) => Pattern0x7 {
            matches: Match::Full,
            client_would_show: Some("0x904"),
            because: format!(
                "the connection died before the desktop without the client's doing, with {cause} behind it"
            ).into(),
        },
        (true, None) => Pattern0x7 {
            matches: Match::Partial,
            // A refused logon has codes of its own.
            client_would_show: (foremost != Some("credentials-rejected")).then_some("0x904"),
            because: "the client's connection was closed before the desktop".into(),
        },
        (false, Some(cause)) if unseen_end => Pattern0x7 {
            matches: Match::Partial,
            client_would_show: None,
            because: format!(
                "the connection stood still before the desktop, with {cause} behind it; the capture stops before it was closed"
            ).into(),
        },
        (false, None) if unseen_end => none("the capture stops before the connection was closed"),
        (false, Some(cause)) => Pattern0x7 {
            matches: Match::Partial,
            client_would_show: None,
            because: format!("the client itself gave up before the desktop, with {cause} behind it").into(),
        },
        (false, None) => none("the client itself closed the connection"),
    }
}
