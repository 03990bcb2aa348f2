//! `path-mtu-black-hole`: large packets vanish while small ones pass.

use super::finding::{Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Seen, Side, Span};
use crate::flow::{BurstOutcome, LossEvent, Place, SegmentClass};
use crate::session::{Owed, Stage};
use crate::wire::IcmpError;

/// Fewer repetitions of one packet may be bad luck: at 10 % loss three in a
/// row are lost once in a thousand times.
const MIN_REPETITIONS: usize = 3;

/// No link carries less (RFC 8200 §5 wants 1280, RFC 791 lets a tunnel over
/// IPv4 come close to 576); what dies below that does not die of its size.
const MIN_SUSPECT: u32 = 577;

/// The smallest MTU that IPv6 links have (RFC 8200 §5), less IP and TCP
/// headers: passes nearly every tunnel.
const CAUTIOUS_MSS: u32 = 1220;

/// The rule.
pub struct PathMtuBlackHole;

/// A packet that never arrived, however often it was sent.
struct Hole {
    /// Its first repetition.
    first: At,
    last: At,
    repetitions: usize,
    /// IP length.
    size: u32,
    /// IP length of the largest packet that arrived, or of the smaller one
    /// that the sender came through with.
    passed: u32,
    shrunk: bool,
}

impl Rule for PathMtuBlackHole {
    fn id(&self) -> &'static str {
        "path-mtu-black-hole"
    }

    fn prose(&self) -> &'static str {
        include_str!("path_mtu_black_hole.md")
    }

    fn check(&self, case: &Case<'_>, out: &mut Out) {
        for side in Side::BOTH {
            if let Some(hole) = hole(case, side) {
                report(self.id(), case, side, &hole, out);
            }
        }
    }
}

fn hole(case: &Case<'_>, side: Side) -> Option<Hole> {
    let facts = case.tcp.directions.of(side);
    let died =
        |event: &&LossEvent| event.class.is_loss() && event.place == Some(Place::After) && event.ip_len >= MIN_SUSPECT;
    // The last packet that was repeated in vain, and its earlier repetitions.
    let edge = facts.loss.events.iter().rev().find(died)?.offset;
    let same: Vec<&LossEvent> = facts.loss.events.iter().filter(|e| e.offset == edge && e.class.is_loss()).collect();
    let (first, last) = (same.first()?, same.last()?);
    let large: Vec<&&LossEvent> = same.iter().filter(|event| event.ip_len == first.ip_len).collect();
    let burst = facts.loss.bursts.iter().find(|b| b.first.time <= first.at.time && first.at.time <= b.last.time)?;
    let recovered = matches!(burst.outcome, BurstOutcome::Recovered(_));
    let shrunk = recovered && last.ip_len < first.ip_len;
    if large.len() < MIN_REPETITIONS || (recovered && !shrunk) {
        return None;
    }
    // Small packets passed when the large one was under way: the receiver
    // asked for the hole, or reported what came behind it.
    let small_passed = shrunk || facts.duplicate_acks > 0 || keep_alives_are_answered(case, side.other());
    let passed = if shrunk { last.ip_len } else { facts.largest_delivered };
    (small_passed && passed < first.ip_len).then(|| Hole {
        first: first.at,
        last: large.last().map_or(first.at, |event| event.at),
        repetitions: large.len(),
        size: first.ip_len,
        passed,
        shrunk,
    })
}

/// Whether the other side's keep-alives are answered, by small packets of the
/// same way: the next one then comes after the idle time again. Unanswered ones
/// are repeated at a shorter interval (Linux: 75 s against 2 h; FreeRDP: 2 s
/// against 5).
fn keep_alives_are_answered(case: &Case<'_>, side: Side) -> bool {
    let facts = case.tcp.directions.of(side);
    let mut keep_alives = facts.loss.events.iter().filter(|event| event.class == SegmentClass::KeepAlive);
    let (Some(first), Some(second), Some(data)) = (keep_alives.next(), keep_alives.next(), facts.last_data) else {
        return false;
    };
    let idle = first.at.time.since(data.time);
    idle >= Span::from_secs(1) && second.at.time.since(first.at.time).times(10) >= idle.times(9)
}

fn report(id: &'static str, case: &Case<'_>, side: Side, hole: &Hole, out: &mut Out) {
    let Hole { first, last, repetitions, size, passed, shrunk } = *hole;
    let icmp = too_big(case);
    let failed = !case.is_active() && !shrunk;
    let certainty = if icmp.is_some() || shrunk { Certainty::Proven } else { Certainty::Likely };
    let headers = if case.tcp.endpoints.client.ip.is_ipv4() { 40 } else { 60 };
    let told = match icmp.map(|icmp| (icmp.value.mtu, icmp.value.ip.src)) {
        Some((Some(mtu), from)) => {
            format!("{from} reported by ICMP that at most {mtu} bytes pass, and the {side} did not heed it.")
        }
        Some((None, from)) => {
            format!("{from} reported by ICMP that they are too large, and the {side} did not heed it.")
        }
        None => "No ICMP message told the sender.".to_owned(),
    };
    let outcome = if shrunk {
        "It got through in smaller pieces at last."
    } else {
        "It was never acknowledged, while smaller packets of the same side were."
    };
    let mss = match icmp.and_then(|icmp| icmp.value.mtu) {
        Some(mtu) => mtu.saturating_sub(headers),
        None if passed >= CAUTIOUS_MSS + headers => passed - headers,
        None => CAUTIOUS_MSS.min((size - 1).saturating_sub(headers)),
    };
    let mut finding = Finding::new(
        id,
        if failed { Severity::Failure } else { Severity::Warning },
        case.coverage.temper(certainty),
        format!("Large packets from the {side} vanish, small ones pass"),
        Evidence::new(first, format!("a packet of {size} bytes, sent again and never acknowledged")),
    )
    .detail(format!(
        "The {side} sent a packet of {size} bytes {} times in vain; {} {outcome} Somewhere on the way between {} and {size} bytes is the limit. {told}{}",
        repetitions + 1,
        format_args!("packets of up to {passed} bytes arrived."),
        passed + 1,
        hit(case, side)
    ))
    .support([Evidence::new(last, "the last time in that size")])
    .cannot_tell("which hop drops them")
    .next(format!("clamp the MSS to {mss} on the VPN or firewall between (or lower the interface MTU), and try again"))
    .next(format!("find the limit: ping -f -l {} from the {side}'s computer, larger and smaller", size.saturating_sub(28)))
    .next("let ICMP type 3 code 4 (ICMPv6 type 2) pass the firewalls on the way");
    if let Some(icmp) = icmp {
        finding = finding.support([Evidence::new(icmp.at(), "ICMP: the packet is too large")]);
    }
    out.found(finding);
}

/// "Fragmentation needed" (RFC 1191 §4) or "packet too big" (RFC 4443 §3.2).
fn too_big<'a>(case: &'a Case<'_>) -> Option<&'a Seen<IcmpError>> {
    let is_v4 = case.tcp.endpoints.client.ip.is_ipv4();
    case.tcp
        .icmp
        .iter()
        .find(|icmp| if is_v4 { (icmp.value.kind, icmp.value.code) == (3, 4) } else { icmp.value.kind == 2 })
}

/// Which message it hit, and what that explains.
fn hit(case: &Case<'_>, side: Side) -> String {
    if case.is_active() {
        return String::new();
    }
    match (case.session.waiting.map(|waiting| waiting.owed), side, case.session.stage()) {
        (Some(Owed::ServerFlight | Owed::ServerHello | Owed::ClientKeyExchange | Owed::Finished), Side::Server, _) | (_, Side::Server, Stage::Tls) => {
            " It hit the server's TLS flight with its certificate: a larger certificate (one from a CA in place of a self-signed one) is enough to begin this.".to_owned()
        }
        (Some(owed @ Owed::CredsspLeg(_)), Side::Client, _) => format!(
            " It hit {owed}. Kerberos messages do not fit such a path, NTLM messages do: connecting by address works, by name it fails."
        ),
        (Some(owed), _, _) => format!(" The connection then waited for {owed}."),
        (None, _, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::scripts::*;

    /// A flight of a large and a small packet; the large one is repeated.
    fn flight(large: usize, small_passes: bool) -> Vec<Line> {
        let end = 1 + large as u32;
        let mut lines = vec![
            packet(20.0, Client, A, 1, 1, REQUEST),
            packet(30.0, Server, A, 1, 20, CONFIRM),
            filled(40.0, Client, 20, 20, 200),
            packet(50.0, Server, A, 20, 220, b""),
            filled(60.0, Client, 220, 20, large),
            filled(60.1, Client, 219 + end, 20, 100),
        ];
        if small_passes {
            lines.push(packet(70.0, Server, A, 20, 220, b""));
        }
        for (n, wait) in [360.0, 960.0, 2_160.0, 4_560.0].into_iter().enumerate() {
            let mut again = filled(wait, Client, 220, 20, large);
            again.id = 900 + n as u16;
            lines.push(again);
        }
        lines.push(packet(9_000.0, Client, R | A, 319 + end, 20, b""));
        script(10.0, lines)
    }

    #[test]
    fn large_ones_die_and_small_ones_pass() {
        let found = finding(&flight(1_460, true), "path-mtu-black-hole").unwrap();
        assert_eq!((found.severity, found.certainty), (Severity::Failure, Certainty::Likely));
        assert!(found.detail.contains("1500 bytes 5 times"), "{}", found.detail);
        assert!(found.detail.contains("between 241 and 1500"), "{}", found.detail);
        assert!(found.next[0].contains("MSS to 1220"), "{:?}", found.next);
    }

    #[test]
    fn a_dark_path_is_none() {
        assert!(finding(&flight(1_460, false), "path-mtu-black-hole").is_none());
    }

    #[test]
    fn a_small_packet_does_not_die_of_its_size() {
        assert!(finding(&flight(400, true), "path-mtu-black-hole").is_none());
    }

    #[test]
    fn at_the_receiving_end_the_size_is_not_known() {
        let lines: Vec<Line> = flight(1_460, true).into_iter().filter(|line| line.data.len() != 1_460).collect();
        assert!(finding(&lines, "path-mtu-black-hole").is_none());
    }
}
