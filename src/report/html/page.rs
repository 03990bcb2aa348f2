//! What stands around the failed attempts: the head, the overview, what was
//! read, the sums.

use super::attempt::section;
use super::markup::Html;
use super::plots::{Plot, Plots};
use super::story::{self, deciding};
use super::title::{self, Mood};
use super::words::{self, Frames};
use super::{groups, sequence, stages, summary};
use crate::report::document::{Attempt, Evidence, Finding, Outcome, Report, Role, Severity};

/// The most attempts in the table: a browser lays out this many at once.
const MOST_ROWS: usize = 1_000;
/// The most attempts that did not fail told of beyond the table.
const MOST_TROUBLED: usize = 20;
/// The most captures described one by one: a ring has thousands.
const MOST_CAPTURES: usize = 20;

/// The finding that is about how long stages took.
const SLOW_SERVER: &str = "slow-server";
/// Findings that a diagram of sequence numbers shows.
const IN_SEQUENCE: [&str; 5] =
    ["retransmission-burst", "packet-loss", "zero-window", SLOW_SERVER, "path-mtu-black-hole"];

/// What the page may load: nothing, but for the style within it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The head of the document, and its heading.
pub(super) fn head(html: &mut Html<'_>, report: &Report) {
    let title = title::of(report);
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.open("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
    html.raw("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    html.leaf("title", &[], &title.text);
    html.raw("<style>\n");
    html.raw(include_str!("style.css"));
    html.raw("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#report\">To the report</a>\n");
    let class = match title.mood {
        Mood::Bad => "bad",
        Mood::Warn => "warn",
        Mood::Good => "good",
    };
    html.open("header", &[("class", class)]);
    html.raw("\n");
    html.leaf("h1", &[], &title.text);
    html.open("p", &[]);
    html.text(&sums(report));
    html.close_block("p");
    html.raw("</header>\n<main id=\"report\">\n");
}

/// What the report is about, in a line.
fn sums(report: &Report) -> String {
    let read: Vec<_> = report.captures.iter().filter_map(|c| Some((c.first_time?, c.last_time?))).collect();
    let when = match (read.iter().map(|r| r.0).min(), read.iter().map(|r| r.1).max()) {
        (Some(first), Some(last)) => format!(", {}", words::period(first, last)),
        _ => String::new(),
    };
    let s = &report.summary;
    let read = format!(
        "{} in {}",
        words::counted(s.packets, "packet"),
        words::counted(report.captures.len() as u64, "capture")
    );
    format!("{} to connect, {read}{when}", words::counted(s.attempts, "attempt"))
}

/// What limits everything below: input that is missing or damaged.
pub(super) fn warnings(html: &mut Html<'_>, report: &Report) {
    let warnings = summary::warnings(report);
    if !warnings.is_empty() {
        html.raw("<section class=\"warning\">\n<h2>Part of the input could not be read</h2>\n<ul>\n");
        warnings.iter().for_each(|warning| html.leaf("li", &[], warning));
        html.raw("</ul>\n</section>\n");
    }
}

/// Every attempt in a table, where there are several.
pub(super) fn overview(html: &mut Html<'_>, report: &Report, drawn: &[&Attempt], all: bool) {
    if report.attempts.len() < 2 && !drawn.is_empty() || report.attempts.is_empty() {
        return;
    }
    html.raw("<section class=\"overview\">\n");
    html.leaf("h2", &[], if report.attempts.len() == 1 { "The attempt" } else { "Attempts" });
    let failed: Vec<_> = report.attempts.iter().filter(|a| a.outcome == Outcome::Failed).collect();
    if failed.len() > drawn.len() {
        reasons(html, report, &failed, drawn.len());
    }
    html.raw(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"All attempts\">\n<table>\n<thead><tr><th \
         scope=\"col\">No.</th><th scope=\"col\">When</th><th scope=\"col\">From</th><th scope=\"col\">To</th><th \
         scope=\"col\">Outcome</th><th scope=\"col\">Came to</th><th scope=\"col\">What happened</th></tr></thead>\n<tbody>\n",
    );
    // Failures first: they are what the reader looks for.
    let others = report.attempts.iter().filter(|a| a.outcome != Outcome::Failed);
    let most = if all { usize::MAX } else { MOST_ROWS };
    for attempt in failed.iter().copied().chain(others).take(most) {
        row(html, report, attempt, drawn.iter().any(|d| d.id == attempt.id));
    }
    html.raw("</tbody>\n</table>\n</div>\n");
    let hidden = report.attempts.len().saturating_sub(most);
    if hidden > 0 {
        let text = format!("And {} (--all shows them).", words::counted(hidden as u64, "more attempt"));
        html.leaf("p", &[("class", "note")], &text);
    }
    html.raw("</section>\n");
}

fn reasons(html: &mut Html<'_>, report: &Report, failed: &[&Attempt], drawn: usize) {
    html.leaf("p", &[], &summary::failures(report, failed.len()));
    html.raw(
        "<table class=\"reasons\">\n<thead><tr><th scope=\"col\">Reason</th><th scope=\"col\">Failed</th><th scope=\"col\">When</th><th \
         scope=\"col\">Servers</th></tr></thead>\n<tbody>\n",
    );
    for group in groups::group(failed).iter().take(MOST_ROWS) {
        let reason = if group.finding.is_empty() { "not explained" } else { group.finding };
        html.raw("<tr><th scope=\"row\">");
        html.text(reason);
        html.raw("</th>");
        for cell in [words::count(group.attempts.len() as u64), groups::when(group), groups::servers(group)] {
            html.inline("td", &[], &cell);
        }
        html.close_block("tr");
    }
    html.raw("</tbody>\n</table>\n");
    let are = if drawn == 1 { "is" } else { "are" };
    let text = format!(
        "Of {} failed attempts {drawn} {are} drawn in full below, one for each reason. --all draws every one; --format \
         json holds everything.",
        words::count(report.summary.failed.max(failed.len() as u64))
    );
    html.leaf("p", &[("class", "note")], &text);
}

fn row(html: &mut Html<'_>, report: &Report, attempt: &Attempt, is_drawn: bool) {
    html.open("tr", &[("class", attempt.outcome.name())]);
    html.raw("<th scope=\"row\">");
    let number = attempt.id.to_string();
    if is_drawn {
        html.inline("a", &[("href", &format!("#attempt-{number}"))], &number);
    } else {
        html.text(&number);
    }
    html.raw("</th>");
    let c = deciding(report, attempt);
    let happened = match (attempt.outcome, c) {
        (Outcome::Failed, _) | (_, None) => words::stopped(&attempt.sentence),
        (_, Some(c)) => words::as_sentence(&summary::outcome(attempt, c)),
    };
    let cells = [
        words::date(attempt.start),
        attempt.client_ip.to_string(),
        attempt.server.to_string(),
        outcome(attempt.outcome).to_owned(),
        c.map(|c| words::stage_short(c.stage).to_owned()).unwrap_or_default(),
        happened,
    ];
    cells.iter().for_each(|cell| html.inline("td", &[], cell));
    html.close_block("tr");
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Active => "worked",
        Outcome::Failed => "failed",
        Outcome::Abandoned => "given up",
        Outcome::Open => "open",
        Outcome::Unknown => "unknown",
    }
}

/// What hurt attempts that did not fail.
pub(super) fn trouble(html: &mut Html<'_>, report: &Report, plots: &Plots, all: bool) {
    let frames = Frames::of(report);
    let most = if all { usize::MAX } else { MOST_TROUBLED };
    let troubled = report.attempts.iter().filter(|a| a.outcome != Outcome::Failed).filter_map(|attempt| {
        let c = deciding(report, attempt)?;
        let found: Vec<_> = c.findings.iter().filter(|f| f.severity > Severity::Info).collect();
        (!found.is_empty()).then_some((attempt, c, found))
    });
    let troubled: Vec<_> = troubled.collect();
    for (attempt, c, found) in troubled.iter().take(most) {
        html.raw("<section>\n");
        html.leaf("h2", &[], &format!("Trouble in attempt {}, which did not fail", attempt.id));
        found.iter().for_each(|finding| about(html, finding, &frames));
        if found.iter().any(|finding| finding.id == SLOW_SERVER) {
            stages::bar(html, c);
        }
        if let Some(plot) = plots.get(c.id).filter(|plot| found.iter().any(|finding| is_drawn(finding, plot))) {
            sequence::draw(html, c, plot);
        }
        html.raw("</section>\n");
    }
    let hidden = troubled.len().saturating_sub(most);
    if hidden > 0 {
        let more = words::counted(hidden as u64, "more attempt");
        html.leaf("p", &[("class", "note")], &format!("{more} had trouble (--all shows them)."));
    }
}

/// Whether a diagram of sequence numbers shows what a finding is about: it is
/// of the kind, and the packets that show it were recorded.
fn is_drawn(finding: &Finding, plot: &Plot) -> bool {
    let shown = |e: &Evidence| e.role == Role::Primary && plot.packets.iter().any(|p| p.frame == e.frame);
    IN_SEQUENCE.contains(&&*finding.id) && finding.evidence.iter().any(shown)
}

/// Findings about captures and across connections.
pub(super) fn findings(html: &mut Html<'_>, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    html.raw("<section>\n<h2>About the whole capture</h2>\n");
    report.findings.iter().for_each(|finding| about(html, finding, &Frames::of(report)));
    html.raw("</section>\n");
}

/// A finding with what it says.
fn about(html: &mut Html<'_>, finding: &Finding, frames: &Frames<'_>) {
    html.raw("<div class=\"finding\">\n");
    html.open("p", &[]);
    html.inline("b", &[], &story::brief(finding, frames));
    html.raw("<br>");
    html.text(&words::stopped(&finding.detail));
    html.close_block("p");
    let limits =
        finding.cannot_tell.iter().map(|l| format!("It cannot tell: {}", words::stopped(&words::within_sentence(l))));
    let next = finding.next.iter().map(|next| format!("Next: {next}"));
    let entries: Vec<_> = limits.chain(next).collect();
    if !entries.is_empty() {
        html.raw("<ul>\n");
        entries.iter().for_each(|entry| html.leaf("li", &[], entry));
        html.raw("</ul>\n");
    }
    html.raw("</div>\n");
}

/// What was read.
pub(super) fn captures(html: &mut Html<'_>, report: &Report, all: bool) {
    let most = if all { usize::MAX } else { MOST_CAPTURES };
    let frames = Frames::of(report);
    if !report.captures.is_empty() {
        html.raw("<section class=\"captures\">\n<h2>What was read</h2>\n<ul>\n");
        let serious = report.captures.iter().skip(most).filter(|c| !c.complete || !c.notices.is_empty()).take(most);
        for capture in report.captures.iter().take(most).chain(serious) {
            html.raw("<li>");
            for (i, (text, mood)) in summary::capture(capture).into_iter().enumerate() {
                if i > 0 {
                    html.raw("<br>");
                }
                html.inline("span", &[("class", if mood == Mood::Warn { "caution" } else { "" })], &text);
            }
            for notice in &capture.notices {
                html.raw("<br>");
                html.inline("span", &[("class", "caution")], &summary::notice(notice, &frames));
            }
            html.raw("</li>\n");
        }
        html.raw("</ul>\n");
        if report.captures.len() > most {
            let all = words::counted(report.captures.len() as u64, "capture");
            html.leaf("p", &[("class", "note")], &format!("{all} in all (--all shows them)."));
        }
        html.raw("</section>\n");
    }
    let notices: Vec<_> = report.notices.iter().map(|n| summary::notice(n, &frames)).collect();
    section(html, "Notes on the analysis", "ul", &notices);
}

/// The report in numbers, and where to read on.
pub(super) fn closing(html: &mut Html<'_>, report: &Report) {
    html.raw("</main>\n<footer>\n");
    summary::counts(report).iter().for_each(|text| html.leaf("p", &[], text));
    let ids: Vec<_> = report.summary.by_finding.keys().map(String::as_str).collect();
    html.open("p", &[]);
    if !ids.is_empty() {
        html.raw("More about a finding: ");
        html.inline("code", &[], &format!("rdpwhy explain {}", ids.join(" ")));
        html.raw(". ");
    }
    html.text(&format!("Written by {} {}. This page loads nothing.", report.tool.name, report.tool.version));
    html.close_block("p");
    html.raw("</footer>\n</body>\n</html>\n");
}
