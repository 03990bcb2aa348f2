//! What every form for people tells of a report as a whole: what came of an
//! attempt, what was read, and the sums.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use super::document::{Attempt, Capture, Connection, EndedBy, EndedHow, Millis, Notice, Outcome, Report, Stage};
use super::escape;
use super::title::Mood;
use super::words::{self, Frames};

/// The most unreadable files named one by one.
const MOST_UNREADABLE: usize = 10;

/// A wait worth telling of.
const LONG: Millis = Millis::from_micros(1_000_000);

/// Input that is missing or damaged.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    let named = report.unreadable.iter().take(MOST_UNREADABLE);
    let mut said: Vec<_> = named.map(|u| format!("{}: {}", words::path(&u.path), u.says)).collect();
    let hidden = report.unreadable.len().saturating_sub(MOST_UNREADABLE);
    if hidden > 0 {
        said.push(format!("and {} more", words::counted(hidden as u64, "file")));
    }
    let incomplete = report.captures.iter().filter(|c| !c.complete).count();
    if incomplete > 0 {
        let captures = words::counted(incomplete as u64, "capture");
        said.push(format!("{captures} cut short or damaged; what could be read is reported."));
    }
    said
}

/// What came of an attempt that did not fail, in a few words.
pub(super) fn outcome(attempt: &Attempt, c: &Connection) -> String {
    match attempt.outcome {
        Outcome::Active => {
            let lasted = words::span(c.end.since(c.start));
            let by = match c.ended.by {
                EndedBy::Client => "ended by the client",
                EndedBy::Server => "ended by the server",
                EndedBy::OtherDevice => "ended by another device",
                EndedBy::Unknown if c.ended.how == EndedHow::Reset => {
                    "ended by a reset of which is not known who built it"
                }
                EndedBy::Unknown => "end not seen",
            };
            let after = words::ties(&attempt.ties).map(|why| format!(" ({why})")).unwrap_or_default();
            format!("desktop reached, {lasted}, {by}{after}")
        }
        Outcome::Open => {
            let waiting = c.stages.iter().filter_map(|s| s.waiting_for.as_ref()).next_back();
            let owed = waiting.filter(|w| w.ms >= LONG).map(|w| {
                format!("; the {} had owed {} for {}", w.side.name(), escape::text(&w.message), words::span(w.ms))
            });
            format!("still in {} when the capture stopped{}", words::stage(c.stage), owed.unwrap_or_default())
        }
        _ => escape::sentence(attempt.sentence.trim_end_matches('.')).into_owned(),
    }
}

/// What a capture is: a line about all of it, then what else there is to know.
pub(super) fn capture(capture: &Capture) -> Vec<(String, Mood)> {
    let mut format = capture.format.clone();
    if !capture.compression.is_empty() {
        format = format!("{format} in {}", capture.compression.join(", "));
    }
    let times = match (capture.first_time, capture.last_time) {
        (Some(first), Some(last)) => format!(", {}", words::period(first, last)),
        _ => String::new(),
    };
    let (packets, bytes) = (words::counted(capture.packets, "packet"), words::size(capture.bytes));
    let mut said = vec![(format!("{}: {format}, {packets}, {bytes}{times}", words::path(&capture.path)), Mood::Good)];
    if let Some(sha256) = &capture.sha256 {
        said.push((format!("SHA-256 {sha256}"), Mood::Good));
    }
    match capture.dropped {
        Some(0) => {}
        Some(n) => {
            said.push((format!("the capturing machine dropped {}", words::counted(n, "packet")), Mood::Warn));
        }
        None => said.push(("it does not say whether packets were dropped while capturing".to_owned(), Mood::Good)),
    }
    if capture.cut_packets > 0 {
        let cut = words::counted(capture.cut_packets, "packet");
        said.push((format!("{cut} cut short when captured (snap length)"), Mood::Warn));
    }
    said
}

/// What happened, where, and how often.
pub(super) fn notice(notice: &Notice, frames: &Frames<'_>) -> String {
    let times = if notice.count > 1 { format!(" ({} times)", words::count(notice.count)) } else { String::new() };
    let at = notice.frame.map(|f| format!(", {}", frames.one(f))).unwrap_or_default();
    format!("{}: {}{at}{times}", escape::text(&notice.kind), escape::sentence(&notice.says))
}

/// The most kinds of counted attempts that are told.
const MOST_KINDS: usize = 6;

/// The attempts that are in no list.
fn counted(report: &Report) -> Option<String> {
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    for one in &report.counted {
        *kinds.entry((one.stage, one.outcome, one.finding.as_deref(), one.ended)).or_default() += one.attempts;
    }
    let all: u64 = kinds.values().sum();
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| Reverse(*count));
    let told = kinds.iter().take(MOST_KINDS).map(|((stage, outcome, finding, ended), count)| {
        let what = match (outcome, finding) {
            (_, Some(finding)) => escape::text(finding).into_owned(),
            (Outcome::Abandoned, None) if *stage == Stage::X224 => "left after the RDP negotiation".to_owned(),
            (Outcome::Abandoned, None) => "left before the first message".to_owned(),
            (Outcome::Open, None) => return format!("{} still open when the capture ended", words::count(*count)),
            _ => "without a finding".to_owned(),
        };
        let how = match (ended.how, ended.by) {
            (EndedHow::Silence, _) => "in silence",
            (EndedHow::CaptureEnd, _) => "not over when the capture ended",
            (EndedHow::Reset, EndedBy::Client) => "by the client's reset",
            (EndedHow::Reset, EndedBy::Server) => "by the server's reset",
            (EndedHow::Reset, EndedBy::OtherDevice) => "by a reset of another device",
            (EndedHow::Reset, EndedBy::Unknown) => "by a reset of which is not known who built it",
            (EndedHow::Fin, EndedBy::Client) => "closed by the client",
            (EndedHow::Fin, EndedBy::Server) => "closed by the server",
            (EndedHow::Fin, _) => "closed",
        };
        format!("{} {what} ({how})", words::count(*count))
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let more = if kinds.len() > MOST_KINDS { ", and others" } else { "" };
    (all > 0).then(|| {
        format!(
            "Of these, {} {} counted, not listed, since probes of a port look like {}: {told}{more}. --host ADDRESS \
             reports those of one client or server; --all lists them all.",
            words::counted(all, "attempt"),
            if all == 1 { "is" } else { "are" },
            if all == 1 { "it" } else { "them" }
        )
    })
}

/// Failed attempts, and how many of them are listed.
pub(super) fn failures(report: &Report, listed: usize) -> String {
    let all = report.summary.failed.max(listed as u64);
    let failed = format!("{} failed", words::counted(all, "attempt"));
    if all > listed as u64 { format!("{failed}, {} of them listed", words::count(listed as u64)) } else { failed }
}

/// The report in numbers, in paragraphs.
pub(super) fn counts(report: &Report) -> Vec<String> {
    let s = &report.summary;
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
    let mut said = vec![text];
    said.extend(counted(report));
    if !report.side_channels.is_empty() {
        let (all, answered) = (report.side_channels.len(), report.side_channels.iter().filter(|c| c.answered).count());
        said.push(format!(
            "UDP: {}, {} answered. RDP works without it.",
            words::counted(all as u64, "side channel"),
            words::count(answered as u64)
        ));
    }
    if s.attempts == 0 && !report.captures.is_empty() {
        said.push(
            "RDP is found on any port by its first message, and on port 3389 by the port. Was the capture taken \
             between the client and the server, while the client connected? Through an RD Gateway, RDP is inside HTTPS."
                .to_owned(),
        );
    }
    said
}
