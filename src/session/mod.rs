//! Floor 3: ordered bytes → stages as typed facts.
//!
//! A [`Session`] is given the bytes of one conversation, each side's in stream
//! order and both in capture order, with the gaps and the ends between them.
//! It reads what is in the clear byte for byte ([MS-RDPBCGR] 1.3.1.1), and what
//! TLS hides by the shape of its records; every fact says which, and where.
//!
//! Three calls, since three things can come: bytes, a gap, the end. A gap on
//! one side never silences the other.

mod clear;
mod credssp;
mod facts;
mod in_progress;
mod mcs;
mod message;
mod negotiation;
mod records;
mod shapes;
mod stage;
mod steps;
mod stream;
mod tls;
mod transcript;
mod waiting;

#[cfg(test)]
pub(crate) mod tests;

pub use credssp::{CredsspFacts, Leg, MAX_LEGS, Mechanism};
pub use facts::{
    Blind, BlindCause, ErrorInfoFact, Foreign, IsRdp, MAX_OUT_OF_PLACE, OutOfPlace, SessionFacts, Ultimatum,
};
pub use mcs::{LicensingFacts, MAX_LICENCE_MESSAGES, McsFacts};
pub use message::Message;
pub use negotiation::{ConfirmFact, Negotiation, RequestFact};
pub use records::Records;
pub use stage::{Doubt, Stage, StageFact, StageWords, Stages};
pub use steps::{MAX_STEPS, Step, Steps};
pub use tls::TlsFacts;
pub use waiting::{Owed, Waiting};

use clear::Clear;
use in_progress::InProgress;
use stream::{Kind, Stream, Unit};
use tls::Tls;
use transcript::Transcript;
use waiting::InsideTls;

use crate::base::{At, BySide, Gap, GapCause, Side, Visibility};
use crate::wire::tls::handshake::HandshakeType;
use crate::wire::tls::{ContentType, Header};

/// One conversation.
#[derive(Debug, Default)]
pub struct Session {
    /// What was not brought into the facts yet: records that are only counted.
    in_progress: InProgress,
    streams: BySide<Stream>,
    transcript: Transcript,
    clear: Clear,
    tls: Option<Box<Tls>>,
    roles: Option<Roles>,
    /// The desktop is there, and what follows is application data until
    /// something else shows: its records are only counted and measured.
    is_settled: bool,
}

/// Who is who, as the messages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The side that is the client, by the name that the caller gave it.
    pub client: Side,
    /// The message that shows it.
    pub at: At,
}

impl Session {
    /// A conversation of which nothing was seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of `side`'s stream.
    #[inline]
    pub fn bytes(&mut self, side: Side, data: &[u8], at: At) {
        if !self.in_progress.counts(side, data, at) {
            self.look_at(side, data, at);
        }
    }

    /// The same for what is not only counted.
    #[inline(never)]
    fn look_at(&mut self, side: Side, data: &[u8], at: At) {
        self.transcript.facts.stages.touch(at);
        self.in_progress.is_touched_no_more();
        let role = self.role(side);
        if !self.streams.of_mut(role).pass_over(data.len()) {
            self.read(side, data, at);
        }
    }

    /// The same for what is not as plain as that.
    #[inline(never)]
    fn read(&mut self, side: Side, data: &[u8], at: At) {
        let mut rest = data;
        let role = self.role(side);
        self.in_progress.tell(&mut self.transcript.facts);
        if self.is_settled
            && let Some(tls) = &mut self.tls
        {
            let (t, in_progress, is_settled) = (&mut self.transcript, &mut self.in_progress, &mut self.is_settled);
            self.streams.of_mut(role).application_data(&mut rest, |length| {
                if in_progress.is_dull(role, length)
                    && let Some(records) = &mut t.facts.records
                {
                    records.add(role, length, None);
                    return true;
                }
                *is_settled = tls.session_record(role, length, at, t);
                in_progress.are_dull(tls.dull(t));
                *is_settled
            });
        }
        while let Some(unit) = self.streams.of_mut(self.role(side)).next(&mut rest) {
            self.settle_roles(side, &unit, at);
            self.unit(self.role(side), unit, at);
        }
        let may_count = self.is_settled && self.transcript.facts.records.is_some();
        for side in Side::BOTH {
            self.in_progress.may_count(side, may_count && self.streams.of(side).is_between());
        }
    }

    /// Bytes of `side`'s stream are missing.
    pub fn gap(&mut self, side: Side, gap: Gap) {
        let side = self.role(side);
        let at = At::from(gap);
        self.unsettle();
        let (unit, boundary_is_known) = self.streams.of_mut(side).gap(&gap);
        if let Some(unit) = unit {
            self.unit(side, unit, at);
        }
        if !boundary_is_known {
            self.lost(side, BlindCause::Gap(gap.cause), at);
        }
    }

    /// `side` has nothing more to send: its FIN is in order.
    pub fn end(&mut self, side: Side, at: At) {
        let side = self.role(side);
        self.transcript.facts.ended.of_mut(side).get_or_insert(at);
    }

    /// The caller will call the sides the other way round from now on.
    pub fn swap_sides(&mut self) {
        match &mut self.roles {
            // The facts are in the protocol's terms already.
            Some(roles) => {
                roles.client = roles.client.other();
                self.in_progress.turn();
            }
            None => self.turn(),
        }
    }

    /// Who is who, where a message has shown it. Where `client` is
    /// [`Side::Server`], the caller has the two the wrong way round; the facts
    /// have not.
    #[must_use]
    pub const fn roles(&self) -> Option<Roles> {
        self.roles
    }

    /// What is known so far, but for the last records of a session that were only
    /// counted, and that an alert before them was not the last record: those are told
    /// at the [end](Self::into_facts), or when something else comes.
    #[must_use]
    pub const fn facts(&self) -> &SessionFacts {
        &self.transcript.facts
    }

    /// What is known, and no more to come.
    #[must_use]
    pub fn into_facts(mut self) -> SessionFacts {
        self.in_progress.tell(&mut self.transcript.facts);
        let mut facts = self.transcript.facts;
        facts.stages.write_touched();
        facts.steps.shrink_to_fit();
        facts
    }

    const fn role(&self, side: Side) -> Side {
        self.in_progress.role(side)
    }

    /// What comes next is looked at, whatever it is.
    fn unsettle(&mut self) {
        self.is_settled = false;
        self.in_progress.tell(&mut self.transcript.facts);
        for side in Side::BOTH {
            self.in_progress.may_count(side, false);
        }
    }

    fn turn(&mut self) {
        self.unsettle();
        self.streams.swap();
        self.transcript.facts.swap_sides();
    }

    fn settle_roles(&mut self, side: Side, unit: &Unit<'_>, at: At) {
        if self.roles.is_some() {
            return;
        }
        let Some(sender) = sender(unit) else { return };
        if sender != self.role(side) {
            self.in_progress.turn();
            self.turn();
        }
        self.roles = Some(Roles { client: if sender == Side::Client { side } else { side.other() }, at });
    }

    fn unit(&mut self, side: Side, unit: Unit<'_>, at: At) {
        if !unit.is_tentative
            && !matches!(unit.kind, Kind::Confused | Kind::Foreign)
            && let Some(blind) = self.transcript.facts.blind.of_mut(side)
        {
            blind.recovered.get_or_insert(at);
        }
        let t = &mut self.transcript;
        match unit.kind {
            Kind::Preconnection => {
                t.facts.negotiation.preconnection.get_or_insert(at.seen(()));
                t.recognise(Message::Preconnection, side, at, Visibility::Clear);
            }
            Kind::ProxyHeader => {
                t.facts.proxy_header.get_or_insert(at.seen(usize::try_from(unit.len).unwrap_or(usize::MAX)));
            }
            Kind::Tpkt => self.clear.frame(side, &unit, at, t),
            Kind::FastPath => self.clear.fast_path(side, at, t),
            Kind::Record(header) => self.record(side, header, &unit, at),
            Kind::Foreign => {
                t.facts.is_rdp = IsRdp::Other(at.seen((side, Foreign::of(&unit.head))));
            }
            Kind::Confused => self.lost(side, BlindCause::NotUnderstood, at),
        }
        let is_active = self.transcript.facts.stage() == Stage::Active;
        for side in Side::BOTH {
            let stream = self.streams.of_mut(side);
            stream.bulk = is_active;
            stream.protected = self.tls.as_ref().is_some_and(|tls| tls.is_protected(side));
        }
        self.is_settled = is_active && self.roles.is_some() && self.is_followed() && self.reads_a_session();
        // Until a record was looked at.
        self.in_progress.are_dull(BySide::default());
    }

    /// Whether it is known on both sides where messages begin.
    fn is_followed(&self) -> bool {
        let blind = &self.transcript.facts.blind;
        let is_followed = |blind: Option<Blind>| blind.is_none_or(|blind| blind.recovered.is_some());
        is_followed(blind.client) && is_followed(blind.server)
    }

    fn reads_a_session(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.reads_a_session())
    }

    fn record(&mut self, side: Side, header: Header, unit: &Unit<'_>, at: At) {
        let t = &mut self.transcript;
        if self.tls.is_none() {
            let negotiated = t.facts.negotiation.request.is_some() || t.facts.negotiation.confirm.is_some();
            let may_be_missing = t.facts.blind.client.is_some() || t.facts.blind.server.is_some();
            if !negotiated && !may_be_missing {
                t.facts.is_rdp = IsRdp::Other(at.seen((side, Foreign::Tls)));
                t.context.inside_tls = InsideTls::NotRdp;
            }
        }
        let tls = self.tls.get_or_insert_default();
        tls.record(side, header, &unit.head, unit.is_damaged, at, t);
    }

    /// It is not known where the next message of `side` begins, nor how many
    /// are missing.
    fn lost(&mut self, side: Side, cause: BlindCause, at: At) {
        let t = &mut self.transcript;
        let blind = t.facts.blind.of_mut(side);
        if blind.is_none_or(|blind| blind.recovered.is_some()) {
            *blind = Some(Blind { from: at.seen(cause), recovered: None });
        }
        let doubt = match cause {
            BlindCause::Gap(GapCause::LateStart) => Doubt::LateStart,
            BlindCause::Gap(_) => Doubt::Gap,
            BlindCause::NotUnderstood => Doubt::NotUnderstood,
        };
        t.facts.doubt(doubt, at);
        match &mut self.tls {
            Some(tls) => tls.gap(side, t, at),
            None => self.clear.gap(t, at),
        }
    }
}

impl Roles {
    /// Whether the caller has the two the wrong way round.
    #[must_use]
    pub const fn are_reversed(self) -> bool {
        matches!(self.client, Side::Server)
    }
}

impl Foreign {
    fn of(name: &[u8]) -> Self {
        const METHODS: [&[u8]; 6] = [b"HTTP/", b"GET ", b"POST ", b"HEAD ", b"CONNECT", b"OPTIONS"];
        match name {
            [b'S', b'S', b'H', b'-', ..] => Self::Ssh,
            [b'R', b'F', b'B', b' ', ..] => Self::Vnc,
            name if METHODS.iter().any(|method| name.starts_with(method)) => Self::Http,
            _ => Self::Other,
        }
    }
}

/// The role of whoever sent this, where only one side sends it.
fn sender(unit: &Unit<'_>) -> Option<Side> {
    match (unit.kind, &*unit.head) {
        _ if unit.is_tentative => None,
        (Kind::Preconnection | Kind::ProxyHeader, _) | (Kind::Tpkt, [3, _, _, _, _, 0xe0..=0xef, ..]) => {
            Some(Side::Client)
        }
        (Kind::Tpkt, [3, _, _, _, _, 0xd0..=0xdf, ..]) => Some(Side::Server),
        (Kind::Record(Header { content_type: ContentType::HANDSHAKE, .. }), [_, _, _, _, _, kind, ..]) => {
            match HandshakeType(*kind) {
                HandshakeType::client_hello => Some(Side::Client),
                HandshakeType::server_hello => Some(Side::Server),
                _ => None,
            }
        }
        _ => None,
    }
}
