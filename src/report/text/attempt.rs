//! One failed attempt in full: first what a hurried reader needs, then what
//! proves it.

use super::page::{Page, Tone};
use super::story;
use super::words::{self, Frames, GLUE};
use crate::report::document::{
    Attempt, Connection, EndedBy, EndedHow, Finding, Report, Reset, Severity, Step, Visibility,
};
use crate::report::escape;

/// The most messages shown of how a connection went. What matters is the end;
/// the JSON report has them all.
const MOST_STEPS: usize = 8;
/// The most frames shown as evidence of one finding.
const MOST_EVIDENCE: usize = 8;
/// The most other connections of an attempt that are listed.
const MOST_CONNECTIONS: usize = 5;

/// Everything about `attempt`.
pub(super) fn full(page: &mut Page<'_>, report: &Report, attempt: &Attempt) {
    let start = words::date(attempt.start);
    page.banner(&format!("Attempt {}: {} to {}, {start}", attempt.id, attempt.client_ip, attempt.server), Tone::Bad);
    let Some(c) = story::deciding(report, attempt) else {
        page.entry("What happened", &words::stopped(&attempt.sentence));
        return;
    };
    let frames = Frames::at_home(report, c);
    let finding = story::explaining(c);
    if let Some(name) = frames.home() {
        page.entry("Frames", &format!("counted in {name}, where no other file is named."));
    }
    for (label, says) in story::verdict(attempt, c, finding, &frames) {
        page.entry(label, &says);
    }
    ruled_out(page, c, &frames);
    if let Some(finding) = finding {
        list(page, "What to do next", &finding.next, true);
        list(page, "What this cannot tell", &finding.cannot_tell, false);
    }
    progress(page, c, &frames);
    if let Some(finding) = finding {
        evidence(page, c, finding, &frames);
    }
    resets(page, c, &frames);
    also_found(page, c, finding, &frames);
    others(page, report, attempt, c, &frames);
    technical(page, report, c, finding, &frames);
}

/// What is excluded; causes that the same frames exclude share an entry.
fn ruled_out(page: &mut Page<'_>, c: &Connection, frames: &Frames<'_>) {
    if c.ruled_out.is_empty() {
        return;
    }
    page.heading("Ruled out");
    for (ids, excluded) in story::ruled_out(c) {
        let ids: Vec<_> = ids.into_iter().map(escape::text).collect();
        let seen = words::in_brackets(&frames.list(&excluded.frames));
        page.item("- ", &format!("{}: {}{seen}", ids.join(", "), escape::sentence(&excluded.because)));
    }
}

fn list(page: &mut Page<'_>, heading: &str, entries: &[impl AsRef<str>], numbered: bool) {
    if entries.is_empty() {
        return;
    }
    page.heading(heading);
    for (i, entry) in entries.iter().enumerate() {
        let bullet = if numbered { format!("{}. ", i.saturating_add(1)) } else { "- ".to_owned() };
        page.item(&bullet, entry.as_ref());
    }
}

/// The stages with their times, then the last messages.
fn progress(page: &mut Page<'_>, c: &Connection, frames: &Frames<'_>) {
    page.heading("How far it came");
    let reached = c.stages.iter().map(|s| {
        let guess = if s.visibility == Visibility::Inferred { "~" } else { "" };
        let end = if s.stage == c.stage { " (ended here)" } else { "" };
        format!("{guess}{} {}{end}", words::stage_short(s.stage), words::span(s.duration_ms))
    });
    let missing: Vec<_> = words::stages().filter(|s| *s > c.stage).map(words::stage_short).collect();
    page.item("", &reached.collect::<Vec<_>>().join(" > "));
    if !missing.is_empty() {
        page.item("", &format!("Not reached: {}.", missing.join(", ")));
    }
    if c.stages.iter().any(|s| s.visibility == Visibility::Inferred) {
        page.item("", "~ means: encrypted, and told from the size and order of the messages.");
    }
    let ended = c.ended.time.filter(|_| c.ended.frame.is_some());
    let until_end = c.steps.partition_point(|step| ended.is_none_or(|end| step.time <= end));
    let (before, after) = c.steps.split_at_checked(until_end).unwrap_or((&c.steps, &[]));
    let hidden = before.len().saturating_sub(MOST_STEPS);
    if hidden > 0 {
        let are = if hidden == 1 { "is" } else { "are" };
        page.item("", &format!("(the first {} {are} left out)", words::counted(hidden as u64, "message")));
    }
    for step in before.iter().skip(hidden) {
        message(page, c, step, frames);
    }
    if let (Some(frame), Some(time)) = (c.ended.frame, ended) {
        let by = match c.ended.by {
            EndedBy::Client => "client",
            EndedBy::Server => "server",
            EndedBy::OtherDevice => "another device",
            EndedBy::Unknown => "unknown",
        };
        let how = if c.ended.how == EndedHow::Reset { "reset (RST)" } else { "close (FIN)" };
        let when = words::offset(time.since(c.start));
        page.item(&format!("{when} "), &format!("{by}: {how}, {}", frames.one(frame)));
    }
    for step in after.iter().take(MOST_STEPS) {
        message(page, c, step, frames);
    }
}

fn message(page: &mut Page<'_>, c: &Connection, step: &Step, frames: &Frames<'_>) {
    let when = words::offset(step.time.since(c.start));
    let think = step.think_ms.map(|ms| format!(", after {}", words::span(ms))).unwrap_or_default();
    let (side, message) = (step.side.name(), escape::text(&step.message));
    page.item(&format!("{when} "), &format!("{side}: {message}, {}{think}", frames.one(step.frame)));
}

/// The frames that show the finding, but for what is told of its reset below.
fn evidence(page: &mut Page<'_>, c: &Connection, finding: &Finding, frames: &Frames<'_>) {
    page.heading("Evidence");
    let evidence = story::evidence(c, finding);
    for evidence in evidence.iter().take(MOST_EVIDENCE) {
        page.item("- ", &format!("{}: {}", frames.one(evidence.frame), escape::sentence(&evidence.says)));
    }
    more(page, evidence.len().saturating_sub(MOST_EVIDENCE), "more frame");
}

/// Who built the resets that may have decided the connection.
fn resets(page: &mut Page<'_>, c: &Connection, frames: &Frames<'_>) {
    let told = story::distinct(c);
    for reset in &told {
        origin(page, reset, frames);
    }
    more(page, story::telling(c).count().saturating_sub(told.len()), "more reset");
}

fn origin(page: &mut Page<'_>, reset: &Reset, frames: &Frames<'_>) {
    page.heading(&story::builder(reset, frames));
    for evidence in story::of_builder(reset, frames) {
        page.item("- ", &evidence);
    }
}

fn also_found(page: &mut Page<'_>, c: &Connection, main: Option<&Finding>, frames: &Frames<'_>) {
    let rest = story::also(c, main);
    if rest.is_empty() {
        return;
    }
    page.heading("Also found");
    for finding in rest {
        brief(page, "- ", finding, frames);
    }
}

/// A finding in one entry of a list.
pub(super) fn brief(page: &mut Page<'_>, bullet: &str, finding: &Finding, frames: &Frames<'_>) {
    let tone = match finding.severity {
        Severity::Info => Tone::Plain,
        Severity::Warning | Severity::Failure => Tone::Warn,
    };
    page.item_in(bullet, &story::brief(finding, frames), tone);
}

/// The other connections of the attempt.
fn others(page: &mut Page<'_>, report: &Report, attempt: &Attempt, main: &Connection, frames: &Frames<'_>) {
    let others = story::others(report, attempt, main);
    if others.is_empty() {
        return;
    }
    page.heading("The same attempt, other connections");
    for c in others.iter().take(MOST_CONNECTIONS) {
        page.item("- ", &story::other(c, frames));
    }
    more(page, others.len().saturating_sub(MOST_CONNECTIONS), "more connection");
}

fn technical(page: &mut Page<'_>, report: &Report, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    page.heading("Technical");
    page.entry(
        "Packets",
        &format!("{}, from {} to {}.", frames.range(c.first_frame, c.last_frame), c.client, c.server),
    );
    if let Some(says) = story::elsewhere(report, c, frames) {
        page.entry("The same connection", &says);
    }
    for (label, says) in story::security(c, frames) {
        page.entry(label, &says);
    }
    page.entry("Network", &story::network(c));
    if let Some(filter) = finding.and_then(|f| f.display_filter.as_deref()) {
        page.entry("Wireshark filter", "");
        // Broken between its conditions, never within one.
        page.item("", &filter.replace(" == ", &format!("{GLUE}=={GLUE}")));
    }
}

fn more(page: &mut Page<'_>, n: usize, what: &str) {
    if n > 0 {
        page.item_in("- ", &format!("and {}, in the JSON report", words::counted(n as u64, what)), Tone::Dim);
    }
}
