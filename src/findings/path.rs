//! The path between client and server, as one connection met it.

use super::rule::Case;
use crate::base::{Side, Span};
use crate::flow::Rtt;
use crate::session::Message;

/// What a Windows server grants for the whole connection sequence
/// ([MS-RDPBCGR] 3.3.6.1).
pub const SERVER_CLOCK: &str = "60 s";

/// Turns of a whole sequence with CredSSP and Kerberos, and at the least.
const USUAL_TURNS: u32 = 20;

/// Round trips over both legs.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a>(&'a Case<'a>);

impl<'a> Path<'a> {
    /// That of a connection.
    pub const fn of(case: &'a Case<'_>) -> Self {
        Self(case)
    }

    /// The shortest.
    pub fn shortest(self) -> Option<Span> {
        self.both(Rtt::min)
    }

    /// The middle one.
    pub fn median(self) -> Option<Span> {
        self.both(Rtt::median)
    }

    /// The longest.
    pub fn longest(self) -> Option<Span> {
        self.both(Rtt::max)
    }

    /// The mean difference between one and the next. Legs vary apart from one
    /// another; the sum is an upper bound.
    pub fn jitter(self) -> Option<Span> {
        self.both(|leg| Some(leg.jitter().unwrap_or(Span::ZERO)))
    }

    /// How many were measured on the leg with more.
    pub fn samples(self) -> u32 {
        let legs = &self.0.tcp.rtt;
        legs.client.count().max(legs.server.count())
    }

    /// Turns of the sequence, each a question of the client that the server
    /// answers: as many as were seen, or as it usually has.
    pub fn turns(self) -> u32 {
        let steps = self.0.session.steps.list();
        let answers =
            steps.filter(|step| step.side == Side::Server && step.think.is_some() && step.message != Message::Graphics);
        answers.map(|step| step.times).sum::<u32>().max(USUAL_TURNS)
    }

    fn both(self, of: impl Fn(&Rtt) -> Option<Span>) -> Option<Span> {
        let legs = &self.0.tcp.rtt;
        Some(of(&legs.client)? + of(&legs.server)?)
    }
}
