//! Which packets concern an attempt.

use std::collections::{BTreeMap, HashMap};

use core::net::IpAddr;

use crate::base::{Side, Span};
use crate::capture::Packet;
use crate::flow::RDP_PORT;
use crate::report::document::{BySide, Connection, Endpoint, Outcome, ProxyProtocol, Report, Stage, Time};
use crate::wire::Decoded;

/// A side channel is tried while the connection comes up, and its client asks
/// again for seconds.
const AROUND: Span = Span::from_secs(30);

/// A connection among those of the report, by its `id`.
pub(super) type Flow = u32;

/// Why a packet is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// A segment of a connection, from one side.
    Tcp(Flow, Side),
    /// A datagram of the side channel, or an error about either.
    Beside,
}

/// The attempts whose packets are wanted, and how to tell these.
#[derive(Clone, Debug)]
pub struct Selection {
    attempts: Vec<u32>,
    /// The connections between two ends, in order of time, those that are not
    /// wanted, too: ports are used again.
    between: BTreeMap<(Endpoint, Endpoint), Vec<Known>>,
    /// Client, server, from, until.
    side_channels: Vec<(IpAddr, IpAddr, Time, Time)>,
    session_since: HashMap<Flow, Time>,
    /// Bytes of each side that a proxy was told, or told, before RDP began.
    preambles: HashMap<Flow, BySide<u64>>,
    /// The point of view that all packets are taken from: that of the first
    /// connection wanted. From two, every packet would be there twice.
    capture: Option<u32>,
    vantages: HashMap<u32, u16>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    flow: Flow,
    client: Endpoint,
    start: Time,
    is_wanted: bool,
}

impl Selection {
    /// The attempts that failed.
    #[must_use]
    pub fn failed(report: &Report) -> Self {
        let failed = report.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Failed);
        Self::of(report, &failed.map(|attempt| attempt.id).collect::<Vec<_>>())
    }

    /// The attempts with these `id`s.
    #[must_use]
    pub fn of(report: &Report, attempts: &[u32]) -> Self {
        let is_wanted = |connection: &Connection| attempts.contains(&connection.attempt);
        let mut between: BTreeMap<_, Vec<Known>> = BTreeMap::new();
        for connection in &report.connections {
            between.entry(key(connection.client, connection.server)).or_default().push(Known {
                flow: connection.id,
                client: connection.client,
                start: connection.start,
                is_wanted: is_wanted(connection),
            });
        }
        between.retain(|_, known| known.iter().any(|known| known.is_wanted));
        for known in between.values_mut() {
            known.sort_by_key(|known| known.start);
        }
        let wanted = || report.connections.iter().filter(|connection| is_wanted(connection));
        Self {
            attempts: attempts.to_vec(),
            side_channels: report
                .attempts
                .iter()
                .filter(|attempt| attempts.contains(&attempt.id))
                .map(|a| (a.client_ip, a.server.ip, a.start.shifted(Span::ZERO - AROUND), a.end.shifted(AROUND)))
                .collect(),
            session_since: wanted().filter_map(|c| Some((c.id, session_start(c)?))).collect(),
            preambles: wanted().filter_map(|c| Some((c.id, preamble(c)?))).collect(),
            capture: wanted().next().map(|connection| connection.capture),
            between,
            vantages: HashMap::new(),
        }
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.between.is_empty()
    }

    /// The `id`s of the attempts.
    #[must_use]
    pub fn attempts(&self) -> &[u32] {
        &self.attempts
    }

    /// Since when a desktop was there: from then on what is in the packets is
    /// content.
    pub(super) fn session_since(&self, flow: Flow) -> Option<Time> {
        self.session_since.get(&flow).copied()
    }

    /// Where RDP begins in what a side sent. Before that a proxy is spoken to, of
    /// hosts and with passwords.
    pub(super) fn begins_at(&self, flow: Flow, side: Side) -> i64 {
        let preamble = self.preambles.get(&flow).map_or(0, |bytes| match side {
            Side::Client => bytes.client,
            Side::Server => bytes.server,
        });
        i64::try_from(preamble).unwrap_or(i64::MAX)
    }

    /// Whether `packet` concerns one of the attempts, and how.
    pub(super) fn concern(&mut self, decoded: &Decoded<'_>, packet: &Packet<'_>) -> Option<Concern> {
        let capture = packet.frame.capture.0;
        self.vantages.entry(capture).or_insert(packet.vantage);
        let wanted = self.capture?;
        // The capture that the first connection began in may come later, when
        // its packets do; until then the others cannot be of its view.
        if capture != wanted && self.vantages.get(&wanted) != Some(&packet.vantage) {
            return None;
        }
        let time = Time::from(packet.time);
        match decoded {
            Decoded::Tcp(segment) => {
                let source = Endpoint { ip: segment.ip.src, port: segment.tcp.source_port };
                let destination = Endpoint { ip: segment.ip.dst, port: segment.tcp.destination_port };
                let known = self.known(source, destination, time)?;
                Some(Concern::Tcp(known.flow, if known.client == source { Side::Client } else { Side::Server }))
            }
            Decoded::Udp(datagram) => {
                let is_port = datagram.source_port == RDP_PORT || datagram.destination_port == RDP_PORT;
                (is_port && self.is_beside(datagram.ip.src, datagram.ip.dst, time)).then_some(Concern::Beside)
            }
            Decoded::IcmpError(error) => {
                let end = |(ip, port)| Endpoint { ip, port };
                let known = self.known(end(error.quoted_source), end(error.quoted_destination), time);
                let ports = [error.quoted_source.1, error.quoted_destination.1];
                let beside = ports.contains(&RDP_PORT)
                    && self.is_beside(error.quoted_source.0, error.quoted_destination.0, time);
                (known.is_some() || beside).then_some(Concern::Beside)
            }
            Decoded::Fragment(_) | Decoded::Other | Decoded::Failed(_) => None,
        }
    }

    /// The connection that a packet between two ends belongs to, if wanted.
    fn known(&self, a: Endpoint, b: Endpoint, time: Time) -> Option<&Known> {
        let known = self.between.get(&key(a, b))?;
        let later = known.partition_point(|known| known.start <= time);
        let known = known.get(later.saturating_sub(1))?;
        known.is_wanted.then_some(known)
    }

    fn is_beside(&self, a: IpAddr, b: IpAddr, time: Time) -> bool {
        self.side_channels.iter().any(|(client, server, from, until)| {
            ((*client, *server) == (a, b) || (*client, *server) == (b, a)) && (*from..=*until).contains(&time)
        })
    }
}

fn key(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    if a <= b { (a, b) } else { (b, a) }
}

/// What is said before RDP begins. A PROXY protocol header is a message among
/// others.
fn preamble(connection: &Connection) -> Option<BySide<u64>> {
    let proxied = connection.proxied.as_ref()?;
    (proxied.protocol != Some(ProxyProtocol::ProxyProtocol)).then_some(proxied.bytes)
}

fn session_start(connection: &Connection) -> Option<Time> {
    connection.stages.iter().find(|stage| stage.stage == Stage::Active).map(|stage| stage.start)
}
