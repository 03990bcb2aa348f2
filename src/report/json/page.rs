//! A text that grows by blocks of a fixed size.
//!
//! A report is made of some thousand pieces of a few bytes. To copy a block of a
//! size that is known, and to count only what is wanted of it, takes two or three
//! moves; to copy as much as is wanted takes a call of `memcpy`.

use core::num::Wrapping;

/// A number of bytes or a place among them. Sums of these are not looked at for
/// overflow: there are thousands of them to a connection, and `Page::grow` sees
/// to it that no text is too long for them.
pub(super) type Count = Wrapping<u32>;

/// More than the largest block and a scalar.
const MORE: usize = 256;

/// No scalar is longer, but for texts that look for room by themselves.
const SCALAR: usize = 64;

/// Longer than nearly all words are, with what stands around them.
const WORD: usize = 48;

/// The longest block that stands before a word.
const BEFORE: usize = 32;

/// A text, and room behind it.
#[derive(Debug, Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// How many of them are text. So small a number may be added to one of the
    /// machine's without a thought of overflow: each block is looked for by one
    /// comparison.
    len: Count,
}

impl Page {
    #[inline(always)]
    pub(super) const fn len(&self) -> Count {
        self.len
    }

    #[inline(always)]
    const fn end(&self) -> usize {
        self.len.0 as usize
    }

    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..self.end()).unwrap_or_default()
    }

    pub(super) fn text_mut(&mut self) -> &mut [u8] {
        let end = self.end();
        self.bytes.get_mut(..end).unwrap_or_default()
    }

    /// Room for a text of so many bytes. What is long comes empty from the system,
    /// and is no memory before it is written to.
    pub(super) fn with_room(len: usize) -> Self {
        Self { bytes: vec![0; len + MORE], len: Wrapping(0) }
    }

    /// Gives up its text, and all memory but for that of a text of so many bytes.
    pub(super) fn shrink(&mut self, len: usize) {
        self.len = Wrapping(0);
        self.bytes.truncate(len + MORE);
        self.bytes.shrink_to_fit();
    }

    pub(super) fn truncate(&mut self, len: Count) {
        self.len = self.len.min(len);
    }

    /// Writes into a block what counts as many bytes as are returned: no more than
    /// there are. Leaves room for a scalar.
    #[inline(always)]
    fn write<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> Count) {
        const { assert!(N + SCALAR <= MORE) };
        let at = self.end();
        if at + N + SCALAR > self.bytes.len() {
            self.grow(N + SCALAR);
        }
        if let Some(room) = self.bytes.get_mut(at..at + N + SCALAR).and_then(<[u8]>::first_chunk_mut) {
            self.len = Wrapping(at as u32) + write(room);
            debug_assert!(self.end() <= at + N);
        }
    }

    /// Writes a scalar, or a part of one, in the same way, into the room that the
    /// last block left: so what it is made of need not be kept over a call, which
    /// is dearer than to write it.
    #[inline(always)]
    pub(super) fn scalar<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> Count) {
        const { assert!(N <= SCALAR) };
        let at = self.end();
        match self.bytes.get_mut(at..at + N).and_then(<[u8]>::first_chunk_mut) {
            Some(room) => self.len = Wrapping(at as u32) + write(room),
            None => unreachable!("a scalar stands behind a block"),
        }
        debug_assert!(self.end() <= at + N);
    }

    /// Writes as many bytes of a block as are `wanted`.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, block: &[u8; N], wanted: Count) {
        self.write(|room| {
            *room = *block;
            wanted
        });
    }

    /// Writes as many bytes of a scalar as are `wanted`.
    #[inline(always)]
    pub(super) fn put_scalar<const N: usize>(&mut self, block: &[u8; N], wanted: Count) {
        self.scalar(|room| {
            *room = *block;
            wanted
        });
    }

    /// Writes one byte.
    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte], Wrapping(1));
    }

    /// The same after as many bytes of the block as are `wanted`.
    #[inline(always)]
    pub(super) fn block_and_byte(&mut self, block: &[u8; BEFORE - 1], wanted: Count, byte: u8) {
        self.write::<BEFORE>(|room| {
            put_at(room, 0, block);
            // It is no more than that, which is so said to the compiler.
            put_at(room, wanted.0 as usize % BEFORE, &[byte]);
            wanted + Wrapping(1)
        });
    }

    /// Writes a word of the program in quotation marks: nothing in it needs to be
    /// escaped.
    #[inline(always)]
    pub(super) fn word(&mut self, word: &str) {
        if word.len() + 2 > WORD {
            self.byte(b'"');
            self.extend(word.as_bytes());
            return self.byte(b'"');
        }
        self.scalar::<WORD>(|room| {
            put_at(room, 0, b"\"");
            put_at(room, 1, word.as_bytes());
            put_at(room, 1 + word.len(), b"\"");
            Wrapping(2 + word.len() as u32)
        });
    }

    /// The same after as many bytes of the block as are `wanted_before`, and
    /// before as many bytes as are `wanted` of `behind`, which begins with the
    /// second mark.
    ///
    /// The length of a word is known where this is compiled for it.
    #[inline(always)]
    pub(super) fn block_and_word<const B: usize, const N: usize>(
        &mut self,
        block: &[u8; B],
        wanted_before: Count,
        word: &str,
        behind: &[u8; N],
        wanted: Count,
    ) {
        const { assert!(B <= BEFORE) };
        if word.len() + 1 + N > WORD {
            self.put(block, wanted_before);
            self.byte(b'"');
            self.extend(word.as_bytes());
            return self.put(behind, wanted);
        }
        self.write::<{ BEFORE + WORD }>(|room| {
            put_at(room, 0, block);
            let before = wanted_before.0 as usize % BEFORE;
            put_at(room, before, b"\"");
            put_at(room, before + 1, word.as_bytes());
            put_at(room, before + 1 + word.len(), behind);
            wanted_before + Wrapping(1 + word.len() as u32) + wanted
        });
    }

    /// Writes all of `text`, and leaves room for a scalar.
    pub(super) fn extend(&mut self, text: &[u8]) {
        self.room(text.len()).copy_from_slice(text);
        self.advance(text.len());
    }

    /// Room for a text of so many bytes; what was written of it counts after
    /// `advance`.
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        let at = self.end();
        // No text is so long that this would overflow.
        let end = at.wrapping_add(len);
        if end.wrapping_add(SCALAR) > self.bytes.len() {
            self.grow(len);
        }
        self.bytes.get_mut(at..end).unwrap_or_default()
    }

    /// Takes so many bytes of the room as text.
    pub(super) fn advance(&mut self, len: usize) {
        self.len += len as u32;
        debug_assert!(self.end() <= self.bytes.len());
    }

    /// Makes room for so many bytes: twice as much as there was, and those.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, len: usize) {
        let more = self.bytes.len().max(len) + MORE;
        let room = self.end() + more;
        assert!(u32::try_from(room).is_ok(), "an entry of a report of more than 4 GiB");
        self.bytes.resize(room, 0);
    }
}

/// Writes a text into room that has a place for it.
#[inline(always)]
pub(super) fn put_at(room: &mut [u8], at: usize, text: &[u8]) {
    if let Some(there) = room.get_mut(at..at + text.len()) {
        there.copy_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_wanted_is_written(pieces in proptest::collection::vec((0_usize..=60, any::<bool>()), 0..200)) {
            let (mut page, mut expected) = (Page::default(), Vec::new());
            for (n, (wanted, whole)) in pieces.into_iter().enumerate() {
                let block = [n as u8; 60];
                expected.extend_from_slice(&block[..wanted]);
                if whole {
                    page.extend(&block[..wanted]);
                } else {
                    page.put(&block, Wrapping(wanted as u32));
                    page.put_scalar(&block, Wrapping(wanted as u32));
                    expected.extend_from_slice(&block[..wanted]);
                    page.byte(b':');
                    expected.push(b':');
                    page.word(&"v".repeat(wanted));
                    expected.extend_from_slice(format!("\"{}\"", "v".repeat(wanted)).as_bytes());
                    page.block_and_word(b", ", Wrapping(n as u32 % 3), &"w".repeat(wanted), b"\": ", Wrapping(2));
                    expected.extend_from_slice(&b", "[..n % 3]);
                    expected.extend_from_slice(format!("\"{}\":", "w".repeat(wanted)).as_bytes());
                }
                prop_assert_eq!(page.text(), &expected);
            }
        }
    }
}
