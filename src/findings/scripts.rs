//! Connections as packets with their times, for the tests of rules about the
//! path: `testing` is for those about messages.

use super::{Diagnosis, Finding, diagnose};
use crate::base::Side::{self, Client, Server};
pub use crate::flow::testing::{A, F, Line, R, S, packet};
use crate::session::Session;

/// X.224 Connection Request that offers TLS and CredSSP.
pub const REQUEST: &[u8] = &[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];

/// X.224 Connection Confirm that selects CredSSP.
pub const CONFIRM: &[u8] = &[3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 2, 0, 0, 0];

/// What is said of the one connection of a script.
pub fn diagnosis(lines: &[Line]) -> Diagnosis {
    diagnosis_until(lines, 0.0)
}

/// The same, where the capture goes on until then.
pub fn diagnosis_until(lines: &[Line], ms: f64) -> Diagnosis {
    let mut all = crate::flow::testing::play_until::<Session>(lines, ms);
    assert_eq!(all.len(), 1, "one connection expected");
    let one = all.remove(0);
    diagnose(&one.tcp, &one.consumer.into_facts(), false)
}

/// The finding `id` of a script.
pub fn finding(lines: &[Line], id: &str) -> Option<Finding> {
    diagnosis(lines).findings.into_iter().find(|finding| finding.id == id)
}

/// A handshake over a path of `rtt` milliseconds, captured at the client, and
/// what comes after it.
pub fn script(rtt: f64, rest: impl IntoIterator<Item = Line>) -> Vec<Line> {
    let mut lines = vec![
        packet(0.0, Client, S, 0, 0, b""),
        packet(rtt, Server, S | A, 0, 1, b""),
        packet(rtt + 0.1, Client, A, 1, 1, b""),
    ];
    lines.extend(rest);
    lines
}

/// A packet with `len` bytes of nothing in particular.
pub fn filled(ms: f64, from: Side, seq: u32, ack: u32, len: usize) -> Line {
    packet(ms, from, A, seq, ack, &vec![0x17; len])
}
