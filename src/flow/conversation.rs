//! One TCP connection: two directions, the handshake, the resets, the end.

mod ending;
mod glimpse;
mod resetting;

pub use glimpse::Glimpse;

use super::direction::{Acknowledgment, Direction, Surroundings};
use super::direction_facts::DirectionFacts;
use super::habits::Habits;
use super::loss::{LossEvent, SegmentClass};
use super::reset::{ResetFacts, SequenceFit};
use super::rtt::Rtt;
use super::sender::Trips;
use super::seq::Seq;
use super::stall::{Stalls, Waiting};
use super::table::Endpoint;
use super::trace::{Trace, Traced};
use super::triggers::Triggers;
use crate::base::{At, BySide, CaptureTime, Gap, Seen, Side, Span};
use crate::flow::proxied::Proxied;
use crate::wire::{IcmpError, Segment, TcpFlags};

/// SYN times kept: Linux sends at most seven.
const MAX_SYN_TIMES: usize = 8;

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

/// How client and server were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolesFrom {
    /// By the TCP handshake.
    Handshake,
    /// By who sent the X.224 Connection Request.
    Negotiation,
    /// By the port number alone.
    Port,
}

/// The opening of a connection.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The SYNs: times of the first few.
    pub syn_times: Vec<At>,
    /// How many SYNs.
    pub syns: u32,
    /// The first SYN-ACK.
    pub syn_ack: Option<At>,
    /// How many SYN-ACKs.
    pub syn_acks: u32,
    /// The client's acknowledgment that completes it.
    pub established: Option<At>,
    /// The round trip that it took to each side, where it was seen whole. An
    /// answer to data may wait for an application; these do not.
    pub round_trip: BySide<Option<Span>>,
}

/// How a connection ended, as TCP shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// A RST.
    Reset,
    /// A FIN.
    Fin,
    /// Nothing came any more although something was owed.
    Silence,
    /// The capture ended first.
    CaptureEnd,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How.
    pub kind: EndKind,
    /// Whose address the ending packet carries; for silence, who fell silent.
    pub by: Option<Side>,
    /// The packet that ended it, or the last one seen.
    pub at: At,
}

/// Everything TCP tells about a finished connection.
#[derive(Clone, Debug)]
pub struct TcpFacts {
    /// What stood before RDP on the connection, where a proxy passes it on.
    pub proxied: Option<Proxied>,
    /// Addresses and ports.
    pub endpoints: BySide<Endpoint>,
    /// How the roles were told apart.
    pub roles_from: RolesFrom,
    /// First packet.
    pub first: At,
    /// Last packet, copies and late strays included.
    pub last: At,
    /// When the capture ended, or when the connection was closed in the table.
    pub observed_until: CaptureTime,
    /// The opening.
    pub handshake: Handshake,
    /// Initial sequence numbers, as the SYN and the SYN-ACK say them.
    pub isns: BySide<Option<u32>>,
    /// What each side sent.
    pub directions: BySide<DirectionFacts>,
    /// How each side writes its headers.
    pub habits: BySide<Habits>,
    /// Round trips between the capture point and each side.
    pub rtt: BySide<Rtt>,
    /// Resets, in order.
    pub resets: Vec<ResetFacts>,
    /// Resets that were not kept.
    pub more_resets: u32,
    /// ICMP errors about this connection.
    pub icmp: Vec<Seen<IcmpError>>,
    /// Times in which nothing came although bytes were unacknowledged.
    pub stalls: Stalls,
    /// The end.
    pub end: End,
    /// Index in `resets` of the one that ended the connection.
    pub ending_reset: Option<usize>,
    /// The longest time without any packet.
    pub longest_silence: Span,
    /// Packets whose time lies before that of the packet captured before them.
    pub clock_ran_back: u64,
    /// What each segment was, where that was asked for.
    pub trace: Option<Box<Trace>>,
}

impl TcpFacts {
    /// The roles turn out to be the other way round.
    pub fn swap_sides(&mut self) {
        self.endpoints.swap();
        self.isns.swap();
        self.directions.swap();
        self.habits.swap();
        self.rtt.swap();
        self.roles_from = RolesFrom::Negotiation;
        self.end.by = self.end.by.map(Side::other);
        self.stalls.swap_sides();
        if let Some(trace) = &mut self.trace {
            trace.swap_sides();
        }
        for reset in &mut self.resets {
            reset.claimed_by = reset.claimed_by.other();
        }
    }
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

    /// Writes down what a segment was, once it has been taken.
    fn record(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        let flags = segment.tcp.flags;
        let (own, other) = (self.directions.of(side), self.directions.of(side.other()));
        let scale = if flags.has(TcpFlags::SYN) { 0 } else { own.facts.window_scale.unwrap_or(0).min(14) };
        let is_plain = !flags.has(TcpFlags::RST) && !flags.has(TcpFlags::SYN);
        let repeated = |count: u32, class| (count > 1).then_some(class);
        let class = match (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK)) {
            (true, false) => repeated(self.handshake.syns, SegmentClass::Syn),
            (true, true) => repeated(self.handshake.syn_acks, SegmentClass::SynAck),
            _ if is_plain => own.last_class(),
            _ => None,
        };
        let traced = Traced {
            at,
            side,
            flags,
            offset: own.offset(Seq(segment.tcp.seq)),
            len: segment.payload_len,
            ack: flags.has(TcpFlags::ACK).then(|| other.offset(Seq(segment.tcp.ack))).flatten(),
            window: u32::from(segment.tcp.window) << scale,
            class,
        };
        if let Some(trace) = &mut self.trace {
            trace.note(traced);
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

    /// Takes a SYN or SYN-ACK; says which, where it is a repeated one.
    fn syn(&mut self, segment: &Segment<'_>, side: Side, at: At) -> Option<SegmentClass> {
        let direction = self.directions.of_mut(side);
        let options = &segment.tcp.options;
        direction.begin_at(Seq(segment.tcp.seq).plus(1), true);
        direction.facts.mss = options.mss.or(direction.facts.mss);
        direction.facts.window_scale = options.window_scale.or(direction.facts.window_scale);
        direction.facts.sack_permitted |= options.sack_permitted;
        let is_answer = segment.tcp.flags.has(TcpFlags::ACK);
        let repeated = if is_answer {
            self.handshake.syn_acks = self.handshake.syn_acks.saturating_add(1);
            self.isns.server.get_or_insert(segment.tcp.seq);
            self.handshake.syn_ack.is_some()
        } else {
            self.isns.client.get_or_insert(segment.tcp.seq);
            self.handshake.syns = self.handshake.syns.saturating_add(1);
            if self.handshake.syn_times.len() < MAX_SYN_TIMES {
                self.handshake.syn_times.push(at);
            }
            self.handshake.syns > 1
        };
        let class = if is_answer { SegmentClass::SynAck } else { SegmentClass::Syn };
        if repeated {
            let ip_len = segment.ip.total_len;
            direction
                .facts
                .loss
                .note(LossEvent { at, class, place: None, offset: -1, len: 0, ip_len, waited: None }, 0);
        }
        if segment.tcp.flags.has(TcpFlags::ACK) && self.handshake.syn_ack.is_none() {
            self.handshake.syn_ack = Some(at);
            // Karn: with a repeated SYN nobody knows which one was answered.
            if let ([syn], 1) = (self.handshake.syn_times.as_slice(), self.handshake.syns) {
                let trip = at.time.since(syn.time);
                self.measured(Side::Server, trip);
                self.handshake.round_trip.server = Some(trip);
            }
        }
        repeated.then_some(class)
    }

    fn complete_handshake(&mut self, segment: &Segment<'_>, at: At) {
        if self.handshake.established.is_none() {
            self.handshake.established = Some(at);
            if let (Some(syn_ack), 1) = (self.handshake.syn_ack, self.handshake.syn_acks) {
                let trip = at.time.since(syn_ack.time);
                self.measured(Side::Client, trip);
                // What comes with data may have waited for it.
                let whole = segment.payload_len == 0 && self.directions.server.offset(Seq(segment.tcp.ack)) == Some(0);
                self.handshake.round_trip.client = whole.then_some(trip);
            }
        }
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

impl ResetFacts {
    /// Whether its receiver can have obeyed it (RFC 5961 §3.2; older stacks
    /// obey anything inside the window).
    #[must_use]
    pub const fn is_effective(&self) -> bool {
        !matches!(self.fit, SequenceFit::Outside)
    }
}
