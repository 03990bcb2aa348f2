//! The first line of every form for people: a title for a ticket, without
//! names and addresses.

use core::cmp::Reverse;

use super::build::OTHER_HOSTS;
use super::document::{Attempt, Finding, Outcome, Report, Severity, Summary};
use super::escape;
use super::story::deciding;
use super::words;
use crate::findings::pages;

/// The most characters of a title: what ServiceNow keeps of a short
/// description, with room for a prefix of the reader's own.
pub(super) const LONGEST: usize = 80;

/// A title, and how good the news are.
pub(super) struct Title {
    pub(super) text: String,
    pub(super) mood: Mood,
}

/// How good the news are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Something failed.
    Bad,
    /// Nothing failed, but for trouble or doubt.
    Warn,
    /// All is well.
    Good,
}

/// The title of `report`.
pub(super) fn of(report: &Report) -> Title {
    let s = &report.summary;
    let (text, mood) = match report.attempts.as_slice() {
        [] if report.captures.is_empty() => ("Nothing could be read.".to_owned(), Mood::Bad),
        [] if report.notices.iter().any(|notice| notice.kind == OTHER_HOSTS) => {
            ("No Remote Desktop connection of the given host was found.".to_owned(), Mood::Warn)
        }
        [] if report.side_channels.is_empty() => ("No Remote Desktop connection was found.".to_owned(), Mood::Warn),
        [] => ("No Remote Desktop connection over TCP was found, only UDP side channels.".to_owned(), Mood::Warn),
        [one] => single(report, one),
        _ if s.failed > 0 => (several_failed(s), Mood::Bad),
        _ => (none_failed(s), Mood::Good),
    };
    Title { text: cut(&escape::sentence(&text)), mood }
}

/// What came of all attempts in one line, told from their counts alone: for
/// whoever has no list of them, or goes through many reports. It says no more than
/// the title: what was not seen to its end did not "not fail".
#[must_use]
pub fn in_short(s: &Summary) -> String {
    match s.attempts {
        0 => "no Remote Desktop connection".to_owned(),
        1 if s.failed == 1 => match s.by_finding.keys().next() {
            Some(finding) => format!("RDP failed: {}", in_words(finding)),
            None => "RDP failed, and the capture does not show why".to_owned(),
        },
        1 if s.active == 1 => "RDP worked: the desktop was reached".to_owned(),
        1 if s.abandoned == 1 => "RDP given up by the client before the desktop".to_owned(),
        1 => NOT_SHOWN.to_owned(),
        _ if s.failed > 0 => several_failed(s),
        _ => none_failed(s),
    }
}

/// Neither a failure nor a desktop was seen.
const NOT_SHOWN: &str = "RDP seen; the capture does not show what became of it";

fn none_failed(s: &Summary) -> String {
    let (attempts, active) = (words::count(s.attempts), words::count(s.active));
    match s.attempts {
        2 if s.active == 2 => "RDP: both attempts worked".to_owned(),
        all if s.active == all => format!("RDP: all {attempts} attempts worked"),
        _ if s.open + s.unknown > 0 => {
            format!("RDP: no failure was seen in {attempts} attempts, {active} reached the desktop")
        }
        _ => format!("RDP: none of {attempts} attempts failed, {active} reached the desktop"),
    }
}

/// How many failed, and the cause of all of them, or the most frequent ones, as
/// many as fit.
fn several_failed(s: &Summary) -> String {
    const REST: &str = " and others";
    let failed = format!("RDP: {} of {} attempts failed", words::count(s.failed), words::count(s.attempts));
    let mut causes: Vec<_> = s.by_finding.iter().collect();
    causes.sort_by_key(|&(id, n)| (Reverse(n), id));
    if let [(id, n)] = causes.as_slice()
        && **n == s.failed
    {
        let told = format!("{failed}: {}", in_words(id));
        return if told.chars().count() <= LONGEST { told } else { format!("{failed}: {id}") };
    }
    let told: Vec<_> = causes.iter().map(|(id, n)| format!("{} {id}", words::count(**n))).collect();
    let fitting = (1..=told.len()).rev().find_map(|most| {
        let rest = if most < told.len() { REST } else { "" };
        let title = format!("{failed}: {}{rest}", told.get(..most)?.join(", "));
        (title.chars().count() <= LONGEST).then_some(title)
    });
    fitting.unwrap_or(failed)
}

/// What is behind a failure, by the heading of its page: an id says little to
/// whoever meets it for the first time.
fn in_words(finding: &str) -> String {
    let page = pages().find(|page| page.id == finding);
    page.map_or_else(|| finding.to_owned(), |page| words::within_sentence(page.title))
}

fn single(report: &Report, attempt: &Attempt) -> (String, Mood) {
    let connection = deciding(report, attempt);
    let verdict = connection.and_then(|c| {
        let verdict = c.verdict.as_ref()?;
        c.findings.iter().find(|f| f.id == verdict.finding)
    });
    // What hurt, where nothing failed.
    let trouble = connection.and_then(|c| c.findings.iter().find(|f| f.severity > Severity::Info));
    let title = |f: &Finding| words::within_sentence(&f.title);
    match (attempt.outcome, verdict.or(trouble)) {
        (Outcome::Failed, Some(f)) => (format!("RDP failed: {}", title(f)), Mood::Bad),
        (Outcome::Failed, None) => ("RDP failed, and the capture does not show why".to_owned(), Mood::Bad),
        (Outcome::Active, Some(f)) => (format!("RDP worked, with trouble: {}", title(f)), Mood::Warn),
        (Outcome::Active, None) => ("RDP worked: the desktop was reached, nothing failed".to_owned(), Mood::Good),
        (Outcome::Abandoned, _) => ("RDP given up by the client before the desktop".to_owned(), Mood::Warn),
        (Outcome::Open, Some(f)) => (format!("RDP unfinished: {}", title(f)), Mood::Warn),
        (Outcome::Open, None) if connection.is_some_and(|c| c.packets.client == 0 || c.packets.server == 0) => {
            ("RDP seen in one direction only: success or failure cannot be told".to_owned(), Mood::Warn)
        }
        (Outcome::Open, None) => {
            ("RDP still under way when the capture stopped; nothing failed".to_owned(), Mood::Good)
        }
        (Outcome::Unknown, _) => (NOT_SHOWN.to_owned(), Mood::Warn),
    }
}

/// `text` within [`LONGEST`], cut after a whole word where it is too long.
fn cut(text: &str) -> String {
    /// What stands for the rest.
    const MARK: &str = "...";
    if text.chars().nth(LONGEST).is_none() {
        return text.to_owned();
    }
    // One more, for the space behind a word that just fits.
    let room: String = text.chars().take(LONGEST.saturating_sub(MARK.len()).saturating_add(1)).collect();
    let whole = room.rsplit_once(' ').map_or(room.as_str(), |(words, _)| words);
    format!("{whole}{MARK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(causes: &[(&str, u64)]) -> String {
        let by_finding = causes.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
        let failed = causes.iter().map(|(_, n)| n).sum();
        in_short(&Summary { attempts: 1_234, failed, by_finding, ..Summary::default() })
    }

    #[test]
    fn one_cause_is_told_in_words_where_they_fit() {
        assert_eq!(failed(&[("no-answer", 7)]), "RDP: 7 of 1,234 attempts failed: nobody answered");
        // An id of which this version has no page, and one whose heading is too long.
        assert_eq!(failed(&[("new", 7)]), "RDP: 7 of 1,234 attempts failed: new");
        let long = failed(&[("authorization-denied", 1_000)]);
        assert_eq!(long, "RDP: 1,000 of 1,234 attempts failed: authorization-denied");
    }

    #[test]
    fn several_causes_are_counted_by_their_ids() {
        let title = failed(&[("no-answer", 3), ("injected-reset", 7)]);
        assert_eq!(title, "RDP: 10 of 1,234 attempts failed: 7 injected-reset, 3 no-answer");
    }
}
