//! What both diagrams say of a packet.

use super::plots::{Kind, Mark, Packet};
use super::words;
use crate::report::document::{BuiltBy, Connection, EndedHow, FrameRef, Role, Side};
use crate::report::escape;

/// What a packet is, for people: its message, its flags, or its bytes.
pub(super) fn what(c: &Connection, packet: &Packet) -> String {
    let messages: Vec<_> = c.steps.iter().filter(|s| s.frame == packet.frame).map(|s| &*s.message).collect();
    let data = || words::counted(packet.len.into(), "byte");
    match packet.mark {
        Mark::Syn => "SYN".to_owned(),
        Mark::SynAck => "SYN, ACK".to_owned(),
        Mark::Rst => "RST".to_owned(),
        _ if !messages.is_empty() => messages.join(", "),
        Mark::Fin if packet.len > 0 => format!("FIN, {}", data()),
        Mark::Fin => "FIN".to_owned(),
        Mark::None if packet.len > 0 => data(),
        Mark::None if packet.window == 0 => "ACK, no room (zero window)".to_owned(),
        Mark::None => "ACK".to_owned(),
    }
}

/// What is remarkable about it; empty for nothing.
pub(super) fn remark(packet: &Packet) -> String {
    let kind = kind(packet.kind);
    match (kind.is_empty(), packet.lost) {
        (true, true) => "lost behind the capture point".to_owned(),
        (false, true) => format!("{kind}; lost behind the capture point"),
        (_, false) => kind,
    }
}

/// What it is to the stream; empty for nothing remarkable.
pub(super) fn kind(kind: Kind) -> String {
    match kind {
        Kind::Plain => String::new(),
        Kind::Again(why) => format!("sent again: {why}"),
        Kind::Needless => "sent again, needlessly".to_owned(),
        Kind::Overtaken => "overtaken on its way".to_owned(),
        Kind::Doubled => "doubled by the network".to_owned(),
        Kind::Probe(what) => what.to_owned(),
    }
}

/// Everything about it, for a tooltip.
pub(super) fn tooltip(c: &Connection, packet: &Packet) -> String {
    let when = words::offset(packet.time.since(c.start));
    let mut text = format!("frame {}, {when}, {}: {}", packet.frame.number, packet.side.name(), what(c, packet));
    if let Some(offset) = packet.offset.filter(|_| packet.len > 0) {
        text += &format!(", bytes {offset} to {}", offset.saturating_add(i64::from(packet.len)));
    }
    let remark = remark(packet);
    if !remark.is_empty() {
        text += &format!(" ({remark})");
    }
    escape::sentence(&text).into_owned()
}

/// Who a reset was built by, where somebody judged that.
pub(super) fn builder(c: &Connection, frame: FrameRef) -> Option<(BuiltBy, Side)> {
    c.resets.iter().find(|r| r.frame == frame).map(|r| (r.built_by, r.claimed_by))
}

/// Whether the verdict rests on a frame.
pub(super) fn decides(c: &Connection, frame: FrameRef) -> bool {
    let ends = c.ended.frame == Some(frame) && c.ended.how != EndedHow::CaptureEnd && c.verdict.is_some();
    let finding = super::story::explaining(c);
    ends || finding.is_some_and(|f| f.evidence.iter().any(|e| e.role == Role::Primary && e.frame == frame))
}
