//! The last protected records of each side: all that an encrypted stream shows.

use core::ops::RangeInclusive;

use super::At;
use crate::base::{BySide, Side};
use crate::wire::tls::ContentType;

/// How many records are kept of each side: enough for an error message, an
/// ultimatum, an alert and what came before them.
pub const KEPT: usize = 8;

/// The outside of a protected record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordShape {
    /// Who sent it.
    pub side: Side,
    /// Where it was complete.
    pub at: At,
    /// The outer content type; in TLS 1.3 always application data.
    pub content_type: ContentType,
    /// Bytes of the protected fragment, as the record header gives them.
    pub length: u16,
    /// The plaintext lengths that fit; `None` where the protection is not
    /// known. INVARIANT: not empty.
    pub plaintext: Option<RangeInclusive<u32>>,
}

/// What was protected, counted, and the last records kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// How many there were.
    pub count: BySide<u64>,
    /// Bytes of their fragments.
    pub bytes: BySide<u64>,
    /// The last record of each side that may be an alert and after which the
    /// side sent no data.
    pub final_alert: BySide<Option<At>>,
    last: BySide<Ring>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ring {
    /// In place: a session writes here with every message.
    kept: [Option<RecordShape>; KEPT],
    /// INVARIANT: below [`KEPT`]; the oldest record once all places are taken.
    next: usize,
}

impl Records {
    /// The last records of `side`, at most [`KEPT`], oldest first.
    pub fn last(&self, side: Side) -> impl DoubleEndedIterator<Item = &RecordShape> {
        let ring = self.last.of(side);
        let (newer, older) = ring.kept.split_at_checked(ring.next).unwrap_or_default();
        older.iter().chain(newer).flatten()
    }

    #[inline]
    pub(super) fn add(&mut self, record: RecordShape) {
        let side = record.side;
        let count = self.count.of_mut(side);
        *count = count.saturating_add(1);
        let bytes = self.bytes.of_mut(side);
        *bytes = bytes.saturating_add(record.length.into());
        *self.final_alert.of_mut(side) = record.may_be_alert().then_some(record.at);
        let ring = self.last.of_mut(side);
        if let Some(oldest) = ring.kept.get_mut(ring.next) {
            *oldest = Some(record);
        }
        ring.next = (ring.next + 1) % KEPT;
    }

    pub(super) fn swap_sides(&mut self) {
        self.count.swap();
        self.bytes.swap();
        self.final_alert.swap();
        self.last.swap();
        for side in Side::BOTH {
            for record in self.last.of_mut(side).kept.iter_mut().flatten() {
                record.side = record.side.other();
            }
        }
    }
}

impl RecordShape {
    /// Whether an alert may be inside: by its type, or in TLS 1.3, where the
    /// type is hidden, by its size of two bytes (RFC 8446 section 6).
    #[must_use]
    pub fn may_be_alert(&self) -> bool {
        const ALERT_LEN: u32 = 2;
        self.content_type == ContentType::ALERT
            || self.plaintext.as_ref().is_some_and(|size| (size.start(), size.end()) == (&ALERT_LEN, &ALERT_LEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_records_are_kept_in_order() {
        let mut records = Records::default();
        for length in 0..21 {
            records.add(RecordShape {
                side: Side::Server,
                at: At::default(),
                content_type: ContentType::APPLICATION_DATA,
                length,
                plaintext: length.checked_sub(17).map(|n| n.into()..=n.into()),
            });
        }
        let lengths: Vec<_> = records.last(Side::Server).map(|record| record.length).collect();
        assert_eq!(lengths, [13, 14, 15, 16, 17, 18, 19, 20]);
        assert_eq!((records.count.server, records.bytes.server), (21, 210));
        assert_eq!(records.last(Side::Client).count(), 0);
        assert!(records.last(Side::Server).rev().nth(1).unwrap().may_be_alert(), "17 + 2");
        assert_eq!(records.final_alert.server, None, "data followed");
    }
}
