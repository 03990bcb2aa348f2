//! TPKT, the frame around every slow-path RDP message: RFC 1006 section 6,
//! ITU-T T.123 section 8.

use crate::base::{Cursor, ParseError};

/// Bytes of the header: version 3, a reserved byte, the length of the whole
/// frame.
pub const HEADER_LEN: usize = 4;

/// The shortest frame: the header and an X.224 Data TPDU without user data.
pub const MIN_LEN: usize = 7;

/// How long the frame at the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// The header is not there yet.
    NeedMore,
    /// This many bytes, header included; at least [`MIN_LEN`].
    Size(usize),
    /// No TPKT frame starts here.
    NotTpkt,
}

/// Reads the length of the frame that `bytes` starts with.
///
/// The reserved byte is not looked at: receivers must not.
#[must_use]
pub fn frame_size(bytes: &[u8]) -> FrameSize {
    match *bytes {
        [] | [3] | [3, _] | [3, _, _] => FrameSize::NeedMore,
        [3, _, high, low, ..] => match usize::from(u16::from_be_bytes([high, low])) {
            MIN_LEN.. => FrameSize::Size(u16::from_be_bytes([high, low]).into()),
            _ => FrameSize::NotTpkt,
        },
        _ => FrameSize::NotTpkt,
    }
}

/// A frame, perhaps with its end missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Bytes of the whole frame, as its header says.
    pub length: u16,
    /// The TPDU, as far as it was captured.
    pub tpdu: &'a [u8],
}

impl Frame<'_> {
    /// Whether the end of the frame is missing.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.tpdu.len().saturating_add(HEADER_LEN) < self.length as usize
    }
}

/// Decodes the frame that `bytes` starts with; what follows it is left alone.
///
/// # Errors
/// Fewer than four bytes, another version, or a length below [`MIN_LEN`].
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, ParseError> {
    let mut header = Cursor::new("tpkt", bytes);
    if header.u8("version")? != 3 {
        return Err(ParseError::malformed("tpkt", "version", 0));
    }
    header.skip(1, "reserved")?;
    let length = header.u16_be("length")?;
    if usize::from(length) < MIN_LEN {
        return Err(ParseError::malformed("tpkt", "length", 2));
    }
    let rest = header.rest();
    let tpdu = rest.get(..usize::from(length).saturating_sub(HEADER_LEN)).unwrap_or(rest);
    Ok(Frame { length, tpdu })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironrdp_pdu::{Action, find_size};
    use proptest::prelude::*;

    #[test]
    fn the_length_is_big_endian_and_counts_the_header() {
        let dpu = [3, 0, 0, 9, 2, 0xf0, 0x80, 0x21, 0x80];
        assert_eq!(frame_size(&dpu), FrameSize::Size(9));
        assert_eq!(decode(&dpu), Ok(Frame { length: 9, tpdu: &dpu[4..] }));
        assert_eq!(decode(&[&dpu[..], &[1, 2, 3]].concat()).unwrap().tpdu, &dpu[4..]);
        assert_eq!(frame_size(&[3, 0, 1, 0x51]), FrameSize::Size(337));
    }

    #[test]
    fn a_cut_frame_is_decoded_and_says_so() {
        let cut = decode(&[3, 0, 0, 9, 2, 0xf0]).unwrap();
        assert_eq!((cut.tpdu, cut.is_cut()), (&[2, 0xf0][..], true));
        assert_eq!(decode(&[3, 0, 0]), Err(ParseError::short("tpkt", "length", 2, 2, 1)));
        assert_eq!(frame_size(&[3, 0, 0]), FrameSize::NeedMore);
    }

    #[test]
    fn other_protocols_are_not_frames() {
        for other in
            [&b"\x16\x03\x01\x00\xc8"[..], b"HTTP", b"SSH-2", b"RFB 003", b"\x03\x00\x00\x06", b"\x02\x00\x00\x09"]
        {
            assert_eq!(frame_size(other), FrameSize::NotTpkt, "{other:x?}");
            assert!(decode(other).is_err());
        }
    }

    proptest! {
        #[test]
        fn sizes_agree_with_ironrdp(bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
            let bytes = [&[3, 0][..], &bytes].concat();
            if let FrameSize::Size(size) = frame_size(&bytes) {
                let theirs = find_size(&bytes).unwrap().unwrap();
                prop_assert_eq!((theirs.action, theirs.length), (Action::X224, size));
            }
            prop_assert_eq!(decode(&bytes).is_ok(), matches!(frame_size(&bytes), FrameSize::Size(_)));
        }
    }
}
