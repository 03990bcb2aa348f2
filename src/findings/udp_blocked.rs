//! `udp-blocked`: the UDP side channel got no answer ([MS-RDPEUDP] 3.1.6.1). It
//! is optional, so this never explains a failure.

use core::net::IpAddr;

use foldhash::HashSet;

use super::crowd::{Crowd, CrowdRule};
use super::finding::{Evidence, Finding, Severity};
use crate::base::{At, Certainty, Span};
use crate::flow::SideChannel;

/// A client repeats its SYN; a single datagram may be anything.
const PROBES: u64 = 2;

/// The first repetition comes after 800 ms ([MS-RDPEUDP] 3.1.5.1.1); copies of
/// one datagram come sooner.
const REPEATED_AFTER: Span = Span::from_millis(500);

/// The rule.
pub struct UdpBlocked;

impl CrowdRule for UdpBlocked {
    fn id(&self) -> &'static str {
        "udp-blocked"
    }

    fn prose(&self) -> &'static str {
        include_str!("udp_blocked.md")
    }

    fn check(&self, crowd: &Crowd<'_>) -> Option<Finding> {
        let asked: HashSet<(IpAddr, IpAddr)> = crowd.side_channels.iter().map(ends).collect();
        // Only where TCP shows that the capture hears this server. There are many
        // more connections, of which most captures have no side channels.
        let heard: HashSet<(IpAddr, IpAddr)> = crowd
            .connections
            .iter()
            .filter(|connection| connection.is_sound && connection.server_answered)
            .map(|connection| (connection.client, connection.server.ip))
            .filter(|ends| asked.contains(ends))
            .collect();
        let of = |channel: &&SideChannel| heard.contains(&ends(channel)) && channel.first.client.is_some();
        let tried = crowd.side_channels.iter().filter(of).count();
        let blocked: Vec<(At, At, u64)> = crowd.side_channels.iter().filter(of).filter_map(unanswered).collect();
        let (first, last, probes) = *blocked.first()?;
        Some(
            Finding::new(
                self.id(),
                Severity::Info,
                Certainty::Likely,
                "UDP to port 3389 was not answered: the sessions use TCP alone",
                Evidence::new(first, format!("first of {probes} UDP packets of the client that nobody answered")),
            )
            .detail(format!(
                "{} of {tried} UDP side channels got no answer. They are optional: sessions work without them, and on slow or lossy networks less smoothly. No connection failed because of this.",
                blocked.len()
            ))
            .support([Evidence::new(last, "the last of them")])
            .cannot_tell("where it is lost: a firewall on the way, the server's own, or a server that does no UDP")
            .next("if UDP is wanted: is UDP 3389 (with a gateway, 3391) allowed end to end, and does the server listen? Get-NetUDPEndpoint -LocalPort 3389; allow it for the networks that need it only"),
        )
    }
}

/// Who asked whom.
const fn ends(channel: &SideChannel) -> (IpAddr, IpAddr) {
    (channel.endpoints.client.ip, channel.endpoints.server.ip)
}

fn unanswered(channel: &SideChannel) -> Option<(At, At, u64)> {
    let (first, last) = (channel.first.client?, channel.last.client?);
    let probes = channel.packets.client;
    let repeated = probes >= PROBES && last.time.since(first.time) >= REPEATED_AFTER;
    (repeated && channel.packets.server == 0).then_some((first, last, probes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BySide, CaptureTime, Frame};
    use crate::findings::Link;
    use crate::findings::Member;
    use crate::findings::testing::link;

    fn channel(probes: u64, answers: u64, last_ms: i64) -> SideChannel {
        let at = |ms: i64| At {
            frame: Frame::new(0, 100 + ms.unsigned_abs()),
            time: CaptureTime::from_nanos(ms * 1_000_000),
        };
        let endpoints = BySide { client: link(1, 0, 9).client, server: link(1, 0, 9).server };
        let answered = (answers > 0).then_some(at(5));
        SideChannel {
            endpoints,
            first: BySide { client: Some(at(0)), server: answered },
            last: BySide { client: Some(at(last_ms)), server: answered },
            packets: BySide { client: probes, server: answers },
        }
    }

    fn check(connections: &[Link], side_channels: &[SideChannel]) -> Option<Finding> {
        let connections: Vec<Member> = connections.iter().map(Member::from).collect();
        UdpBlocked.check(&Crowd { connections: &connections, side_channels })
    }

    #[test]
    fn probes_that_nobody_answers_are_told_and_fail_nothing() {
        let finding = check(&[link(1, 0, 9)], &[channel(3, 0, 1600)]).unwrap();
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.primary.at.frame, Frame::new(0, 100));
    }

    #[test]
    fn answers_single_packets_and_copies_are_silent() {
        for near_miss in [channel(3, 1, 1600), channel(1, 0, 0), channel(2, 0, 1)] {
            assert!(check(&[link(1, 0, 9)], &[near_miss]).is_none());
        }
    }

    #[test]
    fn a_capture_that_does_not_hear_the_server_cannot_tell() {
        let probes = [channel(3, 0, 1600)];
        assert!(check(&[], &probes).is_none(), "a scan");
        assert!(check(&[Link { is_sound: false, ..link(1, 0, 9) }], &probes).is_none(), "damaged");
        assert!(check(&[Link { server_answered: false, ..link(1, 0, 9) }], &probes).is_none(), "never heard");
    }
}
