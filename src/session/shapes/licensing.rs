//! From the Client Info to the end of licensing: [MS-RDPBCGR] 1.3.1.1, Optional
//! Connect-Time Auto-Detection and Licensing.

use super::size::*;
use super::{Expect, Shapes};
use crate::base::{At, Side, Visibility};
use crate::session::message::Message;
use crate::session::transcript::Transcript;

impl Shapes {
    pub(super) fn licensing(&mut self, detecting: bool, side: Side, size: Size, at: At, t: &mut Transcript) {
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

    pub(super) fn licence_request(&mut self, at: At, t: &mut Transcript) {
        t.facts.licensing.keep(at.seen((Side::Server, None)));
        t.recognise(Message::LicenceRequest, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::Licence { asked: at, answered: false };
    }

    /// A long message of the server after the Client Info: a licensing message,
    /// or the Demand Active of a server that does without licensing.
    pub(super) fn licence(&mut self, asked: At, answered: bool, side: Side, size: Size, at: At, t: &mut Transcript) {
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

    pub(super) fn licence_granted(&mut self, at: At, t: &mut Transcript) {
        t.facts.licensing.keep(at.seen((Side::Server, None)));
        t.facts.licensing.granted = Some(at.seen(Visibility::Inferred));
        t.recognise(Message::LicenceGranted, Side::Server, at, Visibility::Inferred);
        self.expect = Expect::DemandActive;
    }
}
