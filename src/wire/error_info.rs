//! Why a server disconnects, in its own words: the Set Error Info PDU,
//! [MS-RDPBCGR] 2.2.5.1.1.

use crate::base::open_enum;

/// Which part of the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// The session: somebody or some limit ended it, or it broke.
    Session,
    /// Licensing.
    Licensing,
    /// The Connection Broker.
    Broker,
    /// The protocol: the server did not like what the client sent.
    Protocol,
    /// A range without a name.
    Other,
}

open_enum! {
    /// errorInfo. The client shows the same number as its extended disconnect
    /// reason.
    pub struct ErrorInfo(u32) {
        /// No error.
        ERRINFO_NONE = 0x0000,
        /// An administrator disconnected the session from another one.
        ERRINFO_RPC_INITIATED_DISCONNECT = 0x0001,
        /// An administrator logged the user off from another session.
        ERRINFO_RPC_INITIATED_LOGOFF = 0x0002,
        /// The idle session limit was reached.
        ERRINFO_IDLE_TIMEOUT = 0x0003,
        /// The active session limit was reached, whatever the name says.
        ERRINFO_LOGON_TIMEOUT = 0x0004,
        /// Somebody else connected to the session.
        ERRINFO_DISCONNECTED_BY_OTHERCONNECTION = 0x0005,
        /// The server has no memory left.
        ERRINFO_OUT_OF_MEMORY = 0x0006,
        /// The server denied the connection.
        ERRINFO_SERVER_DENIED_CONNECTION = 0x0007,
        /// The user may not log on through Remote Desktop.
        ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES = 0x0009,
        /// The server does not accept saved credentials.
        ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED = 0x000a,
        /// The session was disconnected from within: the usual disconnect.
        ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER = 0x000b,
        /// The user logged off.
        ERRINFO_LOGOFF_BY_USER = 0x000c,
        /// The display driver of the session did not report in time.
        ERRINFO_CLOSE_STACK_ON_DRIVER_NOT_READY = 0x000f,
        /// The desktop window manager of the session crashed.
        ERRINFO_SERVER_DWM_CRASH = 0x0010,
        /// The display driver of the session could not start.
        ERRINFO_CLOSE_STACK_ON_DRIVER_FAILURE = 0x0011,
        /// The display driver of the session started and cannot be used.
        ERRINFO_CLOSE_STACK_ON_DRIVER_IFACE_FAILURE = 0x0012,
        /// The logon process of the session crashed.
        ERRINFO_SERVER_WINLOGON_CRASH = 0x0017,
        /// The client/server runtime of the session crashed.
        ERRINFO_SERVER_CSRSS_CRASH = 0x0018,
        /// The server is shutting down.
        ERRINFO_SERVER_SHUTDOWN = 0x0019,
        /// The server is restarting.
        ERRINFO_SERVER_REBOOT = 0x001a,
        /// Licensing failed inside the server.
        ERRINFO_LICENSE_INTERNAL = 0x0100,
        /// The server finds no licence server.
        ERRINFO_LICENSE_NO_LICENSE_SERVER = 0x0101,
        /// No client access licence is left.
        ERRINFO_LICENSE_NO_LICENSE = 0x0102,
        /// The client sent a licensing message that is not valid.
        ERRINFO_LICENSE_BAD_CLIENT_MSG = 0x0103,
        /// The licence that the client stored was changed.
        ERRINFO_LICENSE_HWID_DOESNT_MATCH_LICENSE = 0x0104,
        /// The licence that the client stored is damaged.
        ERRINFO_LICENSE_BAD_CLIENT_LICENSE = 0x0105,
        /// Network problems ended licensing.
        ERRINFO_LICENSE_CANT_FINISH_PROTOCOL = 0x0106,
        /// The client ended licensing early.
        ERRINFO_LICENSE_CLIENT_ENDED_PROTOCOL = 0x0107,
        /// A licensing message was encrypted wrongly.
        ERRINFO_LICENSE_BAD_CLIENT_ENCRYPTION = 0x0108,
        /// The client's licence cannot be upgraded or renewed.
        ERRINFO_LICENSE_CANT_UPGRADE_LICENSE = 0x0109,
        /// The server has no licence for remote connections.
        ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS = 0x010a,
        /// The broker finds no such target.
        ERRINFO_CB_DESTINATION_NOT_FOUND = 0x0400,
        /// The target is disconnecting from the broker.
        ERRINFO_CB_LOADING_DESTINATION = 0x0402,
        /// The redirection to the target failed.
        ERRINFO_CB_REDIRECTING_TO_DESTINATION = 0x0404,
        /// The virtual machine could not be woken.
        ERRINFO_CB_SESSION_ONLINE_VM_WAKE = 0x0405,
        /// The virtual machine could not be started.
        ERRINFO_CB_SESSION_ONLINE_VM_BOOT = 0x0406,
        /// The address of the virtual machine is not known.
        ERRINFO_CB_SESSION_ONLINE_VM_NO_DNS = 0x0407,
        /// The pool has no machine left.
        ERRINFO_CB_DESTINATION_POOL_NOT_FREE = 0x0408,
        /// The broker cancelled the connection.
        ERRINFO_CB_CONNECTION_CANCELLED = 0x0409,
        /// The routing token cannot be validated.
        ERRINFO_CB_CONNECTION_ERROR_INVALID_SETTINGS = 0x0410,
        /// The virtual machine did not start in time.
        ERRINFO_CB_SESSION_ONLINE_VM_BOOT_TIMEOUT = 0x0411,
        /// The virtual machine's session could not be monitored.
        ERRINFO_CB_SESSION_ONLINE_VM_SESSMON_FAILED = 0x0412,
        /// A Share Data header of an unknown type.
        ERRINFO_UNKNOWNPDUTYPE2 = 0x10c9,
        /// A Share Control header of an unknown type.
        ERRINFO_UNKNOWNPDUTYPE = 0x10ca,
        /// A data PDU out of sequence.
        ERRINFO_DATAPDUSEQUENCE = 0x10cb,
        /// An activation PDU out of sequence.
        ERRINFO_CONTROLPDUSEQUENCE = 0x10cd,
        /// A Control PDU with an unknown action.
        ERRINFO_INVALIDCONTROLPDUACTION = 0x10ce,
        /// An input event of an unknown type.
        ERRINFO_INVALIDINPUTPDUTYPE = 0x10cf,
        /// A mouse event with unknown flags.
        ERRINFO_INVALIDINPUTPDUMOUSE = 0x10d0,
        /// A damaged Refresh Rect PDU.
        ERRINFO_INVALIDREFRESHRECTPDU = 0x10d1,
        /// The server could not answer the MCS Connect Initial.
        ERRINFO_CREATEUSERDATAFAILED = 0x10d2,
        /// The server failed while channels were connected.
        ERRINFO_CONNECTFAILED = 0x10d3,
        /// A Confirm Active with the wrong share id.
        ERRINFO_CONFIRMACTIVEWRONGSHAREID = 0x10d4,
        /// A Confirm Active with the wrong originator.
        ERRINFO_CONFIRMACTIVEWRONGORIGINATOR = 0x10d5,
        /// A Persistent Key List that is too short.
        ERRINFO_PERSISTENTKEYPDUBADLENGTH = 0x10da,
        /// A second first Persistent Key List.
        ERRINFO_PERSISTENTKEYPDUILLEGALFIRST = 0x10db,
        /// A Persistent Key List with too many keys.
        ERRINFO_PERSISTENTKEYPDUTOOMANYTOTALKEYS = 0x10dc,
        /// A Persistent Key List with too many keys for a cache.
        ERRINFO_PERSISTENTKEYPDUTOOMANYCACHEKEYS = 0x10dd,
        /// An input PDU that is too short.
        ERRINFO_INPUTPDUBADLENGTH = 0x10de,
        /// A Bitmap Cache Error PDU that is too short.
        ERRINFO_BITMAPCACHEERRORPDUBADLENGTH = 0x10df,
        /// A fast-path input PDU whose signature is too short.
        ERRINFO_SECURITYDATATOOSHORT = 0x10e0,
        /// Channel data that are too short.
        ERRINFO_VCHANNELDATATOOSHORT = 0x10e1,
        /// A share PDU that is too short.
        ERRINFO_SHAREDATATOOSHORT = 0x10e2,
        /// A damaged Suppress Output PDU.
        ERRINFO_BADSUPRESSOUTPUTPDU = 0x10e3,
        /// A Confirm Active that is too short.
        ERRINFO_CONFIRMACTIVEPDUTOOSHORT = 0x10e5,
        /// A capability set that is too short.
        ERRINFO_CAPABILITYSETTOOSMALL = 0x10e7,
        /// A capability set that runs past its PDU.
        ERRINFO_CAPABILITYSETTOOLARGE = 0x10e8,
        /// The client has no pointer cache.
        ERRINFO_NOCURSORCACHE = 0x10e9,
        /// The server does not accept the client's capabilities.
        ERRINFO_BADCAPABILITIES = 0x10ea,
        /// Channel data that cannot be decompressed.
        ERRINFO_VIRTUALCHANNELDECOMPRESSIONERR = 0x10ec,
        /// Channel data of an unknown compression.
        ERRINFO_INVALIDVCCOMPRESSIONTYPE = 0x10ed,
        /// Channel data for a channel that does not exist.
        ERRINFO_INVALIDCHANNELID = 0x10ef,
        /// The client asked for more than 31 channels.
        ERRINFO_VCHANNELSTOOMANY = 0x10f0,
        /// The session hosts remote applications only.
        ERRINFO_REMOTEAPPSNOTENABLED = 0x10f3,
        /// A Persistent Key List without the capability for it.
        ERRINFO_CACHECAPNOTSET = 0x10f4,
        /// A Bitmap Cache Error PDU that contradicts itself.
        ERRINFO_BITMAPCACHEERRORPDUBADLENGTH2 = 0x10f5,
        /// An Offscreen Bitmap Cache Error PDU that is too short.
        ERRINFO_OFFSCRCACHEERRORPDUBADLENGTH = 0x10f6,
        /// A DrawNineGrid Cache Error PDU that is too short.
        ERRINFO_DNGCACHEERRORPDUBADLENGTH = 0x10f7,
        /// A GDI+ Error PDU that is too short.
        ERRINFO_GDIPLUSPDUBADLENGTH = 0x10f8,
        /// A basic security header that is too short.
        ERRINFO_SECURITYDATATOOSHORT2 = 0x1111,
        /// A security header with signature that is too short.
        ERRINFO_SECURITYDATATOOSHORT3 = 0x1112,
        /// A Security Exchange PDU that is too short.
        ERRINFO_SECURITYDATATOOSHORT4 = 0x1113,
        /// A Client Info PDU cut in its texts.
        ERRINFO_SECURITYDATATOOSHORT5 = 0x1114,
        /// A Client Info PDU cut in its lengths.
        ERRINFO_SECURITYDATATOOSHORT6 = 0x1115,
        /// A Client Info PDU cut at the address length.
        ERRINFO_SECURITYDATATOOSHORT7 = 0x1116,
        /// A Client Info PDU cut at the address.
        ERRINFO_SECURITYDATATOOSHORT8 = 0x1117,
        /// A Client Info PDU cut at the folder length.
        ERRINFO_SECURITYDATATOOSHORT9 = 0x1118,
        /// A Client Info PDU cut at the folder.
        ERRINFO_SECURITYDATATOOSHORT10 = 0x1119,
        /// A Client Info PDU cut at the time zone.
        ERRINFO_SECURITYDATATOOSHORT11 = 0x111a,
        /// A Client Info PDU cut at the session id.
        ERRINFO_SECURITYDATATOOSHORT12 = 0x111b,
        /// A Client Info PDU cut at the performance flags.
        ERRINFO_SECURITYDATATOOSHORT13 = 0x111c,
        /// A Client Info PDU cut at the reconnection cookie's length.
        ERRINFO_SECURITYDATATOOSHORT14 = 0x111d,
        /// A Client Info PDU cut at the reconnection cookie.
        ERRINFO_SECURITYDATATOOSHORT15 = 0x111e,
        /// A reconnection cookie of more than 128 bytes.
        ERRINFO_SECURITYDATATOOSHORT16 = 0x111f,
        /// Another check of the address length.
        ERRINFO_SECURITYDATATOOSHORT17 = 0x1120,
        /// Another check of the address.
        ERRINFO_SECURITYDATATOOSHORT18 = 0x1121,
        /// Another check of the folder length.
        ERRINFO_SECURITYDATATOOSHORT19 = 0x1122,
        /// Another check of the folder.
        ERRINFO_SECURITYDATATOOSHORT20 = 0x1123,
        /// Another check of the time zone.
        ERRINFO_SECURITYDATATOOSHORT21 = 0x1124,
        /// Another check of the session id.
        ERRINFO_SECURITYDATATOOSHORT22 = 0x1125,
        /// A Client Info PDU that is too short.
        ERRINFO_SECURITYDATATOOSHORT23 = 0x1126,
        /// Fewer monitors than were announced.
        ERRINFO_BADMONITORDATA = 0x1129,
        /// Decompressed channel data that do not fit.
        ERRINFO_VCDECOMPRESSEDREASSEMBLEFAILED = 0x112a,
        /// A channel PDU above the chunk size.
        ERRINFO_VCDATATOOLONG = 0x112b,
        /// A Frame Acknowledge PDU that is too short.
        ERRINFO_BAD_FRAME_ACK_DATA = 0x112c,
        /// The server does not have the graphics mode.
        ERRINFO_GRAPHICSMODENOTSUPPORTED = 0x112d,
        /// The server's graphics could not be reset.
        ERRINFO_GRAPHICSSUBSYSTEMRESETFAILED = 0x112e,
        /// The server's graphics failed.
        ERRINFO_GRAPHICSSUBSYSTEMFAILED = 0x112f,
        /// A time zone name that is too short.
        ERRINFO_TIMEZONEKEYNAMELENGTHTOOSHORT = 0x1130,
        /// A time zone name that is too long.
        ERRINFO_TIMEZONEKEYNAMELENGTHTOOLONG = 0x1131,
        /// The daylight saving field is missing.
        ERRINFO_DYNAMICDSTDISABLEDFIELDMISSING = 0x1132,
        /// Dynamic channel data that cannot be decoded.
        ERRINFO_VCDECODINGERROR = 0x1133,
        /// Monitors that cover more than 32766 pixels.
        ERRINFO_VIRTUALDESKTOPTOOLARGE = 0x1134,
        /// Monitors that cannot be arranged so.
        ERRINFO_MONITORGEOMETRYVALIDATIONFAILED = 0x1135,
        /// Too many monitors.
        ERRINFO_INVALIDMONITORCOUNT = 0x1136,
        /// New session keys could not be made.
        ERRINFO_UPDATESESSIONKEYFAILED = 0x1191,
        /// Decryption failed, or the session keys could not be made.
        ERRINFO_DECRYPTFAILED = 0x1192,
        /// Encryption failed.
        ERRINFO_ENCRYPTFAILED = 0x1193,
        /// No encryption method in common.
        ERRINFO_ENCPKGMISMATCH = 0x1194,
        /// Clear data where encrypted data were due.
        ERRINFO_DECRYPTFAILED2 = 0x1195,
    }
}

impl ErrorInfo {
    /// Which part of the server speaks.
    #[must_use]
    pub const fn area(self) -> Area {
        match self.0 {
            0x0000..=0x00ff => Area::Session,
            0x0100..=0x01ff => Area::Licensing,
            0x0400..=0x04ff => Area::Broker,
            0x1000..=0x7fff => Area::Protocol,
            _ => Area::Other,
        }
    }

    /// Whether the code belongs to the ordinary end of a session: somebody
    /// disconnected it or logged off.
    #[must_use]
    pub const fn is_ordinary_end(self) -> bool {
        matches!(
            self,
            Self::ERRINFO_NONE
                | Self::ERRINFO_RPC_INITIATED_DISCONNECT
                | Self::ERRINFO_RPC_INITIATED_LOGOFF
                | Self::ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER
                | Self::ERRINFO_LOGOFF_BY_USER
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironrdp_pdu::ironrdp_core::decode;
    use ironrdp_pdu::rdp::server_error_info::ServerSetErrorInfoPdu;

    /// Codes whose names ironrdp spells in another way: `BADSUPRESSOUTPUTPDU`,
    /// `VIRTUALCHANNELDECOMPRESSIONERR`, `VCHANNELSTOOMANY`, `CACHECAPNOTSET`.
    const SPELT_OTHERWISE: [u32; 4] = [0x10e3, 0x10ec, 0x10f0, 0x10f4];

    /// The same codes have a name there and here; the names differ only in the
    /// underscores and the case of the two languages.
    #[test]
    fn the_table_agrees_with_ironrdp() {
        let letters = |text: &str| text.replace('_', "").to_lowercase();
        for code in 0..=0x7fff_u32 {
            let theirs = decode::<ServerSetErrorInfoPdu>(&code.to_le_bytes());
            let ours = ErrorInfo(code).name();
            assert_eq!(ours.is_some(), theirs.is_ok(), "{code:#x}");
            let (Some(ours), Ok(theirs)) = (ours, theirs) else { continue };
            let ours = ours.trim_start_matches("ERRINFO_").trim_start_matches("LICENSE_").trim_start_matches("CB_");
            let theirs = format!("{:?}", theirs.0);
            let same = letters(theirs.trim_end_matches(')')).ends_with(&letters(ours));
            assert_ne!(same, SPELT_OTHERWISE.contains(&code), "{code:#x} {ours} {theirs}");
        }
        assert_eq!(ErrorInfo(0xdead).to_string(), "0xdead");
    }

    #[test]
    fn areas_follow_the_ranges() {
        for (code, area) in [
            (ErrorInfo::ERRINFO_SERVER_DENIED_CONNECTION, Area::Session),
            (ErrorInfo::ERRINFO_LICENSE_NO_LICENSE, Area::Licensing),
            (ErrorInfo::ERRINFO_CB_CONNECTION_CANCELLED, Area::Broker),
            (ErrorInfo::ERRINFO_DECRYPTFAILED, Area::Protocol),
            (ErrorInfo(0x0300), Area::Other),
            (ErrorInfo(u32::MAX), Area::Other),
        ] {
            assert_eq!(code.area(), area);
        }
        assert!(ErrorInfo::ERRINFO_LOGOFF_BY_USER.is_ordinary_end());
        assert!(!ErrorInfo::ERRINFO_SERVER_DENIED_CONNECTION.is_ordinary_end());
    }
}
