//! Golden Markdown of the samples, and what holds for every document.

use super::*;
use crate::report::samples;

fn markdown(report: &Report, all: bool) -> String {
    let mut out = Vec::new();
    write(report, Options { all }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn golden_samples() {
    for name in ["hostile", "injected-reset", "many", "ring"] {
        let report = samples::all().into_iter().find(|(n, _)| *n == name).unwrap().1;
        insta::with_settings!({
            snapshot_path => "../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(format!("{name}.markdown"), markdown(&report, false)) });
    }
}

#[test]
fn the_first_line_is_a_plain_title_that_names_nobody() {
    for (name, report) in samples::all() {
        let text = markdown(&report, false);
        let first = text.lines().next().unwrap();
        assert!((1..=80).contains(&first.chars().count()), "{name}: {first}");
        assert!(first.starts_with(|c: char| c.is_alphabetic()), "{name}: {first}");
        for c in &report.connections {
            assert!(!first.contains(&c.client.ip.to_string()) && !first.contains(&c.server.ip.to_string()), "{name}");
        }
    }
}

#[test]
fn every_line_is_of_a_kind_that_we_write() {
    for (name, report) in samples::all() {
        for line in markdown(&report, true).lines() {
            let line = line.trim_start();
            assert!(!line.starts_with(['>', '+', '@', '\t', '~', '<']), "{name}: {line}");
            assert!(!line.starts_with('=') || line.chars().all(|c| c == '='), "{name}: {line}");
            assert!(!line.chars().any(crate::report::escape::is_deceptive), "{name}: {line:?}");
        }
    }
}

#[test]
fn thousands_of_attempts_make_a_short_document_and_all_of_them_when_asked() {
    let report = samples::many(600);
    assert!(markdown(&report, false).lines().count() < 400);
    let all = markdown(&report, true);
    for attempt in report.attempts.iter().filter(|a| a.outcome == Outcome::Failed) {
        assert!(all.contains(&format!("\n## Attempt {}: ", attempt.id)), "attempt {}", attempt.id);
    }
}
