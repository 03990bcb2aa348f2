//! Help, explanations, completions and manual pages.

use super::{complaint, rdpwhy, stdout};

#[test]
fn help_and_version_are_results() {
    assert!(stdout(rdpwhy().arg("--help"), 0).contains("Examples:"));
    let analyze = stdout(rdpwhy().args(["analyze", "--help"]), 0);
    for part in ["Examples:", "Exit codes:", "--sha256", "standard input"] {
        assert!(analyze.contains(part), "{part}");
    }
    assert_eq!(stdout(rdpwhy().arg("--version"), 0), concat!("rdpwhy ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn usage_errors_end_with_2_and_say_what_to_do() {
    for line in [&[] as &[&str], &["analyze"], &["analyse", "x"], &["analyze", "x", "--format", "xml"]] {
        assert!(complaint(rdpwhy().args(line), 2).contains("--help"), "{line:?}");
    }
    assert!(complaint(rdpwhy().args(["analyze", "-q", "-v", "x"]), 2).contains("cannot be used with"));
}

#[test]
fn codes_and_findings_are_explained() {
    let pair = stdout(rdpwhy().args(["explain", "0x904", "0x7"]), 0);
    assert!(pair.contains("socket closed") && pair.contains("denied"), "{pair}");
    assert!(pair.lines().all(|line| line.chars().count() <= 80));
    let list = stdout(rdpwhy().arg("explain"), 0);
    let ids: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("  - ")?.split_once(':')).collect();
    assert!(ids.len() > 10, "{list}");
    for (id, title) in ids {
        assert!(stdout(rdpwhy().args(["explain", id]), 0).starts_with(title.trim()), "{id}");
    }
    let told = complaint(rdpwhy().args(["explain", "inected-reset"]), 2);
    assert!(told.contains("did you mean: injected-reset"), "{told}");
}

#[test]
fn every_finding_that_a_code_names_exists() {
    let list = stdout(rdpwhy().arg("explain"), 0);
    for code in ["0x904", "0x204", "0x704", "0x1b07"] {
        let page = stdout(rdpwhy().args(["explain", code]), 0).replace('\n', " ");
        let (_, named) = page.split_once("stand behind it: ").unwrap();
        for id in named.split('.').next().unwrap().split(", ") {
            assert!(list.contains(&format!("- {id}:")), "{code} names {id}");
        }
    }
}

#[test]
fn stages_are_explained_and_captures_advised() {
    for stage in ["tcp", "x224", "tls", "credssp", "mcs", "licensing", "activation", "active"] {
        assert!(stdout(rdpwhy().args(["explain", stage]), 0).starts_with(&format!("Stage {stage}: ")), "{stage}");
    }
    let advice = stdout(rdpwhy().arg("capture-advice"), 0);
    for tool in
        ["pktmon start --capture", "--pkt-size 0", "netsh trace start", "tcpdump -i", "dumpcap -i", "-C 100 -W 10"]
    {
        assert!(advice.contains(tool), "{tool}");
    }
    assert!(advice.lines().all(|line| line.chars().count() <= 80), "{advice}");
}

#[test]
fn completions_and_manual_pages_come_from_the_same_description() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(stdout(rdpwhy().args(["completions", shell]), 0).contains("exit-zero"), "{shell}");
    }
    assert!(stdout(rdpwhy().arg("man"), 0).contains(".TH rdpwhy"));
    assert!(stdout(rdpwhy().args(["man", "analyze"]), 0).contains("exit\\-zero"));
    assert!(complaint(rdpwhy().args(["man", "analyse"]), 2).contains("expected one of: analyze, explain"));
}
