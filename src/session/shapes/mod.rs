//! The reader of record shapes: which message a protected record holds, told
//! by its size, its direction and its place in the order.
//!
//! Everything here is an inference. Where the order is not the one that is
//! known, the reader says so, stays at what it has recognised, and goes on only
//! at a landmark or when the traffic can be nothing but a session.

mod activation;
mod credssp;
mod ending;
mod ladder;
mod landmarks;
mod licensing;
mod size;
mod splitting;
mod volume;

use core::ops::RangeInclusive;

use activation::Activation;
use credssp::Tickets;
pub(super) use ending::Dull;
use ending::Ending;
use landmarks::{Landmark, Landmarks};
use size::{DISCONNECT_ULTIMATUM, SET_ERROR_INFO, SHORTEST_CONNECT_INITIAL, SHORTEST_CONNECT_RESPONSE, Size};
use splitting::Splitting;
use volume::Volume;

use super::transcript::Transcript;
use super::waiting::InsideTls;
use super::{Doubt, Message, Stage};
use crate::base::{At, BySide, Side, Visibility};
use crate::wire::tls::Version;

/// OpenSSL sends two tickets, others one or none.
const MAX_TICKETS: u64 = 4;

/// A record that is longer is no TLS 1.3 Finished, whose handshake was missed.
const LONGEST_FINISHED: u16 = 69;

/// The reader of a conversation.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    expect: Expect,
    tickets: Tickets,
    activation: Activation,
    volume: Volume,
    ending: Ending,
    landmarks: Landmarks,
    splitting: BySide<Splitting>,
}

/// Which message comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    /// The first one inside TLS.
    #[default]
    Opening,
    /// CredSSP; this many messages have come.
    Credssp(u8),
    /// RDSTLS or RDS AAD Auth; this many messages have come.
    Authentication(u8),
    /// MCS Connect Initial, and nothing else.
    ConnectInitial,
    ConnectResponse,
    /// Erect Domain to the last channel join, and the Client Info behind them.
    Ladder {
        attached: bool,
    },
    /// The licence reply, or auto-detection before it.
    Licensing {
        detecting: bool,
    },
    /// A licensing message of the client, or of the server again.
    Licence {
        asked: At,
        answered: bool,
    },
    DemandActive,
    Activation,
    Active,
    /// Nothing: an alert has ended it.
    Over,
    /// The order was lost.
    Lost,
}

impl Shapes {
    /// Reads on where Standard RDP Security has told everything up to the end
    /// of licensing in the clear.
    pub(super) fn after_licensing() -> Self {
        Self { expect: Expect::DemandActive, ..Self::default() }
    }

    /// A record of `side` is complete; `plaintext` are the lengths that fit it,
    /// and nothing where the suite is not known or the handshake was not seen.
    pub(super) fn record(
        &mut self,
        side: Side,
        plaintext: Option<RangeInclusive<u32>>,
        length: u16,
        at: At,
        t: &mut Transcript,
    ) {
        self.volume.add(side, length, at);
        let Some(size) = plaintext.map(Size::from) else {
            return self.unknown(side, length, at, t);
        };
        if self.splitting.of_mut(side).takes(size) {
            return;
        }
        self.ending_signs(side, size, at, t);
        let landmark = self.landmark(side, length, Some(size));
        match self.expect {
            Expect::Opening => self.opening(side, size, length, at, t),
            Expect::Credssp(legs) => self.credssp(legs, side, size, length, at, t),
            Expect::Authentication(legs) => self.authentication(legs, side, size, at, t),
            Expect::ConnectInitial => match side {
                Side::Client => self.connect_initial(size, at, t),
                Side::Server => self.lose(at, t),
            },
            Expect::ConnectResponse => match side {
                Side::Server if size.is_at_least(SHORTEST_CONNECT_RESPONSE) => self.connect_response(length, at, t),
                Side::Server if size.is_in(&SET_ERROR_INFO) || size.fits(DISCONNECT_ULTIMATUM) => {}
                _ => self.lose(at, t),
            },
            Expect::Ladder { attached } => self.ladder(attached, side, size, length, at, t),
            Expect::Licensing { detecting } => self.licensing(detecting, side, size, at, t),
            Expect::Licence { asked, answered } => self.licence(asked, answered, side, size, at, t),
            Expect::DemandActive => self.demand_active(side, size, at, t),
            Expect::Activation => self.activation(side, size, length, at, t),
            Expect::Lost => {
                inside_tls(side, at, t);
                self.lost(side, landmark, at, t);
            }
            Expect::Active | Expect::Over => return,
        }
        if t.facts.stages.lower_bound().is_some() && self.volume.is_a_session(at) {
            t.recognise(Message::Graphics, Side::Server, at, Visibility::Inferred);
            self.expect = Expect::Active;
        }
    }

    /// Whether the desktop is there.
    pub(super) fn is_active(&self) -> bool {
        self.expect == Expect::Active
    }

    /// The same as [`record`](Self::record) once the desktop is there: nothing
    /// of the sequence follows, only the end may show.
    #[inline]
    pub(super) fn session_record(
        &mut self,
        side: Side,
        plaintext: Option<RangeInclusive<u32>>,
        at: At,
        t: &mut Transcript,
    ) {
        let Some(size) = plaintext.map(Size::from) else { return };
        if !self.splitting.of_mut(side).takes(size) {
            self.ending_signs(side, size, at, t);
        }
    }

    /// Whether nothing shows an end that a record of `side` could overrule, so that
    /// one changes nothing in a session that is as long as no sign of it.
    pub(super) fn sees_no_end(&self, side: Side, t: &Transcript) -> bool {
        let is_whole = matches!(self.splitting.of(side), Splitting::Off);
        is_whole && self.ending.sees_none(side) && !t.facts.may_end(side)
    }

    /// What the suite adds to a record, as a landmark has shown it.
    pub(super) const fn overhead(&self) -> Option<u16> {
        self.landmarks.overhead
    }

    /// The length of the plaintext of a record whose suite is not known, as a
    /// landmark has shown it.
    pub(super) fn learned(&self, length: u16) -> Option<RangeInclusive<u32>> {
        let plaintext = u32::from(length.checked_sub(self.landmarks.overhead?)?);
        Some(plaintext..=plaintext)
    }

    /// Messages may be missing.
    pub(super) fn gap(&mut self, t: &mut Transcript, at: At) {
        match self.expect {
            Expect::Active | Expect::Over | Expect::Lost => {}
            // Joins that are missing change nothing, and activation ends by
            // volume as well.
            Expect::Ladder { attached: true } => t.facts.doubt(Doubt::Gap, at),
            Expect::Activation => {
                self.activation.missed = true;
                t.facts.doubt(Doubt::Gap, at);
            }
            _ => {
                t.facts.doubt(Doubt::Gap, at);
                self.expect = Expect::Lost;
            }
        }
    }

    /// The version is known: only TLS 1.3 has tickets that look like answers,
    /// and only TLS 1.0 splits messages.
    pub(super) fn version(&mut self, version: Version) {
        self.tickets.over = version < Version::TLS_1_3;
        if version > Version::TLS_1_0 {
            self.splitting = BySide { client: Splitting::Off, server: Splitting::Off };
        }
    }

    /// An alert was sent: nothing of the sequence follows.
    pub(super) fn over(&mut self) {
        self.expect = Expect::Over;
    }

    fn opening(&mut self, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        match (t.context.inside_tls, side) {
            (InsideTls::ServerFirst, Side::Server) => self.authentication(0, side, size, at, t),
            // No ticket, or too many: it answers what is missing.
            (_, Side::Server) if self.tickets.over || self.volume.server_records > MAX_TICKETS => {
                inside_tls(Side::Client, at, t);
                self.lose(at, t);
            }
            (_, Side::Server) => self.tickets.candidate = Some((length, false)),
            (InsideTls::Credssp, Side::Client) => self.credssp(0, side, size, length, at, t),
            (InsideTls::Mcs, Side::Client) => self.connect_initial(size, at, t),
            (InsideTls::ServerFirst, Side::Client) => self.lose(at, t),
            // The negotiation was not seen. A first TSRequest is shorter than
            // any Connect Initial, unless it holds a Kerberos ticket.
            (InsideTls::Unknown, Side::Client) if size.high < SHORTEST_CONNECT_INITIAL => {
                t.context.authorization = true;
                t.context.inside_tls = InsideTls::Credssp;
                self.credssp(0, side, size, length, at, t);
            }
            (InsideTls::Unknown | InsideTls::NotRdp, Side::Client) => self.lose(at, t),
        }
    }

    /// The order is not the one that is known: what was recognised is a lower
    /// bound from here on, and nobody can be said to owe anything.
    fn lose(&mut self, at: At, t: &mut Transcript) {
        t.facts.doubt(Doubt::NotUnderstood, at);
        t.facts.waiting = None;
        self.expect = Expect::Lost;
    }

    /// A record of which only the length is known.
    fn unknown(&mut self, side: Side, length: u16, at: At, t: &mut Transcript) {
        if self.expect == Expect::Active || self.expect == Expect::Over {
            return;
        }
        t.facts.stages.begin(Stage::Tls, Visibility::Inferred, at);
        t.facts.doubt(Doubt::UnknownProtection, at);
        t.facts.waiting = None;
        self.expect = Expect::Lost;
        let landmark = self.landmark(side, length, None);
        if length > LONGEST_FINISHED {
            inside_tls(side, at, t);
        }
        self.lost(side, landmark, at, t);
        if self.volume.is_a_session(at) {
            t.recognise(Message::Graphics, Side::Server, at, Visibility::Inferred);
            self.expect = Expect::Active;
        }
    }

    /// Looks for a landmark in the records up to this one.
    fn landmark(&mut self, side: Side, length: u16, size: Option<Size>) -> Option<Landmark> {
        if self.expect == Expect::Active || size.is_some_and(|size| !size.is_exact()) {
            return None;
        }
        let added = size.and_then(|size| u32::from(length).checked_sub(size.high));
        let overhead = added.and_then(|added| u16::try_from(added).ok());
        self.landmarks.see(side, length, overhead, self.volume.is_alone(side))
    }

    /// The order was lost: the reader goes on at a landmark.
    fn lost(&mut self, side: Side, landmark: Option<Landmark>, at: At, t: &mut Transcript) {
        let Some(landmark) = landmark else { return };
        self.tickets.over = true;
        match landmark {
            Landmark::Attached => {
                t.recognise(Message::AttachUserConfirm, side, at, Visibility::Inferred);
                self.expect = Expect::Ladder { attached: true };
            }
            Landmark::FirstJoin => {
                self.join(Message::ChannelJoinRequest, side, 1, at, t);
                self.expect = Expect::Ladder { attached: true };
            }
            Landmark::SecondConfirm => {
                self.join(Message::ChannelJoinConfirm, side, 2, at, t);
                self.expect = Expect::Ladder { attached: true };
            }
            Landmark::Finalizing => {
                t.recognise(Message::Control, side, at, Visibility::Inferred);
                self.activation = Activation::finalizing();
                self.expect = Expect::Activation;
            }
            Landmark::FontMap => {
                t.recognise(Message::FontMap, side, at, Visibility::Inferred);
                self.expect = Expect::Active;
            }
        }
    }
}

/// Whatever the client has sent here, it is no earlier than the first message
/// inside TLS.
fn inside_tls(side: Side, at: At, t: &mut Transcript) {
    let first = match t.context.inside_tls {
        InsideTls::Credssp => Stage::Credssp,
        InsideTls::Mcs => Stage::Mcs,
        InsideTls::Unknown | InsideTls::ServerFirst | InsideTls::NotRdp => return,
    };
    if side == Side::Client {
        t.facts.stages.begin(first, Visibility::Inferred, at);
    }
}
