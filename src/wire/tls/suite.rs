//! Cipher suites: their names, and how much longer than its plaintext each
//! makes a record. The second is what lets an encrypted connection be followed
//! by the shape of its records.

use core::fmt;
use core::ops::RangeInclusive;

use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherMac, TlsCipherSuite};

use super::Version;

/// A cipher suite, known to the IANA registry or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The registry's name, where the suite has one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.registered().map(|suite| suite.name)
    }

    /// What the suite adds to a record.
    #[must_use]
    pub fn protection(self) -> Protection {
        let Some(suite) = self.registered() else { return Protection::Unknown };
        let mac = match suite.mac {
            TlsCipherMac::HmacMd5 => 16,
            TlsCipherMac::HmacSha1 => 20,
            TlsCipherMac::HmacSha256 => 32,
            TlsCipherMac::HmacSha384 => 48,
            _ => 0,
        };
        // CCM_8 suites shorten the tag of 16 bytes to 8 (RFC 6655 section 4).
        let tag = if suite.name.contains("_CCM_8") { 8 } else { 16 };
        let is_tls_1_3 = self.0 >> 8 == 0x13;
        match (suite.enc, suite.enc_mode) {
            // The inner content type is a byte of the ciphertext, RFC 8446 section 5.2.
            _ if is_tls_1_3 => Protection::Fixed { overhead: 1 + tag },
            // Eight bytes of nonce are sent, RFC 5288 section 3.
            (_, TlsCipherEncMode::Gcm | TlsCipherEncMode::Ccm) => Protection::Fixed { overhead: 8 + tag },
            // RFC 7905 section 2: the nonce is not sent.
            (TlsCipherEnc::Chacha20_Poly1305, _) => Protection::Fixed { overhead: tag },
            (TlsCipherEnc::Rc4, _) if mac > 0 => Protection::Fixed { overhead: mac },
            (TlsCipherEnc::TripleDes, TlsCipherEncMode::Cbc) if mac > 0 => Protection::Cbc { block: 8, mac },
            (TlsCipherEnc::Aes | TlsCipherEnc::Camellia, TlsCipherEncMode::Cbc) if mac > 0 => {
                Protection::Cbc { block: 16, mac }
            }
            _ => Protection::Unknown,
        }
    }

    fn registered(self) -> Option<&'static TlsCipherSuite> {
        TlsCipherSuite::from_id(self.0)
    }
}

/// How the length of a protected record follows from that of its plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// AEAD and stream ciphers: always this many bytes more.
    Fixed {
        /// Nonce, tag or MAC, and in TLS 1.3 the inner content type, in bytes.
        overhead: u8,
    },
    /// Block ciphers: a MAC, padding to whole blocks, and from TLS 1.1 on an
    /// initialisation vector of one block.
    Cbc {
        /// The block size in bytes.
        block: u8,
        /// The size of the MAC in bytes.
        mac: u8,
    },
    /// A suite whose shape is not known here.
    Unknown,
}

impl Protection {
    /// The plaintext lengths that fit a protected record with a fragment of
    /// `record_len` bytes; `None` where the protection is not known or cannot
    /// have made such a record.
    ///
    /// One value for AEAD and stream suites, taking for granted that TLS 1.3
    /// peers send no padding (none of Schannel, OpenSSL and rustls does). A whole
    /// block of values for CBC suites, which take for granted that peers pad no
    /// more than they must. Whether the MAC is applied before or after encryption
    /// (RFC 7366) moves the padding, not the range: it only decides which lengths
    /// are whole blocks, so both are let through.
    #[must_use]
    pub fn plaintext_range(self, version: Version, record_len: u32) -> Option<RangeInclusive<u32>> {
        match self {
            Self::Fixed { overhead } => {
                let plaintext = record_len.checked_sub(overhead.into())?;
                Some(plaintext..=plaintext)
            }
            Self::Cbc { block, mac } => {
                let (block, mac) = (u32::from(block), u32::from(mac));
                let explicit_iv = if version >= Version::TLS_1_1 { block } else { 0 };
                let body = record_len.checked_sub(explicit_iv)?;
                let padded = body.checked_sub(mac)?;
                if !body.is_multiple_of(block) && !padded.is_multiple_of(block) {
                    return None;
                }
                Some(padded.saturating_sub(block)..=padded.checked_sub(1)?)
            }
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.0),
        }
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plaintext_range(version: Version, suite: CipherSuite, record_len: u32) -> Option<RangeInclusive<u32>> {
        suite.protection().plaintext_range(version, record_len)
    }

    const CBC_SHA: CipherSuite = CipherSuite(0x002f);

    #[test]
    fn the_shapes_of_the_suites_that_meet_rdp() {
        let fixed = |overhead| Protection::Fixed { overhead };
        let cbc = |mac| Protection::Cbc { block: 16, mac };
        for (suite, name, protection) in [
            (0x1301, "TLS_AES_128_GCM_SHA256", fixed(17)),
            (0x1302, "TLS_AES_256_GCM_SHA384", fixed(17)),
            (0x1303, "TLS_CHACHA20_POLY1305_SHA256", fixed(17)),
            (0x1304, "TLS_AES_128_CCM_SHA256", fixed(17)),
            (0x1305, "TLS_AES_128_CCM_8_SHA256", fixed(9)),
            (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", fixed(24)),
            (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", fixed(24)),
            (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", fixed(24)),
            (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", fixed(24)),
            (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", fixed(24)),
            (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", fixed(24)),
            (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", fixed(24)),
            (0xc09d, "TLS_RSA_WITH_AES_256_CCM", fixed(24)),
            (0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", fixed(16)),
            (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", fixed(16)),
            (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", fixed(16)),
            (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", fixed(16)),
            (0x0004, "TLS_RSA_WITH_RC4_128_MD5", fixed(16)),
            (0x0005, "TLS_RSA_WITH_RC4_128_SHA", fixed(20)),
            (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", cbc(20)),
            (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", cbc(20)),
            (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", cbc(32)),
            (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", cbc(32)),
            (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", cbc(20)),
            (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", cbc(20)),
            (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", cbc(32)),
            (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", cbc(48)),
            (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Protection::Cbc { block: 8, mac: 20 }),
            (0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", Protection::Unknown),
        ] {
            let suite = CipherSuite(suite);
            assert_eq!((suite.to_string().as_str(), suite.protection()), (name, protection));
        }
        assert_eq!(CipherSuite(0x0a0a).to_string(), "0x0a0a");
        assert_eq!(CipherSuite(0x0a0a).protection(), Protection::Unknown);
    }

    /// Lengths seen on the wire and the messages that they were.
    #[test]
    fn known_messages_are_found_in_known_records() {
        let (tls12, tls13) = (Version::TLS_1_2, Version::TLS_1_3);
        for (version, suite, record, plaintext) in [
            (tls12, 0xc030, 39, 15),
            (tls12, 0xc030, 40, 16),
            (tls12, 0xcca8, 31, 15),
            (tls13, 0x1302, 69, 52),
            (tls13, 0x1301, 53, 36),
            (tls13, 0x1301, 32, 15),
        ] {
            assert_eq!(plaintext_range(version, CipherSuite(suite), record), Some(plaintext..=plaintext));
        }
        // TLS 1.0 of Windows Server 2008 R2: 8 and 11 in 32 bytes, 12 and 15 in 48.
        assert_eq!(plaintext_range(Version::TLS_1_0, CBC_SHA, 32), Some(0..=11));
        assert_eq!(plaintext_range(Version::TLS_1_0, CBC_SHA, 48), Some(12..=27));
        assert_eq!(plaintext_range(tls12, CBC_SHA, 64), Some(12..=27));
        // MAC after encryption: two blocks and 20 bytes.
        assert_eq!(plaintext_range(tls12, CBC_SHA, 16 + 32 + 20), Some(16..=31));
    }

    #[test]
    fn impossible_records_have_no_plaintext() {
        for (version, suite, record) in [
            (Version::TLS_1_2, 0xc030, 23),
            (Version::TLS_1_3, 0x1301, 16),
            (Version::TLS_1_0, 0x002f, 33),
            (Version::TLS_1_0, 0x002f, 16),
            (Version::TLS_1_2, 0x002f, 8),
            (Version::TLS_1_2, 0x0a0a, 100),
        ] {
            assert_eq!(plaintext_range(version, CipherSuite(suite), record), None, "{suite:#x} {record}");
        }
    }

    const SUITES: &[u16] = &[0x1301, 0x1305, 0xc030, 0xcca8, 0xc0ae, 0x0005, 0x000a, 0x002f, 0xc027, 0xc028];

    proptest! {
        /// Whatever a peer encrypts is inside the range, MAC first or last.
        #[test]
        fn the_range_holds_the_plaintext(plaintext in 0_u32..17_000, id in proptest::sample::select(SUITES), old: bool, mac_last: bool) {
            let version = if old { Version::TLS_1_0 } else { Version::TLS_1_2 };
            let suite = CipherSuite(id);
            let record = match suite.protection() {
                Protection::Fixed { overhead } => plaintext + u32::from(overhead),
                Protection::Cbc { block, mac } => {
                    let (block, mac) = (u32::from(block), u32::from(mac));
                    let iv = if old { 0 } else { block };
                    let whole = |n: u32| (n + 1).next_multiple_of(block);
                    iv + if mac_last { whole(plaintext) + mac } else { whole(plaintext + mac) }
                }
                Protection::Unknown => panic!("{suite}"),
            };
            let range = plaintext_range(version, suite, record).unwrap();
            prop_assert!(range.contains(&plaintext), "{record}: {range:?}");
            prop_assert!(range.end() - range.start() < 16);
        }
    }
}
