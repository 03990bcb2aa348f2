//! What one side sent, as far as TCP tells.

use super::flights::Flights;
use super::loss::LossFacts;
use crate::base::{At, CaptureTime, Span};

/// What one side sent, as far as TCP tells.
#[derive(Clone, Debug, Default)]
pub struct DirectionFacts {
    /// Packets, copies left out.
    pub packets: u64,
    /// Packets that carried data.
    pub data_packets: u64,
    /// Copies of packets captured twice.
    pub copies: u64,
    /// The first copy.
    pub first_copy: Option<At>,
    /// Payload bytes on the wire, repeated ones included.
    pub bytes: u64,
    /// Frames cut short when captured.
    pub cut_frames: u64,
    /// The first one.
    pub first_cut: Option<At>,
    /// Payload bytes missing from frames that were cut short.
    pub cut_bytes: u64,
    /// Holes in the capture.
    pub gaps: u64,
    /// Bytes the receiver had and the capture has not.
    pub gap_bytes: u64,
    /// Holes that were given up because a limit of ours was reached; the bytes
    /// may have come later.
    pub given_up: u64,
    /// The first hole.
    pub first_gap: Option<At>,
    /// First and last packet.
    pub first: Option<At>,
    /// The last packet.
    pub last: Option<At>,
    /// The last packet that brought new bytes.
    pub last_data: Option<At>,
    /// The last flights: data sent without waiting for an acknowledgment.
    pub flights: Flights,
    /// New bytes sent, and acknowledged ones.
    pub sent_bytes: u64,
    /// New bytes the receiver acknowledged.
    pub acknowledged_bytes: u64,
    /// When the receiver last acknowledged something new.
    pub last_acknowledged: Option<At>,
    /// The FIN.
    pub fin: Option<At>,
    /// Maximum segment size it announced.
    pub mss: Option<u16>,
    /// Window scale it announced.
    pub window_scale: Option<u8>,
    /// Selective acknowledgments permitted.
    pub sack_permitted: bool,
    /// Its packets carry timestamps (RFC 7323).
    pub has_timestamps: bool,
    /// Times it closed its window, the first time, and how long in all.
    pub zero_windows: u32,
    /// When it first closed its window.
    pub first_zero_window: Option<At>,
    /// How long its window was closed in all.
    pub zero_window_time: Span,
    /// The longest time in one piece.
    pub longest_zero_window: Span,
    /// Its window is closed, and has been since then.
    pub window_closed_since: Option<CaptureTime>,
    /// The largest data packet, IP length.
    pub largest_packet: u32,
    /// The largest data packet that its receiver acknowledged, IP length, as
    /// far as single packets can be told.
    pub largest_delivered: u32,
    /// Segments that brought other bytes for a place than came before; what came
    /// first is what was read.
    pub disagreeing: u64,
    /// The first of them, behind the packet that it contradicts.
    pub first_disagreeing: Option<(At, At)>,
    /// Segments with numbers that the sender can hardly have come to; left out.
    pub leaps: u64,
    /// The first of them.
    pub first_leap: Option<At>,
    /// Duplicate acknowledgments that this direction's receiver sent.
    pub duplicate_acks: u64,
    /// The hole that was open in the stream at the end: the packet that
    /// revealed it.
    pub hole_since: Option<At>,
    /// At the end: bytes that its own later packets (a FIN, data behind a hole)
    /// prove to have been sent and that never came past the capture point.
    pub never_seen: u64,
    /// Packets missing before the capture point, by their identifications; the
    /// first few times.
    pub skips: Vec<Skip>,
    /// Later times.
    pub more_skips: u32,
    /// Losses.
    pub loss: LossFacts,
}

/// Skips remembered; how many came behind them is counted.
const MAX_SKIPS: usize = 16;

/// Packets that went missing before the capture point, as the identifications
/// of a sender show that numbers its packets one by one.
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    /// The packet behind them.
    pub at: At,
    /// How many.
    pub packets: u16,
    /// The time since the sender's last packet.
    pub silence: Span,
}

impl DirectionFacts {
    /// A packet passes that is no copy.
    #[inline]
    pub(super) fn passes(&mut self, at: At) {
        self.packets += 1;
        self.first.get_or_insert(at);
        self.last = Some(at);
    }

    #[cold]
    pub(super) fn note_skip(&mut self, packets: u16, silence: Span, at: At) {
        if self.skips.len() < MAX_SKIPS {
            self.skips.push(Skip { at, packets, silence });
        } else {
            self.more_skips = self.more_skips.saturating_add(1);
        }
    }

    pub(super) fn forget_skips(&mut self) {
        self.skips.clear();
        self.more_skips = 0;
    }

    /// Whether packets went missing before the capture point within that time, or
    /// may have, as far as is remembered.
    #[must_use]
    pub fn may_have_skipped(&self, after: CaptureTime, until: CaptureTime) -> bool {
        let kept = self.skips.iter().any(|skip| skip.at.time > after && skip.at.time <= until);
        kept || (self.more_skips > 0 && self.skips.last().is_none_or(|last| until > last.at.time))
    }

    /// Follows the window that the sender offers for the other direction.
    #[inline]
    pub(super) fn window(&mut self, window: u16, at: At) {
        if window == 0 || self.window_closed_since.is_some() {
            self.window_moves(window, at);
        }
    }

    #[cold]
    fn window_moves(&mut self, window: u16, at: At) {
        match (window, self.window_closed_since) {
            (0, None) => {
                self.window_closed_since = Some(at.time);
                self.zero_windows = self.zero_windows.saturating_add(1);
                self.first_zero_window.get_or_insert(at);
            }
            (1.., Some(since)) => {
                self.window_closed_since = None;
                self.window_was_closed(at.time.since(since));
            }
            _ => {}
        }
    }

    /// The last packet was at `time`: a window still closed was so until then.
    pub(super) fn close_books(&mut self, time: CaptureTime) {
        if let Some(since) = self.window_closed_since {
            self.window_was_closed(time.since(since));
        }
    }

    fn window_was_closed(&mut self, time: Span) {
        self.zero_window_time = self.zero_window_time + time;
        self.longest_zero_window = self.longest_zero_window.max(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Frame;

    fn at(ms: i64) -> At {
        At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(ms * 1_000_000) }
    }

    #[test]
    fn beyond_the_skips_that_are_kept_any_time_may_have_one() {
        let mut facts = DirectionFacts::default();
        let may_have = |facts: &DirectionFacts, after, until| facts.may_have_skipped(at(after).time, at(until).time);
        (1..=MAX_SKIPS as i64).for_each(|n| facts.note_skip(1, Span::ZERO, at(n * 100)));
        assert!(may_have(&facts, 150, 250) && !may_have(&facts, 110, 190) && !may_have(&facts, 1_610, 1_690));
        facts.note_skip(1, Span::ZERO, at(1_700));
        assert!(may_have(&facts, 1_610, 1_690), "nobody knows when the next one was");
        assert!(!may_have(&facts, 110, 190), "what came before the last that is kept is known");
    }
}
