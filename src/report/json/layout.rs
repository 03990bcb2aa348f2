//! Where lines break.
//!
//! serde_json writes a value once, and while it does, brackets, commas and
//! colons are taken aside: so no text is searched for them again, however many
//! connections a report has. Then the width of each list and object is known,
//! and the scalars are copied between the signs.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{is_harmless, push_escaped};

/// The longest line that a list or object is joined to.
const WIDTH: usize = 100;

/// Lays out one value after another, in the same memory.
#[derive(Debug, Default)]
pub(super) struct Layout {
    tape: Tape,
    /// Open lists and objects while widths are measured.
    open: Vec<usize>,
    out: String,
}

/// A value taken apart: its scalars in a row, and the signs between them.
#[derive(Debug, Default)]
struct Tape {
    scalars: Vec<u8>,
    signs: Vec<Sign>,
}

#[derive(Clone, Copy, Debug)]
struct Sign {
    mark: Mark,
    /// How many bytes of scalars stand before it.
    at: usize,
    /// Of a list or object: its width on one line, from bracket to bracket.
    width: usize,
}

/// What structures JSON. The numbers stand for control characters, which
/// serde_json escapes wherever they are part of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Mark {
    OpenList = 1,
    CloseList,
    OpenObject,
    CloseObject,
    Comma,
    Colon,
}

impl Layout {
    /// `value` as a value that stands `depth` levels deep in a document, without
    /// a line break at its end.
    pub(super) fn lay_out<T: Serialize>(&mut self, value: &T, depth: usize) -> serde_json::Result<&str> {
        self.tape.scalars.clear();
        self.tape.signs.clear();
        self.out.clear();
        value.serialize(&mut Serializer::with_formatter(&mut self.tape, Marks))?;
        self.measure();
        self.write(depth);
        Ok(&self.out)
    }

    /// Finds how wide each list and object is on one line.
    fn measure(&mut self) {
        let mut spaces = 0_usize;
        self.open.clear();
        for index in 0..self.tape.signs.len() {
            let Some(sign) = self.tape.signs.get_mut(index) else { return };
            // Where this sign would stand if everything stood on one line.
            let column = sign.at.saturating_add(index).saturating_add(spaces);
            match sign.mark {
                Mark::OpenList | Mark::OpenObject => {
                    sign.width = column;
                    self.open.push(index);
                }
                Mark::CloseList | Mark::CloseObject => {
                    let opened = self.open.pop().and_then(|opened| self.tape.signs.get_mut(opened));
                    if let Some(opened) = opened {
                        opened.width = column.saturating_add(1).saturating_sub(opened.width);
                    }
                }
                // Each is followed by a space.
                Mark::Comma | Mark::Colon => spaces = spaces.saturating_add(1),
            }
        }
    }

    fn write(&mut self, depth: usize) {
        let Self { tape: Tape { scalars, signs }, out, .. } = self;
        let is_harmless = is_harmless(scalars);
        // serde_json writes whole characters.
        let text = core::str::from_utf8(scalars).unwrap_or_default();
        let mut depth = depth;
        // How many brackets are open on a joined line.
        let mut joined = 0_usize;
        let mut line_start = 0_usize;
        let mut written = 0_usize;
        let mut following = signs.iter().skip(1);
        for sign in signs.iter() {
            let next = following.next();
            push_scalar(out, text.get(written..sign.at).unwrap_or_default(), is_harmless);
            written = sign.at;
            match sign.mark {
                Mark::OpenList | Mark::OpenObject => {
                    out.push(if sign.mark == Mark::OpenList { '[' } else { '{' });
                    // The outermost two levels always take lines of their own.
                    let room = WIDTH.saturating_sub(out.len().saturating_sub(line_start));
                    let is_empty = next.is_some_and(|next| next.closes() && next.at == sign.at);
                    if joined > 0 || is_empty || (depth > 1 && sign.width < room) {
                        joined = joined.saturating_add(1);
                    } else {
                        depth = depth.saturating_add(1);
                        line_start = new_line(out, depth);
                    }
                }
                Mark::CloseList | Mark::CloseObject => {
                    if joined > 0 {
                        joined = joined.saturating_sub(1);
                    } else {
                        depth = depth.saturating_sub(1);
                        line_start = new_line(out, depth);
                    }
                    out.push(if sign.mark == Mark::CloseList { ']' } else { '}' });
                }
                Mark::Comma if joined > 0 => out.push_str(", "),
                Mark::Comma => {
                    out.push(',');
                    line_start = new_line(out, depth);
                }
                Mark::Colon => out.push_str(": "),
            }
        }
        push_scalar(out, text.get(written..).unwrap_or_default(), is_harmless);
    }
}

impl Sign {
    const fn closes(self) -> bool {
        matches!(self.mark, Mark::CloseList | Mark::CloseObject)
    }
}

fn push_scalar(out: &mut String, scalar: &str, is_harmless: bool) {
    if is_harmless {
        out.push_str(scalar);
    } else {
        push_escaped(out, scalar);
    }
}

/// Begins a line; returns where it starts.
fn new_line(out: &mut String, depth: usize) -> usize {
    const INDENT: &str = "                                ";
    out.push('\n');
    let start = out.len();
    match INDENT.get(..depth.saturating_mul(2)) {
        Some(indent) => out.push_str(indent),
        None => (0..depth).for_each(|_| out.push_str("  ")),
    }
    start
}

impl Mark {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::OpenList,
            2 => Self::CloseList,
            3 => Self::OpenObject,
            4 => Self::CloseObject,
            5 => Self::Comma,
            6 => Self::Colon,
            _ => return None,
        })
    }

    fn put<W: ?Sized + io::Write>(self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&[self as u8])
    }
}

impl io::Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let [byte] = *bytes
            && let Some(mark) = Mark::of(byte)
        {
            self.signs.push(Sign { mark, at: self.scalars.len(), width: 0 });
        } else {
            self.scalars.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes marks where JSON has signs.
struct Marks;

impl Formatter for Marks {
    #[inline]
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        Mark::OpenList.put(writer)
    }

    #[inline]
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        Mark::CloseList.put(writer)
    }

    #[inline]
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { Mark::Comma.put(writer) }
    }

    #[inline]
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        Mark::OpenObject.put(writer)
    }

    #[inline]
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        Mark::CloseObject.put(writer)
    }

    #[inline]
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { Mark::Comma.put(writer) }
    }

    #[inline]
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        Mark::Colon.put(writer)
    }
}
