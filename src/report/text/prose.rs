//! Pages of prose, such as those of `explain`: written in Markdown, shown 80
//! columns wide.
//!
//! Only what our own pages use is understood: headings, paragraphs, lists,
//! fenced blocks, emphasis. Anything else is shown as it is written.

use std::io;

use super::page::{Page, Tone};

/// Writes a page of Markdown for people.
///
/// # Errors
/// Those of `out`.
pub fn prose(markdown: &str, color: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page::new(out, color);
    // What is being collected over several lines: a paragraph or a list entry.
    let mut open = Block::None;
    let mut fenced = false;
    let mut first = true;
    for line in markdown.lines() {
        let line = line.trim_end();
        if line.starts_with("```") {
            open.close(&mut page, &mut first);
            fenced = !fenced;
        } else if fenced {
            page.item("", line);
        } else if line.is_empty() {
            open.close(&mut page, &mut first);
        } else if let Some(heading) = line.strip_prefix('#') {
            open.close(&mut page, &mut first);
            let heading = heading.trim_start_matches('#').trim_start();
            if first {
                page.title(heading, Tone::Heading)
            } else {
                page.heading(heading)
            }
            first = false;
        } else if let Some((bullet, text)) = bullet(line) {
            open.close(&mut page, &mut first);
            open = Block::Entry(bullet.to_owned(), text.to_owned());
        } else {
            open.push(line.trim_start());
        }
    }
    open.close(&mut page, &mut first);
    page.finish()
}

/// `- ` or `12. ` at the start of a line, and the rest of it.
fn bullet(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let digits = line.len().saturating_sub(line.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    let marker = match line.get(digits..) {
        Some(rest) if digits > 0 && rest.starts_with(". ") => digits.saturating_add(2),
        _ if line.starts_with("- ") || line.starts_with("* ") => 2,
        _ => return None,
    };
    line.split_at_checked(marker)
}

enum Block {
    None,
    Paragraph(String),
    Entry(String, String),
}

impl Block {
    fn push(&mut self, line: &str) {
        match self {
            Self::None => *self = Self::Paragraph(line.to_owned()),
            Self::Paragraph(text) | Self::Entry(_, text) => {
                text.push(' ');
                text.push_str(line);
            }
        }
    }

    fn close(&mut self, page: &mut Page<'_>, first: &mut bool) {
        match core::mem::replace(self, Self::None) {
            Self::None => return,
            Self::Paragraph(text) => {
                if !*first {
                    page.gap();
                }
                page.text(&without_emphasis(&text));
            }
            Self::Entry(bullet, text) => page.item(&bullet, &without_emphasis(&text)),
        }
        *first = false;
    }
}

/// `*word*` and `**word**` as `word`. Stars within code, and those between two
/// spaces, stay.
fn without_emphasis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    let mut previous = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '`' {
            in_code = !in_code;
        }
        let alone = previous.is_whitespace() && chars.peek().is_none_or(|next| next.is_whitespace());
        previous = c;
        if c == '*' && !in_code && !alone {
            continue;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_pages_read_well() {
        let page = "# A title\n\nA paragraph with *weight* and **more**,\nover two lines; `a * b` and 2 * 3 stay.\n\n\
                    ## What to do next\n\n- Look at *Schannel* (36870).\n- A second entry that is long enough to be \
                    wrapped, since it says more than one line can hold.\n\n```\ntcpdump -i eth0\n```\n";
        let mut out = Vec::new();
        prose(page, false, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        A title

        A paragraph with weight and more, over two lines; `a * b` and 2 * 3 stay.

        What to do next
          - Look at Schannel (36870).
          - A second entry that is long enough to be wrapped, since it says more than
            one line can hold.
          tcpdump -i eth0
        ");
    }
}
