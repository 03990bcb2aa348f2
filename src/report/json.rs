//! `--format json`: one document, for machines that people look over the
//! shoulder of.
//!
//! serde_json decides what is written; this file only lays it out. A list or
//! object that fits on a line stays on it, so that evidence reads as a table
//! and a changed golden report shows one changed line. Characters that JSON
//! allows and a terminal obeys are written as `\uXXXX`.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use super::document::Report;
use super::escape::is_deceptive;
use layout::Layout;

mod layout;

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
        clients,
        summary,
        notices,
        unreadable,
    } = report;
    let mut layout = Layout::default();
    let layout = &mut layout;
    out.write_all(b"{")?;
    field(out, layout, "\n", "schema_version", schema_version)?;
    field(out, layout, ",\n", "tool", tool)?;
    list(out, layout, "captures", captures)?;
    list(out, layout, "attempts", attempts)?;
    list(out, layout, "connections", connections)?;
    list(out, layout, "findings", findings)?;
    list(out, layout, "side_channels", side_channels)?;
    list(out, layout, "servers", servers)?;
    list(out, layout, "clients", clients)?;
    field(out, layout, ",\n", "summary", summary)?;
    list(out, layout, "notices", notices)?;
    list(out, layout, "unreadable", unreadable)?;
    out.write_all(b"\n}\n")
}

fn field<T: Serialize>(
    out: &mut dyn io::Write,
    layout: &mut Layout,
    before: &str,
    name: &str,
    value: &T,
) -> io::Result<()> {
    write!(out, "{before}  \"{name}\": ")?;
    out.write_all(layout.lay_out(value, 1)?.as_bytes())
}

fn list<T: Serialize>(out: &mut dyn io::Write, layout: &mut Layout, name: &str, entries: &[T]) -> io::Result<()> {
    write!(out, ",\n  \"{name}\": [")?;
    for (i, entry) in entries.iter().enumerate() {
        out.write_all(if i == 0 { b"\n    " } else { b",\n    " })?;
        out.write_all(layout.lay_out(entry, 2)?.as_bytes())?;
    }
    out.write_all(if entries.is_empty() { b"]" } else { b"\n  ]" })
}

/// `value` as JSON, laid out for people.
#[cfg(test)]
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(Layout::default().lay_out(value, 0)?.to_owned() + "\n")
}

/// `value` as JSON on one line, without a line break.
pub(super) fn compact<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    if is_harmless(json.as_bytes()) {
        return Ok(json);
    }
    let mut out = String::with_capacity(json.len());
    push_escaped(&mut out, &json);
    Ok(out)
}

/// Whether no character of this JSON needs to be escaped beyond what serde_json
/// has done. Nearly all of a report is ASCII, of which only DEL is left.
fn is_harmless(json: &[u8]) -> bool {
    // A maximum is found many bytes at a time.
    json.iter().fold(0, |highest, byte| highest.max(*byte)) < 0x7f
}

/// JSON, with the characters that JSON would let through escaped; they stand
/// only in strings.
fn push_escaped(out: &mut String, json: &str) {
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
