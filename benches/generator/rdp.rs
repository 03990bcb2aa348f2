//! What an RDP connection says, and how it ends.
//!
//! Sizes of the encrypted messages are those that mstsc and Windows servers
//! send, by plaintext; order and think times are those of a quick logon.

use std::collections::VecDeque;

use super::connection::{Act, MILLISECOND, Script, Side};
use super::dice::Dice;
use super::tls::Version;

use Side::{Client, Server};

/// What happens once the desktop is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desktop {
    /// Screen updates of many records, some input.
    Graphics,
    /// Typing into a still screen: nothing but small packets.
    Typing,
}

/// One message of the connection sequence: who, thinking how long, how many
/// bytes of plaintext.
type Message = (Side, u64, usize);

/// CredSSP with NTLM, and the Early User Authorization Result (MS-CSSP 3.1.5,
/// MS-RDPBCGR 2.2.10.2).
const CREDSSP: &[Message] =
    &[(Client, 3, 57), (Server, 4, 329), (Client, 2, 691), (Server, 12, 112), (Client, 1, 178), (Server, 30, 4)];

/// From MCS Connect Initial to the Font Map (MS-RDPBCGR 1.3.1.1).
const SEQUENCE: &[Message] = &[
    (Client, 2, 462),
    (Server, 9, 126),
    (Client, 1, 12),
    (Client, 0, 8),
    (Server, 1, 11),
    (Client, 1, 12),
    (Server, 1, 15),
    (Client, 0, 12),
    (Server, 1, 15),
    (Client, 0, 12),
    (Server, 1, 15),
    (Client, 2, 358),
    (Server, 140, 34),
    (Server, 15, 472),
    (Client, 4, 583),
    (Client, 0, 36),
    (Client, 0, 40),
    (Client, 0, 40),
    (Server, 6, 36),
    (Server, 0, 40),
    (Server, 0, 40),
    (Server, 0, 40),
];

/// The messages after which a device, a server or a client may end it.
const INCIDENT_ONCE_IN: u64 = 40;

pub struct Rdp {
    version: Version,
    desktop: Desktop,
    /// The connection sequence, then the messages of the ending.
    acts: VecDeque<Act>,
    /// Bursts of the session still to come; 0 when it never got so far.
    bursts: u64,
    ended: bool,
}

impl Rdp {
    pub fn new(desktop: Desktop, bursts: u64, dice: &mut Dice) -> Self {
        let version = if dice.one_in(3) { Version::Tls12 } else { Version::Tls13 };
        let mut rdp = Self { version, desktop, acts: VecDeque::new(), bursts, ended: false };
        rdp.sequence(dice);
        rdp.incident(dice);
        rdp
    }

    fn sequence(&mut self, dice: &mut Dice) {
        let server = format!("SRV-{:03}.corp.example", dice.between(1, 400));
        self.acts.push_back(Act::Open);
        self.say(Client, 1, connection_request(dice));
        self.say(Server, 2, CONNECTION_CONFIRM.to_vec());
        let hello = self.version.client_hello(dice.one_in(2).then_some(&server), dice);
        self.say(Client, 12, hello);
        let flight = self.version.server_flight(&server, dice);
        self.say(Server, 7, flight);
        let finish = self.version.client_finish(dice);
        self.say(Client, 4, finish);
        let finish = self.version.server_finish(dice);
        self.say(Server, 1, finish);
        for (side, think, plaintext) in CREDSSP.iter().chain(SEQUENCE) {
            self.record(*side, *think, *plaintext, dice);
        }
    }

    /// A few connections never reach the desktop.
    fn incident(&mut self, dice: &mut Dice) {
        if !dice.one_in(INCIDENT_ONCE_IN) {
            return;
        }
        let end = match dice.between(0, 5) {
            0 => vec![Act::Unanswered],
            1 => vec![Act::Refused],
            kind => {
                let survives = dice.between(2, self.acts.len() as u64 - 1) as usize;
                self.acts.truncate(survives);
                match kind {
                    2 => vec![Act::Forged],
                    3 => vec![Act::Reset(Server)],
                    4 => vec![Act::Fin(Client)],
                    _ => vec![Act::Vanish { side: Client, bytes: self.sealed(462, dice) }],
                }
            }
        };
        if matches!(end[0], Act::Unanswered | Act::Refused) {
            self.acts.clear();
        }
        self.acts.extend(end);
        self.bursts = 0;
        self.ended = true;
    }

    fn burst(&mut self, dice: &mut Dice) {
        match self.desktop {
            Desktop::Graphics => {
                let update = dice.between(600, 34_000) as usize;
                self.record(Server, dice.between(5, 120), update, dice);
                // Frame Acknowledge (MS-RDPEGFX 2.2.2.13) over its channel.
                self.record(Client, 2, 36, dice);
                for _ in 0..dice.between(0, 4) {
                    self.record(Client, dice.between(8, 90), 7, dice);
                }
            }
            Desktop::Typing => {
                self.record(Client, dice.between(30, 250), 4, dice);
                if dice.one_in(2) {
                    self.record(Server, 9, dice.between(8, 14) as usize, dice);
                }
            }
        }
    }

    /// mstsc resets most connections that it is done with; a sign-out is
    /// announced by the server (Disconnect Provider Ultimatum: 9 bytes).
    fn ending(&mut self, dice: &mut Dice) {
        self.ended = true;
        match dice.between(0, 2) {
            0 => {
                self.record(Server, 80, 9, dice);
                self.acts.push_back(Act::Fin(Client));
            }
            1 => self.acts.push_back(Act::Fin(Client)),
            _ => self.acts.push_back(Act::Reset(Client)),
        }
    }

    fn record(&mut self, side: Side, think: u64, plaintext: usize, dice: &mut Dice) {
        let bytes = self.sealed(plaintext, dice);
        self.say(side, think, bytes);
    }

    fn sealed(&self, plaintext: usize, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.version.data(plaintext, dice, &mut bytes);
        bytes
    }

    fn say(&mut self, side: Side, think: u64, bytes: Vec<u8>) {
        self.acts.push_back(Act::Say { side, after: think * MILLISECOND, bytes });
    }
}

impl Script for Rdp {
    fn next(&mut self, dice: &mut Dice) -> Option<Act> {
        if self.acts.is_empty() && self.bursts > 0 {
            self.bursts -= 1;
            self.burst(dice);
        } else if self.acts.is_empty() && !self.ended {
            self.ending(dice);
        }
        self.acts.pop_front()
    }
}

/// X.224 Connection Confirm with `RDP_NEG_RSP`: extended data, dynamic
/// graphics; CredSSP with early authorization selected (MS-RDPBCGR 2.2.1.2).
const CONNECTION_CONFIRM: [u8; 19] = [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 8, 0, 0, 0];

/// X.224 Connection Request with a cookie and `RDP_NEG_REQ` for TLS, CredSSP
/// and early authorization (MS-RDPBCGR 2.2.1.1).
fn connection_request(dice: &mut Dice) -> Vec<u8> {
    let cookie = format!("Cookie: mstshash=user{:04}\r\n", dice.between(0, 9_999));
    let length = 4 + 7 + cookie.len() + 8;
    let mut bytes = vec![3, 0, 0, length as u8, length as u8 - 5, 0xe0, 0, 0, 0, 0, 0];
    bytes.extend_from_slice(cookie.as_bytes());
    bytes.extend_from_slice(&[1, 0, 8, 0, 11, 0, 0, 0]);
    bytes
}

/// Connections that somebody opens only to see whether the port is there.
pub struct Scan {
    acts: VecDeque<Act>,
}

impl Scan {
    pub fn new(dice: &mut Dice) -> Self {
        let acts = match dice.between(0, 3) {
            0 => vec![Act::Unanswered],
            1 => vec![Act::Refused],
            2 => vec![Act::HalfOpen],
            _ => {
                let request = Act::Say { side: Client, after: MILLISECOND, bytes: connection_request(dice) };
                let confirm = Act::Say { side: Server, after: MILLISECOND, bytes: CONNECTION_CONFIRM.to_vec() };
                vec![Act::Open, request, confirm, Act::Reset(Client)]
            }
        };
        Self { acts: acts.into() }
    }
}

impl Script for Scan {
    fn next(&mut self, _: &mut Dice) -> Option<Act> {
        self.acts.pop_front()
    }
}
