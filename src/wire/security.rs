//! The basic security header: [MS-RDPBCGR] 2.2.8.1.1.2.1.
//!
//! With Standard RDP Security it stands in front of all user data, and its
//! flags stay readable where the data are encrypted. With TLS only a few PDUs
//! have it: Client Info, licensing, auto-detection, multitransport, heartbeat.

use crate::base::{Cursor, ParseError, open_flags};

open_flags! {
    /// What follows the header.
    pub struct SecurityFlags(u16, "none") {
        /// Security Exchange: the client random.
        SEC_EXCHANGE_PKT = 0x0001,
        /// Initiate Multitransport Request.
        SEC_TRANSPORT_REQ = 0x0002,
        /// Initiate Multitransport Response.
        SEC_TRANSPORT_RSP = 0x0004,
        /// The data are encrypted.
        SEC_ENCRYPT = 0x0008,
        /// Not used.
        SEC_RESET_SEQNO = 0x0010,
        /// Not used.
        SEC_IGNORE_SEQNO = 0x0020,
        /// Client Info.
        SEC_INFO_PKT = 0x0040,
        /// Licensing.
        SEC_LICENSE_PKT = 0x0080,
        /// The sender can encrypt licensing PDUs.
        SEC_LICENSE_ENCRYPT = 0x0200,
        /// Server redirection.
        SEC_REDIRECTION_PKT = 0x0400,
        /// The checksum is salted.
        SEC_SECURE_CHECKSUM = 0x0800,
        /// Auto-detection, from the server.
        SEC_AUTODETECT_REQ = 0x1000,
        /// Auto-detection, from the client.
        SEC_AUTODETECT_RSP = 0x2000,
        /// Heartbeat.
        SEC_HEARTBEAT = 0x4000,
        /// The second half of the flags holds values.
        SEC_FLAGSHI_VALID = 0x8000,
    }
}

/// The header and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secured<'a> {
    /// What follows.
    pub flags: SecurityFlags,
    /// The user data behind the header; with `SEC_ENCRYPT` a signature and
    /// ciphertext.
    pub data: &'a [u8],
}

/// Decodes the user data of an MCS Send Data PDU that has a security header.
///
/// # Errors
/// Fewer than four bytes.
pub fn decode(user_data: &[u8]) -> Result<Secured<'_>, ParseError> {
    let mut fields = Cursor::new("rdp security", user_data);
    let flags = SecurityFlags(fields.u16_le("flags")?);
    fields.skip(2, "flagsHi")?;
    Ok(Secured { flags, data: fields.rest() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_little_endian_and_open() {
        let licence = decode(&[0x80, 0x02, 0x10, 0, 0xff]).unwrap();
        assert_eq!(licence.flags.to_string(), "SEC_LICENSE_PKT | SEC_LICENSE_ENCRYPT");
        assert_eq!(licence.data, [0xff]);
        assert_eq!(decode(&[0x08, 0x01, 0, 0]).unwrap().flags.to_string(), "SEC_ENCRYPT | 0x100");
        assert_eq!(decode(&[8, 0, 0]), Err(ParseError::short("rdp security", "flagsHi", 2, 2, 1)));
    }
}
