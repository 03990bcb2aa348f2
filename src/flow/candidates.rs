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

/// Openings kept. At 100,000 connections a second that is 40 ms, ample for a
/// data centre; on a slower network, where round trips are longer, minutes.
const MAX_CANDIDATES: usize = 4096;

/// Handshake packets kept of each opening: SYN, SYN-ACK, ACK and one repeat.
const MAX_PACKETS: usize = 4;

/// The ring of openings.
#[derive(Debug, Default)]
pub struct Candidates {
    openings: HashMap<FlowKey, Vec<BarePacket>>,
    order: std::collections::VecDeque<FlowKey>,
}

impl Candidates {
    /// Remembers a packet of an opening (no payload). A SYN begins one; other
    /// packets are kept only where it is known.
    pub fn remember(&mut self, key: FlowKey, segment: &Segment<'_>, at: At, begins: bool) {
        if let Some(packets) = self.openings.get_mut(&key) {
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
            self.openings.remove(&oldest);
        }
        self.order.push_back(key);
        self.openings.insert(key, vec![BarePacket::of(segment, at)]);
    }

    /// Takes the opening of a connection that turned out to be RDP.
    pub fn take(&mut self, key: &FlowKey) -> Vec<BarePacket> {
        // Its place in the ring stays until it is turned out: harmless.
        self.openings.remove(key).unwrap_or_default()
    }
}
