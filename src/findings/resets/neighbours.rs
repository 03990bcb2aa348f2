//! What the other connections of a capture tell of a host: the ground on which
//! a reset can be judged whose own connection is too short.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use foldhash::HashMap;

use crate::base::{CaptureId, Side, Span};
use crate::flow::{Bare, TcpFacts};

/// Hosts remembered. A scan shows thousands, each of which is in one
/// connection; beyond this, new hosts are judged by their own connection alone, and
/// not by what a host's other connections could clear it of. As many as a table of
/// 16,384 places takes: 1.1 MiB.
pub const MAX_HOSTS: usize = 14_336;

/// TTLs remembered of each; a host that shows more has no baseline.
const MAX_TTLS: usize = 4;

/// One host, as one capture shows it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// TTLs of its packets, resets left out, in the order in which they were seen.
    ttls: [u8; MAX_TTLS],
    /// With how many packets each came. What has no count is none.
    counts: [u32; MAX_TTLS],
    /// Connections of which it sent at least one packet.
    pub connections: u32,
    /// Packets beyond SYN and SYN-ACK, which a proxy may answer in its name.
    pub beyond_handshake: u32,
    /// The shortest round trip between it and the capture point.
    pub min_rtt: Option<Span>,
    /// Whether a connection measured it often enough to rely on it.
    pub rtt_is_steady: bool,
    /// Whether there was any packet whose TTL found no place.
    pub has_more_ttls: bool,
}

impl Known {
    /// TTLs of its packets, resets left out, with counts.
    pub fn ttls(&self) -> impl Iterator<Item = (u8, u64)> + Clone {
        let with_counts = self.ttls.iter().zip(&self.counts).filter(|(_, count)| **count > 0);
        with_counts.map(|(ttl, count)| (*ttl, u64::from(*count)))
    }
}

/// What one connection shows of a host.
#[derive(Default)]
struct Shown {
    packets: u64,
    beyond_handshake: u64,
    min_rtt: Option<Span>,
    rtt_is_steady: bool,
    has_more_ttls: bool,
}

/// The hosts of a run, each per capture: distances are those of the capture
/// point.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    hosts: HashMap<Host, Known>,
}

/// A host, as one capture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Host {
    capture: CaptureId,
    ip: IpAddr,
}

/// In few steps: each connection is held against its hosts several times.
impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.ip {
            IpAddr::V4(ip) => state.write_u64(u64::from(self.capture.0) << 32 | u64::from(ip.to_bits())),
            IpAddr::V6(ip) => {
                state.write_u128(ip.to_bits());
                state.write_u32(self.capture.0);
            }
        }
    }
}

impl Neighbours {
    /// Learns from a finished connection.
    pub fn learn(&mut self, tcp: &TcpFacts) {
        for side in Side::BOTH {
            let habits = tcp.habits.of(side);
            // Clocks that disagree measure nothing.
            let measured = tcp.handshake.round_trip.of(side).is_some() && tcp.clock_ran_back == 0;
            let min_rtt = tcp.rtt.of(side).min().filter(|_| measured);
            let shaken = u64::from(habits.handshake_ttl.is_some());
            let shown = Shown {
                packets: habits.packets(),
                beyond_handshake: habits.packets().saturating_sub(shaken),
                min_rtt,
                rtt_is_steady: min_rtt.is_some() && tcp.rtt.of(side).is_steady(),
                has_more_ttls: !habits.knows_each_ttl(),
            };
            let ttls = habits.ttls().map(|(ttl, count)| (ttl, u64::from(count)));
            self.add(Host { capture: tcp.first.frame.capture, ip: tcp.endpoints.of(side).ip }, &shown, ttls);
        }
    }

    /// The same, where it carried nothing.
    pub fn learn_bare(&mut self, bare: &Bare) {
        let (capture, endpoints) = (bare.first().frame.capture, bare.endpoints());
        let ttls = bare.syns().map(|syn| (syn.ip().ttl, 1));
        let packets = ttls.clone().count() as u64;
        let client = Shown { packets, beyond_handshake: packets.saturating_sub(1), ..Shown::default() };
        self.add(Host { capture, ip: endpoints.client.ip }, &client, ttls);
        if let Some(answer) = bare.answer() {
            let server = Shown { packets: 1, min_rtt: bare.round_trip(), ..Shown::default() };
            self.add(Host { capture, ip: endpoints.server.ip }, &server, core::iter::once((answer.ip().ttl, 1)));
        }
    }

    /// Adds what one connection shows of a host, with the TTLs of its packets.
    fn add(&mut self, host: Host, shown: &Shown, ttls: impl Iterator<Item = (u8, u64)>) {
        if shown.packets == 0 {
            return;
        }
        let has_room = !self.is_full();
        let known = if has_room {
            self.hosts.entry(host).or_default()
        } else if let Some(known) = self.hosts.get_mut(&host) {
            known
        } else {
            return;
        };
        known.connections = known.connections.saturating_add(1);
        known.rtt_is_steady |= shown.rtt_is_steady;
        known.has_more_ttls |= shown.has_more_ttls;
        known.beyond_handshake = known.beyond_handshake.saturating_add(at_most_u32(shown.beyond_handshake));
        known.min_rtt = match (known.min_rtt, shown.min_rtt) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for (ttl, count) in ttls.filter(|(_, count)| *count > 0) {
            let mut places = known.ttls.iter_mut().zip(&mut known.counts);
            if let Some((place, sum)) = places.find(|(place, sum)| **place == ttl || **sum == 0) {
                *place = ttl;
                *sum = sum.saturating_add(at_most_u32(count));
            } else {
                known.has_more_ttls = true;
            }
        }
    }

    /// What is known of the host at `side`.
    #[must_use]
    pub fn of(&self, tcp: &TcpFacts, side: Side) -> Option<&Known> {
        self.host(tcp.first.frame.capture, tcp.endpoints.of(side).ip)
    }

    /// Whether nothing of the host at `side` is remembered, for want of room: its
    /// other connections may clear it, and nobody can look.
    #[must_use]
    pub fn has_forgotten(&self, tcp: &TcpFacts, side: Side) -> bool {
        self.is_forgotten(Host { capture: tcp.first.frame.capture, ip: tcp.endpoints.of(side).ip })
    }

    /// The same of who ended a connection that carried nothing, by a reset.
    #[must_use]
    pub fn has_forgotten_ender(&self, bare: &Bare) -> bool {
        bare.reset()
            .is_some_and(|(_, reset)| self.is_forgotten(Host { capture: reset.at.frame.capture, ip: reset.ip().src }))
    }

    fn is_forgotten(&self, host: Host) -> bool {
        self.is_full() && !self.hosts.contains_key(&host)
    }

    /// Whether a host of which nothing is known may have been forgotten.
    pub(super) fn is_full(&self) -> bool {
        self.hosts.len() >= MAX_HOSTS
    }

    /// How much is known of the hosts whose addresses the resets of a connection
    /// carry: as long as it is the same, so is all that is known of them.
    #[must_use]
    pub fn acquaintance(&self, tcp: &TcpFacts) -> u64 {
        let known = tcp.resets.iter().filter_map(|reset| self.of(tcp, reset.claimed_by));
        known.map(|known| u64::from(known.connections)).fold(0, u64::saturating_add)
    }

    /// The same where it carried nothing.
    #[must_use]
    pub fn acquaintance_of_bare(&self, bare: &Bare) -> u64 {
        let reset = bare.reset().and_then(|(_, reset)| self.host(reset.at.frame.capture, reset.ip().src));
        reset.map_or(0, |known| u64::from(known.connections))
    }

    /// What a capture shows of a host.
    pub(super) fn host(&self, capture: CaptureId, ip: IpAddr) -> Option<&Known> {
        self.hosts.get(&Host { capture, ip })
    }
}

fn at_most_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{strength, talk};
    use crate::findings::resets::{Company, Judgement, judge};
    use crate::flow::testing::{A, R, S, packet, play_one};
    use crate::session::SessionFacts;

    fn ip(n: usize) -> IpAddr {
        IpAddr::from((n as u128).to_be_bytes())
    }

    /// So many hosts that nobody asks about.
    fn strangers(count: usize) -> Neighbours {
        let mut neighbours = Neighbours::default();
        let shown = Shown { packets: 1, ..Shown::default() };
        (0..count)
            .for_each(|n| neighbours.add(Host { capture: CaptureId(0), ip: ip(n) }, &shown, core::iter::once((64, 1))));
        neighbours
    }

    fn judged(tcp: &TcpFacts, neighbours: &mut Neighbours) -> Judgement {
        neighbours.learn(tcp);
        let company = Company { neighbours: Some(neighbours), ..Company::default() };
        judge(tcp, &SessionFacts::default(), company).remove(0)
    }

    /// A server whose SYN-ACK came another way than the reset.
    fn short() -> TcpFacts {
        let (mut answer, mut rst) = (packet(5.0, Server, S | A, 0, 1, b""), packet(10.0, Server, A | R, 1, 1, b""));
        (answer.ttl, rst.ttl) = (128, 63);
        play_one(&[packet(0.0, Client, S, 0, 0, b""), answer, packet(6.0, Client, A, 1, 1, b""), rst]).0
    }

    use Side::{Client, Server};

    #[test]
    fn the_ttl_of_a_host_that_was_forgotten_accuses_nobody() {
        let blind = |judgement: &Judgement| judgement.cannot_tell.iter().any(|why| why.contains("not remembered"));
        let with_room = judged(&short(), &mut strangers(MAX_HOSTS - 2));
        assert!(strength(&with_room, "ttl-step").is_some() && !blind(&with_room));
        let mut full = strangers(MAX_HOSTS);
        let forgotten = judged(&short(), &mut full);
        assert_eq!(strength(&forgotten, "ttl-step"), None);
        assert!(blind(&forgotten));
        assert_eq!(full.hosts.len(), MAX_HOSTS);
        assert!(full.has_forgotten(&short(), Server));
    }

    #[test]
    fn a_longer_connection_speaks_for_itself() {
        let mut lines = talk();
        let mut rst = packet(60.0, Server, A | R, 13, 21, b"");
        rst.ttl = 63;
        lines.push(rst);
        let forgotten = judged(&play_one(&lines).0, &mut strangers(MAX_HOSTS));
        assert!(strength(&forgotten, "ttl-step").is_some());
    }

    #[test]
    fn a_fifth_ttl_is_not_left_out_silently() {
        let host = Host { capture: CaptureId(0), ip: ip(7) };
        let shown = Shown { packets: 1, ..Shown::default() };
        let mut neighbours = Neighbours::default();
        for (ttl, has_more) in [(64, false), (63, false), (65, false), (62, false), (64, false), (120, true)] {
            neighbours.add(host, &shown, core::iter::once((ttl, 1)));
            assert_eq!(neighbours.hosts[&host].has_more_ttls, has_more);
        }
    }
}
