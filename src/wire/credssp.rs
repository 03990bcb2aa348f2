//! CredSSP: Network Level Authentication inside TLS. [MS-CSSP] 2.2.1; SPNEGO
//! around its tokens: RFC 4178 section 4.2.

use super::der::Reader;
use super::nt_status::NtStatus;
use super::ntlm;
use crate::base::{Cause, ParseError, open_enum};

/// A TSRequest. What it carries is noted, not kept: tokens hold names, authInfo
/// holds the password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TsRequest {
    /// The version that the sender has: 2 to 6; from 5 on it is safe from
    /// CVE-2018-0886.
    pub version: Option<u32>,
    /// What the first of negoTokens is, where there is one.
    pub token: Option<Mechanism>,
    /// Whether authInfo is there: the client hands over the credentials.
    pub has_auth_info: bool,
    /// Whether pubKeyAuth is there: the sender binds the logon to the TLS
    /// certificate.
    pub has_pub_key_auth: bool,
    /// Why the server refuses.
    pub error_code: Option<NtStatus>,
    /// Whether clientNonce is there.
    pub has_client_nonce: bool,
    /// Why not all fields were read, where they were not.
    pub stopped: Option<ParseError>,
}

/// Which security package made a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// NTLM, and which of its messages.
    Ntlm(ntlm::Message),
    /// Kerberos, user-to-user included.
    Kerberos,
    /// SPNEGO that names neither, or something else.
    Unknown,
}

open_enum! {
    /// The Early User Authorization Result that follows CredSSP with
    /// `PROTOCOL_HYBRID_EX`, [MS-RDPBCGR] 2.2.10.2.
    pub struct AuthorizationResult(u32) {
        /// The user may connect.
        AUTHZ_SUCCESS = 0,
        /// The user may not.
        AUTHZ_ACCESS_DENIED = 5,
    }
}

impl AuthorizationResult {
    /// Bytes of the PDU, the same for every result: in the shape of records it
    /// stands out.
    pub const LEN: usize = 4;
}

/// How long the TSRequest at the front of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// The header is not there yet.
    NeedMore,
    /// This many bytes, header included.
    Size(usize),
    /// No TSRequest starts here.
    NotTsRequest,
}

const LAYER: &str = "credssp";
const SEQUENCE: u16 = 0x30;
const OCTET_STRING: u16 = 0x04;
const INTEGER: u16 = 0x02;
const OBJECT_IDENTIFIER: u16 = 0x06;

/// Reads the length of the TSRequest that `bytes` starts with.
#[must_use]
pub fn frame_size(bytes: &[u8]) -> FrameSize {
    match Reader::new(LAYER, bytes).next("TSRequest") {
        Ok(Some(request)) if request.tag == SEQUENCE => {
            FrameSize::Size(request.header_len.saturating_add(request.declared_len))
        }
        Ok(None) => FrameSize::NeedMore,
        Err(error) if error.cause == Cause::NotSeen && bytes.first() == Some(&0x30) => FrameSize::NeedMore,
        _ => FrameSize::NotTsRequest,
    }
}

/// Decodes a TSRequest.
///
/// # Errors
/// `bytes` does not begin with a SEQUENCE whose first field is a version.
pub fn decode(bytes: &[u8]) -> Result<TsRequest, ParseError> {
    let mut fields = Reader::new(LAYER, bytes).enter(SEQUENCE, "TSRequest")?;
    let version = fields.enter(0xa0, "version")?.expect(INTEGER, "version")?.number();
    let mut request = TsRequest { version, ..TsRequest::default() };
    request.stopped = request.learn(fields).err();
    Ok(request)
}

/// Decodes the four bytes that follow CredSSP.
#[must_use]
pub fn decode_authorization_result(bytes: &[u8]) -> Option<AuthorizationResult> {
    <[u8; 4]>::try_from(bytes).ok().map(|bytes| AuthorizationResult(u32::from_le_bytes(bytes)))
}

impl TsRequest {
    fn learn(&mut self, mut fields: Reader<'_>) -> Result<(), ParseError> {
        while let Some(field) = fields.next("TSRequest field")? {
            match field.tag {
                0xa1 => {
                    self.token = Some(Mechanism::Unknown);
                    let mut tokens = fields.inside(&field)?.enter(SEQUENCE, "negoTokens")?;
                    let mut first = tokens.enter(SEQUENCE, "NegoDataItem")?.enter(0xa0, "negoToken")?;
                    self.token = Some(mechanism(first.expect(OCTET_STRING, "negoToken")?.content));
                }
                0xa2 => self.has_auth_info = true,
                0xa3 => self.has_pub_key_auth = true,
                0xa4 => {
                    let code = fields.inside(&field)?.expect(INTEGER, "errorCode")?;
                    self.error_code = code.number().map(NtStatus);
                }
                0xa5 => self.has_client_nonce = true,
                _ => {}
            }
            if field.is_cut() {
                let have = field.content.len();
                return Err(ParseError::short(LAYER, "TSRequest field", 0, field.declared_len, have));
            }
        }
        Ok(())
    }
}

/// Which package made `token`: a bare NTLM or Kerberos token, or SPNEGO around
/// one.
#[must_use]
pub fn mechanism(token: &[u8]) -> Mechanism {
    bare(token).or_else(|| spnego(token).ok().flatten()).unwrap_or(Mechanism::Unknown)
}

/// `1.2.840.113554.1.2.2`, user-to-user below it, and what Windows 2000 made of
/// the first by mistake.
fn is_kerberos(identifier: &[u8]) -> bool {
    const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
    const MICROSOFT_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02];
    identifier.starts_with(KERBEROS) || identifier.starts_with(MICROSOFT_KERBEROS)
}

/// A token that no SPNEGO wraps; GSS-API puts an object identifier in front of
/// Kerberos (RFC 4121 section 4.1).
fn bare(token: &[u8]) -> Option<Mechanism> {
    if let Ok(message) = ntlm::decode(token) {
        return Some(Mechanism::Ntlm(message));
    }
    let identifier = Reader::new(LAYER, token).enter(0x60, "token").ok()?.expect(OBJECT_IDENTIFIER, "mech").ok()?;
    is_kerberos(identifier.content).then_some(Mechanism::Kerberos)
}

/// NegTokenInit or NegTokenResp: the token inside tells, and failing that the
/// first mechanism of the list, which is the one that the client hopes for.
fn spnego(token: &[u8]) -> Result<Option<Mechanism>, ParseError> {
    let mut outer = Reader::new(LAYER, token);
    let mut fields = match token.first() {
        Some(0x60) => {
            let mut init = outer.enter(0x60, "InitialContextToken")?;
            init.expect(OBJECT_IDENTIFIER, "SPNEGO")?;
            init.enter(0xa0, "NegTokenInit")?
        }
        _ => outer.enter(0xa1, "NegTokenResp")?,
    }
    .enter(SEQUENCE, "NegotiationToken")?;
    let mut named = None;
    while let Some(field) = fields.next("NegotiationToken field")? {
        let mut value = fields.inside(&field)?;
        let Some(value) = value.next("value")? else { continue };
        match (field.tag, value.tag) {
            (0xa2, OCTET_STRING) => named = bare(value.content).or(named),
            (0xa1, OBJECT_IDENTIFIER) if is_kerberos(value.content) => named = Some(Mechanism::Kerberos),
            (0xa0, SEQUENCE) => {
                let first = fields.inside(&value)?.expect(OBJECT_IDENTIFIER, "mechTypes")?;
                named = is_kerberos(first.content).then_some(Mechanism::Kerberos);
            }
            _ => {}
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use proptest::prelude::*;

    /// What mstsc sends first where it uses NTLM: 57 bytes.
    const NTLM_FIRST: &str = "3037a003020106a130302e302ca02a0428
        4e544c4d5353500001000000b78208e2000000000000000000000000000000000a005d580000000f";
    /// What a server answers that does not allow NTLM: 15 bytes.
    const REFUSED: &str = "300da003020106a406020480090302";

    /// An element around `content`.
    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x82, (content.len() >> 8) as u8, content.len() as u8][..], content].concat()
    }

    fn request(token: &[u8]) -> Vec<u8> {
        let tokens = wrap(0x30, &wrap(0x30, &wrap(0xa0, &wrap(0x04, token))));
        wrap(0x30, &[&[0xa0, 3, 2, 1, 6][..], &wrap(0xa1, &tokens)].concat())
    }

    #[test]
    fn the_first_leg_with_ntlm() {
        let bytes = hex(NTLM_FIRST);
        assert_eq!((bytes.len(), frame_size(&bytes)), (57, FrameSize::Size(57)));
        let request = decode(&bytes).unwrap();
        let Some(Mechanism::Ntlm(message)) = request.token else { panic!("{request:?}") };
        assert_eq!((message.kind, message.flags.unwrap().0), (ntlm::MessageType::NEGOTIATE, 0xe208_82b7));
        assert_eq!((request.version, request.error_code, request.stopped), (Some(6), None, None));
    }

    #[test]
    fn a_refusal_is_fifteen_bytes() {
        let bytes = hex(REFUSED);
        let request = decode(&bytes).unwrap();
        assert_eq!(request.error_code, Some(NtStatus::SEC_E_UNSUPPORTED_FUNCTION));
        assert_eq!((bytes.len(), request.token, request.stopped), (15, None, None));
        assert_eq!(decode_authorization_result(&[5, 0, 0, 0]), Some(AuthorizationResult::AUTHZ_ACCESS_DENIED));
        assert_eq!(decode_authorization_result(&bytes), None);
    }

    #[test]
    fn credentials_are_noted_and_not_kept() {
        let bytes = hex("3018 a003020106 a2060404deadbeef a3030401 00 a50404 02 0102");
        let request = decode(&bytes).unwrap();
        assert!(request.has_auth_info && request.has_pub_key_auth && request.has_client_nonce);
        assert_eq!(request.stopped, None);
        let cut = decode(&bytes[..12]).unwrap();
        assert!(cut.has_auth_info && !cut.has_pub_key_auth);
        assert_eq!(cut.stopped.unwrap().cause, Cause::NotSeen);
    }

    #[test]
    fn spnego_is_looked_into() {
        let spnego_id = hex("06062b0601050502");
        let kerberos_id = hex("06092a864886f712010202");
        let user_to_user_id = hex("060a2a864886f71201020203");
        let ntlm_id = hex("060a2b06010401823702020a");
        let ntlm = [&ntlm::SIGNATURE[..], &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
        let init = |list: &[u8], token: Option<&[u8]>| {
            let token = token.map_or(Vec::new(), |token| wrap(0xa2, &wrap(0x04, token)));
            let fields = [wrap(0xa0, &wrap(0x30, list)), token].concat();
            wrap(0x60, &[&spnego_id[..], &wrap(0xa0, &wrap(0x30, &fields))].concat())
        };
        let is_ntlm = |mechanism| matches!(mechanism, Mechanism::Ntlm(_));
        let both = [&kerberos_id[..], &ntlm_id].concat();
        assert_eq!(mechanism(&init(&both, None)), Mechanism::Kerberos);
        assert_eq!(mechanism(&init(&user_to_user_id, None)), Mechanism::Kerberos);
        assert_eq!(mechanism(&init(&ntlm_id, None)), Mechanism::Unknown);
        assert!(is_ntlm(mechanism(&init(&both, Some(&ntlm)))), "the token outweighs the hope");
        assert_eq!(mechanism(&wrap(0x60, &kerberos_id)), Mechanism::Kerberos);
        let response = wrap(0xa1, &wrap(0x30, &wrap(0xa2, &wrap(0x04, &ntlm))));
        assert!(is_ntlm(mechanism(&response)));
        let response = wrap(0xa1, &wrap(0x30, &wrap(0xa1, &kerberos_id)));
        assert_eq!(mechanism(&response), Mechanism::Kerberos);
        assert_eq!(decode(&request(&init(&both, None))).unwrap().token, Some(Mechanism::Kerberos));
        damage(&request(&init(&both, Some(&ntlm))), |bytes| decode(bytes).is_ok());
    }

    #[test]
    fn sizes_need_a_header() {
        for (bytes, size) in [
            (&[][..], FrameSize::NeedMore),
            (&[0x30], FrameSize::NeedMore),
            (&[0x30, 0x82, 1], FrameSize::NeedMore),
            (&[0x30, 0x82, 1, 0], FrameSize::Size(260)),
            (&[0x30, 0x80], FrameSize::NotTsRequest),
            (&[0x03, 0x00], FrameSize::NotTsRequest),
            (&[0x16, 0x03, 0x01], FrameSize::NotTsRequest),
            (&[0x03], FrameSize::NotTsRequest),
        ] {
            assert_eq!(frame_size(bytes), size, "{bytes:x?}");
        }
        assert_eq!(decode(&[0x30, 2, 5, 0]).unwrap_err().field, "version");
        damage(&hex(NTLM_FIRST), |bytes| decode(bytes).is_ok());
        damage(&hex(REFUSED), |bytes| decode(bytes).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (decode(&bytes), mechanism(&bytes), frame_size(&bytes));
            let _ = decode(&request(&bytes));
            for tag in [0x60, 0xa1] {
                let _ = mechanism(&wrap(tag, &bytes));
            }
        }
    }
}
