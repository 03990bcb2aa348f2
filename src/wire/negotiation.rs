//! What client and server negotiate inside X.224 CR and CC: [MS-RDPBCGR]
//! 2.2.1.1 and 2.2.1.2.

pub use super::recognise::looks_like_connection_request;
use crate::base::{Cursor, ParseError, Secret, open_enum, open_flags};

open_flags! {
    /// Security protocols, as requested (several) or selected (one):
    /// [MS-RDPBCGR] 2.2.1.1.1 and 2.2.1.2.1.
    pub struct Protocols(u32, "PROTOCOL_RDP") {
        /// TLS, with the logon screen of the server.
        PROTOCOL_SSL = 0x01,
        /// CredSSP inside TLS: Network Level Authentication.
        PROTOCOL_HYBRID = 0x02,
        /// RDSTLS inside TLS, after a redirection.
        PROTOCOL_RDSTLS = 0x04,
        /// CredSSP inside TLS, then the Early User Authorization Result.
        PROTOCOL_HYBRID_EX = 0x08,
        /// RDS AAD Auth (Microsoft Entra) inside TLS.
        PROTOCOL_RDSAAD = 0x10,
    }
}

impl Protocols {
    /// No bit set: Standard RDP Security, which needs no bit to be requested.
    pub const PROTOCOL_RDP: Self = Self(0);

    /// Whether `selected` is among what `self` requested; Standard RDP Security
    /// always is.
    #[must_use]
    pub const fn allow(self, selected: Self) -> bool {
        self.contains(selected)
    }

    /// Whether the connection goes on with a TLS handshake.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        self.0 != 0
    }
}

open_flags! {
    /// Flags of RDP_NEG_REQ, [MS-RDPBCGR] 2.2.1.1.1.
    pub struct RequestFlags(u8, "none") {
        /// The client accepts nothing but restricted admin mode.
        RESTRICTED_ADMIN_MODE_REQUIRED = 0x01,
        /// The client accepts nothing but Remote Credential Guard.
        REDIRECTED_AUTHENTICATION_MODE_REQUIRED = 0x02,
        /// RDP_NEG_CORRELATION_INFO follows.
        CORRELATION_INFO_PRESENT = 0x08,
    }
}

open_flags! {
    /// Flags of RDP_NEG_RSP, [MS-RDPBCGR] 2.2.1.2.1.
    pub struct ResponseFlags(u8, "none") {
        /// The server takes extended client data blocks.
        EXTENDED_CLIENT_DATA_SUPPORTED = 0x01,
        /// The server has the graphics pipeline.
        DYNVC_GFX_PROTOCOL_SUPPORTED = 0x02,
        /// Reserved; Windows sets it.
        NEGRSP_FLAG_RESERVED = 0x04,
        /// The server has restricted admin mode.
        RESTRICTED_ADMIN_MODE_SUPPORTED = 0x08,
        /// The server has Remote Credential Guard.
        REDIRECTED_AUTHENTICATION_MODE_SUPPORTED = 0x10,
    }
}

open_enum! {
    /// Why the server refused, [MS-RDPBCGR] 2.2.1.2.2.
    pub struct FailureCode(u32) {
        /// The server wants TLS or CredSSP; where only CredSSP was requested, it has TLS alone.
        SSL_REQUIRED_BY_SERVER = 1,
        /// The server has Standard RDP Security alone.
        SSL_NOT_ALLOWED_BY_SERVER = 2,
        /// The server has no certificate that it can use.
        SSL_CERT_NOT_ON_SERVER = 3,
        /// What was requested contradicts the security already in effect.
        INCONSISTENT_FLAGS = 4,
        /// The server insists on CredSSP.
        HYBRID_REQUIRED_BY_SERVER = 5,
        /// The server wants TLS with a client certificate.
        SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER = 6,
        /// The server insists on RDS AAD Auth.
        ENTRA_AUTH_REQUIRED_BY_SERVER = 7,
    }
}

/// What the token or cookie in front of the negotiation data is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `Cookie: mstshash=`: the first letters of a user name.
    Mstshash,
    /// `Cookie: msts=`: the address of a session host, after a redirection.
    Msts,
    /// `tsv://`: a collection of a Connection Broker.
    Tsv,
    /// `mth://`: a virtual machine pool.
    Mth,
    /// A routing token that some load balancer made up.
    Other,
}

impl TokenKind {
    const PREFIXES: [(Self, &'static [u8]); 4] = [
        (Self::Mstshash, b"Cookie: mstshash="),
        (Self::Msts, b"Cookie: msts="),
        (Self::Tsv, b"tsv://"),
        (Self::Mth, b"mth://"),
    ];

    /// The known form that `line` begins with, and what follows the prefix.
    fn of(line: &[u8]) -> Option<(Self, &[u8])> {
        Self::PREFIXES.iter().find_map(|(kind, prefix)| Some((*kind, line.strip_prefix(*prefix)?)))
    }
}

/// A cookie or routing token. Servers ignore both; brokers, load balancers and
/// intrusion prevention systems read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is for.
    pub kind: TokenKind,
    /// What stands between the prefix and the line end; for
    /// [`TokenKind::Other`] everything before the line end.
    pub value: Secret<&'a [u8]>,
}

/// RDP_NEG_REQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiationRequest {
    /// How the client wants to log on.
    pub flags: RequestFlags,
    /// The protocols that the client offers.
    pub protocols: Protocols,
}

/// The variable part of a Connection Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The cookie or routing token.
    pub token: Option<Token<'a>>,
    /// RDP_NEG_REQ; without it the client knows Standard RDP Security alone.
    pub negotiation: Option<NegotiationRequest>,
    /// Whether RDP_NEG_CORRELATION_INFO is there.
    pub has_correlation_id: bool,
    /// Why the negotiation data could not be read, where it seems to be there.
    pub stopped: Option<ParseError>,
}

/// The variable part of a Connection Confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// No negotiation data: the server knows Standard RDP Security alone.
    None,
    /// RDP_NEG_RSP: the connection goes on with `protocol`.
    Selected {
        /// What the server supports.
        flags: ResponseFlags,
        /// The one protocol to use; `PROTOCOL_RDP` is Standard RDP Security.
        protocol: Protocols,
    },
    /// RDP_NEG_FAILURE: the server is about to close the connection.
    Failure(FailureCode),
}

const LAYER: &str = "rdp negotiation";
const REQUEST_LEN: usize = 8;
const CORRELATION_INFO_LEN: usize = 36;
const LINE_END: &[u8] = b"\r\n";

/// Decodes the variable part of a Connection Request.
///
/// The token has neither a length nor a fixed form, so RDP_NEG_REQ is looked
/// for where it can stand, the surest place first: at the very end, before
/// correlation info at the end, behind the first line end, at the start.
#[must_use]
pub fn decode_request(variable: &[u8]) -> Request<'_> {
    let line_end = variable.windows(LINE_END.len()).position(|pair| pair == LINE_END);
    let behind_line = line_end.map_or(0, |at| at.saturating_add(LINE_END.len()));
    let from_end = |len: usize| variable.len().checked_sub(len);
    let places = [from_end(REQUEST_LEN), from_end(REQUEST_LEN + CORRELATION_INFO_LEN), Some(behind_line), Some(0)];
    let found = places.into_iter().flatten().find_map(|at| Some((at, negotiation_request(variable.get(at..)?)?)));

    let (before, negotiation, behind) = match found {
        Some((at, negotiation)) => {
            let (before, rest) = variable.split_at_checked(at).unwrap_or_default();
            (before, Some(negotiation), rest.get(REQUEST_LEN..).unwrap_or_default())
        }
        // A line that was cut before its end is still known by its prefix.
        None if line_end.is_none() && TokenKind::of(variable).is_some() => (variable, None, &[][..]),
        None => (variable.get(..behind_line).unwrap_or_default(), None, &[][..]),
    };
    let unread = variable.len() > before.len() && negotiation.is_none();
    Request {
        token: token(before),
        negotiation,
        has_correlation_id: behind.starts_with(&[0x06, 0, 0x24, 0]),
        stopped: unread.then(|| unread_request(variable, behind_line)),
    }
}

/// The length that RDP_NEG_RSP and RDP_NEG_FAILURE must state.
const CONFIRM_LEN: u16 = 8;

/// Decodes the variable part of a Connection Confirm.
///
/// # Errors
/// There is something, and it is neither RDP_NEG_RSP nor RDP_NEG_FAILURE, says
/// another length than they have, or is cut short.
pub fn decode_confirm(variable: &[u8]) -> Result<Confirm, ParseError> {
    if variable.is_empty() {
        return Ok(Confirm::None);
    }
    let mut fields = Cursor::new(LAYER, variable);
    let kind = fields.u8("type")?;
    let flags = fields.u8("flags")?;
    let length = fields.u16_le("length")?;
    let value = fields.u32_le(if kind == 3 { "failureCode" } else { "selectedProtocol" })?;
    // A refusal is a verdict; noise that begins like one is none.
    if length != CONFIRM_LEN {
        return Err(ParseError::malformed(LAYER, "length", 2));
    }
    match kind {
        2 => Ok(Confirm::Selected { flags: ResponseFlags(flags), protocol: Protocols(value) }),
        3 => Ok(Confirm::Failure(FailureCode(value))),
        _ => Err(ParseError::malformed(LAYER, "type", 0)),
    }
}

/// RDP_NEG_REQ at the start of `bytes`, whatever follows.
fn negotiation_request(bytes: &[u8]) -> Option<NegotiationRequest> {
    match *bytes {
        [1, flags, 8, 0, a, b, c, d, ..] => Some(NegotiationRequest {
            flags: RequestFlags(flags),
            protocols: Protocols(u32::from_le_bytes([a, b, c, d])),
        }),
        _ => None,
    }
}

fn token(before: &[u8]) -> Option<Token<'_>> {
    let line = before.strip_suffix(LINE_END).unwrap_or(before);
    if line.is_empty() {
        return None;
    }
    let (kind, value) = TokenKind::of(line).unwrap_or((TokenKind::Other, line));
    Some(Token { kind, value: Secret::new(value) })
}

/// Why the bytes from `at` on are not RDP_NEG_REQ.
fn unread_request(variable: &[u8], at: usize) -> ParseError {
    let have = variable.len().saturating_sub(at);
    match variable.get(at) {
        Some(1) if have < REQUEST_LEN => ParseError::short(LAYER, "RDP_NEG_REQ", at, REQUEST_LEN, have),
        Some(1) => ParseError::malformed(LAYER, "RDP_NEG_REQ", at),
        _ => ParseError::malformed(LAYER, "type", at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use crate::wire::{tpkt, x224};
    use ironrdp_pdu::ironrdp_core::{decode as their_decode, encode_vec};
    use ironrdp_pdu::nego::{self, NegoRequestData, SecurityProtocol};
    use ironrdp_pdu::x224::X224;
    use proptest::prelude::*;

    /// [MS-RDPBCGR] 4.1.1.
    const COOKIE: &str = "0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000";
    /// [MS-RDPBCGR] 4.1.2.
    const CONFIRM: &str = "030000130ed000001234000200080000000000";

    fn variable(frame: &[u8]) -> Vec<u8> {
        match x224::decode(tpkt::decode(frame).unwrap().tpdu).unwrap() {
            x224::Tpdu::ConnectionRequest(c) | x224::Tpdu::ConnectionConfirm(c) => c.variable.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_specification_s_examples() {
        let variable_part = variable(&hex(COOKIE));
        let request = decode_request(&variable_part);
        let token = request.token.unwrap();
        assert_eq!((token.kind, *token.value.expose()), (TokenKind::Mstshash, &b"eltons"[..]));
        assert_eq!(request.negotiation.unwrap().protocols, Protocols::PROTOCOL_RDP);
        assert_eq!((request.has_correlation_id, request.stopped), (false, None));
        let confirm = decode_confirm(&variable(&hex(CONFIRM))).unwrap();
        assert_eq!(confirm, Confirm::Selected { flags: ResponseFlags(0), protocol: Protocols(0) });
    }

    #[test]
    fn a_request_is_found_behind_any_token_or_none() {
        let negotiation: &[u8] = &[1, 0x0b, 8, 0, 0x4b, 0, 0, 0];
        let correlation = [&[6, 0, 0x24, 0][..], &[7; 32]].concat();
        for (token, kind) in [
            (&b""[..], None),
            (b"Cookie: msts=3640205228.15629.0000\r\n", Some(TokenKind::Msts)),
            (b"tsv://MS Terminal Services Plugin.1.Sessions\r\n", Some(TokenKind::Tsv)),
            (b"mth://pool\r\n", Some(TokenKind::Mth)),
            (b"\x01\x00load\r\nbalance\r\n", Some(TokenKind::Other)),
            (b"no line end", Some(TokenKind::Other)),
        ] {
            for tail in [&[][..], &correlation] {
                let bytes = [token, negotiation, tail].concat();
                let found = decode_request(&bytes);
                let negotiation = found.negotiation.unwrap();
                assert_eq!(
                    negotiation.protocols.to_string(),
                    "PROTOCOL_SSL | PROTOCOL_HYBRID | PROTOCOL_HYBRID_EX | 0x40"
                );
                assert_eq!(negotiation.flags, RequestFlags(0x0b));
                assert_eq!(found.token.map(|t| t.kind), kind);
                assert_eq!((found.has_correlation_id, found.stopped), (!tail.is_empty(), None));
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let cut = decode_request(b"Cookie: mstshash=a\r\n\x01\x00\x08");
        assert_eq!(cut.token.map(|t| t.kind), Some(TokenKind::Mstshash));
        assert_eq!((cut.negotiation, cut.stopped), (None, Some(ParseError::short(LAYER, "RDP_NEG_REQ", 20, 8, 3))));
        assert_eq!(decode_request(b"Cookie: mstshash=a\r\n").stopped, None);
        assert_eq!(decode_confirm(&[2, 0, 8, 0, 1]).unwrap_err().field, "selectedProtocol");
        assert_eq!(decode_confirm(&[3, 0, 9, 0, 1, 0, 0, 0]), Err(ParseError::malformed(LAYER, "length", 2)));
        assert_eq!(decode_confirm(&[9, 0, 8, 0, 1, 0, 0, 0]), Err(ParseError::malformed(LAYER, "type", 0)));
        damage(&variable(&hex(COOKIE)), |bytes| {
            decode_request(bytes).stopped.is_some() | decode_confirm(bytes).is_ok()
        });
    }

    #[test]
    fn a_token_never_shows() {
        assert!(!format!("{:?}", decode_request(b"Cookie: mstshash=bob\r\n")).contains("bob"));
    }

    fn tokens() -> impl Strategy<Value = Option<NegoRequestData>> {
        prop_oneof![
            Just(None),
            "[A-Za-z0-9\\\\-]{1,20}".prop_map(|user| Some(NegoRequestData::cookie(user))),
            "[0-9.]{1,30}".prop_map(|host| Some(NegoRequestData::routing_token(host))),
        ]
    }

    proptest! {
        #[test]
        fn requests_agree_with_ironrdp(nego_data in tokens(), flags in any::<u8>(), protocols in any::<u32>(), id: bool) {
            let theirs = nego::ConnectionRequest {
                nego_data,
                flags: nego::RequestFlags::from_bits_retain(flags & !0x08),
                protocol: SecurityProtocol::from_bits_retain(protocols),
                correlation_info: id.then_some(nego::CorrelationInfo { correlation_id: [7; 16] }),
            };
            let frame = encode_vec(&X224(theirs.clone())).unwrap();
            prop_assert!(looks_like_connection_request(&frame));
            let variable_part = variable(&frame);
            let ours = decode_request(&variable_part);
            let negotiation = ours.negotiation.unwrap();
            prop_assert_eq!(negotiation.protocols.0, protocols);
            prop_assert_eq!(negotiation.flags.contains(RequestFlags::CORRELATION_INFO_PRESENT), id);
            prop_assert_eq!((ours.has_correlation_id, ours.stopped), (id, None));
            let text = ours.token.map(|t| (t.kind, String::from_utf8(t.value.expose().to_vec()).unwrap()));
            let expected = theirs.nego_data.map(|data| match data {
                NegoRequestData::Cookie(cookie) => (TokenKind::Mstshash, cookie.0),
                NegoRequestData::RoutingToken(token) => (TokenKind::Msts, token.0),
            });
            prop_assert_eq!(text, expected);
        }

        #[test]
        fn confirms_agree_with_ironrdp(kind in 2_u8..=3, flags in any::<u8>(), value in any::<u32>()) {
            let frame = [&[3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, kind, flags, 8, 0][..], &value.to_le_bytes()].concat();
            let theirs = match their_decode::<X224<nego::ConnectionConfirm>>(&frame).unwrap().0 {
                nego::ConnectionConfirm::Response { flags, protocol } => {
                    Confirm::Selected { flags: ResponseFlags(flags.bits()), protocol: Protocols(protocol.bits()) }
                }
                nego::ConnectionConfirm::Failure { code } => Confirm::Failure(FailureCode(code.into())),
            };
            prop_assert_eq!(decode_confirm(&variable(&frame)), Ok(theirs));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (decode_request(&bytes), decode_confirm(&bytes));
        }
    }

    /// ironrdp reads a CC without negotiation data as a selected `PROTOCOL_RDP`;
    /// here the difference is kept: old servers send none.
    #[test]
    fn a_confirm_without_negotiation_data_is_its_own_answer() {
        let frame = hex("0300000b06d00000123400");
        let theirs = their_decode::<X224<nego::ConnectionConfirm>>(&frame).unwrap().0;
        assert!(matches!(theirs, nego::ConnectionConfirm::Response { protocol, .. } if protocol.is_empty()));
        assert_eq!(decode_confirm(&variable(&frame)), Ok(Confirm::None));
    }
}
