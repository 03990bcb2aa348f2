//! Texts and numbers as JSON.

use super::page::Page;
use crate::base::Digits;
use crate::report::escape::is_deceptive;

/// Writes `text` in quotation marks.
#[inline]
pub(super) fn push(text: &str, page: &mut Page) {
    let bytes = text.as_bytes();
    if let Some([mark, room @ ..]) = page.room(bytes.len() + 2).get_mut(..bytes.len() + 2)
        && let Some((end, room)) = room.split_last_mut()
        && copy_plain(bytes, room)
    {
        (*mark, *end) = (b'"', b'"');
        page.advance(bytes.len() + 2);
    } else {
        push_escaped(text, page);
    }
}

/// Copies a text to room of its size, and says whether each byte stands for
/// itself in JSON and is no part of a character that a terminal obeys. Nearly all
/// texts of a report are ASCII without any of these.
#[inline]
fn copy_plain(text: &[u8], room: &mut [u8]) -> bool {
    // The last bytes of a text are copied twice, which is quicker than one by one.
    copy_blocks::<16>(text, room)
        .or_else(|| copy_blocks::<8>(text, room))
        .or_else(|| copy_blocks::<4>(text, room))
        .unwrap_or_else(|| {
            room.copy_from_slice(text);
            text.iter().all(|byte| is_other(*byte) == 0)
        })
}

/// The same for a text of one block at least.
#[inline(always)]
fn copy_blocks<const N: usize>(text: &[u8], room: &mut [u8]) -> Option<bool> {
    let (last, last_room) = (text.last_chunk::<N>()?, room.last_chunk_mut::<N>()?);
    *last_room = *last;
    for (block, room) in text.as_chunks::<N>().0.iter().zip(room.as_chunks_mut::<N>().0) {
        *room = *block;
        if !is_plain(block) {
            return Some(false);
        }
    }
    Some(is_plain(last))
}

/// Of a block whose size is known, the compiler looks at all bytes at once.
#[inline(always)]
fn is_plain<const N: usize>(block: &[u8; N]) -> bool {
    block.iter().fold(0, |others, byte| others | is_other(*byte)) == 0
}

/// Whether a byte is to be written otherwise.
#[inline(always)]
const fn is_other(byte: u8) -> u8 {
    (byte.wrapping_sub(b' ') > b'~' - b' ') as u8 | (byte == b'"') as u8 | (byte == b'\\') as u8
}

#[cold]
fn push_escaped(text: &str, page: &mut Page) {
    page.put(b"\"", 1);
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
    page.put(b"\"", 1);
}

/// Writes a whole number.
#[inline(always)]
pub(super) fn push_unsigned(n: u64, page: &mut Page) {
    match n {
        0..10 => page.put(&[b'0' + n as u8], 1),
        10..100_000_000 => push_number(n as u32, page),
        _ => page.extend(itoa::Buffer::new().format(n).as_bytes()),
    }
}

/// Writes a whole number of up to eight digits.
#[inline]
fn push_number(n: u32, page: &mut Page) {
    let (digits, count) = Digits::of(n).significant();
    page.put(&digits, count as u32);
}

/// Writes a whole number.
#[inline(always)]
pub(super) fn push_signed(n: i64, page: &mut Page) {
    if n < 0 {
        page.put(b"-", 1);
    }
    push_unsigned(n.unsigned_abs(), page);
}

/// Writes a number of thousandths with as many decimals as it needs, and one at
/// least.
#[inline]
pub(super) fn push_thousandths(n: i64, page: &mut Page) {
    if n < 0 {
        page.put(b"-", 1);
    }
    let (whole, decimals) = (n.unsigned_abs() / 1_000, n.unsigned_abs() % 1_000);
    push_unsigned(whole, page);
    let needed = if decimals.is_multiple_of(100) { 2 } else { 4 - u32::from(decimals.is_multiple_of(10)) };
    let [.., tenth, hundredth, thousandth] = Digits::of(decimals as u32).all();
    page.put(&[b'.', tenth, hundredth, thousandth], needed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut page = Page::default();
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
            let mut page = Page::default();
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
