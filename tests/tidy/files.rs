//! What lies where, how long files are, and words that do not belong in them.

use super::source::{Token, code, tokens};
use super::{Texts, complain, root, texts};

/// All that stands at the top, besides hidden files.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "fixtures",
    "justfile",
    "src",
    "target",
    "tests",
];

/// A file is read in one go.
const LINES: usize = 600;
/// The same without its tests.
const LINES_OF_CODE: usize = 450;

#[test]
fn the_top_level_does_not_grow() {
    let names = root().read_dir().unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    complain(&strangers(names));
}

#[test]
fn files_are_short() {
    let mut sources = texts("src");
    sources.extend(texts("tests"));
    sources.extend(texts("benches"));
    complain(&too_long(&sources));
}

#[test]
fn every_test_is_declared() {
    complain(&undeclared(&texts("tests")));
}

#[test]
fn nothing_is_left_lying_about() {
    let mut all = texts("src");
    for place in ["tests", "benches", "README.md", "justfile", ".ci", "Cargo.toml", "clippy.toml"] {
        all.extend(texts(place));
    }
    complain(&leftovers(&all));
}

fn strangers(names: impl Iterator<Item = String>) -> Vec<String> {
    names
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name} has no place at the top level"))
        .collect()
}

fn too_long(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let all = text.lines().count();
        let code = text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
            .count();
        if all > LINES || code > LINES_OF_CODE {
            found.push(format!("{path}: {all} lines, {code} of them code; split it by concepts"));
        }
    }
    found
}

/// A test that no module declares is never run.
fn undeclared(sources: &Texts) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources.keys().filter(|path| path.ends_with(".rs") && !path.starts_with("tests/fuzz/")) {
        if path == "tests/all.rs" {
            continue;
        }
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let Some((parent, name)) = module.rsplit_once('/') else { continue };
        let parents = if parent == "tests" {
            vec!["tests/all.rs".to_owned()]
        } else {
            vec![format!("{parent}.rs"), format!("{parent}/mod.rs")]
        };
        let is_declared = parents.iter().filter_map(|parent| sources.get(parent)).any(|text| {
            let code = code(text);
            let names: Vec<&str> = tokens(&code).into_iter().map(|token: Token<'_>| token.text).collect();
            names.windows(3).any(|three| three[0] == "mod" && three[1] == name && three[2] == ";")
        });
        if !is_declared {
            found.push(format!("{path} is declared by nobody"));
        }
    }
    found
}

fn leftovers(all: &Texts) -> Vec<String> {
    // Put together here, so that this file passes.
    let notes = ["TO DO", "FIX ME", "XX X", "HA CK"].map(|word| word.replace(' ', ""));
    let places = ["/ho me/", "/ro ot/", "/wo rk/", "/Us ers/"].map(|word| word.replace(' ', ""));
    let debug = ["db g", "to do", "unimple mented"].map(|word| word.replace(' ', ""));
    let mut found = Vec::new();
    for (path, text) in all {
        for (line, text) in (1..).zip(text.lines()) {
            let is_word = |word: &&String| text.split(|c: char| !c.is_alphanumeric()).any(|w| w == word.as_str());
            let note = notes.iter().find(is_word);
            let place = places.iter().find(|place| text.contains(place.as_str()));
            found.extend(note.into_iter().chain(place).map(|word| format!("{path}:{line}: {word}")));
        }
        if path.ends_with(".rs") {
            let code = code(text);
            let found_here = tokens(&code);
            let calls =
                found_here.windows(2).filter(|two| two[1].text == "!" && debug.iter().any(|d| d == two[0].text));
            found.extend(calls.map(|two| format!("{path}:{}: {}!", two[0].line, two[0].text)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_new_folder_at_the_top_is_seen() {
        let names = [".ci", "src", "docs"].map(str::to_owned).into_iter();
        assert_eq!(strangers(names), ["docs has no place at the top level"]);
    }

    #[test]
    fn long_files_are_seen_and_their_tests_do_not_count_as_code() {
        let code = "fn f() {}\n".repeat(440);
        let tests = format!("{code}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(100));
        assert_eq!(too_long(&made_up([("src/a.rs", &tests)])), Vec::<String>::new());
        assert_eq!(too_long(&made_up([("src/a.rs", &code.repeat(2))])).len(), 1);
        assert_eq!(too_long(&made_up([("src/a.rs", &"// why\n".repeat(601))])).len(), 1);
    }

    #[test]
    fn a_test_nobody_declares_is_seen() {
        let tests = [("tests/all.rs", "mod a; // mod b;"), ("tests/a/mod.rs", "mod c;"), ("tests/a/c.rs", "")];
        assert_eq!(undeclared(&made_up(tests)), Vec::<String>::new());
        let more = made_up([tests[0], tests[1], tests[2], ("tests/b.rs", ""), ("tests/a/d.rs", "")]);
        assert_eq!(undeclared(&more), ["tests/a/d.rs is declared by nobody", "tests/b.rs is declared by nobody"]);
    }

    #[test]
    fn leftovers_are_seen() {
        let place = format!("// see /{}/me/notes", "home");
        let sources = made_up([
            ("src/a.rs", &format!("// {}: later\n{}!(x);\n{place}", "todo".to_uppercase(), "dbg")),
            ("src/b.rs", "// a dbg of sorts, \"dbg!\"\nlet homes = home / me;"),
        ]);
        let found = leftovers(&sources);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|complaint| complaint.starts_with("src/a.rs")));
    }
}
