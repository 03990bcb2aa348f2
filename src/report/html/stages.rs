//! The bar of stages: how far it came, how long each took, what was waited
//! for.

use super::markup::Html;
use super::words;
use crate::report::document::{Connection, Stage, Visibility};

/// Class of a stage, which gives it its colour.
pub(super) const fn class(stage: Stage) -> &'static str {
    match stage {
        Stage::Tcp => "s-tcp",
        Stage::X224 => "s-x224",
        Stage::Tls => "s-tls",
        Stage::Credssp => "s-credssp",
        Stage::Mcs => "s-mcs",
        Stage::Licensing => "s-licensing",
        Stage::Activation => "s-activation",
        Stage::Active => "s-active",
    }
}

/// Writes the bar.
pub(super) fn bar(html: &mut Html<'_>, c: &Connection) {
    html.raw("<section class=\"keep\">\n<h3>How far it came</h3>\n<ol class=\"stages\">\n");
    for stage in words::stages() {
        let record = c.stages.iter().find(|s| s.stage == stage);
        let state = match record {
            Some(_) if stage == c.stage && c.verdict.is_some() => "died",
            Some(_) => "reached",
            None => "missing",
        };
        html.open("li", &[("class", &format!("{state} {}", class(stage)))]);
        html.inline("b", &[], words::stage_short(stage));
        html.raw(" ");
        match record {
            Some(record) => {
                let guess = if record.visibility == Visibility::Inferred { "~\u{a0}" } else { "" };
                html.inline("span", &[], &format!("{guess}{}", words::span(record.duration_ms)));
                if stage == c.stage && c.verdict.is_some() {
                    html.inline("em", &[], " ended here");
                }
            }
            None if stage < c.stage => html.inline("span", &[], "not seen"),
            None => html.inline("span", &[], "not reached"),
        }
        html.close_block("li");
    }
    html.raw("</ol>\n");
    for (record, waiting) in c.stages.iter().filter_map(|s| Some((s, s.waiting_for.as_ref()?))) {
        let (side, ms) = (waiting.side.name(), words::span(waiting.ms));
        let (message, stage) = (&waiting.message, words::stage(record.stage));
        let text = format!("For {ms} the next message was due from the {side}: {message}. Stage: {stage}.");
        html.leaf("p", &[("class", "wait")], &text);
    }
    if c.stages.iter().any(|s| s.visibility == Visibility::Inferred) {
        html.raw("<p class=\"note\">~ means: encrypted, and told from the size and order of the messages.</p>\n");
    }
    html.raw("</section>\n");
}
