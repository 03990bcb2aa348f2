//! Numbers that look random and are the same on every run.

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixing steps,
/// which is enough for traffic and needs no dependency.
pub struct Dice(u64);

impl Dice {
    /// The dice of one connection: streams of the same seed are independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        dice.roll();
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = u128::from(high - low + 1);
        low + ((u128::from(self.roll()) * width) >> 64) as u64
    }

    /// True once in `n` throws.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.between(1, n) == 1
    }

    /// Appends `len` bytes without structure, as ciphertext has none.
    pub fn noise(&mut self, len: usize, out: &mut Vec<u8>) {
        let end = out.len() + len;
        while out.len() < end {
            let bytes = self.roll().to_le_bytes();
            out.extend_from_slice(&bytes[..bytes.len().min(end - out.len())]);
        }
    }
}
