//! In which order a sender sent its packets, whatever order they come in.
//!
//! A packet below the highest byte seen was either overtaken on its way or sent
//! again. The sender's own numbers decide: timestamps first (RFC 7323 §5.2:
//! they never run back), then identifications where they count up. Time only
//! where there are neither.

use crate::wire::Segment;

/// The largest step between two identifications, either way, that still looks
/// like a counter (other connections may share it, packets may be lost).
const MAX_STEP: i16 = 1000;

/// The largest step that means missing packets: a give-up takes 15 repetitions.
const MAX_SKIP: i16 = 32;

/// Steps that must be known before a counter is believed in.
const MIN_STEPS: u64 = 3;

/// When a packet was sent, against the newest one of the same sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Before it: overtaken on the way.
    Before,
    /// After it.
    After,
    /// The headers do not tell.
    Unknown,
}

/// What a sender numbers a packet by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    tsval: Option<u32>,
    id: Option<u16>,
}

/// The newest packet of one sender, by its own numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendOrder {
    tsval: Option<u32>,
    id: Option<u16>,
    /// Steps of one from each identification to the next: nearly all, where a
    /// sender counts.
    single: u32,
    /// Other steps small enough for a counter.
    small: u32,
    /// Steps that are none of a counter.
    wild: u32,
}

impl Numbers {
    /// Those of a packet with this timestamp and this identification.
    pub fn new(tsval: Option<u32>, id: Option<u16>) -> Self {
        Self { tsval, id: id.filter(|id| *id != 0) }
    }
}

impl SendOrder {
    /// When `segment` was sent.
    pub fn of(&self, segment: &Segment<'_>) -> Sent {
        if let (Some((now, _)), Some(newest)) = (segment.tcp.options.timestamps, self.tsval)
            && now != newest
        {
            return if now.wrapping_sub(newest).cast_signed() < 0 { Sent::Before } else { Sent::After };
        }
        match (segment.ip.id, self.id) {
            (Some(now), Some(newest)) if now != 0 && now != newest && self.counts() => {
                if now.wrapping_sub(newest).cast_signed() < 0 { Sent::Before } else { Sent::After }
            }
            _ => Sent::Unknown,
        }
    }

    /// The numbers of a packet, to hold a later one of the same bytes against.
    pub fn numbers(segment: &Segment<'_>) -> Numbers {
        Numbers::new(segment.tcp.options.timestamps.map(|(tsval, _)| tsval), segment.ip.id)
    }

    /// Whether `segment` was sent after the packet with these numbers.
    pub fn is_after(&self, segment: &Segment<'_>, other: Numbers) -> bool {
        let now = Self::numbers(segment);
        match (now.tsval, other.tsval) {
            (Some(now), Some(before)) if now != before => return now.wrapping_sub(before).cast_signed() > 0,
            _ => {}
        }
        matches!((now.id, other.id), (Some(now), Some(before))
            if self.counts() && now.wrapping_sub(before).cast_signed() > 0)
    }

    /// Learns from a packet that is no copy and no reset. Returns how many
    /// packets may be missing in front of it, if this sender numbers each; see
    /// [`SendOrder::numbers_each`].
    #[inline]
    pub fn learn(&mut self, segment: &Segment<'_>) -> Option<u16> {
        self.learn_numbers(segment.tcp.options.timestamps.map(|(tsval, _)| tsval), segment.ip.id)
    }

    /// The same from its numbers alone.
    #[inline]
    pub fn learn_numbers(&mut self, tsval: Option<u32>, id: Option<u16>) -> Option<u16> {
        if let Some(now) = tsval
            && self.tsval.is_none_or(|newest| now.wrapping_sub(newest).cast_signed() > 0)
        {
            self.tsval = Some(now);
        }
        // Linux answers a SYN with identification 0 and counts afterwards.
        let now = id.filter(|id| *id != 0)?;
        let Some(newest) = self.id else {
            self.id = Some(now);
            return None;
        };
        let step = now.wrapping_sub(newest).cast_signed();
        if step == 1 {
            self.single = self.single.saturating_add(1);
            self.id = Some(now);
            return None;
        }
        self.learn_other(now, step)
    }

    /// The newest identification.
    pub const fn newest_id(&self) -> Option<u16> {
        self.id
    }

    /// The newest timestamp.
    pub const fn newest_tsval(&self) -> Option<u32> {
        self.tsval
    }

    /// The newest timestamp is `tsval`.
    pub const fn has_come_to(&mut self, tsval: u32) {
        self.tsval = Some(tsval);
    }

    /// Learns from `count` packets at once whose identifications followed one
    /// another, none of them 0; the last one is `id`.
    pub const fn count_up_to(&mut self, id: u16, count: u32) {
        self.single = self.single.saturating_add(count);
        self.id = Some(id);
    }

    /// The same where `step` from the newest identification to `now` is not one.
    fn learn_other(&mut self, now: u16, step: i16) -> Option<u16> {
        let is_small = step != 0 && (-MAX_STEP..=MAX_STEP).contains(&step);
        let steps = if is_small { &mut self.small } else { &mut self.wild };
        *steps = steps.saturating_add(1);
        if step > 0 || !is_small {
            self.id = Some(now);
        }
        (2..=MAX_SKIP).contains(&step).then(|| (step - 1).unsigned_abs())
    }

    /// Whether the sender numbers this connection's packets one by one, as
    /// Linux does: three steps of four are single ones.
    pub const fn numbers_each(&self) -> bool {
        let steps = self.steps();
        steps >= MIN_STEPS && self.single as u64 * 4 >= steps * 3
    }

    /// Whether the identifications count up: nine steps of ten at least.
    const fn counts(&self) -> bool {
        let steps = self.steps();
        steps >= MIN_STEPS && (self.single as u64 + self.small as u64) * 10 >= steps * 9
    }

    const fn steps(&self) -> u64 {
        self.single as u64 + self.small as u64 + self.wild as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side;
    use crate::flow::testing::{A, packet, segment};

    fn verdicts(ids: &[u16]) -> Vec<Sent> {
        let mut order = SendOrder::default();
        ids.iter()
            .map(|id| {
                let mut line = packet(0.0, Side::Client, A, 1, 1, b"x");
                line.id = *id;
                let said = order.of(&segment(&line));
                order.learn(&segment(&line));
                said
            })
            .collect()
    }

    #[test]
    fn several_overtaken_packets_are_all_known_for_it() {
        let said = verdicts(&[65530, 65531, 65532, 65535, 3, 1, 2, 4]);
        assert_eq!(said[4..], [Sent::After, Sent::Before, Sent::Before, Sent::After]);
    }

    #[test]
    fn random_identifications_tell_nothing() {
        let said = verdicts(&[9, 40000, 17, 52000, 800, 30000]);
        assert!(said.iter().all(|sent| *sent == Sent::Unknown), "{said:?}");
    }

    #[test]
    fn timestamps_go_before_identifications() {
        let mut order = SendOrder::default();
        let at = |tsval: u32, id: u16| {
            let mut line = packet(0.0, Side::Client, A, 1, 1, b"x");
            line.id = id;
            (line, tsval)
        };
        for (line, tsval) in [at(10, 1), at(10, 2), at(20, 3), at(20, 4)] {
            let mut segment = segment(&line);
            segment.tcp.options.timestamps = Some((tsval, 0));
            order.learn(&segment);
        }
        let (line, _) = at(0, 9);
        let mut older = segment(&line);
        older.tcp.options.timestamps = Some((15, 0));
        assert_eq!(order.of(&older), Sent::Before);
        older.tcp.options.timestamps = Some((20, 0));
        assert_eq!(order.of(&older), Sent::After);
    }
}
