//! The MCS connection: [MS-RDPBCGR] 1.3.1.1, Basic Settings Exchange and Channel
//! Connection.

use super::size::*;
use super::{Expect, Shapes};
use crate::base::{At, Side, Visibility};
use crate::session::message::Message;
use crate::session::transcript::Transcript;

impl Shapes {
    pub(super) fn connect_initial(&mut self, size: Size, at: At, t: &mut Transcript) {
        if !size.is_at_least(SHORTEST_CONNECT_INITIAL) {
            return self.lose(at, t);
        }
        t.recognise(Message::ConnectInitial, Side::Client, at, Visibility::Inferred);
        self.expect = Expect::ConnectResponse;
    }

    pub(super) fn connect_response(&mut self, length: u16, at: At, t: &mut Transcript) {
        if self.tickets.is_one(length) {
            return;
        }
        self.tickets.candidate = Some((length, true));
        t.recognise(Message::ConnectResponse, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::Ladder { attached: false };
    }

    pub(super) fn ladder(&mut self, attached: bool, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        let inferred = Visibility::Inferred;
        let many = |one: u32| size.is_exact() && size.high.is_multiple_of(one);
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

    pub(super) fn join(&mut self, message: Message, side: Side, count: u32, at: At, t: &mut Transcript) {
        let mcs = t.facts.mcs.get_or_insert_default();
        let counter = if side == Side::Client { &mut mcs.joins_requested } else { &mut mcs.joins_confirmed };
        *counter = counter.saturating_add(count.max(1));
        t.context.joins_open = mcs.joins_requested > mcs.joins_confirmed;
        t.recognise(message, side, at, Visibility::Inferred);
    }
}
