//! The path between client and server, as one connection met it.

use super::rule::Case;
use crate::base::{Side, Span};
use crate::session::Message;

/// What a Windows server grants for the whole connection sequence
/// ([MS-RDPBCGR] 3.3.6.1).
pub const SERVER_CLOCK: &str = "60 s";

/// Turns of a whole sequence with CredSSP and Kerberos, and at the least.
const USUAL_TURNS: u32 = 20;

/// Round trips over both legs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// The shortest.
    pub shortest: Option<Span>,
    /// The middle one.
    pub median: Option<Span>,
    /// The longest.
    pub longest: Option<Span>,
    /// The mean difference between one and the next.
    pub jitter: Option<Span>,
    /// How many were measured on the leg with fewer.
    pub samples: u32,
    turns: u32,
}

impl Path {
    /// Reads it off the facts.
    pub fn of(case: &Case<'_>) -> Self {
        let legs = &case.tcp.rtt;
        let both = |of: &dyn Fn(Side) -> Option<Span>| Some(of(Side::Client)? + of(Side::Server)?);
        // Each question of the client that the server answers is a turn.
        let steps = case.session.steps.list().iter();
        let answers =
            steps.filter(|step| step.side == Side::Server && step.think.is_some() && step.message != Message::Graphics);
        Self {
            shortest: both(&|side| legs.of(side).min()),
            median: both(&|side| legs.of(side).median()),
            longest: both(&|side| legs.of(side).max()),
            // Legs vary apart from one another; the sum is an upper bound.
            jitter: both(&|side| Some(legs.of(side).jitter().unwrap_or(Span::ZERO))),
            samples: legs.client.count().max(legs.server.count()),
            turns: answers.map(|step| step.times).sum(),
        }
    }

    /// Turns of the sequence: as many as were seen, or as it usually has.
    pub const fn turns(&self) -> u32 {
        if self.turns > USUAL_TURNS { self.turns } else { USUAL_TURNS }
    }
}
