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
        c.steps.iter_mut().for_each(|step| step.message = evil.into());
        c.findings.iter_mut().for_each(|f| (f.title, f.id) = (evil.into(), evil.into()));
        c.verdict.iter_mut().for_each(|v| v.finding = evil.into());
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
    let are = if drawn == 1 { "is" } else { "are" };
    assert!(drawn <= MOST_DRAWN && short.contains(&format!("failed attempts {drawn} {are} drawn in full below")));
    // Every one is in the table all the same.
    assert_eq!(short.matches("<tr class=\"failed\">").count() as u64, report.summary.failed);
    let all = page(&report, true);
    assert_eq!(all.matches("<article ").count() as u64, report.summary.failed);
}

/// The colours of one dress, by name.
type Palette<'a> = std::collections::BTreeMap<&'a str, [f64; 3]>;

/// Those of light, dark and print, in this order.
fn palettes(css: &str) -> Vec<Palette<'_>> {
    let blocks = css.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
    let pairs =
        |block: &str| -> Vec<(usize, usize)> { block.match_indices("--").map(|(at, _)| (at, at + 2)).collect() };
    blocks
        .map(|block| {
            let colours = pairs(block).into_iter().filter_map(|(_, from)| {
                let (name, value) = block[from..].split_once(": ")?;
                let digits = value.split(';').next()?.strip_prefix('#')?;
                let width = digits.len() / 3;
                let mut colour = [0.0; 3];
                for (n, part) in colour.iter_mut().enumerate() {
                    let digits = digits[n * width..(n + 1) * width].repeat(3 - width);
                    *part = f64::from(u8::from_str_radix(&digits, 16).ok()?) / 255.0;
                }
                Some((name, colour))
            });
            colours.collect()
        })
        .collect()
}

/// WCAG 2.2, contrast ratio.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

#[test]
fn every_colour_can_be_told_from_what_is_behind_it() {
    let palettes = palettes(include_str!("style.css"));
    assert_eq!(palettes.len(), 3);
    for palette in palettes {
        let backgrounds = ["bg", "card", "soft", "bad-soft", "warn-soft", "good-soft", "spot"];
        let stages = palette.keys().copied().filter(|name| name.starts_with("s-"));
        let written: Vec<&str> = ["text", "dim", "accent", "bad", "warn"].into_iter().chain(stages).collect();
        assert_eq!(written.len(), 5 + words::stages().count());
        let pairs = written.iter().flat_map(|text| backgrounds.map(|behind| (*text, behind, 4.5)));
        let good = ["bg", "card", "good-soft"].map(|behind| ("good", behind, 4.5));
        // What is drawn and not written needs less (success criterion 1.4.11).
        let drawn =
            ["again", "data", "ack", "zero"].into_iter().flat_map(|line| [(line, "bg", 3.0), (line, "spot", 3.0)]);
        for (text, behind, least) in pairs.chain(good).chain(drawn) {
            let is = contrast(palette[text], palette[behind]);
            assert!(is >= least, "{text} on {behind}: {is:.2}");
        }
    }
}

#[test]
fn pages_can_be_read_by_ear_and_walked_through_by_key() {
    for (name, report) in samples::all() {
        let page = page(&report, true);
        assert!(page.contains("<html lang=\"en\">") && page.contains("<main id=\"report\">"), "{name}");
        // The first thing that a key comes to leads past the heading.
        assert!(page.split("<body>").nth(1).unwrap().trim_start().starts_with("<a class=\"skip\" href=\"#report\">"));
        let mut level = 0;
        for (at, _) in page.match_indices("<h") {
            let Some(next) = page[at + 2..].chars().next().and_then(|c| c.to_digit(10)) else { continue };
            assert!(next <= level + 1, "{name}: a heading of level {next} below one of level {level}");
            assert_eq!(next == 1, level == 0, "{name}: one heading of the first level");
            level = next;
        }
        for svg in page.split("<svg role=").skip(1) {
            let head = svg.split("</desc>").next().unwrap();
            let labels = head.split("aria-labelledby=\"").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(labels.split(' ').count(), 2, "{name}");
            assert!(labels.split(' ').all(|label| head.contains(&format!(" id=\"{label}\""))), "{name}: {labels}");
        }
        // Every other drawing belongs to one of these, or is no more than a sign.
        let signs = page.matches("aria-hidden=\"true\"").count() + page.matches("class=\"tip").count();
        assert_eq!(page.matches("<svg").count(), page.matches("<svg role=\"img\"").count() + signs, "{name}");
        let focused = page.split("tabindex=\"0\"").skip(1).map(|rest| rest.split('>').next().unwrap());
        for element in focused {
            assert!(element.contains("role=\"region\"") && element.contains("aria-label=\""), "{name}: {element}");
        }
        assert!(!page.replace("<thead", "").contains("<th>"), "{name}: a heading of a table without a scope");
        // What is drawn can be read as a table, too.
        assert_eq!(
            page.matches("<figure class=\"ladder\">").count(),
            page.matches("<details><summary>").count(),
            "{name}"
        );
    }
}
