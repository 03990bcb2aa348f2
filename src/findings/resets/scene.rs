//! What a piece of evidence may look at.

use super::company::Company;
use super::neighbours::{Known, Neighbours};
use super::other_end::View;
use super::same_device::Suspects;
use crate::base::{At, Side, Span};
use crate::findings::prose::Prose;
use crate::flow::{Habits, ResetFacts, TcpFacts};
use crate::session::SessionFacts;

/// A reset and everything around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    /// The reset.
    pub reset: &'a ResetFacts,
    /// Its connection.
    pub tcp: &'a TcpFacts,
    /// What the protocols above say.
    pub session: &'a SessionFacts,
    /// The claimed sender in other connections.
    pub sender: Option<&'a Known>,
    /// They are not remembered, for want of room.
    pub is_forgotten: bool,
    /// Whether what is weighed is read.
    pub prose: Prose,
    baseline: Option<Baseline>,
    company: Company<'a>,
}

/// The TTLs that a sender's packets arrive with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Baseline {
    /// The usual one.
    pub usual: u8,
    /// Packets it was learned from.
    pub packets: u64,
    /// Every packet carried the same.
    pub single: bool,
    /// Some of them were no SYN or SYN-ACK.
    pub beyond_handshake: bool,
    /// They come from several connections.
    pub pooled: bool,
    ttls: [Option<u8>; MAX_TTLS],
}

/// As many as are remembered of a sender, and of a host.
const MAX_TTLS: usize = 4;

/// Packets that must agree before a connection's own TTL is a baseline.
const MIN_OWN: u64 = 3;

/// Route changes and parallel paths stay within this.
const MAX_FLAP: u8 = 2;

impl<'a> Scene<'a> {
    pub fn new(
        reset: &'a ResetFacts,
        tcp: &'a TcpFacts,
        session: &'a SessionFacts,
        company: Company<'a>,
        prose: Prose,
    ) -> Self {
        let sender = company.neighbours.and_then(|n| n.of(tcp, reset.claimed_by));
        let is_forgotten = sender.is_none() && company.neighbours.is_some_and(Neighbours::is_full);
        let own = reset.sender.ttls().map(|(ttl, n)| (ttl, u64::from(n)));
        let shaken = u64::from(reset.sender.handshake_ttl.is_some());
        let baseline = Baseline::of(own, reset.sender.packets() > shaken, sender, is_forgotten)
            .filter(|_| reset.sender.knows_each_ttl());
        Self { reset, tcp, session, sender, is_forgotten, prose, baseline, company }
    }

    /// This connection in other captures.
    pub fn views(&self) -> impl Iterator<Item = &'a View> {
        self.company.views.into_iter().flat_map(|views| views.others(self.tcp))
    }

    /// The devices found in other connections.
    pub fn suspects(&self) -> Option<&'a Suspects> {
        self.company.suspects
    }

    /// What is compared, where anybody reads it: the claimed sender's last packet,
    /// where this connection has one, and the reset.
    pub fn compared(&self) -> Vec<At> {
        let Self { reset, prose, .. } = self;
        if !prose.is_written() {
            return Vec::new();
        }
        let last = (reset.sender.packets() > 0).then_some(reset.sender.last);
        last.into_iter().chain([reset.at]).collect()
    }

    /// The TTL baseline of the claimed sender: this connection's, or where that
    /// is too short, that of all its connections in the capture. `None` where
    /// its packets come over different distances (a proxy that answers for it,
    /// several hosts behind one address).
    pub const fn baseline(&self) -> Option<Baseline> {
        self.baseline
    }

    /// The shortest round trip between capture point and claimed sender. None
    /// where clocks ran back: merged interfaces disagree about time.
    pub fn round_trip(&self) -> Option<Span> {
        if self.tcp.clock_ran_back > 0 {
            return None;
        }
        let pooled = self.sender.and_then(|known| known.min_rtt);
        match (self.reset.sender_min_rtt, pooled) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (own, pooled) => own.or(pooled),
        }
    }

    /// Whether that round trip can be relied on for proof: a single measurement
    /// on a path that jitters, or of a SYN-ACK that a device held back, may be
    /// far above the real minimum.
    pub fn round_trip_is_firm(&self) -> bool {
        // Another connection may have measured a shorter one.
        let own = self.reset.sender_rtt_is_steady && !self.is_forgotten;
        own || self.sender.is_some_and(|known| known.rtt_is_steady)
    }

    /// Whether packets are known to be missing from the capture.
    pub fn has_gaps(&self) -> bool {
        Side::BOTH.into_iter().any(|side| {
            let facts = self.tcp.directions.of(side);
            // The last hole may not have been given up on when the reset came.
            // A FIN takes a number of its own.
            facts.gaps > 0 || facts.acknowledged_bytes > facts.sent_bytes.saturating_add(1)
        })
    }

    /// Whether packets seem to be missing just before the reset: its receiver
    /// passed over identifications there.
    pub fn trigger_in_doubt(&self) -> bool {
        self.has_gaps() || self.reset.receiver.last_skip > 0
    }

    /// Whether the capture was taken on the claimed sender, or next to it: its
    /// packets have passed no router, and it answers in no time while the
    /// other side is far.
    pub fn is_at_sender(&self) -> bool {
        let side = self.reset.claimed_by;
        let (Some(near), Some(far)) = (self.tcp.rtt.of(side).min(), self.tcp.rtt.of(side.other()).min()) else {
            return false;
        };
        let fresh = self.baseline().is_some_and(|b| b.single && Habits::hops(b.usual) == 0);
        fresh && self.tcp.clock_ran_back == 0 && near.times(10) < far
    }

    /// The claimed sender.
    pub fn side(&self) -> Side {
        self.reset.claimed_by
    }
}

impl Baseline {
    /// `own`: the TTLs of the connection itself, with counts; `beyond_handshake`:
    /// those of more than a SYN or SYN-ACK are among them. `known`: the sender
    /// in all of its connections, unless these were `forgotten`.
    pub fn of(
        own: impl Iterator<Item = (u8, u64)> + Clone,
        beyond_handshake: bool,
        known: Option<&Known>,
        forgotten: bool,
    ) -> Option<Self> {
        let count: u64 = own.clone().map(|(_, n)| n).sum();
        if count < MIN_OWN && (forgotten || known.is_some_and(|known| known.has_more_ttls)) {
            return None;
        }
        let pool = known.filter(|known| count < MIN_OWN && known.ttls().map(|(_, n)| n).sum::<u64>() > count);
        match pool {
            Some(known) => Self::learned(known.ttls(), known.beyond_handshake > 0, true),
            None => Self::learned(own, beyond_handshake, false),
        }
    }

    fn learned(ttls: impl Iterator<Item = (u8, u64)> + Clone, beyond_handshake: bool, pooled: bool) -> Option<Self> {
        let usual = ttls.clone().max_by_key(|(_, n)| *n).map(|(ttl, _)| ttl)?;
        if ttls.clone().any(|(ttl, _)| ttl.abs_diff(usual) > MAX_FLAP) {
            return None;
        }
        let mut known = [None; MAX_TTLS];
        known.iter_mut().zip(ttls.clone()).for_each(|(place, (ttl, _))| *place = Some(ttl));
        let packets = ttls.clone().map(|(_, n)| n).sum();
        let single = ttls.count() == 1;
        Some(Self { usual, packets, single, beyond_handshake, pooled, ttls: known })
    }

    /// The same where more packets than so many say no more.
    pub fn of_at_most(self, packets: u64) -> Self {
        Self { packets: self.packets.min(packets), ..self }
    }

    /// The distance between `ttl` and the nearest of the baseline.
    pub fn step(&self, ttl: u8) -> u8 {
        self.ttls.iter().flatten().map(|known| known.abs_diff(ttl)).min().unwrap_or(0)
    }
}
