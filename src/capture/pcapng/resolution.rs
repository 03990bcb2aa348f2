//! `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng §4.2): what the
//! ticks of an interface's clock mean.

use crate::base::CaptureTime;

/// The scale of an interface's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    scale: Scale,
    /// Seconds to be added.
    offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Nanoseconds in a tick.
    Nanoseconds(u64),
    /// Ticks in a second; `None` where that is more than any clock counts.
    PerSecond(Option<u128>),
}

impl Resolution {
    /// From the option's byte: a power of ten, or with the highest bit a power
    /// of two, both negative.
    pub(super) fn new(exponent: u8, offset: i64) -> Self {
        let power = u32::from(exponent & 0x7f);
        let scale = match exponent {
            0..=9 => Scale::Nanoseconds(10_u64.pow(9_u32.saturating_sub(power))),
            10..=0x7f => Scale::PerSecond(10_u128.checked_pow(power)),
            0x80.. => Scale::PerSecond(Some(1_u128 << power)),
        };
        Self { scale, offset }
    }

    /// The time that `ticks` stand for; saturates.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> CaptureTime {
        let nanos = match self.scale {
            Scale::Nanoseconds(each) => ticks.saturating_mul(each),
            Scale::PerSecond(None) => 0,
            Scale::PerSecond(Some(each)) => {
                let nanos = u128::from(ticks).saturating_mul(1_000_000_000).checked_div(each);
                nanos.and_then(|n| u64::try_from(n).ok()).unwrap_or(u64::MAX)
            }
        };
        CaptureTime::from_parts(self.offset, i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds() {
        for (exponent, offset, ticks, nanos) in [
            (6, 0, 1_500_000, 1_500_000_000),
            (9, 0, 1_500_000_000, 1_500_000_000),
            (3, 0, 1_500, 1_500_000_000),
            (0, 0, 2, 2_000_000_000),
            (7, 0, 15_000_000, 1_500_000_000),
            (12, 0, 1_500_000_000_999, 1_500_000_000),
            (0x80 | 10, 0, 1_536, 1_500_000_000),
            (0x80, 0, 3, 3_000_000_000),
            (6, 1_000, 1, 1_000_000_001_000),
            (6, -1, 1_000_000, 0),
            (0x7f, 0, u64::MAX, 0),
            (0xff, 0, u64::MAX, 0),
            (0, 0, u64::MAX, i64::MAX),
            (6, i64::MAX, u64::MAX, i64::MAX),
        ] {
            assert_eq!(Resolution::new(exponent, offset).time(ticks).nanos(), nanos, "{exponent:#x}");
        }
    }
}
