//! Where lines break: a list or object that fits on a line stays on it.
//!
//! Whether it fits is known at its end. It is begun as its like was written the
//! last time: on one line or in lines. Where that proves wrong, what was written
//! of it is joined, or broken into lines; so all is written once, but for the
//! few whose like changed.

mod mending;

use core::num::Wrapping;

use super::page::{Count, Page, put_at};
use super::text;
use crate::report::document::{Clock, Time};

/// The longest line that a list or object is joined to, with the comma behind
/// it.
const WIDTH: Count = Wrapping(100);

/// Columns of a level.
const INDENT: Count = Wrapping(2);

/// What stands between two lines, with the widest indentation.
const LINE_BREAK: &[u8; 32] = b",\n                              ";

/// What begins in this column or behind it stays on its line. A report does not
/// come near.
const DEEPEST: Count = Wrapping(LINE_BREAK.len() as u32 - 3 - INDENT.0);

/// A document in the making.
#[derive(Debug)]
pub(super) struct Layout {
    page: Page,
    form: Form,
    /// Where its last line starts.
    line: Count,
    /// In which column lines begin in the innermost list or object.
    indent: Count,
    /// Whether the innermost list or object is written on one line.
    is_joined: bool,
    /// The end of the last one that takes several lines: what is around it
    /// cannot fit.
    broken: Count,
    /// What the last field is called.
    field: Kind,
    /// Whether the last one of its kind took several lines.
    takes_lines: [bool; KINDS],
    clock: Clock,
}

/// How lines and spaces are made.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Where the lines of the value end.
    margin: Count,
    /// Lists and objects whose own lines end before this column always take
    /// several.
    in_lines: Count,
    has_lines: bool,
}

/// Lists and objects that are told apart where it is guessed how they fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(u16);

/// How many there are. Names that meet in one number make a guess worse, and
/// nothing else.
const KINDS: usize = 4096;

/// A list or object that is being written.
#[derive(Debug)]
pub(super) struct Bracket {
    at: Count,
    column: Count,
    entries: Count,
    kind: Kind,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Each entry has a line.
    InLines,
    /// On one line, within one that is in lines.
    Joined,
    /// On one line, within one that is so, too.
    Within,
}

impl Form {
    /// Of a value that stands `depth` levels deep, or of one on a single line.
    const fn of(depth: Option<usize>) -> Self {
        match depth {
            // The outermost two levels of a document take lines of their own.
            Some(depth) => {
                Self { margin: Wrapping(depth as u32 * INDENT.0), in_lines: Wrapping(2 * INDENT.0), has_lines: true }
            }
            None => Self { margin: Wrapping(0), in_lines: Wrapping(0), has_lines: false },
        }
    }
}

impl Kind {
    pub(super) const OTHER: Self = Self(0);

    /// Of what bears this name.
    #[inline(always)]
    pub(super) fn named(name: &str) -> Self {
        let bytes = name.as_bytes();
        let (first, last) = (bytes.first(), bytes.last());
        let some = [first, bytes.get(bytes.len() / 3), bytes.get(bytes.len() / 2), last];
        let sum = |sum: u16, byte: &u8| sum.wrapping_mul(37).wrapping_add(u16::from(*byte));
        Self(some.into_iter().flatten().fold(name.len() as u16, sum))
    }

    #[inline(always)]
    const fn of(self, within: Self) -> Self {
        Self(self.0.wrapping_add(within.0) % KINDS as u16)
    }
}

impl Bracket {
    /// One entry more; whether it is the first.
    #[inline(always)]
    fn count(&mut self) -> bool {
        self.entries += 1;
        self.entries == Wrapping(1)
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::on(Page::default())
    }
}

impl Layout {
    /// One with room for a text of so many bytes.
    pub(super) fn with_room(len: usize) -> Self {
        Self::on(Page::with_room(len))
    }

    fn on(page: Page) -> Self {
        Self {
            page,
            form: Form::of(None),
            line: Wrapping(0),
            indent: Wrapping(0),
            is_joined: true,
            broken: Wrapping(0),
            field: Kind::OTHER,
            takes_lines: [true; KINDS],
            clock: Clock::default(),
        }
    }

    /// Begins a value that stands `depth` levels deep, with what stands before it
    /// on its line; or one without lines and spaces.
    pub(super) fn begin(&mut self, depth: Option<usize>, before: &str) {
        self.form = Form::of(depth);
        (self.line, self.indent, self.broken) = (self.page.len(), self.form.margin, self.page.len());
        self.page.extend(before.as_bytes());
        (self.is_joined, self.field) = (!self.form.has_lines, Kind::OTHER);
    }

    /// What was written.
    pub(super) fn text(&self) -> &[u8] {
        self.page.text()
    }

    /// Writes what belongs to no value.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.page.extend(text);
    }

    /// Begins a new text in the same memory, of which it gives up what is more than
    /// so many bytes.
    pub(super) fn shrink(&mut self, len: usize) {
        self.page.shrink(len);
    }

    /// Begins a new text in the same memory.
    pub(super) fn clear(&mut self) {
        self.page.truncate(Wrapping(0));
    }

    /// Writes a time.
    #[inline(always)]
    pub(super) fn time(&mut self, time: Time) {
        let clock = &mut self.clock;
        self.page.scalar(|room| {
            clock.write(time, room);
            Wrapping(Clock::WIDTH as u32)
        });
    }

    /// Writes a frame of the only capture: an object of which a report has dozens
    /// for each connection, nearly all of them on one line.
    #[inline(never)]
    pub(super) fn frame(&mut self, number: u64, kind: Kind) {
        if number >= text::SMALL || (!self.is_joined && self.indent < self.form.in_lines) {
            return self.frame_as_others(number, kind);
        }
        const WIDEST: usize = br#"{"number": 123456}"#.len();
        let at = self.page.len();
        let name = Wrapping(10) + self.space();
        self.page.scalar::<{ WIDEST + 2 }>(|room| {
            let (digits, count) = text::small(number as u32);
            put_at(room, 0, br#"{"number": "#);
            put_at(room, name.0 as usize % 16, &digits);
            put_at(room, (name + count).0 as usize % 32, b"}");
            name + count + Wrapping(1)
        });
        if !self.is_joined && !fits(self.page.len() - self.line) {
            self.page.truncate(at);
            self.frame_as_others(number, kind);
        }
    }

    #[cold]
    #[inline(never)]
    fn frame_as_others(&mut self, number: u64, kind: Kind) {
        let mut bracket = self.open(b'{', kind);
        self.field(&mut bracket, "number");
        text::push_unsigned(number, &mut self.page);
        self.close(&bracket, b'}');
    }

    /// Where scalars are written.
    #[inline(always)]
    pub(super) const fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    /// Begins a list or an object.
    #[inline(always)]
    pub(super) fn open(&mut self, bracket: u8, kind: Kind) -> Bracket {
        let at = self.page.len();
        self.page.byte(bracket);
        let kind = kind.of(self.field);
        let manner = if self.is_joined {
            Manner::Within
        } else if self.indent < self.form.in_lines || (self.takes_lines(kind) && self.indent < DEEPEST) {
            self.indent += INDENT;
            Manner::InLines
        } else {
            self.is_joined = true;
            Manner::Joined
        };
        Bracket { at, column: at - self.line, entries: Wrapping(0), kind, manner }
    }

    /// Begins the next entry of the list.
    #[inline(always)]
    pub(super) fn element(&mut self, bracket: &mut Bracket) {
        self.field = Kind::OTHER;
        self.entry(bracket);
    }

    /// Begins the next entry of the list or object.
    #[inline(always)]
    pub(super) fn entry(&mut self, bracket: &mut Bracket) {
        let is_first = bracket.count();
        if bracket.manner == Manner::InLines {
            self.new_line(is_first);
        } else if !is_first {
            self.page.put(b", ", Wrapping(1) + self.space());
        }
    }

    /// Begins the next field of the object, whose name needs no escape.
    #[inline(always)]
    pub(super) fn field(&mut self, bracket: &mut Bracket, name: &str) {
        const BEHIND: &[u8; 3] = b"\": ";
        self.field = Kind::named(name);
        let is_first = bracket.count();
        if bracket.manner == Manner::InLines {
            let (line_break, before) = line_break(is_first);
            self.line = self.page.len() + before;
            self.page.block_and_word(line_break, before + self.indent, name, BEHIND, Wrapping(3));
        } else {
            let space = self.space();
            let before = if is_first { Wrapping(0) } else { Wrapping(1) + space };
            self.page.block_and_word(b", ", before, name, BEHIND, Wrapping(2) + space);
        }
    }

    /// What stands between a name and its value.
    pub(super) fn colon(&mut self) {
        self.field = Kind::OTHER;
        self.page.put(b": ", Wrapping(1) + self.space());
    }

    #[inline(always)]
    fn space(&self) -> Count {
        Wrapping(self.form.has_lines.into())
    }

    /// Ends the list or object.
    #[inline(always)]
    pub(super) fn close(&mut self, bracket: &Bracket, close: u8) {
        let is_empty = bracket.entries == Wrapping(0);
        match bracket.manner {
            Manner::Within => self.page.byte(close),
            Manner::Joined => {
                self.page.byte(close);
                self.is_joined = false;
                // What is empty is joined, however long the line is.
                if !is_empty && !fits(bracket.column + self.page.len() - bracket.at) {
                    self.break_lines(bracket.at, bracket.kind);
                }
            }
            Manner::InLines => {
                self.indent -= INDENT;
                if is_empty {
                    self.page.byte(close);
                } else if self.is_to_be_joined(bracket) {
                    self.join(bracket.at, bracket.column, bracket.kind);
                    self.page.byte(close);
                } else {
                    let (line_break, before) = line_break(true);
                    self.page.block_and_byte(line_break, before + self.indent, close);
                    self.broken = self.page.len();
                }
            }
        }
    }

    /// Whether what was written in lines would fit on one.
    #[inline(always)]
    fn is_to_be_joined(&self, bracket: &Bracket) -> bool {
        // With a space for each line break but the first, and a bracket.
        let saved = bracket.entries * (self.indent + INDENT);
        self.broken <= bracket.at
            && fits(bracket.column + self.page.len() - bracket.at - saved)
            && self.indent >= self.form.in_lines
    }

    #[inline(always)]
    fn takes_lines(&self, Kind(kind): Kind) -> bool {
        self.takes_lines.get(usize::from(kind)).is_some_and(|takes_lines| *takes_lines)
    }

    fn learn(&mut self, Kind(kind): Kind, takes_lines: bool) {
        self.takes_lines.get_mut(usize::from(kind)).into_iter().for_each(|last| *last = takes_lines);
    }

    /// Begins a line, after a comma but for the first one.
    #[inline(always)]
    fn new_line(&mut self, is_first: bool) {
        let (line_break, before) = line_break(is_first);
        self.line = self.page.len() + before;
        self.page.put(line_break, before + self.indent);
    }
}

/// What begins a line, and how much of it stands before the indentation.
#[inline(always)]
const fn line_break(is_first: bool) -> (&'static [u8; 31], Count) {
    match LINE_BREAK {
        [_, without_comma @ ..] if is_first => (without_comma, Wrapping(1)),
        [with_comma @ .., _] => (with_comma, Wrapping(2)),
    }
}

/// Whether a line may end in this column, before its comma.
#[inline(always)]
const fn fits(column: Count) -> bool {
    column.0 < WIDTH.0 - 1
}

#[cfg(test)]
mod tests;
