//! A limit without a reason is a number that nobody dares to change.

use super::{Texts, complain, texts};

#[test]
fn every_limit_has_its_reason() {
    complain(&violations(&texts("src")));
}

fn violations(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let mut explained = false;
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(name) = limit(text)
                && !explained
            {
                found.push(format!("{path}:{line}: {name} does not say why"));
            }
            explained = text.starts_with("//") || (explained && text.starts_with("#["));
        }
    }
    found
}

/// The name, when the line declares a constant that limits something.
fn limit(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("const ")?;
    let (name, _) = after.split_once(':')?;
    let is_limit = name.split('_').any(|word| ["MAX", "LIMIT"].contains(&word));
    (is_limit && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_bare_limit_is_seen() {
        let text = "/// Why.\n#[rustfmt::skip]\npub const MAX_FLOWS: usize = 1;\nconst FLOW_LIMIT: u8 = 2;\nconst MAXIMUM: u8 = 3;";
        assert_eq!(violations(&made_up([("src/a.rs", text)])), ["src/a.rs:4: FLOW_LIMIT does not say why"]);
    }
}
