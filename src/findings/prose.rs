//! Whether anybody will read what is found.
//!
//! Of a million probes the report says how many there were of each kind. To tell
//! the kinds apart takes all that the rules look at, and no word of what they
//! say.

use crate::base::Text;

/// What is written beside a judgement: sentences, and the frames they rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prose {
    /// All of it.
    #[default]
    Written,
    /// Nothing that costs anything: the connection is counted.
    Spared,
}

impl Prose {
    /// A text, where somebody reads it.
    pub fn text(self, write: impl FnOnce() -> String) -> Text {
        match self {
            Self::Written => Text::Owned(write()),
            Self::Spared => Text::default(),
        }
    }

    /// Whether it is written.
    pub const fn is_written(self) -> bool {
        matches!(self, Self::Written)
    }
}
