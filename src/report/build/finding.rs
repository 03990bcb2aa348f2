//! Findings and exclusions.

use super::Frames;
use crate::base::Side;
use crate::findings::{self, Excluded, Match};
use crate::report::document::{
    AtFault, Evidence, Finding, FrameRef, Pattern0x7, PatternMatch, Role, RuledOut, Severity,
};

/// A finding; `filter` begins the display filter of its connection.
pub(super) fn build(finding: &findings::Finding, frames: Frames, filter: Option<&str>) -> Finding {
    let mut evidence = vec![piece(&finding.primary, Role::Primary, frames)];
    evidence.extend(finding.supporting.iter().map(|e| piece(e, Role::Supporting, frames)));
    Finding {
        id: finding.id.to_owned(),
        severity: match finding.severity {
            findings::Severity::Info => Severity::Info,
            findings::Severity::Warning => Severity::Warning,
            findings::Severity::Failure => Severity::Failure,
        },
        certainty: finding.certainty.into(),
        title: finding.title.clone(),
        detail: finding.detail.clone(),
        at_fault: finding.at_fault.map(|fault| match fault {
            findings::AtFault::Path => AtFault::Path,
            findings::AtFault::Host(Side::Client) => AtFault::Client,
            findings::AtFault::Host(Side::Server) => AtFault::Server,
            findings::AtFault::Unclear => AtFault::Unclear,
        }),
        display_filter: filter.map(|filter| filter.to_owned()),
        evidence,
        cannot_tell: finding.cannot_tell.iter().map(|what| capitalised(what)).collect(),
        next: finding.next.iter().map(|step| capitalised(step)).collect(),
        concerns: None,
    }
}

/// Rules write parts of sentences; a list shows whole ones.
fn capitalised(part: &str) -> String {
    let mut chars = part.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn piece(evidence: &findings::Evidence, role: Role, frames: Frames) -> Evidence {
    Evidence { frame: frames.name(evidence.at.frame), role, says: evidence.says.clone() }
}

pub(super) fn ruled_out(excluded: &Excluded, frames: Frames) -> RuledOut {
    RuledOut {
        finding: excluded.finding.to_owned(),
        because: excluded.because.clone(),
        frames: excluded.frames.iter().map(|f| frames.name(*f)).collect::<Vec<FrameRef>>(),
    }
}

pub(super) fn pattern(pattern: &findings::Pattern0x7) -> Pattern0x7 {
    Pattern0x7 {
        r#match: match pattern.matches {
            Match::Full => PatternMatch::Full,
            Match::Partial => PatternMatch::Partial,
            Match::None => PatternMatch::None,
        },
        client_would_show: pattern.client_would_show.map(str::to_owned),
        because: pattern.because.clone(),
    }
}
