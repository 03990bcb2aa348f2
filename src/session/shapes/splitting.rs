//! Messages of TLS 1.0 that come in two records.

use super::size::Size;

/// TLS 1.0 peers hide the initialisation vector of a block cipher from a chosen
/// plaintext (CVE-2011-3389): an empty record, or one of one byte, comes before
/// each message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Splitting {
    /// The first record tells: no message in that place is so short.
    #[default]
    Unknown,
    Off,
    On {
        next_is_split_off: bool,
    },
}

impl Splitting {
    /// Whether a record is the part that was split off, and no message.
    pub(super) const fn takes(&mut self, size: Size) -> bool {
        if matches!(self, Self::Off) {
            return false;
        }
        let is_tiny = size.low == 0 && size.high > 0;
        match *self {
            Self::Unknown if is_tiny => *self = Self::On { next_is_split_off: false },
            Self::Unknown => *self = Self::Off,
            Self::On { next_is_split_off } => {
                *self = Self::On { next_is_split_off: !next_is_split_off };
                return is_tiny && next_is_split_off;
            }
            Self::Off => {}
        }
        is_tiny && matches!(*self, Self::On { .. })
    }
}
