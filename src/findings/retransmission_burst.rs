//! `retransmission-burst`: repeated losses in one direction that hurt.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use super::stalled_negotiation::owed_at_last;
use crate::base::{Certainty, Side, Span};
use crate::flow::{Backoff, Burst, BurstOutcome, EndKind, Place, Skip};
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
        let got_through = facts.last_acknowledged.is_some_and(|at| at.time > burst.last.time);
        let died = unrecovered
            && !case.is_active()
            && !got_through
            && lasted >= LETHAL
            && match case.tcp.end.kind {
                EndKind::Silence => true,
                EndKind::Fin | EndKind::Reset => case.tcp.end.at.time >= burst.first.time,
                EndKind::CaptureEnd => false,
            };
        let cut_off = unrecovered && case.is_active() && !got_through && case.tcp.end.kind == EndKind::Silence;
        let share = u64::from(facts.loss.retransmitted()) * 100 / facts.packets.max(1);
        if !died && !cut_off && (lasted < MIN_DELAY || share < HEALTHY_PERCENT) {
            return;
        }
        let fatal = died || cut_off;
        // Where a device forgot the connection the burst is how it died, and
        // that is why.
        let explained = out.findings.iter().any(|f| f.id == "state-expired" && f.severity == Severity::Failure);
        let title = if fatal {
            format!("The connection died of lost packets from the {side}")
        } else {
            format!("Packets from the {side} were lost and repeated")
        };
        let receiver = side.other();
        let window = match burst.in_flight {
            0 => String::new(),
            n => format!(" {n} bytes were under way then."),
        };
        let mut finding = Finding::new(
            self.id(),
            if fatal && !explained { Severity::Failure } else { Severity::Warning },
            case.coverage.temper(Certainty::Proven),
            title,
            Evidence::new(burst.first, format!("first repetition of data that the {receiver} did not acknowledge")),
        )
        .detail(format!(
            "The {side} repeated {} packets ({} bytes) within {lasted}.{window}{} {}{}{}",
            burst.needed(),
            burst.bytes,
            chain(burst),
            outcome(case, burst),
            place(case, side, burst),
            stalled(case, side, burst),
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
        if case.coverage.gaps || case.coverage.dropped || case.coverage.missing_side.is_some() {
            return;
        }
        out.found(
            Finding::new(
                self.id(),
                Severity::Warning,
                Certainty::Likely,
                format!("Packets from the {side} were lost before the capture point"),
                Evidence::new(skip.at, format!("the first packet of the {side} after {} of silence", skip.silence)),
            )
            .detail(format!(
                "The {side} was not heard for {}, and the numbering of its packets (IP identification) shows that it had sent {} meanwhile: they were lost between the {side} and the capture point.",
                skip.silence, skip.packets
            ))
            .cannot_tell("what they were; most likely one packet, repeated")
            .next(format!("capture at the {side} as well, and look at the path between"))
        );
    }
}

/// The waiting times, and whose they look like.
fn chain(burst: &Burst) -> String {
    if burst.same_edge == 0 || burst.intervals.is_empty() {
        return String::new();
    }
    let waits: Vec<String> = burst.intervals.iter().map(ToString::to_string).collect();
    let whose = match burst.backoff() {
        Some(Backoff::Linux) => ", as Linux backs off",
        Some(Backoff::Windows) => ", as Windows backs off",
        Some(Backoff::Doubling) => ", each about twice the one before",
        None => "",
    };
    format!(" The same data was repeated after {}{whose}.", waits.join(", "))
}

fn outcome(case: &Case<'_>, burst: &Burst) -> String {
    match burst.outcome {
        BurstOutcome::Recovered(at) => {
            format!("It got through at last ({} after the first repetition).", at.time.since(burst.first.time))
        }
        BurstOutcome::Unrecovered => match (case.tcp.end.kind, case.tcp.end.by) {
            (EndKind::Reset, Some(by)) => format!("It was never acknowledged, until a reset in the name of the {by}."),
            (EndKind::Fin, Some(by)) => format!("It was never acknowledged, until the {by} closed."),
            _ => "It was never acknowledged.".to_owned(),
        },
    }
}

fn place(case: &Case<'_>, side: Side, burst: &Burst) -> String {
    let events = &case.tcp.directions.of(side).loss.events;
    let within = |place| {
        let of = events.iter().filter(|event| event.at.time >= burst.first.time && event.at.time <= burst.last.time);
        of.filter(|event| event.place == Some(place)).count()
    };
    match (within(Place::Before), within(Place::After)) {
        (0, 1..) => format!(
            " The lost packets had passed the capture point: they were lost behind it, on the way to the {} (or the acknowledgments on the way back).",
            side.other()
        ),
        (1.., 0) => {
            format!(" The lost packets never came to the capture point: they were lost between the {side} and it.")
        }
        _ => String::new(),
    }
}

/// How long everything stood still for it.
fn stalled(case: &Case<'_>, side: Side, burst: &Burst) -> String {
    let stalls =
        case.tcp.stalls.list().iter().filter(|stall| {
            stall.owner == side && stall.to.time >= burst.first.time && stall.from.time <= burst.last.time
        });
    let total = stalls.fold(Span::ZERO, |sum, stall| sum + stall.duration());
    if total > Span::ZERO { format!(" Nothing else moved for {total} of that.") } else { String::new() }
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
        assert!(found.detail.contains("lost behind it"), "{}", found.detail);
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
        for (id, line) in (500..).zip(lines.iter_mut().filter(|line| line.from == Client)) {
            line.id = if line.ms > 3_000.0 { id + 5 } else { id };
        }
        let found = finding(&lines, "retransmission-burst").unwrap();
        assert_eq!(found.certainty, Certainty::Likely);
        assert!(found.detail.contains("sent 5 meanwhile"), "{}", found.detail);
        for (id, line) in (500..).zip(lines.iter_mut().filter(|line| line.from == Client)) {
            line.id = id;
        }
        assert!(finding(&lines, "retransmission-burst").is_none(), "a client that was silent lost nothing");
    }
}
