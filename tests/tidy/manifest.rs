//! What `Cargo.toml` must say.

use super::{complain, root};

#[test]
fn every_dependency_has_its_reason() {
    complain(&bare(&std::fs::read_to_string(root().join("Cargo.toml")).unwrap()));
}

/// A number that wraps around in the tool that people run is a wrong answer; a
/// panic is an honest one.
#[test]
fn overflow_checks_stay_on_in_release() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["profile"]["release"]["overflow-checks"].as_bool(), Some(true));
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
}

/// Dependencies without a comment beside them.
fn bare(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut concerns = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            concerns = line.ends_with("dependencies]");
        } else if concerns && line.contains(" = ") && !line.starts_with('#') && !line.contains(" # ") {
            found.push(format!("Cargo.toml: what for? {line}"));
        }
    }
    found
}

#[test]
fn a_dependency_without_a_reason_is_seen() {
    let manifest = "[features]\na = []\n[dev-dependencies]\nb = \"1\" # why\nc = \"1\"\n[target.'cfg(unix)'.dependencies]\nd = \"1\"\n";
    assert_eq!(bare(manifest), ["Cargo.toml: what for? c = \"1\"", "Cargo.toml: what for? d = \"1\""]);
}
