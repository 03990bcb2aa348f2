//! What the connections of a run add up to: the ground for findings that
//! concern a whole capture.

use super::finding::Finding;
use super::middlebox::ForeignResets;
use super::resets::Neighbours;
use super::rule::Coverage;
use crate::base::{At, Side};
use crate::flow::{Bare, TcpFacts};

/// Something counted, with the first place where it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Option<At>,
    /// Connections that have it.
    pub connections: u64,
}

/// The sums.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Connections in all.
    pub connections: u64,
    /// Packets in all, copies left out.
    pub packets: u64,
    /// Holes in the capture.
    pub gaps: Tally,
    /// Bytes in those holes.
    pub gap_bytes: u64,
    /// Frames cut short.
    pub cut: Tally,
    /// Copies of packets.
    pub copies: Tally,
    /// Connections of which one side is missing.
    pub one_sided: Tally,
    /// Connections whose start is missing.
    pub late: Tally,
    /// Packets that the capturing machine says it dropped.
    pub dropped: u64,
    /// What the connections tell of each host.
    pub neighbours: Neighbours,
    /// Resets that other devices built.
    pub foreign_resets: ForeignResets,
}

/// A kind of finding about a whole capture.
pub trait CaptureRule: Sync {
    /// Permanent id.
    fn id(&self) -> &'static str;

    /// The page that `explain` prints.
    fn prose(&self) -> &'static str;

    /// Looks at the sums.
    fn check(&self, totals: &Totals) -> Option<Finding>;
}

impl Tally {
    fn add(&mut self, count: u64, first: Option<At>) {
        if count > 0 {
            self.count += count;
            self.connections += 1;
            self.first = self.first.or(first);
        }
    }
}

impl Totals {
    /// Adds a finished connection.
    pub fn add(&mut self, tcp: &TcpFacts, coverage: &Coverage) {
        self.connections += 1;
        self.neighbours.learn(tcp);
        let before = [self.gaps, self.cut, self.copies];
        for side in Side::BOTH {
            let facts = tcp.directions.of(side);
            self.packets += facts.packets;
            self.gaps.add(facts.gaps, facts.first_gap);
            self.gap_bytes += facts.gap_bytes;
            self.cut.add(facts.cut_frames, facts.first_cut);
            self.copies.add(facts.copies, facts.first_copy);
        }
        // Two sides of one connection are one connection.
        for (tally, before) in [&mut self.gaps, &mut self.cut, &mut self.copies].into_iter().zip(before) {
            tally.connections = tally.connections.min(before.connections + 1);
        }
        self.one_sided.add(u64::from(coverage.missing_side.is_some()), Some(tcp.first));
        self.late.add(u64::from(coverage.late_start), Some(tcp.first));
    }

    /// The same, where it carried nothing: of such a one nothing is missing.
    pub fn add_bare(&mut self, bare: &Bare) {
        self.connections += 1;
        self.packets += bare.packets().count() as u64;
        self.neighbours.learn_bare(bare);
    }
}
