//! `--format json`: one document, for machines that people look over the
//! shoulder of.
//!
//! A list or object that fits on a line stays on it, so that evidence reads as a
//! table and a changed golden report shows one changed line. Characters that
//! JSON allows and a terminal obeys are written as `\uXXXX`.

use std::io::{self, BufWriter, Read, Seek, Write};

use serde::Serialize;

use super::build::Listener;
use super::document::{Attempt, Connection, Report};
use layout::Layout;

mod layout;
mod text;
mod writer;

/// Writes the report as one JSON document with a line break at its end.
///
/// # Errors
/// Those of `out`; the document's own types cause none.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    // Field by field and entry by entry: the text of a report over many
    // connections is larger than all else together, and never whole in memory.
    let mut layout = Layout::default();
    before_lists(report, out, &mut layout)?;
    list(out, &mut layout, "attempts", &report.attempts)?;
    list(out, &mut layout, "connections", &report.connections)?;
    after_lists(report, out, &mut layout)
}

/// The two long lists of a report that is written while its captures are read.
/// They wait in two `Store`s, since other things stand before them in the
/// document that are known only at the end.
pub struct Lists<Store: Write> {
    attempts: Waiting<Store>,
    connections: Waiting<Store>,
    layout: Layout,
}

struct Waiting<Store: Write> {
    text: BufWriter<Store>,
    is_empty: bool,
}

impl<Store: Read + Write + Seek> Lists<Store> {
    /// Lists that wait in these empty stores.
    pub fn new(attempts: Store, connections: Store) -> Self {
        let waiting = |store| Waiting { text: BufWriter::new(store), is_empty: true };
        Self { attempts: waiting(attempts), connections: waiting(connections), layout: Layout::default() }
    }

    /// Writes the document: `rest` of the report, and the lists in their places.
    ///
    /// # Errors
    /// Those of `out` and of the stores.
    pub fn write(mut self, rest: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        before_lists(rest, out, &mut self.layout)?;
        self.attempts.copy("attempts", out)?;
        self.connections.copy("connections", out)?;
        after_lists(rest, out, &mut self.layout)
    }
}

impl<Store: Write> Waiting<Store> {
    fn push<T: Serialize>(&mut self, layout: &mut Layout, entry: &T) -> io::Result<()> {
        self::entry(&mut self.text, layout, self.is_empty, entry)?;
        self.is_empty = false;
        Ok(())
    }
}

impl<Store: Read + Write + Seek> Waiting<Store> {
    fn copy(self, name: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let mut text = self.text.into_inner().map_err(io::IntoInnerError::into_error)?;
        text.rewind()?;
        begin(out, name)?;
        io::copy(&mut text, out)?;
        end(out, self.is_empty)
    }
}

impl<Store: Read + Write + Seek> Listener for Lists<Store> {
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        self.attempts.push(&mut self.layout, attempt)
    }

    fn connection(&mut self, connection: Connection, _: &Attempt) -> io::Result<()> {
        self.connections.push(&mut self.layout, &connection)
    }
}

fn before_lists(report: &Report, out: &mut dyn io::Write, layout: &mut Layout) -> io::Result<()> {
    out.write_all(b"{")?;
    field(out, layout, "\n", "schema_version", &report.schema_version)?;
    field(out, layout, ",\n", "tool", &report.tool)?;
    list(out, layout, "captures", &report.captures)
}

fn after_lists(report: &Report, out: &mut dyn io::Write, layout: &mut Layout) -> io::Result<()> {
    // Named one by one, so that a new field is not forgotten.
    let Report {
        schema_version: _,
        tool: _,
        captures: _,
        attempts: _,
        connections: _,
        counted,
        findings,
        side_channels,
        servers,
        clients,
        summary,
        notices,
        unreadable,
    } = report;
    if !counted.is_empty() {
        list(out, layout, "counted", counted)?;
    }
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
    out.write_all(before.as_bytes())?;
    writer::write(value, Some(1), &format!("  \"{name}\": "), layout)?;
    out.write_all(layout.text())
}

fn list<T: Serialize>(out: &mut dyn io::Write, layout: &mut Layout, name: &str, entries: &[T]) -> io::Result<()> {
    begin(out, name)?;
    for (i, entry) in entries.iter().enumerate() {
        self::entry(out, layout, i == 0, entry)?;
    }
    end(out, entries.is_empty())
}

fn begin(out: &mut dyn io::Write, name: &str) -> io::Result<()> {
    write!(out, ",\n  \"{name}\": [")
}

fn entry<T: Serialize>(out: &mut dyn io::Write, layout: &mut Layout, is_first: bool, entry: &T) -> io::Result<()> {
    out.write_all(if is_first { b"\n" } else { b",\n" })?;
    writer::write(entry, Some(2), "    ", layout)?;
    out.write_all(layout.text())
}

fn end(out: &mut dyn io::Write, is_empty: bool) -> io::Result<()> {
    out.write_all(if is_empty { b"]" } else { b"\n  ]" })
}

/// `value` as JSON, laid out for people.
#[cfg(test)]
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut layout = Layout::default();
    writer::write(value, Some(0), "", &mut layout)?;
    Ok(String::from_utf8_lossy(layout.text()).into_owned() + "\n")
}

/// Writes values as lines of JSON, one after another, in the same memory.
#[derive(Debug, Default)]
pub(super) struct OneLine(Layout);

impl OneLine {
    /// Writes `value` as a line.
    pub(super) fn write<T: Serialize>(&mut self, value: &T, out: &mut dyn io::Write) -> io::Result<()> {
        writer::write(value, None, "", &mut self.0)?;
        out.write_all(self.0.text())?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::escape::is_deceptive;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn written_piece_by_piece_it_is_the_same_document() {
        for (_, report) in crate::report::samples::all() {
            let whole = pretty(&report).unwrap();
            let mut written = Vec::new();
            write(&report, &mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), whole);

            let mut lists = Lists::new(io::Cursor::new(Vec::new()), io::Cursor::new(Vec::new()));
            report.attempts.iter().for_each(|attempt| lists.attempt(attempt).unwrap());
            for connection in &report.connections {
                lists.connections.push(&mut lists.layout, connection).unwrap();
            }
            let mut written = Vec::new();
            lists.write(&report, &mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), whole);
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
            let mut line = Vec::new();
            OneLine::default().write(&value, &mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            let plain = serde_json::to_string(&value).unwrap();
            prop_assert!(plain.chars().any(is_deceptive) || line == plain + "\n");
            for text in [pretty(&value).unwrap(), line] {
                prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
                prop_assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)));
            }
        }
    }
}
