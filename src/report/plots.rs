//! What diagrams need beyond the document: the packets of a connection, as far
//! as they were recorded. They hold numbers only, no address and no name.

use std::collections::BTreeMap;

use super::build;
use super::document::{FrameRef, Side, Time};
use crate::analysis::{Analysis, Connection};
use crate::base::{self, Frame};
use crate::flow::{LossEvent, Place, SegmentClass, TcpFacts, Traced};
use crate::wire::TcpFlags;

/// The packets of connections, by the connection's `id` in the report.
#[derive(Clone, Debug, Default)]
pub struct Plots {
    by_connection: BTreeMap<u32, Plot>,
}

/// The packets of one connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// The packets of the beginning and of the end.
    pub packets: Vec<Packet>,
    /// How many of `packets` belong to the beginning.
    pub beginning: usize,
    /// Packets between the two that were not recorded.
    pub left_out: u64,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Its frame.
    pub frame: FrameRef,
    /// When it was captured.
    pub time: Time,
    /// The side whose address it carries.
    pub side: Side,
    /// Offset of its first byte in the stream of its side. Absent where its
    /// number says nothing.
    pub offset: Option<i64>,
    /// Bytes of payload.
    pub len: u32,
    /// Offset behind the last byte of the other side that it acknowledges.
    pub ack: Option<i64>,
    /// Bytes that it leaves the other side room for.
    pub window: u32,
    /// What it opens or closes.
    pub mark: Mark,
    /// What it is to the stream.
    pub kind: Kind,
    /// Whether it was lost on its way on from the capture point, or its
    /// acknowledgment on the way back: it was needed again.
    pub lost: bool,
}

/// What a packet opens or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Neither.
    None,
    /// It asks for a connection.
    Syn,
    /// It accepts one.
    SynAck,
    /// It closes its direction.
    Fin,
    /// It drops the connection.
    Rst,
}

/// What a packet is to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It continues it, or only acknowledges.
    Plain,
    /// Sent again, for this reason.
    Again(&'static str),
    /// Sent again although it had arrived.
    Needless,
    /// Overtaken on its way.
    Overtaken,
    /// Doubled by the network.
    Doubled,
    /// A sign of life, or a probe of a closed window.
    Probe(&'static str),
}

impl Plots {
    /// Those of an analysis that recorded them; `several` captures were read.
    #[must_use]
    pub fn of(analysis: &Analysis, several: bool) -> Self {
        let mut plots = Self::default();
        plots.add(&analysis.connections, several);
        plots
    }

    /// Adds those of more connections.
    pub fn add(&mut self, connections: &[Connection], several: bool) {
        let plots = connections.iter().filter_map(|c| Some((c.id, plot(&c.tcp, several)?)));
        self.by_connection.extend(plots);
    }

    /// The packets of a connection, where they were recorded.
    #[must_use]
    pub fn get(&self, connection: u32) -> Option<&Plot> {
        self.by_connection.get(&connection)
    }
}

fn plot(tcp: &TcpFacts, several: bool) -> Option<Plot> {
    let trace = tcp.trace.as_ref()?;
    // What later packets showed is known to the facts only.
    let sides = [(base::Side::Client, &tcp.directions.client), (base::Side::Server, &tcp.directions.server)];
    let judged: BTreeMap<Frame, (Side, &LossEvent)> = sides
        .into_iter()
        .flat_map(|(side, direction)| direction.loss.events.iter().map(move |e| (e.at.frame, (side.into(), e))))
        .collect();
    let of = |traced: &Traced| packet(traced, judged.get(&traced.at.frame).map(|(_, event)| event.class), several);
    let (first, last) = trace.parts();
    let mut packets: Vec<Packet> = first.map(of).collect();
    let beginning = packets.len();
    packets.extend(last.map(of));
    for (side, event) in judged.values() {
        if event.class.is_loss() && event.place == Some(Place::After) {
            lose(&mut packets, *side, event);
        }
    }
    Some(Plot { packets, beginning, left_out: trace.left_out() })
}

/// Marks the packet of `side` that `event` repeats.
fn lose(packets: &mut [Packet], side: Side, event: &LossEvent) {
    let end = event.offset.saturating_add(i64::from(event.len));
    let repeats = |p: &&mut Packet| {
        let from = p.offset.unwrap_or(i64::MAX);
        let overlaps = from < end && from.saturating_add(i64::from(p.len)) > event.offset;
        p.side == side && p.len > 0 && overlaps && p.time < event.at.time.into()
    };
    if let Some(original) = packets.iter_mut().rev().find(repeats) {
        original.lost = true;
    }
}

fn packet(traced: &Traced, judged: Option<SegmentClass>, several: bool) -> Packet {
    let has = |flag| traced.flags.has(flag);
    Packet {
        frame: build::frame(traced.at.frame, several),
        time: traced.at.time.into(),
        side: traced.side.into(),
        offset: traced.offset,
        len: traced.len,
        ack: traced.ack,
        window: traced.window,
        mark: match () {
            () if has(TcpFlags::RST) => Mark::Rst,
            () if has(TcpFlags::SYN) && has(TcpFlags::ACK) => Mark::SynAck,
            () if has(TcpFlags::SYN) => Mark::Syn,
            () if has(TcpFlags::FIN) => Mark::Fin,
            () => Mark::None,
        },
        kind: judged.or(traced.class).map_or(Kind::Plain, kind),
        lost: false,
    }
}

const fn kind(class: SegmentClass) -> Kind {
    match class {
        SegmentClass::Reordered => Kind::Overtaken,
        SegmentClass::NetworkDuplicate => Kind::Doubled,
        SegmentClass::Spurious(_) => Kind::Needless,
        SegmentClass::KeepAlive => Kind::Probe("keep-alive"),
        SegmentClass::WindowProbe => Kind::Probe("probe of the closed window"),
        SegmentClass::Timeout => Kind::Again("the timer ran out"),
        SegmentClass::Fast => Kind::Again("the receiver reported a hole"),
        SegmentClass::TailProbe => Kind::Again("probe of the last packet"),
        SegmentClass::GoBackN => Kind::Again("in the wake of a timeout"),
        SegmentClass::Syn | SegmentClass::SynAck | SegmentClass::Fin => Kind::Again("no answer came"),
        SegmentClass::Unknown => Kind::Again("reason not known"),
    }
}
