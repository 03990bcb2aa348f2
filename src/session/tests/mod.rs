//! Conversations and what must be known of them.

mod cases;
mod damage;
mod laws;
pub(crate) mod script;
mod standard;

use super::{IsRdp, SessionFacts};
use core::fmt::Write as _;

/// A TLS 1.2 connection with Network Level Authentication, up to the TLS Finished.
pub(crate) const NLA: &str = "C cr:0b\nS cc:08\nC hello\nS sh12 cert done\nC cke ccs fin\nS ccs fin\n";
/// The same without the Early User Authorization Result.
pub(crate) const HYBRID: &str = "C cr:03\nS cc:02\nC hello\nS sh12 cert done\nC cke ccs fin\nS ccs fin\n";
/// TLS 1.3.
pub(crate) const NLA_13: &str = "C cr:0b\nS cc:02\nC hello\nS sh13 ccs flight\nC ccs fin\n";
/// TLS with the logon screen.
pub(crate) const SSL_13: &str = "C cr:01\nS cc:01\nC hello\nS sh13 ccs flight\nC ccs fin\n";
/// NTLM up to the delivered credentials, and the authorization.
pub(crate) const CREDSSP: &str = "C 57\nS 295\nC 677\nS 91\nC 183\nS 4\n";
/// The MCS connection with two channels.
pub(crate) const MCS: &str = "C 462\nS 126\nC 12\nC 8\nS 11\nC 12\nS 15\nC 12\nS 15\n";
pub(crate) const LICENSED: &str = "C 343\nS 34\n";
pub(crate) const ACTIVATION: &str = "S 472\nC 611\nC 36\nC 40\nC 40\nC 40\nS 36\nS 40\nS 40\nS 40\n";

/// Plays the scripts one after the other and compares what is known at the end:
/// `stages; who owes what; notes`.
#[track_caller]
fn check(scripts: &[&str], expected: &str) -> SessionFacts {
    let facts = script::play(&script::events(&scripts.concat())).into_facts();
    assert_eq!(summary(&facts), expected);
    facts
}

fn summary(facts: &SessionFacts) -> String {
    let mut out = facts.stages.list().iter().map(|fact| fact.stage.name()).collect::<Vec<_>>().join(" ");
    if let Some((doubt, frame)) = facts.stages.lower_bound() {
        let _ = write!(out, " at least ({doubt:?} at {frame})");
    }
    if let Some(waiting) = facts.waiting {
        let _ = write!(out, "; {} owes {}", waiting.side, waiting.owed);
    }
    if let IsRdp::Other(seen) = facts.is_rdp {
        let _ = write!(out, "; {} speaks {:?}", seen.value.0, seen.value.1);
    }
    if let Some(seen) = facts.error_info {
        let _ = write!(out, "; error info {:?} at {}", seen.value.code, seen.frame);
    }
    if let Some(seen) = facts.disconnect_ultimatum {
        let _ = write!(out, "; ultimatum by {} at {}", seen.value.side, seen.frame);
    }
    for misplaced in &facts.out_of_place {
        let _ = write!(out, "; misplaced {} by {} ×{}", misplaced.got, misplaced.side, misplaced.count);
    }
    for (side, blind) in [("client", facts.blind.client), ("server", facts.blind.server)] {
        if let Some(blind) = blind {
            let end = blind.recovered.map(|at| at.frame.to_string()).unwrap_or_default();
            let _ = write!(out, "; {side} blind {}..{end}", blind.from.frame);
        }
    }
    if let Some((seen, count)) = &facts.not_decoded {
        let _ = write!(out, "; {count} not decoded: {}", seen.value.1);
    }
    out
}
