//! `retransmission-burst`: repeated losses in one direction that hurt.

use super::fault::is_beside;
use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::stalled_negotiation::owed_at_last;
use crate::base::{At, Certainty, Side, Span};
use crate::flow::{Awaited, Backoff, Burst, BurstOutcome, DirectionFacts, EndKind, Place, Skip};
use crate::session::Owed;

/// Fewer repetitions are everyday life.
const MIN_COUNT: u32 = 3;

/// A burst that held the negotiation up for less hurt nobody.
const MIN_DELAY: Span = Span::from_secs(1);

/// A burst that nothing ended must last so long to have killed the connection:
/// two repetitions and their waiting times.
const LETHAL: Span = Span::from_millis(500);

/// Share of repeated data packets below which a long session is healthy, in
/// percent.
const HEALTHY_PERCENT: u64 = 3;

/// Repetitions after which Windows gives a connection up
/// (TcpMaxDataRetransmissions).
const WINDOWS_GIVES_UP: u32 = 5;
/// The same of Linux (tcp_retries2).
const LINUX_GIVES_UP: u32 = 15;

/// The rule.
pub struct RetransmissionBurst;

impl Rule for RetransmissionBurst {
    fn id(&self) -> &'static str {
        "retransmission-burst"
    }

    fn prose(&self) -> &'static str {
        include_str!("retransmission_burst.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let mut lossless = true;
        for side in Side::BOTH {
            let facts = case.tcp.directions.of(side);
            lossless &= facts.loss.repeated() == 0 && facts.skips.is_empty() && facts.never_seen == 0;
            let bursts = facts.loss.bursts.iter().filter(|burst| burst.needed() >= MIN_COUNT && burst.bytes > 0);
            let worst = bursts.max_by_key(|burst| (burst.outcome == BurstOutcome::Unrecovered, burst.duration()));
            match worst {
                Some(burst) => self.judge(case, side, burst, out),
                None => self.unseen(case, side, out),
            }
        }
        // Where a side fell silent, what it sent may all have been lost on the way here.
        let kept_talking = owed_at_last(case).is_none_or(|waiting| waiting.owed == Owed::Close);
        if lossless && kept_talking && case.is_complete() {
            out.exclude(
                self.id(),
                "no packet of this connection was seen to be sent again",
                [case.tcp.first.frame, case.tcp.last.frame],
            );
        }
    }
}

/// How long nothing of what was under way had got through when the connection
/// ended: what is repeated to somebody who has left kills nothing.
fn dead_for(case: &Case<'_>, facts: &DirectionFacts, burst: &Burst) -> Span {
    let later = |one: At, other: At| if other.follows(&one) { other } else { one };
    let since = facts.last_acknowledged.into_iter().chain(facts.flights.newest()).fold(burst.first, later);
    let end = case.tcp.end.at;
    let until = if burst.last.follows(&end) { end } else { burst.last };
    until.time.since(since.time)
}

impl RetransmissionBurst {
    fn judge(&self, case: &Case<'_>, side: Side, burst: &Burst, out: &mut Out) {
        // Without the other side's packets nobody knows what it acknowledged.
        if case.coverage.missing_side == Some(side.other()) {
            return;
        }
        let facts = case.tcp.directions.of(side);
        let lasted = burst.duration();
        let unrecovered = burst.outcome == BurstOutcome::Unrecovered;
        // The connection died of it when nothing of that side got through any
        // more, whoever then gave up.
        let got_through = facts.last_acknowledged.is_some_and(|at| at.follows(&burst.last));
        let died = unrecovered
            && !case.is_active()
            && !got_through
            && dead_for(case, facts, burst) >= LETHAL
            && match case.tcp.end.kind {
                EndKind::Silence => true,
                EndKind::Fin | EndKind::Reset => !burst.first.follows(&case.tcp.end.at),
                EndKind::CaptureEnd => false,
            };
        let cut_off = unrecovered && case.is_active() && !got_through && case.tcp.end.kind == EndKind::Silence;
        let share = u64::from(facts.loss.retransmitted()) * 100 / facts.packets.max(1);
        let stood_still = stalled(case, side, burst);
        let waited = burst.intervals.iter().fold(Span::ZERO, |sum, wait| sum + *wait).max(stood_still);
        if !died && !cut_off && (waited < MIN_DELAY || share < HEALTHY_PERCENT) {
            return;
        }
        let fatal = died || cut_off;
        // Where a device forgot the connection the burst is how it died, and
        // that is why.
        let explained = out.findings.iter().any(|f| f.id == "state-expired" && f.severity == Severity::Failure);
        let title = if fatal {
            format!("What the {side} sent was never acknowledged")
        } else {
            format!("Packets from the {side} had to be sent again, several times")
        };
        // What it died of, only a capture of all of it proves.
        let whole = !case.coverage.late_start && !case.coverage.cut && case.tcp.end.kind != EndKind::Silence;
        let silent = fatal && case.tcp.end.kind == EndKind::Silence;
        let stopped_soon = silent && burst.awaited(case.tcp.observed_until) < Awaited::Long;
        let best = match (fatal, whole) {
            _ if stopped_soon => Certainty::Possible,
            (true, false) => Certainty::Likely,
            _ => Certainty::Proven,
        };
        let receiver = side.other();
        let mut finding = Finding::new(
            self.id(),
            if fatal && !explained { Severity::Failure } else { Severity::Warning },
            case.coverage.temper(best),
            title,
            Evidence::new(burst.first, format!("first repetition of data that the {receiver} did not acknowledge")),
        )
        .at_fault(AtFault::Path)
        .detail(format!(
            "The {side} sent {} packets ({} bytes) again within {lasted}.{}{} {}{}{}{}{}",
            burst.needed(),
            burst.bytes,
            window(burst),
            chain(burst, facts.has_timestamps),
            outcome(case, burst, stopped_soon),
            gave_up(case, side, burst),
            place(case, side, burst),
            needless(burst),
            if stood_still > Span::ZERO {
                format!(" Nothing else moved for {stood_still} meanwhile.")
            } else {
                String::new()
            },
        ))
        .cannot_tell("which hop lost them")
        .next(format!("look at the path between the capture point and the {receiver}: VPN, Wi-Fi, WAN line, firewall"))
        .next("capture on both ends to halve the path");
        if burst.count > 1 {
            finding = finding.support([Evidence::new(burst.last, "last repetition")]);
        }
        out.found(finding);
    }

    /// A burst that never came to the capture point: the sender was silent for
    /// long, and its numbering shows that it was not.
    fn unseen(&self, case: &Case<'_>, side: Side, out: &mut Out) {
        let facts = case.tcp.directions.of(side);
        let long = |skip: &&Skip| u32::from(skip.packets) >= MIN_COUNT && skip.silence >= MIN_DELAY;
        let Some(skip) = facts.skips.iter().filter(long).max_by_key(|skip| skip.silence) else { return };
        // Beside the sender nothing is lost before the capture: the capture lacks it.
        let lacks = case.coverage.gaps || case.coverage.dropped || case.coverage.missing_side.is_some();
        if lacks || is_beside(case, side) {
            return;
        }
        // Some systems number the packets of all connections in one row.
        let own = u32::from(skip.packets) <= tries_within(skip.silence);
        out.found(
            Finding::new(
                self.id(),
                Severity::Warning,
                if own { Certainty::Likely } else { Certainty::Possible },
                format!("Packets from the {side} were lost before the capture point"),
                Evidence::new(skip.at, format!("the first packet of the {side} after {} of silence", skip.silence)),
            )
            .at_fault(AtFault::Path)
            .detail(format!(
                "The {side} was not heard for {}, and the numbering of its packets (IP identification) shows that it had sent {} meanwhile: they were lost between the {side} and the capture point{}.",
                skip.silence,
                skip.packets,
                if own { "" } else { ", or were sent on other connections" }
            ))
            .cannot_tell("what they were; most likely one packet, repeated")
            .next(format!("capture at the {side} as well, and look at the path between"))
        );
    }
}

/// How often one packet is repeated in that time at most: after a probe, from 200 ms
/// on (TCP_RTO_MIN of Linux; Windows waits longer), at intervals that double.
fn tries_within(silence: Span) -> u32 {
    let timers = (0..30).map(|n| Span::from_millis(200 << n));
    1 + timers.take_while(|timer| *timer <= silence).fold(0, |tries, _| tries + 1)
}

/// How much of what was under way was sent again.
fn window(burst: &Burst) -> String {
    match (burst.in_flight, burst.share_of_window()) {
        (0, _) => String::new(),
        (n, Some(100)) => format!(" All of the {n} bytes under way had to be sent again."),
        (n, Some(share)) => format!(" {share} % of the {n} bytes under way had to be sent again."),
        (n, None) => format!(" {n} bytes were under way when it began."),
    }
}

/// The waiting times, and whose they look like.
fn chain(burst: &Burst, has_timestamps: bool) -> String {
    if burst.same_edge == 0 || burst.intervals.is_empty() {
        return String::new();
    }
    let waits: Vec<String> = burst.intervals.iter().map(ToString::to_string).collect();
    let whose = match burst.backoff(has_timestamps) {
        Some(Backoff::Linux) => ", as Linux backs off",
        Some(Backoff::Windows) => ", as Windows backs off",
        Some(Backoff::Doubling) => ", each about twice the one before",
        None => "",
    };
    format!(" The same data was sent again after {}{whose}.", waits.join(", "))
}

fn outcome(case: &Case<'_>, burst: &Burst, stopped_soon: bool) -> String {
    match burst.outcome {
        BurstOutcome::Recovered(at) => {
            format!("It got through at last ({} after the first repetition).", at.time.since(burst.first.time))
        }
        BurstOutcome::Unrecovered => match (case.tcp.end.kind, case.tcp.end.by) {
            (EndKind::Reset, Some(by)) => {
                format!("It was still unacknowledged when a reset in the name of the {by} ended the connection.")
            }
            (EndKind::Fin, Some(by)) => format!("It was still unacknowledged when the {by} closed the connection."),
            _ if stopped_soon => {
                "It was not acknowledged as long as the capture went on, which stopped while it was still being tried."
                    .to_owned()
            }
            (EndKind::CaptureEnd, _) => {
                "It was not acknowledged yet when this connection was last seen, and was still being tried.".to_owned()
            }
            _ => "It was never acknowledged.".to_owned(),
        },
    }
}

/// Whether its own network stack gave up, and whose stack that suggests.
fn gave_up(case: &Case<'_>, side: Side, burst: &Burst) -> String {
    let times = burst.in_a_row;
    if burst.outcome != BurstOutcome::Unrecovered || !case.ended_by(side) || times < MIN_COUNT {
        return String::new();
    }
    // A stack that gives up waits once more, for as long as the next doubling.
    let last_wait = burst.intervals.last().copied().unwrap_or(Span::ZERO);
    let waited_again = case.tcp.end.at.time.since(burst.last.time).times(2) >= last_wait.times(3);
    match times {
        WINDOWS_GIVES_UP if waited_again && case.tcp.end.kind == EndKind::Reset => format!(
            " The {side} gave up after {times} repetitions, as Windows does by default (TcpMaxDataRetransmissions = 5)."
        ),
        LINUX_GIVES_UP.. if waited_again => {
            format!(" The {side} gave up after {times} repetitions, as Linux does by default (tcp_retries2 = 15).")
        }
        _ => format!(
            " The {side} ended it after {times} repetitions: a network stack by itself goes on for 5 (Windows) or 15 (Linux), so a time limit of the program, or the person, may have ended it sooner."
        ),
    }
}

fn needless(burst: &Burst) -> String {
    match burst.needless {
        0 => String::new(),
        n => format!(" {n} more turned out to be needless: only the acknowledgment was lost or late."),
    }
}

fn place(case: &Case<'_>, side: Side, burst: &Burst) -> String {
    let events = &case.tcp.directions.of(side).loss.events;
    let within = |place| {
        let of = events.iter().filter(|event| !burst.first.follows(&event.at) && !event.at.follows(&burst.last));
        of.filter(|event| event.place == Some(place)).count()
    };
    match (within(Place::Before), within(Place::After)) {
        (0, 1..) => format!(
            " The first copies had passed the capture point: they were lost behind it, on the way to the {}, or their acknowledgments were lost on the way back.",
            side.other()
        ),
        (1.., 0) => {
            format!(" The first copies never came to the capture point: they were lost between the {side} and it.")
        }
        _ => String::new(),
    }
}

/// How long everything stood still for it.
fn stalled(case: &Case<'_>, side: Side, burst: &Burst) -> Span {
    let stalls = case
        .tcp
        .stalls
        .list()
        .iter()
        .filter(|stall| stall.owner == side && !burst.first.follows(&stall.to) && !stall.from.follows(&burst.last));
    stalls.fold(Span::ZERO, |sum, stall| sum + stall.duration())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    fn repeated(waits: &[f64], acknowledged: bool) -> Vec<Line> {
        let mut ms = 20.0;
        let mut lines = vec![packet(ms, Client, A, 1, 1, REQUEST)];
        for wait in waits {
            ms += wait;
            lines.push(packet(ms, Client, A, 1, 1, REQUEST));
        }
        if acknowledged {
            lines.push(packet(ms + 10.0, Server, A, 1, 20, b""));
        } else {
            lines.push(packet(ms + 9_600.0, Client, R | A, 20, 1, b""));
        }
        script(10.0, lines)
    }

    #[test]
    fn windows_gives_up_after_five() {
        let found =
            finding(&repeated(&[300.0, 600.0, 1_200.0, 2_400.0, 4_800.0], false), "retransmission-burst").unwrap();
        assert_eq!(found.severity, Severity::Failure);
        assert!(found.detail.contains("as Windows backs off"), "{}", found.detail);
        assert!(found.detail.contains("TcpMaxDataRetransmissions"), "{}", found.detail);
        assert!(found.detail.contains("All of the 19 bytes"), "{}", found.detail);
        assert!(found.detail.contains("lost behind it"), "{}", found.detail);
    }

    #[test]
    fn who_leaves_sooner_has_not_given_up_like_a_stack() {
        let found = finding(&repeated(&[300.0, 600.0, 1_200.0, 2_400.0], false), "retransmission-burst").unwrap();
        assert!(found.detail.contains("a time limit of the program, or the person"), "{}", found.detail);
    }

    #[test]
    fn linux_gives_up_after_fifteen() {
        let mut waits = vec![200.0];
        for n in 0..14 {
            waits.push((waits[n] * 2.0_f64).min(120_000.0));
        }
        let mut lines = repeated(&waits, false);
        lines.last_mut().unwrap().ms += 200_000.0;
        let found = finding(&lines, "retransmission-burst").unwrap();
        assert!(found.detail.contains("tcp_retries2"), "{}", found.detail);
        assert!(found.detail.contains("as Linux backs off"), "{}", found.detail);
    }

    #[test]
    fn with_one_direction_only_nothing_was_acknowledged_anyway() {
        let waits = [300.0, 600.0, 1_200.0, 2_400.0, 4_800.0];
        let one_sided: Vec<Line> = repeated(&waits, false).into_iter().filter(|line| line.from == Client).collect();
        assert!(finding(&one_sided, "retransmission-burst").is_none());
        assert!(finding(&repeated(&waits, false), "retransmission-burst").is_some(), "both directions show it");
    }

    #[test]
    fn a_late_start_or_cut_packets_prove_no_death() {
        let waits = [300.0, 600.0, 1_200.0, 2_400.0, 4_800.0];
        let whole = repeated(&waits, false);
        assert_eq!(finding(&whole, "retransmission-burst").unwrap().certainty, Certainty::Proven);
        let mut late = whole.clone();
        late.splice(..3, [packet(15.0, Server, A, 1, 1, b"")]);
        let late = finding(&late, "retransmission-burst").unwrap();
        assert_eq!(late.certainty, Certainty::Likely);
    }

    #[test]
    fn a_capture_that_stops_in_the_middle_shows_no_death() {
        let waits = [230.0, 230.0, 450.0, 930.0, 1_830.0];
        let cut = |tries: usize, until| {
            let mut lines = repeated(&waits[..tries], false);
            lines.pop();
            let mut found = diagnosis_until(&lines, until).findings;
            found.retain(|found| found.id == "retransmission-burst" && found.severity == Severity::Failure);
            found.pop().map(|found| found.certainty)
        };
        assert_eq!((cut(3, 0.0), cut(4, 0.0)), (None, None), "it may get through yet");
        assert_eq!(cut(5, 0.0), Some(Certainty::Possible), "after 3.7 s");
        assert_eq!(cut(5, 9_000.0), Some(Certainty::Likely), "the next one would have been there");
        assert_eq!(cut(3, 9_000.0), Some(Certainty::Likely));
    }

    #[test]
    fn losses_that_held_nothing_up_are_no_burst() {
        // Three packets sent again, each mended in a quarter of a second.
        let mut lines = Vec::new();
        for n in 0..3 {
            let (ms, seq) = (20.0 + 700.0 * f64::from(n), 1 + 100 * n);
            lines.push(filled(ms, Client, seq, 1, 100));
            lines.push(filled(ms + 240.0, Client, seq, 1, 100));
            lines.push(packet(ms + 250.0, Server, A, 1, seq + 100, b""));
        }
        assert!(finding(&script(10.0, lines), "retransmission-burst").is_none());
    }

    #[test]
    fn what_gets_through_is_a_warning() {
        let found = finding(&repeated(&[300.0, 600.0, 1_200.0], true), "retransmission-burst").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.detail.contains("Nothing else moved for"), "{}", found.detail);
    }

    #[test]
    fn two_repetitions_are_everyday_life() {
        assert!(finding(&repeated(&[300.0, 600.0], true), "retransmission-burst").is_none());
    }

    #[test]
    fn a_burst_before_the_capture_point_shows_in_the_numbering() {
        let mut lines = script(
            10.0,
            [
                packet(20.0, Client, A, 1, 1, REQUEST),
                packet(30.0, Server, A, 1, 20, CONFIRM),
                packet(31.0, Client, A, 20, 20, b""),
                filled(40.0, Client, 20, 20, 10),
                filled(3_100.0, Client, 30, 20, 10),
                filled(3_200.0, Client, 40, 20, 10),
            ],
        );
        let mut skipping = |ids| {
            for (id, line) in (500..).zip(lines.iter_mut().filter(|line| line.from == Client)) {
                line.id = if line.ms > 3_000.0 { id + ids } else { id };
            }
            let beside = finding(&lines, "retransmission-burst");
            assert!(beside.is_none(), "beside the client nothing is lost before the capture");
            // What the server sees: the client's packets have the way behind them.
            let mut far = lines.clone();
            far.iter_mut().filter(|line| line.from == Client).for_each(|line| line.ms += 9.95);
            finding(&far, "retransmission-burst").map(|found| (found.certainty, found.detail.to_string()))
        };
        let (certainty, detail) = skipping(5).unwrap();
        assert!(certainty == Certainty::Likely && detail.contains("sent 5 meanwhile"), "{detail}");
        let (certainty, detail) = skipping(11).unwrap();
        assert!(certainty == Certainty::Possible && detail.contains("on other connections"), "{detail}");
        assert!(skipping(0).is_none(), "a client that was silent lost nothing");
    }
}
