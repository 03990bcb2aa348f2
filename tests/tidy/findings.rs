//! A finding is one file with its page beside it, and stands in a list.

use super::{Texts, complain, texts};

const FOLDER: &str = "src/findings/";
const PARTS: [&str; 3] = ["## What it means", "## What it cannot tell", "## What to do next"];

#[test]
fn every_finding_is_registered_and_explained() {
    let sources = texts("src/findings");
    assert!(sources.values().filter_map(|text| rule(text)).count() >= 16);
    complain(&violations(&sources));
}

fn violations(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    let registry = sources.get("src/findings/mod.rs").map_or("", String::as_str);
    for (path, text) in sources {
        let Some(name) = path.strip_prefix(FOLDER) else { continue };
        if let (Some(stem), Some(rule)) = (name.strip_suffix(".rs"), rule(text)) {
            let id = stem.replace('_', "-");
            if !text.contains(&format!("\"{id}\"")) {
                found.push(format!("{path}: the id of this rule is not \"{id}\""));
            }
            if !registry.contains(&format!("&{stem}::{rule}")) {
                found.push(format!("{path}: {rule} stands in no list of src/findings/mod.rs"));
            }
            match sources.get(&format!("{FOLDER}{stem}.md")) {
                None => found.push(format!("{path}: its page {stem}.md is missing")),
                Some(page) => found.extend(missing_parts(page).map(|part| format!("{stem}.md lacks '{part}'"))),
            }
        }
        if let Some(stem) = name.strip_suffix(".md")
            && sources.get(&format!("{FOLDER}{stem}.rs")).is_none_or(|text| rule(text).is_none())
        {
            found.push(format!("{path}: a page without a rule"));
        }
    }
    found
}

/// The type that implements a rule in this text.
fn rule(text: &str) -> Option<&str> {
    const KINDS: [&str; 3] = ["impl Rule for ", "impl CaptureRule for ", "impl CrowdRule for "];
    let line = text.lines().find(|line| KINDS.iter().any(|kind| line.starts_with(kind)))?;
    line.split(" for ").nth(1)?.split([' ', '{']).next()
}

/// Headings that are missing, or have nothing below them.
fn missing_parts(page: &str) -> impl Iterator<Item = &'static str> {
    let lines: Vec<&str> = page.lines().filter(|line| !line.trim().is_empty()).collect();
    let has = |heading: &str| {
        let at = lines.iter().position(|line| *line == heading);
        at.and_then(|at| lines.get(at + 1)).is_some_and(|next| !next.starts_with('#'))
    };
    let title = lines.first().is_some_and(|line| line.starts_with("# "));
    let missing: Vec<_> = PARTS.into_iter().filter(|part| !has(part)).collect();
    (!title).then_some("# a title").into_iter().chain(missing)
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    const PAGE: &str = "# T\n\n## What it means\n\na\n\n## What it cannot tell\n\nb\n\n## What to do next\n\n- c\n";
    const RULE: &str = "impl Rule for SoSlow {\n    fn id(&self) -> &'static str { \"so-slow\" }\n}\n";

    #[test]
    fn a_whole_finding_is_silent() {
        let sources = [
            ("src/findings/mod.rs", "&so_slow::SoSlow,"),
            ("src/findings/so_slow.rs", RULE),
            ("src/findings/so_slow.md", PAGE),
            ("src/findings/sentence.rs", "pub fn f() {}"),
        ];
        assert_eq!(violations(&made_up(sources)), Vec::<String>::new());
    }

    #[test]
    fn every_omission_is_seen() {
        let registry = ("src/findings/mod.rs", "");
        let unregistered = made_up([registry, ("src/findings/so_slow.rs", RULE), ("src/findings/so_slow.md", PAGE)]);
        assert!(violations(&unregistered)[0].contains("no list"));
        let renamed = violations(&made_up([registry, ("src/findings/slow.rs", RULE)]));
        assert!(renamed[0].contains("is not \"slow\"") && renamed.last().unwrap().contains("is missing"));
        let orphan = made_up([("src/findings/old.md", PAGE)]);
        assert!(violations(&orphan)[0].contains("without a rule"));
        let empty: Vec<_> = missing_parts("# T\n## What it means\n## What to do next\nx").collect();
        assert_eq!(empty, ["## What it means", "## What it cannot tell"]);
    }
}
