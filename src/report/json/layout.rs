//! Where lines break: a list or object that fits on a line stays on it.
//!
//! All is written as if it stood on one line. What is open is watched while it
//! grows, and as soon as it cannot fit any more its lines are broken; so no more
//! than a line is ever moved, however long the document is. (The way of
//! D. C. Oppen, "Prettyprinting", 1980.)

use core::mem;

/// The longest line that a list or object is joined to, with the comma behind
/// it.
const WIDTH: usize = 100;

/// Columns of a level.
const INDENT: usize = 2;

/// A line break, and spaces for all levels that a report has. What is deeper is
/// not indented further.
const LINE_BREAK: &[u8] = b"\n                                                ";

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Layout {
    text: Vec<u8>,
    /// Where its last line starts.
    line: usize,
    /// How deep the value stands in the whole document.
    depth: usize,
    /// Lists and objects that are open, outermost first.
    open: Vec<Open>,
    /// How many of them are known to take several lines: what is around those
    /// does, too.
    broken: usize,
    /// Where lines would begin in the others, from first to last.
    joints: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    is_empty: bool,
    /// How many of `joints` are those of lists and objects around it.
    joints: usize,
}

impl Layout {
    /// Begins a new text, of a value that stands `depth` levels deep.
    pub(super) fn begin(&mut self, depth: usize) {
        self.text.clear();
        self.open.clear();
        self.joints.clear();
        (self.line, self.broken, self.depth) = (0, 0, depth);
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
    pub(super) fn open(&mut self, bracket: u8) {
        self.text.push(bracket);
        self.open.push(Open { is_empty: true, joints: self.joints.len() });
    }

    /// Begins the next entry of the list or object.
    #[inline]
    pub(super) fn entry(&mut self) {
        self.fit();
        let Some(innermost) = self.open.last_mut() else { return };
        let is_first = mem::replace(&mut innermost.is_empty, false);
        if !is_first {
            self.text.push(b',');
        }
        if self.broken == self.open.len() {
            self.new_line();
        } else {
            self.joints.push(self.text.len());
            if !is_first {
                self.text.push(b' ');
            }
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
        if self.broken > self.open.len() {
            self.broken = self.open.len();
            self.new_line();
        } else {
            self.joints.truncate(closed.joints);
        }
        self.text.push(bracket);
    }

    fn new_line(&mut self) {
        self.line = self.text.len().saturating_add(1);
        self.text.extend_from_slice(self.line_break());
    }

    /// Begins a line within the innermost of those that are broken.
    #[inline]
    fn line_break(&self) -> &'static [u8] {
        let indent = self.depth.saturating_add(self.broken).saturating_mul(INDENT);
        LINE_BREAK.get(..=indent).unwrap_or(LINE_BREAK)
    }

    /// Breaks the lines of what is open and cannot be closed on this line.
    #[inline]
    fn fit(&mut self) {
        while self.broken < self.open.len() && !self.fits() {
            self.break_lines();
        }
    }

    #[inline]
    fn fits(&self) -> bool {
        // The outermost two levels always take lines of their own.
        let may_join = self.depth.saturating_add(self.broken) > 1;
        let brackets = self.open.len().saturating_sub(self.broken);
        let column = self.text.len().saturating_sub(self.line);
        may_join && column.saturating_add(brackets) < WIDTH.saturating_sub(1)
    }

    /// Breaks the lines of the outermost list or object that is not broken.
    fn break_lines(&mut self) {
        let count = self.open.get(self.broken.saturating_add(1)).map_or(self.joints.len(), |next| next.joints);
        self.broken = self.broken.saturating_add(1);
        if count == 0 {
            return;
        }
        // A joint is a space, but for the first one, and becomes a line break.
        let line_break = self.line_break();
        let indent = line_break.len().saturating_sub(1);
        let growth = |joints: usize| joints.saturating_mul(indent).saturating_add(1);
        let mut end = self.text.len();
        self.text.resize(end.saturating_add(growth(count)), b' ');
        for (before, joint) in self.joints.iter().take(count).enumerate().rev() {
            let start = joint.saturating_add(usize::from(before > 0));
            let moved = start.saturating_add(growth(before.saturating_add(1)));
            self.text.copy_within(start..end, moved);
            if let Some(space) = self.text.get_mut(moved.saturating_sub(line_break.len())..moved) {
                space.copy_from_slice(line_break);
            }
            self.line = self.line.max(moved.saturating_sub(indent));
            end = *joint;
        }
        self.joints.drain(..count);
        self.joints.iter_mut().for_each(|joint| *joint = joint.saturating_add(growth(count)));
        self.open.iter_mut().skip(self.broken).for_each(|open| open.joints = open.joints.saturating_sub(count));
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::write;
    use super::*;
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
        fn lines_break_where_measuring_first_breaks_them(value in value(), depth in 0_usize..4) {
            let mut layout = Layout::default();
            write(&value, depth, &mut layout).unwrap();
            let mut expected = String::new();
            plain(&value, depth, 0, &mut expected);
            prop_assert_eq!(core::str::from_utf8(layout.text()).unwrap(), expected);
        }
    }
}
