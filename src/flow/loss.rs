//! Retransmissions: what kind, where the loss was, and which of them belong
//! together.
//!
//! A segment below the highest byte seen is one of: a keep-alive, a packet that
//! was overtaken on its way (reordered), or a retransmission. Which of the last
//! two, is decided by the sender's timestamps, then by its identifications,
//! then by time: a retransmission cannot come sooner than a loss can be noticed.

use crate::base::{At, Span};

/// Bursts kept for one direction; further ones are only counted.
const MAX_BURSTS: usize = 16;

/// Intervals kept of a backoff chain: Linux gives up after 15, Windows after 5.
const MAX_INTERVALS: usize = 16;

/// Retransmissions this close belong to one burst.
const BURST_GAP: Span = Span::from_secs(1);

/// What made a sender repeat itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retransmission {
    /// Its retransmission timer ran out.
    Timeout,
    /// Duplicate acknowledgments told it (RFC 5681).
    Fast,
    /// The receiver had already acknowledged the bytes at the capture point.
    Spurious,
    /// A SYN or SYN-ACK again.
    Syn,
    /// A FIN again.
    Fin,
}

/// A group of retransmissions in one direction.
#[derive(Clone, Debug)]
pub struct Burst {
    /// The first retransmission.
    pub first: At,
    /// The last one.
    pub last: At,
    /// How many.
    pub count: u32,
    /// Their payload bytes.
    pub bytes: u64,
    /// The stream offset behind the highest repeated byte.
    pub end_offset: i64,
    /// How many repeat the same left edge as the one before: a backoff chain.
    pub same_edge: u32,
    /// Waiting times before each repetition of one edge, the longest chain.
    pub intervals: Vec<Span>,
    /// How it ended.
    pub outcome: BurstOutcome,
    edge: i64,
}

/// How a burst ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurstOutcome {
    /// The receiver acknowledged everything in the end.
    Recovered(At),
    /// It had not when the connection (or the capture) ended.
    Unrecovered,
}

/// What was lost and repeated in one direction.
#[derive(Clone, Debug, Default)]
pub struct LossFacts {
    /// Repeated because a timer ran out.
    pub timeouts: u32,
    /// Repeated because of duplicate acknowledgments.
    pub fast: u32,
    /// Repeated although the receiver had acknowledged it.
    pub spurious: u32,
    /// SYN or SYN-ACK repeated.
    pub syn: u32,
    /// FIN repeated.
    pub fin: u32,
    /// Overtaken on the way; not repeated.
    pub reordered: u32,
    /// Keep-alive and window probes.
    pub probes: u32,
    /// Repeated bytes.
    pub bytes: u64,
    /// Losses whose original passed the capture point: lost behind it.
    pub lost_after_capture_point: u32,
    /// Losses whose original never came to the capture point.
    pub lost_before_capture_point: u32,
    /// Bursts, oldest first.
    pub bursts: Vec<Burst>,
    /// Bursts that were not kept.
    pub more_bursts: u32,
}

impl LossFacts {
    /// Retransmitted segments that carried data, spurious ones left out.
    #[must_use]
    pub const fn retransmitted(&self) -> u32 {
        self.timeouts + self.fast
    }

    /// Counts one retransmission of `len` bytes that begins at stream offset
    /// `edge`; `waited` is the time since that edge was last sent, if known.
    pub fn note(&mut self, kind: Retransmission, at: At, edge: i64, len: u32, waited: Option<Span>) {
        let counter = match kind {
            Retransmission::Timeout => &mut self.timeouts,
            Retransmission::Fast => &mut self.fast,
            Retransmission::Spurious => &mut self.spurious,
            Retransmission::Syn => &mut self.syn,
            Retransmission::Fin => &mut self.fin,
        };
        *counter = counter.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(len));
        if kind == Retransmission::Spurious {
            return;
        }
        let end_offset = edge.saturating_add(i64::from(len));
        let full = self.bursts.len() >= MAX_BURSTS;
        match self.bursts.last_mut() {
            Some(burst) if burst.continues_with(at, edge) => burst.extend(at, edge, len, end_offset, waited),
            _ if full => self.more_bursts = self.more_bursts.saturating_add(1),
            _ => self.bursts.push(Burst {
                first: at,
                last: at,
                count: 1,
                bytes: u64::from(len),
                end_offset,
                same_edge: 0,
                intervals: waited.into_iter().collect(),
                outcome: BurstOutcome::Unrecovered,
                edge,
            }),
        }
    }

    /// The receiver has acknowledged everything before `offset`.
    pub fn acknowledged(&mut self, offset: i64, at: At) {
        if let Some(burst) = self.bursts.last_mut()
            && burst.outcome == BurstOutcome::Unrecovered
            && offset >= burst.end_offset
        {
            burst.outcome = BurstOutcome::Recovered(at);
        }
    }
}

impl Burst {
    /// A burst goes on while the same edge is repeated, however long the
    /// backoff, or while the next one follows soon.
    fn continues_with(&self, at: At, edge: i64) -> bool {
        (edge == self.edge && self.outcome == BurstOutcome::Unrecovered)
            || at.time.since(self.last.time).abs() <= BURST_GAP
    }

    fn extend(&mut self, at: At, edge: i64, len: u32, end_offset: i64, waited: Option<Span>) {
        if edge == self.edge {
            self.same_edge = self.same_edge.saturating_add(1);
            if self.intervals.len() < MAX_INTERVALS {
                self.intervals.push(waited.unwrap_or_else(|| at.time.since(self.last.time)));
            }
        } else if self.same_edge == 0 {
            self.intervals.clear();
            self.intervals.extend(waited);
        }
        self.edge = edge;
        self.last = at;
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(len));
        self.end_offset = self.end_offset.max(end_offset);
        self.outcome = BurstOutcome::Unrecovered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn at(ms: i64) -> At {
        At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(ms * 1_000_000) }
    }

    #[test]
    fn a_backoff_chain_is_one_burst_however_long_it_waits() {
        let mut loss = LossFacts::default();
        let mut sent = 0;
        for wait in [200, 400, 800, 1600, 3200, 6400] {
            sent += wait;
            loss.note(Retransmission::Timeout, at(sent), 1000, 500, Some(Span::from_millis(wait)));
        }
        assert_eq!(loss.bursts.len(), 1);
        let burst = &loss.bursts[0];
        assert_eq!((burst.count, burst.same_edge, burst.intervals.len()), (6, 5, 6));
        loss.acknowledged(1400, at(sent + 1));
        assert_eq!(loss.bursts[0].outcome, BurstOutcome::Unrecovered);
        loss.acknowledged(1500, at(sent + 2));
        assert_eq!(loss.bursts[0].outcome, BurstOutcome::Recovered(at(sent + 2)));
    }

    #[test]
    fn losses_far_apart_are_two_bursts() {
        let mut loss = LossFacts::default();
        loss.note(Retransmission::Fast, at(0), 0, 100, None);
        loss.note(Retransmission::Fast, at(5000), 9000, 100, None);
        assert_eq!(loss.bursts.len(), 2);
        assert_eq!(loss.retransmitted(), 2);
    }
}
