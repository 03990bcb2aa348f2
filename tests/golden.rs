//! Golden reports: the whole text and the whole JSON of every case, and the
//! other forms for people of a few that differ in what they tell, compared.
//!
//! `just bless` rewrites them; the difference is what a reviewer reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rdpwhy::analysis::Analyzer;
use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::document::Report;
use rdpwhy::report::plots::Plots;
use rdpwhy::report::{html, json, markdown, text};

use super::cases::{analyse, captures, folders};

/// Cases whose reports differ in what they are made of: who ended it, at which
/// stage, by what evidence; many attempts, damage, and health.
const DIFFERENT: &[&str] = &[
    "black-hole-certificate-tls12",
    "crowd-middlebox",
    "damage-missing-5-loss",
    "dark-tls",
    "fallback-to-standard",
    "healthy-nla-tls13",
    "injected-suricata-tls",
    "loss-burst-40",
    "no-answer",
    "refused-expired-certificate-tls12",
    "refused-negotiation-ssl-required",
    "reset-after-fin",
];

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// The report as the binary would make it, with the path that a user in the
/// project's folder would give.
pub fn reported(path: &Path) -> (Report, Plots) {
    let (analysis, mut report) = analyse(path);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for capture in &mut report.captures {
        capture.path = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    }
    report.tool.version = "0.0.0".to_owned();
    (report, Plots::of(&analysis, false))
}

fn compare(golden: &Path, got: &str, wrong: &mut Vec<PathBuf>) {
    if blessing() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(golden, got).unwrap();
    } else if std::fs::read_to_string(golden).unwrap_or_default() != got {
        wrong.push(golden.to_owned());
    }
}

#[test]
fn every_case_is_reported_as_before() {
    let mut wrong = Vec::new();
    for folder in folders() {
        for (vantage, path) in captures(&folder) {
            let (report, plots) = reported(&path);
            let mut check = |ending: &str, write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
                let mut got = Vec::new();
                write(&mut got).unwrap();
                let golden = folder.join(format!("expected/{vantage}.{ending}"));
                compare(&golden, &String::from_utf8(got).unwrap(), &mut wrong);
            };
            check("txt", &|out| text::write(&report, text::Options { all: false, color: false }, out));
            check("json", &|out| json::write(&report, out));
            if vantage == "client" && DIFFERENT.iter().any(|case| folder.ends_with(case)) {
                check("md", &|out| markdown::write(&report, markdown::Options { all: false }, out));
                check("html", &|out| html::write(&report, &plots, html::Options { all: false }, out));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} golden reports differ; `just bless` and read the difference:\n{wrong:#?}",
        wrong.len()
    );
}

#[test]
fn what_diagrams_need_changes_nothing_else() {
    for folder in folders() {
        for (vantage, path) in captures(&folder) {
            // As `--format json` reads it: packets are not remembered.
            let mut timeline = Timeline::new(vec![Source::named(&path)], CaptureOptions::default());
            let mut analyzer = Analyzer::default();
            while let Some(packet) = timeline.next_packet() {
                analyzer.push(&packet);
            }
            let analysis = analyzer.finish(0);
            assert!(Plots::of(&analysis, false).get(1).is_none());
            let inputs = Inputs { captures: timeline.captures().collect(), unreadable: Vec::new() };
            let mut without = report(analysis, &inputs);
            let (with, _) = reported(&path);
            without.tool.version.clone_from(&with.tool.version);
            for (capture, named) in without.captures.iter_mut().zip(&with.captures) {
                capture.path.clone_from(&named.path);
            }
            let json = |report: &Report| {
                let mut out = Vec::new();
                json::write(report, &mut out).unwrap();
                out
            };
            assert!(json(&without) == json(&with), "{} {vantage}", folder.display());
        }
    }
}

/// Addresses, host names, user names and file names of a case.
fn personal(report: &Report) -> Vec<String> {
    let mut found = vec!["alice".to_owned(), "labserver".to_owned(), ".pcap".to_owned()];
    for connection in &report.connections {
        found.extend([connection.client.ip.to_string(), connection.server.ip.to_string()]);
        let certificate = connection.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let values = certificate.into_iter().flat_map(|c| c.subject.split(['=', ',']));
        found.extend(values.map(|value| value.trim().to_owned()).filter(|value| value.len() > 3));
    }
    found
}

#[test]
fn every_first_line_is_a_title_for_a_ticket() {
    let mut seen = BTreeSet::new();
    for folder in folders() {
        for (vantage, path) in captures(&folder) {
            let (report, _) = reported(&path);
            let mut out = Vec::new();
            markdown::write(&report, markdown::Options { all: false }, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let title = text.lines().next().unwrap();
            let case = format!("{} {vantage}: {title}", folder.display());
            assert!(title.starts_with("RDP ") || title.starts_with("RDP:") || title.starts_with("No Remote"), "{case}");
            assert!(title.chars().count() <= 80 && !title.contains(['#', '*', '`', '|', '<']), "{case}");
            let lower = title.to_lowercase();
            let told: Vec<_> =
                personal(&report).into_iter().filter(|name| lower.contains(&name.to_lowercase())).collect();
            assert!(told.is_empty(), "{case}: {told:?}");
            seen.insert(title.to_owned());
        }
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

#[test]
fn every_golden_report_obeys_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../src/report/schema-v1.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut checked = 0;
    for folder in folders() {
        for (vantage, _) in captures(&folder) {
            let golden = folder.join(format!("expected/{vantage}.json"));
            let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", golden.display());
            // What is written can be read again, and says the same.
            let report: Report = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&report).unwrap(), document, "{}", golden.display());
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn the_different_cases_exist() {
    for case in DIFFERENT {
        assert!(folders().iter().any(|folder| folder.ends_with(case)), "{case}");
    }
}
