//! One failed attempt in full.

use super::sheet::Sheet;
use super::story;
use super::words::{self, Frames};
use crate::report::document::{Attempt, Connection, Finding, Report, Role, Visibility};
use crate::report::escape;

/// The most frames shown as evidence of one finding.
const MOST_EVIDENCE: usize = 8;
/// The most other connections of an attempt that are listed.
const MOST_CONNECTIONS: usize = 5;

/// Everything about `attempt`.
pub(super) fn full(sheet: &mut Sheet<'_>, report: &Report, attempt: &Attempt) {
    let start = words::date(attempt.start);
    sheet.part(&format!("Attempt {}: {} to {}, {start}", attempt.id, attempt.client_ip, attempt.server));
    let Some(c) = story::deciding(report, attempt) else {
        sheet.entry("What happened", &words::stopped(&attempt.sentence));
        return;
    };
    let frames = Frames::at_home(report, c);
    let finding = story::explaining(c);
    if let Some(name) = frames.home() {
        sheet.entry("Frames", &format!("counted in {name}, where no other file is named."));
    }
    for (label, says) in story::verdict(attempt, c, finding, &frames) {
        sheet.entry(label, &says);
    }
    stages(sheet, c, &frames);
    if let Some(finding) = finding {
        evidence(sheet, c, finding, &frames);
    }
    for reset in story::distinct(c) {
        sheet.heading(&story::builder(reset, &frames));
        story::of_builder(reset, &frames).iter().for_each(|says| sheet.item(says));
    }
    also_found(sheet, c, finding, &frames);
    ruled_out(sheet, c, &frames);
    if let Some(finding) = finding {
        next(sheet, finding);
    }
    others(sheet, report, attempt, c, &frames);
    technical(sheet, report, c, finding, &frames);
}

fn stages(sheet: &mut Sheet<'_>, c: &Connection, frames: &Frames<'_>) {
    sheet.heading("How far it came");
    let rows: Vec<_> = c
        .stages
        .iter()
        .map(|s| {
            let told = if s.visibility == Visibility::Inferred { " (inferred)" } else { "" };
            let waited = s
                .waiting_for
                .as_ref()
                .map(|w| format!("{} owed {} for {}", w.side.name(), escape::text(&w.message), words::span(w.ms)));
            let end = (s.stage == c.stage).then(|| "ended here".to_owned());
            [
                format!("{}{told}", words::stage_short(s.stage)),
                words::span(s.duration_ms),
                frames.range(s.first_frame, s.last_frame),
                end.into_iter().chain(waited).collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    if !rows.is_empty() {
        sheet.table(["Stage", "Took", "Frames", ""], &rows);
    }
    let missing: Vec<_> = words::stages().filter(|s| *s > c.stage).map(words::stage_short).collect();
    if !missing.is_empty() {
        sheet.text(&format!("Not reached: {}.", missing.join(", ")));
    }
    if c.stages.iter().any(|s| s.visibility == Visibility::Inferred) {
        sheet.text("Inferred: encrypted, and told from the size and order of the messages.");
    }
}

fn evidence(sheet: &mut Sheet<'_>, c: &Connection, finding: &Finding, frames: &Frames<'_>) {
    sheet.heading("Evidence");
    let evidence = story::evidence(c, finding);
    for evidence in evidence.iter().take(MOST_EVIDENCE) {
        let rests = if evidence.role == Role::Primary { " (the finding rests on it)" } else { "" };
        sheet.item(&format!("{}{rests}: {}", frames.one(evidence.frame), escape::sentence(&evidence.says)));
    }
    more(sheet, evidence.len().saturating_sub(MOST_EVIDENCE), "more frame");
}

fn also_found(sheet: &mut Sheet<'_>, c: &Connection, main: Option<&Finding>, frames: &Frames<'_>) {
    let rest = story::also(c, main);
    if !rest.is_empty() {
        sheet.heading("Also found");
        rest.iter().for_each(|finding| sheet.item(&story::brief(finding, frames)));
    }
}

fn ruled_out(sheet: &mut Sheet<'_>, c: &Connection, frames: &Frames<'_>) {
    let groups = story::ruled_out(c);
    if groups.is_empty() {
        return;
    }
    sheet.heading("Ruled out");
    for (ids, excluded) in groups {
        let seen = words::in_brackets(&frames.list(&excluded.frames));
        sheet.item(&format!("{}: {}{seen}", ids.join(", "), escape::sentence(&excluded.because)));
    }
}

fn next(sheet: &mut Sheet<'_>, finding: &Finding) {
    if !finding.next.is_empty() {
        sheet.heading("What to do next");
        (1..).zip(&finding.next).for_each(|(n, next)| sheet.numbered(n, next));
    }
    if !finding.cannot_tell.is_empty() {
        sheet.heading("What this cannot tell");
        finding.cannot_tell.iter().for_each(|limit| sheet.item(limit));
    }
}

fn others(sheet: &mut Sheet<'_>, report: &Report, attempt: &Attempt, main: &Connection, frames: &Frames<'_>) {
    let others = story::others(report, attempt, main);
    if others.is_empty() {
        return;
    }
    sheet.heading("The same attempt, other connections");
    for c in others.iter().take(MOST_CONNECTIONS) {
        sheet.item(&story::other(c, frames));
    }
    more(sheet, others.len().saturating_sub(MOST_CONNECTIONS), "more connection");
}

fn technical(sheet: &mut Sheet<'_>, report: &Report, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    sheet.heading("Technical");
    let range = frames.range(c.first_frame, c.last_frame);
    sheet.entry("Packets", &format!("{range}, from {} to {}.", c.client, c.server));
    if let Some(says) = story::elsewhere(report, c, frames) {
        sheet.entry("The same connection", &says);
    }
    for (label, says) in story::security(c, frames) {
        sheet.entry(label, &says);
    }
    sheet.entry("Network", &story::network(c));
    if let Some(filter) = finding.and_then(|f| f.display_filter.as_deref()) {
        sheet.text("Filter for Wireshark:");
        sheet.code(filter);
    }
}

fn more(sheet: &mut Sheet<'_>, n: usize, what: &str) {
    if n > 0 {
        sheet.item(&format!("and {}, in the JSON report", words::counted(n as u64, what)));
    }
}
