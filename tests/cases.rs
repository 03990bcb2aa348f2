//! Every lab case, from both ends, against the truth that was written down by
//! what caused the fault.
//!
//! A mismatch must stand in `known_misses.toml` with its reason; an entry there
//! that has come right fails, too, so that the list only shrinks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rdpwhy::analysis::{Analysis, Analyzer};
use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::findings::resets::Builder;
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::document::{Connection, Outcome, Report};
use serde::Deserialize;

/// What the lab wrote down.
#[derive(Debug, Deserialize)]
struct Truth {
    name: String,
    title: String,
    kind: String,
    connections: Vec<TrueConnection>,
    expect: Expect,
    expect_from_client: Option<PartialExpect>,
    expect_from_server: Option<PartialExpect>,
}

#[derive(Debug, Deserialize)]
struct TrueConnection {
    client: String,
    /// What a NAT made of it, where the server's end has another name for it.
    client_behind_nat: Option<String>,
    server: String,
    seen_from_client: Option<Seen>,
    seen_from_server: Option<Seen>,
}

#[derive(Clone, Debug, Deserialize)]
struct Seen {
    stage: String,
    ended_how: String,
    ended_by: String,
    outcome: String,
    #[serde(default)]
    forged_frames: Vec<u64>,
    /// What this capture does not show.
    #[serde(default)]
    cannot: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Expect {
    must: Vec<String>,
    must_not: Vec<String>,
    /// Absent or `any` where the capture leaves it open; empty for no failure.
    verdict: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PartialExpect {
    must: Option<Vec<String>>,
    must_not: Option<Vec<String>>,
    verdict: Option<String>,
}

impl Expect {
    fn with(&self, other: Option<&PartialExpect>) -> Self {
        let Some(other) = other else { return self.clone() };
        Self {
            must: other.must.clone().unwrap_or_else(|| self.must.clone()),
            must_not: other.must_not.clone().unwrap_or_else(|| self.must_not.clone()),
            verdict: other.verdict.clone().or_else(|| self.verdict.clone()),
        }
    }
}

/// Where the cases are: the committed ones, or a fresh run of the lab, whose
/// packets no rule was made for.
fn root() -> PathBuf {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    std::env::var_os("RDPWHY_CASES").map_or_else(committed, PathBuf::from)
}

/// Whether these are the committed cases.
pub fn are_committed() -> bool {
    std::env::var_os("RDPWHY_CASES").is_none()
}

/// All case folders.
pub fn folders() -> Vec<PathBuf> {
    let root = root();
    let mut folders: Vec<PathBuf> =
        root.read_dir().map(|d| d.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect()).unwrap_or_default();
    folders.sort();
    folders
}

/// The captures of a case, with the end they were taken at.
pub fn captures(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let mut found = Vec::new();
    for vantage in ["client", "server"] {
        for ending in ["pcap", "pcapng"] {
            let path = folder.join(format!("{vantage}.{ending}"));
            if path.exists() {
                found.push((vantage, path));
            }
        }
    }
    found
}

/// Analyses one capture file.
pub fn analyse(path: &Path) -> (Analysis, Report) {
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    let mut analyzer = Analyzer::default();
    analyzer.remember_packets();
    while let Some(packet) = timeline.next_packet() {
        analyzer.push(&packet);
    }
    let analysis = analyzer.finish(0);
    let inputs = Inputs { captures: timeline.captures().collect(), unreadable: Vec::new() };
    let report = report(analysis.clone(), &inputs);
    (analysis, report)
}

/// Right and wrong answers, by field.
#[derive(Default)]
struct Score {
    fields: BTreeMap<&'static str, (u32, u32)>,
    misses: BTreeMap<String, String>,
}

impl Score {
    fn check(&mut self, case: &str, field: &'static str, right: bool, says: impl FnOnce() -> String) {
        let (good, all) = self.fields.entry(field).or_default();
        *all += 1;
        if right {
            *good += 1;
        } else {
            self.misses.entry(format!("{case}/{field}")).or_insert_with(says);
        }
    }
}

#[test]
fn every_case_is_told_as_it_was() {
    let mut score = Score::default();
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for folder in folders() {
        let text = std::fs::read_to_string(folder.join("truth.toml")).unwrap();
        let truth: Truth = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        assert_eq!(Some(truth.name.as_str()), folder.file_name().and_then(|n| n.to_str()));
        assert!(!truth.title.is_empty());
        *kinds.entry(truth.kind.clone()).or_default() += 1;
        for (vantage, path) in captures(&folder) {
            let (analysis, report) = analyse(&path);
            let case = format!("{}/{vantage}", truth.name);
            let partial = if vantage == "client" { &truth.expect_from_client } else { &truth.expect_from_server };
            findings(&mut score, &case, &truth.expect.with(partial.as_ref()), &report);
            for (i, connection) in truth.connections.iter().enumerate() {
                let seen =
                    if vantage == "client" { &connection.seen_from_client } else { &connection.seen_from_server };
                let name = connection.client_behind_nat.as_ref().filter(|_| vantage == "server");
                let ends = (name.unwrap_or(&connection.client), &connection.server);
                if let Some(seen) = seen {
                    one_connection(&mut score, &format!("{case}#{i}"), ends, seen, &analysis, &report);
                }
            }
        }
    }
    println!("{}", table(&score, &kinds));
    let known = known_misses();
    let unexpected: Vec<String> =
        score.misses.iter().filter(|(k, _)| !known.contains_key(*k)).map(|(k, v)| format!("{k}: {v}")).collect();
    let mended: BTreeSet<&String> = known.keys().filter(|k| !score.misses.contains_key(*k)).collect();
    assert!(unexpected.is_empty(), "{} new misses:\n{}", unexpected.len(), unexpected.join("\n"));
    assert!(mended.is_empty() || !are_committed(), "right by now, take them off the list: {mended:#?}");
}

/// What a repository can carry for each capture.
const MAX_CAPTURE: u64 = 200_000;

#[test]
fn captures_are_small() {
    for folder in folders() {
        for (_, path) in captures(&folder) {
            let size = path.metadata().unwrap().len();
            assert!(size <= MAX_CAPTURE, "{} has {size} bytes", path.display());
        }
    }
}

fn known_misses() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/known_misses.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap_or_default()).unwrap()
}

fn findings(score: &mut Score, case: &str, expect: &Expect, report: &Report) {
    let found: BTreeSet<&str> =
        report.connections.iter().flat_map(|c| c.findings.iter()).chain(&report.findings).map(|f| &*f.id).collect();
    for wanted in &expect.must {
        score.check(case, "wanted", found.contains(wanted.as_str()), || format!("{wanted} is missing from {found:?}"));
    }
    for forbidden in &expect.must_not {
        score.check(case, "forbidden", !found.contains(forbidden.as_str()), || format!("{forbidden} was reported"));
    }
    let verdicts: BTreeSet<&str> =
        report.attempts.iter().filter_map(|a| a.verdict.as_ref()).map(|v| &*v.finding).collect();
    let Some(wanted) = expect.verdict.as_ref().filter(|wanted| *wanted != "any") else { return };
    let right = if wanted.is_empty() { verdicts.is_empty() } else { verdicts.contains(wanted.as_str()) };
    score.check(case, "verdict", right, || format!("wanted '{wanted}', got {verdicts:?}"));
}

fn one_connection(
    score: &mut Score,
    case: &str,
    (client, server): (&String, &String),
    seen: &Seen,
    analysis: &Analysis,
    report: &Report,
) {
    let of = |c: &&Connection| c.client.to_string() == *client && c.server.to_string() == *server;
    let Some(got) = report.connections.iter().find(of) else {
        score.check(case, "found", false, || format!("no connection from {client} to {server}"));
        return;
    };
    score.check(case, "found", true, String::new);
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let stage = got.stage.name();
    let bound_holds = got.stage_is_lower_bound && comes_before(stage, &seen.stage);
    let untold = seen.cannot.iter().any(|field| field == "stage") && comes_before(stage, &seen.stage);
    score.check(case, "stage", stage == seen.stage || bound_holds || untold, || {
        format!("wanted {}, got {stage}", seen.stage)
    });
    let how = word(serde_json::to_value(got.ended.how).unwrap());
    score.check(case, "how", how == seen.ended_how, || format!("wanted {}, got {how}", seen.ended_how));
    let by = word(serde_json::to_value(got.ended.by).unwrap());
    score.check(case, "by", by == seen.ended_by, || format!("wanted {}, got {by}", seen.ended_by));
    let outcome = got.outcome.name();
    let cut_off = got.outcome == Outcome::Failed && seen.outcome == "active" && seen.stage == "active";
    let left_open = untold && got.outcome == Outcome::Unknown;
    score.check(case, "outcome", outcome == seen.outcome || cut_off || left_open, || {
        format!("wanted {}, got {outcome}", seen.outcome)
    });
    let Some(connection) = analysis.connections.iter().find(|c| c.id == got.id) else { return };
    for (reset, judgement) in connection.tcp.resets.iter().zip(&connection.diagnosis.resets) {
        let forged = seen.forged_frames.contains(&{ reset.at.frame.number });
        let accused =
            judgement.built_by == Builder::OtherDevice && judgement.certainty > rdpwhy::base::Certainty::Possible;
        if forged {
            score.check(case, "forged reset found", accused, || {
                format!("frame {} is {:?} ({:?})", reset.at.frame, judgement.built_by, judgement.certainty)
            });
        } else {
            score.check(case, "genuine reset cleared", !accused, || {
                format!("frame {} is genuine and was blamed on another device", reset.at.frame)
            });
        }
    }
}

fn comes_before(stage: &str, other: &str) -> bool {
    const ORDER: [&str; 8] = ["tcp", "x224", "tls", "credssp", "mcs", "licensing", "activation", "active"];
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    place(stage) < place(other)
}

fn table(score: &Score, kinds: &BTreeMap<String, u32>) -> String {
    let mut text = String::from("\naccuracy over the lab's cases\n");
    for (field, (good, all)) in &score.fields {
        let percent = 100.0 * f64::from(*good) / f64::from(*all);
        let _ = writeln!(text, "  {field:<22} {good:>5} of {all:>5}  {percent:>5.1} %");
    }
    let _ = writeln!(text, "  cases: {kinds:?}");
    text
}

#[test]
fn every_finding_has_a_case_that_wants_it_and_healthy_ones_that_are_without() {
    let (mut wanted, mut seen_in_health) = (BTreeSet::new(), BTreeMap::<String, u32>::new());
    let mut healthy = 0;
    for folder in folders() {
        let truth: Truth = toml::from_str(&std::fs::read_to_string(folder.join("truth.toml")).unwrap()).unwrap();
        for vantage in [&truth.expect_from_client, &truth.expect_from_server] {
            let expect = truth.expect.with(vantage.as_ref());
            wanted.extend(expect.must);
            wanted.extend(expect.verdict);
        }
        if truth.kind == "healthy" || truth.kind == "benign" {
            for (_, path) in captures(&folder) {
                healthy += 1;
                let report = analyse(&path).1;
                let failures = report.connections.iter().flat_map(|c| &c.findings);
                let ids: BTreeSet<&str> = failures.map(|f| &*f.id).collect();
                ids.iter().for_each(|id| *seen_in_health.entry((*id).to_owned()).or_default() += 1);
            }
        }
    }
    for id in rdpwhy::findings::RULES.iter().map(|rule| rule.id()) {
        assert!(wanted.contains(id), "no case wants {id}");
        let noisy = seen_in_health.get(id).copied().unwrap_or_default();
        assert!(noisy < healthy / 2, "{id} is reported in {noisy} of {healthy} healthy captures");
    }
}
