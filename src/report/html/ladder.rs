//! The ladder: who sent what to whom, in order.
//!
//! What decides is always there; of the rest the beginning of each stage and
//! what happened shortly before the end. Runs that are left out are marked.
//! Drawn with percentages across and pixels down, so that it fits any width
//! and its text stays readable.

mod rows;

use super::markup::Html;
use super::words::{self, Frames};
use super::{marks, plots::Plot, stages};
use crate::report::document::{BuiltBy, Connection, Side};
use crate::report::escape;
use rows::{Arrow, Row};

/// Where the lines of the two sides and of a device between them stand, in
/// percent.
const CLIENT: f64 = 5.0;
const SERVER: f64 = 95.0;
const DEVICE: f64 = 50.0;
/// Heights, in pixels.
const HEAD: f64 = 44.0;
const ARROW: f64 = 36.0;
const NOTE: f64 = 28.0;
const STAGE: f64 = 22.0;
/// The most characters written on an arrow: what fits a telephone. The tooltip
/// has all.
const LONGEST_LABEL: usize = 31;

/// Draws the ladder of a connection.
pub(super) fn draw(html: &mut Html<'_>, c: &Connection, plot: Option<&Plot>, frames: &Frames<'_>) {
    let rows::Rows { rows, bare } = rows::of(c, plot);
    if rows.is_empty() {
        return;
    }
    let forged = c.resets.iter().any(|r| r.built_by == BuiltBy::OtherDevice);
    let id = format!("ladder-{}", c.id);
    let height = rows.iter().map(height_of).sum::<f64>() + head(c) + 14.0;
    html.raw("<section>\n<h3>What passed between them</h3>\n<figure class=\"ladder\">\n");
    html.open(
        "svg",
        &[
            ("role", "img"),
            ("aria-labelledby", &format!("{id}-title {id}-desc")),
            ("width", "100%"),
            ("height", &format!("{height:.0}")),
        ],
    );
    html.inline("title", &[("id", &format!("{id}-title"))], "Ladder diagram: the deciding packets in order of time");
    html.inline("desc", &[("id", &format!("{id}-desc"))], &description(c, &rows, frames));
    let mut y = head(c);
    for row in &rows {
        spotlight(html, row, y);
        y += height_of(row);
    }
    lifelines(html, c, forged, height);
    y = head(c);
    for row in &rows {
        self::row(html, c, row, y);
        y += height_of(row);
    }
    html.close_block("svg");
    caption(html, c, &rows, bare, forged);
    table(html, c, &rows, frames);
    html.raw("</figure>\n</section>\n");
}

/// The same for those who cannot see the drawing, or want to copy from it.
fn table(html: &mut Html<'_>, c: &Connection, rows: &[Row], frames: &Frames<'_>) {
    html.raw(
        "<details><summary>These packets as a table</summary>\n<table>\n<thead><tr><th scope=\"col\">Frame</th><th \
         scope=\"col\">Time</th><th scope=\"col\">Address of</th><th scope=\"col\">Packet</th></tr></thead>\n<tbody>\n",
    );
    for arrow in rows.iter().filter_map(|row| if let Row::Arrow(arrow) = row { Some(arrow) } else { None }) {
        let builder = marks::builder(c, arrow.frame).map(|(by, _)| by);
        let label = arrow.label(builder == Some(BuiltBy::OtherDevice), builder == Some(BuiltBy::Undetermined));
        let lost = if arrow.lost { " (lost behind the capture point, or its acknowledgment was)" } else { "" };
        html.raw("<tr><th scope=\"row\">");
        html.text(&frames.one(arrow.frame));
        html.raw("</th>");
        let time = words::offset(arrow.time.since(c.start));
        for cell in [time.as_str(), arrow.side.name(), &format!("{label}{lost}")] {
            html.inline("td", &[], cell);
        }
        html.close_block("tr");
    }
    html.raw("</tbody>\n</table>\n</details>\n");
}

const fn height_of(row: &Row) -> f64 {
    match row {
        Row::Stage(..) => STAGE,
        Row::Arrow(_) => ARROW,
        Row::Waiting { .. } => ARROW + 4.0,
        Row::Skipped { .. } | Row::Seen { .. } => NOTE,
    }
}

/// The ladder in words.
fn description(c: &Connection, rows: &[Row], frames: &Frames<'_>) -> String {
    let arrows = rows.iter().filter_map(|row| match row {
        Row::Arrow(arrow) if arrow.decides => {
            Some(format!("{}: {} in the name of the {}", frames.one(arrow.frame), arrow.what, arrow.side.name()))
        }
        _ => None,
    });
    let told: Vec<_> = arrows.collect();
    format!(
        "{} packets are drawn. Deciding: {}. {}",
        rows.iter().filter(|r| matches!(r, Row::Arrow(_))).count(),
        if told.is_empty() { "none".to_owned() } else { told.join("; ") },
        words::ended(c, frames)
    )
}

/// Whether a telephone has no room for both addresses beside each other.
fn are_long(c: &Connection) -> bool {
    c.client.ip.to_string().len().saturating_add(c.server.ip.to_string().len()) > LONGEST_LABEL
}

/// The height of what stands above the rows.
fn head(c: &Connection) -> f64 {
    if are_long(c) { HEAD + 14.0 } else { HEAD }
}

fn lifelines(html: &mut Html<'_>, c: &Connection, forged: bool, height: f64) {
    let (bottom, top) = (format!("{height:.0}"), format!("{:.0}", head(c) - 8.0));
    let (client, server) = (c.client.ip.to_string(), c.server.ip.to_string());
    let mut line = |x: f64, name: &str, below: &str, class: &str, anchor: &str| {
        let x = percent(x);
        html.open("line", &[("class", class), ("x1", &x), ("x2", &x), ("y1", &top), ("y2", &bottom)]);
        html.close("line");
        let at = match anchor {
            "start" => "0%",
            "end" => "100%",
            _ => x.as_str(),
        };
        html.inline("text", &[("class", "who"), ("x", at), ("y", "13"), ("text-anchor", anchor)], name);
        if !below.is_empty() {
            // A long one begins where the frame numbers stand.
            let (at, y) = match (are_long(c), anchor) {
                (true, "end") => (at, "43"),
                (true, _) => ("-92", "29"),
                (false, _) => (at, "29"),
            };
            html.inline("text", &[("class", "where"), ("x", at), ("y", y), ("text-anchor", anchor)], below);
        }
    };
    line(CLIENT, "client", &client, "life", "start");
    line(SERVER, "server", &server, "life", "end");
    if forged {
        line(DEVICE, "a device", "", "life device", "middle");
    }
    html.raw("\n");
}

/// What lies behind a packet that decides.
fn spotlight(html: &mut Html<'_>, row: &Row, y: f64) {
    if matches!(row, Row::Arrow(arrow) if arrow.decides) {
        let top = format!("{:.0}", y + 2.0);
        html.open("rect", &[("class", "spot"), ("x", "-96"), ("y", &top), ("height", "32"), ("rx", "6")]);
        html.close("rect");
    }
}

fn row(html: &mut Html<'_>, c: &Connection, row: &Row, y: f64) {
    match row {
        Row::Stage(stage) => {
            html.open("g", &[("class", stages::class(*stage))]);
            let (top, middle) = (format!("{:.0}", y + 3.0), format!("{:.0}", y + 14.0));
            html.open(
                "rect",
                &[("class", "band"), ("x", "-92"), ("y", &top), ("width", "84"), ("height", "16"), ("rx", "4")],
            );
            html.close("rect");
            html.inline("text", &[("class", "stage"), ("x", "-86"), ("y", &middle)], words::stage_short(*stage));
            html.open(
                "line",
                &[("class", "stage-line"), ("x1", "-8"), ("x2", "100%"), ("y1", &middle), ("y2", &middle)],
            );
            html.close("line");
            html.close("g");
        }
        Row::Arrow(arrow) => self::arrow(html, c, arrow, y),
        Row::Skipped { packets, took } => {
            let packets = words::count(*packets);
            note(html, y, "skipped", &format!("\u{22ee} {packets} not drawn, {}", words::span(*took)));
        }
        Row::Waiting { how_long, what } => {
            note(html, y, "waiting", how_long);
            note(html, y + 15.0, "waiting", what);
        }
        Row::Seen { frame, says } => {
            let y_text = format!("{:.0}", y + 18.0);
            html.inline(
                "text",
                &[("class", "frame decides"), ("x", "-92"), ("y", &y_text)],
                &format!("#{}", frame.number),
            );
            note(html, y, "seen", says);
        }
    }
    html.raw("\n");
}

fn note(html: &mut Html<'_>, y: f64, class: &str, text: &str) {
    let y = format!("{:.0}", y + 18.0);
    html.open("text", &[("class", class), ("x", "50%"), ("y", &y), ("text-anchor", "middle")]);
    html.text(&escape::shortened(text, LONGEST_LABEL));
    html.inline("title", &[], text);
    html.close("text");
}

fn arrow(html: &mut Html<'_>, c: &Connection, arrow: &Arrow, y: f64) {
    let builder = marks::builder(c, arrow.frame).map(|(by, _)| by);
    let forged = builder == Some(BuiltBy::OtherDevice);
    let doubtful = builder == Some(BuiltBy::Undetermined);
    let (claimed, to) = if arrow.side == Side::Client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let from = if forged { DEVICE } else { claimed };
    // What was lost does not arrive.
    let end = if arrow.lost { from + (to - from) * 0.72 } else { to };
    let mut class = String::from("packet");
    for (is, name) in [
        (forged, " forged"),
        (doubtful, " doubtful"),
        (arrow.is_reset, " reset"),
        (arrow.again, " again"),
        (arrow.decides, " decides"),
    ] {
        if is {
            class += name;
        }
    }
    let (middle, label) = (format!("{:.0}", y + 25.0), format!("{:.0}", y + 17.0));
    html.open("g", &[("class", &class), ("data-frame", &arrow.frame.number.to_string())]);
    html.inline("title", &[], &arrow.tooltip);
    html.inline("text", &[("class", "frame"), ("x", "-92"), ("y", &label)], &format!("#{}", arrow.frame.number));
    let below = format!("{:.0}", y + 31.0);
    html.inline("text", &[("class", "time"), ("x", "-92"), ("y", &below)], &words::offset(arrow.time.since(c.start)));
    if forged {
        let (claimed, from) = (percent(claimed), percent(from));
        html.open("line", &[("class", "claimed"), ("x1", &claimed), ("x2", &from), ("y1", &middle), ("y2", &middle)]);
        html.close("line");
        html.open("circle", &[("class", "origin"), ("cx", &from), ("cy", &middle), ("r", "5")]);
        html.close("circle");
    }
    let (x1, x2) = (percent(from), percent(end));
    html.open("line", &[("class", "way"), ("x1", &x1), ("x2", &x2), ("y1", &middle), ("y2", &middle)]);
    html.close("line");
    html.open("svg", &[("x", &x2), ("y", &middle), ("class", "tip")]);
    if arrow.lost {
        html.raw("<path class=\"lost\" d=\"M-5-5l10 10m0-10l-10 10\"/>");
    } else if end > from {
        html.raw("<path class=\"head\" d=\"M0 0l-10-5v10z\"/>");
    } else {
        html.raw("<path class=\"head\" d=\"M0 0l10-5v10z\"/>");
    }
    html.close("svg");
    html.open("text", &[("class", "label"), ("x", "50%"), ("y", &label), ("text-anchor", "middle")]);
    html.text(&escape::shortened(&arrow.label(forged, doubtful), LONGEST_LABEL));
    html.close("text");
    html.close("g");
}

fn caption(html: &mut Html<'_>, c: &Connection, rows: &[Row], bare: u64, forged: bool) {
    html.raw("<figcaption>");
    if forged {
        html.raw(
            "Red, from the line in the middle: a packet that a device on the path built; the dotted line shows whose \
             address it carries. ",
        );
        if let Some(hops) = c.resets.iter().find_map(|r| r.hops.filter(|_| r.built_by == BuiltBy::OtherDevice)) {
            let (builder, host) =
                (words::counted(hops.reset.into(), "router"), words::counted(hops.host.into(), "router"));
            html.text(&format!("By its time to live the device is {builder} from the capture, the host {host}. "));
        }
    }
    if rows.iter().any(|row| matches!(row, Row::Arrow(arrow) if arrow.again || arrow.lost)) {
        html.raw("Dashed: sent again. A cross: lost behind the capture point, or its acknowledgment was. ");
    }
    if bare > 0 {
        html.text(&format!("{} not drawn. ", words::counted(bare, "bare acknowledgment")));
    }
    html.raw("Times count from the first packet.");
    if c.verdict.is_some() {
        html.raw(" Highlighted: what the verdict rests on.");
    }
    html.raw("</figcaption>\n");
}

fn percent(x: f64) -> String {
    format!("{x:.2}%")
}
