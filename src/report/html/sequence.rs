//! The time–sequence diagram: for each direction, which bytes passed when,
//! what was acknowledged, and what went wrong. As tcptrace draws it, with both
//! directions on one axis of time.

use super::marks;
use super::markup::Html;
use super::plots::{Kind, Mark, Packet, Plot};
use super::scale::{self, ByteScale, TimeScale};
use super::words;
use crate::report::document::{BuiltBy, Connection, Side};

/// Heights, in pixels.
const PANEL: f64 = 132.0;
const BETWEEN: f64 = 30.0;
/// Room for the labels of resets, and below them for the name of a panel.
const TOP: f64 = 40.0;
/// The least height of a packet, in pixels: one byte must be seen.
const LEAST: f64 = 4.0;
/// The room for the label of a reset, in percent of the width of a telephone.
const RESET_LABEL: f64 = 45.0;

/// Draws the diagram of a connection.
pub(super) fn draw(html: &mut Html<'_>, c: &Connection, plot: &Plot) {
    let scale = TimeScale::new(c.start, plot.packets.iter().map(|p| p.time));
    let bottom = TOP + PANEL + BETWEEN + PANEL;
    let id = format!("sequence-{}", c.id);
    html.raw("<section>\n<h3>When the bytes passed</h3>\n<figure class=\"sequence\">\n");
    let height = format!("{:.0}", bottom + 24.0);
    html.open(
        "svg",
        &[
            ("role", "img"),
            ("aria-labelledby", &format!("{id}-title {id}-desc")),
            ("width", "100%"),
            ("height", &height),
        ],
    );
    html.inline("title", &[("id", &format!("{id}-title"))], "Time\u{2013}sequence diagram of both directions");
    html.inline("desc", &[("id", &format!("{id}-desc"))], &description(plot));
    time_axis(html, &scale, bottom);
    for (side, top) in [(Side::Client, TOP), (Side::Server, TOP + PANEL + BETWEEN)] {
        panel(html, c, plot, side, &scale, top);
    }
    silences(html, &scale);
    resets(html, c, plot, &scale, bottom);
    html.close_block("svg");
    legend(html, plot);
    html.raw("</figure>\n</section>\n");
}

fn description(plot: &Plot) -> String {
    let count = |is: &dyn Fn(&&Packet) -> bool| plot.packets.iter().filter(is).count() as u64;
    let again = count(&|p| matches!(p.kind, Kind::Again(_) | Kind::Needless));
    let (lost, resets) = (count(&|p| p.lost), count(&|p| p.mark == Mark::Rst));
    let drawn = words::counted(plot.packets.len() as u64, "packet");
    format!("{drawn} drawn: {again} sent again, {lost} lost behind the capture point, {resets} resets.")
}

fn time_axis(html: &mut Html<'_>, scale: &TimeScale, bottom: f64) {
    let (from, to) = (px(TOP), px(bottom));
    for (x, label) in scale.ticks() {
        let x = percent(x);
        html.open("line", &[("class", "grid"), ("x1", &x), ("x2", &x), ("y1", &from), ("y2", &to)]);
        html.close("line");
        html.inline(
            "text",
            &[("class", "tick"), ("x", &x), ("y", &px(bottom + 16.0)), ("text-anchor", "middle")],
            &label,
        );
    }
    for stretch in scale.breaks() {
        let silence = words::span(scale::length(stretch));
        html.open("g", &[("class", "silence")]);
        html.inline("title", &[], &format!("{silence} without a packet, not drawn to scale"));
        let (x, width) = (percent(stretch.x), percent(stretch.width));
        html.open("rect", &[("x", &x), ("width", &width), ("y", &from), ("height", &px(bottom - TOP))]);
        html.close("rect");
        html.close("g");
    }
    html.raw("\n");
}

/// How long each was: above the lines that cross it.
fn silences(html: &mut Html<'_>, scale: &TimeScale) {
    for stretch in scale.breaks() {
        let (x, middle) = (percent(stretch.x + stretch.width / 2.0), TOP + PANEL / 2.0);
        let silence = words::span(scale::length(stretch));
        for (y, text) in [(middle - 6.0, "silence"), (middle + 8.0, silence.as_str())] {
            let at = [("class", "silent"), ("x", x.as_str()), ("y", &px(y)), ("text-anchor", "middle")];
            html.inline("text", &at, text);
        }
    }
    html.raw("\n");
}

fn panel(html: &mut Html<'_>, c: &Connection, plot: &Plot, side: Side, time: &TimeScale, top: f64) {
    let own = |p: &&Packet| p.side == side && p.mark != Mark::Rst;
    let sent = || plot.packets.iter().filter(own);
    let ends =
        sent().filter(|p| p.len > 0).filter_map(|p| Some((p.offset?, p.offset?.saturating_add(i64::from(p.len)))));
    let low = ends.clone().map(|(from, _)| from).min().unwrap_or(0).min(0);
    let bytes = ByteScale::new(low, ends.map(|(_, to)| to).max().unwrap_or(1), top, PANEL);
    let name = match side {
        Side::Client => "client \u{2192} server, bytes sent",
        Side::Server => "server \u{2192} client, bytes sent",
    };
    let whole = px(top + PANEL);
    html.open("line", &[("class", "base"), ("x1", "0%"), ("x2", "100%"), ("y1", &whole), ("y2", &whole)]);
    html.close("line");
    for (y, label) in bytes.ticks() {
        let at = px(y);
        html.open("line", &[("class", "grid"), ("x1", "0%"), ("x2", "100%"), ("y1", &at), ("y2", &at)]);
        html.close("line");
        html.inline("text", &[("class", "tick"), ("x", "-6"), ("y", &px(y + 4.0)), ("text-anchor", "end")], &label);
    }
    html.inline("text", &[("class", "panel"), ("x", "0%"), ("y", &px(top - 7.0))], name);
    html.raw("\n");
    acknowledged(html, c, plot, side, time, &bytes);
    for packet in sent() {
        self::packet(html, c, packet, time.x(packet.time), &bytes);
    }
    html.raw("\n");
}

/// The stairs of what the other side acknowledged, and where it had no room.
fn acknowledged(html: &mut Html<'_>, c: &Connection, plot: &Plot, side: Side, time: &TimeScale, bytes: &ByteScale) {
    let mut last: Option<(f64, f64)> = None;
    let mut closed: Option<(f64, f64)> = None;
    let acks = plot.packets.iter().filter(|p| p.side != side && !matches!(p.mark, Mark::Rst | Mark::Syn));
    for packet in acks {
        let Some(ack) = packet.ack else { continue };
        let (x, y) = (time.x(packet.time), bytes.y(ack));
        if let Some((from, level)) = last {
            line(html, "ack", (from, x), (level, level));
            // Never downwards: an old acknowledgment is no news.
            if y < level {
                line(html, "ack", (x, x), (level, y));
            }
        }
        let y = last.map_or(y, |(_, level)| level.min(y));
        last = Some((x, y));
        if let Some((from, level)) = closed.take() {
            line(html, "closed", (from, x), (level, level));
        }
        if packet.window == 0 && packet.mark == Mark::None {
            html.open("g", &[("class", "zero"), ("data-frame", &packet.frame.number.to_string())]);
            html.inline("title", &[], &marks::tooltip(c, packet));
            symbol(html, x, y, "<path d=\"M0-6l6 6-6 6-6-6z\"/>");
            html.close("g");
            closed = Some((x, y));
        }
    }
    html.raw("\n");
}

fn packet(html: &mut Html<'_>, c: &Connection, packet: &Packet, x: f64, bytes: &ByteScale) {
    let opens = matches!(packet.mark, Mark::Syn | Mark::SynAck | Mark::Fin);
    if packet.len == 0 && !opens && packet.kind == Kind::Plain {
        return;
    }
    let class = match packet.kind {
        Kind::Plain => "data",
        Kind::Again(_) => "data again",
        Kind::Needless => "data needless",
        Kind::Overtaken | Kind::Doubled => "data odd",
        Kind::Probe(_) => "data probe",
    };
    let offset = packet.offset.unwrap_or(0);
    let (low, high) = (bytes.y(offset), bytes.y(offset.saturating_add(i64::from(packet.len))));
    let high = high.min(low - LEAST);
    html.open("g", &[("class", class), ("data-frame", &packet.frame.number.to_string())]);
    html.inline("title", &[], &marks::tooltip(c, packet));
    if packet.len > 0 {
        line(html, "bytes", (x, x), (low, high));
    }
    if opens {
        symbol(html, x, low - 3.0, "<path class=\"open\" d=\"M0-5l5 8h-10z\"/>");
    } else if packet.len == 0 {
        symbol(html, x, low, "<circle r=\"3\"/>");
    }
    if packet.lost {
        symbol(html, x, (low + high) / 2.0, "<path class=\"lost\" d=\"M-5-5l10 10m0-10l-10 10\"/>");
    }
    html.close("g");
}

fn resets(html: &mut Html<'_>, c: &Connection, plot: &Plot, scale: &TimeScale, bottom: f64) {
    let mut labels: Vec<ResetLabel> = Vec::new();
    for packet in plot.packets.iter().filter(|p| p.mark == Mark::Rst) {
        let x = scale.x(packet.time);
        let forged = marks::builder(c, packet.frame).is_some_and(|(by, _)| by == BuiltBy::OtherDevice);
        let class = if forged { "rst forged" } else { "rst" };
        html.open("g", &[("class", class), ("data-frame", &packet.frame.number.to_string())]);
        html.inline("title", &[], &marks::tooltip(c, packet));
        line(html, "rst-line", (x, x), (TOP - 24.0, bottom));
        html.close("g");
        match labels.last_mut() {
            // One label for all that there would be no room for beside it.
            Some(last) if x < last.upto() + RESET_LABEL => last.frames.push(packet.frame.number),
            _ => labels.push(ResetLabel { x, frames: vec![packet.frame.number] }),
        }
    }
    for label in labels {
        let (anchor, at) = if label.is_left() { ("end", "-4") } else { ("start", "4") };
        html.open("svg", &[("x", &percent(label.x)), ("y", &px(TOP - 26.0)), ("class", "tip rst")]);
        html.inline("text", &[("text-anchor", anchor), ("x", at)], &label.text());
        html.close("svg");
    }
}

/// What stands beside one reset, or several close together.
struct ResetLabel {
    x: f64,
    frames: Vec<u64>,
}

impl ResetLabel {
    /// Whether it stands to the left of its line.
    fn is_left(&self) -> bool {
        self.x > 50.0
    }

    /// Where it ends, in percent.
    fn upto(&self) -> f64 {
        if self.is_left() { self.x } else { self.x + RESET_LABEL }
    }

    fn text(&self) -> String {
        match self.frames.as_slice() {
            [] => String::new(),
            [one] => format!("RST, frame {one}"),
            [one, two] => format!("RST, frames {one} and {two}"),
            [first, .., last] => format!("{} RST, frames {first} to {last}", self.frames.len()),
        }
    }
}

/// A shape of its own size at a place that moves with the width.
fn symbol(html: &mut Html<'_>, x: f64, y: f64, shape: &'static str) {
    html.open("svg", &[("x", &percent(x)), ("y", &px(y)), ("class", "tip")]);
    html.raw(shape);
    html.close("svg");
}

fn line(html: &mut Html<'_>, class: &str, (x1, x2): (f64, f64), (y1, y2): (f64, f64)) {
    let (x1, x2, y1, y2) = (percent(x1), percent(x2), px(y1), px(y2));
    html.open("line", &[("class", class), ("x1", &x1), ("x2", &x2), ("y1", &y1), ("y2", &y2)]);
    html.close("line");
}

/// What is drawn, and only that.
fn legend(html: &mut Html<'_>, plot: &Plot) {
    let any = |is: &dyn Fn(&Packet) -> bool| plot.packets.iter().any(is);
    html.raw("<figcaption><ul class=\"legend\">");
    let mut entry = |is: bool, shape: &'static str, says: &'static str| {
        if is {
            html.raw("<li><svg width=\"18\" height=\"16\" viewBox=\"-9 -8 18 16\" aria-hidden=\"true\">");
            html.raw(shape);
            html.raw("</svg>");
            html.raw(says);
            html.raw("</li>");
        }
    };
    entry(
        any(&|p| p.mark != Mark::None && p.mark != Mark::Rst),
        "<g class=\"data\"><path class=\"open\" d=\"M0-5l5 8h-10z\"/></g>",
        "SYN or FIN",
    );
    entry(any(&|p| p.len > 0), "<g class=\"data\"><line class=\"bytes\" y1=\"-7\" y2=\"7\"/></g>", "data");
    entry(any(&|p| p.ack.is_some()), "<line class=\"ack\" x1=\"-8\" x2=\"8\"/>", "acknowledged");
    entry(
        any(&|p| matches!(p.kind, Kind::Again(_))),
        "<g class=\"data again\"><line class=\"bytes\" y1=\"-7\" y2=\"7\"/></g>",
        "sent again",
    );
    entry(
        any(&|p| p.kind == Kind::Needless),
        "<g class=\"data needless\"><line class=\"bytes\" y1=\"-7\" y2=\"7\"/></g>",
        "sent again needlessly",
    );
    entry(any(&|p| p.lost), "<path class=\"lost\" d=\"M-5-5l10 10m0-10l-10 10\"/>", "lost behind the capture point");
    entry(
        any(&|p| matches!(p.kind, Kind::Overtaken | Kind::Doubled)),
        "<g class=\"data odd\"><line class=\"bytes\" y1=\"-7\" y2=\"7\"/></g>",
        "overtaken or doubled",
    );
    entry(
        any(&|p| matches!(p.kind, Kind::Probe(_))),
        "<g class=\"data probe\"><circle r=\"3\"/></g>",
        "keep-alive or probe",
    );
    entry(
        any(&|p| p.window == 0 && p.mark == Mark::None),
        "<g class=\"zero\"><path d=\"M0-6l6 6-6 6-6-6z\"/></g>",
        "no room (zero window)",
    );
    entry(any(&|p| p.mark == Mark::Rst), "<g class=\"rst\"><line class=\"rst-line\" y1=\"-8\" y2=\"8\"/></g>", "reset");
    html.raw("</ul>");
    if plot.left_out > 0 {
        html.text(&format!(
            "{} between the beginning and the end are not drawn.",
            words::counted(plot.left_out, "packet")
        ));
    }
    html.raw("</figcaption>\n");
}

fn percent(x: f64) -> String {
    format!("{x:.2}%")
}

fn px(y: f64) -> String {
    format!("{y:.1}")
}
