//! TLS 1.0 to 1.3, as far as a bystander can read it: RFC 2246, 4346, 5246 and
//! 8446.
//!
//! Records are cut into messages by whoever follows the stream; here a record
//! header, a whole handshake message, an alert or a certificate is read.

pub mod alert;
pub mod certificate;
pub mod handshake;
pub mod hello;
pub mod names;
pub mod record;
pub mod suite;

pub use alert::Alert;
pub use certificate::Certificate;
pub use handshake::{HandshakeType, Message};
pub use hello::{ClientHello, ServerHello};
pub use record::{ContentType, Header};
pub use suite::CipherSuite;

use crate::base::open_enum;

open_enum! {
    /// A protocol version as records and hellos carry it.
    pub struct Version(u16) {
        /// SSL 3.0, RFC 6101.
        SSL_3_0 = 0x0300,
        /// TLS 1.0, RFC 2246.
        TLS_1_0 = 0x0301,
        /// TLS 1.1, RFC 4346.
        TLS_1_1 = 0x0302,
        /// TLS 1.2, RFC 5246.
        TLS_1_2 = 0x0303,
        /// TLS 1.3, RFC 8446: only ever in the supported_versions extension.
        TLS_1_3 = 0x0304,
    }
}

impl Version {
    /// The version as people write it: `TLS 1.2`.
    #[must_use]
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::SSL_3_0 => Some("SSL 3.0"),
            Self::TLS_1_0 => Some("TLS 1.0"),
            Self::TLS_1_1 => Some("TLS 1.1"),
            Self::TLS_1_2 => Some("TLS 1.2"),
            Self::TLS_1_3 => Some("TLS 1.3"),
            _ => None,
        }
    }
}
