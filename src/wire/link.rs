//! Frames → the packet inside.

use super::Decoded;
use crate::base::LinkType;

/// Decodes one frame up to its transport header.
///
/// `original_len` is the frame's length on the wire, in bytes.
#[must_use]
pub fn decode(link: LinkType, frame: &[u8], original_len: u32) -> Decoded<'_> {
    let _ = (link, frame, original_len);
    Decoded::Other
}
