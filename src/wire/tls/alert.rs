//! Alerts in the clear: RFC 8446 section 6, RFC 5246 section 7.2.

use crate::base::open_enum;

open_enum! {
    /// How serious the sender is.
    pub struct AlertLevel(u8) {
        /// The connection may go on.
        warning = 1,
        /// The sender closes the connection.
        fatal = 2,
    }
}

open_enum! {
    /// What happened, by the names of the TLS alert registry.
    pub struct AlertDescription(u8) {
        /// The sender has nothing more to say.
        close_notify = 0,
        /// A message came out of place.
        unexpected_message = 10,
        /// A record failed its integrity check.
        bad_record_mac = 20,
        /// TLS 1.0: a record could not be decrypted.
        decryption_failed = 21,
        /// A record was too long.
        record_overflow = 22,
        /// Up to TLS 1.2: a record could not be decompressed.
        decompression_failure = 30,
        /// No acceptable set of parameters: often no common cipher suite.
        handshake_failure = 40,
        /// SSL 3.0: no certificate to send.
        no_certificate = 41,
        /// A certificate was damaged or its signature wrong.
        bad_certificate = 42,
        /// A certificate of a type that is not supported.
        unsupported_certificate = 43,
        /// A certificate was revoked.
        certificate_revoked = 44,
        /// A certificate has expired or is not valid yet.
        certificate_expired = 45,
        /// A certificate is not acceptable for another reason.
        certificate_unknown = 46,
        /// A field was out of range or contradicted another.
        illegal_parameter = 47,
        /// The certificate's issuer is not trusted.
        unknown_ca = 48,
        /// The certificate is valid and access was denied all the same; CredSSP
        /// servers say so where a logon failed ([MS-RDPBCGR] 5.4.5.2.2).
        access_denied = 49,
        /// A message could not be decoded.
        decode_error = 50,
        /// A signature or Finished message did not verify.
        decrypt_error = 51,
        /// TLS 1.0: export restrictions.
        export_restriction = 60,
        /// The version is recognised and not supported.
        protocol_version = 70,
        /// The server wants stronger cipher suites.
        insufficient_security = 71,
        /// An error that has nothing to do with the peer.
        internal_error = 80,
        /// A retry with a lower version than the server has (RFC 7507).
        inappropriate_fallback = 86,
        /// The user cancelled.
        user_canceled = 90,
        /// Up to TLS 1.2: no renegotiation.
        no_renegotiation = 100,
        /// An extension that must be there is not.
        missing_extension = 109,
        /// An extension that must not be there is.
        unsupported_extension = 110,
        /// The certificate could not be fetched (RFC 6066).
        certificate_unobtainable = 111,
        /// No server of the name that the client gave.
        unrecognized_name = 112,
        /// The OCSP response is not acceptable.
        bad_certificate_status_response = 113,
        /// The certificate does not match its hash (RFC 6066).
        bad_certificate_hash_value = 114,
        /// The pre-shared key identity is not known.
        unknown_psk_identity = 115,
        /// The server wants a client certificate.
        certificate_required = 116,
        /// No application protocol in common (RFC 7301).
        no_application_protocol = 120,
    }
}

/// An alert that was sent in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How serious; TLS 1.3 peers must not rely on it.
    pub level: AlertLevel,
    /// What happened.
    pub description: AlertDescription,
}

/// Decodes the fragment of an alert record.
///
/// `None` unless it is two bytes with a level that exists: an encrypted alert
/// is longer, and its bytes mean nothing here.
#[must_use]
pub fn decode(fragment: &[u8]) -> Option<Alert> {
    match *fragment {
        [level @ 1..=2, description] => {
            Some(Alert { level: AlertLevel(level), description: AlertDescription(description) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_clear_bytes_are_an_alert() {
        let alert = decode(&[2, 45]).unwrap();
        assert_eq!((alert.level, alert.description), (AlertLevel::fatal, AlertDescription::certificate_expired));
        assert_eq!(decode(&[2, 200]).unwrap().description.to_string(), "0xc8");
        for not_clear in [&[0; 26][..], &[2], &[], &[0, 0], &[3, 40], &[2, 40, 0]] {
            assert_eq!(decode(not_clear), None, "{not_clear:?}");
        }
    }
}
