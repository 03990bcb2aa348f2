//! A text that grows by blocks of a fixed size.
//!
//! A report is made of some thousand pieces of a few bytes. To copy a block of a
//! size that is known, and to count only what is wanted of it, takes two or three
//! moves; to copy as much as is wanted takes a call of `memcpy`.

/// More than the largest block.
const MORE: usize = 256;

/// Longer than nearly all words are, with what stands around them.
const WORD: usize = 48;

/// A text, and room behind it.
#[derive(Debug, Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    /// How many of them are text. So small a number may be added to without a
    /// thought of overflow: each block is looked for by one comparison.
    len: u32,
}

impl Page {
    #[inline(always)]
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..self.len as usize).unwrap_or_default()
    }

    pub(super) fn text_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len as usize).unwrap_or_default()
    }

    /// Room for a text of so many bytes. What is long comes empty from the system,
    /// and is no memory before it is written to.
    pub(super) fn with_room(len: usize) -> Self {
        Self { bytes: vec![0; len + MORE], len: 0 }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u32);
    }

    /// Writes into a block what counts as many bytes as are returned.
    #[inline(always)]
    fn write<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> u32) {
        const { assert!(N < MORE) };
        let at = self.len as usize;
        if at + N > self.bytes.len() {
            self.grow(N);
        }
        if let Some(Ok(room)) = self.bytes.get_mut(at..at + N).map(TryFrom::try_from) {
            self.len += write(room);
        }
    }

    /// Writes as many bytes of the block as are `wanted`.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, block: &[u8; N], wanted: u32) {
        self.write(|room| {
            *room = *block;
            wanted
        });
    }

    /// Writes a word of the program in quotation marks: nothing in it needs to be
    /// escaped. `behind` begins with the second mark; as many bytes of it as are
    /// `wanted` are written with it.
    #[inline(always)]
    pub(super) fn word<const N: usize>(&mut self, word: &str, behind: &[u8; N], wanted: u32) {
        self.block_and_word(&[], 0, word, behind, wanted);
    }

    /// The same after as many bytes of the block as are `wanted_before`.
    ///
    /// The length of a word is known where this is compiled for it.
    #[inline(always)]
    pub(super) fn block_and_word<const B: usize, const N: usize>(
        &mut self,
        block: &[u8; B],
        wanted_before: u32,
        word: &str,
        behind: &[u8; N],
        wanted: u32,
    ) {
        const { assert!(B <= 64) };
        if word.len() + 1 + N > WORD {
            self.put(block, wanted_before);
            self.put(b"\"", 1);
            self.extend(word.as_bytes());
            return self.put(behind, wanted);
        }
        self.write::<{ 64 + WORD }>(|room| {
            put_at(room, 0, block);
            // It is no more than that, which is so said to the compiler.
            let before = (wanted_before % 64) as usize;
            put_at(room, before, b"\"");
            put_at(room, before + 1, word.as_bytes());
            put_at(room, before + 1 + word.len(), behind);
            wanted_before + 1 + word.len() as u32 + wanted
        });
    }

    /// Writes all of `text`.
    #[inline(always)]
    pub(super) fn extend(&mut self, text: &[u8]) {
        let room = self.room(text.len());
        if let Some(room) = room.get_mut(..text.len()) {
            room.copy_from_slice(text);
            self.len += text.len() as u32;
        }
    }

    /// Room for a text of so many bytes and more; what was written of it counts
    /// after `advance`.
    #[inline(always)]
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        let at = self.len as usize;
        if at + len > self.bytes.len() {
            self.grow(len);
        }
        self.bytes.get_mut(at..).unwrap_or_default()
    }

    /// Takes so many bytes of the room as text.
    #[inline(always)]
    pub(super) fn advance(&mut self, len: usize) {
        self.len += len as u32;
        debug_assert!(self.len as usize <= self.bytes.len());
    }

    /// Makes room for so many bytes: twice as much as there was, and those.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, len: usize) {
        let more = self.bytes.len().max(len) + MORE;
        self.bytes.resize(self.len as usize + more, 0);
    }
}

#[inline(always)]
fn put_at(room: &mut [u8], at: usize, text: &[u8]) {
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
                    page.put(&block, wanted as u32);
                    page.block_and_word(b", ", n as u32 % 3, &"w".repeat(wanted), b"\": ", 2);
                    expected.extend_from_slice(&b", "[..n % 3]);
                    expected.extend_from_slice(format!("\"{}\":", "w".repeat(wanted)).as_bytes());
                }
                prop_assert_eq!(page.text(), &expected);
            }
        }
    }
}
