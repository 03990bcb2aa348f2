//! The README's map shows the code as it is.

use std::collections::BTreeSet;

use super::{complain, root, texts};

const HEADING: &str = "## A map of the code";

#[test]
fn the_map_shows_every_folder_and_no_other() {
    let readme = texts("README.md").remove("README.md").unwrap();
    let entries = root().join("src").read_dir().unwrap().flatten().map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() { format!("{name}/") } else { name }
    });
    complain(&violations(&readme, &entries.collect()));
}

fn violations(readme: &str, there: &BTreeSet<String>) -> Vec<String> {
    let shown = shown(readme);
    let missing = there.difference(&shown).map(|name| format!("the map lacks src/{name}"));
    let gone = shown.difference(there).map(|name| format!("the map shows src/{name}, which does not exist"));
    missing.chain(gone).collect()
}

/// The first word of each line of the fenced block below the heading.
fn shown(readme: &str) -> BTreeSet<String> {
    let map = readme.split_once(HEADING).and_then(|(_, after)| after.split("```").nth(1)).unwrap_or_default();
    let words =
        map.lines().skip(1).filter(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next());
    words.filter(|word| word.ends_with('/') || word.ends_with(".rs")).map(str::to_owned).collect()
}

#[test]
fn a_map_that_lags_behind_is_seen() {
    let readme = "# x\n## A map of the code\n\n```text\nsrc/\n  base/  words\n  old/   gone\n```\n";
    let there = ["base/", "new.rs"].map(str::to_owned).into();
    let expected = ["the map lacks src/new.rs", "the map shows src/old/, which does not exist"];
    assert_eq!(violations(readme, &there), expected);
}
