//! The same pipeline while the packets are still arriving: the clock finishes
//! what is over, and what is finished is taken away.

use core::mem;
use core::net::IpAddr;

use super::{Analyzer, Connection};
use crate::base::{CaptureTime, Side, Span};
use crate::capture::Packet;
use crate::findings::resets::Views;
use crate::findings::{CAPTURE_RULES, Finding, Link, Told};
use crate::flow::{Endpoint, Glimpse, SideChannel, SideChannels};
use crate::session::{Owed, Session, SessionFacts, Stage};
use crate::wire::{self, Decoded, Plain, Segment};

/// A side channel that was quiet for so long is forgotten: its client probes
/// for some seconds, and data keeps it alive.
const SIDE_CHANNEL_QUIET: Span = Span::from_secs(600);

/// Connections that are over after one tick. Each is explained at once; what a
/// flood leaves is told over some ticks, between which packets are read.
const MAX_AT_A_TICK: usize = 256;

/// The two ends that a packet is about, in a fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    low: Endpoint,
    high: Endpoint,
}

impl Ends {
    /// The same for both directions.
    #[must_use]
    #[inline]
    pub fn new(a: Endpoint, b: Endpoint) -> Self {
        if a <= b { Self { low: a, high: b } } else { Self { low: b, high: a } }
    }

    /// Whom a packet is about that [`Analyzer::push`] takes for ours.
    #[must_use]
    pub fn of_packet(packet: &Packet<'_>) -> Option<Self> {
        match Plain::of(packet.link, packet.data).and_then(|plain| plain.segment(packet.original_len)) {
            Some(segment) => Some(Self::of_segment(&segment)),
            None => Self::of(&wire::decode(packet.link, packet.data, packet.original_len)),
        }
    }

    /// Those of a segment.
    #[inline]
    fn of_segment(segment: &Segment<'_>) -> Self {
        let (ip, tcp) = (&segment.ip, &segment.tcp);
        let (source, destination) = ((ip.src, tcp.source_port), (ip.dst, tcp.destination_port));
        Self::new(Endpoint { ip: source.0, port: source.1 }, Endpoint { ip: destination.0, port: destination.1 })
    }

    /// What passes between two hosts beside their connections: fragments, which
    /// have no ports, and UDP.
    #[must_use]
    pub fn of_hosts(a: IpAddr, b: IpAddr) -> Self {
        Self::new(Endpoint { ip: a, port: 0 }, Endpoint { ip: b, port: 0 })
    }

    /// Whether they are two hosts, and no connection.
    #[must_use]
    pub const fn are_hosts(&self) -> bool {
        self.low.port == 0 && self.high.port == 0
    }

    /// The addresses.
    #[must_use]
    pub fn hosts(&self) -> Self {
        Self::of_hosts(self.low.ip, self.high.ip)
    }

    /// Those of a segment, or those that an ICMP error quotes.
    fn of(decoded: &Decoded<'_>) -> Option<Self> {
        let ends = |(ip, port), (other_ip, other_port)| {
            Self::new(Endpoint { ip, port }, Endpoint { ip: other_ip, port: other_port })
        };
        match decoded {
            Decoded::Tcp(segment) => Some(Self::of_segment(segment)),
            Decoded::IcmpError(error) => Some(ends(error.quoted_source, error.quoted_destination)),
            Decoded::Udp(datagram) => {
                let is_ours = SideChannels::concerns(datagram.source_port, datagram.destination_port);
                is_ours.then(|| Self::of_hosts(datagram.ip.src, datagram.ip.dst))
            }
            Decoded::Fragment(fragment) => Some(Self::of_hosts(fragment.ip.src, fragment.ip.dst)),
            Decoded::Failed(_) | Decoded::Other => None,
        }
    }
}

/// A connection that is not over.
#[derive(Clone, Copy, Debug)]
pub struct InProgress {
    /// What TCP shows.
    pub tcp: Glimpse,
    /// How far it came.
    pub stage: Stage,
    /// Who owes the next message, and which.
    pub waiting_for: Option<(Side, Owed)>,
}

impl Connection {
    /// What looking at several connections together needs of it.
    #[must_use]
    pub fn link(&self) -> Link {
        let Self { id, tcp, session, diagnosis, sentence, .. } = self;
        let link = Link::of(*id, tcp, session, diagnosis.coverage, &Told::of(diagnosis));
        Link { sentence: sentence.clone(), ..link }
    }
}

impl Analyzer {
    /// The machine's clock has come to `now`: what was waited for long enough
    /// is over, also when no packet says so. At most a few hundred connections
    /// are explained in one go; returns whether more are waiting for it.
    pub fn tick(&mut self, now: CaptureTime) -> bool {
        self.tick_some(now, MAX_AT_A_TICK)
    }

    /// The same for at most `limit` connections.
    pub fn tick_some(&mut self, now: CaptureTime, limit: usize) -> bool {
        self.watched.tell(&mut self.table);
        let more = self.table.tick(now, limit, |session| session.facts().stage() == Stage::Active);
        self.explain_finished();
        more
    }

    /// Forgets what no connection needs any more.
    pub fn forget(&mut self, now: CaptureTime) {
        self.side_channels.forget(now - SIDE_CHANNEL_QUIET);
        if !self.drops.is_empty() {
            // What lingers after its end is not in progress, and not told yet.
            let oldest = self.table.oldest_start();
            self.drops.forget(oldest.unwrap_or(now));
        }
    }

    /// The capture lost `count` packets between two times: what is said of the
    /// connections of that time is less certain. 0 where nobody counted, as
    /// when an interface was away.
    pub fn lost(&mut self, count: u64, since: CaptureTime, until: CaptureTime) {
        self.totals.dropped = self.totals.dropped.saturating_add(count);
        self.drops.add(count, since, until);
    }

    /// No more packets will come: at most `limit` connections are over, those
    /// first of which most is known. Returns whether any is left; what is over
    /// is to be taken in between, since the list of them is bounded.
    pub fn end_some(&mut self, limit: usize) -> bool {
        let more = self.table.finish_some(limit);
        self.explain_finished();
        more
    }

    /// Takes the connections that are over, in the order of their end, each
    /// looked at once more by the light of all that ended before; what ends later
    /// changes nothing that was told. Their `id` is for the caller to give.
    pub fn take(&mut self) -> Vec<Connection> {
        let mut taken = mem::take(&mut self.connections);
        // The other end's capture is elsewhere: there are no other views.
        self.reconsider(&mut taken, &Views::default());
        for Connection { tcp, session, diagnosis, .. } in &taken {
            self.totals.foreign_resets.add(tcp, session, diagnosis);
        }
        taken
    }

    /// The hosts between which connections are not over.
    pub fn hosts_in_progress(&self) -> impl Iterator<Item = Ends> {
        let open = self.table.in_progress();
        open.map(|(tcp, _)| Ends::of_hosts(tcp.endpoints.client.ip, tcp.endpoints.server.ip))
    }

    /// Whether the connection that a packet was about is followed.
    #[must_use]
    pub fn follows(&self, ends: &Ends, vantage: u16) -> bool {
        self.table.follows(ends.low, ends.high, vantage)
    }

    /// Whether the packet that was just pushed came too late, for a connection that
    /// was over.
    #[must_use]
    pub fn is_stray(&self, ends: &Ends, vantage: u16) -> bool {
        self.table.is_stray(ends.low, ends.high, vantage)
    }

    /// The connections that are over and not taken yet. A packet that was pushed
    /// may have ended some; it is not part of them.
    #[must_use]
    pub fn ended(&self) -> &[Connection] {
        &self.connections
    }

    /// The connections with `server`, or all, that are not over and came further
    /// than TCP, in summary. (A flood does not.)
    pub fn links_in_progress(&self, server: Option<Endpoint>, now: CaptureTime) -> impl Iterator<Item = Link> {
        let wanted = move |tcp: &Glimpse| server.is_none_or(|server| tcp.endpoints.server == server);
        let spoken = self.table.in_progress().filter_map(|(tcp, session)| Some((tcp, session?.facts())));
        let spoken = spoken.filter(move |(tcp, facts)| facts.stage() > Stage::Tcp && wanted(tcp));
        spoken.map(move |(tcp, facts)| Link::in_progress(&tcp, facts, now))
    }

    /// The UDP side channels of a server, or all.
    #[must_use]
    pub fn side_channels(&self, server: Option<IpAddr>) -> Vec<SideChannel> {
        self.side_channels.of(server)
    }

    /// What all that was taken so far shows of the capture as a whole.
    pub fn of_the_capture(&self) -> impl Iterator<Item = Finding> {
        CAPTURE_RULES.iter().filter_map(|rule| rule.check(&self.totals))
    }

    /// The connections that are not over.
    pub fn in_progress(&self) -> impl Iterator<Item = InProgress> {
        self.table.in_progress().map(|(tcp, session)| {
            let facts = session.map(Session::facts);
            let waiting = facts.and_then(|facts| facts.waiting);
            InProgress {
                tcp,
                stage: facts.map_or(Stage::Tcp, SessionFacts::stage),
                waiting_for: waiting.map(|waiting| (waiting.side, waiting.owed)),
            }
        })
    }
}
