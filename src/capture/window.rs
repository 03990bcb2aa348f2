//! The one buffer between a source of bytes and whoever walks them.
//!
//! Records are walked and packets handed out in place. It is refilled by as
//! many bytes as one `read` gives, and only when the record at hand is not
//! whole: so a packet that arrives through a pipe is given at once.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::source::Source;

/// Bytes asked for by one `read`. Larger buys nothing (the page cache is
/// copied at memory speed), smaller costs system calls.
pub(super) const READ_SIZE: usize = 256 * 1024;

/// What a look at the beginning of a file needs.
pub(super) const PEEK_SIZE: usize = 16 * 1024;

/// The largest record that is read whole. libpcap's own limit is 256 KiB; a
/// pcapng block with secrets or comments may be larger. A longer length is
/// taken for damage, so that no length in a file can make us allocate.
pub(super) const MAX_RECORD: usize = 16 * 1024 * 1024;

/// Buffered bytes of a [`Source`].
///
/// INVARIANT: `start <= end <= buffer.len()`; `offset` is that of `start`.
pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    ended: bool,
}

impl Window {
    /// An empty window over `source`, with a buffer of `size` bytes.
    pub(super) fn new(source: Source, size: usize) -> Self {
        Self { source, buffer: vec![0; size], start: 0, end: 0, offset: 0, ended: false }
    }

    /// What is buffered and not consumed.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are buffered.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// The offset of the next byte from the start of the (uncompressed) data.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the source has said that there is no more.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    pub(super) const fn source_mut(&mut self) -> &mut Source {
        &mut self.source
    }

    /// Makes at least `n` bytes available; `false` when the source ends first,
    /// or when `n` is more than [`MAX_RECORD`].
    #[inline]
    pub(super) fn ensure(&mut self, n: usize) -> io::Result<bool> {
        if self.len() >= n { Ok(true) } else { self.refill(n) }
    }

    #[cold]
    fn refill(&mut self, n: usize) -> io::Result<bool> {
        if n > MAX_RECORD {
            return Ok(false);
        }
        while self.len() < n {
            if self.ended {
                return Ok(false);
            }
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
            }
            if self.buffer.len().saturating_sub(self.start) < n {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.len());
                if self.buffer.len() < n {
                    // Twice what is needed: a search that looks `n` ahead of
                    // every byte must not move the buffer at every byte.
                    self.buffer.resize(n.saturating_mul(2).max(READ_SIZE), 0);
                }
            }
            let Some(free) = self.buffer.get_mut(self.end..) else { return Ok(false) };
            match self.source.read(free) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end = self.end.saturating_add(read).min(self.buffer.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    return Err(e);
                }
            }
        }
        Ok(true)
    }

    /// Passes over `n` buffered bytes. They stay where they are until the next
    /// refill.
    #[inline]
    pub(super) fn skip(&mut self, n: usize) {
        let n = n.min(self.len());
        self.start = self.start.wrapping_add(n);
        self.offset = self.offset.wrapping_add(n as u64);
    }

    /// Where in the buffer the bytes `at..at + len` (from the next byte) lie.
    #[inline]
    pub(super) const fn locate(&self, at: usize, len: usize) -> Range<usize> {
        let from = self.start.wrapping_add(at);
        from..from.wrapping_add(len)
    }

    /// The bytes at `place`, valid until the next refill.
    #[inline]
    pub(super) fn slice(&self, place: Range<usize>) -> &[u8] {
        self.buffer.get(place).unwrap_or_default()
    }

    /// Continues at `offset`; `false` when the source cannot go there.
    pub(super) fn go_to(&mut self, offset: u64) -> io::Result<bool> {
        let ahead = offset.checked_sub(self.offset).and_then(|n| usize::try_from(n).ok());
        if let Some(ahead) = ahead.filter(|n| *n <= self.len()) {
            self.skip(ahead);
            return Ok(true);
        }
        if !self.source.seek(offset)? {
            return Ok(false);
        }
        (self.start, self.end, self.offset, self.ended) = (0, 0, offset, false);
        Ok(true)
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Window {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ensure(1)?;
        Ok(self.unread())
    }

    fn consume(&mut self, n: usize) {
        self.skip(n);
    }
}
