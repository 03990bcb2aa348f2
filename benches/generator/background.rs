//! Traffic that is not RDP: web pages over TLS, and one big transfer.

use std::collections::VecDeque;

use super::connection::{Act, MILLISECOND, Script, Side};
use super::dice::Dice;
use super::tls::Version;

/// A browser's connection: a handshake, then pages.
pub struct Web {
    acts: VecDeque<Act>,
    pages: u64,
    ended: bool,
}

impl Web {
    pub fn new(dice: &mut Dice) -> Self {
        let tls = Version::Tls13;
        let name = format!("www{}.example", dice.between(1, 2_000));
        let messages = [
            (Side::Client, tls.client_hello(Some(&name), dice)),
            (Side::Server, tls.server_flight(&name, dice)),
            (Side::Client, tls.client_finish(dice)),
            (Side::Server, tls.server_finish(dice)),
        ];
        let mut acts = VecDeque::from([Act::Open]);
        acts.extend(messages.map(|(side, bytes)| Act::Say { side, after: MILLISECOND, bytes }));
        Self { acts, pages: dice.between(1, 12), ended: false }
    }
}

impl Script for Web {
    fn next(&mut self, dice: &mut Dice) -> Option<Act> {
        if self.acts.is_empty() && self.pages > 0 {
            self.pages -= 1;
            for (side, after, size) in
                [(Side::Client, dice.between(5, 900), (200, 900)), (Side::Server, 30, (400, 40_000))]
            {
                let mut bytes = Vec::new();
                Version::Tls13.data(dice.between(size.0, size.1) as usize, dice, &mut bytes);
                self.acts.push_back(Act::Say { side, after: after * MILLISECOND, bytes });
            }
        } else if self.acts.is_empty() && !self.ended {
            self.ended = true;
            self.acts.push_back(Act::Fin(Side::Client));
        }
        self.acts.pop_front()
    }
}

/// One large file to a file server, in blocks.
pub struct Transfer {
    blocks: u64,
    state: u8,
}

impl Transfer {
    pub fn new(dice: &mut Dice) -> Self {
        Self { blocks: dice.between(20, 200), state: 0 }
    }
}

impl Script for Transfer {
    fn next(&mut self, dice: &mut Dice) -> Option<Act> {
        match self.state {
            0 => {
                self.state = 1;
                Some(Act::Open)
            }
            1 if self.blocks > 0 => {
                self.blocks -= 1;
                let mut bytes = Vec::new();
                dice.noise(60_000, &mut bytes);
                Some(Act::Say { side: Side::Client, after: MILLISECOND, bytes })
            }
            1 => {
                self.state = 2;
                Some(Act::Fin(Side::Client))
            }
            _ => None,
        }
    }
}
