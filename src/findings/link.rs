//! A connection in summary: what those who look at many of them need.

use core::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use super::diagnosis::Outcome;
use super::probe::Told;
use super::rule::Coverage;
use crate::base::{At, BySide, CaptureTime, Certainty};
use crate::flow::{EndKind, Endpoint, Glimpse, TcpFacts};
use crate::session::{SessionFacts, Stage};
use crate::wire::negotiation::{Protocols, TokenKind};

/// A connection, as far as looking at several needs it.
#[derive(Clone, Debug)]
pub struct Link {
    /// The connection's id.
    pub id: u32,
    /// The client's address; its port changes with every connection.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// First packet.
    pub start: CaptureTime,
    /// The end.
    pub end: CaptureTime,
    /// Where it begins.
    pub first: At,
    /// The number that each side began at.
    pub isns: BySide<Option<u32>>,
    /// Until when it was open, as far as the capture shows.
    pub open_until: CaptureTime,
    /// When the desktop was reached.
    pub desktop: Option<CaptureTime>,
    /// The server's packets are in the capture.
    pub server_answered: bool,
    /// The capture shows all of it: both sides, the start, no gaps.
    pub is_sound: bool,
    /// Who opened it, as far as the opening shows.
    pub opener: Opener,
    /// What became of it.
    pub outcome: Outcome,
    /// How far it came.
    pub stage: Stage,
    /// How it ended.
    pub how: EndKind,
    /// Id of the finding that explains it.
    pub verdict: Option<&'static str>,
    /// How sure that is.
    pub certainty: Option<Certainty>,
    /// That finding leaves open with whom the fault lies.
    pub leaves_open: bool,
    /// It in one sentence.
    pub sentence: String,
}

/// What tells the clients behind one address apart, and one try of a client
/// from its next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opener {
    /// How its SYN is made: segment size, window scale, selective
    /// acknowledgments. Hosts of different make differ.
    pub stack: Option<(u16, Option<u8>, bool)>,
    /// A number for the name in its cookie, never the name.
    pub name: Option<u64>,
    /// The protocols that it asked for.
    pub requested: Option<Protocols>,
    /// It brought a routing token: a load balancer or a broker sent it.
    pub is_routed: bool,
}

impl Link {
    /// The summary of a connection, without its sentence.
    #[must_use]
    pub fn of(id: u32, tcp: &TcpFacts, session: &SessionFacts, coverage: Coverage, told: &Told) -> Self {
        Self {
            id,
            client: tcp.endpoints.client,
            server: tcp.endpoints.server,
            start: tcp.first.time,
            end: tcp.end.at.time,
            first: tcp.first,
            isns: tcp.isns,
            open_until: match tcp.end.kind {
                EndKind::Reset | EndKind::Fin => tcp.end.at.time,
                EndKind::Silence | EndKind::CaptureEnd => tcp.observed_until,
            },
            desktop: session.stages.of(Stage::Active).map(|stage| stage.first.time),
            server_answered: tcp.directions.server.packets > 0,
            is_sound: coverage.is_whole() && session.stages.lower_bound().is_none(),
            opener: Opener::of(tcp, session),
            outcome: told.outcome,
            stage: session.stage(),
            how: told.how,
            verdict: told.verdict.map(|(id, _)| id),
            certainty: told.verdict.map(|(_, certainty)| certainty),
            leaves_open: told.leaves_open,
            sentence: String::new(),
        }
    }

    /// The summary of a connection that is not over at `now`.
    #[must_use]
    pub fn in_progress(tcp: &Glimpse, session: &SessionFacts, now: CaptureTime) -> Self {
        Self {
            id: 0,
            client: tcp.endpoints.client,
            server: tcp.endpoints.server,
            start: tcp.first.time,
            end: tcp.last,
            first: tcp.first,
            isns: BySide::default(),
            open_until: now,
            desktop: session.stages.of(Stage::Active).map(|stage| stage.first.time),
            server_answered: tcp.is_sound,
            is_sound: tcp.is_sound && session.stages.lower_bound().is_none(),
            opener: Opener::default(),
            outcome: Outcome::Open,
            stage: session.stage(),
            how: EndKind::CaptureEnd,
            verdict: None,
            certainty: None,
            leaves_open: false,
            sentence: String::new(),
        }
    }
}

impl Opener {
    fn of(tcp: &TcpFacts, session: &SessionFacts) -> Self {
        let client = &tcp.directions.client;
        let request = session.negotiation.request.as_ref();
        let token = request.and_then(|request| request.value.token.as_ref());
        Self {
            stack: client.mss.map(|mss| (mss, client.window_scale, client.sack_permitted)),
            name: token
                .filter(|(kind, _)| *kind == TokenKind::Mstshash)
                .map(|(_, name)| FixedState::default().hash_one(name)),
            requested: session.negotiation.requested(),
            is_routed: token.is_some_and(|(kind, _)| matches!(kind, TokenKind::Msts | TokenKind::Tsv)),
        }
    }

    /// Whether both can be the same person at the same computer. A name that
    /// both show decides; the options of the SYN speak only without one, since
    /// Windows leaves out window scaling after a connection that went badly.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        match self.name.zip(other.name) {
            Some((name, other)) => name == other,
            None => self.stack.zip(other.stack).is_none_or(|(stack, other)| stack == other),
        }
    }
}
