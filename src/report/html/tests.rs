//! What holds for every page.

use super::*;
use crate::report::document::{Connection, FrameRef};
use crate::report::samples;

fn page(report: &Report, all: bool) -> String {
    let mut out = Vec::new();
    write(report, &Plots::default(), Options { all }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The part of a page that is about an attempt.
fn article(page: &str, attempt: u32) -> &str {
    let from = page.find(&format!("<article id=\"attempt-{attempt}\"")).unwrap();
    page[from..].split("</article>").next().unwrap()
}

#[test]
fn nothing_is_run_and_nothing_is_loaded() {
    for (name, report) in samples::all() {
        let page = page(&report, true).to_lowercase();
        for forbidden in
            ["<script", "<img", "<link", "<iframe", "<object", "<embed", "<base", "@import", "url(", " src=", " onload"]
        {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        for href in page.split(" href=\"").skip(1) {
            assert!(href.starts_with('#'), "{name}: {href:.40}");
        }
        assert!(page.contains("default-src &#39;none&#39;"), "{name}");
    }
}

#[test]
fn tags_are_closed_in_order_and_ids_are_unique() {
    const VOID: [&str; 3] = ["meta", "br", "!doctype"];
    for (name, report) in samples::all() {
        let page = page(&report, true);
        let (before, style) = page.split_once("<style>").unwrap();
        let page = before.to_owned() + style.split_once("</style>").unwrap().1;
        let mut open: Vec<String> = Vec::new();
        for (at, _) in page.match_indices('<') {
            let tag = &page[at + 1..at + page[at..].find('>').unwrap()];
            let word = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_lowercase();
            if tag.starts_with('/') {
                assert_eq!(open.pop().as_deref(), Some(word.as_str()), "{name}");
            } else if !VOID.contains(&word.as_str()) && !tag.ends_with('/') {
                open.push(word);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        let mut ids: Vec<_> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

/// The frames that the verdict rests on.
fn deciding(c: &Connection) -> Vec<FrameRef> {
    let evidence = story::explaining(c).into_iter().flat_map(|f| &f.evidence);
    let primary = evidence.filter(|e| e.role == crate::report::document::Role::Primary).map(|e| e.frame);
    primary.chain(c.ended.frame).collect()
}

#[test]
fn every_deciding_frame_is_in_the_ladder() {
    let mut seen = 0;
    for (name, report) in samples::all() {
        let page = page(&report, true);
        for attempt in report.attempts.iter().filter(|a| a.outcome == Outcome::Failed) {
            let ladder =
                article(&page, attempt.id).split("class=\"ladder\"").nth(1).unwrap().split("</figure>").next().unwrap();
            for frame in deciding(story::deciding(&report, attempt).unwrap()) {
                assert!(ladder.contains(&format!(">#{}<", frame.number)), "{name}: frame {}", frame.number);
                seen += 1;
            }
        }
    }
    assert!(seen > 5);
}

#[test]
fn what_strangers_say_is_text() {
    let mut report = samples::hostile();
    let evil = "</title><svg onload=alert(1)>\u{202e}&lt;\"'";
    report.captures[0].path = evil.to_owned();
    report.attempts[0].sentence = evil.to_owned();
    for c in &mut report.connections {
        c.steps.iter_mut().for_each(|step| step.message = evil.to_owned());
        c.findings.iter_mut().for_each(|f| (f.title, f.id) = (evil.to_owned(), evil.to_owned()));
        c.verdict.iter_mut().for_each(|v| v.finding = evil.to_owned());
    }
    let page = page(&report, true);
    assert!(
        !page.contains("<svg onload") && !page.chars().any(|c| crate::report::escape::is_deceptive(c) && c != '\n')
    );
    assert!(page.contains("&lt;svg onload=alert(1)&gt;\\u{202e}&amp;lt;&quot;&#39;"));
}

#[test]
fn hundreds_of_attempts_stay_usable_and_the_page_says_what_it_leaves_out() {
    let report = samples::many(600);
    let short = page(&report, false);
    let drawn = short.matches("<article ").count();
    assert!(drawn <= MOST_DRAWN && short.contains(&format!("failed attempts {drawn} are drawn in full below")));
    // Every one is in the table all the same.
    assert_eq!(short.matches("<tr class=\"failed\">").count() as u64, report.summary.failed);
    let all = page(&report, true);
    assert_eq!(all.matches("<article ").count() as u64, report.summary.failed);
}
