//! The first bytes of a stream, to hold against them what is sent again.
//!
//! TCP leaves it open which of two segments counts that bring different bytes
//! for the same place (RFC 9293 §3.10.7.4 trims what was received before;
//! systems differ). Honest senders repeat what they sent; who sends something
//! else wants the reader of a capture and the receiver to see different
//! streams. What decides between them comes first in a connection of RDP: the
//! Connection Request and its answer, which are in the clear. What follows is
//! encrypted, and TLS notices changes by itself.

use crate::base::At;

/// Bytes kept of each direction: a Connection Request with a routing token or a
/// cookie and everything that may follow takes less.
const KEPT: usize = 128;

/// The first bytes of one direction, as they were handed on.
#[derive(Clone, Debug, Default)]
pub(super) struct Beginning {
    bytes: Vec<u8>,
    /// The packet that brought the last of them.
    last: Option<At>,
}

impl Beginning {
    /// Whether bytes at this offset can be among them.
    #[inline]
    pub(super) const fn covers(offset: i64) -> bool {
        offset < KEPT as i64
    }

    /// Keeps what was handed on from `offset` on, while there is no hole.
    #[cold]
    pub(super) fn keep(&mut self, offset: i64, data: &[u8], at: At) {
        if usize::try_from(offset).is_ok_and(|offset| offset == self.bytes.len()) {
            let room = KEPT.saturating_sub(self.bytes.len()).min(data.len());
            self.bytes.extend_from_slice(data.get(..room).unwrap_or_default());
            self.last = Some(at);
        }
    }

    /// Whether a segment brings other bytes for a place among these: then the
    /// last packet that brought some.
    #[cold]
    pub(super) fn disagrees(&self, offset: i64, data: &[u8]) -> Option<At> {
        let skipped = usize::try_from(offset.min(0).unsigned_abs()).ok()?;
        let from = usize::try_from(offset.max(0)).ok()?;
        let (here, there) = (self.bytes.get(from..)?, data.get(skipped..)?);
        here.iter().zip(there).any(|(a, b)| a != b).then_some(self.last?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn beginning() -> Beginning {
        let mut beginning = Beginning::default();
        let at = |n| At { frame: Frame::new(0, n), time: CaptureTime::default() };
        beginning.keep(0, b"connection", at(4));
        beginning.keep(10, b" request", at(5));
        beginning.keep(30, b"behind a hole", at(6));
        beginning
    }

    #[test]
    fn who_repeats_what_was_sent_agrees() {
        for (offset, data) in
            [(0, &b"connection"[..]), (4, b"ection request and more"), (-3, b"xyzconn"), (18, b"else")]
        {
            assert_eq!(beginning().disagrees(offset, data), None, "{offset}");
        }
    }

    #[test]
    fn other_bytes_in_the_same_place_are_seen() {
        for (offset, data) in [(0, &b"SSH-2.0"[..]), (4, b"ection reqUest"), (-3, b"connection"), (17, b"T and more")] {
            assert_eq!(beginning().disagrees(offset, data).map(|at| at.frame.number), Some(5), "{offset}");
        }
    }

    #[test]
    fn little_is_kept() {
        let mut beginning = Beginning::default();
        let at = At { frame: Frame::new(0, 1), time: CaptureTime::default() };
        beginning.keep(0, &[7; 100_000], at);
        assert_eq!(beginning.bytes.len(), KEPT);
        assert_eq!(beginning.disagrees(i64::MIN, &[8; 64]), None);
        assert_eq!(beginning.disagrees(i64::MAX, &[8; 64]), None);
    }
}
