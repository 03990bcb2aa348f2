//! The README tells the truth.
//!
//! A block behind `<!-- demo -->` is a command and what it prints; `<!-- demo up
//! to "How far" -->` leaves out what follows that line. `UPDATE_README=1` writes
//! them anew.

use std::path::Path;
use std::process::Command;

const MARK: &str = "<!-- demo";
const LEFT_OUT: &str = "[…]";
const OPEN: &str = "```console\n";
const CLOSE: &str = "```\n";
const PROMPT: &str = "$ rdpwhy ";

#[test]
fn demonstrations_show_what_rdpwhy_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (fresh, shown) = renew(&readme, run);
    assert!(shown > 0, "no demonstration is marked");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, fresh).unwrap();
    } else {
        assert!(fresh == readme, "the README's demonstration is old; `just bless` renews it");
    }
}

fn run(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rdpwhy"))
        .args(arguments.split(' '))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap();
    assert!(
        output.status.code().is_some_and(|code| code < 2),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The text with the output in each marked block replaced, and how many there
/// were.
fn renew(readme: &str, run: impl Fn(&str) -> String) -> (String, usize) {
    let mut parts = readme.split(MARK);
    let mut fresh = parts.next().unwrap_or_default().to_owned();
    let mut shown = 0;
    for part in parts {
        let (mark, block) = part.split_once(" -->\n").expect("the mark ends its line");
        let (command, rest) =
            block.strip_prefix(OPEN).and_then(|block| block.split_once('\n')).expect("a console block");
        let arguments = command.strip_prefix(PROMPT).expect("the block begins with a command");
        let (_, after) = rest.split_once("```\n").expect("the block ends");
        let printed = run(arguments);
        let body = match mark.strip_prefix(" up to ") {
            None => printed.trim_end().to_owned(),
            Some(line) => {
                let (begin, _) = printed.split_once(line.trim_matches('"')).expect("the output has that line");
                format!("{begin}{LEFT_OUT}")
            }
        };
        fresh.push_str(&format!("{MARK}{mark} -->\n{OPEN}{command}\n{body}\n{CLOSE}{after}"));
        shown += 1;
    }
    (fresh, shown)
}

#[test]
fn an_old_demonstration_is_seen() {
    let text = |mark: &str, body: &str| format!("# a\n{MARK}{mark} -->\n{OPEN}{PROMPT}x y\n{body}{CLOSE}b\n");
    let run = |arguments: &str| format!("new {arguments}\nmore\n");
    assert_eq!(renew(&text("", "old\n"), run), (text("", "new x y\nmore\n"), 1));
    assert_eq!(renew(&text("", ""), run), (text("", "new x y\nmore\n"), 1));
    let part = " up to \"more\"";
    assert_eq!(renew(&text(part, "old\nold\n"), run), (text(part, "new x y\n[…]\n"), 1));
}
