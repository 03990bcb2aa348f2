//! Signs of an orderly end: [MS-RDPBCGR] 2.2.5.1 and 1.3.1.4.

use super::size::{DISCONNECT_ULTIMATUM, SET_ERROR_INFO, Size};
use super::{Expect, Shapes};
use crate::base::{At, Side, Visibility};
use crate::session::facts::{ErrorInfoFact, Ultimatum};
use crate::session::message::Message;
use crate::session::records::ALERT_LEN;
use crate::session::transcript::Transcript;

/// Signs of an orderly end, each overruled by what follows it.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// A server record of the size of Set Error Info, and how many came after it.
    error_info: Option<(At, u8)>,
    /// It was believed because an ultimatum followed.
    believed: bool,
}

/// An orderly end is told within the last so many server records.
const ERROR_INFO_REACH: u8 = 3;

/// Lengths of records that show no end of a session.
// Packed: those of both sides lie in one cache line with all else that a record of
// a session is held against.
#[derive(Clone, Copy, Debug, Default)]
#[repr(Rust, packed(4))]
pub(in crate::session) struct Dull {
    /// What is added to a plaintext.
    overhead: u16,
    /// One bit for each of the first plaintext lengths.
    short: u64,
    /// Those that are longer.
    are_longer: bool,
}

impl Dull {
    /// What may be a sign, by the lengths of the plaintexts: an alert, and of the
    /// server an ultimatum and Set Error Info. In a session a mouse event of the
    /// client is as long as an ultimatum.
    const fn signs(side: Side) -> u64 {
        const INFO: u32 = *SET_ERROR_INFO.start();
        const _: () = assert!(*SET_ERROR_INFO.end() == INFO + 1 && INFO + 1 < u64::BITS);
        match side {
            Side::Client => 1 << ALERT_LEN,
            Side::Server => 1 << ALERT_LEN | 1 << DISCONNECT_ULTIMATUM | 0b11 << INFO,
        }
    }

    /// All records of `side` but the signs; a suite adds `overhead` to each.
    pub(in crate::session) const fn beside_signs(side: Side, overhead: u16) -> Self {
        Self { overhead, short: !Self::signs(side), are_longer: true }
    }

    /// All that are longer than any sign with `overhead` or less.
    pub(in crate::session) const fn beyond_signs(overhead: u16) -> Self {
        Self { overhead, short: 0, are_longer: true }
    }

    /// All: their lengths tell nothing.
    pub(in crate::session) const fn all() -> Self {
        Self { overhead: 0, short: u64::MAX, are_longer: true }
    }

    /// Whether a record of `length` is one of them.
    #[inline]
    pub(in crate::session) const fn has(self, length: u16) -> bool {
        let Some(plaintext) = length.checked_sub(self.overhead) else { return false };
        if (plaintext as u32) < u64::BITS { self.short >> plaintext & 1 != 0 } else { self.are_longer }
    }
}

impl Ending {
    /// Whether nothing of late may be an end that a record of `side` overrules.
    pub(super) const fn sees_none(&self, side: Side) -> bool {
        // Only what the server sends after it counts.
        self.error_info.is_none() || matches!(side, Side::Client)
    }
}

impl Shapes {
    /// Set Error Info and the ultimatum can come at any time once the MCS
    /// connection has begun.
    pub(super) fn ending_signs(&mut self, side: Side, size: Size, at: At, t: &mut Transcript) {
        let begun = matches!(
            self.expect,
            Expect::ConnectResponse
                | Expect::Ladder { .. }
                | Expect::Licensing { .. }
                | Expect::Licence { .. }
                | Expect::DemandActive
                | Expect::Activation
                | Expect::Active
        );
        if !begun || !size.is_exact() {
            return;
        }
        // Whatever follows an ultimatum shows that it was none.
        if t.facts.may_end(side) {
            t.facts.disconnect_ultimatum = None;
            if core::mem::take(&mut self.ending.believed) {
                t.facts.error_info = None;
            }
        }
        if side == Side::Client {
            // In a session a mouse event has the same size.
            if size.fits(DISCONNECT_ULTIMATUM) && self.expect != Expect::Active && self.expect != Expect::Activation {
                self.ultimatum(side, at, t);
            }
            return;
        }
        if size.fits(DISCONNECT_ULTIMATUM) {
            if let Some((info, _)) = self.ending.error_info.filter(|_| t.facts.error_info.is_none()) {
                self.ending.believed = true;
                t.facts.error_info = Some(info.seen(ErrorInfoFact { code: None, visibility: Visibility::Inferred }));
            }
            return self.ultimatum(side, at, t);
        }
        // The Synchronize of the server has the same size; it follows the
        // client's Confirm Active.
        let now = &self.activation;
        let is_synchronize = self.expect == Expect::Activation && now.confirmed && now.server_short == 0;
        if size.is_in(&SET_ERROR_INFO) && !is_synchronize {
            self.ending.error_info = Some((at, 0));
            if self.expect != Expect::Active && self.expect != Expect::Activation {
                // Nothing else of this size comes so early.
                let fact = ErrorInfoFact { code: None, visibility: Visibility::Inferred };
                t.facts.error_info = Some(at.seen(fact));
                t.recognise(Message::SetErrorInfo, side, at, Visibility::Inferred);
            }
        } else {
            self.ending.error_info = self
                .ending
                .error_info
                .and_then(|(info, after)| (after < ERROR_INFO_REACH).then_some((info, after.saturating_add(1))));
        }
    }

    pub(super) fn ultimatum(&mut self, side: Side, at: At, t: &mut Transcript) {
        let ultimatum = Ultimatum { side, reason: None, visibility: Visibility::Inferred };
        t.facts.disconnect_ultimatum = Some(at.seen(ultimatum));
    }
}
