//! NTLM messages, as far as they say which step failed: [MS-NLMP] 2.2.1. The
//! names in them are not looked at.

use crate::base::{Cursor, ParseError, open_enum, open_flags};

/// What every NTLM message begins with.
pub const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

open_enum! {
    /// Which of the three messages.
    pub struct MessageType(u32) {
        /// The client begins.
        NEGOTIATE = 1,
        /// The server challenges.
        CHALLENGE = 2,
        /// The client proves that it knows the password.
        AUTHENTICATE = 3,
    }
}

open_flags! {
    /// NegotiateFlags, [MS-NLMP] 2.2.2.5.
    pub struct NegotiateFlags(u32, "none") {
        /// Text is UTF-16.
        NTLMSSP_NEGOTIATE_UNICODE = 0x0000_0001,
        /// Text may be in the OEM character set.
        NTLM_NEGOTIATE_OEM = 0x0000_0002,
        /// The server is to name itself.
        NTLMSSP_REQUEST_TARGET = 0x0000_0004,
        /// Signatures.
        NTLMSSP_NEGOTIATE_SIGN = 0x0000_0010,
        /// Encryption.
        NTLMSSP_NEGOTIATE_SEAL = 0x0000_0020,
        /// LAN Manager session key.
        NTLMSSP_NEGOTIATE_LM_KEY = 0x0000_0080,
        /// NTLM, version 1.
        NTLMSSP_NEGOTIATE_NTLM = 0x0000_0200,
        /// An anonymous logon.
        NTLMSSP_NEGOTIATE_ANONYMOUS = 0x0000_0800,
        /// A signature on every message.
        NTLMSSP_NEGOTIATE_ALWAYS_SIGN = 0x0000_8000,
        /// The target is a domain.
        NTLMSSP_TARGET_TYPE_DOMAIN = 0x0001_0000,
        /// The target is a server.
        NTLMSSP_TARGET_TYPE_SERVER = 0x0002_0000,
        /// Extended session security.
        NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY = 0x0008_0000,
        /// The server describes itself.
        NTLMSSP_NEGOTIATE_TARGET_INFO = 0x0080_0000,
        /// The version field holds a value.
        NTLMSSP_NEGOTIATE_VERSION = 0x0200_0000,
        /// Keys of 128 bits.
        NTLMSSP_NEGOTIATE_128 = 0x2000_0000,
        /// The session key is exchanged.
        NTLMSSP_NEGOTIATE_KEY_EXCH = 0x4000_0000,
        /// Keys of 56 bits.
        NTLMSSP_NEGOTIATE_56 = 0x8000_0000,
    }
}

/// An NTLM message without the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which of the three.
    pub kind: MessageType,
    /// NegotiateFlags, where they were captured and the message has them.
    pub flags: Option<NegotiateFlags>,
}

/// Decodes a message from its signature on.
///
/// # Errors
/// The signature is another, or the type is cut short.
pub fn decode(bytes: &[u8]) -> Result<Message, ParseError> {
    let mut fields = Cursor::new("ntlmssp", bytes);
    if fields.take(SIGNATURE.len(), "Signature")? != SIGNATURE {
        return Err(ParseError::malformed("ntlmssp", "Signature", 0));
    }
    let kind = MessageType(fields.u32_le("MessageType")?);
    // Offsets of NegotiateFlags: [MS-NLMP] 2.2.1.1, 2.2.1.2, 2.2.1.3.
    let offset = match kind {
        MessageType::NEGOTIATE => Some(12_usize),
        MessageType::CHALLENGE => Some(20),
        MessageType::AUTHENTICATE => Some(60),
        _ => None,
    };
    let mut flags = || -> Option<NegotiateFlags> {
        fields.skip(offset?.checked_sub(fields.position())?, "NegotiateFlags").ok()?;
        fields.u32_le("NegotiateFlags").ok().map(NegotiateFlags)
    };
    Ok(Message { kind, flags: flags() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};

    #[test]
    fn the_three_messages_keep_their_flags_in_three_places() {
        for (kind, offset) in [(1_u8, 12), (2, 20), (3, 60)] {
            let mut message = [&SIGNATURE[..], &[kind, 0, 0, 0], &[0; 60]].concat();
            message[offset..offset + 4].copy_from_slice(&0xe208_8297_u32.to_le_bytes());
            let decoded = decode(&message).unwrap();
            assert_eq!(decoded, Message { kind: MessageType(kind.into()), flags: Some(NegotiateFlags(0xe208_8297)) });
            assert_eq!(decode(&message[..offset]).unwrap().flags, None);
        }
        assert!(NegotiateFlags(0xe208_8297).contains(NegotiateFlags::NTLMSSP_NEGOTIATE_SIGN));
    }

    #[test]
    fn what_is_no_ntlm_is_refused() {
        assert_eq!(decode(b"NTLMSSP").unwrap_err().field, "Signature");
        assert_eq!(decode(b"NTLMSSP!\x01\0\0\0").unwrap_err(), ParseError::malformed("ntlmssp", "Signature", 0));
        assert_eq!(decode(b"NTLMSSP\0\x09\0\0\0").unwrap().kind.to_string(), "0x9");
        damage(&hex("4e544c4d535350000100000097820ae2"), |bytes| decode(bytes).is_ok());
    }
}
