//! Damaged captures: bits flipped, bytes removed, doubled and overwritten,
//! blocks swapped, lengths patched. Whatever comes of them, it comes without a
//! panic; `just torture` tries twenty thousand under a memory ceiling.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::cases::{captures, folders};
use super::inputs;

/// What a test run tries; the whole list is for `just torture`.
const SAMPLE: u64 = 400;
const WHOLE: u64 = 20_000;

/// Longer fixtures only make it slow.
const LONGEST: usize = 64 << 10;

#[test]
fn a_sample_of_damaged_captures_is_survived() {
    torture(0..SAMPLE);
}

#[test]
#[ignore = "takes minutes; run by `just torture`"]
fn all_damaged_captures_are_survived() {
    torture(0..WHOLE);
}

fn torture(numbers: Range<u64>) {
    let originals = originals();
    assert!(originals.len() > 100);
    let mut slowest = (Duration::ZERO, 0);
    let count = numbers.end - numbers.start;
    for number in numbers {
        let mut dice = Dice(number);
        let mut bytes = originals[dice.below(originals.len())].clone();
        for _ in 0..=dice.below(4) {
            damage(&mut bytes, &mut dice);
        }
        let begun = Instant::now();
        let survived = std::panic::catch_unwind(|| inputs::analyze(&bytes));
        slowest = slowest.max((begun.elapsed(), number));
        if survived.is_err() {
            let kept = std::env::temp_dir().join(format!("rdpwhy-damaged-{number}"));
            std::fs::write(&kept, &bytes).unwrap();
            panic!("damage {number} broke it; kept as {}", kept.display());
        }
    }
    println!("{count} damages survived; the slowest took {:?} (number {})", slowest.0, slowest.1);
}

/// The targets whose input is a list of operations, without a fuzzer.
#[test]
fn random_operations_are_survived() {
    for number in 0..SAMPLE {
        let mut dice = Dice(number);
        let length = dice.below(400);
        // Small numbers more often: they are what most operations understand.
        let byte = |dice: &mut Dice| if dice.below(3) == 0 { dice.next() as u8 } else { dice.below(14) as u8 };
        let operations: Vec<u8> = (0..length).map(|_| byte(&mut dice)).collect();
        for target in [inputs::packets, inputs::assembler, inputs::fragments, inputs::records] {
            target(&operations);
        }
    }
}

/// The fixtures, and the corpus of files in every format.
fn originals() -> Vec<Vec<u8>> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus/capture");
    let mut corpus: Vec<_> = corpus.read_dir().unwrap().flatten().map(|entry| entry.path()).collect();
    corpus.sort();
    let cases = folders().into_iter().flat_map(|folder| captures(&folder)).map(|(_, path)| path);
    let all = cases.chain(corpus).map(|path| std::fs::read(path).unwrap());
    all.filter(|bytes| bytes.len() <= LONGEST).collect()
}

/// SplitMix64: the same damages on every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Up to `longest` bytes of something that is `len` long.
    fn range(&mut self, len: usize, longest: usize) -> Range<usize> {
        let start = self.below(len);
        start..(start + 1 + self.below(longest)).min(len)
    }
}

/// Numbers that lengths and offsets go wrong at.
const TELLING: [u32; 10] = [0, 1, 3, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    match dice.below(9) {
        0 => {
            let at = dice.below(len);
            bytes[at] ^= 1 << dice.below(8);
        }
        1 => drop(bytes.drain(dice.range(len, 200))),
        2 => bytes.truncate(dice.below(len)),
        // Written over: noise, or zeros as a lost disk block leaves them.
        3 => {
            let zeros = dice.below(2) == 0;
            for byte in &mut bytes[dice.range(len, 600)] {
                *byte = if zeros { 0 } else { dice.next() as u8 };
            }
        }
        // A number of two or four bytes in either order.
        4 => {
            let number = TELLING[dice.below(TELLING.len())];
            let number = if dice.below(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
            let at = dice.below(len);
            let end = (at + 2 + 2 * dice.below(2)).min(len);
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        5 => {
            let copy = bytes[dice.range(len, 400)].to_vec();
            let at = dice.below(len);
            bytes.splice(at..at, copy);
        }
        // Whole blocks: their place, their lengths, their times.
        6 | 7 => {
            let blocks = blocks(bytes);
            if blocks.len() > 2 {
                let (one, two) = (dice.below(blocks.len()), dice.below(blocks.len()));
                let (early, late) = (blocks[one.min(two)].clone(), blocks[one.max(two)].clone());
                if early != late {
                    let (first, second) = (bytes[early.clone()].to_vec(), bytes[late.clone()].to_vec());
                    bytes.splice(late, first);
                    bytes.splice(early, second);
                }
            }
        }
        _ => {
            let blocks = blocks(bytes);
            if !blocks.is_empty() {
                let block = blocks[dice.below(blocks.len())].clone();
                let field = block.start + 4 * dice.below(4);
                if field + 4 <= len {
                    let number = TELLING[dice.below(TELLING.len())];
                    bytes[field..field + 4].copy_from_slice(&number.to_le_bytes());
                }
            }
        }
    }
}

/// Where the records of a pcap, or the blocks of a pcapng, stand in a file that
/// is still sound up to there.
fn blocks(bytes: &[u8]) -> Vec<Range<usize>> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let is_pcapng = bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
    let mut at = if is_pcapng { 0 } else { 24 };
    let mut found = Vec::new();
    while let Some(length) = if is_pcapng { word(at + 4) } else { word(at + 8).map(|captured| captured + 16) } {
        if length < 12 || at + length > bytes.len() {
            break;
        }
        found.push(at..at + length);
        at += length;
    }
    found
}

#[test]
fn the_blocks_of_a_fixture_are_found() {
    let most = originals().iter().filter(|bytes| blocks(bytes).len() > 10).count();
    assert!(most > 100, "{most}");
}
