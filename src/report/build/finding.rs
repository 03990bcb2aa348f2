//! Findings and exclusions.

use super::Frames;
use crate::base::{Few, Side, Text};
use crate::findings::{self, Excluded, Match};
use crate::report::document::{AtFault, Evidence, Finding, Pattern0x7, PatternMatch, Role, RuledOut, Severity};

/// A finding; `filter` begins the display filter of its connection.
pub(super) fn build(finding: findings::Finding, frames: Frames, filter: Option<&str>) -> Finding {
    let mut evidence = Vec::with_capacity(finding.supporting.len().saturating_add(1));
    evidence.push(piece(finding.primary, Role::Primary, frames));
    evidence.extend(finding.supporting.into_iter().map(|e| piece(e, Role::Supporting, frames)));
    Finding {
        id: finding.id.into(),
        severity: match finding.severity {
            findings::Severity::Info => Severity::Info,
            findings::Severity::Warning => Severity::Warning,
            findings::Severity::Failure => Severity::Failure,
        },
        certainty: finding.certainty.into(),
        title: finding.title,
        detail: finding.detail,
        at_fault: finding.at_fault.map(|fault| match fault {
            findings::AtFault::Path => AtFault::Path,
            findings::AtFault::Host(Side::Client) => AtFault::Client,
            findings::AtFault::Host(Side::Server) => AtFault::Server,
            findings::AtFault::Unclear => AtFault::Unclear,
        }),
        display_filter: filter.map(str::to_owned),
        evidence,
        cannot_tell: finding.cannot_tell.into_iter().map(capitalised).collect(),
        next: finding.next.into_iter().map(capitalised).collect(),
        concerns: None,
    }
}

/// Rules write parts of sentences; a list shows whole ones.
fn capitalised(part: Text) -> Text {
    let mut chars = part.chars();
    match chars.next() {
        Some(first) if first.is_lowercase() => first.to_uppercase().chain(chars).collect(),
        _ => part,
    }
}

fn piece(evidence: findings::Evidence, role: Role, frames: Frames) -> Evidence {
    Evidence { frame: frames.name(evidence.at.frame), role, says: evidence.says }
}

/// So a list of the one becomes a list of the other in its place.
const _: () = assert!(size_of::<Excluded>() == size_of::<RuledOut>());

pub(super) fn ruled_out(excluded: Excluded, frames: Frames) -> RuledOut {
    RuledOut {
        finding: excluded.finding,
        because: excluded.because,
        frames: match excluded.frames.as_slice() {
            [frame] => Few::from_buf([frames.name(*frame)]),
            several => several.iter().map(|frame| frames.name(*frame)).collect(),
        },
    }
}

pub(super) fn pattern(pattern: findings::Pattern0x7) -> Pattern0x7 {
    Pattern0x7 {
        r#match: match pattern.matches {
            Match::Full => PatternMatch::Full,
            Match::Partial => PatternMatch::Partial,
            Match::None => PatternMatch::None,
        },
        client_would_show: pattern.client_would_show.map(Into::into),
        because: pattern.because,
    }
}
