//! Repetitions that belong together.

use super::awaited::Awaited;
use super::conversation::SILENCE;
use crate::base::{At, CaptureTime, Span};

/// Intervals kept of a backoff chain: Linux gives up after 15, Windows after 5.
const MAX_INTERVALS: usize = 16;

/// A timer that has come this far need not double any more: Linux stops at
/// 120 s (TCP_RTO_MAX).
const LONGEST_WAIT: i64 = Span::from_secs(100).nanos();

/// Repetitions this close belong to one burst.
const BURST_GAP: Span = Span::from_secs(1);

/// Interruptions that are shorter are everyday life, and leave a sender time for two
/// or three tries: a radio cell is changed, a link fails over.
const INTERRUPTION: Span = Span::from_secs(2);

/// A group of repetitions in one direction.
#[derive(Clone, Debug)]
pub struct Burst {
    /// The first repetition.
    pub first: At,
    /// The last one.
    pub last: At,
    /// How many, needless ones included.
    pub count: u32,
    /// How many of them turned out to be needless: the receiver had the bytes.
    pub needless: u32,
    /// Their payload bytes.
    pub bytes: u64,
    /// Unacknowledged bytes when the burst began.
    pub in_flight: u64,
    /// The largest repeated segment, payload bytes.
    pub largest: u32,
    /// The stream offset of the lowest repeated byte.
    pub start_offset: i64,
    /// The stream offset behind the highest repeated byte.
    pub end_offset: i64,
    /// How many repeat the same left edge as the one before: a backoff chain.
    pub same_edge: u32,
    /// How often the last edge was repeated, without another one in between.
    pub in_a_row: u32,
    /// Waiting times before each repetition of one edge, the longest chain.
    pub intervals: Vec<Span>,
    /// How it ended.
    pub outcome: BurstOutcome,
    edge: i64,
    /// When that edge was sent before its first repetition in a row.
    edge_since: CaptureTime,
}

/// How a burst ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurstOutcome {
    /// The receiver acknowledged everything in the end.
    Recovered(At),
    /// It had not when the connection (or the capture) ended.
    Unrecovered,
}

/// Whose way of waiting a chain of repetitions looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Doubling from 200 ms and more, as Linux does (it gives up after 15).
    Linux,
    /// Doubling from 300 ms on, as Windows 10, Server 2016 and later do: five
    /// repetitions, then a reset.
    Windows,
    /// Doubling, by whom is not known.
    Doubling,
}

/// One repetition, as bursts see it.
#[derive(Clone, Copy, Debug)]
pub struct Repetition {
    /// Where.
    pub at: At,
    /// Stream offset of its first byte.
    pub edge: i64,
    /// Payload bytes.
    pub len: u32,
    /// Time since that edge was last sent, where known.
    pub waited: Option<Span>,
    /// Unacknowledged bytes at that time.
    pub in_flight: u64,
}

impl Repetition {
    fn sent_before(&self) -> CaptureTime {
        self.at.time + (Span::ZERO - self.waited.unwrap_or(Span::ZERO))
    }
}

impl Burst {
    pub(super) fn new(repetition: &Repetition) -> Self {
        let Repetition { at, edge, len, waited, in_flight } = *repetition;
        Self {
            first: at,
            last: at,
            count: 1,
            needless: 0,
            bytes: u64::from(len),
            in_flight,
            largest: len,
            start_offset: edge,
            end_offset: edge.saturating_add(i64::from(len)),
            same_edge: 0,
            in_a_row: 1,
            intervals: waited.into_iter().collect(),
            outcome: BurstOutcome::Unrecovered,
            edge,
            edge_since: repetition.sent_before(),
        }
    }

    /// A burst goes on while the same edge is repeated, however long the
    /// backoff, or while the next one follows soon.
    pub(super) fn continues_with(&self, at: At, edge: i64) -> bool {
        (edge == self.edge && self.outcome == BurstOutcome::Unrecovered)
            || at.time.since(self.last.time).abs() <= BURST_GAP
    }

    pub(super) fn extend(&mut self, repetition: &Repetition) {
        let Repetition { at, edge, len, waited, .. } = *repetition;
        if edge == self.edge {
            self.same_edge = self.same_edge.saturating_add(1);
            self.in_a_row = self.in_a_row.saturating_add(1);
            if self.intervals.len() < MAX_INTERVALS {
                self.intervals.push(waited.unwrap_or_else(|| at.time.since(self.last.time)));
            }
        } else {
            self.in_a_row = 1;
            self.edge_since = repetition.sent_before();
            if self.same_edge == 0 {
                self.intervals.clear();
                self.intervals.extend(waited);
            }
        }
        self.edge = edge;
        self.last = at;
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(len));
        self.largest = self.largest.max(len);
        self.start_offset = self.start_offset.min(edge);
        self.end_offset = self.end_offset.max(edge.saturating_add(i64::from(len)));
        self.outcome = BurstOutcome::Unrecovered;
    }

    /// Repetitions that were needed.
    #[must_use]
    pub const fn needed(&self) -> u32 {
        self.count.saturating_sub(self.needless)
    }

    /// From the first repetition until it was over.
    #[must_use]
    pub fn duration(&self) -> Span {
        let end = match self.outcome {
            BurstOutcome::Recovered(at) => at,
            BurstOutcome::Unrecovered => self.last,
        };
        end.time.since(self.first.time)
    }

    /// Whether anything would have come of it by `until`, up to which the capture
    /// went on. One that stops while the sender goes on trying shows an
    /// interruption, and most connections survive that.
    #[must_use]
    pub fn awaited(&self, until: CaptureTime) -> Awaited {
        let next = self.intervals.last().map_or(Span::ZERO, |wait| wait.times(2));
        let missed_its_turn = until.since(self.last.time) >= next.max(INTERRUPTION);
        let tried_for = until.since(self.edge_since);
        if missed_its_turn || tried_for >= SILENCE {
            Awaited::Long
        } else if tried_for >= INTERRUPTION {
            Awaited::Briefly
        } else {
            Awaited::TooShort
        }
    }

    /// How much of what was under way when it began was sent again, in percent.
    /// `None` where it went on beyond that.
    #[must_use]
    pub fn share_of_window(&self) -> Option<u64> {
        let repeated = self.end_offset.saturating_sub(self.start_offset).max(0).unsigned_abs();
        (self.in_flight > 0 && repeated <= self.in_flight).then(|| repeated.saturating_mul(100) / self.in_flight)
    }

    /// Whose waiting times these are, where at least two intervals double.
    /// `has_timestamps`: the sender's packets carry them; Windows leaves them
    /// out unless it is asked for them, and a Linux timer may start at 300 ms
    /// where round trips vary.
    ///
    /// Each interval is 1.6 to 2.5 times the one before (RFC 6298 §5.5 doubles;
    /// timers are coarse). The first may be a tail probe, which does not count.
    #[must_use]
    pub fn backoff(&self, has_timestamps: bool) -> Option<Backoff> {
        let doubles = |pair: &[Span]| match pair {
            [before, after] => {
                let (before, after) = (before.nanos(), after.nanos());
                let doubled = before > 0 && after >= before / 10 * 16 && after <= before / 10 * 25;
                doubled || (before >= LONGEST_WAIT && after >= before / 10 * 9 && after <= before / 10 * 25)
            }
            _ => false,
        };
        let first = self.intervals.windows(2).position(doubles)?;
        let chain = self.intervals.get(first..)?;
        if chain.len() < 3 || !chain.windows(2).all(doubles) {
            return None;
        }
        let start = chain.first()?.millis_f64();
        Some(match start {
            290.0..350.0 if !has_timestamps => Backoff::Windows,
            195.0..290.0 => Backoff::Linux,
            _ => Backoff::Doubling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn chain(waits: &[i64]) -> Burst {
        let mut time = 0;
        let mut burst: Option<Burst> = None;
        for wait in waits {
            time += wait;
            let at = At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(time * 1_000_000) };
            let waited = Some(Span::from_millis(*wait));
            let repetition = Repetition { at, edge: 0, len: 100, waited, in_flight: 100 };
            match &mut burst {
                Some(burst) => burst.extend(&repetition),
                None => burst = Some(Burst::new(&repetition)),
            }
        }
        burst.unwrap()
    }

    #[test]
    fn a_chain_of_one_packet_repeats_its_share_of_the_window() {
        let mut burst = chain(&[306, 605, 1217]);
        assert_eq!((burst.in_a_row, burst.share_of_window()), (3, Some(100)));
        burst.in_flight = 400;
        assert_eq!(burst.share_of_window(), Some(25));
        burst.in_flight = 50;
        assert_eq!(burst.share_of_window(), None, "it went on beyond");
    }

    #[test]
    fn a_capture_that_stops_in_the_middle_shows_nothing_in_vain() {
        let mut burst = chain(&[200, 400, 800, 1_600]);
        let awaited = |burst: &Burst, ms: i64| burst.awaited(CaptureTime::from_nanos(ms * 1_000_000));
        assert_eq!(awaited(&chain(&[200, 400, 800]), 1_400), Awaited::TooShort);
        assert_eq!(awaited(&burst, 3_000), Awaited::Briefly);
        assert_eq!(awaited(&burst, 6_190), Awaited::Briefly);
        assert_eq!(awaited(&burst, 6_210), Awaited::Long, "the next one was due");
        let last = CaptureTime::from_nanos(6_200_000_000);
        burst.extend(&Repetition {
            at: At { time: last, ..burst.last },
            edge: 0,
            len: 1,
            waited: Some(Span::from_millis(3_200)),
            in_flight: 1,
        });
        assert_eq!(awaited(&burst, 9_990), Awaited::Briefly);
        assert_eq!(awaited(&burst, 10_010), Awaited::Long, "nothing for ten seconds");
    }

    #[test]
    fn the_stack_is_known_by_its_waiting_times() {
        assert_eq!(chain(&[306, 605, 1217, 2415, 4807]).backoff(false), Some(Backoff::Windows));
        assert_eq!(chain(&[231, 232, 488, 928, 1856]).backoff(false), Some(Backoff::Linux));
        assert_eq!(chain(&[1000, 2000, 4000]).backoff(false), Some(Backoff::Doubling));
        assert_eq!(chain(&[300, 310, 290]).backoff(false), None);
        assert_eq!(chain(&[300, 600]).backoff(false), None);
        assert_eq!(
            chain(&[303, 324, 604, 1190]).backoff(true),
            Some(Backoff::Doubling),
            "Linux, over a path that varies"
        );
    }
}
