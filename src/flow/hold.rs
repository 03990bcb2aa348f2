//! Segments that came before their turn.

use std::collections::VecDeque;

use crate::base::At;

/// Bytes held for one direction. A fast path with one loss has a window in
/// flight behind the hole; more than this and the hole is given up.
const MAX_HELD_BYTES: usize = 256 * 1024;

/// Segments held for one direction: one-byte segments must not turn the
/// ordered insertion into quadratic work.
const MAX_HELD_SEGMENTS: usize = 256;

/// A held segment.
#[derive(Clone, Debug)]
pub struct Held {
    /// Stream offset of its first byte.
    pub offset: i64,
    /// Length on the wire.
    pub len: u32,
    /// The captured bytes, a prefix of `len`.
    pub data: Vec<u8>,
    /// Where they came from.
    pub at: At,
}

impl Held {
    /// The offset behind its last byte.
    pub fn end(&self) -> i64 {
        self.offset + i64::from(self.len)
    }
}

/// Segments waiting for an earlier one, ordered by offset.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    parts: VecDeque<Held>,
    bytes: usize,
}

impl Hold {
    /// Keeps a segment; `false` where a limit forbids it.
    #[must_use]
    pub fn insert(&mut self, part: Held) -> bool {
        if self.parts.len() >= MAX_HELD_SEGMENTS || self.bytes + part.data.len() > MAX_HELD_BYTES {
            return false;
        }
        // Mostly they come in order behind the hole: search from the back.
        let place = self.parts.iter().rposition(|p| p.offset <= part.offset).map_or(0, |i| i + 1);
        self.bytes += part.data.len();
        self.parts.insert(place, part);
        true
    }

    /// Whether the bytes `from..to` are all held.
    #[must_use]
    pub fn covers(&self, from: i64, to: i64) -> bool {
        let mut reached = from;
        for part in &self.parts {
            if part.offset > reached {
                break;
            }
            reached = reached.max(part.end());
        }
        reached >= to
    }

    /// The first held segment.
    #[must_use]
    pub fn first(&self) -> Option<&Held> {
        self.parts.front()
    }

    /// Takes the first segment if it begins at or before `next`.
    pub fn take_ready(&mut self, next: i64) -> Option<Held> {
        if self.parts.front()?.offset > next {
            return None;
        }
        let part = self.parts.pop_front()?;
        self.bytes -= part.data.len();
        Some(part)
    }

    /// Bytes held.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is held.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}
