//! What the segments are that do not simply continue a stream, and where the
//! lost ones were lost.

use super::burst::{Burst, BurstOutcome, Repetition};
use crate::base::{At, CaptureTime, Span};

/// Bursts kept for one direction: the first ones and the last, which tells how it
/// ended. Those between are counted.
const MAX_BURSTS: usize = 16;

/// Events kept for one direction. A negotiation that needs more has long been
/// explained; a session of hours needs totals, which are always complete.
const MAX_EVENTS: usize = 64;

/// How far back an event may turn out to have been needless: a window's worth.
const MAX_LOOK_BACK: usize = 16;

/// What a segment is that does not simply bring the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentClass {
    /// Overtaken on its way, sent once.
    Reordered,
    /// Sent again because the retransmission timer ran out (RFC 6298).
    Timeout,
    /// Sent again because acknowledgments showed a hole (RFC 5681, RFC 8985).
    Fast,
    /// The last segment again, sooner than the timer (RFC 8985 §7).
    TailProbe,
    /// Sent again behind a timeout, because all that was under way counts as
    /// lost then.
    GoBackN,
    /// Sent again although the receiver had it.
    Spurious(Needless),
    /// Doubled by the network: sent once, arrived twice.
    NetworkDuplicate,
    /// A keep-alive (RFC 9293 §3.8.4).
    KeepAlive,
    /// A probe of a closed window (RFC 9293 §3.8.6.1).
    WindowProbe,
    /// A SYN again.
    Syn,
    /// A SYN-ACK again.
    SynAck,
    /// A FIN again.
    Fin,
    /// Sent again, why is not known.
    Unknown,
}

/// How it is known that a repetition was not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needless {
    /// The receiver reported the bytes as received twice (RFC 2883).
    DSack,
    /// The acknowledgment echoes an older timestamp (Eifel, RFC 3522).
    Eifel,
    /// The acknowledgment came sooner than the way there and back takes.
    Timing,
    /// The capture point had seen the acknowledgment already.
    Acknowledged,
}

/// Where a segment was lost, as seen from the capture point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Between its sender and the capture point.
    Before,
    /// Between the capture point and its receiver; or the acknowledgment was
    /// lost on its way back.
    After,
}

/// One such segment.
#[derive(Clone, Copy, Debug)]
pub struct LossEvent {
    /// The frame.
    pub at: At,
    /// What it is.
    pub class: SegmentClass,
    /// Where the original was lost. `None` where nothing was lost, or where
    /// that cannot be told.
    pub place: Option<Place>,
    /// Stream offset of its first byte.
    pub offset: i64,
    /// Payload bytes.
    pub len: u32,
    /// IP length of the packet.
    pub ip_len: u32,
    /// Time since the same bytes were last sent, where known.
    pub waited: Option<Span>,
}

/// What was lost and repeated in one direction.
#[derive(Clone, Debug, Default)]
pub struct LossFacts {
    /// Repeated because a timer ran out.
    pub timeouts: u32,
    /// Repeated because acknowledgments showed a hole.
    pub fast: u32,
    /// Tail probes.
    pub tail_probes: u32,
    /// Repeated in the wake of a timeout.
    pub go_back_n: u32,
    /// Repeated although the receiver had it.
    pub spurious: u32,
    /// Repeated, why is not known.
    pub unknown: u32,
    /// SYN or SYN-ACK repeated.
    pub syn: u32,
    /// FIN repeated.
    pub fin: u32,
    /// Overtaken on the way; not repeated.
    pub reordered: u32,
    /// Doubled by the network.
    pub network_duplicates: u32,
    /// Keep-alives.
    pub keep_alives: u32,
    /// Probes of a closed window.
    pub window_probes: u32,
    /// Repeated bytes.
    pub bytes: u64,
    /// Losses whose original passed the capture point: lost behind it.
    pub lost_after_capture_point: u32,
    /// Losses whose original never came to the capture point.
    pub lost_before_capture_point: u32,
    /// The first of these segments.
    pub events: Vec<LossEvent>,
    /// Segments that were counted and not kept.
    pub more_events: u32,
    /// Bursts, oldest first.
    pub bursts: Vec<Burst>,
    /// Bursts that were not kept.
    pub more_bursts: u32,
}

impl SegmentClass {
    /// Whether the sender sent the same thing again.
    #[must_use]
    pub const fn is_repetition(self) -> bool {
        !matches!(self, Self::Reordered | Self::NetworkDuplicate | Self::KeepAlive | Self::WindowProbe)
    }

    /// Whether something had been lost, as far as is known.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        self.is_repetition() && !matches!(self, Self::Spurious(_))
    }
}

impl LossFacts {
    /// Repeated segments that carried data and were needed, as far as is known.
    #[must_use]
    pub const fn retransmitted(&self) -> u32 {
        self.timeouts + self.fast + self.tail_probes + self.go_back_n + self.unknown
    }

    /// Everything that was sent again, needed or not.
    #[must_use]
    pub const fn repeated(&self) -> u32 {
        self.retransmitted() + self.spurious + self.syn + self.fin
    }

    /// Whether anything was lost within that time, or may have been, as far as is
    /// kept.
    #[must_use]
    pub fn may_have_lost(&self, after: CaptureTime, until: CaptureTime) -> bool {
        let within = |event: &LossEvent| event.at.time > after && event.at.time <= until;
        let kept = self.events.iter().any(|event| event.class.is_loss() && within(event));
        kept || (self.more_events > 0 && self.events.last().is_none_or(|last| until > last.at.time))
    }

    /// Notes a segment; `in_flight` are the unacknowledged bytes at that time.
    pub fn note(&mut self, event: LossEvent, in_flight: u64) {
        self.count(event.class, event.place);
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else {
            self.more_events = self.more_events.saturating_add(1);
        }
        if !event.class.is_repetition() {
            return;
        }
        self.bytes = self.bytes.saturating_add(u64::from(event.len));
        if event.class.is_loss() {
            self.join_burst(&Repetition {
                at: event.at,
                edge: event.offset,
                len: event.len,
                waited: event.waited,
                in_flight,
            });
        }
    }

    fn join_burst(&mut self, repetition: &Repetition) {
        let full = self.bursts.len() >= MAX_BURSTS;
        match self.bursts.last_mut() {
            Some(burst) if burst.continues_with(repetition.at, repetition.edge) => burst.extend(repetition),
            Some(last) if full => {
                self.more_bursts = self.more_bursts.saturating_add(1);
                *last = Burst::new(repetition);
            }
            _ => self.bursts.push(Burst::new(repetition)),
        }
    }

    /// The last repetition within `from..to` was needless, as `proof` shows.
    ///
    /// Several proofs of one repetition are one; a second report of the
    /// receiver (RFC 2883) is about another repetition.
    pub fn needless(&mut self, from: i64, to: i64, proof: Needless) {
        let within = |event: &&mut LossEvent| {
            let end = event.offset.saturating_add(i64::from(event.len));
            event.class.is_repetition() && event.len > 0 && event.offset >= from && end <= to
        };
        for event in self.events.iter_mut().rev().take(MAX_LOOK_BACK).filter(within) {
            match event.class {
                SegmentClass::Spurious(Needless::DSack) if proof == Needless::DSack => {}
                SegmentClass::Spurious(Needless::DSack) => return,
                SegmentClass::Spurious(_) => {
                    event.class = SegmentClass::Spurious(proof);
                    return;
                }
                class => {
                    let (place, at) = (event.place.take(), event.at);
                    event.class = SegmentClass::Spurious(proof);
                    self.take_back(class, place, at);
                    return;
                }
            }
        }
    }

    fn take_back(&mut self, class: SegmentClass, place: Option<Place>, at: At) {
        let counter = self.counter(class);
        *counter = counter.saturating_sub(1);
        match place {
            Some(Place::After) => self.lost_after_capture_point = self.lost_after_capture_point.saturating_sub(1),
            Some(Place::Before) => self.lost_before_capture_point = self.lost_before_capture_point.saturating_sub(1),
            None => {}
        }
        self.spurious = self.spurious.saturating_add(1);
        if let Some(burst) = self.bursts.iter_mut().rev().find(|burst| burst.first.time <= at.time) {
            burst.needless = burst.needless.saturating_add(1);
        }
    }

    /// Whether no burst waits for an acknowledgment.
    pub fn is_recovered(&self) -> bool {
        self.bursts.last().is_none_or(|burst| burst.outcome != BurstOutcome::Unrecovered)
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

    fn count(&mut self, class: SegmentClass, place: Option<Place>) {
        let counter = self.counter(class);
        *counter = counter.saturating_add(1);
        let place = match place {
            Some(Place::After) => &mut self.lost_after_capture_point,
            Some(Place::Before) => &mut self.lost_before_capture_point,
            None => return,
        };
        *place = place.saturating_add(1);
    }

    const fn counter(&mut self, class: SegmentClass) -> &mut u32 {
        match class {
            SegmentClass::Reordered => &mut self.reordered,
            SegmentClass::Timeout => &mut self.timeouts,
            SegmentClass::Fast => &mut self.fast,
            SegmentClass::TailProbe => &mut self.tail_probes,
            SegmentClass::GoBackN => &mut self.go_back_n,
            SegmentClass::Spurious(_) => &mut self.spurious,
            SegmentClass::NetworkDuplicate => &mut self.network_duplicates,
            SegmentClass::KeepAlive => &mut self.keep_alives,
            SegmentClass::WindowProbe => &mut self.window_probes,
            SegmentClass::Syn | SegmentClass::SynAck => &mut self.syn,
            SegmentClass::Fin => &mut self.fin,
            SegmentClass::Unknown => &mut self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn at(ms: i64) -> At {
        At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(ms * 1_000_000) }
    }

    fn note(loss: &mut LossFacts, class: SegmentClass, ms: i64, offset: i64, len: u32, waited: Option<Span>) {
        loss.note(
            LossEvent { at: at(ms), class, place: Some(Place::After), offset, len, ip_len: len + 40, waited },
            1000,
        );
    }

    #[test]
    fn a_backoff_chain_is_one_burst_however_long_it_waits() {
        let mut loss = LossFacts::default();
        let mut sent = 0;
        for wait in [200, 400, 800, 1600, 3200, 6400] {
            sent += wait;
            note(&mut loss, SegmentClass::Timeout, sent, 1000, 500, Some(Span::from_millis(wait)));
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
        note(&mut loss, SegmentClass::Fast, 0, 0, 100, None);
        note(&mut loss, SegmentClass::Fast, 5000, 9000, 100, None);
        assert_eq!(loss.bursts.len(), 2);
        assert_eq!(loss.retransmitted(), 2);
    }

    #[test]
    fn a_receiver_that_reports_bytes_twice_takes_the_loss_back() {
        let mut loss = LossFacts::default();
        note(&mut loss, SegmentClass::TailProbe, 50, 0, 100, None);
        note(&mut loss, SegmentClass::Timeout, 250, 0, 100, None);
        loss.needless(0, 100, Needless::DSack);
        loss.needless(0, 100, Needless::Eifel);
        assert_eq!((loss.timeouts, loss.tail_probes, loss.spurious), (0, 1, 1));
        assert_eq!((loss.lost_after_capture_point, loss.bursts[0].needed()), (1, 1));
        loss.needless(500, 600, Needless::DSack);
        loss.needless(0, 99, Needless::DSack);
        assert_eq!(loss.spurious, 1, "nothing of the one was repeated, and of the other a byte was needed");
        loss.needless(0, 100, Needless::DSack);
        assert_eq!((loss.tail_probes, loss.spurious), (0, 2), "a second report is about the other one");
    }

    #[test]
    fn a_flood_of_repetitions_is_counted_and_not_kept() {
        let mut loss = LossFacts::default();
        for n in 0..1000 {
            note(&mut loss, SegmentClass::Timeout, n * 5000, n, 1, None);
        }
        assert_eq!((loss.events.len(), loss.more_events), (MAX_EVENTS, 1000 - MAX_EVENTS as u32));
        assert_eq!((loss.bursts.len(), loss.timeouts), (MAX_BURSTS, 1000));
        assert_eq!(loss.bursts[MAX_BURSTS - 1].last.time, at(999 * 5000).time, "how it ended is kept");
        let kept = loss.events[MAX_EVENTS - 1].at.time;
        assert!(loss.may_have_lost(kept, kept + Span::from_millis(1)), "nobody knows any more");
        let before = kept + Span::from_millis(-1);
        assert!(!loss.may_have_lost(before + Span::from_millis(-1), before), "all that was lost until then is kept");
    }
}
