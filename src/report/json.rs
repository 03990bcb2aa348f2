//! `--format json`: one document, for machines that people look over the
//! shoulder of.
//!
//! serde_json decides what is written; this file only lays it out. A list or
//! object that fits on a line stays on it, so that evidence reads as a table
//! and a changed golden report shows one changed line. Characters that JSON
//! allows and a terminal obeys are written as `\uXXXX`.

use std::fmt::Write;
use std::io;

use serde::Serialize;

use super::document::Report;
use super::escape::is_deceptive;

/// The longest line that a list or object is joined to.
const WIDTH: usize = 100;

/// Writes the report as one JSON document with a line break at its end.
///
/// # Errors
/// Those of `out`; the document's own types cause none.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    // Field by field and entry by entry: the text of a report over many
    // connections is larger than all else together, and never whole in memory.
    let Report {
        schema_version,
        tool,
        captures,
        attempts,
        connections,
        findings,
        side_channels,
        servers,
        summary,
        notices,
        unreadable,
    } = report;
    out.write_all(b"{")?;
    field(out, "\n", "schema_version", schema_version)?;
    field(out, ",\n", "tool", tool)?;
    list(out, "captures", captures)?;
    list(out, "attempts", attempts)?;
    list(out, "connections", connections)?;
    list(out, "findings", findings)?;
    list(out, "side_channels", side_channels)?;
    list(out, "servers", servers)?;
    field(out, ",\n", "summary", summary)?;
    list(out, "notices", notices)?;
    list(out, "unreadable", unreadable)?;
    out.write_all(b"\n}\n")
}

fn field<T: Serialize>(out: &mut dyn io::Write, before: &str, name: &str, value: &T) -> io::Result<()> {
    let laid_out = lay_out(&serde_json::to_string(value)?, 1);
    write!(out, "{before}  \"{name}\": {}", laid_out.trim_end())
}

fn list<T: Serialize>(out: &mut dyn io::Write, name: &str, entries: &[T]) -> io::Result<()> {
    write!(out, ",\n  \"{name}\": [")?;
    for (i, entry) in entries.iter().enumerate() {
        let laid_out = lay_out(&serde_json::to_string(entry)?, 2);
        write!(out, "{}\n    {}", if i == 0 { "" } else { "," }, laid_out.trim_end())?;
    }
    out.write_all(if entries.is_empty() { b"]" } else { b"\n  ]" })
}

/// `value` as JSON, laid out for people.
#[cfg(test)]
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(lay_out(&serde_json::to_string(value)?, 0))
}

/// `value` as JSON on one line, without a line break.
pub(super) fn compact<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    let mut out = String::with_capacity(json.len());
    push_scalar(&mut out, &json);
    Ok(out)
}

/// Lays out compact JSON, as serde_json writes it, as a value that stands
/// `depth` levels deep in a document.
fn lay_out(json: &str, depth: usize) -> String {
    let mut out = String::with_capacity(json.len().saturating_mul(2));
    let mut depth = depth;
    // How many brackets are open on a joined line.
    let mut joined = 0_usize;
    let mut line_start = 0_usize;
    let mut rest = json;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_len(rest));
        match token {
            "{" | "[" => {
                out.push_str(token);
                // The outermost two levels always take lines of their own.
                let room = WIDTH.saturating_sub(out.len().saturating_sub(line_start));
                if joined > 0 || closes_at_once(after) || (depth > 1 && fits(rest, room)) {
                    joined = joined.saturating_add(1);
                } else {
                    depth = depth.saturating_add(1);
                    line_start = new_line(&mut out, depth);
                }
            }
            "}" | "]" if joined > 0 => {
                joined = joined.saturating_sub(1);
                out.push_str(token);
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                line_start = new_line(&mut out, depth);
                out.push_str(token);
            }
            "," if joined > 0 => out.push_str(", "),
            "," => {
                out.push(',');
                line_start = new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            scalar => push_scalar(&mut out, scalar),
        }
        rest = after;
    }
    out.push('\n');
    out
}

fn closes_at_once(after: &str) -> bool {
    after.starts_with(['}', ']'])
}

/// Whether the list or object at the start of `json` takes less than `room`
/// bytes on one line. Looks no further than that.
fn fits(json: &str, room: usize) -> bool {
    let mut depth = 0_usize;
    let mut width = 0_usize;
    let mut rest = json;
    while width < room && !rest.is_empty() {
        let (token, after) = rest.split_at(token_len(rest));
        rest = after;
        match token {
            "{" | "[" => depth = depth.saturating_add(1),
            "}" | "]" => depth = depth.saturating_sub(1),
            // Each is followed by a space.
            "," | ":" => width = width.saturating_add(1),
            _ => {}
        }
        width = width.saturating_add(token.len());
        if depth == 0 {
            return width < room;
        }
    }
    false
}

/// The length of the token at the start of `json`: a bracket, a comma, a colon
/// or a scalar.
fn token_len(json: &str) -> usize {
    let bytes = json.as_bytes();
    match bytes.first() {
        Some(b'"') => {
            let mut escaped = false;
            let end = bytes.iter().skip(1).position(|&b| {
                let ends = b == b'"' && !escaped;
                escaped = b == b'\\' && !escaped;
                ends
            });
            end.map_or(bytes.len(), |end| end.saturating_add(2))
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
        _ => bytes.iter().position(|b| matches!(b, b',' | b']' | b'}')).unwrap_or(bytes.len()),
    }
}

/// Begins a line; returns where it starts.
fn new_line(out: &mut String, depth: usize) -> usize {
    out.push('\n');
    let start = out.len();
    for _ in 0..depth {
        out.push_str("  ");
    }
    start
}

/// JSON, with the characters that JSON would let through escaped; they stand
/// only in strings.
fn push_scalar(out: &mut String, json: &str) {
    // serde_json has escaped what ASCII has to hide, DEL aside; nearly all of a
    // report is ASCII.
    if json.bytes().all(|b| b < 0x7f) {
        out.push_str(json);
        return;
    }
    for c in json.chars() {
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
    fn written_piece_by_piece_it_is_the_same_document() {
        for (_, report) in crate::report::samples::all() {
            let mut written = Vec::new();
            write(&report, &mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), pretty(&report).unwrap());
        }
    }

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
