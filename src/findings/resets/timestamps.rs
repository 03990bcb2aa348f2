//! E12: the timestamp of a reset against the clock of its sender.
//!
//! A missing one says nothing: nine of ten ordinary resets lack it (RFC 7323
//! §3.2 only asks for it). One that fits the sender's clock is its own work;
//! one far off is not.

use super::scene::Scene;
use super::{Piece, Strength};

/// Timestamps per second, at the most, as long as the clock is not known
/// (RFC 7323 §5.4 allows 1 ms at the finest; some stacks count faster).
const MAX_RATE: f64 = 1_000.0;

/// The clock is measured over at least this long.
const MIN_BASE_SECONDS: f64 = 0.02;

/// Seconds that the reset's clock may be off: queues, and the rounding of
/// slow clocks.
const SLACK_SECONDS: f64 = 1.0;

/// Seconds off by which a forged clock is told.
const SKEW_SECONDS: f64 = 10.0;

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let now = reset.tsval?;
    let ((last, last_at), (first, first_at)) = (reset.sender.last_tsval?, reset.sender.first_tsval?);
    if scene.tcp.clock_ran_back > 0 || scene.tcp.leap.is_some() {
        return None;
    }
    let span = last_at.time.since(first_at.time).secs_f64();
    let ticks = f64::from(last.wrapping_sub(first).cast_signed());
    let rate = if span >= MIN_BASE_SECONDS && ticks > 0.0 { (ticks / span).min(MAX_RATE * 1.5) } else { MAX_RATE };
    let expected = reset.at.time.since(last_at.time).secs_f64() * rate;
    let got = f64::from(now.wrapping_sub(last).cast_signed());
    let off = (got - expected).abs() / rate;
    let rests_on = vec![last_at, reset.at];
    // A packet older than the last one was overtaken on its way.
    if off <= SLACK_SECONDS && got >= 0.0 {
        return Some(Piece::host(
            "timestamp-continues",
            Strength::Strong,
            rests_on,
            format!("its timestamp ({now}) continues the {}'s clock", reset.claimed_by),
        ));
    }
    // A clock that stood still is that of a sender that slept, or the capture's own
    // was set forward.
    let stood_still = got >= 0.0 && got < expected;
    (off >= SKEW_SECONDS && !stood_still).then(|| {
        Piece::other(
            "timestamp-skew",
            Strength::Strong,
            rests_on,
            format!("its timestamp is {now}; the {}'s clock stood at {last}, {off:.0} s off", reset.claimed_by),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{At, CaptureTime, Frame};
    use crate::findings::resets::Judgement;
    use crate::findings::resets::testing::{answered, damage_accuses_nobody, judge_one, strength, with};
    use crate::flow::TcpFacts;

    fn stamped(tsval: Option<u32>) -> TcpFacts {
        let at = |ms: i64| At { frame: Frame::new(0, 1), time: CaptureTime::from_nanos(ms * 1_000_000) };
        let mut tcp = with(answered(60.0));
        let reset = &mut tcp.resets[0];
        reset.sender.first_tsval = Some((5_000, at(10)));
        reset.sender.last_tsval = Some((5_030, at(40)));
        reset.tsval = tsval;
        tcp
    }

    fn judged(tsval: Option<u32>) -> Judgement {
        judge_one(&stamped(tsval))
    }

    #[test]
    fn a_timestamp_tells_its_clock() {
        assert_eq!(strength(&judged(Some(5_050)), "timestamp-continues"), Some(Strength::Strong));
        assert_eq!(strength(&judged(Some(905_050)), "timestamp-skew"), Some(Strength::Strong));
    }

    #[test]
    fn a_queue_and_an_absent_one_tell_nothing() {
        assert_eq!(strength(&judged(Some(9_050)), "timestamp-skew"), None, "4 s");
        let silent = judged(None);
        assert!(silent.evidence.iter().all(|piece| !piece.id.starts_with("timestamp")));
    }

    #[test]
    fn a_sender_that_slept_and_a_capture_clock_that_was_set_forward_accuse_nobody() {
        for ticks in [0, 200] {
            let mut tcp = stamped(Some(5_030 + ticks));
            tcp.resets[0].at.time = CaptureTime::from_nanos(3_600 * 1_000_000_000);
            assert_eq!(strength(&judge_one(&tcp), "timestamp-skew"), None);
            tcp.resets[0].tsval = Some(4_000);
            assert_eq!(strength(&judge_one(&tcp), "timestamp-skew"), Some(Strength::Strong), "no clock goes back");
        }
    }

    #[test]
    fn a_capture_clock_that_ran_back_measures_nothing() {
        let mut tcp = stamped(Some(905_050));
        tcp.clock_ran_back = 1;
        assert_eq!(strength(&judge_one(&tcp), "timestamp-skew"), None);
        damage_accuses_nobody("timestamp-skew");
    }
}
