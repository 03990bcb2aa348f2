//! Licensing PDUs: [MS-RDPBCGR] 2.2.1.12, [MS-RDPELE] 2.2.2.

use crate::base::{Cursor, ParseError, open_enum};

open_enum! {
    /// bMsgType of the preamble, [MS-RDPBCGR] 2.2.1.12.1.1.
    pub struct MessageType(u8) {
        /// The server asks for a licence; only a session host does.
        LICENSE_REQUEST = 0x01,
        /// The server challenges the client's platform.
        PLATFORM_CHALLENGE = 0x02,
        /// The server hands out a licence.
        NEW_LICENSE = 0x03,
        /// The server hands out a better licence.
        UPGRADE_LICENSE = 0x04,
        /// The client shows the licence that it has.
        LICENSE_INFO = 0x12,
        /// The client has no licence.
        NEW_LICENSE_REQUEST = 0x13,
        /// The client answers the challenge.
        PLATFORM_CHALLENGE_RESPONSE = 0x15,
        /// An error, or the news that there is none.
        ERROR_ALERT = 0xff,
    }
}

open_enum! {
    /// dwErrorCode of ERROR_ALERT, [MS-RDPBCGR] 2.2.1.12.1.3.
    pub struct ErrorCode(u32) {
        /// From the client: the server's certificate is not valid.
        ERR_INVALID_SERVER_CERTIFICATE = 0x01,
        /// From the client: it has no licence.
        ERR_NO_LICENSE = 0x02,
        /// The integrity check failed.
        ERR_INVALID_MAC = 0x03,
        /// From the server: the licence is for another scope.
        ERR_INVALID_SCOPE = 0x04,
        /// From the server: it finds no licence server.
        ERR_NO_LICENSE_SERVER = 0x06,
        /// From the server: licensing is done, and well. Not to be confused
        /// with the 7 of Set Error Info.
        STATUS_VALID_CLIENT = 0x07,
        /// From the server: the client is not valid.
        ERR_INVALID_CLIENT = 0x08,
        /// From the server: the product is not valid.
        ERR_INVALID_PRODUCTID = 0x0b,
        /// A message of the wrong length.
        ERR_INVALID_MESSAGE_LEN = 0x0c,
    }
}

open_enum! {
    /// dwStateTransition of ERROR_ALERT.
    pub struct StateTransition(u32) {
        /// Licensing is over.
        ST_TOTAL_ABORT = 1,
        /// Nothing changes.
        ST_NO_TRANSITION = 2,
        /// Licensing starts again.
        ST_RESET_PHASE_TO_START = 3,
        /// The last message is to be sent again.
        ST_RESEND_LAST_MESSAGE = 4,
    }
}

/// A licensing message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageType,
    /// Its length in bytes, preamble included.
    pub size: u16,
    /// The two numbers of an ERROR_ALERT, where they were captured.
    pub alert: Option<Alert>,
}

/// The content of an ERROR_ALERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What happened.
    pub code: ErrorCode,
    /// What follows from it.
    pub transition: StateTransition,
}

/// Decodes what stands behind a security header with `SEC_LICENSE_PKT` and
/// without `SEC_ENCRYPT`.
///
/// # Errors
/// The preamble is cut short.
pub fn decode(data: &[u8]) -> Result<Message, ParseError> {
    let mut fields = Cursor::new("rdp licensing", data);
    let kind = MessageType(fields.u8("bMsgType")?);
    fields.skip(1, "flags")?;
    let size = fields.u16_le("wMsgSize")?;
    let alert = if kind == MessageType::ERROR_ALERT { alert(fields).ok() } else { None };
    Ok(Message { kind, size, alert })
}

fn alert(mut fields: Cursor<'_>) -> Result<Alert, ParseError> {
    Ok(Alert {
        code: ErrorCode(fields.u32_le("dwErrorCode")?),
        transition: StateTransition(fields.u32_le("dwStateTransition")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use crate::wire::security;
    use ironrdp_pdu::ironrdp_core::encode_vec;
    use ironrdp_pdu::rdp::server_license::{LicensePdu, LicensingErrorMessage};

    /// What Windows Server 2003 sends to a client that needs no licence.
    const VALID_CLIENT: &str = "ff02100007000000020000000000 0000";

    #[test]
    fn seven_is_success_here() {
        let message = decode(&hex(VALID_CLIENT)).unwrap();
        assert_eq!((message.kind, message.size), (MessageType::ERROR_ALERT, 16));
        let alert = message.alert.unwrap();
        assert_eq!((alert.code, alert.transition), (ErrorCode::STATUS_VALID_CLIENT, StateTransition::ST_NO_TRANSITION));
    }

    #[test]
    fn a_message_is_told_by_its_preamble_alone() {
        assert_eq!(
            decode(&[1, 3, 0x0a, 2]).unwrap(),
            Message { kind: MessageType::LICENSE_REQUEST, size: 522, alert: None }
        );
        assert_eq!(decode(&[0xff, 3, 16, 0, 7, 0]).unwrap().alert, None);
        assert_eq!(decode(&[1, 3, 0x0a]), Err(ParseError::short("rdp licensing", "wMsgSize", 2, 2, 1)));
        damage(&hex(VALID_CLIENT), |bytes| decode(bytes).is_ok());
    }

    #[test]
    fn ironrdp_writes_the_same() {
        let theirs: LicensePdu = LicensingErrorMessage::new_valid_client().unwrap().into();
        let bytes = encode_vec(&theirs).unwrap();
        let secured = security::decode(&bytes).unwrap();
        assert!(secured.flags.contains(security::SecurityFlags::SEC_LICENSE_PKT));
        let alert = decode(secured.data).unwrap().alert.unwrap();
        assert_eq!((alert.code, alert.transition), (ErrorCode::STATUS_VALID_CLIENT, StateTransition::ST_NO_TRANSITION));
    }
}
