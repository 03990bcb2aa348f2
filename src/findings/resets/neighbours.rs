//! What the other connections of a capture tell of a host: the ground on which
//! a reset can be judged whose own connection is too short.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::base::{CaptureId, Side, Span};
use crate::flow::TcpFacts;

/// Hosts remembered. A scan shows thousands, each of which is in one
/// connection; beyond this, new hosts are judged by their own connection alone.
const MAX_HOSTS: usize = 20_000;

/// TTLs remembered of each; a host that shows more has no baseline.
const MAX_TTLS: usize = 4;

/// One host, as one capture shows it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// TTLs of its packets, resets left out, with counts.
    pub ttls: Vec<(u8, u64)>,
    /// Connections of which it sent at least one packet.
    pub connections: u32,
    /// Packets beyond SYN and SYN-ACK, which a proxy may answer in its name.
    pub beyond_handshake: u64,
    /// The shortest round trip between it and the capture point.
    pub min_rtt: Option<Span>,
    /// Whether a connection measured it often enough to rely on it.
    pub rtt_is_steady: bool,
}

/// The hosts of a run, each per capture: distances are those of the capture
/// point.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    hosts: BTreeMap<(CaptureId, IpAddr), Known>,
}

impl Neighbours {
    /// Learns from a finished connection.
    pub fn learn(&mut self, tcp: &TcpFacts) {
        for side in Side::BOTH {
            let habits = tcp.habits.of(side);
            // Clocks that disagree measure nothing.
            let measured = tcp.handshake.round_trip.of(side).is_some() && tcp.clock_ran_back == 0;
            let min_rtt = tcp.rtt.of(side).min().filter(|_| measured);
            let key = (tcp.first.frame.capture, tcp.endpoints.of(side).ip);
            if habits.packets() == 0 || (self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&key)) {
                continue;
            }
            let known = self.hosts.entry(key).or_default();
            known.connections = known.connections.saturating_add(1);
            known.rtt_is_steady |= min_rtt.is_some() && tcp.rtt.of(side).is_steady();
            let shaken = u64::from(habits.handshake_ttl.is_some());
            known.beyond_handshake = known.beyond_handshake.saturating_add(habits.packets().saturating_sub(shaken));
            known.min_rtt = match (known.min_rtt, min_rtt) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            for (ttl, count) in habits.ttls() {
                if let Some((_, sum)) = known.ttls.iter_mut().find(|(t, _)| *t == ttl) {
                    *sum = sum.saturating_add(u64::from(count));
                } else if known.ttls.len() < MAX_TTLS {
                    known.ttls.push((ttl, u64::from(count)));
                }
            }
        }
    }

    /// What is known of the host at `side`.
    #[must_use]
    pub fn of(&self, tcp: &TcpFacts, side: Side) -> Option<&Known> {
        self.hosts.get(&(tcp.first.frame.capture, tcp.endpoints.of(side).ip))
    }
}
