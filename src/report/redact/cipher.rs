//! The key, and a permutation of short words that only it can undo.

use sha2::{Digest, Sha256};

use super::KEY_LEN;
use crate::base;

/// Rounds of the permutation. Four are a pseudorandom permutation in theory
/// (Luby and Rackoff); FF1 of NIST SP 800-38G, which works the same way, takes
/// ten on account of short words.
const ROUNDS: u8 = 10;

/// Which way a permutation is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From what it is to its pseudonym.
    Hide,
    /// Back.
    Reveal,
}

/// The key of a redaction.
pub(super) struct Secret(base::Secret<[u8; KEY_LEN]>);

impl Secret {
    pub(super) const fn new(key: [u8; KEY_LEN]) -> Self {
        Self(base::Secret::new(key))
    }

    /// 32 bytes that depend on the key, on what they are for, and on `data`.
    pub(super) fn derive(&self, what_for: &str, data: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        // Key at both ends, and every part's length before it: nobody who does
        // not have the key can extend an input or move its borders.
        for part in [self.0.expose().as_slice(), what_for.as_bytes(), data, self.0.expose().as_slice()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// As many bytes as are asked for.
    pub(super) fn stream(&self, what_for: &str, data: &[u8]) -> impl Iterator<Item = u8> + use<'_> {
        let seed = self.derive(what_for, data);
        (0_u64..).flat_map(move |n| self.derive("stream", &[&seed[..], &n.to_le_bytes()].concat()))
    }

    /// A permutation of the words of this length over `radix` digits: an
    /// alternating Feistel network whose halves are added digit by digit.
    pub(super) fn permute(&self, what_for: &str, digits: &mut [u8], radix: u8, way: Way) {
        let half = digits.len() / 2;
        for n in 0..ROUNDS {
            let round = if way == Way::Hide { n } else { ROUNDS.saturating_sub(n).saturating_sub(1) };
            let (left, right) = digits.split_at_mut(half);
            let (changed, by) = if round % 2 == 0 { (right, &*left) } else { (left, &*right) };
            let key = [&[round, radix, changed.len() as u8][..], by].concat();
            let added = self.stream(what_for, &key);
            for (digit, add) in changed.iter_mut().zip(added) {
                let (digit_now, add) = (u16::from(*digit), u16::from(add % radix));
                let radix = u16::from(radix);
                let sum = if way == Way::Hide { digit_now + add } else { digit_now + radix - add };
                *digit = (sum % radix) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn short_words_are_permuted() {
        let secret = Secret::new([7; KEY_LEN]);
        for len in [1, 2] {
            let words = 36_usize.pow(len);
            let images: HashSet<Vec<u8>> = (0..words)
                .map(|n| {
                    let mut word: Vec<u8> = (0..len).map(|i| (n / 36_usize.pow(i) % 36) as u8).collect();
                    secret.permute("test", &mut word, 36, Way::Hide);
                    word
                })
                .collect();
            assert_eq!(images.len(), words);
        }
    }

    proptest! {
        #[test]
        fn what_is_hidden_can_be_revealed(word in proptest::collection::vec(0..36_u8, 0..70), key: [u8; 32]) {
            let secret = Secret::new(key);
            let mut digits = word.clone();
            secret.permute("test", &mut digits, 36, Way::Hide);
            prop_assert!(digits.iter().all(|digit| *digit < 36));
            secret.permute("test", &mut digits, 36, Way::Reveal);
            prop_assert_eq!(digits, word);
        }
    }
}
