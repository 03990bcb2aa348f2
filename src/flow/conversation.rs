//! One TCP connection: two directions, the handshake, the resets, the end.

mod ending;
mod facts;
mod gathering;
mod glimpse;
mod handshake;
mod resetting;
mod tracing;

pub(in crate::flow) use ending::{SILENCE, is_silent};
pub use facts::{End, EndKind, Handshake, RolesFrom, TcpFacts};
pub use glimpse::Glimpse;

use super::direction::{Direction, Surroundings};
use super::gathering::Gathering;
use super::leap::Leap;
use super::queues::Kind;
use super::reset::ResetFacts;
use super::rtt::Rtt;
use super::sender::Trips;
use super::stall::{Stalls, Waiting};
use super::table::Endpoint;
use super::trace::Trace;
use super::triggers::Triggers;
use crate::base::{At, BySide, CaptureTime, Gap, Seen, Side, Span};
use crate::flow::proxied::Proxied;
use crate::wire::{IcmpError, Segment, TcpFlags};

/// ICMP errors kept; the others are counted. Whoever floods a connection with them
/// says the same again.
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
    /// Packets that are not taken into account yet: what stands below is as it
    /// was before them, but for `consumer`, `stalls`, some of the round trips, and
    /// what a window or an identification taught that was another than before.
    gathering: Gathering,
    /// What takes its bytes.
    pub consumer: C,
    /// What each segment was, where somebody wants to draw it.
    pub trace: Option<Box<Trace>>,
    endpoints: BySide<Endpoint>,
    roles_from: RolesFrom,
    first: At,
    handshake: Handshake,
    isns: BySide<Option<u32>>,
    proxied: Option<Proxied>,
    directions: BySide<Direction>,
    resets: Vec<ResetFacts>,
    more_resets: u32,
    more_icmp: u32,
    icmp: Vec<Seen<IcmpError>>,
    stalls: Stalls,
    last_seq: BySide<u32>,
    triggers: BySide<Triggers>,
    /// Round trips between the capture point and each side.
    rtt: BySide<Rtt>,
    clock_ran_back: u64,
    set_back: Span,
    leap: Option<Leap>,
    /// New data after the first reset, per side: the connection went on.
    progress_after_reset: BySide<u32>,
    /// A FIN or a RST has passed.
    may_be_over: bool,
    /// Bytes held back behind holes, both directions together.
    held: usize,
}

impl<C: Consumer> Conversation<C> {
    /// A connection that begins (for us) with a packet of `at`.
    pub fn new(endpoints: BySide<Endpoint>, roles_from: RolesFrom, at: At, consumer: C) -> Self {
        Self {
            gathering: Gathering::new(at),
            consumer,
            trace: None,
            endpoints,
            roles_from,
            first: at,
            handshake: Handshake::default(),
            isns: BySide::default(),
            proxied: None,
            directions: BySide::default(),
            resets: Vec::new(),
            more_resets: 0,
            more_icmp: 0,
            icmp: Vec::new(),
            stalls: Stalls::default(),
            last_seq: BySide::default(),
            triggers: BySide::default(),
            rtt: BySide::default(),
            clock_ran_back: 0,
            set_back: Span::ZERO,
            leap: None,
            progress_after_reset: BySide::default(),
            may_be_over: false,
            held: 0,
        }
    }

    /// A proxy's own exchange stood before its first byte.
    pub const fn came_through(&mut self, proxied: Proxied) {
        self.proxied = Some(proxied);
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

    /// Whether anything has passed that can end it.
    #[inline]
    pub const fn may_be_over(&self) -> bool {
        self.may_be_over
    }

    /// What it waits for.
    pub fn kind(&self) -> Kind {
        if self.is_closed() {
            Kind::Closed
        } else if self.is_half_open() {
            Kind::HalfOpen
        } else {
            Kind::Open
        }
    }

    /// Whether it is over, for the table's purposes.
    fn is_closed(&self) -> bool {
        // A RST that its receiver ignored closes nothing.
        (self.directions.client.facts.fin.is_some() && self.directions.server.facts.fin.is_some())
            || self.resets.iter().any(|r| r.is_effective() && r.afterlife.progress == 0)
    }

    /// Whether the handshake was never answered.
    fn is_half_open(&self) -> bool {
        self.handshake.syn_ack.is_none() && self.directions.server.facts.packets == 0
    }

    /// The last packet's time.
    pub const fn last_seen(&self) -> CaptureTime {
        self.gathering.last.time
    }

    /// Takes a segment of this connection.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, side: Side, at: At) {
        self.take_gathered();
        let direction = self.directions.of_mut(side);
        if direction.is_copy(segment, at.time) {
            // A host answers each stray segment with an equal RST; those are as
            // good as copies, and say nothing about the capture.
            if !segment.tcp.flags.has(TcpFlags::RST) {
                direction.copy(segment, at);
            }
            self.may_gather(at);
            return;
        }
        direction.facts.passes(at);
        let silence = at.time.since(self.gathering.last.time);
        if silence < Span::ZERO {
            self.clock_ran_back += 1;
            self.set_back = self.set_back.max(silence.abs());
        }
        self.gathering.longest_silence = self.gathering.longest_silence.max(silence);
        if segment.tcp.flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0 {
            self.may_be_over = true;
            // Nothing is gathered any more.
            self.gathering.end();
        }
        if segment.tcp.flags.has(TcpFlags::RST) {
            self.reset(segment, side, at);
        } else {
            self.ordinary(segment, side, at, silence);
        }
        self.gathering.last = At { frame: at.frame, time: at.time.max(self.gathering.last.time) };
        if self.trace.is_some() {
            self.record(segment, side, at);
        }
    }

    #[inline]
    fn ordinary(&mut self, segment: &Segment<'_>, side: Side, at: At, silence: Span) {
        let flags = segment.tcp.flags;
        let is_syn = flags.has(TcpFlags::SYN);
        let repeated_syn = if is_syn { self.syn(segment, side, at) } else { None };
        if side == Side::Client && self.handshake.waits_for_client() && !is_syn && flags.has(TcpFlags::ACK) {
            self.complete_handshake(segment, at);
        }
        let waiting = if Stalls::may_be_stall(silence) { self.waiting(segment, side, at) } else { None };
        let Self { directions, rtt, triggers, consumer, .. } = self;
        let (own, other) = directions.pair_mut(side);
        let acked_before = other.acked();
        if flags.has(TcpFlags::ACK) {
            let acknowledgment = own.acknowledgment(segment, at);
            if is_syn && !other.has_begun() {
                // Tells where the other stream begins, whose own opening was
                // not captured.
                other.begin_at(acknowledgment.ack, true);
            }
            if !other.has_begun() {
                own.is_not_placed();
            }
            let pure = || own.only_acknowledges(segment);
            if let Some(trip) = other.acknowledged(&acknowledgment, pure, || Trips::of(rtt, side.other())) {
                // The acknowledgment came from this side: it measures this leg.
                rtt.of_mut(side).sample(trip);
            }
            triggers.of_mut(side).note(segment.tcp.ack, at);
        }
        let mut is_fresh = false;
        // The window of a SYN is never scaled and never closed.
        if !is_syn {
            own.facts.window(segment.tcp.window, at);
            let around = Surroundings { rtt, side, window_closed: other.window_is_closed() };
            is_fresh = own.data(segment, at, &around, consumer);
        }
        own.learn(segment, at);
        if let Some(waiting) = waiting {
            // A first SYN-ACK measures the path, however long it took.
            let class = if is_syn { repeated_syn } else { own.last_class() };
            if !is_syn || repeated_syn.is_some() {
                self.stalls.ended(&waiting, side, class, at);
            }
        }
        *self.last_seq.of_mut(side) = segment.tcp.seq;
        let progress = is_fresh || other.acked() > acked_before;
        let is_settled = own.is_settled() && other.is_settled();
        if !self.resets.is_empty() {
            self.note_afterlife(segment, side, at, progress);
        }
        if !is_settled || self.held > 0 {
            self.settle(at);
        }
        self.may_gather(at);
    }

    #[cold]
    fn settle(&mut self, at: At) {
        for side in Side::BOTH {
            let one_sided = self.directions.of(side.other()).facts.packets == 0;
            self.directions.of_mut(side).settle(side, at, one_sided, &mut self.consumer);
        }
        self.count_held();
    }

    fn count_held(&mut self) {
        self.held = self.directions.client.held_bytes() + self.directions.server.held_bytes();
    }

    #[cold]
    fn note_afterlife(&mut self, segment: &Segment<'_>, side: Side, at: At, progress: bool) {
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
    #[inline]
    pub const fn held_bytes(&self) -> usize {
        self.held
    }

    /// Gives up every hole, to free what is held behind it.
    pub fn release(&mut self, at: At) {
        self.take_gathered();
        for side in Side::BOTH {
            self.directions.of_mut(side).release(side, at, &mut self.consumer);
        }
        self.count_held();
    }

    /// An ICMP error about a packet of this connection.
    pub fn icmp_error(&mut self, error: IcmpError, at: At) {
        self.take_gathered();
        if self.icmp.len() < MAX_ICMP {
            self.icmp.push(at.seen(error));
        } else {
            self.more_icmp = self.more_icmp.saturating_add(1);
        }
        self.gathering.last = At { frame: at.frame, time: at.time.max(self.gathering.last.time) };
    }

    /// What is waited for, where nothing came for longer than a healthy path
    /// takes, until a packet of `side` did.
    #[cold]
    fn waiting(&mut self, segment: &Segment<'_>, side: Side, at: At) -> Option<Waiting> {
        let leap =
            segment.tcp.options.timestamps.and_then(|(tsval, _)| {
                Leap::told(&self.directions.of(side).habits, tsval, side, self.gathering.last, at)
            });
        if leap.is_some() {
            self.leap = self.leap.or(leap);
            return None;
        }
        let gap = at.time.since(self.gathering.last.time);
        let smoothed = Trips::of(&self.rtt, Side::Client).smoothed.unwrap_or(Span::ZERO);
        if !Stalls::is_stall(gap, smoothed) {
            return None;
        }
        let owner = Side::BOTH.into_iter().find(|side| self.directions.of(*side).outstanding());
        let handshake = self.handshake.syns > 0 && self.handshake.established.is_none();
        let owner = owner.or(handshake.then_some(Side::Client))?;
        let sender = self.directions.of(owner);
        let window_closed = self.directions.of(owner.other()).window_is_closed();
        Some(Waiting {
            since: self.gathering.last,
            owner,
            acked: sender.acked(),
            max_end: sender.max_end(),
            window_closed,
            smoothed,
        })
    }

    /// The connection is over (or the capture is, at `observed_until`).
    #[expect(clippy::boxed_local, reason = "to take it out of its box is to move all of it")]
    pub fn finish(mut self: Box<Self>, observed_until: CaptureTime) -> (Box<TcpFacts>, C) {
        self.take_gathered();
        for side in Side::BOTH {
            let one_sided = self.directions.of(side.other()).facts.packets == 0;
            self.directions.of_mut(side).settle_all(side, self.gathering.last, one_sided, &mut self.consumer);
        }
        let (end, ending_reset) = self.ending(observed_until);
        let BySide { client, server } = &mut self.directions;
        client.close_books(self.gathering.last.time);
        server.close_books(self.gathering.last.time);
        // Each part moves once: connections are large, and a scan has many.
        let BySide { client, server } = self.directions;
        let facts = Box::new(TcpFacts {
            proxied: self.proxied,
            endpoints: self.endpoints,
            roles_from: self.roles_from,
            first: self.first,
            last: self.gathering.last,
            observed_until,
            handshake: self.handshake,
            isns: self.isns,
            directions: BySide { client: client.facts, server: server.facts },
            habits: BySide { client: client.habits, server: server.habits },
            rtt: self.rtt,
            resets: self.resets,
            more_resets: self.more_resets,
            icmp: self.icmp,
            more_icmp: self.more_icmp,
            stalls: self.stalls,
            end,
            ending_reset,
            longest_silence: self.gathering.longest_silence,
            clock_ran_back: self.clock_ran_back,
            set_back: self.set_back,
            leap: self.leap,
            trace: self.trace,
        });
        (facts, self.consumer)
    }
}
