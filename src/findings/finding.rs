//! What a rule says: a finding with its proof, or an exclusion with its own.

use crate::base::{At, Certainty, Few, Frame, Side, Text};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It hurts.
    Warning,
    /// It explains why the attempt died.
    Failure,
}

/// With whom the fault lies when somebody waits in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtFault {
    /// The path: packets did not arrive, or nothing acknowledged them. A computer
    /// that stopped altogether looks the same, and the detail says so.
    Path,
    /// This side's computer: it had what it was to answer.
    Host(Side),
    /// The capture leaves it open; the detail says why.
    Unclear,
}

/// One piece of proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The frame that shows it.
    pub at: At,
    /// What it shows, in one sentence.
    pub says: Text,
}

impl Evidence {
    /// `says`, as the frame at `at` shows.
    pub fn new(at: At, says: impl Into<Text>) -> Self {
        Self { at, says: says.into() }
    }
}

/// A condition that was found. It cannot be made without its primary evidence.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Permanent id; names the condition.
    pub id: &'static str,
    /// How much it matters here.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// One line, without names or addresses.
    pub title: Text,
    /// A short paragraph: what happened, in numbers.
    pub detail: Text,
    /// With whom the fault lies, of findings about waiting.
    pub at_fault: Option<AtFault>,
    /// The frame that carries the claim.
    pub primary: Evidence,
    /// Frames that support it.
    pub supporting: Vec<Evidence>,
    /// What this capture cannot show about it.
    pub cannot_tell: Few<Text>,
    /// What to do next.
    pub next: Vec<Text>,
}

impl Finding {
    /// A finding that rests on `primary`.
    pub fn new(
        id: &'static str,
        severity: Severity,
        certainty: Certainty,
        title: impl Into<Text>,
        primary: Evidence,
    ) -> Self {
        Self {
            id,
            severity,
            certainty,
            title: title.into(),
            detail: Text::default(),
            at_fault: None,
            primary,
            supporting: Vec::new(),
            cannot_tell: Few::new(),
            next: Vec::new(),
        }
    }

    /// With a paragraph.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Text>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With whom the fault lies.
    #[must_use]
    pub const fn at_fault(mut self, at_fault: AtFault) -> Self {
        self.at_fault = Some(at_fault);
        self
    }

    /// With more evidence.
    #[must_use]
    pub fn support(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.supporting.extend(evidence);
        self
    }

    /// With something it cannot tell.
    #[must_use]
    pub fn cannot_tell(mut self, what: impl Into<Text>) -> Self {
        self.cannot_tell.push(what.into());
        self
    }

    /// With a next step.
    #[must_use]
    pub fn next(mut self, step: impl Into<Text>) -> Self {
        self.next.push(step.into());
        self
    }
}

/// A cause that the capture excludes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// Id of the finding that it is not.
    pub finding: Text,
    /// Why not.
    pub because: Text,
    /// Frames that show it.
    pub frames: Few<Frame>,
}
