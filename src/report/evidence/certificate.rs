//! A certificate of somebody else: every name, number, key and signature in it
//! is another of the same length; its form, its times and its kinds of names
//! stay, so that it is as valid, or expired, as the original.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::report::redact::Redactor;

/// No certificate nests deeper.
const MAX_DEPTH: u8 = 16;

/// Rewrites DER in place. Bytes that are no DER become zeros.
pub(super) fn rewrite(der: &mut [u8], redactor: &Redactor) {
    values(der, 0, redactor);
}

fn values(der: &mut [u8], depth: u8, redactor: &Redactor) {
    let mut rest = der;
    while !rest.is_empty() {
        let Some((tag, header, len)) = header(rest).filter(|_| depth < MAX_DEPTH) else {
            rest.fill(0);
            return;
        };
        let (_, behind) = rest.split_at_mut(header);
        let (content, next) = behind.split_at_mut(len);
        value(tag, content, depth, redactor);
        rest = next;
    }
}

/// Tag, length of the header, length of the content; all of it is there.
fn header(der: &[u8]) -> Option<(u8, usize, usize)> {
    let (tag, len) = (*der.first()?, *der.get(1)?);
    let (header, len) = match len {
        0..=0x7f => (2, usize::from(len)),
        0x81..=0x83 => {
            let bytes = der.get(2..2_usize.checked_add(usize::from(len & 0x0f))?)?;
            (bytes.len().checked_add(2)?, bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        }
        _ => return None,
    };
    let is_short_tag = tag & 0x1f != 0x1f;
    (is_short_tag && der.len().checked_sub(header)? >= len).then_some((tag, header, len))
}

/// Whether `bytes` are one value of DER from end to end.
fn is_der(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|(tag, header, len)| matches!(tag, 0x30 | 0x31) && header + len == bytes.len())
}

fn value(tag: u8, content: &mut [u8], depth: u8, redactor: &Redactor) {
    const CONSTRUCTED: u8 = 0x20;
    match tag {
        tag if tag & CONSTRUCTED != 0 => values(content, depth.saturating_add(1), redactor),
        // BOOLEAN, NULL, OBJECT IDENTIFIER, ENUMERATED, the two times.
        0x01 | 0x05 | 0x06 | 0x0a | 0x17 | 0x18 => {}
        // Versions and exponents identify nobody.
        0x02 if content.len() <= 3 => {}
        0x02 => redactor.scramble(content),
        // Flags such as the uses of a key.
        0x03 if content.len() <= 3 => {}
        0x03 => inside(content.get_mut(1..).unwrap_or_default(), depth, redactor),
        0x04 => inside(content, depth, redactor),
        0x1e => wide_text(content, redactor),
        // Strings, and within general names: mail, host, URI.
        0x0c | 0x12..=0x16 | 0x19..=0x1b | 0x81 | 0x82 | 0x86 => text(content, redactor),
        0x87 => address(content, redactor),
        _ => redactor.scramble(content),
    }
}

/// A bit or octet string: DER itself, or a key or hash.
fn inside(content: &mut [u8], depth: u8, redactor: &Redactor) {
    if is_der(content) {
        return values(content, depth.saturating_add(1), redactor);
    }
    match content {
        // A point on a curve says by its first byte how it is written.
        [2..=4, point @ ..] if point.len() >= 32 => redactor.scramble(point),
        [] => {}
        _ => redactor.scramble(content),
    }
}

/// A name, by another one as long.
pub(super) fn text(name: &mut [u8], redactor: &Redactor) {
    let hidden = redactor.name(&String::from_utf8_lossy(name)).into_bytes();
    let mut hidden = hidden.into_iter();
    for byte in name {
        *byte = hidden.next().unwrap_or(b'x');
    }
}

/// A BMPString: two bytes a character.
fn wide_text(name: &mut [u8], redactor: &Redactor) {
    let units: String = name
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| char::from_u32(u16::from_be_bytes(*pair).into()).filter(char::is_ascii).unwrap_or('x'))
        .collect();
    let hidden = redactor.name(&units);
    for (pair, c) in name.as_chunks_mut::<2>().0.iter_mut().zip(hidden.bytes()) {
        *pair = [0, c];
    }
}

fn address(bytes: &mut [u8], redactor: &Redactor) {
    let hidden = match *bytes {
        [a, b, c, d] => redactor.address(Ipv4Addr::new(a, b, c, d).into()),
        ref bytes => match <[u8; 16]>::try_from(bytes) {
            Ok(octets) => redactor.address(Ipv6Addr::from_octets(octets).into()),
            Err(_) => return,
        },
    };
    match hidden {
        IpAddr::V4(v4) => bytes.copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => bytes.copy_from_slice(&v6.octets()),
    }
}
