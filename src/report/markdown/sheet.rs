//! The sheet that Markdown is written on. Whatever is written passes through
//! [`inline`], and every block stands apart from the next.

use std::io;

use super::inline;

/// What the last thing written was: a list goes on without an empty line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Entry,
    Block,
}

/// Writes blocks; remembers the first error and then stays silent.
pub(super) struct Sheet<'w> {
    out: &'w mut dyn io::Write,
    result: io::Result<()>,
    last: Last,
}

impl<'w> Sheet<'w> {
    /// An empty sheet that ends up in `out`.
    pub(super) fn new(out: &'w mut dyn io::Write) -> Self {
        Self { out, result: Ok(()), last: Last::Nothing }
    }

    /// The first error met while writing.
    pub(super) fn finish(self) -> io::Result<()> {
        self.result
    }

    /// The first line, as plain as it can be; the line beneath makes it a
    /// heading (CommonMark 0.31 §4.3).
    pub(super) fn title(&mut self, text: &str) {
        let text = inline::escaped(text);
        let rule = "=".repeat(text.chars().count().max(1));
        self.block(&format!("{text}\n{rule}"));
    }

    /// A heading of a part.
    pub(super) fn part(&mut self, text: &str) {
        self.block(&format!("## {}", inline::escaped(text)));
    }

    /// A heading within a part.
    pub(super) fn heading(&mut self, text: &str) {
        self.block(&format!("### {}", inline::escaped(text)));
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        // No word of ours begins a block of another kind.
        self.block(&inline::escaped(text));
    }

    /// One of a list.
    pub(super) fn item(&mut self, text: &str) {
        self.entry_line(&format!("- {}", inline::escaped(text)));
    }

    /// One of a list within the entry above it.
    pub(super) fn sub_item(&mut self, text: &str) {
        self.entry_line(&format!("  - {}", inline::escaped(text)));
    }

    /// One of a numbered list.
    pub(super) fn numbered(&mut self, number: usize, text: &str) {
        self.entry_line(&format!("{number}. {}", inline::escaped(text)));
    }

    /// `label: text` as one of a list.
    pub(super) fn entry(&mut self, label: &str, text: &str) {
        self.entry_line(&format!("- **{}:** {}", inline::escaped(label), inline::escaped(text)));
    }

    /// Something to be copied.
    pub(super) fn code(&mut self, text: &str) {
        let text = crate::report::escape::sentence(text).replace(super::words::GLUE, " ");
        let fence = "`".repeat(inline::longest_run(&text).saturating_add(1).max(3));
        self.block(&format!("{fence}\n{text}\n{fence}"));
    }

    /// A table, its columns as wide as their widest cell.
    pub(super) fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        // A code span does not protect a bar within a table (GFM §4.10).
        let cell = |text: &str| inline::escaped(text).replace('|', "\\|");
        let head = head.map(cell);
        let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|text| cell(text))).collect();
        let mut widths = head.each_ref().map(|text| text.chars().count().max(3));
        for row in &rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count());
            }
        }
        let line = |cells: &[String; N]| {
            let cells = cells.iter().zip(widths).map(|(text, width)| format!(" {text:width$} |"));
            format!("|{}", cells.collect::<String>())
        };
        let rule = widths.map(|width| format!("{}|", "-".repeat(width.saturating_add(2)))).concat();
        let mut lines = vec![line(&head), format!("|{rule}")];
        lines.extend(rows.iter().map(line));
        self.block(&lines.join("\n"));
    }

    fn block(&mut self, text: &str) {
        if self.last != Last::Nothing {
            self.write("");
        }
        self.write(text);
        self.last = Last::Block;
    }

    fn entry_line(&mut self, text: &str) {
        if self.last == Last::Block {
            self.write("");
        }
        self.write(text.trim_end());
        self.last = Last::Entry;
    }

    fn write(&mut self, text: &str) {
        if self.result.is_ok() {
            self.result = writeln!(self.out, "{text}");
        }
    }
}
