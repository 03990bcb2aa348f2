//! ClientHello and ServerHello: RFC 8446 sections 4.1.2 and 4.1.3, RFC 5246
//! section 7.4.1.

use tls_parser::{TlsExtension, TlsMessageHandshake};

use super::handshake::LAYER;
use super::{CipherSuite, Version};
use crate::base::{Cursor, ParseError, Secret, lossy_at_most};

/// The most cipher suites, versions and application protocols that are kept of
/// an offer. Clients send a few dozen; a hostile one could send 32 000. How many
/// suites there were is kept.
pub const MAX_OFFERED: usize = 128;

/// The longest server name that is kept, in bytes (RFC 1035 section 2.3.4); what
/// is cut ends in `[...]`.
pub const MAX_NAME_LEN: usize = 255;

/// The client's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The highest version up to TLS 1.2; TLS 1.3 clients write 1.2.
    pub legacy_version: Version,
    /// The supported_versions extension, in order of preference; empty where
    /// the client knows nothing above TLS 1.2.
    pub supported_versions: Vec<Version>,
    /// The offered suites in order of preference, at most [`MAX_OFFERED`].
    pub suites: Vec<CipherSuite>,
    /// How many suites were offered.
    pub suite_count: usize,
    /// The name that the client wants to reach, as it was typed: mstsc sends
    /// even an address here, which RFC 6066 forbids. Hostile text.
    pub server_name: Option<Secret<String>>,
    /// Application protocols (RFC 7301). Hostile text.
    pub alpn: Vec<String>,
    /// Bytes of the session id; above 0 a resumption, or TLS 1.3 in disguise.
    pub session_id_len: usize,
    /// Why not all extensions were read, where they were not.
    pub stopped: Option<ParseError>,
}

/// The server's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version of the fixed part; TLS 1.3 servers write 1.2.
    pub legacy_version: Version,
    /// The supported_versions extension.
    pub selected_version: Option<Version>,
    /// The chosen suite.
    pub suite: CipherSuite,
    /// Whether this is a HelloRetryRequest: the client is to send another
    /// ClientHello (RFC 8446 section 4.1.4).
    pub is_hello_retry_request: bool,
    /// Whether CBC suites apply the MAC after encryption (RFC 7366).
    pub encrypt_then_mac: bool,
    /// Bytes of the session id.
    pub session_id_len: usize,
    /// Why not all extensions were read, where they were not.
    pub stopped: Option<ParseError>,
}

impl ClientHello {
    /// Decodes the body of a ClientHello.
    ///
    /// # Errors
    /// The fixed part is cut short or contradicts itself.
    pub fn decode(body: &[u8]) -> Result<Self, ParseError> {
        let Ok((rest, hello)) = tls_parser::parse_tls_handshake_client_hello(body) else {
            return Err(ParseError::malformed(LAYER, "ClientHello", 0));
        };
        let mut decoded = Self {
            legacy_version: Version(hello.version.0),
            supported_versions: Vec::new(),
            suite_count: hello.ciphers.len(),
            suites: hello.ciphers.iter().take(MAX_OFFERED).map(|suite| CipherSuite(suite.0)).collect(),
            server_name: None,
            alpn: Vec::new(),
            session_id_len: hello.session_id.map_or(0, <[u8]>::len),
            stopped: None,
        };
        decoded.stopped = each_extension(hello.ext, rest, |extension| decoded.learn(extension)).err();
        Ok(decoded)
    }

    /// The highest version that the client offers; GREASE values are no
    /// versions (RFC 8701).
    #[must_use]
    pub fn max_version(&self) -> Version {
        let named = self.supported_versions.iter().filter(|version| version.name().is_some());
        named.max().copied().unwrap_or(self.legacy_version)
    }

    fn learn(&mut self, extension: TlsExtension<'_>) {
        match extension {
            TlsExtension::SNI(names) => {
                self.server_name = names.first().map(|(_, name)| Secret::new(lossy_at_most(name, MAX_NAME_LEN)));
            }
            TlsExtension::ALPN(protocols) => {
                self.alpn = protocols.iter().take(MAX_OFFERED).map(|name| lossy_at_most(name, MAX_NAME_LEN)).collect();
            }
            TlsExtension::SupportedVersions(versions) => {
                self.supported_versions = versions.iter().take(MAX_OFFERED).map(|v| Version(v.0)).collect();
            }
            _ => {}
        }
    }
}

impl ServerHello {
    /// SHA-256 of "HelloRetryRequest", RFC 8446 section 4.1.3.
    const HELLO_RETRY_REQUEST: [u8; 32] = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];

    /// Decodes the body of a ServerHello.
    ///
    /// # Errors
    /// The fixed part is cut short or contradicts itself.
    pub fn decode(body: &[u8]) -> Result<Self, ParseError> {
        let Ok((rest, TlsMessageHandshake::ServerHello(hello))) =
            tls_parser::parse_tls_handshake_msg_server_hello(body)
        else {
            return Err(ParseError::malformed(LAYER, "ServerHello", 0));
        };
        let mut decoded = Self {
            legacy_version: Version(hello.version.0),
            selected_version: None,
            suite: CipherSuite(hello.cipher.0),
            is_hello_retry_request: hello.random == Self::HELLO_RETRY_REQUEST,
            encrypt_then_mac: false,
            session_id_len: hello.session_id.map_or(0, <[u8]>::len),
            stopped: None,
        };
        decoded.stopped = each_extension(hello.ext, rest, |extension| match extension {
            TlsExtension::SupportedVersions(versions) => {
                decoded.selected_version = versions.first().map(|version| Version(version.0));
            }
            TlsExtension::EncryptThenMac => decoded.encrypt_then_mac = true,
            _ => {}
        })
        .err();
        Ok(decoded)
    }

    /// The version that the connection goes on with.
    #[must_use]
    pub fn version(&self) -> Version {
        self.selected_version.unwrap_or(self.legacy_version)
    }
}

/// Hands every extension that can be decoded to `learn`.
///
/// They are split here, because tls-parser stops for good at the first one that
/// it cannot decode, and a damaged one must not hide the server name behind it.
/// `behind` is what the hello left unread: where the extensions' own length
/// overruns the message, tls-parser takes them for absent.
fn each_extension(
    list: Option<&[u8]>,
    behind: &[u8],
    mut learn: impl FnMut(TlsExtension<'_>),
) -> Result<(), ParseError> {
    let list = list.or(behind.get(2..)).unwrap_or_default();
    let mut fields = Cursor::new("tls extensions", list);
    while !fields.is_empty() {
        let at_extension = fields.rest();
        fields.skip(2, "extension_type")?;
        let length = fields.u16_be("extension length")?;
        fields.take(length.into(), "extension_data")?;
        if let Ok((_, extension)) = tls_parser::parse_tls_extension(at_extension) {
            learn(extension);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use proptest::prelude::*;

    /// OpenSSL 3.0, TLS 1.2, one suite, with a server name and two protocols.
    const CLIENT_12: &str = "0303c7a2d5ea12f129fd7128bc6ae9594bff563bcd89cf5bb0a24356
        8b2bd5adc244000004c03000ff0100007300000010000e00000b7264702e65786
        16d706c65000b000403000102000a000c000a001d0017001e00190018002300000010000900070372647002683200160000
        00170000000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602";
    const SERVER_12: &str =
        "030333d0342cd07367947038df4fa6bd4e6327338166453762 10444f574e4752440100c030000015ff01000100
        000b0004030001020023000000170000";
    const SERVER_CBC: &str =
        "0303d7b5bfc13933254e11ffe4aa6edc0575748b7607864a3075444f574e47524401 00002f000011ff01000100
        00230000001600000017 0000";
    const RETRY: &str = "0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c204ae4b6bc9629f802c7
        71b45a468a24c7694353089371a5e2829fc144676aa4a5130200000c002b0002030400330002001d";

    #[test]
    fn what_a_client_offers() {
        let hello = ClientHello::decode(&hex(CLIENT_12)).unwrap();
        assert_eq!((hello.legacy_version, hello.max_version()), (Version::TLS_1_2, Version::TLS_1_2));
        assert_eq!(hello.suites, [CipherSuite(0xc030), CipherSuite(0x00ff)]);
        assert_eq!(hello.server_name.as_ref().unwrap().expose(), "rdp.example");
        assert_eq!(hello.alpn, ["rdp", "h2"]);
        assert_eq!((hello.session_id_len, hello.stopped), (0, None));
        assert!(!format!("{:?}", hello.server_name).contains("rdp"));
    }

    #[test]
    fn what_a_server_chooses() {
        let tls12 = ServerHello::decode(&hex(SERVER_12)).unwrap();
        assert_eq!((tls12.version(), tls12.suite), (Version::TLS_1_2, CipherSuite(0xc030)));
        assert!(!tls12.is_hello_retry_request && !tls12.encrypt_then_mac);
        assert!(ServerHello::decode(&hex(SERVER_CBC)).unwrap().encrypt_then_mac);
        let retry = ServerHello::decode(&hex(RETRY)).unwrap();
        assert_eq!((retry.legacy_version, retry.version()), (Version::TLS_1_2, Version::TLS_1_3));
        assert_eq!((retry.suite, retry.session_id_len), (CipherSuite(0x1302), 32));
        assert!(retry.is_hello_retry_request);
    }

    #[test]
    fn a_damaged_extension_hides_nothing_behind_it() {
        // supported_versions of odd length, then a server name.
        let extensions = hex("002b0004030303 03 0000000600040000 0161");
        let body = [&[3, 3][..], &[0; 32], &[0, 0, 2, 0, 0x2f, 1, 0, 0, extensions.len() as u8], &extensions].concat();
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!(hello.server_name.unwrap().expose(), "a");
        let cut = ClientHello::decode(&body[..body.len() - 1]).unwrap();
        assert_eq!(cut.server_name, None);
        assert_eq!(cut.stopped, Some(ParseError::short("tls extensions", "extension_data", 12, 6, 5)));
    }

    #[test]
    fn hellos_without_extensions_are_whole() {
        let body = [&[3, 1][..], &[0; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!((hello.max_version(), hello.stopped), (Version::TLS_1_0, None));
        let grease = hex("002b000504 0a0a 0304");
        let extensions = [&[0, grease.len() as u8][..], &grease].concat();
        let hello = ClientHello::decode(&[body, extensions].concat()).unwrap();
        assert_eq!((hello.supported_versions.len(), hello.max_version()), (2, Version::TLS_1_3));
    }

    #[test]
    fn a_flood_of_suites_is_counted_and_not_kept() {
        let body = [&[3, 3][..], &[0; 32], &[0, 0xff, 0xfe], &[0x0a; 0xfffe], &[1, 0]].concat();
        let hello = ClientHello::decode(&body).unwrap();
        assert_eq!((hello.suites.len(), hello.suite_count), (MAX_OFFERED, 0x7fff));
    }

    #[test]
    fn damaged_hellos_are_refused_or_decoded() {
        damage(&hex(CLIENT_12), |bytes| ClientHello::decode(bytes).is_ok());
        damage(&hex(RETRY), |bytes| ServerHello::decode(bytes).is_ok());
        assert_eq!(ServerHello::decode(&[3, 3]), Err(ParseError::malformed(LAYER, "ServerHello", 0)));
    }

    proptest! {
        #[test]
        fn any_extensions_are_decoded_or_refused(
            kind in proptest::sample::select(&[0_u16, 10, 13, 16, 22, 23, 35, 41, 42, 43, 44, 45, 48, 49, 51, 13172, 0xff01, 0xffce][..]),
            data in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let extension = [&kind.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), &data].concat();
            let body = [&[3, 3][..], &[0; 32], &[0, 0, 2, 0, 0x2f, 1, 0, 0, extension.len() as u8], &extension].concat();
            prop_assert_eq!(ClientHello::decode(&body).unwrap().stopped, None);
        }
    }
}
