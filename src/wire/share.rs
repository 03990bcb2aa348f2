//! Share Control and Share Data headers: [MS-RDPBCGR] 2.2.8.1.1.1.

use super::error_info::ErrorInfo;
use crate::base::{Cursor, ParseError, open_enum};

open_enum! {
    /// The low four bits of pduType, [MS-RDPBCGR] 2.2.8.1.1.1.1.
    pub struct PduType(u8) {
        /// The server's capabilities: activation begins.
        PDUTYPE_DEMANDACTIVEPDU = 0x1,
        /// The client's capabilities.
        PDUTYPE_CONFIRMACTIVEPDU = 0x3,
        /// The server ends this activation; another may follow.
        PDUTYPE_DEACTIVATEALLPDU = 0x6,
        /// A Share Data header follows.
        PDUTYPE_DATAPDU = 0x7,
        /// The client is sent to another server.
        PDUTYPE_SERVER_REDIR_PKT = 0xa,
    }
}

open_enum! {
    /// pduType2, [MS-RDPBCGR] 2.2.8.1.1.1.2.
    pub struct PduType2(u8) {
        /// Graphics.
        PDUTYPE2_UPDATE = 0x02,
        /// Control: who may type.
        PDUTYPE2_CONTROL = 0x14,
        /// The mouse pointer.
        PDUTYPE2_POINTER = 0x1b,
        /// Keyboard and mouse.
        PDUTYPE2_INPUT = 0x1c,
        /// Synchronize.
        PDUTYPE2_SYNCHRONIZE = 0x1f,
        /// The client wants an area again.
        PDUTYPE2_REFRESH_RECT = 0x21,
        /// A beep.
        PDUTYPE2_PLAY_SOUND = 0x22,
        /// The client wants no graphics for now.
        PDUTYPE2_SUPPRESS_OUTPUT = 0x23,
        /// The client wants to disconnect.
        PDUTYPE2_SHUTDOWN_REQUEST = 0x24,
        /// The server would rather not.
        PDUTYPE2_SHUTDOWN_DENIED = 0x25,
        /// News about the logon.
        PDUTYPE2_SAVE_SESSION_INFO = 0x26,
        /// Font List: the client's last step of activation.
        PDUTYPE2_FONTLIST = 0x27,
        /// Font Map: the session is active.
        PDUTYPE2_FONTMAP = 0x28,
        /// Keyboard lights.
        PDUTYPE2_SET_KEYBOARD_INDICATORS = 0x29,
        /// Keys of the persistent bitmap cache.
        PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST = 0x2b,
        /// An error of the bitmap cache.
        PDUTYPE2_BITMAPCACHE_ERROR_PDU = 0x2c,
        /// Input methods.
        PDUTYPE2_SET_KEYBOARD_IME_STATUS = 0x2d,
        /// An error of the offscreen cache.
        PDUTYPE2_OFFSCRCACHE_ERROR_PDU = 0x2e,
        /// Why the server is about to disconnect.
        PDUTYPE2_SET_ERROR_INFO_PDU = 0x2f,
        /// An error of DrawNineGrid.
        PDUTYPE2_DRAWNINEGRID_ERROR_PDU = 0x30,
        /// An error of GDI+.
        PDUTYPE2_DRAWGDIPLUS_ERROR_PDU = 0x31,
        /// The automatic reconnection failed.
        PDUTYPE2_ARC_STATUS_PDU = 0x32,
        /// What a broker is doing.
        PDUTYPE2_STATUS_INFO_PDU = 0x36,
        /// The monitors of the server.
        PDUTYPE2_MONITOR_LAYOUT_PDU = 0x37,
        /// A frame was drawn.
        PDUTYPE2_FRAME_ACKNOWLEDGE = 0x38,
    }
}

open_enum! {
    /// action of the Control PDU, [MS-RDPBCGR] 2.2.1.15.1.
    pub struct ControlAction(u16) {
        /// The client asks for control.
        CTRLACTION_REQUEST_CONTROL = 1,
        /// The server grants it.
        CTRLACTION_GRANTED_CONTROL = 2,
        /// Detach.
        CTRLACTION_DETACH = 3,
        /// Cooperate.
        CTRLACTION_COOPERATE = 4,
    }
}

/// A PDU of the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// Its length in bytes, header included, as it says.
    pub total_length: u16,
    /// What it is.
    pub kind: PduType,
    /// The MCS channel of its sender; absent in the short Deactivate All of
    /// Windows XP.
    pub source: Option<u16>,
    /// The Share Data header, where it is one.
    pub data: Option<Data<'a>>,
}

/// A Share Data header and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The share.
    pub share_id: u32,
    /// What it is.
    pub kind: PduType2,
    /// Whether the body is compressed, and so not readable.
    pub is_compressed: bool,
    /// The body, as far as it was captured.
    pub body: &'a [u8],
}

const LAYER: &str = "rdp share";

/// Decodes user data of the I/O channel, security header removed.
///
/// # Errors
/// A header is cut short, or this is a flow control PDU of T.128.
pub fn decode(bytes: &[u8]) -> Result<Pdu<'_>, ParseError> {
    const FLOW_PDU: u16 = 0x8000;
    let mut fields = Cursor::new(LAYER, bytes);
    let total_length = fields.u16_le("totalLength")?;
    if total_length == FLOW_PDU {
        return Err(fields.malformed("totalLength").because(crate::base::Cause::NotUnderstood));
    }
    let [kind, _] = fields.u16_le("pduType")?.to_le_bytes();
    let kind = PduType(kind & 0x0f);
    let source = fields.u16_le("pduSource").ok();
    let data = if kind == PduType::PDUTYPE_DATAPDU { Some(data(fields)?) } else { None };
    Ok(Pdu { total_length, kind, source, data })
}

fn data(mut fields: Cursor<'_>) -> Result<Data<'_>, ParseError> {
    const PACKET_COMPRESSED: u8 = 0x20;
    let share_id = fields.u32_le("shareId")?;
    fields.skip(1 + 1 + 2, "pad1 to uncompressedLength")?;
    let kind = PduType2(fields.u8("pduType2")?);
    let is_compressed = fields.u8("compressedType")? & PACKET_COMPRESSED != 0;
    fields.skip(2, "compressedLength")?;
    Ok(Data { share_id, kind, is_compressed, body: fields.rest() })
}

impl Data<'_> {
    /// errorInfo of a Set Error Info PDU.
    #[must_use]
    pub fn error_info(&self) -> Option<ErrorInfo> {
        let body = self.readable(PduType2::PDUTYPE2_SET_ERROR_INFO_PDU)?;
        Cursor::new(LAYER, body).u32_le("errorInfo").ok().map(ErrorInfo)
    }

    /// action of a Control PDU.
    #[must_use]
    pub fn control_action(&self) -> Option<ControlAction> {
        let body = self.readable(PduType2::PDUTYPE2_CONTROL)?;
        Cursor::new(LAYER, body).u16_le("action").ok().map(ControlAction)
    }

    fn readable(&self, kind: PduType2) -> Option<&[u8]> {
        (self.kind == kind && !self.is_compressed).then_some(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use crate::wire::{mcs, tpkt, x224};
    use proptest::prelude::*;

    /// What Windows sends before it disconnects at the user's wish.
    const SET_ERROR_INFO: &str = "0300002402f080680001 03eb3016 16001700 0000ea030100 0001 16002f00 00000b000000";

    #[test]
    fn why_the_server_disconnects() {
        let bytes = hex(SET_ERROR_INFO);
        let x224::Tpdu::Data(data) = x224::decode(tpkt::decode(&bytes).unwrap().tpdu).unwrap() else { panic!() };
        let mcs::Pdu::SendDataIndication(data) = mcs::decode(data).unwrap() else { panic!() };
        let pdu = decode(data.user_data).unwrap();
        assert_eq!((pdu.total_length, pdu.kind, pdu.source), (22, PduType::PDUTYPE_DATAPDU, Some(0)));
        let data = pdu.data.unwrap();
        assert_eq!((data.share_id, data.kind), (0x0001_03ea, PduType2::PDUTYPE2_SET_ERROR_INFO_PDU));
        assert_eq!(data.error_info(), Some(ErrorInfo::ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER));
        assert_eq!(data.control_action(), None);
    }

    #[test]
    fn kinds_lose_their_version_and_deactivation_may_be_short() {
        assert_eq!(decode(&hex("ff011100ea03")).unwrap().kind, PduType::PDUTYPE_DEMANDACTIVEPDU);
        let short = decode(&[4, 0, 0x16, 0]).unwrap();
        assert_eq!((short.kind, short.source, short.data), (PduType::PDUTYPE_DEACTIVATEALLPDU, None, None));
        assert_eq!(decode(&hex("0080410000")).unwrap_err().cause, crate::base::Cause::NotUnderstood);
        let control = hex("1a001700ea03 ea030100 0001 1a00 14 00 0000 0400 0000 00000000");
        let control = decode(&control).unwrap();
        assert_eq!(control.data.unwrap().control_action(), Some(ControlAction::CTRLACTION_COOPERATE));
    }

    #[test]
    fn a_compressed_body_is_not_read() {
        let mut bytes = hex(SET_ERROR_INFO)[14..].to_vec();
        assert!(decode(&bytes).unwrap().data.unwrap().error_info().is_some());
        bytes[15] = 0x21;
        assert_eq!(decode(&bytes).unwrap().data.unwrap().error_info(), None);
        damage(&bytes, |bytes| decode(bytes).is_ok_and(|pdu| pdu.data.is_some_and(|data| data.error_info().is_some())));
    }

    proptest! {
        #[test]
        fn error_info_agrees_with_ironrdp(index in 0..ErrorInfo::NAMED.len(), share_id: u32, source: u16) {
            use ironrdp_pdu::ironrdp_core::decode as their_decode;
            use ironrdp_pdu::rdp::headers::{ShareControlHeader, ShareControlPdu, ShareDataPdu};
            let code = ErrorInfo::NAMED[index];
            let bytes = [
                &[0x16, 0, 0x17, 0][..],
                &source.to_le_bytes(),
                &share_id.to_le_bytes(),
                &[0, 1, 22, 0, 0x2f, 0, 0, 0],
                &code.0.to_le_bytes(),
            ].concat();
            let data = decode(&bytes).unwrap().data.unwrap();
            prop_assert_eq!((data.share_id, data.error_info()), (share_id, Some(code)));
            let theirs = their_decode::<ShareControlHeader>(&bytes).unwrap();
            prop_assert_eq!((theirs.share_id, theirs.pdu_source), (share_id, source));
            let ShareControlPdu::Data(header) = theirs.share_control_pdu else { panic!() };
            prop_assert!(matches!(header.share_data_pdu, ShareDataPdu::ServerSetErrorInfo(_)));
        }
    }
}
