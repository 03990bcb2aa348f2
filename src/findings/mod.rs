//! Floor 4: facts → findings.
//!
//! Never sees bytes. One rule is one file with its prose and its tests; one
//! list registers them.

mod finding;
pub mod resets;

pub use finding::{Evidence, Excluded, Finding, Severity};
