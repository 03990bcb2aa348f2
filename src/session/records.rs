//! Protected records: what an encrypted stream shows of itself.

use core::ops::RangeInclusive;

use super::At;
use crate::base::{BySide, Side};
use crate::wire::tls::ContentType;

/// The outside of a protected record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordShape {
    /// The outer content type; in TLS 1.3 always application data.
    pub content_type: ContentType,
    /// Bytes of the protected fragment, as the record header gives them.
    pub length: u16,
    /// The plaintext lengths that fit; `None` where the protection is not
    /// known. INVARIANT: not empty.
    pub plaintext: Option<RangeInclusive<u32>>,
}

/// Level and description (RFC 8446 section 6).
pub(super) const ALERT_LEN: u32 = 2;

/// What was protected, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// How many there were.
    pub count: BySide<u64>,
    /// Bytes of their fragments.
    pub bytes: BySide<u64>,
    /// The last record of each side that may be an alert and after which the
    /// side sent no data.
    pub final_alert: BySide<Option<At>>,
}

impl Records {
    /// A record of `side`; `alert`: where it may be one.
    #[inline]
    pub(super) fn add(&mut self, side: Side, length: u16, alert: Option<At>) {
        let count = self.count.of_mut(side);
        *count = count.saturating_add(1);
        let bytes = self.bytes.of_mut(side);
        *bytes = bytes.saturating_add(length.into());
        *self.final_alert.of_mut(side) = alert;
    }

    /// `count` records of `side` that are none, of `bytes` in all.
    pub(super) fn add_all(&mut self, side: Side, count: u16, bytes: u32) {
        if count == 0 {
            return;
        }
        let (all_records, all_bytes) = (self.count.of_mut(side), self.bytes.of_mut(side));
        *all_records = all_records.saturating_add(count.into());
        *all_bytes = all_bytes.saturating_add(bytes.into());
        *self.final_alert.of_mut(side) = None;
    }

    pub(super) fn swap_sides(&mut self) {
        self.count.swap();
        self.bytes.swap();
        self.final_alert.swap();
    }
}

impl RecordShape {
    /// Whether an alert may be inside: by its type, or in TLS 1.3, where the
    /// type is hidden, by its size.
    pub(super) fn may_be_alert(&self) -> bool {
        self.content_type == ContentType::ALERT
            || self.plaintext.as_ref().is_some_and(|size| (size.start(), size.end()) == (&ALERT_LEN, &ALERT_LEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_final_until_data_follows() {
        let shape = |length: u16| RecordShape {
            content_type: ContentType::APPLICATION_DATA,
            length,
            plaintext: length.checked_sub(17).map(|n| n.into()..=n.into()),
        };
        let mut records = Records::default();
        for length in 0..=19 {
            let alert = shape(length).may_be_alert().then(At::default);
            records.add(Side::Server, length, alert);
        }
        assert_eq!((records.count.server, records.bytes.server, records.count.client), (20, 190, 0));
        assert!(records.final_alert.server.is_some(), "17 + 2");
        records.add(Side::Client, 20, None);
        assert!(records.final_alert.server.is_some());
        records.add(Side::Server, 20, None);
        assert_eq!(records.final_alert.server, None);
    }
}
