//! Packets that were gathered, taken into account: what they are together, and
//! what only the last of them change.

use super::beginning::Beginning;
use super::{Direction, REMEMBERED_ACKS, Seq};
use crate::base::{At, CaptureId};
use crate::flow::gathering::{Course, KEPT_ACKS, Lane, MAX_UNDER_WAY, Stream};
use crate::flow::order::Numbers;
use crate::flow::sender::Transmission;

/// Lengths of the headers of IPv4 and TCP without options and of IPv6 and TCP,
/// and of the timestamp option with two fillers.
const HEADERS_V4: u8 = 40;
const HEADERS_V6: u8 = 60;
const TIMESTAMPS: u8 = 12;

/// Says that no identification is the next one.
const NONE: u32 = u32::MAX;

const _: () = assert!(KEPT_ACKS == REMEMBERED_ACKS);

impl Direction {
    /// Where this direction has come to, if nothing is the matter with it: nothing
    /// missing, doubted or probed, no end begun, and what it sends next can be no
    /// copy of what is remembered.
    pub fn course(&self) -> Option<(Stream, Course)> {
        let unrolled = self.unrolled.filter(|unrolled| unrolled.is_at(self.next))?;
        let is_whole = self.next == self.max_end && self.proven <= self.next && self.hole_since.is_none();
        let is_acked = (0..=self.next).contains(&self.acked) && self.next - self.acked <= MAX_UNDER_WAY;
        let timed = match self.timed {
            Some((end, sent)) if (self.acked + 1..=self.next).contains(&end) => Some((unrolled.seq(end).0, sent)),
            Some(_) => return None,
            None => None,
        };
        let Self { facts, habits, .. } = self;
        let is_calm = self.hold.is_empty()
            && self.fin_offset.is_none()
            && !self.has_strange_numbers
            && !self.window_is_closed()
            && facts.largest_delivered >= facts.largest_packet
            && facts.loss.is_recovered()
            && self.sender.is_calm(self.acked, self.next)
            && self.recent.has_forgotten(self.unplaced);
        if Beginning::covers(self.next) || !is_whole || !is_acked || !is_calm || habits.last_window == 0 {
            return None;
        }
        let has_timestamps = habits.last_tsval.is_some();
        let headers = if habits.flow_label.is_some() { HEADERS_V6 } else { HEADERS_V4 };
        let stream = Stream::new(unrolled.seq(self.next).0, unrolled.seq(self.acked).0, timed);
        let course = Course {
            look: habits.look()?,
            has_timestamps,
            headers: headers + if has_timestamps { TIMESTAMPS } else { 0 },
            longest: facts.largest_packet,
            window: habits.last_window,
            next_id: self.next_id(),
            tsval: self.sender.newest_tsval().unwrap_or_default(),
            ..Course::default()
        };
        Some((stream, course))
    }

    /// The identification that follows the last one, where it does so for all that
    /// learn from them. 0 never does.
    fn next_id(&self) -> u32 {
        let last = self.habits.last_id.filter(|id| Some(*id) == self.sender.newest_id());
        last.map_or(NONE, |last| u32::from(last) + 1)
    }

    /// The sender's identifications followed each other so far.
    fn learn_ids(&mut self, course: &mut Course) {
        if course.ids > 0 {
            let last = (course.next_id - 1) as u16;
            self.sender.count_up_to(last, course.ids);
            self.habits.count_up_to(last, course.ids);
            course.ids = 0;
        }
    }

    /// A packet whose identification is not the next one.
    #[cold]
    pub fn jump(&mut self, lane: &mut Lane, id: u16, at: At) {
        self.learn_ids(&mut lane.course);
        if let Some(packets) = self.sender.learn_numbers(None, Some(id)) {
            let last = lane.newest().next().map_or(self.habits.last.time, |(last, _)| last.time);
            self.facts.note_skip(packets, at.time.since(last), at);
        }
        self.habits.learn_id(id);
        lane.course.next_id = self.next_id();
    }

    /// The receiver offered the same window while it acknowledged up to `acked`,
    /// and will offer another one.
    #[cold]
    pub fn had_room(&mut self, acked: u32, window: i64) {
        if let Some(acked) = self.offset(Seq(acked)) {
            self.right_edge = self.right_edge.max(acked.wrapping_add(window));
            self.widest = self.widest.max(window);
        }
    }

    /// Behind the highest byte acknowledged and behind the highest one sent.
    pub fn placed(&self, stream: &Stream) -> Option<(i64, i64)> {
        let unrolled = self.unrolled?;
        Some((unrolled.offset(Seq(stream.acked)), unrolled.offset(Seq(stream.next)).max(self.max_end())))
    }

    /// Takes the gathered packets into account: `lane` has those of this direction,
    /// `other` those that acknowledge its `stream`.
    pub fn take_gathered(
        &mut self,
        stream: &Stream,
        (lane, other): (&Lane, &Lane),
        other_shift: u8,
        capture: CaptureId,
    ) {
        // The stream goes on from where it was, and numbers are taken near there.
        if other.course.packets() > 0 {
            self.had_room(stream.acked, i64::from(other.course.window) << other_shift);
        }
        self.take_acknowledgments(stream, other, capture);
        lane.take_flights(stream, &mut self.facts.flights, capture);
        self.timed = stream.timed().and_then(|(end, sent)| Some((self.offset(Seq(end))?, sent)));
        let Some((last, (tsval, _))) = lane.newest().next() else { return };
        let mut course = lane.course;
        self.learn_ids(&mut course);
        let at = last.at(capture);
        let (count, tsval) = (course.packets(), course.has_timestamps.then_some(tsval));
        self.last_class = None;
        self.facts.packets = self.facts.packets.wrapping_add(count.into());
        self.facts.last = Some(at);
        let newest = lane.newest().map(|(packet, timestamps)| (packet.header(timestamps), packet.time));
        self.recent.remember(count.into(), newest);
        self.habits.learn_alike(count, last.window, tsval, at);
        if course.has_timestamps {
            self.sender.has_come_to(course.tsval);
        }
        self.take_data(stream, lane, capture);
    }

    fn take_acknowledgments(&mut self, stream: &Stream, other: &Lane, capture: CaptureId) {
        let acks = other.course.acks;
        let Some(unrolled) = self.unrolled.filter(|_| acks > 0) else { return };
        let acked = unrolled.offset(Seq(stream.acked));
        let bytes = (acked - self.acked).cast_unsigned();
        self.facts.acknowledged_bytes = self.facts.acknowledged_bytes.saturating_add(bytes);
        self.facts.last_acknowledged = Some(other.course.last_ack.at(capture));
        self.acked = acked;
        self.ack_count = self.ack_count.wrapping_add(acks as usize);
        for (back, from) in (1..).zip(other.newest_acks()) {
            if let Some(to) = self.recent_acks.get_mut(self.ack_count.wrapping_sub(back) % REMEMBERED_ACKS) {
                *to = unrolled.offset(Seq(from));
            }
        }
    }

    /// Data that continues the stream.
    fn take_data(&mut self, stream: &Stream, lane: &Lane, capture: CaptureId) {
        let Course { data: count, has_timestamps, headers, .. } = lane.course;
        let (Some(mut unrolled), Some((last, _))) = (self.unrolled, lane.newest_data().next()) else { return };
        let end = unrolled.offset(Seq(stream.next));
        let bytes = (end - self.max_end).cast_unsigned();
        self.max_end = end;
        self.facts.bytes = self.facts.bytes.wrapping_add(bytes);
        self.facts.sent_bytes = self.facts.sent_bytes.saturating_add(bytes);
        self.facts.data_packets = self.facts.data_packets.wrapping_add(count.into());
        self.facts.last_data = Some(last.at(capture));
        self.come_to(end);
        unrolled.advance(end);
        let sent = lane.newest_data().map(|(packet, (tsval, _))| {
            let offset = unrolled.offset(Seq(packet.seq));
            Transmission {
                offset,
                end: offset.wrapping_add(packet.len.into()),
                time: packet.time,
                size: u32::from(packet.len).wrapping_add(headers.into()),
                numbers: Numbers::new(has_timestamps.then_some(tsval), Some(packet.id)),
            }
        });
        self.sender.sent_in_a_row(count as usize, sent);
    }
}
