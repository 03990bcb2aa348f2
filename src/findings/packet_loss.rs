//! `packet-loss`: packets were lost here and there, all along.

use super::finding::{AtFault, Evidence, Finding, Severity};
use super::path::{Path, SERVER_CLOCK};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Side};
use crate::flow::{LossFacts, SegmentClass};

/// Fewer losses are no rate.
const MIN_LOSSES: u32 = 3;

/// Share of data packets, in percent, below which a sequence of twenty turns
/// seldom meets a loss at all.
const MIN_PERCENT: u64 = 3;

/// The rule.
pub struct PacketLoss;

impl Rule for PacketLoss {
    fn id(&self) -> &'static str {
        "packet-loss"
    }

    fn prose(&self) -> &'static str {
        include_str!("packet_loss.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        let directions = Side::BOTH.map(|side| case.tcp.directions.of(side));
        let losses: u32 = directions.iter().map(|facts| scattered(&facts.loss)).sum();
        let packets: u64 = directions.iter().map(|facts| facts.data_packets).sum();
        if losses < MIN_LOSSES || u64::from(losses) * 100 < MIN_PERCENT * packets {
            return;
        }
        let lost = directions.iter().flat_map(|facts| &facts.loss.events).filter(|event| event.class.is_loss());
        let Some(first) = lost.map(|event| event.at).min_by(At::order) else { return };
        let percent = (u64::from(losses) * 200 / packets.max(1)).div_ceil(2);
        let path = Path::of(case);
        // What the missing side did meanwhile is not known.
        let still = match case.coverage.missing_side {
            Some(_) => String::new(),
            None => format!(" Nothing moved for {} in all meanwhile.", case.tcp.stalls.total()),
        };
        let legs: Vec<String> = Side::BOTH.into_iter().filter_map(|side| where_lost(side, case)).collect();
        out.found(
            Finding::new(
                self.id(),
                Severity::Warning,
                case.coverage.temper(Certainty::Proven),
                format!("{losses} of {packets} data packets had to be sent again ({percent} %)"),
                Evidence::new(first, "the first packet that had to be sent again"),
            )
            .detail(format!(
                "{} A packet that had to be sent several times counts once in the share.{still} The connection sequence takes {} turns, each of which must get through, within the {SERVER_CLOCK} that the server grants; each loss in it costs 200 ms and more, and twice as long each time the repetition is lost as well.",
                legs.join(" "),
                path.turns(),
            ))
            .at_fault(AtFault::Path)
            .cannot_tell("which hop lost them; and acknowledgments that are lost look like lost data until the receiver reports it")
            .next("capture at both ends to halve the path, and look at the link between: Wi-Fi, VPN, WAN line, a full queue"),
        );
    }
}

/// Losses that are not one packet's backoff chain: that is a burst, and says
/// nothing about how often packets are lost.
fn scattered(loss: &LossFacts) -> u32 {
    let chained: u32 = loss.bursts.iter().map(|burst| burst.same_edge).sum();
    loss.retransmitted().saturating_sub(loss.go_back_n).saturating_sub(chained)
}

fn where_lost(side: Side, case: &Case<'_>) -> Option<String> {
    let loss = &case.tcp.directions.of(side).loss;
    let fast = loss.events.iter().filter(|event| event.class == SegmentClass::Fast).count();
    let places = [
        (loss.lost_before_capture_point, "lost before the capture point"),
        (loss.lost_after_capture_point, "lost behind the capture point, or the acknowledgment on the way back"),
        (loss.spurious, "sent again needlessly: only the acknowledgment was lost or late"),
    ];
    let told: Vec<String> = places.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let at_once = match fast {
        0 => String::new(),
        n => format!("; {n} mended at once on the receiver's report"),
    };
    (!told.is_empty()).then(|| format!("From the {side}: {}{at_once}.", told.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    /// Twenty questions and answers; those of `lost` are sent twice, 300 ms apart.
    fn talk(lost: &[u32], times: u32) -> Vec<Line> {
        let mut ms = 20.0;
        let mut lines = Vec::new();
        for n in 0..20 {
            let seq = 1 + 10 * n;
            lines.push(filled(ms, Client, seq, 1, 10));
            if lost.contains(&n) {
                for _ in 0..times {
                    ms += 300.0;
                    lines.push(filled(ms, Client, seq, 1, 10));
                }
            }
            ms += 10.0;
            lines.push(packet(ms, Server, A, 1, seq + 10, b""));
            ms += 1_200.0;
        }
        script(10.0, lines)
    }

    #[test]
    fn losses_here_and_there_are_a_rate() {
        let found = finding(&talk(&[3, 8, 15], 1), "packet-loss").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.title.starts_with("3 of 23"), "{}", found.title);
    }

    #[test]
    fn two_losses_are_none_and_a_chain_is_one() {
        assert!(finding(&talk(&[3, 8], 1), "packet-loss").is_none());
        assert!(finding(&talk(&[3], 6), "packet-loss").is_none());
    }

    #[test]
    fn packets_that_the_capture_lacks_are_no_losses() {
        let lines = talk(&[], 0).into_iter().enumerate().filter(|(n, _)| n % 5 != 4).map(|(_, line)| line);
        assert!(finding(&lines.collect::<Vec<_>>(), "packet-loss").is_none());
    }

    #[test]
    fn repetitions_that_were_needless_are_told_apart() {
        // The answers come in time, and the client repeats three questions anyway.
        let mut lines = talk(&[], 0);
        for n in [3, 8, 15] {
            let seq = 1 + 10 * n;
            lines.push(filled(20.0 + 1_210.0 * f64::from(n) + 600.0, Client, seq, 1, 10));
        }
        lines.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        assert!(finding(&lines, "packet-loss").is_none());
    }

    #[test]
    fn packets_captured_twice_are_no_losses() {
        let lines = talk(&[], 0).into_iter().flat_map(|line| [line.clone(), Line { ms: line.ms + 0.1, ..line }]);
        assert!(finding(&lines.collect::<Vec<_>>(), "packet-loss").is_none());
    }
}
