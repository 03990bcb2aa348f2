//! What stands around the failed attempts.

use super::sheet::Sheet;
use super::story::{self, deciding};
use super::words::{self, Frames};
use super::{groups, summary};
use crate::report::document::{Attempt, Finding, Outcome, Report, Severity};

/// The most attempts that did not fail listed one by one.
const MOST_LISTED: usize = 10;
/// The most captures described one by one: a ring has thousands.
const MOST_CAPTURES: usize = 5;
/// The most reasons in the table. There are fewer findings than that; a
/// document from elsewhere may hold anything.
const MOST_GROUPS: usize = 40;

/// What limits everything below: input that is missing or damaged.
pub(super) fn warnings(sheet: &mut Sheet<'_>, report: &Report) {
    let warnings = summary::warnings(report);
    if !warnings.is_empty() {
        sheet.part("Part of the input could not be read");
        warnings.iter().for_each(|warning| sheet.item(warning));
    }
}

/// The failed attempts by reason, where they are many.
pub(super) fn failed(sheet: &mut Sheet<'_>, report: &Report, failed: &[&Attempt], all: bool) {
    if all || failed.len() <= groups::MOST_IN_FULL {
        return;
    }
    let by_reason = groups::group(failed);
    sheet.part(&summary::failures(report, failed.len()));
    let rows: Vec<_> = by_reason
        .iter()
        .take(MOST_GROUPS)
        .map(|group| {
            let reason = if group.finding.is_empty() { "not explained" } else { group.finding };
            [reason.to_owned(), words::count(group.attempts.len() as u64), groups::when(group), groups::servers(group)]
        })
        .collect();
    sheet.table(["Reason", "Attempts", "When", "Servers"], &rows);
    let rest = by_reason.len().saturating_sub(MOST_GROUPS);
    if rest > 0 {
        sheet.text(&format!("And {} (--format json has them).", words::counted(rest as u64, "more reason")));
    }
    sheet.text(
        "Below, one attempt stands for each reason, for at most five of them. --all shows every attempt in full; \
         --format json holds everything.",
    );
}

/// Attempts that worked, or of which nothing bad can be said.
pub(super) fn not_failed(sheet: &mut Sheet<'_>, report: &Report, all: bool) {
    let (active, other): (Vec<_>, Vec<_>) =
        report.attempts.iter().filter(|a| a.outcome != Outcome::Failed).partition(|a| a.outcome == Outcome::Active);
    list(sheet, report, "Worked", &active, all);
    list(sheet, report, "Neither failed nor worked", &other, all);
}

fn list(sheet: &mut Sheet<'_>, report: &Report, heading: &str, attempts: &[&Attempt], all: bool) {
    if attempts.is_empty() {
        return;
    }
    sheet.part(heading);
    let most = if all { usize::MAX } else { MOST_LISTED };
    let frames = Frames::of(report);
    for attempt in attempts.iter().take(most) {
        let Some(c) = deciding(report, attempt) else { continue };
        let (start, told) = (words::date(attempt.start), summary::outcome(attempt, c));
        sheet.item(&format!("{} to {}, {start}: {told}", attempt.client_ip, attempt.server));
        for finding in c.findings.iter().filter(|f| f.severity > Severity::Info) {
            sheet.sub_item(&story::brief(finding, &frames));
            // Where nothing worked it may be all that there is to go on.
            if attempt.outcome != Outcome::Active {
                about(finding).iter().for_each(|says| sheet.sub_item(says));
            }
        }
    }
    let hidden = attempts.len().saturating_sub(most);
    if hidden > 0 {
        sheet.item(&format!("and {} more (--all shows them)", words::count(hidden as u64)));
    }
}

/// Findings about captures and across connections.
pub(super) fn findings(sheet: &mut Sheet<'_>, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    sheet.part("About the whole capture");
    for finding in &report.findings {
        sheet.item(&story::brief(finding, &Frames::of(report)));
        about(finding).iter().for_each(|says| sheet.sub_item(says));
    }
}

/// What a finding says, where it is not told in full.
fn about(finding: &Finding) -> Vec<String> {
    let limits = finding
        .cannot_tell
        .iter()
        .map(|limit| format!("It cannot tell: {}", words::stopped(&words::within_sentence(limit))));
    let next = finding.next.iter().map(|next| format!("Next: {next}"));
    [words::stopped(&finding.detail)].into_iter().chain(limits).chain(next).collect()
}

/// What was read.
pub(super) fn captures(sheet: &mut Sheet<'_>, report: &Report, all: bool) {
    if !report.captures.is_empty() {
        sheet.part(if report.captures.len() > 1 { "Captures" } else { "Capture" });
    }
    let most = if all { usize::MAX } else { MOST_CAPTURES };
    let frames = Frames::of(report);
    let serious = report.captures.iter().skip(most).filter(|c| !c.complete || !c.notices.is_empty()).take(most);
    let hidden = report.captures.len().saturating_sub(most);
    for capture in report.captures.iter().take(most).chain(serious) {
        let mut said = summary::capture(capture).into_iter().map(|(text, _)| text);
        sheet.item(&said.next().unwrap_or_default());
        said.for_each(|text| sheet.sub_item(&text));
        capture.notices.iter().for_each(|n| sheet.sub_item(&summary::notice(n, &frames)));
    }
    if hidden > 0 {
        sheet.item(&format!("{} in all (--all shows them)", words::counted(report.captures.len() as u64, "capture")));
    }
    if !report.notices.is_empty() {
        sheet.part("Notes on the analysis");
        report.notices.iter().for_each(|n| sheet.item(&summary::notice(n, &frames)));
    }
}

/// The report in numbers, and where to read on.
pub(super) fn closing(sheet: &mut Sheet<'_>, report: &Report) {
    sheet.part("Summary");
    summary::counts(report).iter().for_each(|text| sheet.text(text));
    let ids: Vec<_> = report.summary.by_finding.keys().map(String::as_str).collect();
    if !ids.is_empty() {
        sheet.text(&format!("More about a finding: rdpwhy explain {}", ids.join(" ")));
    }
    sheet.text(&format!("Written by {} {}.", report.tool.name, report.tool.version));
}
