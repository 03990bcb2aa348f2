//! A session in progress: most segments are whole records of data that say
//! nothing, and are only counted.
//!
//! Where hundreds of sessions take turns, what costs most is to fetch what is
//! known of the next one from wherever it lies. So all that such a segment is held
//! against, and all that it changes, takes 64 bytes in one place, as many as a cache
//! line, and is brought into the facts when a segment is different.
//!
//! Law: whether a segment is only counted or read does not show in the facts.

use super::shapes::Dull;
use super::stream::whole_record;
use super::{BySide, SessionFacts};
use crate::base::{At, Side};
use crate::wire::tls::record::{HEADER_LEN, MAX_FRAGMENT_LEN};

/// Records that are counted before they are told.
const MOST: usize = u16::MAX as usize;

const _: () = assert!(MOST as u64 * (MAX_FRAGMENT_LEN as u64) <= u32::MAX as u64);

/// The sides by their roles.
// Not aligned to a cache line: the allocator takes longer for a connection then than
// its packets gain, where connections are short.
#[derive(Debug, Default)]
pub(super) struct InProgress {
    ways: BySide<Way>,
    /// The caller's client is the protocol's server.
    turned: bool,
    is_touched: bool,
    touched: At,
}

const _: () = assert!(size_of::<InProgress>() <= 64);

/// What one side sends.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// Which records say nothing.
    dull: Dull,
    /// Bytes of the fragments of records that were counted.
    bytes: u32,
    /// The records.
    count: u16,
    /// A message begins with the next byte, and may be counted.
    may_count: bool,
}

impl InProgress {
    /// Counts `data` where it is nothing but whole records that say nothing, and
    /// `false` where it is to be read.
    #[inline]
    pub(super) fn counts(&mut self, side: Side, data: &[u8], at: At) -> bool {
        let role = self.role(side);
        let way = self.ways.of_mut(role);
        if !way.may_count {
            return false;
        }
        let (mut rest, mut more) = (data, 0_usize);
        while let Some((length, after)) = whole_record(rest) {
            if !way.dull.has(length) {
                return false;
            }
            (rest, more) = (after, more.wrapping_add(1));
        }
        // What is more than fits is read, and what was counted told.
        let fragments = data.len().wrapping_sub(more.wrapping_mul(HEADER_LEN));
        let (count, bytes) = (usize::from(way.count).wrapping_add(more), (way.bytes as usize).wrapping_add(fragments));
        if !rest.is_empty() || count > MOST {
            return false;
        }
        (way.count, way.bytes) = (count as u16, bytes as u32);
        (self.touched, self.is_touched) = (at, true);
        true
    }

    /// What was counted goes into the facts.
    pub(super) fn tell(&mut self, facts: &mut SessionFacts) {
        if core::mem::take(&mut self.is_touched) {
            facts.stages.touch(self.touched);
        }
        if self.ways.client.count | self.ways.server.count == 0 {
            return;
        }
        for side in Side::BOTH {
            let Way { count, bytes, .. } = self.ways.of_mut(side);
            let (count, bytes) = (core::mem::take(count), core::mem::take(bytes));
            if let Some(records) = &mut facts.records {
                records.add_all(side, count, bytes);
            }
        }
    }

    /// A later segment brought bytes than the last one counted.
    pub(super) const fn is_touched_no_more(&mut self) {
        self.is_touched = false;
    }

    /// Whether the next bytes of `role` may be counted: a message begins there, and
    /// nothing but the session's data is expected.
    pub(super) const fn may_count(&mut self, role: Side, may_count: bool) {
        self.ways.of_mut(role).may_count = may_count;
    }

    /// Which records say nothing.
    pub(super) const fn are_dull(&mut self, dull: BySide<Dull>) {
        (self.ways.client.dull, self.ways.server.dull) = (dull.client, dull.server);
    }

    /// Whether a record of `length` says nothing.
    #[inline]
    pub(super) const fn is_dull(&self, role: Side, length: u16) -> bool {
        self.ways.of(role).dull.has(length)
    }

    /// The caller's sides have the other roles.
    pub(super) const fn turn(&mut self) {
        self.turned = !self.turned;
    }

    /// The role of the caller's `side`.
    #[inline]
    pub(super) const fn role(&self, side: Side) -> Side {
        if self.turned { side.other() } else { side }
    }
}
