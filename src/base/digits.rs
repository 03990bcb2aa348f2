//! Decimal digits, several at once.

/// The eight digits of a number below a hundred million, in ASCII.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    /// The first digit in the lowest byte, each as a number.
    bytes: u64,
}

impl Digits {
    /// How many there are.
    pub(crate) const COUNT: usize = 8;

    /// Those of `n`; of a larger number the last ones are no digits.
    ///
    /// Each step halves groups of digits, all of them at once: a division by a
    /// constant is a multiplication, and those of one word do not touch.
    #[inline(always)]
    pub(crate) const fn of(n: u32) -> Self {
        let n = n as u64;
        // None of these overflows.
        // Two groups of four digits, of 32 bits each: the front one lower.
        let fours = (n / 10_000) | ((n % 10_000) << 32);
        let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
        // Four groups of two, of 16 bits.
        let twos = hundreds | (fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
        let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
        Self { bytes: tens | (twos.wrapping_sub(tens.wrapping_mul(10)) << 8) }
    }

    /// All of them, with zeros in front.
    #[inline(always)]
    pub(crate) const fn all(self) -> [u8; Self::COUNT] {
        Self::ascii(self.bytes)
    }

    /// Those that count, the first one first, and how many they are: one at least.
    #[inline(always)]
    pub(crate) const fn significant(self) -> ([u8; Self::COUNT], usize) {
        // The last digit counts, even if it is zero.
        let zeros = (self.bytes | (1 << 56)).trailing_zeros() & !7;
        (Self::ascii(self.bytes >> zeros), Self::COUNT.wrapping_sub(zeros as usize / 8))
    }

    const fn ascii(bytes: u64) -> [u8; Self::COUNT] {
        (bytes | 0x3030_3030_3030_3030).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(n: u32) {
        let digits = Digits::of(n);
        assert_eq!(digits.all().as_slice(), format!("{n:08}").as_bytes());
        let (significant, count) = digits.significant();
        assert_eq!(&significant[..count], n.to_string().as_bytes());
    }

    #[test]
    fn each_group_of_four_is_right() {
        (0..10_000).for_each(|n| check(n * 10_000 + (9_999 - n)));
        (0..10_000).for_each(check);
    }

    proptest! {
        #[test]
        fn all_numbers_are(n in 0..100_000_000_u32) {
            check(n);
        }
    }
}
