//! A walker over BER and DER, just enough for CredSSP and for the outside of
//! MCS: tags and definite lengths of ITU-T X.690 section 8.1. Values are left
//! to who knows them.
//!
//! Lax where it costs nothing: a length need not be minimal, and an element may
//! run past the captured bytes, in which case it is cut and says so.

use crate::base::{Cursor, ParseError};

/// How deep elements may nest; SPNEGO inside CredSSP needs nine levels.
pub const MAX_DEPTH: u8 = 16;

/// The longest element, in bytes. CredSSP tokens with large Kerberos tickets
/// stay below 64 kB; a length above this is no length.
pub const MAX_LEN: usize = 1 << 20;

/// One element: a tag and what it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octets as one number: `0x30`, `0xa0`, `0x7f65`.
    pub tag: u16,
    /// The content, as far as it was captured.
    pub content: &'a [u8],
    /// Bytes of the content, as the length octets say.
    pub declared_len: usize,
    /// Bytes of identifier and length octets.
    pub header_len: usize,
}

impl Element<'_> {
    /// Whether the end of the content is missing.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.content.len() < self.declared_len
    }

    /// The content as a number, where it is one to four bytes (or five with a
    /// leading zero) of an INTEGER or ENUMERATED. The bits are taken as they
    /// are: an NTSTATUS has its top bit set and is not negative.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        let digits = match *self.content {
            [0, ref rest @ ..] if rest.len() == 4 => rest,
            _ => self.content,
        };
        if self.is_cut() || !(1..=4).contains(&digits.len()) {
            return None;
        }
        Some(digits.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
    }
}

/// Reads the elements of one level, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    layer: &'static str,
    fields: Cursor<'a>,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader of the outermost elements in `bytes`, which belong to protocol
    /// `layer`.
    #[must_use]
    pub const fn new(layer: &'static str, bytes: &'a [u8]) -> Self {
        Self { layer, fields: Cursor::new(layer, bytes), depth: 0 }
    }

    /// A reader of the elements inside `element`.
    ///
    /// # Errors
    /// They are nested deeper than [`MAX_DEPTH`].
    pub const fn inside(&self, element: &Element<'a>) -> Result<Self, ParseError> {
        if self.depth >= MAX_DEPTH {
            return Err(ParseError::malformed(self.layer, "nesting", self.fields.position()));
        }
        Ok(Self {
            layer: self.layer,
            fields: Cursor::new(self.layer, element.content),
            depth: self.depth.saturating_add(1),
        })
    }

    /// The next element, or `None` at the end of the level.
    ///
    /// # Errors
    /// The tag or length is cut short, of a form that neither protocol uses, or
    /// longer than [`MAX_LEN`].
    pub fn next(&mut self, field: &'static str) -> Result<Option<Element<'a>>, ParseError> {
        if self.fields.is_empty() {
            return Ok(None);
        }
        let start = self.fields.position();
        let tag = self.tag(field)?;
        let declared_len = self.length(field)?;
        let header_len = self.fields.position().saturating_sub(start);
        let content = self.fields.take(declared_len.min(self.fields.left()), field)?;
        Ok(Some(Element { tag, content, declared_len, header_len }))
    }

    /// The next element, which has to have `tag`.
    ///
    /// # Errors
    /// As [`Reader::next`]; or there is none, or another.
    pub fn expect(&mut self, tag: u16, field: &'static str) -> Result<Element<'a>, ParseError> {
        let at = self.fields.position();
        match self.next(field)? {
            Some(element) if element.tag == tag => Ok(element),
            Some(_) => Err(ParseError::malformed(self.layer, field, at)),
            None => Err(ParseError::short(self.layer, field, at, 1, 0)),
        }
    }

    /// Expects `tag` and goes inside.
    ///
    /// # Errors
    /// As [`Reader::expect`] and [`Reader::inside`].
    pub fn enter(&mut self, tag: u16, field: &'static str) -> Result<Self, ParseError> {
        let element = self.expect(tag, field)?;
        self.inside(&element)
    }

    /// One identifier octet, or two for tag numbers from 31 to 127.
    fn tag(&mut self, field: &'static str) -> Result<u16, ParseError> {
        const NUMBER: u8 = 0x1f;
        let first = self.fields.u8(field)?;
        if first & NUMBER != NUMBER {
            return Ok(first.into());
        }
        match self.fields.u8(field)? {
            second @ 0..=0x7f => Ok(u16::from_be_bytes([first, second])),
            _ => Err(self.fields.malformed(field)),
        }
    }

    /// The short form, or the long form with up to four octets. The indefinite
    /// form is not definite, and so not DER, nor what any RDP peer sends.
    fn length(&mut self, field: &'static str) -> Result<usize, ParseError> {
        let octets = match self.fields.u8(field)? {
            short @ 0..=0x7f => return Ok(short.into()),
            long @ 0x81..=0x84 => long & 0x7f,
            _ => return Err(self.fields.malformed(field)),
        };
        let octets = self.fields.take(octets.into(), field)?;
        let length = octets.iter().fold(0_u32, |length, octet| length << 8 | u32::from(*octet));
        match usize::try_from(length) {
            Ok(length) if length <= MAX_LEN => Ok(length),
            _ => Err(self.fields.malformed(field)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(bytes: &[u8]) -> Result<Option<Element<'_>>, ParseError> {
        Reader::new("der", bytes).next("element")
    }

    #[test]
    fn tags_and_lengths_of_every_form() {
        for (bytes, tag, content) in [
            (&[0x30, 0][..], 0x30, &[][..]),
            (&[0xa0, 1, 7], 0xa0, &[7]),
            (&[0x02, 0x81, 1, 7], 0x02, &[7]),
            (&[0x7f, 0x65, 0x82, 0, 1, 7], 0x7f65, &[7]),
            (&[0x04, 0x84, 0, 0, 0, 1, 7, 9], 0x04, &[7]),
        ] {
            let element = first(bytes).unwrap().unwrap();
            assert_eq!((element.tag, element.content, element.is_cut()), (tag, content, false));
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for bytes in [&[0x30, 0x80][..], &[0x30, 0x85, 0, 0, 0, 0, 0], &[0x30, 0x83, 0x10, 0, 1], &[0x3f, 0x81, 1, 0]] {
            assert!(first(bytes).is_err(), "{bytes:x?}");
        }
        assert_eq!(first(&[0x30]), Err(ParseError::short("der", "element", 1, 1, 0)));
        assert_eq!(first(&[]), Ok(None));
    }

    #[test]
    fn a_cut_element_says_so() {
        let element = first(&[0x02, 4, 0x80, 9]).unwrap().unwrap();
        assert_eq!((element.content, element.is_cut(), element.number()), (&[0x80, 9][..], true, None));
    }

    #[test]
    fn numbers_keep_their_bits() {
        for (bytes, number) in [
            (&[2, 1, 6][..], Some(6)),
            (&[2, 4, 0x80, 9, 3, 2], Some(0x8009_0302)),
            (&[2, 5, 0, 0x80, 9, 3, 2], Some(0x8009_0302)),
            (&[2, 5, 1, 0x80, 9, 3, 2], None),
            (&[2, 0], None),
        ] {
            assert_eq!(first(bytes).unwrap().unwrap().number(), number);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let mut reader = Reader::new("der", &[0x30, 0]);
        let element = reader.next("element").unwrap().unwrap();
        for _ in 0..MAX_DEPTH {
            reader = reader.inside(&element).unwrap();
        }
        assert!(reader.inside(&element).is_err());
    }

    proptest! {
        /// Reading always ends: every element takes at least two bytes.
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new("der", &bytes);
            let mut count = 0;
            while let Ok(Some(_)) = reader.next("element") {
                count += 1;
            }
            prop_assert!(count <= bytes.len() / 2);
        }
    }
}
