//! Rust as far as these checks need it: text without comments and literals,
//! cut into names and signs.

/// A name or a sign, and the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// Cuts code (see [`code`]) into tokens. `::` is one.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_name(first) {
                rest.find(|c| !is_name(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(Token { text: &rest[..len], line });
            rest = rest[len..].trim_start();
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with comments and the insides of literals blanked, line by line.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kept, skipped) = if rest.starts_with("//") {
            (0, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (0, block_comment(rest))
        } else if let Some(len) = raw_string(rest, &out) {
            (0, len)
        } else if first == '"' {
            (0, quoted(rest, '"'))
        } else if first == '\'' && is_char_literal(rest) {
            (0, quoted(rest, '\''))
        } else {
            (first.len_utf8(), first.len_utf8())
        };
        out.push_str(&rest[..kept]);
        out.extend(rest[kept..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[skipped..];
    }
    out
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string(text: &str, before: &str) -> Option<usize> {
    if before.ends_with(is_name) {
        return None;
    }
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(text.len() - body.len() + end)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A lifetime has no second quote behind one character.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "a /* b /* c */ d */ e // f\n\"g \\\" h\" i r#\"j \" k\"# l 'm' &'n o b\"p\" '\\'' q";
    let names: Vec<_> = tokens(&code(text)).iter().map(|t| t.text.to_owned()).collect();
    assert_eq!(names, ["a", "e", "i", "l", "&", "'", "n", "o", "b", "q"]);
    assert_eq!(code(text).lines().count(), text.lines().count());
}

#[test]
fn a_path_is_names_and_double_colons() {
    let code = code("use crate::{wire,\n flow::*};");
    let found: Vec<_> = tokens(&code).iter().map(|t| (t.text, t.line)).collect();
    assert_eq!(found[..4], [("use", 1), ("crate", 1), ("::", 1), ("{", 1)]);
    assert!(found.contains(&("flow", 2)));
}
