//! Texts and numbers as JSON.

use core::num::Wrapping;

use super::page::{Count, Page, put_at};
use crate::base::{Digits, Thousand};
use crate::report::escape::is_deceptive;

/// Longer than most texts are.
const SHORT: usize = 32;

/// Writes `text` in quotation marks.
#[inline(always)]
pub(super) fn push(text: &str, page: &mut Page) {
    if text.len() > SHORT || !push_short(text.as_bytes(), page) {
        push_any(text, page);
    }
}

/// Writes a short text, if each byte of it stands for itself in JSON and is no
/// part of a character that a terminal obeys: nearly all texts of a report are
/// ASCII without any of these.
#[inline(always)]
fn push_short(text: &[u8], page: &mut Page) -> bool {
    let mut is_plain = false;
    page.scalar::<{ SHORT + 2 }>(|room| {
        is_plain = copy_short(text, room);
        Wrapping(if is_plain { text.len() as u32 + 2 } else { 0 })
    });
    is_plain
}

#[inline(always)]
fn copy_short(text: &[u8], room: &mut [u8; SHORT + 2]) -> bool {
    let len = text.len().min(SHORT);
    let mark = |room: &mut [u8; SHORT + 2]| {
        put_at(room, 0, b"\"");
        put_at(room, 1 + len, b"\"");
    };
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        put_at(room, 1, first);
        put_at(room, 1 + len - 16, last);
        mark(room);
        is_plain(first) & is_plain(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        put_at(room, 1, first);
        put_at(room, 1 + len - 8, last);
        mark(room);
        others(u64::from_ne_bytes(*first)) | others(u64::from_ne_bytes(*last)) == 0
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        put_at(room, 1, first);
        put_at(room, 1 + len - 4, last);
        mark(room);
        let (first, last) = (u32::from_ne_bytes(*first), u32::from_ne_bytes(*last));
        others(u64::from(first) | u64::from(last) << 32) == 0
    } else {
        false
    }
}

/// Writes any text.
#[inline(never)]
fn push_any(text: &str, page: &mut Page) {
    let bytes = text.as_bytes();
    if let [mark, room @ .., end] = page.room(bytes.len().wrapping_add(2))
        && copy_plain(bytes, room)
    {
        (*mark, *end) = (b'"', b'"');
        page.advance(bytes.len() + 2);
    } else {
        push_escaped(text, page);
    }
}

/// Copies a text to room of its size, and says whether each byte stands for
/// itself.
fn copy_plain(text: &[u8], room: &mut [u8]) -> bool {
    room.copy_from_slice(text);
    match text.last_chunk::<SHORT>() {
        Some(last) => text.as_chunks::<SHORT>().0.iter().all(is_plain) && is_plain(last),
        None => text.iter().all(|byte| is_plain(&[*byte])),
    }
}

/// Whether all bytes stand for themselves: at once, for the size is known.
#[inline(always)]
fn is_plain<const N: usize>(block: &[u8; N]) -> bool {
    let is_other = |byte: u8| {
        let is_out_of_range = byte.wrapping_sub(b' ') > b'~' - b' ';
        is_out_of_range | ((byte ^ b'"').min(byte ^ b'\\') == 0)
    };
    !block.iter().fold(false, |others, byte| others | is_other(*byte))
}

/// Which bytes of a word do not stand for themselves, in their highest bits.
#[inline(always)]
const fn others(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Each of these sets the bit of such a byte, and a carry or borrow comes from
    // no other.
    let control = bytes.wrapping_sub(EACH * b' ' as u64);
    let delete = bytes.wrapping_add(EACH);
    let quote = (bytes ^ (EACH * b'"' as u64)).wrapping_sub(EACH);
    let backslash = (bytes ^ (EACH * b'\\' as u64)).wrapping_sub(EACH);
    (bytes | control | delete | quote | backslash) & (EACH << 7)
}

#[cold]
#[inline(never)]
fn push_escaped(text: &str, page: &mut Page) {
    page.byte(b'"');
    for c in text.chars() {
        match c {
            '"' => page.extend(b"\\\""),
            '\\' => page.extend(b"\\\\"),
            '\u{8}' => page.extend(b"\\b"),
            '\u{c}' => page.extend(b"\\f"),
            '\n' => page.extend(b"\\n"),
            '\r' => page.extend(b"\\r"),
            '\t' => page.extend(b"\\t"),
            deceptive if is_deceptive(deceptive) => {
                for unit in deceptive.encode_utf16(&mut [0; 2]) {
                    page.extend(format!("\\u{unit:04x}").as_bytes());
                }
            }
            _ => page.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    page.byte(b'"');
}

/// Writes a whole number.
#[inline(always)]
pub(super) fn push_unsigned(n: u64, page: &mut Page) {
    match n {
        0..10 => page.put_scalar(&[b'0' + n as u8], Wrapping(1)),
        10..SMALL => {
            let (digits, count) = small(n as u32);
            page.put_scalar(&digits, count);
        }
        _ => push_large(n, page),
    }
}

/// What is not below it is no small number.
pub(super) const SMALL: u64 = 1_000_000;

/// The digits of a small number, and how many there are.
#[inline(always)]
pub(super) fn small(n: u32) -> ([u8; 8], Count) {
    if n < 1_000 {
        let (digits, count) = Thousand::of(n).significant();
        (u64::from(digits).to_le_bytes(), Wrapping(count))
    } else {
        let (digits, count) = Thousand::of(n / 1_000).significant();
        let behind = u64::from(Thousand::of(n % 1_000).all());
        ((u64::from(digits) | behind << (8 * count)).to_le_bytes(), Wrapping(count) + Wrapping(Thousand::COUNT))
    }
}

/// Writes any whole number.
#[inline(never)]
fn push_large(n: u64, page: &mut Page) {
    match n {
        0..100_000_000 => {
            let (digits, count) = Digits::of(n as u32).significant();
            page.put_scalar(&digits, Wrapping(count as u32));
        }
        _ => page.extend(itoa::Buffer::new().format(n).as_bytes()),
    }
}

/// Writes a whole number.
#[inline(always)]
pub(super) fn push_signed(n: i64, page: &mut Page) {
    if n < 0 {
        page.put_scalar(b"-", Wrapping(1));
    }
    push_unsigned(n.unsigned_abs(), page);
}

/// Writes a number of thousandths with as many decimals as it needs, and one at
/// least.
#[inline]
pub(super) fn push_thousandths(n: i64, page: &mut Page) {
    if n < 0 {
        page.put_scalar(b"-", Wrapping(1));
    }
    let n = n.unsigned_abs();
    if n < SMALL {
        let (whole, count) = Thousand::of(n as u32 / 1_000).significant();
        let (decimals, needed) = decimals(n as u32 % 1_000);
        let text = u64::from(whole) | u64::from(decimals) << (8 * count);
        page.put_scalar(&text.to_le_bytes(), Wrapping(count) + needed);
    } else {
        push_unsigned(n / 1_000, page);
        let (decimals, needed) = decimals((n % 1_000) as u32);
        page.put_scalar(&decimals.to_le_bytes(), needed);
    }
}

/// The decimals of so many thousandths behind their point, and how many of these
/// bytes are needed.
#[inline(always)]
fn decimals(thousandths: u32) -> (u32, Count) {
    let digits = Thousand::of(thousandths);
    (u32::from(b'.') | digits.all() << 8, Wrapping(1) + Wrapping(digits.decimals()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut page = Page::with_room(0);
        push(text, &mut page);
        String::from_utf8(page.text().to_vec()).unwrap()
    }

    #[test]
    fn each_byte_is_judged_alone_as_among_others() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for (place, len) in (0..40).flat_map(|len| (0..len).map(move |place| (place, len))) {
                let mut text = vec![b'x'; len];
                text[place] = byte;
                let mut copy = vec![0; len];
                assert_eq!(copy_plain(&text, &mut copy), plain, "{byte:#x} at {place} of {len}");
                assert!(!plain || text == copy, "{byte:#x} at {place} of {len}");
            }
        }
    }

    #[test]
    fn numbers_of_each_length_are_written() {
        for n in (0..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power)]).chain([u64::MAX]) {
            let mut page = Page::with_room(0);
            push_unsigned(n, &mut page);
            assert_eq!(page.text(), n.to_string().as_bytes());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_deceives_nobody(text in ".*") {
            let written = written(&text);
            prop_assert!(!written.chars().any(is_deceptive), "{}", written);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
