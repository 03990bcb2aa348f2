//! `--redact`: the same report, and the same packets, without whom they are
//! about.
//!
//! A [`Redactor`] is a key and what it makes of addresses, names and hardware
//! addresses. The same key gives the same pseudonyms, so a report and the
//! evidence that belongs to it agree; whoever has the key can turn them back,
//! and nobody else. Every pseudonym of a name is as long as the name, so that
//! packets keep their sizes and a redacted capture tells the same story.

mod address;
mod cipher;
mod document;
mod listener;
mod name;

use core::net::IpAddr;

use address::Addresses;
use cipher::Secret;
pub use listener::Redacting;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;

/// Makes pseudonyms, and turns them back.
pub struct Redactor {
    secret: Secret,
    addresses: Addresses,
}

impl core::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// What `key` makes of things. The key must come from a good source of
    /// randomness: whoever guesses it undoes everything.
    #[must_use]
    pub fn new(key: [u8; KEY_LEN]) -> Self {
        let secret = Secret::new(key);
        let addresses = Addresses::new(&secret);
        Self { secret, addresses }
    }

    /// The pseudonym of an address: two addresses that share a prefix have
    /// pseudonyms that share one as long. What an address is for stays:
    /// private, link-local, and global addresses remain so, and loopback,
    /// multicast and the like are no secret.
    #[must_use]
    pub fn address(&self, address: IpAddr) -> IpAddr {
        self.addresses.hide(address)
    }

    /// The address behind a pseudonym.
    #[must_use]
    pub fn reveal_address(&self, pseudonym: IpAddr) -> IpAddr {
        self.addresses.reveal(pseudonym)
    }

    /// The pseudonym of a hardware address; broadcast, multicast and zero stay.
    #[must_use]
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        name::mac(&self.secret, mac, cipher::Way::Hide)
    }

    /// The hardware address behind a pseudonym.
    #[must_use]
    pub fn reveal_mac(&self, pseudonym: [u8; 6]) -> [u8; 6] {
        name::mac(&self.secret, pseudonym, cipher::Way::Reveal)
    }

    /// The pseudonym of a name: each run of letters and digits becomes another
    /// of the same length, whatever stands between them stays, and upper and
    /// lower case are one, as they are to whoever compares host names.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        name::text(&self.secret, name, cipher::Way::Hide)
    }

    /// The name behind a pseudonym, in lower case.
    #[must_use]
    pub fn reveal_name(&self, pseudonym: &str) -> String {
        name::text(&self.secret, pseudonym, cipher::Way::Reveal)
    }

    /// Makes something else of a number or a key, of the same size; for good.
    pub fn scramble(&self, bytes: &mut [u8]) {
        name::scramble(&self.secret, bytes);
    }
}
