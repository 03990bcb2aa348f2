//! What the tests of the decoders share.

/// Bytes from hex text; white space is ignored.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let value = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// Hands every prefix of `bytes`, and every copy with one byte changed, to
/// `decode`: none of them may panic.
pub(super) fn damage(bytes: &[u8], decode: impl Fn(&[u8]) -> bool) {
    for end in 0..=bytes.len() {
        decode(&bytes[..end]);
    }
    let mut changed = bytes.to_vec();
    for at in 0..bytes.len() {
        for value in [0x00, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1)] {
            changed[at] = value;
            decode(&changed);
        }
        changed[at] = bytes[at];
    }
}
