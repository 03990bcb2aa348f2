//! The sheet that HTML is written on. Tags and attribute names are part of the
//! program, which their type ensures; everything else is text, and escaped.

use std::io;

use crate::report::escape;

/// Writes HTML; remembers the first error and then stays silent.
pub(super) struct Html<'w> {
    out: &'w mut dyn io::Write,
    result: io::Result<()>,
}

/// Attributes of an element: names of ours, values of anybody's.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl<'w> Html<'w> {
    /// An empty sheet that ends up in `out`.
    pub(super) fn new(out: &'w mut dyn io::Write) -> Self {
        Self { out, result: Ok(()) }
    }

    /// The first error met while writing.
    pub(super) fn finish(self) -> io::Result<()> {
        self.result
    }

    /// Markup of the program's own.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.write(markup);
    }

    /// Text of anybody's.
    pub(super) fn text(&mut self, text: &str) {
        let text = escape::sentence(text);
        let mut rest = text.as_ref();
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.write(plain);
            let mut chars = from.chars();
            self.write(match chars.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            });
            rest = chars.as_str();
        }
        self.write(rest);
    }

    /// `<tag …>`
    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.write("<");
        self.write(tag);
        for (name, value) in attributes {
            self.write(" ");
            self.write(name);
            self.write("=\"");
            self.text(value);
            self.write("\"");
        }
        self.write(">");
    }

    /// `</tag>`
    pub(super) fn close(&mut self, tag: &'static str) {
        self.write("</");
        self.write(tag);
        self.write(">");
    }

    /// `</tag>` and a line break, for what stands in blocks.
    pub(super) fn close_block(&mut self, tag: &'static str) {
        self.close(tag);
        self.write("\n");
    }

    /// An element with nothing but text, on a line of its own.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close_block(tag);
    }

    /// An element with nothing but text, within a line.
    pub(super) fn inline(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    fn write(&mut self, markup: &str) {
        if self.result.is_ok() {
            self.result = self.out.write_all(markup.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(write: impl FnOnce(&mut Html<'_>)) -> String {
        let mut out = Vec::new();
        let mut html = Html::new(&mut out);
        write(&mut html);
        html.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_text_wherever_it_stands() {
        let shown = html(|h| h.inline("p", &[("title", "a\" onload='x")], "<b>1 & 2</b>\u{202e}"));
        assert_eq!(shown, "<p title=\"a&quot; onload=&#39;x\">&lt;b&gt;1 &amp; 2&lt;/b&gt;\\u{202e}</p>");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(raw in ".*") {
            let shown = html(|h| h.text(&raw));
            prop_assert!(!shown.contains(['<', '>', '"', '\'']) && !shown.chars().any(escape::is_deceptive));
        }
    }
}
