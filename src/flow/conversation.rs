//! One TCP connection: two directions, the handshake, the resets, the end.

mod ending;
mod facts;
mod glimpse;
mod handshake;
mod resetting;
mod tracing;

pub use facts::{End, EndKind, Handshake, RolesFrom, TcpFacts};
pub use glimpse::Glimpse;

use super::direction::{Acknowledgment, Direction, Surroundings};
use super::reset::ResetFacts;
use super::sender::Trips;
use super::seq::Seq;
use super::stall::{Stalls, Waiting};
use super::table::Endpoint;
use super::trace::Trace;
use super::triggers::Triggers;
use crate::base::{At, BySide, CaptureTime, Gap, Seen, Side, Span};
use crate::flow::proxied::Proxied;
use crate::wire::{IcmpError, Segment, TcpFlags};

/// ICMP errors kept.
const MAX_ICMP: usize = 8;

/// What takes the bytes of a conversation. Bytes, a hole and the end are three
/// different calls; after a hole the stream goes on.
pub trait Consumer {
    /// The next bytes of `side`'s stream, in order.
    fn bytes(&mut self, side: Side, data: &[u8], at: At);
    /// Bytes of `side`'s stream that the capture does not show.
    fn gap(&mut self, side: Side, gap: Gap);
    /// `side`'s stream is complete (its FIN, in order).
    fn end(&mut self, side: Side, at: At);
}

/// A connection in progress.
#[derive(Debug)]
pub struct Conversation<C> {
    /// What takes its bytes.
    pub consumer: C,
    /// What each segment was, where somebody wants to draw it.
    pub trace: Option<Box<Trace>>,
    endpoints: BySide<Endpoint>,
    roles_from: RolesFrom,
    first: At,
    last: At,
    handshake: Handshake,
    isns: BySide<Option<u32>>,
    proxied: Option<Proxied>,
    directions: BySide<Direction>,
    resets: Vec<ResetFacts>,
    more_resets: u32,
    icmp: Vec<Seen<IcmpError>>,
    stalls: Stalls,
    last_seq: BySide<u32>,
    triggers: BySide<Triggers>,
    /// Round trips as the sender of each side has them.
    trips: BySide<Trips>,
    longest_silence: Span,
    clock_ran_back: u64,
    /// New data after the first reset, per side: the connection went on.
    progress_after_reset: BySide<u32>,
}

impl<C: Consumer> Conversation<C> {
    /// A connection that begins (for us) with a packet of `at`.
    pub fn new(endpoints: BySide<Endpoint>, roles_from: RolesFrom, at: At, consumer: C) -> Self {
        Self {
            consumer,
            trace: None,
            endpoints,
            roles_from,
            first: at,
            last: at,
            handshake: Handshake::default(),
            isns: BySide::default(),
            proxied: None,
            directions: BySide::default(),
            resets: Vec::new(),
            more_resets: 0,
            icmp: Vec::new(),
            stalls: Stalls::default(),
            last_seq: BySide::default(),
            triggers: BySide::default(),
            trips: BySide::default(),
            longest_silence: Span::ZERO,
            clock_ran_back: 0,
            progress_after_reset: BySide::default(),
        }
    }

    /// A proxy's own exchange stood before its first byte.
    pub const fn came_through(&mut self, proxied: Proxied) {
        self.proxied = Some(proxied);
    }

    /// Which side sent from `endpoint`.
    pub fn side_of(&self, endpoint: &Endpoint) -> Side {
        let client = &self.endpoints.client;
        // The ports first: they differ, and cost less to compare.
        let is_client = client.port == endpoint.port && client.ip == endpoint.ip;
        if is_client { Side::Client } else { Side::Server }
    }

    /// Whether a SYN opens another connection on the same addresses and ports
    /// rather than repeating the opening of this one. An answered SYN that comes
    /// again in another file is this connection once more, from another point.
    pub fn is_reused_by(&self, segment: &Segment<'_>, side: Side, at: At) -> bool {
        if !segment.tcp.flags.has(TcpFlags::SYN) || segment.tcp.flags.has(TcpFlags::ACK) {
            return false;
        }
        match self.isns.client {
            Some(isn) if side == Side::Client && isn == segment.tcp.seq => {
                self.handshake.syn_ack.is_some() && at.frame.capture != self.first.frame.capture
            }
            // Opened the other way round, or a SYN in mid-stream.
            _ => true,
        }
    }

    /// Whether it is over, for the table's purposes.
    pub fn is_closed(&self) -> bool {
        // A RST that its receiver ignored closes nothing.
        self.resets.iter().any(|r| r.is_effective() && r.afterlife.progress == 0)
            || (self.directions.client.facts.fin.is_some() && self.directions.server.facts.fin.is_some())
    }

    /// Whether the handshake was never answered.
    pub fn is_half_open(&self) -> bool {
        self.handshake.syn_ack.is_none() && self.directions.server.facts.packets == 0
    }

    /// The last packet's time.
    pub const fn last_seen(&self) -> CaptureTime {
        self.last.time
    }

    /// Takes a segment of this connection.
    pub fn segment(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        let direction = self.directions.of_mut(side);
        let counts_ids = direction.habits.tells_copies();
        if direction.recent.is_copy(segment, at.time, counts_ids) {
            // A host answers each stray segment with an equal RST; those are as
            // good as copies, and say nothing about the capture.
            if !segment.tcp.flags.has(TcpFlags::RST) {
                direction.copy(segment, at);
            }
            return;
        }
        if at.time < self.last.time {
            self.clock_ran_back += 1;
        }
        self.longest_silence = self.longest_silence.max(at.time.since(self.last.time));
        direction.facts.packets += 1;
        direction.facts.first.get_or_insert(at);
        direction.facts.last_but_one = direction.facts.last.replace(at);
        if segment.tcp.flags.has(TcpFlags::RST) {
            self.reset(segment, side, at);
        } else {
            self.ordinary(segment, side, at);
            *self.last_seq.of_mut(side) = segment.tcp.seq;
        }
        self.last = At { frame: at.frame, time: at.time.max(self.last.time) };
        if self.trace.is_some() {
            self.record(segment, side, at);
        }
    }

    fn ordinary(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        let flags = segment.tcp.flags;
        let mut repeated_syn = None;
        if flags.has(TcpFlags::SYN) {
            repeated_syn = self.syn(segment, side, at);
        } else if flags.has(TcpFlags::ACK) && side == Side::Client && self.handshake.syn_ack.is_some() {
            self.complete_handshake(segment, at);
        }
        let waiting = if Stalls::may_be_stall(at.time.since(self.last.time)) { self.waiting(at) } else { None };
        let acked_before = self.directions.of(side.other()).acked();
        if flags.has(TcpFlags::ACK) {
            self.acknowledge(segment, side, at);
            self.triggers.of_mut(side).note(segment.tcp.ack, at);
        }
        let window_closed = self.directions.of(side.other()).window_is_closed();
        let around = Surroundings { trips: self.trips.of(side), window_closed };
        let direction = self.directions.of_mut(side);
        let is_syn = flags.has(TcpFlags::SYN);
        // The window of a SYN is never scaled and never closed.
        if !is_syn {
            direction.facts.window(segment.tcp.window, at);
        }
        let fresh = !is_syn && direction.data(segment, side, at, &around, &mut self.consumer);
        direction.learn(segment, at);
        if let Some(waiting) = waiting {
            // A first SYN-ACK measures the path, however long it took.
            let class = if is_syn { repeated_syn } else { direction.last_class() };
            if !is_syn || repeated_syn.is_some() {
                self.stalls.ended(&waiting, side, class, at);
            }
        }
        let progress = fresh || self.directions.of(side.other()).acked() > acked_before;
        self.note_afterlife(segment, side, at, progress);
        self.settle(at);
    }

    fn acknowledge(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        let scale = self.directions.of(side).facts.window_scale.unwrap_or(0).min(14);
        // A keep-alive repeats the acknowledgment, too, and reports nothing.
        let sender = self.directions.of(side);
        let is_probe = sender.offset(Seq(segment.tcp.seq)).is_some_and(|offset| offset < sender.max_end());
        let other = self.directions.of_mut(side.other());
        let ack = Seq(segment.tcp.ack);
        // The first acknowledgment tells where the other stream begins, where
        // its own opening was not captured.
        let from_handshake = segment.tcp.flags.has(TcpFlags::SYN);
        if !other.has_begun() && from_handshake {
            other.begin_at(ack, true);
        }
        let options = &segment.tcp.options;
        let acknowledgment = Acknowledgment {
            ack,
            pure: segment.payload_len == 0
                && segment.tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) == 0
                && !(is_probe && options.sack_count == 0),
            sack: options.sack.get(..usize::from(options.sack_count)).unwrap_or_default(),
            echo: options.timestamps.map(|(_, echo)| echo),
            window: i64::from(segment.tcp.window) << if from_handshake { 0 } else { scale },
            at,
        };
        if let Some(trip) = other.acknowledged(&acknowledgment, self.trips.of(side.other())) {
            // The acknowledgment came from this side: it measures this leg.
            self.measured(side, trip);
        }
    }

    fn settle(&mut self, at: At) {
        for side in Side::BOTH {
            let one_sided = self.directions.of(side.other()).facts.packets == 0;
            self.directions.of_mut(side).settle(side, at, one_sided, &mut self.consumer);
        }
    }

    fn note_afterlife(&mut self, segment: &Segment<'_>, side: Side, at: At, progress: bool) {
        if self.resets.is_empty() {
            return;
        }
        if progress {
            *self.progress_after_reset.of_mut(side) += 1;
        }
        for reset in &mut self.resets {
            if reset.claimed_by == side {
                reset.sender_lives(segment, at, progress);
            } else {
                reset.receiver_lives(segment, at, progress);
            }
        }
    }

    /// Bytes held back behind holes, both directions together.
    pub fn held_bytes(&self) -> usize {
        self.directions.client.held_bytes() + self.directions.server.held_bytes()
    }

    /// Gives up every hole, to free what is held behind it.
    pub fn release(&mut self, at: At) {
        for side in Side::BOTH {
            self.directions.of_mut(side).release(side, at, &mut self.consumer);
        }
    }

    /// An ICMP error about a packet of this connection.
    pub fn icmp_error(&mut self, error: IcmpError, at: At) {
        if self.icmp.len() < MAX_ICMP {
            self.icmp.push(at.seen(error));
        }
        self.last = At { frame: at.frame, time: at.time.max(self.last.time) };
    }

    /// A round trip between the capture point and `side`.
    fn measured(&mut self, side: Side, trip: Span) {
        self.directions.of_mut(side).rtt.sample(trip);
        for side in Side::BOTH {
            let (near, far) = (&self.directions.of(side).rtt, &self.directions.of(side.other()).rtt);
            let smoothed = near.smoothed().zip(far.smoothed()).map(|(near, far)| near + far);
            *self.trips.of_mut(side) = Trips { sender_leg: near.min(), receiver_leg: far.min(), smoothed };
        }
    }

    /// What is waited for, where nothing came for longer than a healthy path
    /// takes.
    fn waiting(&self, at: At) -> Option<Waiting> {
        let gap = at.time.since(self.last.time);
        let smoothed = self.trips.client.smoothed.unwrap_or(Span::ZERO);
        if !Stalls::is_stall(gap, smoothed) {
            return None;
        }
        let owner = Side::BOTH.into_iter().find(|side| self.directions.of(*side).outstanding());
        let handshake = self.handshake.syns > 0 && self.handshake.established.is_none();
        let owner = owner.or(handshake.then_some(Side::Client))?;
        let sender = self.directions.of(owner);
        let window_closed = self.directions.of(owner.other()).window_is_closed();
        Some(Waiting { since: self.last, owner, acked: sender.acked(), max_end: sender.max_end(), window_closed })
    }

    /// The connection is over (or the capture is, at `observed_until`).
    pub fn finish(self, observed_until: CaptureTime) -> (TcpFacts, C) {
        let (end, ending_reset) = self.ending(observed_until);
        let last = self.last.time;
        let BySide { client, server } = self.directions;
        let habits = BySide { client: client.habits.clone(), server: server.habits.clone() };
        let rtt = BySide { client: client.rtt.clone(), server: server.rtt.clone() };
        let facts = TcpFacts {
            proxied: self.proxied,
            endpoints: self.endpoints,
            roles_from: self.roles_from,
            first: self.first,
            last: self.last,
            observed_until,
            handshake: self.handshake,
            isns: self.isns,
            directions: BySide { client: client.into_facts(last), server: server.into_facts(last) },
            habits,
            rtt,
            resets: self.resets,
            more_resets: self.more_resets,
            icmp: self.icmp,
            stalls: self.stalls,
            end,
            ending_reset,
            longest_silence: self.longest_silence,
            clock_ran_back: self.clock_ran_back,
            trace: self.trace,
        };
        (facts, self.consumer)
    }
}
