//! Golden text of the samples, and what holds for every text.

use proptest::prelude::*;
use serde_json::Value;

use super::page::WIDTH;
use super::*;
use crate::report::{escape, json, samples};

fn text(report: &Report, options: Options) -> String {
    let mut out = Vec::new();
    write(report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(report: &Report) -> String {
    text(report, Options::default())
}

macro_rules! golden {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            snapshot_path => "../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!($name, $text) })
    };
}

#[test]
fn golden_texts() {
    for (name, report) in samples::all() {
        golden!(name, plain(&report));
    }
}

#[test]
fn golden_json() {
    let mut out = Vec::new();
    json::write(&samples::injected_reset(), &mut out).unwrap();
    golden!("injected-reset.json", String::from_utf8(out).unwrap());
}

#[test]
fn the_first_line_names_nobody() {
    for (name, report) in samples::all() {
        let text = plain(&report);
        let first = text.lines().next().unwrap();
        let mut private: Vec<String> = report.captures.iter().map(|c| c.path.clone()).collect();
        for c in &report.connections {
            private.extend([c.client.ip.to_string(), c.server.ip.to_string()]);
            private
                .extend(c.tls.iter().flat_map(|t| &t.certificate).flat_map(|c| [c.subject.clone(), c.issuer.clone()]));
        }
        for secret in private {
            assert!(!first.contains(&secret), "{name}: {first}");
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    for (name, report) in samples::all() {
        let colored = text(&report, Options { color: true, all: false });
        assert_ne!(colored, plain(&report), "{name}");
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain(&report), "{name}");
    }
}

#[test]
fn thousands_of_attempts_make_a_short_report_that_says_what_it_leaves_out() {
    let report = samples::many(600);
    let short = plain(&report);
    assert!(short.lines().count() < 300, "{} lines", short.lines().count());
    assert!(short.contains("--all shows every attempt in full"));
    assert!(short.contains("and 590 more (--all shows them)"));
    let all = text(&report, Options { all: true, color: false });
    for attempt in report.attempts.iter().filter(|a| a.outcome == Outcome::Failed) {
        assert!(all.contains(&format!("\nAttempt {}: ", attempt.id)), "attempt {}", attempt.id);
    }
}

#[test]
fn a_closed_pipe_is_an_error_and_not_a_panic() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write(&samples::healthy(), Options::default(), &mut Closed).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

static SAMPLES: std::sync::LazyLock<Vec<(&str, Report)>> = std::sync::LazyLock::new(samples::all);

/// A sample whose every word from elsewhere is replaced by one of `strangers`.
fn with_strangers(report: &Report, strangers: &[String]) -> Report {
    const FREE: [&str; 20] = [
        "path",
        "says",
        "sentence",
        "title",
        "detail",
        "message",
        "subject",
        "issuer",
        "because",
        "client_would_show",
        "display_filter",
        "written_by",
        "format",
        "kind",
        "id",
        "finding",
        "selected",
        "version",
        "suite",
        "name",
    ];
    fn replace(key: &str, value: &mut Value, strangers: &mut impl Iterator<Item = String>) {
        match value {
            Value::String(text) if FREE.contains(&key) => *text = strangers.next().unwrap_or_default(),
            Value::Array(list) => {
                let key = if matches!(key, "next" | "cannot_tell" | "comments" | "requested") { "says" } else { key };
                list.iter_mut().for_each(|v| replace(key, v, strangers));
            }
            Value::Object(map) => map.iter_mut().for_each(|(k, v)| replace(k, v, strangers)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(report).unwrap();
    replace("", &mut value, &mut strangers.iter().cloned().cycle());
    serde_json::from_value(value).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_strangers_say_the_page_holds(
        sample in 0_usize..8,
        strangers in proptest::collection::vec("(\\PC|.){0,120}", 1..12),
        all: bool,
    ) {
        let report = with_strangers(&SAMPLES[sample].1, &strangers);
        let text = text(&report, Options { all, color: false });
        for line in text.lines() {
            prop_assert!(line.chars().count() <= WIDTH, "{line:?}");
            prop_assert!(!line.chars().any(escape::is_deceptive), "{line:?}");
        }
        prop_assert!(!text.lines().next().unwrap().is_empty());
        let mut out = Vec::new();
        json::write(&report, &mut out).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Report>(&out).unwrap(), &report);
        let out = String::from_utf8(out).unwrap();
        prop_assert!(!out.chars().any(|c| c != '\n' && escape::is_deceptive(c)));
    }
}
