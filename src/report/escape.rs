//! Names from strangers: certificate subjects, file names, interface names and
//! comments come from the wire or from a file, and whoever wrote them may wish
//! to speak to the reader's terminal or to reorder the line around them.
//!
//! Two escapes for two places. [`text`] makes a string harmless and short
//! within a line for people. [`is_deceptive`] tells the characters that JSON
//! allows and that a terminal or an editor obeys; [`json`](super::json) writes
//! them as `\uXXXX`, so that nothing is lost.

use std::borrow::Cow;
use std::fmt::Write;

/// The most characters of a stranger's string within a line of text. A name
/// longer than that is no name; 64 is the longest common name that X.520
/// allows.
pub const LONGEST: usize = 64;

/// `raw`, harmless and at most [`LONGEST`] characters: what could move the
/// cursor, colour or reorder the text is shown as `\u{…}`; the rest of a long
/// string is left out visibly. The result holds no line break.
#[must_use]
pub fn text(raw: &str) -> Cow<'_, str> {
    shortened(raw, LONGEST)
}

/// The same, for `longest` characters.
///
/// A character that is escaped counts as many as are written.
#[must_use]
pub fn shortened(raw: &str, longest: usize) -> Cow<'_, str> {
    if raw.chars().all(is_harmless) && raw.chars().nth(longest).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::new();
    let mut width = 0_usize;
    for c in raw.chars() {
        let before = out.len();
        if is_harmless(c) {
            out.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        width = width.saturating_add(out.get(before..).unwrap_or_default().chars().count());
        if width > longest {
            out.truncate(before);
            out.push_str("[...]");
            break;
        }
    }
    Cow::Owned(out)
}

/// A path, as [`text`]; of a long one the end stays, which holds the file name.
#[must_use]
pub fn path(raw: &str) -> Cow<'_, str> {
    let long = raw.chars().count().saturating_sub(LONGEST);
    if long == 0 {
        return text(raw);
    }
    let end: String = raw.chars().skip(long).collect();
    Cow::Owned(format!("[...]{}", text(&end)))
}

/// Whole sentences that may hold strangers' words: made harmless, of any
/// length. Line breaks and tabs become spaces.
#[must_use]
pub fn sentence(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(is_harmless) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_harmless(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// Whether a terminal, a browser or an editor would obey `c` or hide it: what
/// is not shown where it stands, as what it is.
///
/// Controls (C0 with escape, C1 with its one-byte CSI), marks, embeddings,
/// overrides and isolates of direction (Unicode UAX #9; CVE-2021-42574), what
/// has no width, line and paragraph separators, tags, fillers and the
/// replacement of objects.
#[must_use]
pub const fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

const fn is_harmless(c: char) -> bool {
    !is_deceptive(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_and_commands_show() {
        for (raw, shown) in [
            ("SRV-01.corp.example", "SRV-01.corp.example"),
            ("Größe 東京", "Größe 東京"),
            ("\x1b[2J\x1b[31mgone", "\\u{1b}[2J\\u{1b}[31mgone"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("exe.\u{202e}gpj", "exe.\\u{202e}gpj"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
            ("one\r\ntwo", "one\\u{d}\\u{a}two"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(text(raw), shown);
        }
        assert_eq!(sentence("one\ntwo\u{7}"), "one two\\u{7}");
    }

    #[test]
    fn a_long_name_is_cut_visibly() {
        assert_eq!(text(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
        assert_eq!(text(&"x".repeat(LONGEST + 1)), "x".repeat(LONGEST) + "[...]");
        assert_eq!(shortened("ab\u{202e}", 4), "ab[...]");
        assert_eq!(path("/a/b.pcap"), "/a/b.pcap");
        assert_eq!(path(&format!("/{}/b.pcap", "x".repeat(80))), format!("[...]{}/b.pcap", "x".repeat(57)));
    }

    proptest! {
        #[test]
        fn nothing_deceptive_passes(raw in "\\PC*|.*", longest in 1_usize..80) {
            let shown = shortened(&raw, longest);
            prop_assert!(!shown.chars().any(is_deceptive));
            prop_assert!(shown.chars().count() <= longest + "[...]".len());
            prop_assert!(!sentence(&raw).chars().any(is_deceptive));
        }
    }
}
