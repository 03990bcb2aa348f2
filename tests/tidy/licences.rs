//! Everything that is built in may be passed on under rdpwhy's own licences.

use std::process::Command;

use serde_json::Value;

use super::{complain, root};

/// Licences that ask for nothing but their text.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn licences_of_dependencies_are_permissive() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &host()])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    let licences = packages.iter().map(|p| (p["name"].as_str().unwrap(), p["license"].as_str().unwrap_or_default()));
    complain(&violations(licences));
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn violations<'a>(packages: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    packages
        .filter(|(_, licence)| !is_permissive(licence))
        .map(|(name, licence)| format!("{name} is under '{licence}'"))
        .collect()
}

/// An SPDX expression: every part of an `AND` has a choice that is permissive.
/// `/` is an old way to write `OR`.
fn is_permissive(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|choice| PERMISSIVE.contains(&choice.trim())))
}

#[test]
fn other_licences_are_seen() {
    for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(is_permissive(good), "{good}");
    }
    for bad in ["", "GPL-3.0-only", "MIT AND GPL-3.0", "AGPL-3.0 OR SSPL-1.0"] {
        assert!(!is_permissive(bad), "{bad}");
    }
}
