//! Plaintext lengths: what a record allows, and what the messages have.

use core::ops::RangeInclusive;

/// The plaintext lengths that fit a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub low: u32,
    pub high: u32,
}

// Lengths of whole PDUs, TPKT header included ([MS-RDPBCGR] 4.1 has them byte
// for byte). Where two values are given, the second is that of peers that
// write the PER length of the user data in two bytes (FreeRDP).

/// TSRequest with version and errorCode only, [MS-CSSP] 2.2.1.
pub(super) const TS_REQUEST_ERROR: u32 = 15;
/// The longest record that is taken for one; every other TSRequest of a server
/// is longer than 31 bytes.
pub(super) const SHORTEST_TOKEN: u32 = 32;
pub(super) const EARLY_USER_AUTHORIZATION: u32 = 4;
pub(super) const ERECT_DOMAIN: u32 = 12;
pub(super) const ATTACH_USER_REQUEST: u32 = 8;
pub(super) const ATTACH_USER_CONFIRM: u32 = 11;
pub(super) const CHANNEL_JOIN_REQUEST: u32 = 12;
pub(super) const CHANNEL_JOIN_CONFIRM: u32 = 15;
pub(super) const DISCONNECT_ULTIMATUM: u32 = 9;
pub(super) const LICENCE_GRANTED: RangeInclusive<u32> = 34..=35;
pub(super) const SYNCHRONIZE: RangeInclusive<u32> = 36..=37;
pub(super) const SET_ERROR_INFO: RangeInclusive<u32> = 36..=37;
pub(super) const CONTROL: RangeInclusive<u32> = 40..=41;
/// Client and server settings never fit into less.
pub(super) const SHORTEST_CONNECT_INITIAL: u32 = 200;
pub(super) const SHORTEST_CONNECT_RESPONSE: u32 = 60;
/// User, domain, password, addresses and time zone; measured 343 to 433.
pub(super) const SHORTEST_CLIENT_INFO: u32 = 100;
/// A licence request holds a certificate; measured 337 and more. Auto-detection
/// and multitransport requests stay below 50 (bandwidth payloads do not).
pub(super) const SHORTEST_LICENCE_REQUEST: u32 = 150;
pub(super) const SHORTEST_LICENCE_ANSWER: u32 = 100;
/// Capability sets; measured 398 to 472.
pub(super) const SHORTEST_DEMAND_ACTIVE: u32 = 200;
pub(super) const SHORTEST_CONFIRM_ACTIVE: u32 = 200;

impl Size {
    /// Whether only one length fits.
    pub(super) const fn is_exact(self) -> bool {
        self.low == self.high
    }

    pub(super) const fn fits(self, exactly: u32) -> bool {
        self.low <= exactly && exactly <= self.high
    }

    pub(super) const fn is_in(self, range: &RangeInclusive<u32>) -> bool {
        self.low <= *range.end() && *range.start() <= self.high
    }

    pub(super) const fn is_at_least(self, least: u32) -> bool {
        self.low >= least
    }
}

impl From<RangeInclusive<u32>> for Size {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self { low: *range.start(), high: *range.end() }
    }
}
