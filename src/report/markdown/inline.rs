//! Text within a line of Markdown, with nothing left to obey.
//!
//! Backslashes would do, and would make the plain text ugly. So a word that
//! holds anything which some renderer acts on is written as a code span: it is
//! shown as it is everywhere, no link is made of it, nobody is mentioned, no
//! formula begins with it. Our own sentences hardly ever need that.

use super::words::GLUE;
use crate::report::escape;

/// `text` on one line, harmless.
pub(super) fn escaped(text: &str) -> String {
    let text = escape::sentence(text);
    let mut out = String::with_capacity(text.len());
    for (i, word) in text.split([' ', GLUE]).enumerate() {
        if i > 0 {
            out.push(' ');
        }
        // Brackets and commas around a word stay outside.
        let start = word.len().saturating_sub(word.trim_start_matches(['(', '"', '\'']).len());
        let (before, rest) = word.split_at_checked(start).unwrap_or(("", word));
        let end = rest.trim_end_matches([')', ',', '.', ';', ':', '"', '\'']).len();
        let (core, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if is_obeyed(core) {
            out.push_str(before);
            out.push_str(&code(core));
            out.push_str(after);
        } else {
            out.push_str(word);
        }
    }
    out
}

/// `text` as a code span, as it is but for what [`escape::sentence`] shows.
pub(super) fn code(text: &str) -> String {
    let text = escape::sentence(text).replace(GLUE, " ");
    // CommonMark 0.31 §6.1: closed by the next run of as many backticks.
    let fence = "`".repeat(longest_run(&text).saturating_add(1));
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The most backticks in a row.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Whether some renderer, or a spreadsheet, would act on `word`.
fn is_obeyed(word: &str) -> bool {
    // Markup of CommonMark, GitHub (tables, tildes, formulas), Jira (braces);
    // entities; mentions and addresses.
    const MARKUP: [char; 15] = ['\\', '`', '*', '[', ']', '<', '>', '|', '~', '&', '$', '{', '}', '@', '^'];
    let formula = word.starts_with(['=', '+', '-']) && word.chars().nth(1).is_some_and(char::is_alphabetic);
    // Within a word an underscore is an underscore (CommonMark 0.31 §6.2).
    let emphasis = word.starts_with('_') || word.ends_with('_');
    let heading = word.starts_with('#');
    let link = word.contains("://") || word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let image = word.starts_with('!') && word.len() > 1;
    word.contains(MARKUP) || formula || emphasis || heading || link || image
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn our_words_stay_and_strangers_are_put_in_code() {
        for (raw, shown) in [
            ("the server agreed to PROTOCOL_HYBRID (frame\u{a0}6)", "the server agreed to PROTOCOL_HYBRID (frame 6)"),
            ("CN=<b>x</b>, signed", "`CN=<b>x</b>`, signed"),
            ("see [here](http://x.example) now", "see `[here](http://x.example`) now"),
            ("a|b ask @all", "`a|b` ask `@all`"),
            ("=HYPERLINK(\"x\") +3.402 s", "`=HYPERLINK(\"x`\") +3.402 s"),
            ("``` `", "```` ``` ```` `` ` ``"),
            ("www.evil.example _x_ #1", "`www.evil.example` `_x_` `#1`"),
            ("one\r\ntwo", "`one\\u{d}` two"),
        ] {
            assert_eq!(escaped(raw), shown);
        }
    }

    /// What is left of `text` outside of its code spans.
    fn outside_code(text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('`') {
            let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            out.push_str(&rest[..at]);
            let body = &rest[at + run..];
            let mut from = 0;
            let close = loop {
                let Some(next) = body[from..].find('`').map(|n| n + from) else { panic!("open span in {text:?}") };
                let len = body[next..].len() - body[next..].trim_start_matches('`').len();
                if len == run {
                    break next;
                }
                from = next + len;
            };
            rest = &body[close + run..];
        }
        out + rest
    }

    proptest! {
        #[test]
        fn nothing_is_obeyed_outside_of_code(raw in "[ -~]{0,40}|.{0,40}|[`\\\\ *a_<|]{0,12}") {
            let shown = escaped(&raw);
            prop_assert!(!shown.contains('\n') && !shown.chars().any(escape::is_deceptive));
            let outside = outside_code(&shown);
            prop_assert!(!outside.contains(['\\', '`', '*', '[', '<', '|', '~', '&', '@', '$', '{']), "{shown}");
            prop_assert!(!outside.contains("://"), "{shown}");
        }
    }
}
