//! `--format json`: one document, for machines that people look over the
//! shoulder of.
//!
//! A list or object that fits on a line stays on it, so that evidence reads as a
//! table and a changed golden report shows one changed line. Characters that
//! JSON allows and a terminal obeys are written as `\uXXXX`.

use std::io::{self, Read, Seek, Write};

use serde::Serialize;

use super::build::Listener;
use super::document::{Attempt, Connection, Report};
use layout::Layout;

mod layout;
mod page;
mod text;
mod writer;

/// Text that is handed on at once.
const PAGE: usize = 128 << 10;

/// The same of text that is stored: both lists have room for as much until the end.
const STORED: usize = 64 << 10;

/// Text of each list that waits in memory before any is stored: most reports need
/// no file.
const KEPT: usize = 1 << 20;

/// Entries are shorter, nearly all.
const ENTRY: usize = 32 << 10;

/// Writes the report as one JSON document with a line break at its end.
///
/// # Errors
/// Those of `out`; the document's own types cause none.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    // Field by field and entry by entry: the text of a report over many
    // connections is larger than all else together, and never whole in memory.
    let mut out = Out { out, layout: Layout::default() };
    out.before_lists(report)?;
    out.list("attempts", &report.attempts)?;
    out.list("connections", &report.connections)?;
    out.after_lists(report)
}

/// The two long lists of a report that is written while its captures are read.
/// They wait in memory and then in two `Store`s, since other things stand before
/// them in the document that are known only at the end.
pub struct Lists<Store> {
    attempts: Waiting<Store>,
    connections: Waiting<Store>,
}

struct Waiting<Store> {
    layout: Layout,
    store: Store,
    is_stored: bool,
    is_empty: bool,
}

impl<Store: Read + Write + Seek> Lists<Store> {
    /// Lists that wait in these empty stores.
    pub fn new(attempts: Store, connections: Store) -> Self {
        Self { attempts: Waiting::new(attempts), connections: Waiting::new(connections) }
    }

    /// Writes the document: `rest` of the report, and the lists in their places.
    ///
    /// # Errors
    /// Those of `out` and of the stores.
    pub fn write(self, rest: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        let mut out = Out { out, layout: Layout::default() };
        out.before_lists(rest)?;
        self.attempts.copy("attempts", &mut out)?;
        self.connections.copy("connections", &mut out)?;
        out.after_lists(rest)
    }
}

impl<Store: Read + Write + Seek> Waiting<Store> {
    fn new(store: Store) -> Self {
        Self { layout: Layout::with_room(KEPT + ENTRY), store, is_stored: false, is_empty: true }
    }

    fn push<T: Serialize>(&mut self, entry: &T) -> io::Result<()> {
        self::entry(&mut self.layout, self.is_empty, entry)?;
        self.is_empty = false;
        if self.layout.text().len() < if self.is_stored { STORED } else { KEPT } {
            return Ok(());
        }
        self.store.write_all(self.layout.text())?;
        if self.is_stored {
            self.layout.clear();
        } else {
            self.layout.shrink(STORED + ENTRY);
            self.is_stored = true;
        }
        Ok(())
    }

    fn copy(mut self, name: &str, out: &mut Out<'_>) -> io::Result<()> {
        out.begin(name)?;
        if self.is_stored {
            self.store.rewind()?;
            io::copy(&mut io::BufReader::with_capacity(PAGE, self.store), out.out)?;
        }
        out.out.write_all(self.layout.text())?;
        out.end(self.is_empty)
    }
}

impl<Store: Read + Write + Seek> Listener for Lists<Store> {
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()> {
        self.attempts.push(attempt)
    }

    fn connection(&mut self, connection: Connection, _: &Attempt) -> io::Result<()> {
        self.connections.push(&connection)
    }
}

/// Where the document goes, and what has not gone there yet.
struct Out<'a> {
    out: &'a mut dyn io::Write,
    layout: Layout,
}

impl Out<'_> {
    fn before_lists(&mut self, report: &Report) -> io::Result<()> {
        self.out.write_all(b"{")?;
        self.field("\n", "schema_version", &report.schema_version)?;
        self.field(",\n", "tool", &report.tool)?;
        self.list("captures", &report.captures)
    }

    fn after_lists(&mut self, report: &Report) -> io::Result<()> {
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
            self.list("counted", counted)?;
        }
        self.list("findings", findings)?;
        self.list("side_channels", side_channels)?;
        self.list("servers", servers)?;
        self.list("clients", clients)?;
        self.field(",\n", "summary", summary)?;
        self.list("notices", notices)?;
        self.list("unreadable", unreadable)?;
        self.out.write_all(b"\n}\n")
    }

    fn field<T: Serialize>(&mut self, before: &str, name: &str, value: &T) -> io::Result<()> {
        self.layout.add(before.as_bytes());
        writer::write(value, Some(1), &format!("  \"{name}\": "), &mut self.layout)?;
        self.hand_on()
    }

    fn list<T: Serialize>(&mut self, name: &str, entries: &[T]) -> io::Result<()> {
        self.begin(name)?;
        for (i, entry) in entries.iter().enumerate() {
            self::entry(&mut self.layout, i == 0, entry)?;
            if self.layout.text().len() >= PAGE {
                self.hand_on()?;
            }
        }
        self.hand_on()?;
        self.end(entries.is_empty())
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        write!(self.out, ",\n  \"{name}\": [")
    }

    fn end(&mut self, is_empty: bool) -> io::Result<()> {
        self.out.write_all(if is_empty { b"]" } else { b"\n  ]" })
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(self.layout.text())?;
        self.layout.clear();
        Ok(())
    }
}

fn entry<T: Serialize>(layout: &mut Layout, is_first: bool, entry: &T) -> io::Result<()> {
    layout.add(if is_first { b"\n" } else { b",\n" });
    Ok(writer::write(entry, Some(2), "    ", layout)?)
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
        self.0.clear();
        writer::write(value, None, "", &mut self.0)?;
        self.0.add(b"\n");
        out.write_all(self.0.text())
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
                lists.connections.push(connection).unwrap();
            }
            let mut written = Vec::new();
            lists.write(&report, &mut written).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), whole);
        }
    }

    #[test]
    fn more_than_is_kept_in_memory_is_stored() {
        let mut report = crate::report::samples::injected_reset();
        let connection = report.connections[0].clone();
        let text = pretty(&connection).unwrap();
        report.connections = vec![connection; (KEPT + 3 * PAGE) / text.len()];
        let mut whole = Vec::new();
        write(&report, &mut whole).unwrap();

        let mut lists = Lists::new(io::Cursor::new(Vec::new()), io::Cursor::new(Vec::new()));
        report.attempts.iter().for_each(|attempt| lists.attempt(attempt).unwrap());
        report.connections.iter().for_each(|connection| lists.connections.push(connection).unwrap());
        assert!(lists.connections.is_stored && !lists.attempts.is_stored);
        let mut written = Vec::new();
        lists.write(&report, &mut written).unwrap();
        assert!(written == whole);
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
