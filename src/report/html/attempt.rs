//! One failed attempt in full.

use super::markup::Html;
use super::plots::Plots;
use super::words::{self, Frames};
use super::{ladder, sequence, stages, story};
use crate::report::document::{Attempt, Certainty, Connection, Finding, Report, Role};
use crate::report::escape;

/// The most frames shown as evidence of one finding.
const MOST_EVIDENCE: usize = 20;
/// The most other connections of an attempt that are listed.
const MOST_CONNECTIONS: usize = 10;

/// Everything about `attempt`.
pub(super) fn full(html: &mut Html<'_>, report: &Report, plots: &Plots, attempt: &Attempt) {
    let id = format!("attempt-{}", attempt.id);
    html.open("article", &[("id", &id), ("aria-labelledby", &format!("{id}-title"))]);
    html.raw("\n<header>\n");
    html.leaf("h2", &[("id", &format!("{id}-title"))], &format!("Attempt {}", attempt.id));
    html.open("p", &[("class", "who")]);
    html.text(&format!("{} to {}, {}", attempt.client_ip, attempt.server, words::date(attempt.start)));
    html.close_block("p");
    let Some(c) = story::deciding(report, attempt) else {
        html.leaf("p", &[("class", "verdict")], &words::stopped(&attempt.sentence));
        html.raw("</header>\n</article>\n");
        return;
    };
    let frames = Frames::at_home(report, c);
    let finding = story::explaining(c);
    verdict(html, attempt, c, finding, &frames);
    html.raw("</header>\n");
    stages::bar(html, c);
    let plot = plots.get(c.id);
    ladder::draw(html, c, plot, &frames);
    match plot {
        Some(plot) => sequence::draw(html, c, plot),
        None => html.raw(
            "<p class=\"note\">The packets of this connection were not recorded, so there is no diagram of its sequence \
             numbers.</p>\n",
        ),
    }
    if let Some(finding) = finding {
        evidence(html, c, finding, &frames);
    }
    for reset in story::distinct(c) {
        section(html, &story::builder(reset, &frames), "ul", &story::of_builder(reset, &frames));
    }
    let also: Vec<_> = story::also(c, finding).into_iter().map(|f| story::brief(f, &frames)).collect();
    section(html, "Also found", "ul", &also);
    ruled_out(html, c, &frames);
    if let Some(finding) = finding {
        section(html, "What this cannot tell", "ul", &finding.cannot_tell);
        section(html, "What to do next", "ol", &finding.next);
    }
    others(html, report, attempt, c, &frames);
    technical(html, report, c, finding, &frames);
    html.raw("</article>\n");
}

fn verdict(html: &mut Html<'_>, attempt: &Attempt, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    let certainty = c.verdict.as_ref().map(|v| v.certainty);
    html.open("p", &[("class", "verdict")]);
    html.text(&words::stopped(&attempt.sentence));
    if let Some(certainty) = certainty {
        html.raw(" ");
        let class = match certainty {
            Certainty::Proven => "sure proven",
            Certainty::Likely => "sure likely",
            Certainty::Possible => "sure possible",
        };
        html.inline("span", &[("class", class)], certainty.name());
    }
    html.close_block("p");
    if let Some(name) = frames.home() {
        html.leaf("p", &[("class", "note")], &format!("Frames are counted in {name}, where no other file is named."));
    }
    html.raw("<dl>\n");
    let mut said = story::verdict(attempt, c, finding, frames);
    if let Some((label, first)) = said.first_mut() {
        // Its first sentence stands above.
        let detail = finding.map_or("Nothing in the capture explains why.", |f| &*f.detail);
        (*label, *first) = ("In detail", words::stopped(detail));
    }
    for (label, says) in said {
        pair(html, label, &says);
    }
    html.raw("</dl>\n");
}

fn pair(html: &mut Html<'_>, label: &str, says: &str) {
    html.open("div", &[]);
    html.inline("dt", &[], label);
    html.inline("dd", &[], says);
    html.close_block("div");
}

fn evidence(html: &mut Html<'_>, c: &Connection, finding: &Finding, frames: &Frames<'_>) {
    html.raw(
        "<section>\n<h3>Evidence</h3>\n<table>\n<thead><tr><th scope=\"col\">Frame</th><th scope=\"col\">What it \
         shows</th></tr></thead>\n<tbody>\n",
    );
    let evidence = story::evidence(c, finding);
    for one in evidence.iter().take(MOST_EVIDENCE) {
        html.open("tr", &[("class", if one.role == Role::Primary { "primary" } else { "" })]);
        html.open("th", &[("scope", "row")]);
        html.text(&frames.one(one.frame));
        html.close("th");
        html.open("td", &[]);
        html.text(&words::as_sentence(&escape::sentence(&one.says)));
        if one.role == Role::Primary {
            html.raw(" <em>The finding rests on it.</em>");
        }
        html.close("td");
        html.close_block("tr");
    }
    html.raw("</tbody>\n</table>\n");
    more(html, evidence.len().saturating_sub(MOST_EVIDENCE), "more frame");
    html.raw("</section>\n");
}

/// A heading with a list below it, where there is something to list.
pub(super) fn section(html: &mut Html<'_>, heading: &str, list: &'static str, entries: &[impl AsRef<str>]) {
    if entries.is_empty() {
        return;
    }
    html.raw("<section>\n");
    html.leaf("h3", &[], heading);
    html.open(list, &[]);
    html.raw("\n");
    entries.iter().for_each(|entry| html.leaf("li", &[], entry.as_ref()));
    html.close_block(list);
    html.raw("</section>\n");
}

fn ruled_out(html: &mut Html<'_>, c: &Connection, frames: &Frames<'_>) {
    let groups = story::ruled_out(c);
    if groups.is_empty() {
        return;
    }
    html.raw(
        "<section>\n<h3>Ruled out</h3>\n<table>\n<thead><tr><th scope=\"col\">Cause</th><th scope=\"col\">Because</th>\
         </tr></thead>\n<tbody>\n",
    );
    for (ids, excluded) in groups {
        let seen = words::in_brackets(&frames.list(&excluded.frames));
        html.raw("<tr><th scope=\"row\">");
        html.text(&ids.join(", "));
        html.raw("</th><td>");
        html.text(&format!("{}{seen}", escape::sentence(&excluded.because)));
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody>\n</table>\n</section>\n");
}

fn others(html: &mut Html<'_>, report: &Report, attempt: &Attempt, main: &Connection, frames: &Frames<'_>) {
    let others = story::others(report, attempt, main);
    let mut told: Vec<_> = others.iter().take(MOST_CONNECTIONS).map(|c| story::other(c, frames)).collect();
    let hidden = others.len().saturating_sub(MOST_CONNECTIONS);
    if hidden > 0 {
        told.push(format!("and {}, in the JSON report", words::counted(hidden as u64, "more connection")));
    }
    section(html, "The same attempt, other connections", "ul", &told);
}

fn technical(html: &mut Html<'_>, report: &Report, c: &Connection, finding: Option<&Finding>, frames: &Frames<'_>) {
    html.raw("<section>\n<h3>Technical</h3>\n<dl>\n");
    let range = frames.range(c.first_frame, c.last_frame);
    pair(html, "Packets", &format!("{range}, from {} to {}.", c.client, c.server));
    if let Some(says) = story::elsewhere(report, c, frames) {
        pair(html, "The same connection", &says);
    }
    for (label, says) in story::security(c, frames) {
        pair(html, label, &says);
    }
    pair(html, "Network", &story::network(c));
    if let Some(filter) = finding.and_then(|f| f.display_filter.as_deref()) {
        html.raw("<div><dt>Filter for Wireshark</dt><dd>");
        html.inline("code", &[], filter);
        html.raw("</dd></div>\n");
    }
    html.raw("</dl>\n</section>\n");
}

fn more(html: &mut Html<'_>, n: usize, what: &str) {
    if n > 0 {
        let text = format!("And {}, in the JSON report.", words::counted(n as u64, what));
        html.leaf("p", &[("class", "note")], &text);
    }
}
