//! Addresses: prefix-preserving, with what an address is for left as it is.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipcrypt_rs::IpcryptPfx;

use super::cipher::Secret;

/// Encrypts addresses with ipcrypt-pfx (draft-denis-ipcrypt).
pub(super) struct Addresses {
    cipher: IpcryptPfx,
}

/// What an address is for, as far as a pseudonym keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// No host's own: loopback, multicast, broadcast, unspecified, reserved.
    NoSecret,
    /// A block with this many leading bits: these stay, the rest is encrypted.
    Block(u32),
    /// Any other host.
    Other,
}

impl Addresses {
    pub(super) fn new(secret: &Secret) -> Self {
        // The cipher refuses two equal halves; they come from two hashes.
        let mut key = [0; IpcryptPfx::KEY_BYTES];
        let halves = [secret.derive("address", &[1]), secret.derive("address", &[2])];
        for (place, byte) in key.iter_mut().zip(halves.iter().flat_map(|half| half.iter().take(16))) {
            *place = *byte;
        }
        Self { cipher: IpcryptPfx::new(key) }
    }

    pub(super) fn hide(&self, address: IpAddr) -> IpAddr {
        match class(address) {
            Class::NoSecret => address,
            Class::Block(bits) => join(address, self.cipher.encrypt_ipaddr(address), bits),
            // A pseudonym that would be for something else is encrypted again,
            // until it is not: still one to one. Neighbours walk together.
            Class::Other => walk(address, |a| self.cipher.encrypt_ipaddr(a)),
        }
    }

    pub(super) fn reveal(&self, pseudonym: IpAddr) -> IpAddr {
        match class(pseudonym) {
            Class::NoSecret => pseudonym,
            Class::Block(bits) => {
                // The block's own bits, as the cipher has them.
                let block = self.cipher.encrypt_ipaddr(join(pseudonym, zero(pseudonym), bits));
                join(pseudonym, self.cipher.decrypt_ipaddr(join(block, pseudonym, bits)), bits)
            }
            Class::Other => walk(pseudonym, |a| self.cipher.decrypt_ipaddr(a)),
        }
    }
}

fn walk(address: IpAddr, step: impl Fn(IpAddr) -> IpAddr) -> IpAddr {
    let mut walked = step(address);
    while class(walked) != Class::Other {
        walked = step(walked);
    }
    walked
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [0 | 127 | 224..=255, ..] => Class::NoSecret,
            [10, ..] => Class::Block(8),
            [172, 16..=31, ..] => Class::Block(12),
            [100, 64..=127, ..] => Class::Block(10),
            [192, 168, ..] | [169, 254, ..] => Class::Block(16),
            _ => Class::Other,
        },
        IpAddr::V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] | [0xff00..=0xffff, ..] => Class::NoSecret,
            // IPv4 in IPv6 is written with the dots of the former.
            [0, 0, 0, 0, 0, 0xffff, ..] => Class::Block(96),
            [0xfe80..=0xfebf, ..] => Class::Block(10),
            [0xfc00..=0xfdff, ..] => Class::Block(7),
            [0x2000..=0x3fff, ..] => Class::Block(3),
            _ => Class::Other,
        },
    }
}

/// The first `bits` of `front`, the others of `back`.
fn join(front: IpAddr, back: IpAddr, bits: u32) -> IpAddr {
    match (front, back) {
        (IpAddr::V4(front), IpAddr::V4(back)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or_default();
            Ipv4Addr::from_bits(front.to_bits() & mask | back.to_bits() & !mask).into()
        }
        (front, back) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or_default();
            Ipv6Addr::from_bits(v6(front).to_bits() & mask | v6(back).to_bits() & !mask).into()
        }
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

const fn zero(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::redact::Redactor;
    use proptest::prelude::*;

    fn common_prefix(a: IpAddr, b: IpAddr) -> u32 {
        (v6(a).to_bits() ^ v6(b).to_bits()).leading_zeros()
    }

    #[test]
    fn what_an_address_is_for_stays() {
        let redactor = Redactor::new([3; 32]);
        let hide = |text: &str| redactor.address(text.parse().unwrap()).to_string();
        for none in ["127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "::1", "::", "ff02::1"] {
            assert_eq!(hide(none), none);
        }
        assert!(hide("10.20.30.40").starts_with("10."));
        assert!(hide("192.168.178.20").starts_with("192.168."));
        assert!(hide("169.254.3.4").starts_with("169.254."));
        assert!(hide("fe80::1234:5678:9abc:def0").starts_with("fe8") || hide("fe80::1").starts_with("fe"));
        for one in ["10.20.30.40", "192.168.178.20", "203.0.113.9", "2001:db8::1", "fd00::77", "fe80::1"] {
            assert_ne!(hide(one), one);
        }
    }

    proptest! {
        #[test]
        fn every_address_can_be_revealed(v4: u32, v6_bits: u128, key: [u8; 32]) {
            let redactor = Redactor::new(key);
            let mapped = Ipv4Addr::from_bits(v4).to_ipv6_mapped();
            for address in [IpAddr::from(Ipv4Addr::from_bits(v4)), Ipv6Addr::from_bits(v6_bits).into(), mapped.into()] {
                // To the cipher a mapped address is the IPv4 one.
                let hidden = redactor.address(address);
                let back = redactor.reveal_address(hidden);
                prop_assert_eq!(v6(back), v6(address));
            }
        }

        #[test]
        fn neighbours_stay_neighbours(private in 0..1_u32 << 16, a: u8, b: u8, key: [u8; 32]) {
            let redactor = Redactor::new(key);
            for front in [0x0a00_0000 | private << 8, 0xcb00_7100] {
                let (a, b) = (Ipv4Addr::from_bits(front | u32::from(a)), Ipv4Addr::from_bits(front | u32::from(b)));
                let (hidden_a, hidden_b) = (redactor.address(a.into()), redactor.address(b.into()));
                prop_assert_eq!(common_prefix(hidden_a, hidden_b), common_prefix(a.into(), b.into()));
            }
        }
    }
}
