//! Which packets concern an attempt.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use core::net::IpAddr;

use crate::base::{Side, Span};
use crate::capture::Packet;
use crate::flow::RDP_PORT;
use crate::report::document::{BySide, Connection, Endpoint, Outcome, ProxyProtocol, Report, Stage, Time};
use crate::report::story;
use crate::wire::Decoded;

/// A side channel is tried while the connection comes up, and its client asks
/// again for seconds.
const AROUND: Span = Span::from_secs(30);

/// Connections between the same two ends that are looked through for the one
/// that a packet belongs to: more than anybody has points of capture.
const MAX_VIEWS: usize = 64;

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
    side_channels: Vec<SideChannel>,
    session_since: HashMap<Flow, Time>,
    /// Bytes of each side that a proxy was told, or told, before RDP began.
    preambles: HashMap<Flow, BySide<u64>>,
    /// The captures that a connection was taken from, where others saw it, too.
    seen_elsewhere: BTreeSet<u32>,
    /// The point of view of each capture, once a packet of it came.
    vantages: HashMap<u32, u16>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    flow: Flow,
    client: Endpoint,
    start: Time,
    end: Time,
    /// The capture that it begins in.
    capture: u32,
    is_wanted: bool,
}

/// Where datagrams beside an attempt would be.
#[derive(Clone, Copy, Debug)]
struct SideChannel {
    client: IpAddr,
    server: IpAddr,
    from: Time,
    until: Time,
    capture: u32,
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
                end: connection.end,
                capture: connection.capture,
                is_wanted: is_wanted(connection),
            });
        }
        between.retain(|_, known| known.iter().any(|known| known.is_wanted));
        let decides: BTreeSet<Flow> =
            report.attempts.iter().filter_map(|attempt| Some(attempt.verdict.as_ref()?.connection)).collect();
        let mut seen_elsewhere = BTreeSet::new();
        for known in between.values_mut() {
            known.sort_by_key(|known| known.start);
            seen_elsewhere.extend(once_each(known, &decides));
        }
        let wanted = || report.connections.iter().filter(|connection| is_wanted(connection));
        Self {
            attempts: attempts.to_vec(),
            side_channels: report
                .attempts
                .iter()
                .filter(|attempt| attempts.contains(&attempt.id))
                .filter_map(|attempt| {
                    Some(SideChannel {
                        client: attempt.client_ip,
                        server: attempt.server.ip,
                        from: attempt.start.shifted(Span::ZERO - AROUND),
                        until: attempt.end.shifted(AROUND),
                        capture: story::deciding(report, attempt)?.capture,
                    })
                })
                .collect(),
            session_since: wanted().filter_map(|c| Some((c.id, session_start(c)?))).collect(),
            preambles: wanted().filter_map(|c| Some((c.id, preamble(c)?))).collect(),
            between,
            seen_elsewhere,
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

    /// The captures from which connections were taken that other captures hold,
    /// too. From two points of view every packet would be there twice.
    pub(super) const fn seen_elsewhere(&self) -> &BTreeSet<u32> {
        &self.seen_elsewhere
    }

    /// The point of view of a capture, where a packet of it came.
    pub(super) fn vantage(&self, capture: u32) -> Option<u16> {
        self.vantages.get(&capture).copied()
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
        let view = packet.frame.capture.0;
        self.vantages.entry(view).or_insert(packet.vantage);
        let time = Time::from(packet.time);
        match decoded {
            Decoded::Tcp(segment) => {
                let source = Endpoint { ip: segment.ip.src, port: segment.tcp.source_port };
                let destination = Endpoint { ip: segment.ip.dst, port: segment.tcp.destination_port };
                let known = self.known(source, destination, time, view)?;
                Some(Concern::Tcp(known.flow, if known.client == source { Side::Client } else { Side::Server }))
            }
            Decoded::Udp(datagram) => {
                let is_port = datagram.source_port == RDP_PORT || datagram.destination_port == RDP_PORT;
                let (a, b) = (datagram.ip.src, datagram.ip.dst);
                (is_port && self.is_beside(a, b, time, view)).then_some(Concern::Beside)
            }
            Decoded::IcmpError(error) => {
                let end = |(ip, port)| Endpoint { ip, port };
                let known = self.known(end(error.quoted_source), end(error.quoted_destination), time, view);
                let ports = [error.quoted_source.1, error.quoted_destination.1];
                let beside = ports.contains(&RDP_PORT)
                    && self.is_beside(error.quoted_source.0, error.quoted_destination.0, time, view);
                (known.is_some() || beside).then_some(Concern::Beside)
            }
            Decoded::Fragment(_) | Decoded::Other | Decoded::Failed(_) => None,
        }
    }

    /// The connection that a packet between two ends in capture `view` belongs
    /// to, if wanted.
    fn known(&self, a: Endpoint, b: Endpoint, time: Time, view: u32) -> Option<&Known> {
        let known = self.between.get(&key(a, b))?;
        let later = known.partition_point(|known| known.start <= time);
        let mut begun = known.get(..later.max(1))?.iter().rev().take(MAX_VIEWS);
        begun.find(|known| self.is_view_of(view, known.capture)).filter(|known| known.is_wanted)
    }

    fn is_beside(&self, a: IpAddr, b: IpAddr, time: Time, view: u32) -> bool {
        self.side_channels.iter().any(|beside| {
            let ends = (beside.client, beside.server);
            (ends == (a, b) || ends == (b, a))
                && (beside.from..=beside.until).contains(&time)
                && self.is_view_of(view, beside.capture)
        })
    }

    /// Whether `view` continues capture `first`: from one ring, or the same. The
    /// capture that something begins in may come later, when its packets do;
    /// until then the others cannot be of its view.
    fn is_view_of(&self, view: u32, first: u32) -> bool {
        view == first || self.vantages.get(&first).is_some_and(|vantage| self.vantages.get(&view) == Some(vantage))
    }
}

/// Of connections between two ends, in order of time, those that are one, seen
/// from several points, stay wanted once: as the verdict saw it, or as the first
/// capture did. Returns the captures that they are taken from.
fn once_each(between: &mut [Known], decides: &BTreeSet<Flow>) -> Vec<u32> {
    let mut taken = Vec::new();
    let mut rest = between;
    while let Some(first) = rest.first().copied() {
        let mut end = first.end;
        let more = rest.iter().skip(1).take_while(|known| {
            let overlaps = known.start < end && known.capture != first.capture;
            end = end.max(known.end);
            overlaps
        });
        let (same, later) = rest.split_at_mut(more.count().saturating_add(1));
        let chosen = same.iter().position(|known| decides.contains(&known.flow)).unwrap_or(0);
        if same.len() > 1 && same.iter().any(|known| known.is_wanted) {
            for (n, known) in same.iter_mut().enumerate() {
                known.is_wanted = n == chosen;
            }
            taken.extend(same.get(chosen).map(|known| known.capture));
        }
        rest = later;
    }
    taken
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
