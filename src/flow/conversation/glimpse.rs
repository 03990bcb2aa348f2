//! A connection in progress, as far as a person who watches wants to see it.

use super::{Consumer, Conversation};
use crate::base::{At, BySide, CaptureTime, Side, Span};
use crate::flow::Endpoint;

/// What is known of a connection before it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// Addresses and ports.
    pub endpoints: BySide<Endpoint>,
    /// First packet.
    pub first: At,
    /// When the last packet was captured.
    pub last: CaptureTime,
    /// The shortest round trip from the capture point to both ends together;
    /// the legs that were measured.
    pub round_trip: Option<Span>,
    /// Segments that were sent again, SYNs among them.
    pub sent_again: u64,
    /// Something was sent and not acknowledged.
    pub outstanding: bool,
    /// Nothing of it is missing so far: the start, a side, or bytes.
    pub is_sound: bool,
}

impl<C: Consumer> Conversation<C> {
    /// What is known now.
    pub fn glimpse(&self) -> Glimpse {
        let legs = Side::BOTH.into_iter().filter_map(|side| {
            let taken = self.rtt.of(side).min();
            taken.into_iter().chain(self.gathering.shortest_trip(side)).min()
        });
        Glimpse {
            endpoints: self.endpoints,
            first: self.first,
            last: self.gathering.last.time,
            round_trip: legs.reduce(|near, far| near + far),
            sent_again: Side::BOTH
                .into_iter()
                .map(|side| u64::from(self.directions.of(side).facts.loss.retransmitted()))
                .sum(),
            outstanding: match self.gathering.lanes() {
                Some(lanes) => lanes.streams.client.outstanding() || lanes.streams.server.outstanding(),
                None => Side::BOTH.into_iter().any(|side| self.directions.of(side).outstanding()),
            },
            is_sound: self.handshake.syns > 0
                && Side::BOTH.into_iter().all(|side| {
                    let facts = &self.directions.of(side).facts;
                    facts.packets > 0 && facts.gaps + facts.given_up == 0
                }),
        }
    }
}
