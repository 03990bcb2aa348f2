//! What each segment of a connection was, for those who draw it.
//!
//! Recorded only when asked for, into memory of its own: the first and the
//! last segments of a connection, some 64 bytes each. A report is about how a
//! connection began and how it ended; what lies between is counted.

use std::collections::VecDeque;

use super::loss::SegmentClass;
use crate::base::{At, Side};
use crate::wire::TcpFlags;

/// Segments kept of the beginning: more than any negotiation up to the desktop
/// takes (a certificate chain and CredSSP make fewer than 100).
const FIRST: usize = 200;
/// Segments kept of the end: a lost flight with all its repetitions.
const LAST: usize = 200;
/// Segments kept of all connections together: 32 MiB of them. Traces of
/// connections that ended well are given back at once.
const MAX_TRACED: usize = 32 * 1024 * 1024 / size_of::<Traced>();

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Its frame and time.
    pub at: At,
    /// Whose address it carries.
    pub side: Side,
    /// The flags of its header.
    pub flags: TcpFlags,
    /// Stream offset of its first byte, from 0 for the first byte of data.
    /// `None` where its number says nothing.
    pub offset: Option<i64>,
    /// Bytes of payload.
    pub len: u32,
    /// Offset behind the last byte of the other side that it acknowledges.
    pub ack: Option<i64>,
    /// Bytes that it leaves the other side room for.
    pub window: u32,
    /// What it is, where it does not simply bring the next bytes: as it was
    /// judged when it passed. Later packets may have shown otherwise.
    pub class: Option<SegmentClass>,
}

/// The segments of one connection, without copies that the capture made.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    first: Vec<Traced>,
    last: VecDeque<Traced>,
    left_out: u64,
}

impl Trace {
    /// Takes the next segment.
    pub fn note(&mut self, traced: Traced) {
        if self.first.len() < FIRST {
            self.first.push(traced);
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(traced);
    }

    /// The segments of the beginning, and those of the end.
    pub fn parts(&self) -> (impl Iterator<Item = &Traced>, impl Iterator<Item = &Traced>) {
        (self.first.iter(), self.last.iter())
    }

    /// Segments between the two that were not kept.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Segments that it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.last.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Client and server turn out to be the other way round.
    pub fn swap_sides(&mut self) {
        for traced in self.first.iter_mut().chain(&mut self.last) {
            traced.side = traced.side.other();
        }
    }
}

/// The room for all traces together.
#[derive(Debug, Default)]
pub struct Room {
    /// Segments that may be kept; none where nothing is traced.
    most: usize,
    used: usize,
}

impl Room {
    /// Room for what somebody will draw.
    #[must_use]
    pub const fn of_its_size() -> Self {
        Self { most: MAX_TRACED, used: 0 }
    }

    /// A trace for a new connection, where traces are wanted and there is room.
    #[must_use]
    pub fn begin(&self) -> Option<Box<Trace>> {
        (self.used < self.most).then(Box::default)
    }

    /// Whether traces are wanted.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.most > 0
    }

    /// A trace held `before` segments and now holds more. Where there is no
    /// room for them it is given up; returns whether that happened.
    pub fn settle(&mut self, before: usize, trace: &mut Option<Box<Trace>>) -> bool {
        let Some(held) = trace.as_ref().map(|trace| trace.len()) else { return false };
        self.used = (self.used + held).saturating_sub(before);
        if self.used <= self.most {
            return false;
        }
        self.give_back(held);
        *trace = None;
        true
    }

    /// A trace of `held` segments is not needed any more.
    pub fn give_back(&mut self, held: usize) {
        self.used = self.used.saturating_sub(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn traced(number: u64) -> Traced {
        Traced {
            at: At { frame: Frame::new(0, number), time: CaptureTime::default() },
            side: Side::Client,
            flags: TcpFlags(TcpFlags::ACK),
            offset: None,
            len: 0,
            ack: None,
            window: 0,
            class: None,
        }
    }

    #[test]
    fn the_beginning_and_the_end_stay() {
        let mut trace = Trace::default();
        for number in 1..=1000 {
            trace.note(traced(number));
        }
        let numbers = |part: &mut dyn Iterator<Item = &Traced>| part.map(|t| t.at.frame.number).collect::<Vec<_>>();
        let (mut first, mut last) = trace.parts();
        assert_eq!(numbers(&mut first), (1..=200).collect::<Vec<_>>());
        assert_eq!(numbers(&mut last), (801..=1000).collect::<Vec<_>>());
        assert_eq!((trace.len(), trace.left_out()), (400, 600));
    }

    #[test]
    fn a_segment_takes_what_the_limit_assumes() {
        assert!(size_of::<Traced>() <= 80, "{}", size_of::<Traced>());
    }

    #[test]
    fn where_there_is_no_room_a_trace_is_given_up_and_told() {
        let mut room = Room { most: 2, used: 0 };
        let mut one = room.begin();
        for number in 1..=2 {
            one.as_mut().unwrap().note(traced(number));
            assert!(!room.settle(number as usize - 1, &mut one));
        }
        assert!(room.begin().is_none());
        one.as_mut().unwrap().note(traced(3));
        assert!(room.settle(2, &mut one));
        assert!(one.is_none() && room.begin().is_some());
        assert!(Room::default().begin().is_none() && !Room::default().is_wanted());
    }
}
