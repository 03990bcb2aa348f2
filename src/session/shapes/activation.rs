//! From the Demand Active to the desktop: [MS-RDPBCGR] 1.3.1.1, Capabilities
//! Exchange and Connection Finalization.

use super::size::*;
use super::{Expect, Shapes};
use crate::base::{At, Side, Visibility};
use crate::session::message::Message;
use crate::session::transcript::Transcript;

#[derive(Debug, Default)]
pub(super) struct Activation {
    pub confirmed: bool,
    /// Bytes are missing: the messages after them cannot be counted.
    pub missed: bool,
    pub client_short: u8,
    pub server_short: u8,
    server_records: u32,
    server_bytes: u64,
    client_records: u32,
}

/// So much from the server after the Demand Active is graphics.
const GRAPHICS_BYTES: u64 = 4096;
const GRAPHICS_RECORDS: u32 = 12;

/// So much from the client after its Font List is input; for captures that show
/// the client alone.
const INPUT_RECORDS: u32 = 8;

impl Activation {
    /// Confirm Active, Synchronize and two Controls of the client have come.
    pub(super) fn finalizing() -> Self {
        Self { confirmed: true, client_short: 3, ..Self::default() }
    }
}

impl Shapes {
    pub(super) fn demand_active(&mut self, side: Side, size: Size, at: At, t: &mut Transcript) {
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

    pub(super) fn activation(&mut self, side: Side, size: Size, length: u16, at: At, t: &mut Transcript) {
        let is_short = size.is_in(&SYNCHRONIZE) || size.is_in(&CONTROL);
        let now = &mut self.activation;
        match side {
            Side::Server if now.confirmed => {
                now.server_records = now.server_records.saturating_add(1);
                now.server_bytes = now.server_bytes.saturating_add(length.into());
            }
            Side::Client if t.context.font_list => now.client_records = now.client_records.saturating_add(1),
            _ => {}
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
            // Where the Confirm Active was missed, only all four together say
            // that the first was not a Set Error Info.
            Side::Server if is_short => {
                now.server_short = now.server_short.saturating_add(1);
                nth_of_activation(now.server_short, Message::FontMap)
                    .filter(|message| now.confirmed || *message == Message::FontMap)
            }
            _ => None,
        };
        // Nothing but its place tells a Control from a Font List.
        if let Some(message) = message.filter(|message| !now.missed || *message != Message::Control) {
            t.recognise(message, side, at, Visibility::Inferred);
        }
        let graphics = now.server_bytes >= GRAPHICS_BYTES
            || now.server_records >= GRAPHICS_RECORDS
            || now.client_records >= INPUT_RECORDS;
        if message == Some(Message::FontMap) {
            self.expect = Expect::Active;
        } else if graphics {
            t.recognise(Message::Graphics, side, at, Visibility::Inferred);
            self.expect = Expect::Active;
        }
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
