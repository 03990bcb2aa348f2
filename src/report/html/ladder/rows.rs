//! Which packets the ladder shows.

use std::collections::BTreeMap;

use crate::report::document::{Connection, FrameRef, Millis, Side, Stage, Time};
use crate::report::html::marks;
use crate::report::plots::{Kind, Mark, Packet, Plot};
use crate::report::{story, words};

/// The most packets drawn: two screens, one printed page. The JSON report has
/// every message.
const MOST_ARROWS: usize = 32;

/// A row of the ladder.
pub(super) enum Row {
    /// A stage begins.
    Stage(Stage),
    /// A packet.
    Arrow(Arrow),
    /// Packets that are not drawn.
    Skipped { packets: u64, took: Millis },
    /// What was waited for.
    Waiting { how_long: String, what: String },
    /// A frame that the verdict rests on and of which no more is known here.
    Seen { frame: FrameRef, says: String },
}

/// A packet on its way.
pub(super) struct Arrow {
    pub(super) frame: FrameRef,
    pub(super) time: Time,
    /// Whose address it carries.
    pub(super) side: Side,
    pub(super) what: String,
    remark: String,
    pub(super) tooltip: String,
    pub(super) is_reset: bool,
    pub(super) again: bool,
    pub(super) lost: bool,
    /// Nothing acknowledged it.
    unanswered: bool,
    pub(super) decides: bool,
    /// The higher, the sooner it is drawn.
    weight: u8,
}

impl Arrow {
    /// What is written on it.
    pub(super) fn label(&self, forged: bool, doubtful: bool) -> String {
        if forged {
            format!("{} in the {}'s name", self.what, self.side.name())
        } else if doubtful {
            format!("{}, sender uncertain", self.what)
        } else if self.again && self.unanswered {
            format!("{}, again, no answer", self.what)
        } else if self.again {
            format!("{}, sent again", self.what)
        } else if self.remark.is_empty() {
            self.what.clone()
        } else {
            format!("{}, {}", self.what, self.remark)
        }
    }
}

/// What is drawn of a connection.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Bare acknowledgments that are left out without a row of their own: they
    /// stand between any two messages.
    pub(super) bare: u64,
}

/// The rows of a connection.
pub(super) fn of(c: &Connection, plot: Option<&Plot>) -> Rows {
    let mut arrows: BTreeMap<(Option<u32>, u64), Arrow> = BTreeMap::new();
    let key = |frame: FrameRef| (frame.capture, frame.number);
    let packets = plot.map_or(&[][..], |plot| plot.packets.as_slice());
    let acked = |side| packets.iter().filter(|p| p.side != side && p.mark != Mark::Rst).filter_map(|p| p.ack).max();
    let (to_client, to_server) = (acked(Side::Client), acked(Side::Server));
    for (i, packet) in packets.iter().enumerate() {
        // Beyond this a packet is the last of those recorded, or weighs more.
        let near_end = packets.len().saturating_sub(i) <= MOST_ARROWS / 2;
        let end = packet.offset.map(|offset| offset.saturating_add(i64::from(packet.len)));
        let acked = if packet.side == Side::Client { to_client } else { to_server };
        arrows.insert(key(packet.frame), from_packet(c, packet, near_end, acked >= end));
    }
    for arrow in from_document(c) {
        arrows.entry(key(arrow.frame)).or_insert(arrow);
    }
    let mut order: Vec<_> = arrows.iter().map(|(key, arrow)| (arrow.weight, *key)).collect();
    order.sort_by(|a, b| b.cmp(a));
    let drawn: Vec<_> = order.iter().take(MOST_ARROWS).map(|(_, key)| *key).collect();
    let unknown = unknown(c, |frame| arrows.contains_key(&key(frame)));
    let total = c.packets.client.saturating_add(c.packets.server);
    lay_out(c, arrows, |k| drawn.contains(k), unknown, plot, total)
}

fn from_packet(c: &Connection, packet: &Packet, near_end: bool, is_acknowledged: bool) -> Arrow {
    let decides = marks::decides(c, packet.frame);
    let is_step = c.steps.iter().any(|s| s.frame == packet.frame);
    let begins = c.stages.iter().any(|s| s.first_frame == packet.frame);
    let again = matches!(packet.kind, Kind::Again(_) | Kind::Needless);
    let supports = story::explaining(c).is_some_and(|f| f.evidence.iter().any(|e| e.frame == packet.frame));
    let weight = match () {
        () if decides => 6,
        () if packet.mark == Mark::Rst || supports || begins => 5,
        () if packet.mark != Mark::None && !again => 4,
        () if is_step || packet.lost || (again && near_end) => 4,
        () if again => 3,
        () if packet.len > 0 && near_end => 2,
        () if packet.len > 0 => 1,
        () => 0,
    };
    Arrow {
        frame: packet.frame,
        time: packet.time,
        side: packet.side,
        what: marks::what(c, packet),
        remark: marks::kind(packet.kind),
        tooltip: marks::tooltip(c, packet),
        is_reset: packet.mark == Mark::Rst,
        again,
        lost: packet.lost,
        unanswered: !is_acknowledged,
        decides,
        weight,
    }
}

/// What the document alone knows of: messages, resets, the end.
fn from_document(c: &Connection) -> Vec<Arrow> {
    let arrow = |frame: FrameRef, time: Time, side: Side, what: String, is_reset: bool| Arrow {
        frame,
        time,
        side,
        tooltip: format!("frame {}, {}: {what}", frame.number, side.name()),
        what,
        remark: String::new(),
        is_reset,
        again: false,
        lost: false,
        unanswered: false,
        decides: marks::decides(c, frame),
        weight: match () {
            () if marks::decides(c, frame) => 6,
            () if c.stages.iter().any(|s| s.first_frame == frame) => 5,
            () => 4,
        },
    };
    let resets = c.resets.iter().map(|r| arrow(r.frame, r.time, r.claimed_by, "RST".to_owned(), true));
    let steps = c.steps.iter().map(|s| arrow(s.frame, s.time, s.side, s.message.to_string(), false));
    resets.chain(steps).collect()
}

/// Frames that decide and are not among the arrows.
fn unknown(c: &Connection, is_known: impl Fn(FrameRef) -> bool) -> Vec<(FrameRef, String)> {
    let evidence = story::explaining(c).into_iter().flat_map(|f| &f.evidence);
    let evidence = evidence.filter(|e| marks::decides(c, e.frame)).map(|e| (e.frame, e.says.to_string()));
    let end = c.ended.frame.map(|frame| (frame, "the end of the connection".to_owned()));
    let mut found: Vec<(FrameRef, String)> = Vec::new();
    for (frame, says) in evidence.chain(end) {
        if !is_known(frame) && found.iter().all(|(f, _)| *f != frame) {
            found.push((frame, says));
        }
    }
    found
}

type Key = (Option<u32>, u64);

fn lay_out(
    c: &Connection,
    arrows: BTreeMap<Key, Arrow>,
    is_drawn: impl Fn(&Key) -> bool,
    mut unknown: Vec<(FrameRef, String)>,
    plot: Option<&Plot>,
    total: u64,
) -> Rows {
    let (mut rows, mut all_bare) = (Vec::new(), 0_u64);
    let mut bare = 0_u64;
    let mut stage = None;
    let mut skipped = 0_u64;
    let mut last_drawn: Option<Time> = None;
    let mut waiting = c.stages.iter().find_map(|s| s.waiting_for.as_ref());
    let known = arrows.len() as u64;
    // Those that were not recorded lie behind the beginning.
    let behind = plot.filter(|p| p.left_out > 0).and_then(|p| p.packets.get(p.beginning)).map(|p| p.frame);
    unknown.sort_by_key(|(frame, _)| (frame.capture, frame.number));
    let mut unknown = unknown.into_iter().peekable();
    for (key, arrow) in arrows {
        while let Some((frame, says)) = unknown.next_if(|(f, _)| (f.capture, f.number) < key) {
            rows.push(Row::Seen { frame, says });
        }
        if behind == Some(arrow.frame) {
            skipped = skipped.saturating_add(plot.map_or(0, |p| p.left_out));
        }
        if !is_drawn(&key) {
            let count = if arrow.weight == 0 { &mut bare } else { &mut skipped };
            *count = count.saturating_add(1);
            continue;
        }
        if skipped > 0 {
            let took = arrow.time.since(last_drawn.unwrap_or(c.start));
            rows.push(Row::Skipped { packets: skipped.saturating_add(bare), took });
        } else {
            all_bare = all_bare.saturating_add(bare);
        }
        (skipped, bare) = (0, 0);
        let now = c.stages.iter().rfind(|s| s.start <= arrow.time && !arrow.is_reset).map(|s| s.stage);
        if now.is_some() && now > stage {
            stage = now;
            rows.extend(now.map(Row::Stage));
        }
        if Some(arrow.frame) == c.ended.frame
            && let Some(waited) = waiting.take()
        {
            rows.push(told(waited));
        }
        last_drawn = Some(arrow.time);
        rows.push(Row::Arrow(arrow));
    }
    if skipped > 0 {
        let took = c.end.since(last_drawn.unwrap_or(c.start));
        rows.push(Row::Skipped { packets: skipped.saturating_add(bare), took });
    } else {
        all_bare = all_bare.saturating_add(bare);
    }
    rows.extend(unknown.map(|(frame, says)| Row::Seen { frame, says }));
    rows.extend(waiting.map(told));
    if plot.is_none() && total > known && !rows.is_empty() {
        let took = c.end.since(c.start);
        rows.push(Row::Skipped { packets: total.saturating_sub(known), took });
    }
    Rows { rows, bare: all_bare }
}

fn told(waiting: &crate::report::document::Waiting) -> Row {
    let how_long = format!("waited {} for the {}:", words::span(waiting.ms), waiting.side.name());
    Row::Waiting { how_long, what: waiting.message.to_string() }
}
