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

/// The three digits of a number below a thousand, in ASCII, out of a table: the
/// numbers of a report are small ones, nearly all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thousand {
    /// The first digit in the lowest byte. In the highest one, how many zeros are
    /// in front of the last digit (its lower half), and how many behind the first
    /// one (its upper half).
    bytes: u32,
}

impl Thousand {
    /// How many there are.
    pub(crate) const COUNT: u32 = 3;

    const TABLE: [u32; 1000] = {
        let mut table = [0; 1000];
        let mut rest = table.as_mut_slice();
        let mut n = 0;
        while let [entry, behind_it @ ..] = rest {
            let in_front = (n < 100) as u32 + (n < 10) as u32;
            let behind = (n % 10 == 0) as u32 + (n % 100 == 0) as u32;
            let digits = (n / 100) | (n / 10 % 10) << 8 | (n % 10) << 16;
            *entry = digits | 0x0030_3030 | in_front << 24 | behind << 28;
            rest = behind_it;
            n += 1;
        }
        table
    };

    /// Those of `n`; of a larger number, none that mean anything.
    #[inline(always)]
    pub(crate) fn of(n: u32) -> Self {
        static TABLE: [u32; 1000] = Thousand::TABLE;
        Self { bytes: TABLE.get(n as usize).copied().unwrap_or_default() }
    }

    /// All of them, with zeros in front, in the lower three bytes.
    #[inline(always)]
    pub(crate) const fn all(self) -> u32 {
        self.bytes & 0x00ff_ffff
    }

    /// Those that count before a decimal point, the first one in the lowest byte,
    /// and how many they are: one at least.
    #[inline(always)]
    pub(crate) const fn significant(self) -> (u32, u32) {
        let zeros = (self.bytes >> 24) & 0b11;
        (self.all() >> (8 * zeros), Self::COUNT.wrapping_sub(zeros))
    }

    /// How many count behind a decimal point: one at least.
    #[inline(always)]
    pub(crate) const fn decimals(self) -> u32 {
        Self::COUNT.wrapping_sub(self.bytes >> 28)
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

    #[test]
    fn each_below_a_thousand_is_right() {
        for n in 0..1000 {
            let thousand = Thousand::of(n);
            assert_eq!(&thousand.all().to_le_bytes()[..3], format!("{n:03}").as_bytes());
            let (significant, count) = thousand.significant();
            assert_eq!(&significant.to_le_bytes()[..count as usize], n.to_string().as_bytes());
            let decimals = format!("{:.3}", f64::from(n) / 1e3);
            let needed = decimals.trim_end_matches('0').len() - "0.".len();
            assert_eq!(thousand.decimals() as usize, needed.max(1));
        }
    }

    proptest! {
        #[test]
        fn all_numbers_are(n in 0..100_000_000_u32) {
            check(n);
        }
    }
}
