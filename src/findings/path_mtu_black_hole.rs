//! `path-mtu-black-hole`: large packets vanish while small ones pass.

use super::fault::is_beside;
use super::finding::{AtFault, Evidence, Finding, Severity};
use super::rule::{Case, Out, Rule};
use crate::base::{At, Certainty, Seen, Side, Span};
use crate::flow::{BurstOutcome, LossEvent, Place, SegmentClass};
use crate::session::{Message, Stage};
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

/// A hole that one lost packet tore is filled by then: four repetitions from
/// 300 ms on, or two from the slowest first one (RFC 6298 §2.1).
const HOLE_OPEN: Span = Span::from_secs(5);

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
    /// Unacknowledged bytes at the first repetition.
    flight: u64,
}

/// Bytes that never came to the capture point, while smaller packets of the
/// same side did: what the receiving end sees of a black hole.
struct Missing {
    /// The packet that revealed it.
    since: At,
    /// A small packet that came through later.
    later: At,
    bytes: u64,
    /// IP length of the largest packet that came through.
    passed: u32,
    /// IP length of a full packet, as far as the handshake tells.
    full: Option<u32>,
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
            } else if let Some(missing) = missing(case, side) {
                suspect(self.id(), case, side, &missing, out);
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
    let burst = facts.loss.bursts.iter().find(|b| !b.first.follows(&first.at) && !first.at.follows(&b.last))?;
    let recovered = matches!(burst.outcome, BurstOutcome::Recovered(_));
    let shrunk = recovered && last.ip_len < first.ip_len;
    if large.len() < MIN_REPETITIONS || (recovered && !shrunk) {
        return None;
    }
    // Small packets passed when the large one was under way: the receiver
    // asked for the hole, or reported what came behind it.
    let small_passed = shrunk || facts.duplicate_acks > 0 || keep_alives_are_answered(case, side.other());
    let passed = if shrunk { last.ip_len } else { facts.largest_delivered };
    // Where nothing of that side is known to have arrived, the path is dark.
    (small_passed && passed > 0 && passed < first.ip_len).then(|| Hole {
        first: first.at,
        last: large.last().map_or(first.at, |event| event.at),
        repetitions: large.len(),
        size: first.ip_len,
        passed,
        shrunk,
        flight: burst.in_flight,
    })
}

/// The receiving end's view. A single lost packet is sent again and fills its
/// hole; one that stays open while smaller packets pass is suspicious.
fn missing(case: &Case<'_>, side: Side) -> Option<Missing> {
    let facts = case.tcp.directions.of(side);
    let (since, later) = (facts.hole_since?, facts.last?);
    let headers = headers(case);
    let least = u64::from(MIN_SUSPECT.saturating_sub(headers));
    let stays = later.time.since(since.time) >= HOLE_OPEN;
    // Beside the sender nothing is lost before the capture: the capture lacks it.
    let reported = case.coverage.is_whole() && !is_beside(case, side);
    let mss = case.tcp.directions.of(side.other()).mss;
    let full = mss.map(|mss| u32::from(mss).saturating_add(headers));
    // Where packets as large as can be came through, size is not the matter.
    let room = full.is_none_or(|full| facts.largest_packet < full);
    (reported && stays && room && facts.never_seen >= least).then_some(Missing {
        since,
        later,
        bytes: facts.never_seen,
        passed: facts.largest_packet,
        full,
    })
}

/// Bytes of the IP and TCP headers without options.
fn headers(case: &Case<'_>) -> u32 {
    if case.tcp.endpoints.client.ip.is_ipv4() { 40 } else { 60 }
}

fn suspect(id: &'static str, case: &Case<'_>, side: Side, missing: &Missing, out: &mut Out) {
    let Missing { since, later, bytes, passed, full } = *missing;
    let full = match full {
        Some(full) => format!(" The handshake allows packets of up to {full} bytes in that direction."),
        None => String::new(),
    };
    out.found(
        Finding::new(
            id,
            if case.is_active() { Severity::Warning } else { Severity::Failure },
            Certainty::Possible,
            format!("A large message of the {side} never arrived, while small packets did"),
            Evidence::new(since, format!("a packet of the {side} whose number shows that {bytes} bytes before it are missing")),
        )
        .at_fault(AtFault::Path)
        .detail(format!(
            "{bytes} bytes of the {side} never came to the capture point, although it stayed connected for {} after that. Smaller packets of the {side}, of up to {passed} bytes, came through before and after.{full} That is how a limit on the packet size between the {side} and the capture point looks from its far end (a path MTU black hole). Cannot tell, because the packets that vanished are not in this capture: how large they were, and whether it was their size that killed them.{}",
            later.time.since(since.time),
            match case.session.waiting {
                Some(waiting) if waiting.side == side => format!(" What is missing belongs to {}.", waiting.owed),
                _ => String::new(),
            },
        ))
        .support([Evidence::new(later, format!("a small packet of the {side} that came through later"))])
        .cannot_tell("the size of the packets that vanished, and with it whether their size was the reason: only a capture at the sending end shows that")
        .next(format!("capture at the {side} as well: there the size of what vanishes shows"))
        .next(format!("find the limit: ping -f -l 1472 from the {side}'s computer, then smaller, until it passes"))
        .next(format!("for a test, clamp the MSS to {CAUTIOUS_MSS} on the VPN or firewall between")),
    );
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
    let Hole { first, last, repetitions, size, passed, shrunk, flight } = *hole;
    let icmp = too_big(case);
    let failed = !case.is_active() && !shrunk;
    let certainty = if icmp.is_some() || shrunk { Certainty::Proven } else { Certainty::Likely };
    let headers = headers(case);
    let told = match icmp.map(|icmp| (icmp.value.mtu, icmp.value.ip.src)) {
        Some((Some(mtu), from)) => {
            format!("{from} reported by ICMP that at most {mtu} bytes pass, and the {side} did not heed it.")
        }
        Some((None, from)) => {
            format!("{from} reported by ICMP that they are too large, and the {side} did not heed it.")
        }
        None if case.tcp.more_icmp > 0 => format!(
            "None of the first {} ICMP messages about this connection told the sender; what {} more say was not kept.",
            case.tcp.icmp.len(),
            case.tcp.more_icmp
        ),
        None => "No ICMP message told the sender.".to_owned(),
    };
    let outcome = if shrunk {
        "It got through in smaller pieces at last."
    } else {
        "It was never acknowledged, while smaller packets of the same side came through."
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
        "The {side} sent a packet of {size} bytes {} times in vain; packets of up to {passed} bytes arrived. {outcome} The limit on the way is somewhere between {passed} and {} bytes. {told}{}",
        repetitions + 1,
        size - 1,
        hit(case, side, flight)
    ))
    .at_fault(AtFault::Path)
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

/// Which message it hit, and what that explains. `flight`: bytes sent together.
fn hit(case: &Case<'_>, side: Side, flight: u64) -> String {
    let Some(waiting) = case.session.waiting.filter(|waiting| !case.is_active() && waiting.side != side) else {
        return String::new();
    };
    match (waiting.since.value, side, case.session.stage()) {
        (_, Side::Server, Stage::Tls) => format!(
            " It hit the server's TLS flight with its certificate ({flight} bytes): a larger certificate (one from a CA in place of a self-signed one) is enough to begin this."
        ),
        (message @ Message::CredsspLeg(_), Side::Client, _) => format!(
            " It hit {message} ({flight} bytes), which is too large for NTLM: it carries a Kerberos ticket. Messages of NTLM are smaller: connecting by address (NTLM) may work where connecting by name (Kerberos) fails."
        ),
        (message, _, _) => format!(" It hit {message} ({flight} bytes); the {} owed {}.", waiting.side, waiting.owed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side::{Client, Server};
    use crate::findings::diagnose;
    use crate::findings::scripts::*;
    use crate::session::Session;

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
        assert!(found.detail.contains("between 240 and 1499"), "{}", found.detail);
        assert!(found.next[0].contains("MSS to 1220"), "{:?}", found.next);
    }

    #[test]
    fn a_dark_path_is_none() {
        assert!(finding(&flight(1_460, false), "path-mtu-black-hole").is_none());
    }

    #[test]
    fn where_nothing_is_known_to_have_arrived_the_path_may_be_dark() {
        // From the large packet on; the other side only probes.
        let mut late = flight(1_460, false).split_off(7);
        let probes = [3_000.0, 5_000.0, 7_000.0, 9_000.0].map(|ms| packet(ms, Server, A, 20, 220, b""));
        late.splice(late.len() - 1..late.len() - 1, probes);
        late.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        assert!(finding(&late, "path-mtu-black-hole").is_none());
        late.insert(0, filled(40.0, Client, 20, 20, 200));
        late.insert(1, packet(50.0, Server, A, 20, 220, b""));
        let found = finding(&late, "path-mtu-black-hole").unwrap();
        assert!(found.detail.contains("up to 240 bytes arrived"), "{}", found.detail);
    }

    #[test]
    fn a_small_packet_does_not_die_of_its_size() {
        assert!(finding(&flight(400, true), "path-mtu-black-hole").is_none());
    }

    #[test]
    fn what_the_receiver_reports_behind_the_hole_has_passed() {
        let mut lines = flight(1_460, true);
        let tail = lines.iter().position(|line| line.data.len() == 100).unwrap();
        let (from, to) = (lines[tail].seq, lines[tail].seq + 600);
        lines[tail].data = vec![0x17; 600];
        let report = lines.iter().position(|line| line.from == Server && line.ms == 70.0).unwrap();
        lines[report].sack = Some((from, to));
        let found = finding(&lines, "path-mtu-black-hole").unwrap();
        assert!(found.detail.contains("up to 640 bytes arrived"), "{}", found.detail);
    }

    #[test]
    fn icmp_that_names_the_limit_proves_it() {
        let lines = flight(1_460, true);
        let mut one = crate::flow::testing::play_to::<Session>(&lines).remove(0);
        let quoted = crate::flow::testing::segment(&lines[7]);
        let error = IcmpError {
            ip: quoted.ip,
            kind: 3,
            code: 4,
            mtu: Some(1_400),
            quoted_source: (quoted.ip.src, quoted.tcp.source_port),
            quoted_destination: (quoted.ip.dst, quoted.tcp.destination_port),
            quoted_protocol: 6,
            quoted_seq: Some(quoted.tcp.seq),
            quoted_len: quoted.ip.total_len,
        };
        one.tcp.icmp.push(one.tcp.first.seen(error));
        let findings = diagnose(&one.tcp, one.consumer.facts(), false).findings;
        let found = findings.iter().find(|f| f.id == "path-mtu-black-hole").unwrap();
        assert_eq!(found.certainty, Certainty::Proven);
        assert!(found.detail.contains("at most 1400 bytes pass"), "{}", found.detail);
        assert!(found.next[0].contains("MSS to 1360"), "{:?}", found.next);
    }

    #[test]
    fn icmp_that_was_not_kept_may_have_told() {
        let mut one = crate::flow::testing::play_to::<Session>(&flight(1_460, true)).remove(0);
        let told = |tcp: &crate::flow::TcpFacts, facts| {
            let findings = diagnose(tcp, facts, false).findings;
            findings.into_iter().find(|f| f.id == "path-mtu-black-hole").unwrap().detail.to_string()
        };
        assert!(told(&one.tcp, one.consumer.facts()).contains("No ICMP message told"));
        one.tcp.more_icmp = 3;
        assert!(told(&one.tcp, one.consumer.facts()).contains("what 3 more say was not kept"));
    }

    /// The same without the large ones, captured at the client all the same.
    fn lacking(large: usize) -> Vec<Line> {
        flight(large, true).into_iter().filter(|line| line.data.len() != large).collect()
    }

    /// What the server sees: the client's packets have the way behind them.
    fn far_end(large: usize) -> Vec<Line> {
        let mut lines = lacking(large);
        lines.iter_mut().filter(|line| line.from == Client).for_each(|line| line.ms += 9.9);
        lines.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        lines
    }

    #[test]
    fn beside_the_sender_the_capture_lacks_them() {
        assert!(finding(&lacking(1_460), "path-mtu-black-hole").is_none());
    }

    #[test]
    fn at_the_receiving_end_it_is_suspected_and_the_size_is_not_known() {
        let found = finding(&far_end(1_460), "path-mtu-black-hole").unwrap();
        assert_eq!((found.severity, found.certainty), (Severity::Failure, Certainty::Possible));
        assert!(found.detail.contains("1460 bytes of the client never came"), "{}", found.detail);
        assert!(found.detail.contains("Cannot tell, because"), "{}", found.detail);
    }

    #[test]
    fn at_the_receiving_end_a_small_hole_or_one_that_closes_is_none() {
        assert!(finding(&far_end(400), "path-mtu-black-hole").is_none());
        let mut closes = far_end(1_460);
        closes.push(filled(2_200.0, Client, 220, 20, 1_460));
        closes.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        assert!(finding(&closes, "path-mtu-black-hole").is_none());
    }

    #[test]
    fn a_hole_of_the_capture_is_none() {
        // The server acknowledges what the capture lacks.
        let mut lines = far_end(1_460);
        lines.push(packet(8_000.0, Server, A, 20, 1_780, b""));
        lines.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        assert!(finding(&lines, "path-mtu-black-hole").is_none());
        assert!(finding(&far_end(1_460)[3..], "path-mtu-black-hole").is_none(), "a late start shows no edges");
    }
}
