//! Which connection a packet belongs to, and which connections are ours.

mod ending;
mod index;
mod near;
mod ours;
mod patience;
mod plain;
mod slot;
mod tombstones;

use index::Index;
use slot::{Slot, State};
use tombstones::Tombstones;

use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use foldhash::HashSet;

use super::bare::Bare;
use super::candidates::Candidates;
use super::conversation::{Consumer, Conversation, RolesFrom, TcpFacts};
use super::key::FlowKey;
use super::opening::{Opening, Spare};
use super::queues::{Kind, Queues};
use super::trace::Room;
use crate::base::{At, CaptureTime, Notice, NoticeKind, Notices, Side};
use crate::wire::{IcmpError, Segment, TcpFlags};

/// The port of RDP (MS-RDPBCGR §2.1).
pub const RDP_PORT: u16 = 3389;

/// Connections followed at a time. Each costs some 11 KiB once it is established; the oldest is
/// finished early when one more comes.
const MAX_CONNECTIONS: usize = 65_536;

/// Bytes held behind holes, over all connections: 256 connections with a full
/// buffer each. A flood of segments that fill no hole ends there.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// The table was full.
pub const TABLE_FULL: NoticeKind = NoticeKind("connection-limit-reached");

/// Connections whose packets were not remembered.
const UNTRACED: NoticeKind = NoticeKind("packets-not-remembered");

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Address.
    pub ip: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

/// In as few steps as the families allow: each connection is looked up by its ends
/// some ten times.
impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.ip {
            IpAddr::V4(ip) => state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(ip) => {
                state.write_u128(ip.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

/// A connection that is over.
#[derive(Debug)]
pub struct Finished<C> {
    /// What TCP tells.
    pub tcp: Box<TcpFacts>,
    /// What took the bytes.
    pub consumer: C,
    /// The point of view it was seen from.
    pub vantage: u16,
}

/// The same, or as little of it as there was.
#[derive(Debug)]
pub enum Over<C> {
    /// It was followed.
    Followed(Followed<C>),
    /// It carried nothing.
    Bare(Bare),
}

/// A connection that was followed to its end, and is large to move.
#[derive(Debug)]
pub struct Followed<C> {
    conversation: Box<Conversation<C>>,
    observed_until: CaptureTime,
    vantage: u16,
}

impl<C: Consumer + Default> Over<C> {
    /// All that is to be known.
    #[must_use]
    pub fn whole(self) -> Finished<C> {
        match self {
            Self::Followed(Followed { conversation, observed_until, vantage }) => {
                let (tcp, consumer) = conversation.finish(observed_until);
                Finished { tcp, consumer, vantage }
            }
            Self::Bare(bare) => bare.whole(),
        }
    }
}

/// All connections in progress.
#[derive(Debug)]
pub struct Table<C> {
    index: Index,
    slots: Vec<Option<Slot<C>>>,
    free: Vec<u32>,
    spare: Spare,
    queues: Queues,
    /// By port number: as many as there are, so that looking needs no check.
    watched_ports: Box<[bool; 1 << 16]>,
    known_servers: HashSet<Endpoint>,
    candidates: Candidates,
    tombstones: Tombstones,
    held_bytes: usize,
    /// Once the capture is over: slots before this one have been ended.
    over: usize,
    /// Once a live capture is over: slots that are still to be ended, the next
    /// one last.
    ending: Option<Vec<u32>>,
    finished: Vec<Over<C>>,
    leaves_bare: bool,
    now: CaptureTime,
    /// Until then nobody is overdue, unless the queues change.
    next_due: CaptureTime,
    /// How long each point of view watched; known at the end.
    watched: Vec<CaptureTime>,
    notices: Notices,
    traces: Room,
}

impl<C: Consumer + Default> Default for Table<C> {
    fn default() -> Self {
        let mut watched_ports = Box::new([false; 1 << 16]);
        if let Some(rdp) = watched_ports.get_mut(usize::from(RDP_PORT)) {
            *rdp = true;
        }
        Self {
            index: Index::default(),
            slots: Vec::new(),
            free: Vec::new(),
            spare: Spare::default(),
            queues: Queues::default(),
            watched_ports,
            known_servers: HashSet::default(),
            candidates: Candidates::default(),
            tombstones: Tombstones::default(),
            held_bytes: 0,
            over: 0,
            ending: None,
            finished: Vec::new(),
            leaves_bare: false,
            now: CaptureTime::default(),
            next_due: CaptureTime::default(),
            watched: Vec::new(),
            notices: Notices::default(),
            traces: Room::default(),
        }
    }
}

impl<C: Consumer + Default> Table<C> {
    /// From now on, what each segment of a new connection is will be written
    /// down.
    pub fn trace(&mut self) {
        self.traces = Room::of_its_size();
    }

    /// From now on, connections that carried nothing are not followed when they
    /// are over, unless their packets are remembered.
    pub const fn leave_bare(&mut self) {
        self.leaves_bare = true;
    }

    /// Nobody needs that connection any more: its room may be wanted again.
    pub fn take_back(&mut self, bare: Bare) {
        self.spare.take_back(bare.into_opening());
    }

    /// A trace of `held` segments is not needed any more.
    pub fn forget_trace(&mut self, held: usize) {
        self.traces.give_back(held);
    }

    /// From point of view `vantage`, capturing went on until `time`: what did not
    /// come by then did not come.
    pub fn watch(&mut self, time: CaptureTime, vantage: u16) {
        let vantage = usize::from(vantage);
        if self.watched.len() <= vantage {
            self.watched.resize(vantage + 1, time);
        }
        if let Some(watched) = self.watched.get_mut(vantage) {
            *watched = time.max(*watched);
        }
    }

    /// Takes a segment seen from point of view `vantage`.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, at: At, vantage: u16) {
        self.advance(at.time);
        let (key, source_is_low) = FlowKey::of(segment, vantage);
        match self.index.get(&key) {
            Some(slot) if !segment.tcp.flags.has(TcpFlags::SYN) => self.give(slot, segment, source_is_low, at),
            known => self.may_begin(known, key, segment, source_is_low, at),
        }
    }

    /// Takes a SYN, or a segment of no connection that is known.
    #[cold]
    fn may_begin(&mut self, known: Option<u32>, key: FlowKey, segment: &Segment<'_>, source_is_low: bool, at: At) {
        if let Some(slot) = known {
            if !self.begins_anew(slot, segment, source_is_low, at) {
                return self.give(slot, segment, source_is_low, at);
            }
            self.finish_slot(slot, at.time);
        }
        self.open(key, segment, source_is_low, at);
    }

    /// Takes an ICMP error about a packet of a connection that is followed.
    pub fn icmp_error(&mut self, error: &IcmpError, at: At, vantage: u16) {
        self.advance(at.time);
        let (source, destination) = (error.quoted_source, error.quoted_destination);
        let key = FlowKey::new(
            Endpoint { ip: source.0, port: source.1 },
            Endpoint { ip: destination.0, port: destination.1 },
            vantage,
        );
        if let Some(slot) = self.index.get(&key)
            && let Some(Some(found)) = self.slots.get_mut(slot as usize)
            && let Some(conversation) = found.state.follow(&self.traces, &mut self.spare)
        {
            conversation.icmp_error(*error, at);
            self.queues.touch(slot, found.kind, conversation.last_seen());
        }
    }

    /// Whether any connection ended since the last call of [`drain`](Self::drain).
    #[must_use]
    #[inline]
    pub const fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }

    /// What must be told about the table itself.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        self.notices.list()
    }

    /// Connections followed right now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.index.len()
    }

    fn begins_anew(&self, slot: u32, segment: &Segment<'_>, source_is_low: bool, at: At) -> bool {
        let Some(Some(slot)) = self.slots.get(slot as usize) else { return false };
        match &slot.state {
            State::Opening(opening) => opening.is_reused_by(segment, slot.side(source_is_low), at),
            State::Followed(conversation) => conversation.is_reused_by(segment, slot.side(source_is_low), at),
        }
    }

    fn insert(&mut self, key: FlowKey, client_is_low: bool, state: State<C>, last_seen: CaptureTime) -> u32 {
        if self.index.len() >= MAX_CONNECTIONS {
            self.make_room();
        }
        let kind = Kind::HalfOpen;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(Slot { key, client_is_low, kind, state });
        }
        self.index.insert(key, slot);
        self.queues.add(slot, kind, last_seen);
        slot
    }

    /// Gives a connection its next segment.
    #[inline(always)]
    fn give(&mut self, slot: u32, segment: &Segment<'_>, source_is_low: bool, at: At) {
        let Some(Some(found)) = self.slots.get_mut(slot as usize) else { return };
        let side = found.side(source_is_low);
        match &mut found.state {
            State::Followed(conversation) if !self.traces.is_wanted() => {
                let before = conversation.held_bytes();
                conversation.segment(segment, side, at);
                let has_moved = found.kind != Kind::Open || conversation.may_be_over();
                if has_moved || conversation.held_bytes() != before {
                    self.moved(slot, before, at);
                }
            }
            _ => self.give_first(slot, segment, side, at),
        }
    }

    /// The same for a connection of which only the opening was seen, or whose
    /// segments are written down.
    #[cold]
    fn give_first(&mut self, slot: u32, segment: &Segment<'_>, side: Side, at: At) {
        let Some(Some(found)) = self.slots.get_mut(slot as usize) else { return };
        // What ends a connection is written down at once.
        let is_held_back = !self.traces.is_wanted() || !segment.tcp.flags.has(TcpFlags::RST);
        if is_held_back
            && let State::Opening(opening) = &mut found.state
            && opening.keep(segment, side, at)
        {
            found.kind = opening.kind();
            self.queues.touch(slot, found.kind, opening.last_seen());
            return;
        }
        let traced = if self.traces.is_wanted() { found.state.traced() } else { 0 };
        let is_new = matches!(found.state, State::Opening(_));
        let Some(conversation) = found.state.follow(&self.traces, &mut self.spare) else { return };
        let before = conversation.held_bytes();
        conversation.segment(segment, side, at);
        let untraced = self.traces.is_wanted()
            && (self.traces.settle(traced, &mut conversation.trace) || (is_new && conversation.trace.is_none()));
        self.moved(slot, before, at);
        if untraced {
            self.note_untraced(at);
        }
    }

    /// A connection may wait for something else than before, and held `before`
    /// bytes behind holes. Whoever crosses the line pays for it: holes elsewhere
    /// may yet close.
    #[cold]
    fn moved(&mut self, slot: u32, before: usize, at: At) {
        let Some(Some(Slot { kind, state: State::Followed(conversation), .. })) = self.slots.get_mut(slot as usize)
        else {
            return;
        };
        *kind = conversation.kind();
        self.queues.touch(slot, *kind, conversation.last_seen());
        let mut after = conversation.held_bytes();
        if after > before && self.held_bytes + (after - before) > MAX_HELD_BYTES {
            conversation.release(at);
            after = 0;
        }
        self.held_bytes = (self.held_bytes + after).saturating_sub(before);
    }

    fn note_untraced(&mut self, at: At) {
        self.notices.add(UNTRACED, Some(at.frame), || {
            "too many connections at a time to remember the packets of all; some have no diagram of their packets"
                .to_owned()
        });
    }
}
