//! What stands around the failed attempts: the title, warnings about the
//! input, what worked, the captures, and the closing summary.

use super::attempt::{brief, deciding};
use super::page::{Page, Tone};
use super::words::{self, Frames};
use crate::report::document::{Attempt, Capture, EndedBy, Finding, Notice, Outcome, Report, Severity};
use crate::report::escape;

/// The most attempts that did not fail listed one by one.
const MOST_LISTED: usize = 10;
/// The most captures described one by one: a ring has thousands.
const MOST_CAPTURES: usize = 5;
/// The most unreadable files named one by one.
const MOST_UNREADABLE: usize = 10;

/// The first line: a title for the ticket, without names and addresses.
pub(super) fn title(page: &mut Page<'_>, report: &Report) {
    let s = &report.summary;
    let (text, tone) = match report.attempts.as_slice() {
        [] if report.captures.is_empty() => ("Nothing could be read.".to_owned(), Tone::Bad),
        [] if report.side_channels.is_empty() => ("No Remote Desktop connection was found.".to_owned(), Tone::Warn),
        [] => ("No Remote Desktop connection over TCP was found, only UDP side channels.".to_owned(), Tone::Warn),
        [one] => single(report, one),
        _ if s.failed > 0 => {
            let mut causes: Vec<_> = s.by_finding.iter().collect();
            causes.sort_by_key(|&(id, n)| (core::cmp::Reverse(n), id));
            let causes: Vec<_> = causes.into_iter().map(|(id, n)| format!("{id} {}", words::count(*n))).collect();
            let causes = if causes.is_empty() { String::new() } else { format!(": {}", causes.join(", ")) };
            let (failed, attempts) = (words::count(s.failed), words::count(s.attempts));
            (format!("RDP: {failed} of {attempts} attempts failed{causes}"), Tone::Bad)
        }
        _ if s.active == s.attempts => (format!("RDP: all {} attempts worked", words::count(s.attempts)), Tone::Good),
        _ => {
            let (attempts, active) = (words::count(s.attempts), words::count(s.active));
            (format!("RDP: none of {attempts} attempts failed, {active} reached the desktop"), Tone::Good)
        }
    };
    page.title(&text, tone);
}

fn single(report: &Report, attempt: &Attempt) -> (String, Tone) {
    let connection = deciding(report, attempt);
    let verdict = connection.and_then(|c| {
        let verdict = c.verdict.as_ref()?;
        c.findings.iter().find(|f| f.id == verdict.finding)
    });
    // What hurt, where nothing failed.
    let trouble = connection.and_then(|c| c.findings.iter().find(|f| f.severity > Severity::Info));
    let title = |f: &Finding| words::within_sentence(&f.title);
    match (attempt.outcome, verdict.or(trouble)) {
        (Outcome::Failed, Some(f)) => (format!("RDP failed: {}", title(f)), Tone::Bad),
        (Outcome::Failed, None) => ("RDP failed, and the capture does not show why".to_owned(), Tone::Bad),
        (Outcome::Active, Some(f)) => (format!("RDP worked, with trouble: {}", title(f)), Tone::Warn),
        (Outcome::Active, None) => ("RDP worked: the desktop was reached, nothing failed".to_owned(), Tone::Good),
        (Outcome::Abandoned, _) => ("RDP given up by the client before the desktop".to_owned(), Tone::Warn),
        (Outcome::Open, Some(f)) => (format!("RDP unfinished: {}", title(f)), Tone::Warn),
        (Outcome::Open, None) => {
            ("RDP still under way when the capture stopped; nothing failed".to_owned(), Tone::Good)
        }
        (Outcome::Unknown, _) => ("RDP seen; the capture does not show how it ended".to_owned(), Tone::Warn),
    }
}

/// What limits everything below: input that is missing or damaged.
pub(super) fn warnings(page: &mut Page<'_>, report: &Report) {
    let incomplete = report.captures.iter().filter(|c| !c.complete).count();
    if incomplete == 0 && report.unreadable.is_empty() {
        return;
    }
    page.heading("Part of the input could not be read");
    for unreadable in report.unreadable.iter().take(MOST_UNREADABLE) {
        page.item_in("- ", &format!("{}: {}", words::path(&unreadable.path), unreadable.says), Tone::Warn);
    }
    let hidden = report.unreadable.len().saturating_sub(MOST_UNREADABLE);
    if hidden > 0 {
        page.item("- ", &format!("and {} more", words::counted(hidden as u64, "file")));
    }
    if incomplete > 0 {
        let captures = words::counted(incomplete as u64, "capture");
        page.item_in("- ", &format!("{captures} cut short or damaged; what could be read is reported."), Tone::Warn);
    }
}

/// Attempts that worked, or of which nothing bad can be said.
pub(super) fn not_failed(page: &mut Page<'_>, report: &Report, all: bool) {
    let (active, other): (Vec<_>, Vec<_>) =
        report.attempts.iter().filter(|a| a.outcome != Outcome::Failed).partition(|a| a.outcome == Outcome::Active);
    list(page, report, "Worked", &active, all);
    list(page, report, "Neither failed nor worked", &other, all);
}

fn list(page: &mut Page<'_>, report: &Report, heading: &str, attempts: &[&Attempt], all: bool) {
    if attempts.is_empty() {
        return;
    }
    page.heading(heading);
    let most = if all { usize::MAX } else { MOST_LISTED };
    for attempt in attempts.iter().take(most) {
        line(page, report, attempt);
    }
    let hidden = attempts.len().saturating_sub(most);
    if hidden > 0 {
        page.item_in("- ", &format!("and {} more (--all shows them)", words::count(hidden as u64)), Tone::Dim);
    }
}

/// One attempt in a line, and what hurt it.
fn line(page: &mut Page<'_>, report: &Report, attempt: &Attempt) {
    let (ips, start) = (format!("{} to {}", attempt.client_ip, attempt.server), words::date(attempt.start));
    let Some(c) = deciding(report, attempt) else { return };
    let told = match attempt.outcome {
        Outcome::Active => {
            let lasted = words::span(c.end.since(c.start));
            let by = match c.ended.by {
                EndedBy::Client => "ended by the client",
                EndedBy::Server => "ended by the server",
                EndedBy::OtherDevice => "ended by another device",
                EndedBy::Unknown => "end not seen",
            };
            format!("desktop reached, {lasted}, {by}")
        }
        Outcome::Open => format!("still in {} when the capture stopped", words::stage(c.stage)),
        _ => escape::sentence(attempt.sentence.trim_end_matches('.')).into_owned(),
    };
    page.item("- ", &format!("{ips}, {start}: {told}"));
    let frames = Frames::of(report);
    for finding in c.findings.iter().filter(|f| f.severity > Severity::Info) {
        match attempt.outcome {
            Outcome::Active => brief(page, "  - ", finding, &frames),
            // Here it may be all that there is to go on.
            _ => about(page, "  ", finding, &frames),
        }
    }
}

/// Findings about captures and across connections.
pub(super) fn findings(page: &mut Page<'_>, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    page.heading("About the whole capture");
    for finding in &report.findings {
        about(page, "", finding, &Frames::of(report));
    }
}

/// A finding with what it says, `indent` further in.
fn about(page: &mut Page<'_>, indent: &str, finding: &Finding, frames: &Frames<'_>) {
    brief(page, &format!("{indent}- "), finding, frames);
    let indent = format!("{indent}  ");
    page.item(&indent, &words::stopped(&finding.detail));
    for limit in &finding.cannot_tell {
        page.item(&indent, &format!("It cannot tell: {}", words::stopped(&words::within_sentence(limit))));
    }
    for next in &finding.next {
        page.item(&indent, &format!("Next: {next}"));
    }
}

/// What was read.
pub(super) fn captures(page: &mut Page<'_>, report: &Report, all: bool) {
    if !report.captures.is_empty() {
        page.heading(if report.captures.len() > 1 { "Captures" } else { "Capture" });
    }
    let most = if all { usize::MAX } else { MOST_CAPTURES };
    for capture in report.captures.iter().take(most) {
        describe(page, capture, &Frames::of(report));
    }
    let hidden = report.captures.len().saturating_sub(most);
    if hidden > 0 {
        page.item_in("- ", &format!("and {} more (--all shows them)", words::count(hidden as u64)), Tone::Dim);
    }
    let serious = report.captures.iter().skip(most).filter(|c| !c.complete || !c.notices.is_empty());
    for capture in serious.take(most) {
        describe(page, capture, &Frames::of(report));
    }
    if !report.notices.is_empty() {
        page.heading("Notes on the analysis");
        notices(page, &report.notices, "- ", &Frames::of(report));
    }
}

fn describe(page: &mut Page<'_>, capture: &Capture, frames: &Frames<'_>) {
    let mut format = capture.format.clone();
    if !capture.compression.is_empty() {
        format = format!("{format} in {}", capture.compression.join(", "));
    }
    let times = match (capture.first_time, capture.last_time) {
        (Some(first), Some(last)) => format!(", {}", words::period(first, last)),
        _ => String::new(),
    };
    let (packets, bytes) = (words::counted(capture.packets, "packet"), words::size(capture.bytes));
    page.item("- ", &format!("{}: {format}, {packets}, {bytes}{times}", words::path(&capture.path)));
    if let Some(sha256) = &capture.sha256 {
        page.item("  ", &format!("SHA-256 {sha256}"));
    }
    match capture.dropped {
        Some(0) => {}
        Some(n) => {
            let dropped = words::counted(n, "packet");
            page.item_in("  ", &format!("the capturing machine dropped {dropped}"), Tone::Warn);
        }
        None => page.item("  ", "it does not say whether packets were dropped while capturing"),
    }
    if capture.cut_packets > 0 {
        let cut = words::counted(capture.cut_packets, "packet");
        page.item_in("  ", &format!("{cut} cut short when captured (snap length)"), Tone::Warn);
    }
    notices(page, &capture.notices, "  ", frames);
}

fn notices(page: &mut Page<'_>, notices: &[Notice], bullet: &str, frames: &Frames<'_>) {
    for notice in notices {
        let times = if notice.count > 1 { format!(" ({} times)", words::count(notice.count)) } else { String::new() };
        let at = notice.frame.map(|f| format!(", {}", frames.one(f))).unwrap_or_default();
        let (kind, says) = (escape::text(&notice.kind), escape::sentence(&notice.says));
        page.item_in(bullet, &format!("{kind}: {says}{at}{times}"), Tone::Warn);
    }
}

/// The report in numbers, and where to read on.
pub(super) fn closing(page: &mut Page<'_>, report: &Report) {
    let s = &report.summary;
    page.heading("Summary");
    let counts = [
        (s.failed, "failed"),
        (s.active, "worked"),
        (s.abandoned, "given up by the client"),
        (s.open, "still open"),
        (s.unknown, "unknown"),
    ];
    let counts: Vec<_> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", words::count(*n))).collect();
    let mut text = words::counted(s.attempts, "attempt");
    if !counts.is_empty() {
        text += &format!(" ({})", counts.join(", "));
    }
    let (connections, servers) = (s.connections, report.servers.len() as u64);
    text += &format!(", {}, {}.", words::counted(connections, "RDP connection"), words::counted(servers, "server"));
    if s.other_connections > 0 {
        text += &format!(" {} that are not RDP.", words::counted(s.other_connections, "other TCP connection"));
    }
    text += &format!(" Read: {}, {}.", words::counted(s.packets, "packet"), words::size(s.bytes));
    page.text(&text);
    if !report.side_channels.is_empty() {
        let (all, answered) = (report.side_channels.len(), report.side_channels.iter().filter(|c| c.answered).count());
        page.text(&format!(
            "UDP: {}, {} answered. RDP works without it.",
            words::counted(all as u64, "side channel"),
            words::count(answered as u64)
        ));
    }
    if s.attempts == 0 && !report.captures.is_empty() {
        page.text(
            "RDP is found on any port by its first message, and on port 3389 by the port. Was the capture taken \
             between the client and the server, while the client connected? Through an RD Gateway, RDP is inside HTTPS.",
        );
    }
    let ids: Vec<_> = s.by_finding.keys().map(|id| escape::text(id)).collect();
    if !ids.is_empty() {
        page.aside(&format!("More about a finding: rdpwhy explain {}", ids.join(" ")));
    }
}
