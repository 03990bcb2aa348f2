//! Generic Conference Control: the settings that client and server exchange
//! inside the MCS Connect PDUs. ITU-T T.124, [MS-RDPBCGR] 2.2.1.3 and 2.2.1.4.

use super::mcs::per_length;
use super::negotiation::Protocols;
use crate::base::{Cursor, ParseError, Secret, open_enum, open_flags};

open_enum! {
    /// The RDP version, [MS-RDPBCGR] 2.2.1.3.2.
    pub struct RdpVersion(u32) {
        /// RDP 4.0.
        RDP_4_0 = 0x0008_0001,
        /// RDP 5.0 to 8.1.
        RDP_5_0_TO_8_1 = 0x0008_0004,
        /// RDP 10.0.
        RDP_10_0 = 0x0008_0005,
        /// RDP 10.1.
        RDP_10_1 = 0x0008_0006,
        /// RDP 10.2.
        RDP_10_2 = 0x0008_0007,
        /// RDP 10.3.
        RDP_10_3 = 0x0008_0008,
        /// RDP 10.4.
        RDP_10_4 = 0x0008_0009,
        /// RDP 10.5.
        RDP_10_5 = 0x0008_000a,
        /// RDP 10.6.
        RDP_10_6 = 0x0008_000b,
        /// RDP 10.7.
        RDP_10_7 = 0x0008_000c,
        /// RDP 10.8.
        RDP_10_8 = 0x0008_000d,
        /// RDP 10.9.
        RDP_10_9 = 0x0008_000e,
        /// RDP 10.10.
        RDP_10_10 = 0x0008_000f,
        /// RDP 10.11.
        RDP_10_11 = 0x0008_0010,
        /// RDP 10.12.
        RDP_10_12 = 0x0008_0011,
    }
}

open_flags! {
    /// What the client supports, [MS-RDPBCGR] 2.2.1.3.2 earlyCapabilityFlags.
    pub struct ClientCapabilities(u16, "none") {
        /// The Set Error Info PDU: without it the server cannot say why it disconnects.
        RNS_UD_CS_SUPPORT_ERRINFO_PDU = 0x0001,
        /// 32 bits a pixel.
        RNS_UD_CS_WANT_32BPP_SESSION = 0x0002,
        /// The Status Info PDU.
        RNS_UD_CS_SUPPORT_STATUSINFO_PDU = 0x0004,
        /// RSA keys above 512 bits.
        RNS_UD_CS_STRONG_ASYMMETRIC_KEYS = 0x0008,
        /// Relative mouse input.
        RNS_UD_CS_RELATIVE_MOUSE_INPUT = 0x0010,
        /// connectionType holds a value.
        RNS_UD_CS_VALID_CONNECTION_TYPE = 0x0020,
        /// The Monitor Layout PDU.
        RNS_UD_CS_SUPPORT_MONITOR_LAYOUT_PDU = 0x0040,
        /// Network characteristics are measured.
        RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT = 0x0080,
        /// The graphics pipeline.
        RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL = 0x0100,
        /// Dynamic daylight saving time.
        RNS_UD_CS_SUPPORT_DYNAMIC_TIME_ZONE = 0x0200,
        /// The Heartbeat PDU.
        RNS_UD_CS_SUPPORT_HEARTBEAT_PDU = 0x0400,
        /// Channels need not be joined one by one.
        RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN = 0x0800,
    }
}

open_flags! {
    /// What the server supports, [MS-RDPBCGR] 2.2.1.4.2 earlyCapabilityFlags.
    pub struct ServerCapabilities(u32, "none") {
        /// Edge actions, first version.
        RNS_UD_SC_EDGE_ACTIONS_SUPPORTED_V1 = 0x01,
        /// Dynamic daylight saving time.
        RNS_UD_SC_DYNAMIC_DST_SUPPORTED = 0x02,
        /// Edge actions, second version.
        RNS_UD_SC_EDGE_ACTIONS_SUPPORTED_V2 = 0x04,
        /// Channels need not be joined one by one.
        RNS_UD_SC_SKIP_CHANNELJOIN_SUPPORTED = 0x08,
    }
}

open_flags! {
    /// Methods of Standard RDP Security, [MS-RDPBCGR] 2.2.1.3.3 and 2.2.1.4.3.
    pub struct EncryptionMethods(u32, "ENCRYPTION_METHOD_NONE") {
        /// RC4 with 40 bits.
        ENCRYPTION_METHOD_40BIT = 0x01,
        /// RC4 with 128 bits.
        ENCRYPTION_METHOD_128BIT = 0x02,
        /// RC4 with 56 bits.
        ENCRYPTION_METHOD_56BIT = 0x08,
        /// Triple DES with SHA-1, FIPS 140-1.
        ENCRYPTION_METHOD_FIPS = 0x10,
    }
}

open_enum! {
    /// Which direction is encrypted how, [MS-RDPBCGR] 2.2.1.4.3 and 5.3.1.
    pub struct EncryptionLevel(u32) {
        /// Nothing is encrypted: TLS does it.
        ENCRYPTION_LEVEL_NONE = 0,
        /// Only the client's data is encrypted.
        ENCRYPTION_LEVEL_LOW = 1,
        /// Both directions, as strong as the client can.
        ENCRYPTION_LEVEL_CLIENT_COMPATIBLE = 2,
        /// Both directions, as strong as the server can.
        ENCRYPTION_LEVEL_HIGH = 3,
        /// Both directions with FIPS methods.
        ENCRYPTION_LEVEL_FIPS = 4,
    }
}

/// What the client tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientData {
    /// TS_UD_CS_CORE.
    pub core: Option<ClientCore>,
    /// TS_UD_CS_SEC: the methods of Standard RDP Security that the client has.
    pub encryption_methods: Option<EncryptionMethods>,
    /// TS_UD_CS_NET: how many static virtual channels the client wants.
    pub channel_count: Option<u32>,
    /// Whether TS_UD_CS_MULTITRANSPORT is there: the client has UDP transports.
    pub has_multitransport: bool,
    /// Why not all blocks were read, where they were not.
    pub stopped: Option<ParseError>,
}

/// TS_UD_CS_CORE, [MS-RDPBCGR] 2.2.1.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCore {
    /// The highest version that the client has.
    pub version: RdpVersion,
    /// The keyboard layout, a Windows language identifier.
    pub keyboard_layout: u32,
    /// The client's build number, such as 22621.
    pub client_build: u32,
    /// The client's computer name, at most 16 UTF-16 units. Hostile text.
    pub client_name: Secret<String>,
    /// What the client supports.
    pub capabilities: Option<ClientCapabilities>,
    /// serverSelectedProtocol: what the client says was negotiated.
    pub selected_protocol: Option<Protocols>,
}

/// What the server tells about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerData {
    /// TS_UD_SC_CORE.
    pub core: Option<ServerCore>,
    /// TS_UD_SC_SEC1.
    pub security: Option<ServerSecurity>,
    /// TS_UD_SC_NET.
    pub network: Option<ServerNetwork>,
    /// TS_UD_SC_MCS_MSGCHANNEL: the channel of heartbeats and auto-detection.
    pub message_channel: Option<u16>,
    /// Why not all blocks were read, where they were not.
    pub stopped: Option<ParseError>,
}

/// TS_UD_SC_CORE, [MS-RDPBCGR] 2.2.1.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerCore {
    /// The highest version that the server has.
    pub version: RdpVersion,
    /// What the server says the client had requested.
    pub requested_protocols: Option<Protocols>,
    /// What the server supports.
    pub capabilities: Option<ServerCapabilities>,
}

/// TS_UD_SC_SEC1, [MS-RDPBCGR] 2.2.1.4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSecurity {
    /// The one method that was chosen.
    pub method: EncryptionMethods,
    /// Which direction is encrypted.
    pub level: EncryptionLevel,
}

/// TS_UD_SC_NET, [MS-RDPBCGR] 2.2.1.4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerNetwork {
    /// The I/O channel.
    pub io_channel: u16,
    /// How many static virtual channels were allocated.
    pub channel_count: u16,
}

const LAYER: &str = "t124";

/// Decodes the user data of an MCS Connect-Initial.
///
/// # Errors
/// It is not a GCC Conference Create Request of an RDP client.
pub fn decode_client(user_data: &[u8]) -> Result<ClientData, ParseError> {
    let mut data = ClientData::default();
    let blocks = blocks_behind(b"Duca", user_data)?;
    data.stopped = each_block(blocks, |kind, mut fields| {
        match kind {
            0xc001 => data.core = Some(client_core(fields)?),
            0xc002 => data.encryption_methods = Some(EncryptionMethods(fields.u32_le("encryptionMethods")?)),
            0xc003 => data.channel_count = Some(fields.u32_le("channelCount")?),
            0xc00a => data.has_multitransport = true,
            _ => {}
        }
        Ok(())
    })
    .err();
    Ok(data)
}

/// Decodes the user data of an MCS Connect-Response.
///
/// # Errors
/// It is not a GCC Conference Create Response of an RDP server.
pub fn decode_server(user_data: &[u8]) -> Result<ServerData, ParseError> {
    let mut data = ServerData::default();
    let blocks = blocks_behind(b"McDn", user_data)?;
    data.stopped = each_block(blocks, |kind, mut fields| {
        match kind {
            0x0c01 => {
                data.core = Some(ServerCore {
                    version: RdpVersion(fields.u32_le("version")?),
                    requested_protocols: fields.u32_le("clientRequestedProtocols").ok().map(Protocols),
                    capabilities: fields.u32_le("earlyCapabilityFlags").ok().map(ServerCapabilities),
                });
            }
            0x0c02 => {
                data.security = Some(ServerSecurity {
                    method: EncryptionMethods(fields.u32_le("encryptionMethod")?),
                    level: EncryptionLevel(fields.u32_le("encryptionLevel")?),
                });
            }
            0x0c03 => {
                data.network = Some(ServerNetwork {
                    io_channel: fields.u16_le("MCSChannelId")?,
                    channel_count: fields.u16_le("channelCount")?,
                });
            }
            0x0c04 => data.message_channel = Some(fields.u16_le("MCSChannelID")?),
            _ => {}
        }
        Ok(())
    })
    .err();
    Ok(data)
}

/// The settings blocks behind the H.221 key, which is `Duca` from clients and
/// `McDn` from servers.
///
/// What stands before the key is the PER of a conference that RDP does not
/// hold; it is the same 20-odd bytes in every implementation, so the key is
/// looked for and not counted to.
fn blocks_behind<'a>(key: &[u8; 4], user_data: &'a [u8]) -> Result<Cursor<'a>, ParseError> {
    const CONNECT_DATA: [u8; 7] = [0, 5, 0, 0x14, 0x7c, 0, 1];
    const KEY_WITHIN: usize = 40;
    if !user_data.starts_with(&CONNECT_DATA) {
        return Err(ParseError::malformed(LAYER, "ConnectData", 0));
    }
    let front = user_data.get(..KEY_WITHIN).unwrap_or(user_data);
    let Some(at) = front.windows(key.len()).position(|window| window == key) else {
        return Err(ParseError::malformed(LAYER, "h221NonStandard", CONNECT_DATA.len()));
    };
    let mut fields = Cursor::new(LAYER, user_data);
    fields.skip(at.saturating_add(key.len()), "h221NonStandard")?;
    per_length(&mut fields, "UserData length")?;
    Ok(fields)
}

/// Hands every block to `learn`; one that is damaged does not hide the next.
/// Gives the first failure.
fn each_block<'a>(
    mut blocks: Cursor<'a>,
    mut learn: impl FnMut(u16, Cursor<'a>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    const HEADER_LEN: u16 = 4;
    let mut outcome = Ok(());
    while !blocks.is_empty() {
        let kind = blocks.u16_le("block type")?;
        let length = blocks.u16_le("block length")?;
        let Some(length) = length.checked_sub(HEADER_LEN) else {
            return outcome.and(Err(blocks.malformed("block length")));
        };
        let left = blocks.left();
        let content = blocks.take(usize::from(length).min(left), "block")?;
        let learned = learn(kind, Cursor::new(LAYER, content));
        outcome = outcome.and(learned);
    }
    outcome
}

/// Fields up to clientName are always there; those from postBeta2ColorDepth on
/// came with later versions, each only if all before it.
fn client_core(mut fields: Cursor<'_>) -> Result<ClientCore, ParseError> {
    let version = RdpVersion(fields.u32_le("version")?);
    fields.skip(8, "desktopWidth to SASSequence")?;
    let keyboard_layout = fields.u32_le("keyboardLayout")?;
    let client_build = fields.u32_le("clientBuild")?;
    let client_name = Secret::new(utf16(fields.take(32, "clientName")?));
    let mut later = || -> Result<(ClientCapabilities, Option<Protocols>), ParseError> {
        fields.skip(4 + 4 + 4 + 64, "keyboardType to imeFileName")?;
        fields.skip(2 + 2 + 4 + 2 + 2, "postBeta2ColorDepth to supportedColorDepths")?;
        let capabilities = ClientCapabilities(fields.u16_le("earlyCapabilityFlags")?);
        let mut last = || {
            fields.skip(64 + 2, "clientDigProductId to pad1octet")?;
            fields.u32_le("serverSelectedProtocol").map(Protocols)
        };
        Ok((capabilities, last().ok()))
    };
    let (capabilities, selected_protocol) = later().map_or((None, None), |(flags, protocol)| (Some(flags), protocol));
    Ok(ClientCore { version, keyboard_layout, client_build, client_name, capabilities, selected_protocol })
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mcs::{self, Pdu};
    use crate::wire::samples::{damage, hex};
    use ironrdp_pdu::gcc::{ConferenceCreateRequest, ConferenceCreateResponse};
    use ironrdp_pdu::ironrdp_core::decode as their_decode;
    use proptest::prelude::*;

    /// [MS-RDPBCGR] 4.1.3, behind the TPKT and X.224 headers.
    const INITIAL: &str = "
        7f658201940401010401010101ff30190201220201020201000201010201000201010202ffff0201023019020101020101020101
        02010102010002010102020420020102301c0202ffff0202fc170202ffff0201010201000201010202ffff020102048201330005
        00147c0001812a000800100001c00044756361811c01c0d800040008000005000401ca03aa09040000ce0e000045004c0054004f
        004e0053002d0044004500560032000000000000000000000004000000000000000c000000000000000000000000000000000000
        0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001ca01
        0000000000180007000100360039003700310032002d003700380033002d0030003300350037003900370034002d003400320037
        003100340000000000000000000000000000000000000000000000000004c00c000d0000000000000002c00c001b000000000000
        0003c02c0003000000726470647200000000008080636c6970726472000000a0c0726470736e640000000000c0";
    /// [MS-RDPBCGR] 4.1.4, the same, up to the server's random number.
    const RESPONSE: &str = "
        7f668201450a0100020100301a020122020103020100020101020100020101020300fff80201020482011f000500147c00012a14
        760a01010001c0004d63446e8108010c0c000400080000000000030c1000eb030300ec03ed03ee030000020cec00020000000200
        000020000000b8000000";

    fn client_data(bytes: &[u8]) -> &[u8] {
        match mcs::decode(bytes) {
            Ok(Pdu::ConnectInitial { user_data }) => user_data,
            other => panic!("{other:?}"),
        }
    }

    fn server_data(bytes: &[u8]) -> &[u8] {
        match mcs::decode(bytes) {
            Ok(Pdu::ConnectResponse { user_data, .. }) => user_data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_specification_s_client() {
        let bytes = hex(INITIAL);
        let data = decode_client(client_data(&bytes)).unwrap();
        let core = data.core.unwrap();
        assert_eq!((core.version, core.client_build, core.keyboard_layout), (RdpVersion::RDP_5_0_TO_8_1, 3790, 0x409));
        assert_eq!(core.client_name.expose(), "ELTONS-DEV2");
        assert_eq!(core.capabilities, Some(ClientCapabilities::RNS_UD_CS_SUPPORT_ERRINFO_PDU));
        assert_eq!(core.selected_protocol, Some(Protocols::PROTOCOL_RDP));
        assert_eq!((data.encryption_methods, data.channel_count), (Some(EncryptionMethods(0x1b)), Some(3)));
        assert_eq!((data.has_multitransport, data.stopped), (false, None));
    }

    #[test]
    fn the_specification_s_server() {
        let bytes = hex(RESPONSE);
        let data = decode_server(server_data(&bytes)).unwrap();
        let core = data.core.unwrap();
        assert_eq!((core.version, core.requested_protocols), (RdpVersion::RDP_5_0_TO_8_1, Some(Protocols(0))));
        assert_eq!(core.capabilities, None);
        let security = data.security.unwrap();
        assert_eq!(security.method, EncryptionMethods::ENCRYPTION_METHOD_128BIT);
        assert_eq!(security.level, EncryptionLevel::ENCRYPTION_LEVEL_CLIENT_COMPATIBLE);
        assert_eq!(data.network, Some(ServerNetwork { io_channel: 1003, channel_count: 3 }));
    }

    #[test]
    fn ironrdp_reads_the_same() {
        let bytes = hex(INITIAL);
        let theirs: ConferenceCreateRequest = their_decode(client_data(&bytes)).unwrap();
        let theirs = theirs.gcc_blocks();
        let ours = decode_client(client_data(&bytes)).unwrap();
        let core = ours.core.unwrap();
        assert_eq!(core.client_build, theirs.core.client_build);
        assert_eq!(core.client_name.expose(), &theirs.core.client_name);
        assert_eq!(ours.encryption_methods.unwrap().0, theirs.security.encryption_methods.bits());
        assert_eq!(ours.channel_count, Some(theirs.network.as_ref().unwrap().channels.len() as u32));
        // Their decoder wants the random number and certificate whole.
        let whole = [hex(RESPONSE), vec![0; 0xec - 20]].concat();
        let theirs: ConferenceCreateResponse = their_decode(server_data(&whole)).unwrap();
        let ours = decode_server(server_data(&whole)).unwrap();
        assert_eq!(ours.security.unwrap().method.0, theirs.gcc_blocks().security.encryption_method.bits());
        assert_eq!(ours.network.unwrap().io_channel, theirs.gcc_blocks().network.io_channel);
    }

    #[test]
    fn a_damaged_block_does_not_hide_the_next() {
        let data = hex("000500147c0001 2a14760a01010001c000 4d63446e 20 010c0600 0400 030c0800eb030000 020c03");
        let decoded = decode_server(&data).unwrap();
        assert_eq!(decoded.network, Some(ServerNetwork { io_channel: 1003, channel_count: 0 }));
        assert_eq!(decoded.stopped.unwrap().field, "block length");
        assert_eq!(decode_server(b"something else").unwrap_err().field, "ConnectData");
        assert_eq!(decode_client(&data).unwrap_err().field, "h221NonStandard");
    }

    #[test]
    fn damaged_settings_are_refused_or_decoded() {
        damage(client_data(&hex(INITIAL)), |bytes| decode_client(bytes).is_ok());
        damage(server_data(&hex(RESPONSE)), |bytes| decode_server(bytes).is_ok());
    }

    proptest! {
        #[test]
        fn any_blocks_are_decoded_or_refused(blocks in proptest::collection::vec(any::<u8>(), 0..64), kind in 0_u8..12) {
            for (key, side) in [(&b"Duca"[..], 0xc0), (b"McDn", 0x0c)] {
                let front = [&[0, 5, 0, 0x14, 0x7c, 0, 1, 0][..], key, &[64, kind, side, 60, 0]].concat();
                let bytes = [front, blocks.clone()].concat();
                let _ = (decode_client(&bytes), decode_server(&bytes));
            }
        }
    }
}
