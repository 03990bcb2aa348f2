//! One failed attempt in full: first what a hurried reader needs, then what
//! proves it.

use super::page::{GLUE, Page, Tone};
use super::words::{self, Frames};
use crate::report::document::{
    Attempt, BuiltBy, Certificate, Connection, EndedBy, EndedHow, Finding, Hops, Millis, PatternMatch, Report, Reset,
    Role, RuledOut, Severity, Step, Validity, Visibility,
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
    let Some(c) = deciding(report, attempt) else {
        page.entry("What happened", &words::stopped(&attempt.sentence));
        return;
    };
    let frames = Frames::at_home(report, c);
    let finding = c.verdict.as_ref().and_then(|v| c.findings.iter().find(|f| f.id == v.finding));
    if let Some(name) = frames.home() {
        page.entry("Frames", &format!("counted in {name}, where no other file is named."));
    }
    verdict(page, attempt, c, finding, &frames);
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
    technical(page, c, finding, &frames);
}

/// The connection that decided an attempt: that of its verdict, else the last.
pub(super) fn deciding<'r>(report: &'r Report, attempt: &Attempt) -> Option<&'r Connection> {
    let last = attempt.connections.last().copied();
    attempt.verdict.as_ref().map(|v| v.connection).or(last).and_then(|id| report.connection(id))
}

fn verdict(page: &mut Page<'_>, attempt: &Attempt, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    let detail = finding.map_or("Nothing in the capture explains why.", |f| f.detail.as_str());
    page.entry("What happened", &format!("{} {}", words::stopped(&attempt.sentence), words::stopped(detail)));
    page.entry("Who ended it", &words::ended(c, frames));
    if let Some(verdict) = &c.verdict {
        page.entry("How sure", words::certainty(verdict.certainty));
    }
    page.entry("Died in", &place(c));
    if let Some(finding) = finding {
        let primary: Vec<_> = finding.evidence.iter().filter(|e| e.role == Role::Primary).map(|e| e.frame).collect();
        page.entry("Shown by", &format!("{}. Finding: {}.", frames.list(&primary), escape::text(&finding.id)));
    }
    let pattern = &c.pattern_0x7;
    if let Some(shown) = &pattern.client_would_show {
        page.entry("What the user saw", &format!("probably {}", words::stopped(shown)));
    }
    let because = words::as_sentence(&pattern.because);
    match pattern.r#match {
        PatternMatch::Full => page.entry("Error 0x904/0x7", &format!("matches. {because}")),
        PatternMatch::Partial => page.entry("Error 0x904/0x7", &format!("matches in part. {because}")),
        PatternMatch::None => {}
    }
}

/// Where a connection died, and what was owed.
fn place(c: &Connection) -> String {
    let after = words::span(c.ended.time.unwrap_or(c.end).since(c.start));
    let least = if c.stage_is_lower_bound { " or later; the capture does not show enough to be sure" } else { "" };
    let mut out = format!("{}{least}, {after} after the start.", words::stage(c.stage));
    let waiting = c.stages.iter().filter_map(|s| s.waiting_for.as_ref()).next_back();
    if let Some(waiting) = waiting.filter(|w| w.ms > Millis::from_micros(0)) {
        let (side, message, ms) = (waiting.side.name(), &waiting.message, words::span(waiting.ms));
        out += &format!(" The next message was due from the {side}: {message} (waited {ms}).");
    }
    out
}

/// What is excluded; causes that the same frames exclude share an entry.
fn ruled_out(page: &mut Page<'_>, c: &Connection, frames: &Frames<'_>) {
    if c.ruled_out.is_empty() {
        return;
    }
    page.heading("Ruled out");
    let mut groups: Vec<(Vec<&str>, &RuledOut)> = Vec::new();
    for excluded in &c.ruled_out {
        let same =
            |(_, other): &&mut (_, &RuledOut)| other.because == excluded.because && other.frames == excluded.frames;
        match groups.iter_mut().find(same) {
            Some((ids, _)) => ids.push(&excluded.finding),
            None => groups.push((vec![&excluded.finding], excluded)),
        }
    }
    for (ids, excluded) in groups {
        let ids: Vec<_> = ids.into_iter().map(escape::text).collect();
        let seen = in_brackets(&frames.list(&excluded.frames));
        page.item("- ", &format!("{}: {}{seen}", ids.join(", "), escape::sentence(&excluded.because)));
    }
}

fn list(page: &mut Page<'_>, heading: &str, entries: &[String], numbered: bool) {
    if entries.is_empty() {
        return;
    }
    page.heading(heading);
    for (i, entry) in entries.iter().enumerate() {
        let bullet = if numbered { format!("{}. ", i.saturating_add(1)) } else { "- ".to_owned() };
        page.item(&bullet, entry);
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
    let missing: Vec<_> = words::STAGES.iter().filter(|&&s| s > c.stage).map(|&s| words::stage_short(s)).collect();
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
        page.item("", &format!("(the first {} are left out)", words::counted(hidden as u64, "message")));
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
    let told = |says: &str| telling(c).any(|r| r.evidence.iter().any(|e| e.says == says));
    let evidence: Vec<_> = finding.evidence.iter().filter(|e| e.role == Role::Primary || !told(&e.says)).collect();
    for evidence in evidence.iter().take(MOST_EVIDENCE) {
        page.item("- ", &format!("{}: {}", frames.one(evidence.frame), escape::sentence(&evidence.says)));
    }
    more(page, evidence.len().saturating_sub(MOST_EVIDENCE), "more frame");
}

/// The resets of which somebody wants to know who built them: the one that
/// ended the connection, and those of other devices.
fn telling(c: &Connection) -> impl Iterator<Item = &Reset> {
    let matters = |r: &&Reset| Some(r.frame) == c.ended.frame || r.built_by == BuiltBy::OtherDevice;
    c.resets.iter().filter(matters).filter(|r| !r.evidence.is_empty())
}

/// Who built the resets that may have decided the connection. A device sends
/// several with the same evidence; the first speaks for them.
fn resets(page: &mut Page<'_>, c: &Connection, frames: &Frames<'_>) {
    let mut told: Vec<&Reset> = Vec::new();
    for reset in telling(c) {
        if !told.iter().any(|t| (t.claimed_by, t.built_by) == (reset.claimed_by, reset.built_by)) {
            told.push(reset);
            origin(page, reset, frames);
        }
    }
    more(page, telling(c).count().saturating_sub(told.len()), "more reset");
}

fn origin(page: &mut Page<'_>, reset: &Reset, frames: &Frames<'_>) {
    let builder = words::builder(reset.built_by, reset.claimed_by.name());
    let certainty = match reset.built_by {
        BuiltBy::Undetermined => String::new(),
        _ => format!(" ({})", reset.certainty.name()),
    };
    page.heading(&format!("Who built the reset in {}: {builder}{certainty}", frames.one(reset.frame)));
    let mut evidence: Vec<_> = reset.evidence.iter().collect();
    evidence.sort_by_key(|e| core::cmp::Reverse(e.strength));
    for evidence in evidence {
        let seen = in_brackets(&frames.list(&evidence.frames));
        let agrees = evidence.points_to == reset.built_by || reset.built_by == BuiltBy::Undetermined;
        let against = if agrees { "" } else { ", against" };
        let strength = words::strength(evidence.strength);
        page.item("- ", &format!("{strength}{against}: {}{seen}", escape::sentence(&evidence.says)));
    }
    if let Some(Hops { host, reset: builder }) = reset.hops {
        let (claimed, host) = (reset.claimed_by.name(), words::counted(host.into(), "router"));
        let builder = words::counted(builder.into(), "router");
        page.item("- ", &format!("distance from the capture: its builder {builder}, the {claimed} {host}"));
    }
}

fn also_found(page: &mut Page<'_>, c: &Connection, main: Option<&Finding>, frames: &Frames<'_>) {
    let rest = c.findings.iter().filter(|f| main.is_none_or(|m| !core::ptr::eq(m, *f)));
    let rest: Vec<_> = rest.filter(|f| f.severity > Severity::Info).collect();
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
    let (title, certainty) = (escape::sentence(&finding.title), finding.certainty.name());
    let at = finding.evidence.iter().find(|e| e.role == Role::Primary).map(|e| frames.one(e.frame));
    let at = at.map(|at| format!(", {at}")).unwrap_or_default();
    let id = escape::text(&finding.id);
    page.item_in(bullet, &format!("{title} ({id}, {certainty}{at})"), tone);
}

/// The other connections of the attempt.
fn others(page: &mut Page<'_>, report: &Report, attempt: &Attempt, main: &Connection, frames: &Frames<'_>) {
    let others: Vec<_> = attempt.connections.iter().filter(|&&id| id != main.id).collect();
    if others.is_empty() {
        return;
    }
    page.heading("The same attempt, other connections");
    for c in others.iter().take(MOST_CONNECTIONS).filter_map(|&&id| report.connection(id)) {
        let at = frames.range(c.first_frame, c.last_frame);
        let (when, stage) = (words::clock(c.start), words::stage(c.stage));
        page.item("- ", &format!("{when}, {at}: {}, came to {stage}", c.outcome.name()));
    }
    more(page, others.len().saturating_sub(MOST_CONNECTIONS), "more connection");
}

fn technical(page: &mut Page<'_>, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    page.heading("Technical");
    page.entry(
        "Packets",
        &format!("{}, from {} to {}.", frames.range(c.first_frame, c.last_frame), c.client, c.server),
    );
    if let Some(negotiation) = &c.negotiation {
        let asked =
            if negotiation.requested.is_empty() { "nothing".to_owned() } else { negotiation.requested.join(", ") };
        let answer = match (&negotiation.selected, &negotiation.failure) {
            (_, Some(code)) => {
                format!("refused with code {}, {}", code.code, code.name.as_deref().unwrap_or("unknown"))
            }
            (Some(selected), None) => format!("chose {selected}"),
            (None, None) => "gave no answer".to_owned(),
        };
        page.entry("Security", &format!("the client offered {asked}; the server {answer}."));
    }
    if let Some(tls) = &c.tls {
        let version = tls.version.as_deref().unwrap_or("no version agreed");
        let suite = tls.suite.as_deref().map(|s| format!(", {s}")).unwrap_or_default();
        page.entry("TLS", &format!("{version}{suite}."));
        for alert in &tls.alerts {
            let (side, code) = (alert.side.name(), alert.description.code);
            let name = alert.description.name.as_deref().unwrap_or("unknown");
            page.entry("Alert", &format!("the {side} says {code}, {name}, in {}.", frames.one(alert.frame)));
        }
        if let Some(certificate) = &tls.certificate {
            page.entry("Certificate", &describe(certificate, frames));
        }
    }
    network(page, c);
    if let Some(filter) = finding.and_then(|f| f.display_filter.as_deref()) {
        page.entry("Wireshark filter", "");
        // Broken between its conditions, never within one.
        page.item("", &filter.replace(" == ", &format!("{GLUE}=={GLUE}")));
    }
}

fn describe(certificate: &Certificate, frames: &Frames<'_>) -> String {
    let validity = match certificate.validity {
        Validity::Valid => "valid when captured",
        Validity::Expired => "expired when captured",
        Validity::NotYetValid => "not yet valid when captured",
    };
    let (subject, issuer) = (escape::text(&certificate.subject), escape::text(&certificate.issuer));
    let issuer = if certificate.self_signed { "itself".to_owned() } else { issuer.into_owned() };
    let (from, to) = (words::date(certificate.not_before), words::date(certificate.not_after));
    let at = frames.one(certificate.frame);
    format!("{subject}, signed by {issuer}, {validity} ({from} to {to}), {}, {at}.", escape::text(&certificate.key))
}

fn network(page: &mut Page<'_>, c: &Connection) {
    let n = &c.network;
    let mut said = Vec::new();
    if let Some(rtt) = n.rtt_ms {
        let [min, median, max] = [rtt.min, rtt.median, rtt.max].map(words::span);
        said.push(match rtt.samples {
            0 | 1 => format!("Round trip {median}, measured once."),
            _ => format!("Round trip {min} at best, {median} typically, {max} at worst."),
        });
    }
    let sent_again = n.retransmissions;
    if sent_again.client.segments == 0 && sent_again.server.segments == 0 {
        said.push("Nothing was sent again.".to_owned());
    }
    for (side, sent, lost) in
        [("client", sent_again.client, n.lost.client), ("server", sent_again.server, n.lost.server)]
    {
        if sent.segments > 0 {
            let packets = words::counted(sent.segments, "packet");
            let bytes = if sent.bytes > 0 { format!(" ({})", words::size(sent.bytes)) } else { String::new() };
            let needless = if sent.spurious > 0 { format!(", {} needlessly", sent.spurious) } else { String::new() };
            said.push(format!("The {side} sent {packets}{bytes} again{needless}."));
        }
        if lost > 0 {
            said.push(format!("Lost: {} of the {side}.", words::counted(lost, "packet")));
        }
    }
    for (side, window) in [("client", n.zero_window.client), ("server", n.zero_window.server)] {
        if window.count > 0 {
            let (times, ms) = (words::counted(window.count, "time"), words::span(window.ms));
            said.push(format!("The {side} had no room for data {times}, for {ms} in all (zero window)."));
        }
    }
    for (side, bytes) in [("client", n.not_captured_bytes.client), ("server", n.not_captured_bytes.server)] {
        if bytes > 0 {
            said.push(format!("The capture lacks {} of what the {side} sent.", words::size(bytes)));
        }
    }
    if let Some(silence) = n.longest_silence_ms {
        said.push(format!("Longest silence {}.", words::span(silence)));
    }
    page.entry("Network", &said.join(" "));
}

/// ` (frame 9)`, or nothing.
fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

fn more(page: &mut Page<'_>, n: usize, what: &str) {
    if n > 0 {
        page.item_in("- ", &format!("and {}, in the JSON report", words::counted(n as u64, what)), Tone::Dim);
    }
}
