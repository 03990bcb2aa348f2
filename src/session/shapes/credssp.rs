//! Authentication inside TLS: CredSSP ([MS-CSSP] 3.1.5), RDSTLS and RDS AAD Auth
//! ([MS-RDPBCGR] 5.4.5.3 and 5.4.5.4).

use super::size::{EARLY_USER_AUTHORIZATION, SHORTEST_CONNECT_INITIAL, SHORTEST_TOKEN, Size, TS_REQUEST_ERROR};
use super::{Expect, Shapes};
use crate::base::{At, Side, Visibility};
use crate::session::credssp::{CredsspFacts, Leg, MAX_LEGS, Mechanism};
use crate::session::message::Message;
use crate::session::transcript::Transcript;

/// TLS 1.3 servers send tickets when the handshake is over, and a ticket looks
/// like an answer. OpenSSL sends two of one size, others one or none; they come
/// before the first answer, or even before the question.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// The size of what may have been one, and whether it was taken for an answer.
    pub candidate: Option<(u16, bool)>,
    /// The first answer has been answered: no more tickets.
    pub over: bool,
}

impl Shapes {
    pub(super) fn credssp(&mut self, legs: u8, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
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

    pub(super) fn leg(&mut self, legs: u8, side: Side, size: Size, at: At, t: &mut Transcript) {
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
    pub(super) fn retract_leg(&mut self, t: &mut Transcript) {
        credssp(t).legs.pop();
        t.retract(Message::CredsspLeg(2));
        self.tickets.candidate = self.tickets.candidate.map(|(length, _)| (length, false));
        self.expect = Expect::Credssp(1);
    }

    pub(super) fn authentication(&mut self, legs: u8, side: Side, size: Size, at: At, t: &mut Transcript) {
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
}

impl Tickets {
    /// Whether a server record before the first answer is the twin of another.
    pub(super) fn is_one(&self, length: u16) -> bool {
        !self.over && self.candidate.is_some_and(|(known, _)| known == length)
    }

    pub(super) fn took_for_answer(&self) -> bool {
        !self.over && self.candidate.is_some_and(|(_, taken)| taken)
    }
}

fn credssp(t: &mut Transcript) -> &mut CredsspFacts {
    t.facts.credssp.get_or_insert_default()
}
