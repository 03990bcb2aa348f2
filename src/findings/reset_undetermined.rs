//! `reset-undetermined`: a RST ended the connection; by whom is not known.

use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::resets::{Builder, Effect};
use super::rule::{Case, Out, Rule};
use crate::base::{Certainty, Side};
use crate::flow::SequenceFit;

/// Its id: who ended the connection is told by it, too.
pub(super) const UNDETERMINED: &str = "reset-undetermined";

/// The rule.
pub struct ResetUndetermined;

impl Rule for ResetUndetermined {
    fn id(&self) -> &'static str {
        UNDETERMINED
    }

    fn prose(&self) -> &'static str {
        include_str!("reset_undetermined.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let Some((reset, judgement)) = case.ending_reset() else { return };
        // Traces that point at the host and yet do not make it likely decide
        // only where nothing was cut short.
        let cut_short = reset.claimed_by == Side::Server && !case.is_active();
        let host = judgement.built_by == Builder::Host && (judgement.certainty >= Certainty::Likely || !cut_short);
        let decided = host || is_foreign(judgement);
        if decided || judgement.effect != Effect::EndedConnection || reset.fit == SequenceFit::AnswersSyn {
            return;
        }
        // A client that leaves does so on purpose, unless there are traces of
        // another device.
        let suspect = judgement.built_by == Builder::OtherDevice;
        let failed = suspect || (reset.claimed_by == Side::Server && !case.is_active());
        let mut finding = Finding::new(
            self.id(),
            if failed { Severity::Failure } else { Severity::Info },
            Certainty::Possible,
            format!("A reset of unknown origin ended the connection, in the {}'s name", reset.claimed_by),
            Evidence::new(reset.at, format!("RST with the {}'s address", reset.claimed_by)),
        )
        .detail(out.prose.text(|| match judgement.evidence.as_slice() {
            [] => "Nothing in the capture speaks for or against the host.".to_owned(),
            pieces => {
                let says: Vec<&str> = pieces.iter().map(|p| &*p.says).collect();
                format!("What was found does not decide it: {}.", says.join("; "))
            }
        }))
        .next("capture on both ends at once: did the side whose address it carries send it?");
        for blind in &judgement.cannot_tell {
            finding = finding.cannot_tell(*blind);
        }
        out.found(finding);
    }
}
