//! Fast-path framing: [MS-RDPBCGR] 2.2.8.1.2 (input) and 2.2.9.1.2 (output).
//!
//! Fast-path PDUs share the stream with TPKT frames and are told apart by the
//! two lowest bits of the first byte: 0 here, 3 in a TPKT version byte. That
//! is no test for RDP: a TLS record passes too where it is a ChangeCipherSpec.

/// How long the fast-path PDU at the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// The header is not there yet.
    NeedMore,
    /// This many bytes, header included; at least 2.
    Size(usize),
    /// No fast-path PDU starts here.
    NotFastPath,
}

/// Reads the length of the PDU that `bytes` starts with.
///
/// The length takes one byte, or two with the top bit of the first set; a
/// length that does not cover its own header is refused.
#[must_use]
pub fn frame_size(bytes: &[u8]) -> FrameSize {
    const ACTION: u8 = 0b11;
    const LONG: u8 = 0x80;
    let (length, header_len) = match *bytes {
        [first, ..] if first & ACTION != 0 => return FrameSize::NotFastPath,
        [_, length, ..] if length & LONG == 0 => (u16::from(length), 2),
        [_, high, low, ..] => (u16::from_be_bytes([high & !LONG, low]), 3),
        _ => return FrameSize::NeedMore,
    };
    if length < header_len { FrameSize::NotFastPath } else { FrameSize::Size(length.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironrdp_pdu::find_size;
    use proptest::prelude::*;

    #[test]
    fn both_lengths_are_read() {
        assert_eq!(frame_size(&[0x00, 0x09]), FrameSize::Size(9));
        assert_eq!(frame_size(&[0xc4, 0x89, 0x16]), FrameSize::Size(0x916));
        assert_eq!(frame_size(&[0x00, 0x89]), FrameSize::NeedMore);
        assert_eq!(frame_size(&[]), FrameSize::NeedMore);
        assert_eq!(frame_size(&[0x00, 0x01]), FrameSize::NotFastPath);
        assert_eq!(frame_size(&[0x03, 0x00, 0x00, 0x09]), FrameSize::NotFastPath);
    }

    proptest! {
        #[test]
        fn sizes_agree_with_ironrdp(first in 0_u8..64, rest in proptest::collection::vec(any::<u8>(), 0..3)) {
            let bytes = [&[first << 2][..], &rest].concat();
            let theirs = match find_size(&bytes) {
                Ok(Some(info)) => FrameSize::Size(info.length),
                Ok(None) => FrameSize::NeedMore,
                Err(_) => FrameSize::NotFastPath,
            };
            prop_assert_eq!(frame_size(&bytes), theirs);
        }
    }
}
