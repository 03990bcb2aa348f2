//! The record layer: RFC 5246 section 6.2, RFC 8446 section 5.1.

use super::Version;
use crate::base::{Cursor, ParseError, open_enum};

/// Bytes of a record header.
pub const HEADER_LEN: usize = 5;

/// The longest fragment: 2^14 bytes of content and the 2048 that TLS 1.2 allows
/// for protection (RFC 5246 section 6.2.3; TLS 1.3 allows 256).
pub const MAX_FRAGMENT_LEN: u16 = (1 << 14) + 2048;

open_enum! {
    /// What a record carries.
    pub struct ContentType(u8) {
        /// The next record is protected; in TLS 1.3 it means nothing.
        CHANGE_CIPHER_SPEC = 20,
        /// An alert: two bytes where it is not encrypted.
        ALERT = 21,
        /// Handshake messages, or parts of them.
        HANDSHAKE = 22,
        /// Application data; in TLS 1.3 everything that is encrypted.
        APPLICATION_DATA = 23,
        /// RFC 6520.
        HEARTBEAT = 24,
    }
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the record carries.
    pub content_type: ContentType,
    /// The version, which says little: TLS 1.3 writes 1.2, and a ClientHello
    /// mostly 1.0.
    pub version: Version,
    /// Bytes of the fragment behind the header.
    pub length: u16,
}

impl Header {
    /// Bytes of the whole record.
    #[must_use]
    pub const fn record_len(self) -> usize {
        (self.length as usize).saturating_add(HEADER_LEN)
    }

    /// Whether a TLS peer could have sent this header: the test that keeps a
    /// stream from being read as records where it is something else.
    ///
    /// Only application data may be empty (RFC 5246 section 6.2.1).
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        let known_type = matches!(self.content_type.0, 20..=24);
        let known_version = matches!(self.version.0, 0x0300..=0x0304);
        let may_be_empty = matches!(self.content_type, ContentType::APPLICATION_DATA);
        known_type && known_version && self.length <= MAX_FRAGMENT_LEN && (self.length > 0 || may_be_empty)
    }
}

/// Decodes the header at the front of `bytes`, plausible or not.
///
/// # Errors
/// Fewer than five bytes.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<Header, ParseError> {
    if let Some(&[kind, v0, v1, l0, l1]) = bytes.first_chunk() {
        let version = Version(u16::from_be_bytes([v0, v1]));
        return Ok(Header { content_type: ContentType(kind), version, length: u16::from_be_bytes([l0, l1]) });
    }
    // Some of it is missing: says which.
    let mut fields = Cursor::new("tls", bytes);
    Ok(Header {
        content_type: ContentType(fields.u8("content type")?),
        version: Version(fields.u16_be("version")?),
        length: fields.u16_be("length")?,
    })
}

/// How long the record at the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// The header is not there yet.
    NeedMore,
    /// This many bytes, header included.
    Size(usize),
    /// No plausible record starts here.
    NotTls,
}

/// Reads the length of the record that `bytes` starts with; says
/// [`FrameSize::NotTls`] as soon as the bytes that are there rule a record out.
#[must_use]
pub fn frame_size(bytes: &[u8]) -> FrameSize {
    match decode(bytes) {
        Ok(header) if header.is_plausible() => FrameSize::Size(header.record_len()),
        Ok(_) => FrameSize::NotTls,
        Err(_) => match *bytes {
            [] | [20..=24] | [20..=24, 3, ..] => FrameSize::NeedMore,
            _ => FrameSize::NotTls,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_is_five_bytes() {
        let header = decode(&[0x16, 3, 1, 0, 0xc8, 1]).unwrap();
        assert_eq!((header.content_type, header.version), (ContentType::HANDSHAKE, Version::TLS_1_0));
        assert_eq!((header.length, header.record_len()), (200, 205));
        assert_eq!(header.version.label(), Some("TLS 1.0"));
        assert_eq!(decode(&[0x16, 3, 1, 0]), Err(ParseError::short("tls", "length", 3, 2, 1)));
    }

    #[test]
    fn what_no_peer_sends_is_not_a_record() {
        for (bytes, expected) in [
            (&[0x17, 3, 3, 0x48, 0x00][..], FrameSize::Size(0x4805)),
            (&[0x17, 3, 3, 0x48, 0x01], FrameSize::NotTls),
            (&[0x17, 3, 1, 0, 0], FrameSize::Size(5)),
            (&[0x16, 3, 1, 0, 0], FrameSize::NotTls),
            (&[0x15, 3, 5, 0, 2], FrameSize::NotTls),
            (&[0x19, 3, 3, 0, 2], FrameSize::NotTls),
            (&[3, 0, 0, 9, 2], FrameSize::NotTls),
            (&[0x16, 3], FrameSize::NeedMore),
            (&[0x16], FrameSize::NeedMore),
            (&[0x16, 2], FrameSize::NotTls),
            (&[3], FrameSize::NotTls),
            (&[], FrameSize::NeedMore),
        ] {
            assert_eq!(frame_size(bytes), expected, "{bytes:x?}");
        }
    }

    proptest! {
        /// More bytes never take back a verdict.
        #[test]
        fn the_verdict_is_stable(bytes in proptest::collection::vec(any::<u8>(), 0..8), more in any::<u8>()) {
            let before = frame_size(&bytes);
            let after = frame_size(&[&bytes[..], &[more]].concat());
            prop_assert!(before == after || before == FrameSize::NeedMore);
        }
    }
}
