//! Texts that are mostly the program's own.

use std::borrow::Cow;

/// A text, for which nothing is copied where it is the program's own. A report
/// of many connections says the same of most of them.
pub type Text = Cow<'static, str>;
