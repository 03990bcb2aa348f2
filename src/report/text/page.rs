//! The page that text is written on: 80 columns, plain characters, and colours
//! only where they are wanted.
//!
//! Whatever is written passes through here, so two promises are kept in one
//! place: no line is wider than the page, and no character that a terminal
//! would obey gets through.

use std::io;

use anstyle::{AnsiColor, Style};

use super::words::GLUE;
use crate::report::escape;

/// The width of a line, in columns. Ticket systems wrap or cut beyond 80.
pub(super) const WIDTH: usize = 80;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// A failure.
    Bad,
    /// Something that worked.
    Good,
    /// Something to be careful about.
    Warn,
    /// A heading.
    Heading,
    /// Text.
    Plain,
    /// Text of little weight.
    Dim,
}

/// Writes lines; remembers the first error and then stays silent.
pub(super) struct Page<'w> {
    out: &'w mut dyn io::Write,
    result: io::Result<()>,
    color: bool,
}

impl<'w> Page<'w> {
    /// An empty page that ends up in `out`.
    pub(super) fn new(out: &'w mut dyn io::Write, color: bool) -> Self {
        Self { out, result: Ok(()), color }
    }

    /// The first error met while writing.
    pub(super) fn finish(self) -> io::Result<()> {
        self.result
    }

    /// One line, cut at a word where it is too long.
    pub(super) fn title(&mut self, text: &str, tone: Tone) {
        self.write("", &cut(&escape::sentence(text)), tone);
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.write("", "", Tone::Plain);
    }

    /// A heading with an empty line above it.
    pub(super) fn heading(&mut self, text: &str) {
        self.gap();
        self.wrapped("", "", text, Tone::Heading, Tone::Heading);
    }

    /// A line that sets what follows apart, with an empty line above it and a
    /// rule beneath.
    pub(super) fn banner(&mut self, text: &str, tone: Tone) {
        self.gap();
        self.wrapped("", "", text, tone, tone);
        self.write("", &"-".repeat(WIDTH), Tone::Dim);
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        self.wrapped("", "", text, Tone::Plain, Tone::Plain);
    }

    /// A paragraph of little weight.
    pub(super) fn aside(&mut self, text: &str) {
        self.wrapped("", "", text, Tone::Dim, Tone::Dim);
    }

    /// `label: text`, where there is text.
    pub(super) fn entry(&mut self, label: &str, text: &str) {
        self.wrapped("", &format!("{label}: "), text, Tone::Heading, Tone::Plain);
    }

    /// One of a list.
    pub(super) fn item(&mut self, bullet: &str, text: &str) {
        self.item_in(bullet, text, Tone::Plain);
    }

    /// One of a list, in a tone.
    pub(super) fn item_in(&mut self, bullet: &str, text: &str, tone: Tone) {
        self.wrapped("  ", bullet, text, Tone::Heading, tone);
    }

    /// `lead` and `text` after `indent`; further lines begin below the text of
    /// a bullet, or two columns in below a label.
    fn wrapped(&mut self, indent: &str, lead: &str, text: &str, lead_tone: Tone, tone: Tone) {
        let text = glued(&escape::sentence(text));
        let hang = if lead.ends_with(": ") { 2 } else { columns(lead) };
        let first = WIDTH.saturating_sub(columns(indent)).saturating_sub(columns(lead));
        let rest = WIDTH.saturating_sub(columns(indent)).saturating_sub(hang);
        let lines = wrap(&text, first, rest);
        // A label alone on its line needs no space behind it.
        let alone = lines.first().is_none_or(String::is_empty);
        let lead = self.styled(if alone { lead.trim_end() } else { lead }, lead_tone);
        for (i, line) in lines.iter().enumerate() {
            let prefix = if i == 0 { format!("{indent}{lead}") } else { format!("{indent}{:hang$}", "") };
            self.write(if line.is_empty() { prefix.trim_end() } else { &prefix }, line.trim_end(), tone);
        }
    }

    fn write(&mut self, prefix: &str, text: &str, tone: Tone) {
        if self.result.is_ok() {
            self.result = writeln!(self.out, "{prefix}{}", self.styled(text, tone));
        }
    }

    fn styled(&self, text: &str, tone: Tone) -> String {
        let text = text.replace(GLUE, " ");
        if !self.color || text.trim().is_empty() {
            return text;
        }
        let style = match tone {
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Good => AnsiColor::Green.on_default().bold(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Heading => Style::new().bold(),
            Tone::Plain => return text,
            Tone::Dim => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// `text` with what no line should end within held together: a number and its
/// unit, a frame and its number.
fn glued(text: &str) -> String {
    const UNITS: [&str; 8] = ["UTC", "bytes", "h", "kB", "min", "ms", "s", "\u{b5}s"];
    let mut out = String::with_capacity(text.len());
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        out.push_str(word);
        let Some(next) = words.peek() else { break };
        let unit = next.trim_end_matches(|c: char| c.is_ascii_punctuation());
        let measure = word.ends_with(|c: char| c.is_ascii_digit()) && UNITS.contains(&unit);
        let frame = matches!(word.trim_start_matches('('), "frame" | "frames" | "Frame" | "Frames")
            && next.starts_with(|c: char| c.is_ascii_digit());
        out.push(if measure || frame { GLUE } else { ' ' });
    }
    out
}

/// Breaks `text` at its spaces: the first line at `first` columns, the others
/// at `rest`. A word wider than a line is broken where it must. At least one
/// line, also of nothing.
fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0_usize;
    let mut room = first;
    let next = |lines: &mut Vec<String>, line: &mut String, used: &mut usize, room: &mut usize| {
        lines.push(core::mem::take(line));
        (*used, *room) = (0, rest);
    };
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let width = columns(word);
        let space = usize::from(used > 0);
        // A long word is broken only where even an empty line cannot hold it.
        let full = used.saturating_add(space).saturating_add(width) > room;
        if full && width <= rest && (used > 0 || room < rest) {
            next(&mut lines, &mut line, &mut used, &mut room);
        } else if space > 0 && used < room {
            line.push(' ');
            used = used.saturating_add(1);
        }
        for c in word.chars() {
            let width = column(c);
            if used.saturating_add(width) > room && used > 0 {
                next(&mut lines, &mut line, &mut used, &mut room);
            }
            line.push(c);
            used = used.saturating_add(width);
        }
    }
    lines.push(line);
    lines
}

/// `text` on one line: cut after a whole word where it is too long.
fn cut(text: &str) -> String {
    let mut lines = wrap(text, WIDTH, WIDTH).into_iter();
    let whole = lines.next().unwrap_or_default();
    if lines.next().is_none() {
        return whole;
    }
    const MARK: &str = "...";
    wrap(text, WIDTH.saturating_sub(MARK.len()), WIDTH).into_iter().next().unwrap_or_default() + MARK
}

/// The columns that `text` takes on a terminal.
fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// Two for what East Asian fonts and emoji draw wide (Unicode TR #11, in whole
/// blocks), else one. What has no width of its own counts as one: too much is
/// safe here.
const fn column(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{16fe0}'..='\u{18aff}'
        | '\u{1b000}'..='\u{1b2ff}'
        | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(color: bool, write: impl FnOnce(&mut Page<'_>)) -> String {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, color);
        write(&mut page);
        page.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn labels_and_bullets_hang() {
        let long = "word ".repeat(20);
        let text = page(false, |p| {
            p.entry("Label", &long);
            p.item("- ", &long);
        });
        insta::assert_snapshot!(text, @r"
        Label: word word word word word word word word word word word word word word
          word word word word word word
          - word word word word word word word word word word word word word word word
            word word word word word
        ");
    }

    #[test]
    fn glue_holds_and_is_written_as_a_space() {
        assert_eq!(wrap("see frame\u{a0}12", 10, 10), ["see", "frame\u{a0}12"]);
        assert_eq!(page(false, |p| p.text("frame\u{a0}12")), "frame 12\n");
    }

    #[test]
    fn numbers_keep_their_units_and_frames_their_numbers() {
        let glued = |text| glued(text).replace(GLUE, "_");
        assert_eq!(glued("it took 56.9 s; see frame 9 of 12 frames"), "it took 56.9_s; see frame_9 of 12 frames");
        assert_eq!(glued("port 3389 is open"), "port 3389 is open");
        assert_eq!(glued("two  spaces"), "two  spaces");
    }

    #[test]
    fn a_word_too_wide_is_broken_and_a_title_is_cut() {
        assert_eq!(wrap("ab cdefghij k", 4, 4), ["ab c", "defg", "hij", "k"].map(String::from));
        assert_eq!(cut(&"word ".repeat(30)), "word ".repeat(15).trim_end().to_owned() + "...");
        assert_eq!(wrap("", 4, 4), [""]);
    }

    #[test]
    fn colours_wrap_whole_pieces() {
        let text = page(true, |p| p.entry("Who", "the server"));
        assert_eq!(text, "\u{1b}[1mWho: \u{1b}[0mthe server\n");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_page_and_none_is_obeyed(text in ".*", label in "[a-z ]{0,20}") {
            let written = page(false, |p| {
                p.title(&text, Tone::Bad);
                p.entry(&label, &text);
                p.item("12. ", &text);
                p.banner(&text, Tone::Bad);
            });
            for line in written.lines() {
                prop_assert!(columns(line) <= WIDTH, "{line:?}");
                prop_assert!(!line.chars().any(escape::is_deceptive), "{line:?}");
            }
        }
    }
}
