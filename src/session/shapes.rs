//! The reader of record shapes: which message a protected record holds, told
//! by its size, its direction and its place in the order.
//!
//! Everything here is an inference. Where the order is not the one that is
//! known, the reader says so, stays at what it has recognised, and goes on only
//! at a landmark or when the traffic can be nothing but a session.

use core::ops::RangeInclusive;

use super::credssp::{Leg, MAX_LEGS, Mechanism};
use super::transcript::Transcript;
use super::waiting::InsideTls;
use super::{At, Doubt, ErrorInfoFact, Message, Stage, Ultimatum};
use crate::base::{BySide, Side, Span, Visibility};
use crate::wire::tls::Version;

/// The reader of a conversation.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    expect: Expect,
    tickets: Tickets,
    activation: Activation,
    volume: Volume,
    ending: Ending,
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
    Lost {
        landmark: u8,
    },
}

/// TLS 1.3 servers send tickets when the handshake is over, and a ticket looks
/// like an answer. OpenSSL sends two of one size, others one or none; they come
/// before the first answer, or even before the question.
#[derive(Debug, Default)]
struct Tickets {
    /// The size of what may have been one, and whether it was taken for an answer.
    candidate: Option<(u16, bool)>,
    /// The first answer has been answered: no more tickets.
    over: bool,
}

#[derive(Debug, Default)]
struct Activation {
    confirmed: bool,
    client_short: u8,
    server_short: u8,
    server_records: u32,
    server_bytes: u64,
}

/// What has passed since the first protected record.
#[derive(Debug, Default)]
struct Volume {
    first: Option<At>,
    client_records: u64,
    server_records: u64,
    server_bytes: u64,
}

/// Signs of an orderly end, each overruled by what follows it.
#[derive(Debug, Default)]
struct Ending {
    /// A server record of the size of Set Error Info, and how many came after it.
    error_info: Option<(At, u8)>,
    /// It was believed because an ultimatum followed.
    believed: bool,
}

/// TLS 1.0 peers hide the initialisation vector of a block cipher from a chosen
/// plaintext (CVE-2011-3389): an empty record, or one of one byte, comes before
/// each message.
#[derive(Clone, Copy, Debug, Default)]
enum Splitting {
    /// The first record tells: no message in that place is so short.
    #[default]
    Unknown,
    Off,
    On {
        next_is_split_off: bool,
    },
}

/// The plaintext lengths that fit a record.
#[derive(Clone, Copy, Debug)]
struct Size {
    low: u32,
    high: u32,
}

// Lengths of whole PDUs, TPKT header included ([MS-RDPBCGR] 4.1 has them byte
// for byte). Where two values are given, the second is that of peers that
// write the PER length of the user data in two bytes (FreeRDP).

/// TSRequest with version and errorCode only, [MS-CSSP] 2.2.1.
const TS_REQUEST_ERROR: u32 = 15;
/// The longest record that is taken for one; every other TSRequest of a server
/// is longer than 31 bytes.
const SHORTEST_TOKEN: u32 = 32;
const EARLY_USER_AUTHORIZATION: u32 = 4;
const ERECT_DOMAIN: u32 = 12;
const ATTACH_USER_REQUEST: u32 = 8;
const ATTACH_USER_CONFIRM: u32 = 11;
const CHANNEL_JOIN_REQUEST: u32 = 12;
const CHANNEL_JOIN_CONFIRM: u32 = 15;
const DISCONNECT_ULTIMATUM: u32 = 9;
const LICENCE_GRANTED: RangeInclusive<u32> = 34..=35;
const SYNCHRONIZE: RangeInclusive<u32> = 36..=37;
const SET_ERROR_INFO: RangeInclusive<u32> = 36..=37;
const CONTROL: RangeInclusive<u32> = 40..=41;
/// Client and server settings never fit into less.
const SHORTEST_CONNECT_INITIAL: u32 = 200;
const SHORTEST_CONNECT_RESPONSE: u32 = 60;
/// User, domain, password, addresses and time zone; measured 343 to 433.
const SHORTEST_CLIENT_INFO: u32 = 100;
/// A licence request holds a certificate; measured 337 and more. Auto-detection
/// and multitransport requests stay below 50 (bandwidth payloads do not).
const SHORTEST_LICENCE_REQUEST: u32 = 150;
const SHORTEST_LICENCE_ANSWER: u32 = 100;
/// Capability sets; measured 398 to 472.
const SHORTEST_DEMAND_ACTIVE: u32 = 200;
const SHORTEST_CONFIRM_ACTIVE: u32 = 200;

/// OpenSSL sends two, others one or none.
const MAX_TICKETS: u64 = 4;

/// So much from the server after the Demand Active is graphics.
const GRAPHICS_BYTES: u64 = 4096;
const GRAPHICS_RECORDS: u32 = 12;

/// So much from the server, with input from the client, is a session, whatever
/// was missed before. Bandwidth payloads of auto-detection stay below.
const SESSION_BYTES: u64 = 128 * 1024;
const SESSION_SERVER_RECORDS: u64 = 32;
const SESSION_CLIENT_RECORDS: u64 = 8;
/// Servers end a connection sequence that takes longer ([MS-RDPBCGR] 3.3.6.1):
/// traffic that goes on beyond is a session.
const SEQUENCE_TIMEOUT: Span = Span::from_secs(60);
const SESSION_RECORDS: u64 = 20;

/// An orderly end is told within the last so many server records.
const ERROR_INFO_REACH: u8 = 3;

impl Shapes {
    /// Reads on where Standard RDP Security has told everything up to the end
    /// of licensing in the clear.
    pub(super) fn after_licensing() -> Self {
        Self { expect: Expect::DemandActive, ..Self::default() }
    }

    /// A record of `side` is complete; `plaintext` are the lengths that fit it.
    pub(super) fn record(
        &mut self,
        side: Side,
        plaintext: Option<RangeInclusive<u32>>,
        length: u16,
        at: At,
        t: &mut Transcript,
    ) {
        let Some(size) = plaintext.map(Size::from) else {
            return self.protection_unknown(side, length, at, t);
        };
        self.volume.add(side, length, at);
        if self.splitting.of_mut(side).takes(size) {
            return;
        }
        self.ending_signs(side, size, at, t);
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
            Expect::Lost { landmark } => self.lost(landmark, side, size, at, t),
            Expect::Active | Expect::Over => {}
        }
    }

    /// A protected record whose size says nothing: a suite that is not known,
    /// or a handshake that was not seen.
    pub(super) fn protection_unknown(&mut self, side: Side, length: u16, at: At, t: &mut Transcript) {
        self.volume.add(side, length, at);
        if self.expect != Expect::Active && self.expect != Expect::Over {
            t.facts.stages.begin(Stage::Tls, Visibility::Inferred, at);
            t.facts.doubt(Doubt::UnknownProtection, at);
            t.facts.waiting = None;
            self.expect = Expect::Lost { landmark: 0 };
            self.session_by_volume(at, t);
        }
    }

    /// Messages may be missing.
    pub(super) fn gap(&mut self, t: &mut Transcript, at: At) {
        match self.expect {
            Expect::Active | Expect::Over | Expect::Lost { .. } => {}
            // Joins that are missing change nothing, and activation ends by
            // volume as well.
            Expect::Ladder { attached: true } | Expect::Activation => t.facts.doubt(Doubt::Gap, at),
            _ => {
                t.facts.doubt(Doubt::Gap, at);
                self.expect = Expect::Lost { landmark: 0 };
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
            // Nobody sends so many tickets: it is the client that is missing.
            (_, Side::Server) if self.volume.server_records > MAX_TICKETS => self.lose(at, t),
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

    fn credssp(&mut self, legs: u8, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        let client_is_next = legs.is_multiple_of(2);
        match side {
            Side::Client if client_is_next && size.is_at_least(SHORTEST_TOKEN) => self.leg(legs, side, size, at, t),
            // Two of the client in a row: its credentials, and then the
            // Connect Initial. Before the third there are no credentials.
            Side::Client if !client_is_next && legs >= 3 && size.is_at_least(SHORTEST_CONNECT_INITIAL) => {
                self.connect_initial(size, at, t);
            }
            Side::Client => self.lose(at, t),
            Side::Server if self.tickets.is_one(length) => {
                if self.tickets.took_for_answer() {
                    self.retract_leg(t);
                }
            }
            Side::Server if !client_is_next && legs >= 3 && size.fits(EARLY_USER_AUTHORIZATION) => {
                credssp(t).authorization = Some(at);
                t.recognise(Message::EarlyUserAuthorization, side, at, Visibility::Inferred);
                self.expect = Expect::ConnectInitial;
            }
            Side::Server if !client_is_next && size.high < SHORTEST_TOKEN && size.fits(TS_REQUEST_ERROR) => {
                credssp(t).error = Some(at);
                t.recognise(Message::CredsspError, side, at, Visibility::Inferred);
                self.expect = Expect::Over;
            }
            Side::Server if !client_is_next && size.is_at_least(SHORTEST_TOKEN) => {
                if legs == 1 {
                    self.tickets.candidate = Some((length, true));
                }
                self.leg(legs, side, size, at, t);
            }
            // Two of the server in a row, and one was taken for its first
            // answer: it was a ticket.
            Side::Server if legs == 2 && self.tickets.took_for_answer() => {
                self.retract_leg(t);
                self.tickets.over = true;
                self.leg(1, side, size, at, t);
            }
            Side::Server => self.lose(at, t),
        }
    }

    fn leg(&mut self, legs: u8, side: Side, size: Size, at: At, t: &mut Transcript) {
        let leg = legs.saturating_add(1);
        if leg == 1 {
            let mechanism = Mechanism::of_first(size.high);
            credssp(t).mechanism = mechanism;
            t.context.last_leg = mechanism.and_then(Mechanism::legs);
        }
        if leg > 2 {
            self.tickets.over = true;
        }
        let legs = &mut credssp(t).legs;
        if legs.len() < MAX_LEGS {
            legs.push(Leg { side, at, size: size.high });
        }
        t.recognise(Message::CredsspLeg(leg), side, at, Visibility::Inferred);
        self.expect = Expect::Credssp(leg);
    }

    /// What was taken for the server's first answer was a ticket.
    fn retract_leg(&mut self, t: &mut Transcript) {
        credssp(t).legs.pop();
        t.retract(Message::CredsspLeg(2));
        self.tickets.candidate = self.tickets.candidate.map(|(length, _)| (length, false));
        self.expect = Expect::Credssp(1);
    }

    fn authentication(&mut self, legs: u8, side: Side, size: Size, at: At, t: &mut Transcript) {
        let server_is_next = legs.is_multiple_of(2);
        if server_is_next != (side == Side::Server) {
            // The tickets of TLS 1.3 come before the server's second word.
            if side == Side::Client || legs >= 2 {
                self.lose(at, t);
            }
            return;
        }
        let leg = legs.saturating_add(1);
        if leg > 3 {
            return self.connect_initial(size, at, t);
        }
        t.recognise(Message::AuthenticationLeg(leg), side, at, Visibility::Inferred);
        self.expect = if leg == 3 { Expect::ConnectInitial } else { Expect::Authentication(leg) };
    }

    fn connect_initial(&mut self, size: Size, at: At, t: &mut Transcript) {
        if !size.is_at_least(SHORTEST_CONNECT_INITIAL) {
            return self.lose(at, t);
        }
        t.recognise(Message::ConnectInitial, Side::Client, at, Visibility::Inferred);
        self.expect = Expect::ConnectResponse;
    }

    fn connect_response(&mut self, length: u16, at: At, t: &mut Transcript) {
        if self.tickets.is_one(length) {
            return;
        }
        self.tickets.candidate = Some((length, true));
        t.recognise(Message::ConnectResponse, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::Ladder { attached: false };
    }

    fn ladder(&mut self, attached: bool, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        let inferred = Visibility::Inferred;
        let many = |one: u32| size.low == size.high && size.high.is_multiple_of(one);
        match side {
            Side::Client if size.is_at_least(SHORTEST_CLIENT_INFO) && (attached || self.tickets.over) => {
                let mcs = t.facts.mcs.get_or_insert_default();
                mcs.joins_skipped = mcs.joins_requested == 0;
                t.recognise(Message::ClientInfo, side, at, inferred);
                self.expect = Expect::Licensing { detecting: false };
            }
            Side::Client
                if !attached && size.fits(ERECT_DOMAIN) && t.facts.steps.find(Message::ErectDomain).is_none() =>
            {
                self.tickets.over = true;
                t.recognise(Message::ErectDomain, side, at, inferred);
            }
            // Some clients send both in one record.
            Side::Client
                if !attached && (size.fits(ATTACH_USER_REQUEST) || size.fits(ERECT_DOMAIN + ATTACH_USER_REQUEST)) =>
            {
                self.tickets.over = true;
                t.recognise(Message::AttachUserRequest, side, at, inferred);
            }
            Side::Client if attached && (size.fits(CHANNEL_JOIN_REQUEST) || many(CHANNEL_JOIN_REQUEST)) => {
                self.join(Message::ChannelJoinRequest, side, size.high / CHANNEL_JOIN_REQUEST, at, t);
            }
            Side::Client if attached && size.fits(DISCONNECT_ULTIMATUM) => {}
            Side::Server if !self.tickets.over && self.tickets.is_one(length) => {
                if self.tickets.took_for_answer() {
                    self.tickets.candidate = Some((length, false));
                    t.retract(Message::ConnectResponse);
                    self.expect = Expect::ConnectResponse;
                }
            }
            Side::Server
                if !self.tickets.over
                    && self.tickets.took_for_answer()
                    && size.is_at_least(SHORTEST_CONNECT_RESPONSE) =>
            {
                self.tickets.over = true;
                t.facts.steps.move_last(Message::ConnectResponse, at);
                t.wait(Message::ConnectResponse, side, at);
            }
            Side::Server if !attached && size.fits(ATTACH_USER_CONFIRM) => {
                t.recognise(Message::AttachUserConfirm, side, at, inferred);
                self.expect = Expect::Ladder { attached: true };
            }
            Side::Server if attached && (size.fits(CHANNEL_JOIN_CONFIRM) || many(CHANNEL_JOIN_CONFIRM)) => {
                self.join(Message::ChannelJoinConfirm, side, size.high / CHANNEL_JOIN_CONFIRM, at, t);
            }
            // The Client Info is missing from the capture.
            Side::Server if attached && size.is_in(&LICENCE_GRANTED) => self.licence_granted(at, t),
            Side::Server if size.is_in(&SET_ERROR_INFO) || size.fits(DISCONNECT_ULTIMATUM) => {}
            _ => self.lose(at, t),
        }
    }

    fn join(&mut self, message: Message, side: Side, count: u32, at: At, t: &mut Transcript) {
        let mcs = t.facts.mcs.get_or_insert_default();
        let counter = if side == Side::Client { &mut mcs.joins_requested } else { &mut mcs.joins_confirmed };
        *counter = counter.saturating_add(count.max(1));
        t.context.joins_open = mcs.joins_requested > mcs.joins_confirmed;
        t.recognise(message, side, at, Visibility::Inferred);
    }

    fn licensing(&mut self, detecting: bool, side: Side, size: Size, at: At, t: &mut Transcript) {
        match side {
            Side::Server if size.is_in(&LICENCE_GRANTED) => self.licence_granted(at, t),
            Side::Server if size.is_in(&SET_ERROR_INFO) || size.fits(DISCONNECT_ULTIMATUM) => {}
            // Bandwidth payloads are as long as a licence request; the answer tells.
            Side::Server if size.is_at_least(SHORTEST_LICENCE_REQUEST) && !detecting => {
                self.licence_request(at, t);
            }
            Side::Server if size.is_at_least(SHORTEST_LICENCE_REQUEST) => {
                self.expect = Expect::Licence { asked: at, answered: false };
            }
            Side::Server => {
                t.recognise(Message::AutoDetect, side, at, Visibility::Inferred);
                self.expect = Expect::Licensing { detecting: true };
            }
            Side::Client if size.high < SHORTEST_LICENCE_ANSWER => {
                t.recognise(Message::AutoDetect, side, at, Visibility::Inferred);
            }
            Side::Client => self.lose(at, t),
        }
    }

    fn licence_request(&mut self, at: At, t: &mut Transcript) {
        t.facts.licensing.keep(at.seen((Side::Server, None)));
        t.recognise(Message::LicenceRequest, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::Licence { asked: at, answered: false };
    }

    /// A long message of the server after the Client Info: a licensing message,
    /// or the Demand Active of a server that does without licensing.
    fn licence(&mut self, asked: At, answered: bool, side: Side, size: Size, at: At, t: &mut Transcript) {
        let is_known = t.facts.steps.last().is_some_and(|step| step.message != Message::AutoDetect);
        match side {
            Side::Client if size.is_at_least(SHORTEST_LICENCE_ANSWER) && !answered => {
                if !is_known {
                    self.licence_request(asked, t);
                }
                t.facts.licensing.keep(at.seen((side, None)));
                t.recognise(Message::LicenceResponse, side, at, Visibility::Inferred);
                self.expect = Expect::Licence { asked, answered: true };
            }
            // Confirm Active and what follows it at once.
            Side::Client if answered && size.is_in(&SYNCHRONIZE) => {
                t.activation_after_all();
                self.activation.confirmed = true;
                self.expect = Expect::Activation;
                self.activation(side, size, 0, at, t);
            }
            Side::Client if !answered && size.high < SHORTEST_LICENCE_ANSWER => {
                t.recognise(Message::AutoDetect, side, at, Visibility::Inferred);
                self.expect = Expect::Licensing { detecting: true };
            }
            Side::Server if size.is_in(&LICENCE_GRANTED) => self.licence_granted(at, t),
            Side::Server if answered && size.is_at_least(SHORTEST_LICENCE_ANSWER) => self.licence_request(at, t),
            // A second one without an answer to the first: that one was the
            // licence itself.
            Side::Server
                if !answered && size.is_at_least(SHORTEST_DEMAND_ACTIVE) && t.facts.licensing.is_asked_for() =>
            {
                t.facts.licensing.granted = Some(asked.seen(Visibility::Inferred));
                self.demand_active(side, size, at, t);
            }
            Side::Server if size.is_in(&SET_ERROR_INFO) || size.fits(DISCONNECT_ULTIMATUM) => {}
            // It was a bandwidth payload, and detection goes on.
            Side::Server if !is_known && size.high < SHORTEST_LICENCE_REQUEST => {
                self.expect = Expect::Licensing { detecting: true };
                self.licensing(true, side, size, at, t);
            }
            Side::Server if !is_known => {}
            _ => self.lose(at, t),
        }
    }

    fn licence_granted(&mut self, at: At, t: &mut Transcript) {
        t.facts.licensing.keep(at.seen((Side::Server, None)));
        t.facts.licensing.granted = Some(at.seen(Visibility::Inferred));
        t.recognise(Message::LicenceGranted, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::DemandActive;
    }

    fn demand_active(&mut self, side: Side, size: Size, at: At, t: &mut Transcript) {
        match side {
            Side::Server if size.is_at_least(SHORTEST_DEMAND_ACTIVE) => {
                t.recognise(Message::DemandActive, side, at, Visibility::Inferred);
                self.expect = Expect::Activation;
            }
            // Multitransport, heartbeats, and the client's answers to them.
            _ if size.high < SHORTEST_LICENCE_ANSWER => {}
            _ => self.lose(at, t),
        }
    }

    fn activation(&mut self, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        let is_short = size.is_in(&SYNCHRONIZE) || size.is_in(&CONTROL);
        let now = &mut self.activation;
        if side == Side::Server && now.confirmed {
            now.server_records = now.server_records.saturating_add(1);
            now.server_bytes = now.server_bytes.saturating_add(length.into());
        }
        let message = match side {
            Side::Client if !now.confirmed && size.is_at_least(SHORTEST_CONFIRM_ACTIVE) => {
                now.confirmed = true;
                Some(Message::ConfirmActive)
            }
            // Synchronize, two Controls, and the last is the Font List
            // (Server: the Font Map).
            Side::Client if now.confirmed && is_short => {
                now.client_short = now.client_short.saturating_add(1);
                nth_of_activation(now.client_short, Message::FontList)
            }
            Side::Server if now.confirmed && is_short => {
                now.server_short = now.server_short.saturating_add(1);
                nth_of_activation(now.server_short, Message::FontMap)
            }
            _ => None,
        };
        if let Some(message) = message {
            t.recognise(message, side, at, Visibility::Inferred);
        }
        let graphics = now.server_bytes >= GRAPHICS_BYTES || now.server_records >= GRAPHICS_RECORDS;
        if message == Some(Message::FontMap) {
            self.expect = Expect::Active;
        } else if graphics {
            t.recognise(Message::Graphics, Side::Server, at, Visibility::Inferred);
            self.expect = Expect::Active;
        }
    }

    /// The order is not the one that is known: what was recognised is a lower
    /// bound from here on, and nobody can be said to owe anything.
    fn lose(&mut self, at: At, t: &mut Transcript) {
        t.facts.doubt(Doubt::NotUnderstood, at);
        t.facts.waiting = None;
        self.expect = Expect::Lost { landmark: 0 };
    }

    /// Synchronize and two Controls of the client, in a row and without a
    /// block cipher's blur, are what follows a Confirm Active and nothing else.
    fn lost(&mut self, landmark: u8, side: Side, size: Size, at: At, t: &mut Transcript) {
        let is_exact = size.low == size.high;
        let landmark = match (side, landmark) {
            (Side::Server, landmark) => landmark,
            (Side::Client, _) if is_exact && size.is_in(&SYNCHRONIZE) => 1,
            (Side::Client, 1..) if is_exact && size.is_in(&CONTROL) => landmark.saturating_add(1),
            (Side::Client, _) => 0,
        };
        self.expect = Expect::Lost { landmark };
        // Whatever it was, it was behind the first message inside TLS.
        if side == Side::Client {
            match t.context.inside_tls {
                InsideTls::Credssp => t.facts.stages.begin(Stage::Credssp, Visibility::Inferred, at),
                InsideTls::Mcs => t.facts.stages.begin(Stage::Mcs, Visibility::Inferred, at),
                _ => {}
            }
        }
        if landmark == 3 {
            t.recognise(Message::Control, side, at, Visibility::Inferred);
            self.activation = Activation { confirmed: true, client_short: landmark, ..Activation::default() };
            self.expect = Expect::Activation;
        }
        self.session_by_volume(at, t);
    }

    fn session_by_volume(&mut self, at: At, t: &mut Transcript) {
        if self.volume.is_a_session(at) {
            t.recognise(Message::Graphics, Side::Server, at, Visibility::Inferred);
            self.expect = Expect::Active;
        }
    }

    /// Set Error Info and the ultimatum can come at any time once the MCS
    /// connection has begun.
    fn ending_signs(&mut self, side: Side, size: Size, at: At, t: &mut Transcript) {
        let is_exact = size.low == size.high;
        let begun = matches!(
            self.expect,
            Expect::ConnectResponse
                | Expect::Ladder { .. }
                | Expect::Licensing { .. }
                | Expect::Licence { .. }
                | Expect::DemandActive
                | Expect::Activation
                | Expect::Active
        );
        if !begun || !is_exact {
            return;
        }
        // Whatever follows an ultimatum shows that it was none.
        let inferred = |ultimatum: &Ultimatum| ultimatum.side == side && ultimatum.visibility == Visibility::Inferred;
        if t.facts.disconnect_ultimatum.as_ref().is_some_and(|seen| inferred(&seen.value)) {
            t.facts.disconnect_ultimatum = None;
            if core::mem::take(&mut self.ending.believed) {
                t.facts.error_info = None;
            }
        }
        if side == Side::Client {
            // In a session a mouse event has the same size.
            if size.fits(DISCONNECT_ULTIMATUM) && self.expect != Expect::Active && self.expect != Expect::Activation {
                self.ultimatum(side, at, t);
            }
            return;
        }
        if size.fits(DISCONNECT_ULTIMATUM) {
            if let Some((info, _)) = self.ending.error_info.filter(|_| t.facts.error_info.is_none()) {
                self.ending.believed = true;
                t.facts.error_info = Some(info.seen(ErrorInfoFact { code: None, visibility: Visibility::Inferred }));
            }
            return self.ultimatum(side, at, t);
        }
        // The Synchronize of the server has the same size; it follows the
        // client's Confirm Active.
        let is_synchronize = self.expect == Expect::Activation && self.activation.server_short == 0;
        if size.is_in(&SET_ERROR_INFO) && !is_synchronize {
            self.ending.error_info = Some((at, 0));
            if self.expect != Expect::Active && self.expect != Expect::Activation {
                // Nothing else of this size comes so early.
                let fact = ErrorInfoFact { code: None, visibility: Visibility::Inferred };
                t.facts.error_info = Some(at.seen(fact));
                t.recognise(Message::SetErrorInfo, side, at, Visibility::Inferred);
            }
        } else {
            self.ending.error_info = self
                .ending
                .error_info
                .and_then(|(info, after)| (after < ERROR_INFO_REACH).then_some((info, after.saturating_add(1))));
        }
    }

    fn ultimatum(&mut self, side: Side, at: At, t: &mut Transcript) {
        let ultimatum = Ultimatum { side, reason: None, visibility: Visibility::Inferred };
        t.facts.disconnect_ultimatum = Some(at.seen(ultimatum));
    }
}

/// The messages by which each side ends the activation, counted from 1.
const fn nth_of_activation(nth: u8, last: Message) -> Option<Message> {
    match nth {
        1 => Some(Message::Synchronize),
        2 | 3 => Some(Message::Control),
        4 => Some(last),
        _ => None,
    }
}

fn credssp(t: &mut Transcript) -> &mut super::CredsspFacts {
    t.facts.credssp.get_or_insert_default()
}

impl Tickets {
    /// Whether a server record before the first answer is the twin of another.
    fn is_one(&self, length: u16) -> bool {
        !self.over && self.candidate.is_some_and(|(known, _)| known == length)
    }

    fn took_for_answer(&self) -> bool {
        !self.over && self.candidate.is_some_and(|(_, taken)| taken)
    }
}

impl Splitting {
    /// Whether a record is the part that was split off, and no message.
    const fn takes(&mut self, size: Size) -> bool {
        let is_tiny = size.low == 0 && size.high > 0;
        match *self {
            Self::Unknown if is_tiny => *self = Self::On { next_is_split_off: false },
            Self::Unknown => *self = Self::Off,
            Self::On { next_is_split_off } => {
                *self = Self::On { next_is_split_off: !next_is_split_off };
                return is_tiny && next_is_split_off;
            }
            Self::Off => {}
        }
        is_tiny && matches!(*self, Self::On { .. })
    }
}

impl Volume {
    fn add(&mut self, side: Side, length: u16, at: At) {
        self.first.get_or_insert(at);
        match side {
            Side::Client => self.client_records = self.client_records.saturating_add(1),
            Side::Server => {
                self.server_records = self.server_records.saturating_add(1);
                self.server_bytes = self.server_bytes.saturating_add(length.into());
            }
        }
    }

    fn is_a_session(&self, at: At) -> bool {
        let much = self.server_bytes >= SESSION_BYTES
            && self.server_records >= SESSION_SERVER_RECORDS
            && self.client_records >= SESSION_CLIENT_RECORDS;
        let lasting = self.first.is_some_and(|first| at.time.since(first.time) > SEQUENCE_TIMEOUT);
        much || (lasting && self.client_records.saturating_add(self.server_records) >= SESSION_RECORDS)
    }
}

impl Size {
    const fn fits(self, exactly: u32) -> bool {
        self.low <= exactly && exactly <= self.high
    }

    const fn is_in(self, range: &RangeInclusive<u32>) -> bool {
        self.low <= *range.end() && *range.start() <= self.high
    }

    const fn is_at_least(self, least: u32) -> bool {
        self.low >= least
    }
}

impl From<RangeInclusive<u32>> for Size {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self { low: *range.start(), high: *range.end() }
    }
}
