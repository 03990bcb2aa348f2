//! Texts and numbers as JSON.

use crate::report::escape::is_deceptive;

/// Writes `text` in quotation marks.
#[inline]
pub(super) fn push(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(text, out);
    }
    out.push(b'"');
}

/// Whether each byte stands for itself in JSON, and is no part of a character
/// that a terminal obeys. Nearly all texts of a report are ASCII without any.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    // The last bytes of a longer text are looked at twice, which is quicker than
    // one by one.
    match text.last_chunk::<8>() {
        Some(last) => words.iter().fold(others(*last), |found, word| found | others(*word)) == 0,
        None => rest.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')),
    }
}

/// Of eight bytes at once, a bit where there are any that do not.
#[inline]
const fn others(bytes: [u8; 8]) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    const fn is_zero(bytes: u64) -> u64 {
        bytes.wrapping_sub(EACH) & !bytes
    }
    let bytes = u64::from_le_bytes(bytes);
    let quotes = is_zero(bytes ^ (EACH * b'"' as u64)) | is_zero(bytes ^ (EACH * b'\\' as u64));
    let controls = bytes.wrapping_sub(EACH * 0x20);
    // Beyond ASCII, the highest bit is set; of 0x7f it is set by adding one.
    let beyond = bytes | bytes.wrapping_add(EACH);
    (quotes | controls | beyond) & HIGHEST
}

#[cold]
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            deceptive if is_deceptive(deceptive) => {
                for unit in deceptive.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Writes a whole number.
#[inline]
pub(super) fn push_integer(n: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Writes a number of thousandths with as many decimals as it needs, and one at
/// least.
pub(super) fn push_thousandths(n: i64, out: &mut Vec<u8>) {
    if n < 0 {
        out.push(b'-');
    }
    let (whole, decimals) = (n.unsigned_abs() / 1_000, n.unsigned_abs() % 1_000);
    push_integer(whole, out);
    let digit = |unit: u64| b'0' + (decimals / unit % 10) as u8;
    let point = [b'.', digit(100), digit(10), digit(1)];
    let needed = if decimals.is_multiple_of(100) { 2 } else { 4 - usize::from(decimals.is_multiple_of(10)) };
    out.extend_from_slice(point.get(..needed).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_is_judged_alone_as_among_others() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for place in 0..20 {
                let mut text = [b'x'; 20];
                text[place] = byte;
                assert_eq!(is_plain(&text), plain, "{byte:#x} at {place}");
                assert_eq!(is_plain(&text[place..]), plain, "{byte:#x} in front of {}", 19 - place);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_deceives_nobody(text in ".*") {
            let mut out = Vec::new();
            push(&text, &mut out);
            let written = String::from_utf8(out).unwrap();
            prop_assert!(!written.chars().any(is_deceptive), "{}", written);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
