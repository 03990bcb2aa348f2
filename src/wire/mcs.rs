//! The Multipoint Communication Service inside X.224 Data: ITU-T T.125,
//! [MS-RDPBCGR] 2.2.1.3 to 2.2.1.9.
//!
//! The two Connect PDUs are BER, all others aligned PER.

use super::der::Reader;
use crate::base::{Cursor, ParseError, open_enum};

open_enum! {
    /// Result, T.125 section 7 part 1; here under a name that Rust leaves free.
    pub struct Outcome(u8) {
        /// Success.
        rt_successful = 0,
        /// The domain is being merged.
        rt_domain_merging = 1,
        /// The domain is not hierarchical.
        rt_domain_not_hierarchical = 2,
        /// No such channel.
        rt_no_such_channel = 3,
        /// No such domain.
        rt_no_such_domain = 4,
        /// No such user.
        rt_no_such_user = 5,
        /// Not admitted.
        rt_not_admitted = 6,
        /// The user id belongs to somebody else.
        rt_other_user_id = 7,
        /// The domain parameters are not acceptable.
        rt_parameters_unacceptable = 8,
        /// The token is not available.
        rt_token_not_available = 9,
        /// The token is not possessed.
        rt_token_not_possessed = 10,
        /// Too many channels.
        rt_too_many_channels = 11,
        /// Too many tokens.
        rt_too_many_tokens = 12,
        /// Too many users.
        rt_too_many_users = 13,
        /// A failure without a name.
        rt_unspecified_failure = 14,
        /// The user was rejected.
        rt_user_rejected = 15,
    }
}

open_enum! {
    /// Reason, T.125 section 7 part 4: why a user or provider disconnects.
    pub struct DisconnectReason(u8) {
        /// The domain was disconnected.
        rn_domain_disconnected = 0,
        /// The provider wants it: the server ends the connection.
        rn_provider_initiated = 1,
        /// A token was purged.
        rn_token_purged = 2,
        /// The user wants it.
        rn_user_requested = 3,
        /// A channel was purged.
        rn_channel_purged = 4,
    }
}

/// What an MCS PDU says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pdu<'a> {
    /// The client's parameters; the user data is a GCC Conference Create
    /// Request, for [`gcc::decode_client`](super::gcc::decode_client).
    ConnectInitial {
        /// The user data, as far as it was captured.
        user_data: &'a [u8],
    },
    /// The server's parameters; the user data is a GCC Conference Create
    /// Response, for [`gcc::decode_server`](super::gcc::decode_server).
    ConnectResponse {
        /// Whether the server accepts.
        result: Outcome,
        /// The user data, as far as it was captured.
        user_data: &'a [u8],
    },
    /// Erect Domain Request.
    ErectDomainRequest,
    /// Attach User Request.
    AttachUserRequest,
    /// Attach User Confirm.
    AttachUserConfirm {
        /// Whether the user is attached.
        result: Outcome,
        /// The user id, where there is one.
        initiator: Option<u16>,
    },
    /// Channel Join Request.
    ChannelJoinRequest {
        /// The user id.
        initiator: u16,
        /// The channel to join.
        channel: u16,
    },
    /// Channel Join Confirm.
    ChannelJoinConfirm {
        /// Whether the user joined.
        result: Outcome,
        /// The user id.
        initiator: u16,
        /// The channel that was asked for.
        requested: u16,
    },
    /// Send Data Request: user data from the client.
    SendDataRequest(SendData<'a>),
    /// Send Data Indication: user data from the server.
    SendDataIndication(SendData<'a>),
    /// Disconnect Provider Ultimatum: the orderly end of a session.
    DisconnectProviderUltimatum(DisconnectReason),
    /// Another choice of DomainMCSPDU; RDP uses none.
    Other(u8),
}

/// User data on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendData<'a> {
    /// The user id of the sender.
    pub initiator: u16,
    /// The channel; the I/O channel is mostly 1003, the message channel and
    /// the virtual channels are told by the server's GCC data.
    pub channel: u16,
    /// The user data, as far as it was captured.
    pub user_data: &'a [u8],
    /// Bytes of the user data, as the PDU says.
    pub declared_len: usize,
}

const LAYER: &str = "t125";

/// User ids are counted from here, T.125 section 7 part 1.
const FIRST_USER_ID: u16 = 1001;

/// Decodes the user data of an X.224 Data TPDU.
///
/// # Errors
/// A field is cut short or of a form that T.125 does not allow.
pub fn decode(bytes: &[u8]) -> Result<Pdu<'_>, ParseError> {
    match bytes {
        [0x7f, 0x65, ..] => connect_initial(bytes),
        [0x7f, 0x66, ..] => connect_response(bytes),
        _ => domain_pdu(bytes),
    }
}

fn connect_initial(bytes: &[u8]) -> Result<Pdu<'_>, ParseError> {
    let mut fields = Reader::new(LAYER, bytes).enter(0x7f65, "Connect-Initial")?;
    fields.expect(0x04, "callingDomainSelector")?;
    fields.expect(0x04, "calledDomainSelector")?;
    fields.expect(0x01, "upwardFlag")?;
    fields.expect(0x30, "targetParameters")?;
    fields.expect(0x30, "minimumParameters")?;
    fields.expect(0x30, "maximumParameters")?;
    Ok(Pdu::ConnectInitial { user_data: fields.expect(0x04, "userData")?.content })
}

fn connect_response(bytes: &[u8]) -> Result<Pdu<'_>, ParseError> {
    let mut fields = Reader::new(LAYER, bytes).enter(0x7f66, "Connect-Response")?;
    let result = fields.expect(0x0a, "result")?;
    let [result] = *result.content else {
        return Err(ParseError::malformed(LAYER, "result", 0));
    };
    fields.expect(0x02, "calledConnectId")?;
    fields.expect(0x30, "domainParameters")?;
    Ok(Pdu::ConnectResponse { result: Outcome(result), user_data: fields.expect(0x04, "userData")?.content })
}

/// The choice takes six bits; the other two say which optional field is there,
/// or are the first bits of the reason.
fn domain_pdu(bytes: &[u8]) -> Result<Pdu<'_>, ParseError> {
    let mut fields = Cursor::new(LAYER, bytes);
    let first = fields.u8("choice")?;
    let has_option = first & 0b10 != 0;
    Ok(match first >> 2 {
        1 => Pdu::ErectDomainRequest,
        8 => {
            let low_bit = fields.u8("reason")? >> 7;
            Pdu::DisconnectProviderUltimatum(DisconnectReason((first & 0b11) << 1 | low_bit))
        }
        10 => Pdu::AttachUserRequest,
        11 => Pdu::AttachUserConfirm {
            result: Outcome(fields.u8("result")?),
            initiator: if has_option { Some(user_id(&mut fields)?) } else { None },
        },
        14 => Pdu::ChannelJoinRequest { initiator: user_id(&mut fields)?, channel: fields.u16_be("channelId")? },
        15 => Pdu::ChannelJoinConfirm {
            result: Outcome(fields.u8("result")?),
            initiator: user_id(&mut fields)?,
            requested: fields.u16_be("requested")?,
        },
        25 => Pdu::SendDataRequest(send_data(fields)?),
        26 => Pdu::SendDataIndication(send_data(fields)?),
        other => Pdu::Other(other),
    })
}

fn send_data(mut fields: Cursor<'_>) -> Result<SendData<'_>, ParseError> {
    let initiator = user_id(&mut fields)?;
    let channel = fields.u16_be("channelId")?;
    fields.skip(1, "dataPriority and segmentation")?;
    let declared_len = per_length(&mut fields, "userData length")?;
    let rest = fields.rest();
    Ok(SendData { initiator, channel, user_data: rest.get(..declared_len).unwrap_or(rest), declared_len })
}

fn user_id(fields: &mut Cursor<'_>) -> Result<u16, ParseError> {
    let at = fields.position();
    let id = fields.u16_be("initiator")?.checked_add(FIRST_USER_ID);
    id.ok_or(ParseError::malformed(LAYER, "initiator", at))
}

/// A PER length: one byte, or two with the top bit set. X.691 section 10.9
/// fragments from 16384 on; RDP peers use the bit as one more digit.
pub(super) fn per_length(fields: &mut Cursor<'_>, field: &'static str) -> Result<usize, ParseError> {
    const LONG: u8 = 0x80;
    let first = fields.u8(field)?;
    if first & LONG == 0 {
        return Ok(first.into());
    }
    Ok(u16::from_be_bytes([first & !LONG, fields.u8(field)?]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{damage, hex};
    use ironrdp_pdu::ironrdp_core::encode_vec;
    use ironrdp_pdu::mcs::{self, McsMessage};
    use ironrdp_pdu::x224::X224;
    use proptest::prelude::*;

    /// [MS-RDPBCGR] 4.1.4, without the GCC data.
    const RESPONSE: &str =
        "7f668201450a0100020100301a020122020103020100020101020100020101020300fff80201020482011f00050014";

    /// What ironrdp makes of a PDU, behind its TPKT and X.224 headers.
    fn theirs(pdu: McsMessage<'_>) -> Vec<u8> {
        encode_vec(&X224(pdu)).unwrap().split_off(7)
    }

    #[test]
    fn the_ladder_of_a_connection() {
        assert_eq!(decode(&hex("0401000100")), Ok(Pdu::ErectDomainRequest));
        assert_eq!(decode(&hex("28")), Ok(Pdu::AttachUserRequest));
        let attached = Pdu::AttachUserConfirm { result: Outcome::rt_successful, initiator: Some(1007) };
        assert_eq!(decode(&hex("2e000006")), Ok(attached));
        let refused = Pdu::AttachUserConfirm { result: Outcome::rt_too_many_users, initiator: None };
        assert_eq!(decode(&hex("2c0d")), Ok(refused));
        assert_eq!(decode(&hex("38000603ef")), Ok(Pdu::ChannelJoinRequest { initiator: 1007, channel: 1007 }));
        let joined = Pdu::ChannelJoinConfirm { result: Outcome::rt_successful, initiator: 1007, requested: 1003 };
        assert_eq!(decode(&hex("3e00000603eb03eb")), Ok(joined));
        assert_eq!(decode(&hex("2180")), Ok(Pdu::DisconnectProviderUltimatum(DisconnectReason::rn_user_requested)));
        assert_eq!(decode(&hex("2080")), Ok(Pdu::DisconnectProviderUltimatum(DisconnectReason::rn_provider_initiated)));
    }

    #[test]
    fn user_data_may_be_cut() {
        let data = SendData { initiator: 1002, channel: 1003, user_data: &[0x80, 2], declared_len: 20 };
        assert_eq!(decode(&hex("68000103eb70148002")), Ok(Pdu::SendDataIndication(data)));
        let long = hex("64000603eb70857e0808");
        let long = decode(&long).unwrap();
        assert!(matches!(long, Pdu::SendDataRequest(SendData { declared_len: 0x57e, user_data: [8, 8], .. })));
    }

    #[test]
    fn a_connect_response_gives_its_result_and_what_there_is_of_its_data() {
        let response = Pdu::ConnectResponse { result: Outcome::rt_successful, user_data: &[0, 5, 0, 0x14] };
        assert_eq!(decode(&hex(RESPONSE)), Ok(response));
        damage(&hex(RESPONSE), |bytes| decode(bytes).is_ok());
    }

    #[test]
    fn failures_have_an_address() {
        assert_eq!(decode(&[]), Err(ParseError::short(LAYER, "choice", 0, 1, 0)));
        assert_eq!(decode(&[0x38, 0, 6, 3]), Err(ParseError::short(LAYER, "channelId", 3, 2, 1)));
        assert_eq!(decode(&[0x38, 0xff, 0xff, 3, 0xeb]), Err(ParseError::malformed(LAYER, "initiator", 1)));
        assert_eq!(decode(&[0x7f, 0x65, 3, 2, 1, 0]).unwrap_err().field, "callingDomainSelector");
        assert_eq!(decode(&[0xfc]), Ok(Pdu::Other(63)));
    }

    proptest! {
        #[test]
        fn channel_pdus_agree_with_ironrdp(user in 1001_u16.., channel: u16, result in 0_u8..16, reason in 0_u8..5) {
            let attach = mcs::AttachUserConfirm { result, initiator_id: user };
            let join = mcs::ChannelJoinRequest { initiator_id: user, channel_id: channel };
            let joined = mcs::ChannelJoinConfirm {
                result, initiator_id: user, requested_channel_id: channel, channel_id: channel,
            };
            let why = mcs::DisconnectReason::from_u8(reason).unwrap();
            let result = Outcome(result);
            for (pdu, ours) in [
                (McsMessage::AttachUserConfirm(attach), Pdu::AttachUserConfirm { result, initiator: Some(user) }),
                (McsMessage::ChannelJoinRequest(join), Pdu::ChannelJoinRequest { initiator: user, channel }),
                (
                    McsMessage::ChannelJoinConfirm(joined),
                    Pdu::ChannelJoinConfirm { result, initiator: user, requested: channel },
                ),
                (
                    McsMessage::DisconnectProviderUltimatum(mcs::DisconnectProviderUltimatum::from_reason(why)),
                    Pdu::DisconnectProviderUltimatum(DisconnectReason(reason)),
                ),
            ] {
                let bytes = theirs(pdu);
                prop_assert_eq!(decode(&bytes), Ok(ours));
            }
        }

        #[test]
        fn data_agrees_with_ironrdp(data in proptest::collection::vec(any::<u8>(), 0..300), user in 1001_u16.., channel: u16) {
            let request = mcs::SendDataRequest { initiator_id: user, channel_id: channel, user_data: data.clone().into() };
            let bytes = theirs(McsMessage::SendDataRequest(request));
            let ours = SendData { initiator: user, channel, user_data: &data, declared_len: data.len() };
            prop_assert_eq!(decode(&bytes), Ok(Pdu::SendDataRequest(ours)));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), tag in 0x65_u8..=0x66) {
            let _ = decode(&bytes);
            let _ = decode(&[&[0x7f, tag][..], &bytes].concat());
        }
    }
}
