//! What a bare RST may answer.
//!
//! A closed socket answers a segment that carries an ACK with
//! `<SEQ=SEG.ACK><CTL=RST>` (RFC 9293 §3.10.7.1): the reset's sequence number
//! names the packets that can have provoked it, and the oldest of them tells how
//! early it can have been built.

use crate::base::At;

/// Packets remembered on each side: more than are on their way at once while a
/// connection is set up.
const REMEMBERED: usize = 8;

// Gathered packets are written down for this.
const _: () = assert!(REMEMBERED <= super::gathering::KEPT);

/// The last packets of one side: what each acknowledged, and when it passed.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    ring: [(u32, At); REMEMBERED],
    packets: usize,
}

/// The packets that a reset may answer, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Answerable {
    /// Where they passed the capture point.
    pub packets: Vec<At>,
    /// Whether they are all there are: nothing older was forgotten, or what is
    /// remembered from before acknowledged something else.
    pub complete: bool,
}

impl Triggers {
    /// A packet acknowledged `ack`.
    pub fn note(&mut self, ack: u32, at: At) {
        if let Some(oldest) = self.ring.get_mut(self.packets % REMEMBERED) {
            *oldest = (ack, at);
        }
        self.packets = self.packets.wrapping_add(1);
    }

    /// The same for `count` packets in a row.
    #[inline]
    pub fn note_all(&mut self, count: usize, newest_first: impl Iterator<Item = (u32, At)>) {
        self.packets = self.packets.wrapping_add(count);
        for (back, packet) in (1..).zip(newest_first.take(REMEMBERED)) {
            if let Some(oldest) = self.ring.get_mut(self.packets.wrapping_sub(back) % REMEMBERED) {
                *oldest = packet;
            }
        }
    }

    /// The remembered packets that acknowledged exactly `ack`. `from_start`: the
    /// capture shows how the connection was opened.
    #[must_use]
    pub fn with_ack(&self, ack: u32, from_start: bool) -> Answerable {
        let filled = self.packets.min(REMEMBERED);
        let first = self.packets - filled;
        let in_order = || (first..self.packets).filter_map(|n| self.ring.get(n % REMEMBERED));
        Answerable {
            packets: in_order().filter(|(known, _)| *known == ack).map(|(_, at)| *at).collect(),
            complete: (from_start && first == 0) || in_order().next().is_some_and(|(oldest, _)| *oldest != ack),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn at(n: u64) -> At {
        At { frame: Frame::new(0, n), time: CaptureTime::from_nanos(n as i64) }
    }

    #[test]
    fn all_packets_with_the_number_are_told_and_whether_there_may_be_more() {
        let mut triggers = Triggers::default();
        assert!(!triggers.with_ack(1, false).complete);
        triggers.note(1, at(1));
        assert!(triggers.with_ack(1, true).complete);
        assert!(!triggers.with_ack(1, false).complete, "an older one may have passed before the capture began");
        triggers.note(5, at(2));
        triggers.note(5, at(3));
        let found = triggers.with_ack(5, false);
        assert_eq!((found.packets, found.complete), (vec![at(2), at(3)], true));
        for n in 4..40 {
            triggers.note(5, at(n));
        }
        let found = triggers.with_ack(5, true);
        assert_eq!((found.packets.len(), found.complete), (REMEMBERED, false));
        assert_eq!(found.packets[0], at(32));
    }
}
