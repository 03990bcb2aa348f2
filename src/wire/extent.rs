//! The bytes of one layer, and how long that layer was on the wire.
//!
//! Two ends must never be confused: where the capture stopped (the snap length)
//! and where a header says that its payload ends (padding and trailers follow).
//! Every decoder of this floor takes an [`Extent`] and hands on a smaller one.

use crate::base::{Cause, Cursor, LimitSource, ParseError};

/// Captured bytes of a layer with their length on the wire.
///
/// INVARIANT: `len >= bytes.len()`; the difference was not captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent<'a> {
    bytes: &'a [u8],
    len: u32,
    limit: LimitSource,
}

impl<'a> Extent<'a> {
    /// A whole frame. `original_len` below the captured length is a mistake of
    /// the writer (it occurs), and the captured bytes win.
    pub(super) fn frame(bytes: &'a [u8], original_len: u32) -> Self {
        Self { bytes, len: original_len.max(count(bytes)), limit: LimitSource::Captured }
    }

    /// What was captured.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Its length on the wire.
    pub(super) const fn len(self) -> u32 {
        self.len
    }

    /// What follows the first `n` bytes.
    pub(super) fn after(self, n: usize) -> Self {
        let skipped = u32::try_from(n).unwrap_or(u32::MAX);
        Self { bytes: self.bytes.get(n..).unwrap_or_default(), len: self.len.saturating_sub(skipped), ..self }
    }

    /// The length that the header field `field` gives: what is beyond it is
    /// padding, what is missing up to it was not captured. That holds even where
    /// the frame was shorter on the wire: traffic mirrors cut packets and then
    /// send them in whole frames.
    pub(super) fn sized(self, len: u32, field: &'static str) -> Self {
        let kept = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(..kept).unwrap_or(self.bytes);
        Self { bytes, len, limit: LimitSource::LengthField(field) }
    }

    /// The same, where a `len` beyond the end is not believed.
    pub(super) fn at_most(self, len: u32, field: &'static str) -> Self {
        if len < self.len { self.sized(len, field) } else { self }
    }

    /// Reads a header of `layer` from the front; returns it with what follows.
    pub(super) fn read<T>(
        self,
        layer: &'static str,
        header: impl FnOnce(&mut Cursor<'a>) -> Result<T, ParseError>,
    ) -> Result<(T, Self), ParseError> {
        let mut cursor = Cursor::new(layer, self.bytes);
        match header(&mut cursor) {
            Ok(value) => Ok((value, self.after(cursor.position()))),
            Err(error) => Err(self.blame(error)),
        }
    }

    /// Tells a header that lies from one that was cut: when everything up to the
    /// end was captured, it was the length field that ended too early.
    pub(super) fn blame(self, error: ParseError) -> ParseError {
        match self.limit {
            LimitSource::LengthField(field) if error.cause == Cause::NotSeen && count(self.bytes) == self.len => {
                error.limited_by(field)
            }
            _ => error,
        }
    }
}

fn count(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_dropped_and_a_cut_is_remembered() {
        let frame = Extent::frame(&[1, 2, 3, 4, 5, 6], 10).after(1);
        assert_eq!((frame.bytes(), frame.len()), (&[2, 3, 4, 5, 6][..], 9));
        let padded = frame.sized(3, "ip.len");
        assert_eq!((padded.bytes(), padded.len()), (&[2, 3, 4][..], 3));
        let cut = frame.sized(20, "ip.len");
        assert_eq!((cut.bytes(), cut.len()), (&[2, 3, 4, 5, 6][..], 20));
        assert_eq!(frame.at_most(20, "udp.length").len(), 9);
    }

    #[test]
    fn the_blame_goes_to_the_capture_or_to_the_field() {
        let read = |extent: Extent<'static>| extent.read("tcp", |c| c.u32_be("seq")).unwrap_err();
        let cut = read(Extent::frame(&[1, 2], 10).sized(4, "ip.len"));
        assert_eq!((cut.cause, cut.limit), (Cause::NotSeen, LimitSource::Captured));
        let lie = read(Extent::frame(&[1, 2, 3, 4], 4).sized(2, "ip.len"));
        assert_eq!((lie.cause, lie.limit), (Cause::Malformed, LimitSource::LengthField("ip.len")));
    }
}
