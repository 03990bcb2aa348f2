//! Names, hardware addresses, and numbers that identify.

use core::net::{IpAddr, Ipv4Addr};

use super::cipher::{Secret, Way};

const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Every run of letters and digits, turned into another as long.
pub(super) fn text(secret: &Secret, text: &str, way: Way) -> String {
    if let Ok(IpAddr::V4(address)) = text.parse() {
        return address_as_name(secret, text, address);
    }
    let mut out = String::with_capacity(text.len());
    let mut run = Vec::new();
    for c in text.chars() {
        match digit(c) {
            Some(digit) => run.push(digit),
            None => {
                end_of_run(secret, &mut run, &mut out, way);
                // A letter of another script takes as many places as bytes, and
                // cannot be turned back.
                let is_letter = c.is_alphanumeric();
                out.extend(core::iter::repeat_n(
                    if is_letter { 'x' } else { c },
                    if is_letter { c.len_utf8() } else { 1 },
                ));
            }
        }
    }
    end_of_run(secret, &mut run, &mut out, way);
    out
}

fn digit(c: char) -> Option<u8> {
    let place = DIGITS.iter().position(|digit| char::from(*digit) == c.to_ascii_lowercase())?;
    u8::try_from(place).ok()
}

fn end_of_run(secret: &Secret, run: &mut Vec<u8>, out: &mut String, way: Way) {
    secret.permute("name", run, 36, way);
    out.extend(run.iter().filter_map(|digit| DIGITS.get(usize::from(*digit))).map(|digit| char::from(*digit)));
    run.clear();
}

/// Where a host is named by its address, the pseudonym must still be one, and
/// as long: some other numbers, which nothing turns back.
fn address_as_name(secret: &Secret, text: &str, address: Ipv4Addr) -> String {
    let mut numbers = secret.stream("address as a name", &address.octets());
    let numbers = text.split('.').map(|number| {
        let (from, upto) = match number.len() {
            1 => (1, 10),
            2 => (10, 100),
            _ => (100, 224),
        };
        let random = u32::from(numbers.next().unwrap_or_default()) << 8 | u32::from(numbers.next().unwrap_or_default());
        (from + random % (upto - from)).to_string()
    });
    numbers.collect::<Vec<_>>().join(".")
}

/// A hardware address. Walked until the group bit is clear again, so that a
/// station stays a station.
pub(super) fn mac(secret: &Secret, mac: [u8; 6], way: Way) -> [u8; 6] {
    const GROUP: u8 = 1;
    if mac == [0; 6] || mac[0] & GROUP != 0 {
        return mac;
    }
    let mut digits: Vec<u8> = mac.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
    loop {
        secret.permute("mac", &mut digits, 16, way);
        let mut bytes = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low);
        let walked: [u8; 6] = core::array::from_fn(|_| bytes.next().unwrap_or_default());
        if walked[0] & GROUP == 0 {
            return walked;
        }
    }
}

/// A number or key: other bytes, of the same size in bits.
pub(super) fn scramble(secret: &Secret, bytes: &mut [u8]) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let Some(significant) = bytes.get_mut(zeros..) else { return };
    let Some(first) = significant.first().copied() else { return };
    let seed = significant.to_vec();
    for (byte, other) in significant.iter_mut().zip(secret.stream("number", &seed)) {
        *byte = other;
    }
    if let Some(byte) = significant.first_mut() {
        let top = 0x80_u8.checked_shr(first.leading_zeros()).unwrap_or(1);
        *byte = top | *byte & (top - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::redact::Redactor;
    use proptest::prelude::*;

    #[test]
    fn the_shape_of_a_name_stays() {
        let redactor = Redactor::new([1; 32]);
        let name = redactor.name("LAB\\Jane.Doe@corp.example");
        assert_eq!(name.len(), "LAB\\Jane.Doe@corp.example".len());
        let kept: String = name.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
        assert_eq!(kept, "\\.@.");
        for part in ["lab", "jane", "doe", "corp", "example"] {
            assert!(!name.contains(part), "{name}");
        }
        assert_eq!(redactor.reveal_name(&name), "lab\\jane.doe@corp.example");
        assert_eq!(redactor.name("SRV01.corp.example").split('.').next_back(), name.split('.').next_back());
        assert_eq!(redactor.name("*.corp"), format!("*.{}", redactor.name("CORP")));
        assert_eq!(redactor.name("é").len(), 2);
        assert_ne!(Redactor::new([2; 32]).name("jane"), redactor.name("jane"));
    }

    #[test]
    fn an_address_as_a_name_stays_one() {
        let redactor = Redactor::new([1; 32]);
        let name = redactor.name("10.99.0.102");
        assert!(name != "10.99.0.102" && name.len() == 11 && name.parse::<IpAddr>().is_ok(), "{name}");
    }

    #[test]
    fn numbers_keep_their_size_in_bits() {
        let redactor = Redactor::new([1; 32]);
        for first in [1, 2, 0x10, 0x7f, 0x80, 0xff_u8] {
            let mut number = [0, first, 2, 3, 4, 5, 6, 7, 8];
            redactor.scramble(&mut number);
            assert_eq!((number[0], number[1].leading_zeros()), (0, first.leading_zeros()));
            assert_ne!(number[2..], [2, 3, 4, 5, 6, 7, 8]);
        }
        redactor.scramble(&mut []);
        redactor.scramble(&mut [0, 0]);
    }

    proptest! {
        #[test]
        fn hardware_addresses_can_be_revealed(mac: [u8; 6], key: [u8; 32]) {
            let redactor = Redactor::new(key);
            let hidden = redactor.mac(mac);
            prop_assert_eq!(hidden[0] & 1, mac[0] & 1);
            prop_assert_eq!(redactor.reveal_mac(hidden), mac);
        }
    }
}
