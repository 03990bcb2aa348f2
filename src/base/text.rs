//! Texts: those that are mostly the program's own, and those of strangers, of which
//! only so much is kept.

use std::borrow::Cow;

/// A text, for which nothing is copied where it is the program's own. A report
/// of many connections says the same of most of them.
pub type Text = Cow<'static, str>;

/// Stands where the rest of a stranger's text was not kept.
const CUT: &str = "[...]";

/// `text`, but no more than its first `most` bytes, which shows.
#[must_use]
pub fn at_most(text: &str, most: usize) -> String {
    match text.get(..text.floor_char_boundary(most)) {
        Some(start) if start.len() < text.len() => [start, CUT].concat(),
        _ => text.to_owned(),
    }
}

/// The same of bytes that should be UTF-8; what is none becomes U+FFFD.
#[must_use]
pub fn lossy_at_most(bytes: &[u8], most: usize) -> String {
    // No replacement is shorter than what it replaces: one byte more shows that
    // there are more.
    at_most(&String::from_utf8_lossy(bytes.get(..most.saturating_add(1)).unwrap_or(bytes)), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_shows() {
        assert_eq!([at_most("abc", 3), at_most("abcd", 3)], ["abc", "abc[...]"]);
        assert_eq!(at_most("ab\u{20ac}", 4), "ab[...]", "no character is cut in two");
        assert_eq!([lossy_at_most(b"abc", 3), lossy_at_most(b"abcd", 3)], ["abc", "abc[...]"]);
        assert_eq!([lossy_at_most(b"a\xff", 4), lossy_at_most(b"a\xff", 2)], ["a\u{fffd}", "a[...]"]);
        assert_eq!(lossy_at_most(b"ab\xe2\x82", 3), "ab[...]");
    }
}
