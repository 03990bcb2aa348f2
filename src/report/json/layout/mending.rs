//! What is mended where the guess was wrong: lines that are joined, and a line
//! that is broken.

use core::num::Wrapping;

use super::{DEEPEST, INDENT, Kind, Layout, fits};
use crate::report::json::page::Count;

impl Layout {
    /// Joins the lines of what is to be closed and was only guessed to take
    /// several.
    #[cold]
    #[inline(never)]
    pub(super) fn join(&mut self, at: Count, column: Count, kind: Kind) {
        self.learn(kind, false);
        self.line = at - column;
        let indent = (self.indent + INDENT).0 as usize;
        let first = at.0 as usize + 1;
        let text = self.page.text_mut();
        let (mut from, mut to) = (first, first);
        // No entry has a line break of its own.
        while let Some(b'\n') = text.get(from) {
            if to > first {
                text.get_mut(to).into_iter().for_each(|space| *space = b' ');
                to += 1;
            }
            from += 1 + indent;
            let rest = text.get(from..).unwrap_or_default();
            let len = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            text.copy_within(from..from + len, to);
            (from, to) = (from + len, to + len);
        }
        self.page.truncate(Wrapping(to as u32));
    }

    /// Breaks the lines of what was written on one and does not fit.
    #[cold]
    #[inline(never)]
    pub(super) fn break_lines(&mut self, at: Count, kind: Kind) {
        self.learn(kind, true);
        let text = self.page.text().get(at.0 as usize..).unwrap_or_default().to_vec();
        self.page.truncate(at);
        self.lay(&text);
        self.broken = self.page.len();
    }

    /// Writes what stands on one line in as many as it takes.
    fn lay(&mut self, text: &[u8]) {
        let [open @ (b'[' | b'{'), entries @ .., close] = text else {
            return self.page.extend(text);
        };
        if entries.is_empty()
            || self.indent >= DEEPEST
            || fits(self.page.len() - self.line + Wrapping(text.len() as u32))
        {
            return self.page.extend(text);
        }
        self.page.byte(*open);
        self.indent += INDENT;
        let (mut rest, mut is_first) = (entries, true);
        while !rest.is_empty() {
            self.new_line(is_first);
            let (entry, behind) = rest.split_at(entry_len(rest));
            let name = if *open == b'{' { text_len(entry) + b": ".len() } else { 0 };
            let (name, value) = entry.split_at(name);
            self.page.extend(name);
            self.lay(value);
            (rest, is_first) = (behind.get(b", ".len()..).unwrap_or_default(), false);
        }
        self.indent -= INDENT;
        self.new_line(true);
        self.page.byte(*close);
    }
}

/// Of entries on one line, the length of the first.
fn entry_len(entries: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = entries.get(at) {
        match byte {
            b'"' => at += text_len(entries.get(at..).unwrap_or_default()) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The length of the text in quotation marks that stands in front.
fn text_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}
