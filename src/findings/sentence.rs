//! One connection in one sentence.

use super::diagnosis::{Diagnosis, EndedBy, Outcome};
use crate::base::{Side, Span};
use crate::flow::{EndKind, TcpFacts};
use crate::session::{Owed, SessionFacts, Stage, Waiting};

/// A wait worth telling of.
const LONG: Span = Span::from_secs(1);

/// What happened on a connection, without names or addresses.
#[must_use]
pub fn connection(tcp: &TcpFacts, session: &SessionFacts, diagnosis: &Diagnosis) -> String {
    let lasted = diagnosis.ended_at.time.since(tcp.first.time);
    let at_least = if diagnosis.coverage.late_start { "at least " } else { "" };
    let during = session.stage().words().during;
    // Where it came further than is seen.
    let later = if session.stages.lower_bound().is_some() { " or later" } else { "" };
    match diagnosis.outcome {
        Outcome::Failed => {
            let title = diagnosis.verdict().map_or("it failed", |f| &*f.title);
            format!("Failed {during}{later} after {at_least}{lasted}: {title}.")
        }
        Outcome::Active => active(tcp, session, diagnosis, lasted),
        Outcome::Abandoned => {
            let legs = session.credssp.as_ref().map_or(0, |credssp| credssp.legs.len());
            format!(
                "The client left {during} after {lasted}, of its own accord; nothing failed before. {}",
                left(session.stage(), legs)
            )
        }
        Outcome::Open => {
            format!(
                "The capture ends {during} ({at_least}{lasted} after the connection's first packet){}.",
                if diagnosis.coverage.missing_side.is_some() {
                    "; only one side's packets are in it, so that neither success nor failure can be told".to_owned()
                } else {
                    owed(tcp, session)
                }
            )
        }
        Outcome::Unknown => format!(
            "What became of the connection cannot be told: it was last seen {during}{later} and {}.",
            ending(diagnosis)
        ),
    }
}

/// What somebody had owed for long when the capture ended.
fn owed(tcp: &TcpFacts, session: &SessionFacts) -> String {
    let long =
        |waiting: &Waiting| waiting.owed != Owed::Close && tcp.passed(waiting.since.at(), tcp.observed_until) >= LONG;
    session.waiting.filter(long).map_or_else(String::new, |Waiting { side, owed, since }| {
        format!("; the {side} had owed {owed} for {}", tcp.passed(since.at(), tcp.observed_until))
    })
}

/// What a client that goes by itself may have in mind. None of it is in the
/// packets.
const fn left(stage: Stage, legs: usize) -> &'static str {
    match (stage, legs) {
        (Stage::Tcp, _) => "A program that only looks whether the port is open does that.",
        (Stage::X224, _) => {
            "Someone who cancels the question for credentials looks so, and a program that only looks whether the port is open."
        }
        // [MS-CSSP] 3.1.5: the second message shows the server's version.
        (Stage::Credssp, 2) => {
            "Someone who cancels looks so, and a client that refuses the server's answer: its policy against old versions of CredSSP (encryption oracle remediation), or no Kerberos ticket."
        }
        (Stage::Credssp, 4) => "A client that asks its person about the certificate looks so, and someone who cancels.",
        _ => "Someone who cancels or closes the window looks so.",
    }
}

fn active(tcp: &TcpFacts, session: &SessionFacts, diagnosis: &Diagnosis, lasted: Span) -> String {
    let late_start = diagnosis.coverage.late_start;
    let at_least = if late_start { "at least " } else { "" };
    let reached = session.stages.of(Stage::Active).filter(|_| !late_start);
    let reached = reached.map(|stage| stage.first.time.since(tcp.first.time));
    let ending = ending(diagnosis);
    match (reached, diagnosis.ended_how) {
        (Some(took), EndKind::CaptureEnd) => {
            format!("The desktop was reached after {took}; it was still open when the capture ended.")
        }
        (Some(took), _) => {
            format!("The desktop was reached after {took}; the connection lasted {at_least}{lasted} and {ending}.")
        }
        (None, EndKind::CaptureEnd) => {
            "The session was already running; it was still open when the capture ended.".to_owned()
        }
        (None, _) => {
            format!("The session was already running; the connection lasted {at_least}{lasted} and {ending}.")
        }
    }
}

const fn ending(diagnosis: &Diagnosis) -> &'static str {
    match (diagnosis.ended_how, diagnosis.ended_by) {
        (EndKind::Reset, EndedBy::Side(Side::Client)) => "was ended by the client with a reset",
        (EndKind::Reset, EndedBy::Side(Side::Server)) => "was ended by the server with a reset",
        (EndKind::Reset, EndedBy::OtherDevice) => "was ended by another device with a reset",
        (EndKind::Reset, EndedBy::Unknown) => "was ended by a reset whose builder is not known",
        (EndKind::Fin, EndedBy::Side(Side::Client)) => "was closed by the client",
        (EndKind::Fin, EndedBy::Side(Side::Server)) => "was closed by the server",
        (EndKind::Fin, EndedBy::OtherDevice) => "was closed by another device",
        (EndKind::Fin, EndedBy::Unknown) => "was closed; whether the missing side closed first is not in the capture",
        // Who is not in the capture may have gone on talking.
        (EndKind::Silence, _) if diagnosis.coverage.missing_side.is_none() => "fell silent",
        (EndKind::Silence, _) => "was not heard again",
        (EndKind::CaptureEnd, _) => "was still open when the capture ended",
    }
}
