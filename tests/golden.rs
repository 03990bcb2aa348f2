//! Golden reports: the whole text and the whole JSON of every case, compared.
//!
//! `just bless` rewrites them; the difference is what a reviewer reads.

use std::path::{Path, PathBuf};

use rdpwhy::report::document::Report;
use rdpwhy::report::{json, text};

use super::cases::{analyse, captures, folders};

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// The report as the binary would write it, with the path that a user in the
/// project's folder would give.
fn rendered(path: &Path) -> (String, String) {
    let (_, mut report) = analyse(path);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for capture in &mut report.captures {
        capture.path = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    }
    report.tool.version = "0.0.0".to_owned();
    let (mut as_text, mut as_json) = (Vec::new(), Vec::new());
    text::write(&report, text::Options { all: false, color: false }, &mut as_text).unwrap();
    json::write(&report, &mut as_json).unwrap();
    (String::from_utf8(as_text).unwrap(), String::from_utf8(as_json).unwrap())
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
            let (as_text, as_json) = rendered(&path);
            compare(&folder.join(format!("expected/{vantage}.txt")), &as_text, &mut wrong);
            compare(&folder.join(format!("expected/{vantage}.json")), &as_json, &mut wrong);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} golden reports differ; `just bless` and read the difference:\n{wrong:#?}",
        wrong.len()
    );
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
