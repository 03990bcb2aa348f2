//! `--format json`: one document, for machines that people look over the
//! shoulder of.
//!
//! serde_json decides what is written; this file only lays it out. A list or
//! object that fits on a line stays on it, so that evidence reads as a table
//! and a changed golden report shows one changed line. Characters that JSON
//! allows and a terminal obeys are written as `\uXXXX`.

use std::fmt::Write;

use serde::Serialize;

use super::document::Report;
use super::escape::is_deceptive;

/// The longest line that a list or object is joined to.
const WIDTH: usize = 100;

/// The report as one JSON document with a line break at its end.
///
/// # Errors
/// Those of serde_json; the types of the document have none.
pub fn to_string(report: &Report) -> serde_json::Result<String> {
    pretty(report)
}

/// `value` as JSON, laid out for people.
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(lay_out(&tokens(&serde_json::to_string(value)?)))
}

/// `value` as JSON on one line.
pub(super) fn compact<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut out = String::new();
    for token in tokens(&serde_json::to_string(value)?) {
        push_scalar(&mut out, token.text);
    }
    Ok(out)
}

/// One token of compact JSON: a bracket, a comma, a colon, or a scalar.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    /// For an opening bracket: how wide everything up to its closing bracket
    /// is when written on one line.
    joined: usize,
}

/// Splits compact JSON, as serde_json writes it, into tokens.
fn tokens(json: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // Where each open bracket stands, and the width written before it.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut width = 0_usize;
    let mut rest = json;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(token_len(rest));
        rest = after;
        match text {
            "{" | "[" => open.push((tokens.len(), width)),
            "}" | "]" => {
                if let Some((at, before)) = open.pop()
                    && let Some(opening) = tokens.get_mut(at)
                {
                    opening.joined = width.saturating_sub(before).saturating_add(1);
                }
            }
            _ => {}
        }
        // A comma or colon on a joined line is followed by a space.
        let space = usize::from(matches!(text, "," | ":"));
        width = width.saturating_add(text.chars().count()).saturating_add(space);
        tokens.push(Token { text, joined: 0 });
    }
    tokens
}

/// The length of the token at the start of `json`.
fn token_len(json: &str) -> usize {
    let bytes = json.as_bytes();
    match bytes.first() {
        Some(b'"') => {
            let mut escaped = false;
            let end = bytes.iter().skip(1).position(|&b| match b {
                _ if escaped => {
                    escaped = false;
                    false
                }
                b'\\' => {
                    escaped = true;
                    false
                }
                b => b == b'"',
            });
            end.map_or(bytes.len(), |end| end.saturating_add(2))
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
        _ => bytes.iter().position(|b| matches!(b, b',' | b']' | b'}')).unwrap_or(bytes.len()),
    }
}

fn lay_out(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    // How many brackets are open on a joined line.
    let mut joined = 0_usize;
    let mut column = 0_usize;
    for (i, token) in tokens.iter().enumerate() {
        let empty = tokens.get(i.wrapping_add(1)).is_some_and(|next| matches!(next.text, "}" | "]"));
        let before = out.len();
        match token.text {
            "{" | "[" if joined > 0 => {
                joined = joined.saturating_add(1);
                out.push_str(token.text);
            }
            "{" | "[" if empty || (depth > 1 && column.saturating_add(token.joined) < WIDTH) => {
                joined = 1;
                out.push_str(token.text);
            }
            "{" | "[" => {
                depth = depth.saturating_add(1);
                out.push_str(token.text);
                new_line(&mut out, depth);
            }
            "}" | "]" if joined > 0 => {
                joined = joined.saturating_sub(1);
                out.push_str(token.text);
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token.text);
            }
            "," if joined == 0 => {
                out.push(',');
                new_line(&mut out, depth);
            }
            "," => out.push_str(", "),
            ":" => out.push_str(": "),
            scalar => push_scalar(&mut out, scalar),
        }
        let written = out.get(before..).unwrap_or_default();
        column = match written.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => column.saturating_add(written.chars().count()),
        };
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// A scalar, with the characters that JSON would let through escaped.
fn push_scalar(out: &mut String, scalar: &str) {
    if !scalar.chars().any(is_deceptive) {
        out.push_str(scalar);
        return;
    }
    for c in scalar.chars() {
        if is_deceptive(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_fits_on_a_line_stays_on_it() {
        let value = json!({
            "a": [],
            "b": {"evidence": [{"frame": {"number": 1}, "says": "short"}, {"says": "x".repeat(80)}]},
            "c": "\u{202e}\"\\\u{e0041}\u{1b}",
        });
        insta::assert_snapshot!(pretty(&value).unwrap(), @r#"
        {
          "a": [],
          "b": {
            "evidence": [
              {"frame": {"number": 1}, "says": "short"},
              {"says": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
            ]
          },
          "c": "\u202e\"\\\udb40\udc41\u001b"
        }
        "#);
    }

    proptest! {
        #[test]
        fn the_layout_changes_no_value(strings in proptest::collection::vec(".*", 0..6), n: i64, wide in 0_usize..200) {
            let value = json!({"s": strings, "n": n, "o": {"w": "w".repeat(wide), "l": [[[n]], {"x": {}}]}});
            for text in [pretty(&value).unwrap(), compact(&value).unwrap()] {
                prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
                prop_assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)));
            }
        }
    }
}
