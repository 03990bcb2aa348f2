//! A reader over hostile bytes: every read is checked, every failure has an address.

use super::ParseError;

/// Reads fields from the front of a slice and remembers how far it came.
///
/// INVARIANT: `0 <= at <= bytes.len()`.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    layer: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`, which belong to protocol `layer`.
    #[must_use]
    pub const fn new(layer: &'static str, bytes: &'a [u8]) -> Self {
        Self { layer, bytes, at: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Bytes left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// What is left, unread.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`ParseError::short`] when fewer are left.
    pub fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], ParseError> {
        let end = self.at.checked_add(n);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(taken) => {
                self.at = self.at.saturating_add(n);
                Ok(taken)
            }
            None => Err(ParseError::short(self.layer, field, self.at, n, self.left())),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`ParseError::short`] when fewer are left.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], ParseError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, field)?);
        Ok(out)
    }

    /// Skips `n` bytes.
    ///
    /// # Errors
    /// [`ParseError::short`] when fewer are left.
    pub fn skip(&mut self, n: usize, field: &'static str) -> Result<(), ParseError> {
        self.take(n, field).map(|_| ())
    }

    /// One byte.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, ParseError> {
        self.array(field).map(|[b]: [u8; 1]| b)
    }

    /// Two bytes, most significant first.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, ParseError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Two bytes, least significant first.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, ParseError> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Three bytes, most significant first.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u24_be(&mut self, field: &'static str) -> Result<u32, ParseError> {
        self.array(field).map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, most significant first.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32, ParseError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Four bytes, least significant first.
    ///
    /// # Errors
    /// [`ParseError::short`] at the end.
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, ParseError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A failure at the current position: the value of `field` is forbidden.
    #[must_use]
    pub const fn malformed(&self, field: &'static str) -> ParseError {
        ParseError::malformed(self.layer, field, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_read_names_its_address_and_moves_nothing() {
        let mut c = Cursor::new("tpkt", &[3, 0, 1]);
        assert_eq!(c.u16_be("version"), Ok(0x0300));
        assert_eq!(c.u16_be("length"), Err(ParseError::short("tpkt", "length", 2, 2, 1)));
        assert_eq!(c.rest(), [1]);
        assert_eq!(c.take(usize::MAX, "body"), Err(ParseError::short("tpkt", "body", 2, usize::MAX, 1)));
    }
}
