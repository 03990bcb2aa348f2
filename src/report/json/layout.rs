//! Where lines break: a list or object that fits on a line stays on it.
//!
//! All is written as if it stood on one line. What is open is watched while it
//! grows, and as soon as it cannot fit any more its lines are broken; so no more
//! than a line is ever moved, however long the document is. (The way of
//! D. C. Oppen, "Prettyprinting", 1980.) An object whose like took several lines
//! the last time is begun in lines, and joined in the end if it does fit.

use core::mem;

/// The longest line that a list or object is joined to, with the comma behind
/// it.
const WIDTH: usize = 100;

/// Columns of a level.
const INDENT: usize = 2;

/// What stands between two lines, with the indentation of all levels that a
/// report has. What is deeper is not indented further.
const LINE_BREAK: &[u8; 50] = b",\n                                                ";

/// Kinds of objects that are told apart where it is guessed how they fit.
const KINDS: usize = 64;

/// A document in the making.
#[derive(Debug)]
pub(super) struct Layout {
    text: Vec<u8>,
    /// Where its last line starts.
    line: usize,
    form: Form,
    /// Lists and objects that are open, outermost first.
    open: Vec<Open>,
    /// How many of them are written in lines: what is around those is, too.
    in_lines: usize,
    /// In which column lines begin in the innermost of those.
    indent: usize,
    /// Where an entry begins, from first to last, of those of which it is not
    /// known that they take several lines.
    joints: Vec<usize>,
    /// Whether the last object of its kind took several lines.
    takes_lines: [bool; KINDS],
}

/// How lines and spaces are made.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Where the lines of the value end.
    margin: usize,
    /// In which column a value is closed at the latest, if it is joined.
    width: usize,
    /// How many of the outermost lists and objects always take lines.
    in_lines: usize,
    has_spaces: bool,
}

/// What an object is, as far as others like it are as wide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(u8);

#[derive(Clone, Copy, Debug)]
struct Open {
    /// Where its bracket stands, and in which column.
    bracket: usize,
    column: usize,
    /// How many of `joints` are those of lists and objects around it.
    joints: usize,
    kind: Option<Kind>,
    is_empty: bool,
    /// It is in lines because others like it were.
    is_guessed: bool,
}

impl Form {
    /// Of a value that stands `depth` levels deep, or of one on a single line.
    const fn of(depth: Option<usize>) -> Self {
        match depth {
            // The outermost two levels of a document take lines of their own.
            Some(depth) => Self {
                margin: depth * INDENT,
                width: WIDTH - 2,
                in_lines: 2_usize.saturating_sub(depth),
                has_spaces: true,
            },
            None => Self { margin: 0, width: usize::MAX, in_lines: 0, has_spaces: false },
        }
    }
}

impl Kind {
    /// Of the objects that bear this name.
    #[inline]
    pub(super) fn named(name: &str) -> Self {
        let ends = name.bytes().next().into_iter().chain(name.bytes().next_back());
        // Names that meet in one number make a guess worse, and nothing else.
        Self(ends.fold(name.len() as u8, u8::wrapping_add) % KINDS as u8)
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            line: 0,
            form: Form::of(None),
            open: Vec::new(),
            in_lines: 0,
            indent: 0,
            joints: Vec::new(),
            takes_lines: [false; KINDS],
        }
    }
}

impl Layout {
    /// Begins a new text, of a value that stands `depth` levels deep, with what
    /// stands before it on its line; or one without lines and spaces.
    pub(super) fn begin(&mut self, depth: Option<usize>, before: &str) {
        self.text.clear();
        self.text.extend_from_slice(before.as_bytes());
        self.open.clear();
        self.joints.clear();
        self.form = Form::of(depth);
        (self.line, self.in_lines, self.indent) = (0, 0, self.form.margin);
    }

    /// What was written.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where scalars are written.
    #[inline]
    pub(super) const fn scalar(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Begins a list or an object.
    #[inline]
    pub(super) fn open(&mut self, bracket: u8, kind: Option<Kind>) {
        let is_guessed = self.in_lines == self.open.len() && kind.is_some_and(|kind| self.takes_lines(kind));
        if is_guessed {
            self.in_lines += 1;
            self.indent += INDENT;
        }
        self.open.push(Open {
            bracket: self.text.len(),
            column: self.column(),
            joints: self.joints.len(),
            kind,
            is_empty: true,
            is_guessed,
        });
        self.text.push(bracket);
    }

    /// Begins the next entry of the list or object.
    #[inline(always)]
    pub(super) fn entry(&mut self) {
        self.fit();
        let in_lines = self.in_lines == self.open.len();
        let Some(innermost) = self.open.last_mut() else { return };
        let comma = usize::from(!mem::replace(&mut innermost.is_empty, false));
        if !in_lines || innermost.is_guessed {
            self.joints.push(self.text.len() + comma);
        }
        if in_lines {
            self.new_line(comma);
        } else if comma > 0 {
            self.text.push(b',');
            self.space();
        }
    }

    /// Begins the next field of the object, whose name needs no escape.
    pub(super) fn field(&mut self, name: &str) {
        self.entry();
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
        self.space();
    }

    /// What stands between a name and its value.
    pub(super) fn colon(&mut self) {
        self.text.push(b':');
        self.space();
    }

    #[inline]
    fn space(&mut self) {
        if self.form.has_spaces {
            self.text.push(b' ');
        }
    }

    /// Ends the list or object.
    #[inline]
    pub(super) fn close(&mut self, bracket: u8) {
        // What is empty is joined, however long the line is.
        if self.open.last().is_some_and(|innermost| !innermost.is_empty) {
            self.fit();
        }
        let Some(closed) = self.open.pop() else { return };
        let mut in_lines = self.in_lines > self.open.len();
        if in_lines {
            in_lines = !(closed.is_guessed && self.join(closed));
            self.in_lines -= 1;
            self.indent -= INDENT;
        }
        self.joints.truncate(closed.joints);
        if in_lines {
            // What is around it cannot fit.
            self.open.iter_mut().for_each(|around| around.is_guessed = false);
            self.new_line(0);
        }
        if let Some(Kind(kind)) = closed.kind
            && let Some(takes_lines) = self.takes_lines.get_mut(usize::from(kind))
        {
            *takes_lines = in_lines;
        }
        self.text.push(bracket);
    }

    fn takes_lines(&self, Kind(kind): Kind) -> bool {
        self.takes_lines.get(usize::from(kind)).is_some_and(|takes_lines| *takes_lines)
    }

    fn column(&self) -> usize {
        self.text.len().saturating_sub(self.line)
    }

    /// Begins a line; with a comma before it, if there is one.
    #[inline(always)]
    fn new_line(&mut self, comma: usize) {
        let [_, without_comma @ ..] = LINE_BREAK;
        self.line = self.text.len() + comma + 1;
        // To copy too much is quicker than to copy what is needed.
        if comma > 0 {
            self.text.extend_from_slice(LINE_BREAK);
        } else {
            self.text.extend_from_slice(without_comma);
        }
        self.text.truncate(self.line + self.indent);
    }

    /// Breaks the lines of what is open and cannot be closed on this line.
    #[inline]
    fn fit(&mut self) {
        while self.in_lines < self.open.len() && !self.fits(self.column(), self.open.len() - self.in_lines) {
            self.break_lines();
        }
    }

    /// Whether so many brackets may be closed in a column.
    #[inline]
    const fn fits(&self, column: usize, brackets: usize) -> bool {
        self.in_lines >= self.form.in_lines && column + brackets <= self.form.width
    }

    /// Breaks the lines of the outermost list or object that is not in lines.
    fn break_lines(&mut self) {
        let first_joint = |open: Option<&Open>| open.map_or(self.joints.len(), |open| open.joints);
        let from = first_joint(self.open.get(self.in_lines));
        let until = first_joint(self.open.get(self.in_lines + 1));
        self.in_lines += 1;
        self.indent += INDENT;
        if from == until {
            return;
        }
        // A joint is a space, but for the first one, and becomes a line break.
        let line_break = line_break(self.indent).get(1..).unwrap_or_default();
        let mut moved = self.text.len() + growth(until - from, line_break.len() - 1);
        let mut end = self.text.len();
        self.text.resize(moved, b' ');
        for (before, joint) in self.joints.get(from..until).unwrap_or_default().iter().enumerate().rev() {
            let start = joint + usize::from(before > 0);
            moved -= end - start;
            self.text.copy_within(start..end, moved);
            self.line = self.line.max(moved + 1 - line_break.len());
            if let Some(space) = self.text.get_mut(moved - line_break.len()..moved) {
                space.copy_from_slice(line_break);
            }
            moved -= line_break.len();
            end = *joint;
        }
        let growth = growth(until - from, line_break.len() - 1);
        self.joints.drain(from..until);
        self.joints.iter_mut().skip(from).for_each(|joint| *joint += growth);
        self.open.iter_mut().skip(self.in_lines).for_each(|open| open.joints -= until - from);
    }

    /// Joins the lines of what is to be closed, of which it was only guessed that
    /// it takes several, if it does not.
    fn join(&mut self, closed: Open) -> bool {
        let line_break = line_break(self.indent).get(1..).unwrap_or_default();
        let joints = self.joints.get(closed.joints..).unwrap_or_default();
        let end = self.text.len();
        if !joints.is_empty() {
            let shorter = growth(joints.len(), line_break.len() - 1);
            let column = closed.column + (end - closed.bracket) - shorter;
            if self.in_lines <= self.form.in_lines || column >= self.form.width {
                return false;
            }
        }
        let mut joined = closed.bracket + 1;
        for (before, joint) in joints.iter().enumerate() {
            if before > 0 {
                self.text.get_mut(joined).into_iter().for_each(|space| *space = b' ');
                joined += 1;
            }
            let start = joint + line_break.len();
            let next = joints.get(before + 1).copied().unwrap_or(end);
            self.text.copy_within(start..next, joined);
            joined += next - start;
        }
        self.text.truncate(joined);
        self.line = closed.bracket - closed.column;
        true
    }
}

/// A comma, a line break and an indentation.
#[inline]
fn line_break(indent: usize) -> &'static [u8] {
    LINE_BREAK.get(..indent + 2).unwrap_or(LINE_BREAK)
}

/// How much longer a text is with so many of its joints in lines.
const fn growth(joints: usize, indent: usize) -> usize {
    joints * indent + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json::writer::write;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The same in the plain way: each list and object is measured first.
    fn plain(value: &Value, depth: usize, column: usize, out: &mut String) {
        let one_line = one_line(value);
        let (open, close, entries): (_, _, Vec<(String, &Value)>) = match value {
            Value::Array(list) => ('[', ']', list.iter().map(|entry| (String::new(), entry)).collect()),
            Value::Object(map) => {
                ('{', '}', map.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect())
            }
            _ => return out.push_str(&one_line),
        };
        if entries.is_empty() || (depth > 1 && column + one_line.len() < WIDTH - 1) {
            return out.push_str(&one_line);
        }
        let indent = " ".repeat(INDENT * (depth + 1));
        out.push(open);
        for (n, (key, value)) in entries.iter().enumerate() {
            out.push_str(if n == 0 { "\n" } else { ",\n" });
            out.push_str(&indent);
            out.push_str(key);
            plain(value, depth + 1, indent.len() + key.len(), out);
        }
        out.push('\n');
        out.push_str(&" ".repeat(INDENT * depth));
        out.push(close);
    }

    fn one_line(value: &Value) -> String {
        match value {
            Value::Array(list) => format!("[{}]", list.iter().map(one_line).collect::<Vec<_>>().join(", ")),
            Value::Object(map) => {
                let entries =
                    map.iter().map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), one_line(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.to_string(),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<u8>().prop_map(Value::from),
            (0_usize..30).prop_map(|n| Value::from("x".repeat(n))),
            (90_usize..110).prop_map(|n| Value::from("y".repeat(n))),
        ];
        scalar.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{0,9}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn lines_break_where_measuring_first_breaks_them(
            values in proptest::collection::vec(value(), 1..4),
            depth in 0_usize..4,
        ) {
            let mut layout = Layout::default();
            for value in values {
                let mut expected = " ".repeat(INDENT * depth);
                write(&value, Some(depth), &expected, &mut layout).unwrap();
                plain(&value, depth, expected.len(), &mut expected);
                prop_assert_eq!(core::str::from_utf8(layout.text()).unwrap(), expected);
            }
        }
    }
}
