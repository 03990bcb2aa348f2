//! Openings on ports that are not known to speak RDP, kept for a moment.
//!
//! RDP away from 3389 is recognised by its Connection Request, the first data
//! packet. By then the handshake has passed; its packets are kept here, so that
//! roles, round trip and TTLs are not lost. A SYN flood only turns the ring.

use foldhash::HashMap;

use super::key::FlowKey;
use super::opening::BarePacket;
use crate::base::At;
use crate::wire::Segment;
use crate::wire::preamble::Preamble;

/// Openings kept. At 100,000 connections a second that is 40 ms, ample for a
/// data centre; on a slower network, where round trips are longer, minutes.
pub const MAX_CANDIDATES: usize = 4096;

/// Handshake packets kept of each opening: SYN, SYN-ACK, ACK and one repeat.
const MAX_PACKETS: usize = 4;

/// What is kept of one.
#[derive(Debug, Default)]
pub struct Candidate {
    /// Its handshake packets.
    pub packets: Vec<BarePacket>,
    /// What its client said first, where a proxy would understand it.
    pub preamble: Option<Preamble>,
}

/// The ring of openings.
#[derive(Debug, Default)]
pub struct Candidates {
    openings: HashMap<FlowKey, Candidate>,
    order: std::collections::VecDeque<FlowKey>,
    has_forgotten: bool,
}

impl Candidates {
    /// Remembers a packet of an opening (no payload). A SYN begins one; other
    /// packets are kept only where it is known.
    pub fn remember(&mut self, key: FlowKey, segment: &Segment<'_>, at: At, begins: bool) {
        if let Some(Candidate { packets, .. }) = self.openings.get_mut(&key) {
            if packets.len() < MAX_PACKETS {
                packets.push(BarePacket::of(segment, at));
            }
            return;
        }
        if !begins {
            return;
        }
        if self.order.len() >= MAX_CANDIDATES
            && let Some(oldest) = self.order.pop_front()
        {
            self.has_forgotten |= self.openings.remove(&oldest).is_some();
        }
        self.order.push_back(key);
        self.openings.insert(key, Candidate { packets: vec![BarePacket::of(segment, at)], preamble: None });
    }

    /// Whether any opening was turned out.
    pub const fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    /// The client of an opening spoke to a proxy.
    pub fn note(&mut self, key: &FlowKey, preamble: Preamble) {
        if let Some(candidate) = self.openings.get_mut(key) {
            candidate.preamble.get_or_insert(preamble);
        }
    }

    /// Takes the opening of a connection that turned out to be RDP.
    pub fn take(&mut self, key: &FlowKey) -> Candidate {
        // Its place in the ring stays until it is turned out: harmless.
        self.openings.remove(key).unwrap_or_default()
    }
}
