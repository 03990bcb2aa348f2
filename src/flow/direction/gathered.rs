//! Packets that were gathered, taken into account: what each of them would have
//! changed by itself, and once for all of them what only the last of them change.

use super::beginning::Beginning;
use super::{Direction, REMEMBERED_ACKS, Seq};
use crate::base::{At, CaptureTime, Side};
use crate::flow::flights::Flown;
use crate::flow::gathering::{Gathered, Gathering, Lane, MAX_UNDER_WAY};
use crate::flow::order::Numbers;
use crate::flow::sender::Transmission;

/// Length of the headers of IPv4 and TCP without options, and of the timestamp
/// option with two fillers.
const HEADERS: u32 = 40;
const TIMESTAMPS: u32 = 12;

/// One direction, while gathered packets are taken into account.
#[derive(Debug)]
pub struct Course<'a> {
    direction: &'a mut Direction,
    has_timestamps: bool,
    /// The newest timestamp of its sender.
    tsval: u32,
    /// The sequence number of its next byte.
    next: u32,
    /// Behind the highest byte that its receiver acknowledged, and its offset.
    acked: u32,
    offset: i64,
    /// Behind the highest byte that its receiver ever had room for.
    edge: i64,
    /// The widest window of its sender, unscaled.
    widest: u16,
    packets: u32,
    data: u32,
    /// The next identification, and how many have followed each other.
    next_id: Option<u16>,
    ids: u32,
    /// When its sender's last packet passed.
    last: CaptureTime,
    /// Which packet acknowledged something new.
    last_ack: Option<u8>,
    flights: Flown,
}

impl Direction {
    /// What the next packet of this direction is held against, where nothing is
    /// the matter with it: nothing missing, doubted or probed, no end begun, and
    /// what it sends can be no copy of what is remembered.
    pub fn lane(&self) -> Option<Lane> {
        let unrolled = self.unrolled.filter(|unrolled| unrolled.is_at(self.next))?;
        let is_whole = self.next == self.max_end && self.proven <= self.next && self.hole_since.is_none();
        let is_acked = (0..=self.next).contains(&self.acked) && self.next - self.acked <= MAX_UNDER_WAY;
        let timed = match self.timed {
            Some((end, sent)) if (self.acked + 1..=self.next).contains(&end) => Some((unrolled.seq(end).0, sent)),
            Some(_) => return None,
            None => None,
        };
        let facts = &self.facts;
        let is_calm = self.hold.is_empty()
            && self.fin_offset.is_none()
            && !self.has_strange_numbers
            && !self.window_is_closed()
            && facts.largest_delivered >= facts.largest_packet
            && facts.loss.is_recovered()
            && self.sender.is_calm(self.acked, self.next)
            && self.recent.has_forgotten(self.unplaced);
        if Beginning::covers(self.next) || !is_whole || !is_acked || !is_calm {
            return None;
        }
        Some(Lane {
            look: self.habits.look()?,
            has_timestamps: self.habits.last_tsval.is_some(),
            next: unrolled.seq(self.next).0,
            acked: unrolled.seq(self.acked).0,
            longest: u16::try_from(facts.largest_packet).unwrap_or(u16::MAX),
            timed,
        })
    }

    /// The course of this direction, before the packets of a gathering.
    pub fn course(&mut self, lane: &Lane) -> Option<Course<'_>> {
        let unrolled = self.unrolled?;
        Some(Course {
            has_timestamps: lane.has_timestamps,
            tsval: self.sender.newest_tsval().unwrap_or_default(),
            next: unrolled.seq(self.next).0,
            acked: unrolled.seq(self.acked).0,
            offset: self.acked,
            edge: self.right_edge,
            widest: 0,
            packets: 0,
            data: 0,
            next_id: self.next_id(),
            ids: 0,
            last: self.habits.last.time,
            last_ack: None,
            flights: Flown::default(),
            direction: self,
        })
    }

    /// Data that continues the stream, up to sequence number `next`.
    fn sum_up_data<'g>(
        &mut self,
        gathering: &Gathering,
        newest_first: impl Iterator<Item = &'g Gathered>,
        lane: &Lane,
        &(next, count): &(u32, u32),
    ) {
        let Some(mut unrolled) = self.unrolled else { return };
        let end = unrolled.offset(Seq(next));
        let bytes = (end - self.max_end).cast_unsigned();
        self.max_end = end;
        self.facts.bytes = self.facts.bytes.wrapping_add(bytes);
        self.facts.sent_bytes = self.facts.sent_bytes.saturating_add(bytes);
        self.facts.data_packets = self.facts.data_packets.wrapping_add(count.into());
        self.come_to(end);
        unrolled.advance(end);
        let mut newest_first = newest_first.peekable();
        self.facts.last_data = newest_first.peek().map(|last| gathering.at(last));
        let headers = HEADERS + if lane.has_timestamps { TIMESTAMPS } else { 0 };
        let sent = newest_first.map(|packet| {
            let offset = unrolled.offset(Seq(packet.seq));
            let tsval = lane.has_timestamps.then_some(packet.timestamps.0);
            Transmission {
                offset,
                end: offset.wrapping_add(packet.len.into()),
                time: packet.time,
                size: u32::from(packet.len).wrapping_add(headers),
                numbers: Numbers::new(tsval, Some(packet.id)),
            }
        });
        self.sender.sent_in_a_row(count as usize, sent);
    }

    /// The identification that follows the last one, where it does so for all that
    /// learn from them. 0 never does.
    fn next_id(&self) -> Option<u16> {
        let last = self.habits.last_id.filter(|id| Some(*id) == self.sender.newest_id())?;
        last.checked_add(1)
    }
}

impl Course<'_> {
    /// Packets of its sender so far.
    pub const fn packets(&self) -> usize {
        self.packets as usize
    }

    /// The widest window of its sender, in bytes.
    pub const fn widest(&self) -> i64 {
        (self.widest as i64) << self.direction.shift
    }

    /// By how many bits the windows of its sender are shifted.
    #[inline]
    pub const fn shift(&self) -> u8 {
        self.direction.shift
    }

    /// The receiver's packet `n`: what it acknowledges, and for how much room it
    /// has beyond (its window shifted by `shift`).
    #[inline]
    pub fn confirm(&mut self, packet: &Gathered, shift: u8, n: u8) {
        let ahead = packet.ack.wrapping_sub(self.acked);
        if ahead > 0 {
            self.acked = packet.ack;
            self.offset = self.offset.wrapping_add(ahead.into());
            let direction = &mut *self.direction;
            if let Some(oldest) = direction.recent_acks.get_mut(direction.ack_count % REMEMBERED_ACKS) {
                *oldest = self.offset;
            }
            direction.ack_count = direction.ack_count.wrapping_add(1);
            self.last_ack = Some(n);
            if self.acked == self.next {
                self.flights.land(n);
            }
        }
        self.edge = self.edge.max(self.offset.wrapping_add(i64::from(packet.window) << shift));
    }

    /// The sender's packet `n`: its data continues the stream.
    #[inline]
    pub fn send(&mut self, packet: &Gathered, n: u8, gathering: &Gathering) {
        self.packets = self.packets.wrapping_add(1);
        if packet.len > 0 {
            self.data = self.data.wrapping_add(1);
            if self.acked == self.next {
                self.flights.begin(n);
            }
            self.next = self.next.wrapping_add(packet.len.into());
        }
        self.widest = self.widest.max(packet.window);
        let (tsval, _) = packet.timestamps;
        if self.has_timestamps && tsval.wrapping_sub(self.tsval).cast_signed() > 0 {
            self.tsval = tsval;
        }
        if Some(packet.id) == self.next_id {
            self.ids = self.ids.wrapping_add(1);
            self.next_id = packet.id.checked_add(1);
        } else {
            self.jump(packet, gathering);
        }
        self.last = packet.time;
    }

    /// Takes those into account whose identifications followed each other.
    fn count_ids(&mut self) {
        if let (Some(last), 1..) = (self.next_id.map_or(Some(u16::MAX), |next| next.checked_sub(1)), self.ids) {
            self.direction.sender.count_up_to(last, self.ids);
            self.direction.habits.count_up_to(last, self.ids);
        }
        self.ids = 0;
    }

    /// A packet whose identification is another one than the next.
    #[cold]
    fn jump(&mut self, packet: &Gathered, gathering: &Gathering) {
        self.count_ids();
        let direction = &mut *self.direction;
        if let Some(packets) = direction.sender.learn_numbers(None, Some(packet.id)) {
            let silence = packet.time.since(self.last);
            direction.facts.note_skip(packets, silence, gathering.at(packet));
        }
        direction.habits.learn_id(packet.id);
        self.next_id = direction.next_id();
    }

    /// All packets were taken, `shift` is that of the receiver's windows and
    /// `widest` the widest of them: what they are together, and what only the last
    /// of them change.
    pub fn sum_up(mut self, gathering: &Gathering, packets: &[Gathered], side: Side, window: i64) {
        self.count_ids();
        let Self { direction, offset: acked, .. } = self;
        let lane = gathering.lane(side);
        let at = |n: u8| packets.get(usize::from(n)).map_or_else(At::default, |packet| gathering.at(packet));
        // Of the other side's packets.
        direction.timed = lane.timed.and_then(|(end, sent)| Some((direction.offset(Seq(end))?, sent)));
        direction.right_edge = self.edge;
        direction.widest = direction.widest.max(window);
        direction.facts.flights.fly(&self.flights, at);
        if let Some(n) = self.last_ack {
            let bytes = (acked - direction.acked).cast_unsigned();
            direction.facts.acknowledged_bytes = direction.facts.acknowledged_bytes.saturating_add(bytes);
            direction.acked = acked;
            direction.facts.last_acknowledged = Some(at(n));
        }
        // Of its own.
        let newest_first = || packets.iter().rev().filter(|packet| packet.side == side);
        let Some(last) = newest_first().next() else { return };
        let tsval = |packet: &Gathered| lane.has_timestamps.then_some(packet.timestamps.0);
        direction.last_class = None;
        direction.facts.packets = direction.facts.packets.wrapping_add(self.packets.into());
        direction.facts.last = Some(gathering.at(last));
        let headers = newest_first().map(|packet| (packet.header(), packet.time));
        direction.recent.remember(self.packets.into(), headers);
        direction.habits.learn_alike(self.packets, last.window, tsval(last), gathering.at(last));
        if lane.has_timestamps {
            direction.sender.has_come_to(self.tsval);
        }
        if self.data > 0 {
            direction.sum_up_data(
                gathering,
                newest_first().filter(|packet| packet.len > 0),
                lane,
                &(self.next, self.data),
            );
        }
    }
}
