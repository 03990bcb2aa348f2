//! The reset of a connection that carried nothing: all that a judgement on it
//! can depend on, so that one judgement does for all that are alike.
//!
//! No times, frames, ports or numbers are among it; where a piece of evidence
//! reads one of those, its own test stands here. What is unusual is not told so:
//! it is for a look at all of it.

use super::neighbours::Neighbours;
use super::scene::Baseline;
use super::ttl::MANY;
use super::{causality, host_habits, vantage};
use crate::base::Side;
use crate::flow::{Bare, BarePacket};

/// What a judgement reads of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BareReset {
    by: Side,
    flags: u8,
    ttl: u8,
    dont_fragment: bool,
    sender_dont_fragment: bool,
    id: Id,
    is_at_once: bool,
    baseline: Option<Baseline>,
}

/// How its identification goes with the sender's last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    /// IPv6 has none.
    None,
    Zero,
    Continues,
    Another,
}

/// A look at all of it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Unusual;

impl BareReset {
    /// That of a connection, where a reset ended it.
    ///
    /// # Errors
    /// [`Unusual`] where more than this decides.
    pub fn of(bare: &Bare, neighbours: &Neighbours) -> Result<Option<Self>, Unusual> {
        let Some((by, reset)) = bare.reset() else { return Ok(None) };
        let known = neighbours.host(reset.at.frame.capture, reset.ip().src);
        let forgotten = known.is_none() && neighbours.is_full();
        let (sender, receiver) = match by {
            Side::Client => (Some(bare.syn()), bare.answer()),
            Side::Server => (None, bare.syns().rev().find(|syn| number(syn).is_some())),
        };
        let last_syn = bare.syns().next_back();
        // What one packet of the sender tells; several of them begin to show its habits.
        let is_alone = sender.is_none() || bare.syns().nth(1).is_none();
        let is_cloned = number(reset).is_some_and(|id| receiver.and_then(number) == Some(id));
        let has_clock = |packet: &BarePacket| packet.tcp().options.timestamps.is_some();
        let is_timed = has_clock(reset) && sender.is_some_and(has_clock);
        let is_hurried = known
            .and_then(|known| known.min_rtt)
            .zip(bare.answer())
            .is_some_and(|(rtt, answer)| causality::is_too_early(reset.at, answer.at, rtt));
        if !is_alone || is_cloned || is_timed || is_hurried {
            return Err(Unusual);
        }
        let own = sender.map(|syn| (syn.ip().ttl, 1)).into_iter();
        let baseline = Baseline::of(own, false, known, forgotten);
        Ok(Some(Self {
            by,
            flags: reset.tcp().flags.0,
            ttl: reset.ip().ttl,
            dont_fragment: reset.ip().dont_fragment,
            sender_dont_fragment: sender.is_some_and(|syn| syn.ip().dont_fragment),
            id: match reset.ip().id {
                None => Id::None,
                Some(0) => Id::Zero,
                id if host_habits::continues(id, sender.and_then(number)) => Id::Continues,
                Some(_) => Id::Another,
            },
            is_at_once: last_syn.is_some_and(|syn| vantage::is_at_once(reset.at.time.since(syn.at.time))),
            baseline: baseline.map(|baseline| baseline.of_at_most(MANY)),
        }))
    }
}

/// The identification, where it is one.
fn number(packet: &BarePacket) -> Option<u16> {
    packet.ip().id.filter(|id| *id != 0)
}
