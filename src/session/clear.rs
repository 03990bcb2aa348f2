//! What is read byte for byte: X.224, and with Standard RDP Security everything
//! up to the licence and more ([MS-RDPBCGR] 1.3.1.1, 5.3).

use super::shapes::Shapes;
use super::stream::Unit;
use super::transcript::Transcript;
use super::{At, ConfirmFact, ErrorInfoFact, Message, RequestFact, Stage, Ultimatum};
use crate::base::{Cause, ParseError, Side, Visibility};
use crate::wire::error_info::ErrorInfo;
use crate::wire::gcc::{self, EncryptionMethods};
use crate::wire::licence::{self, ErrorCode, MessageType};
use crate::wire::mcs::{self, Outcome, Pdu, SendData};
use crate::wire::negotiation::{self, Confirm, TokenKind};
use crate::wire::security::{self, SecurityFlags};
use crate::wire::share::{self, PduType, PduType2};
use crate::wire::tpkt;
use crate::wire::x224::{self, Connection, Tpdu};

const CLEAR: Visibility = Visibility::Clear;

/// The reader of TPKT frames outside TLS.
#[derive(Debug)]
pub(super) struct Clear {
    /// Reads what Standard RDP Security encrypts, once licensing is over.
    shapes: Shapes,
}

impl Default for Clear {
    fn default() -> Self {
        Self { shapes: Shapes::after_licensing() }
    }
}

impl Clear {
    /// Messages may be missing.
    pub(super) fn gap(&mut self, t: &mut Transcript, at: At) {
        if t.facts.stage() >= Stage::Licensing {
            self.shapes.gap(t, at);
        }
    }

    /// A TPKT frame is complete.
    pub(super) fn frame(&mut self, side: Side, unit: &Unit<'_>, at: At, t: &mut Transcript) {
        let Unit { len, is_damaged, .. } = *unit;
        let read = tpkt::decode(&unit.head).and_then(|frame| x224::decode(frame.tpdu)).and_then(|tpdu| match tpdu {
            Tpdu::ConnectionRequest(connection) => {
                request(side, connection, is_damaged, at, t);
                Ok(())
            }
            Tpdu::ConnectionConfirm(connection) => confirm(side, connection, at, t),
            Tpdu::Data(data) => mcs::decode(data).map(|pdu| self.mcs(side, pdu, len, at, t)),
            Tpdu::DisconnectRequest(_) => Err(ParseError::malformed("x224", "DR", 1).because(Cause::Refused)),
            Tpdu::Error(_) => Err(ParseError::malformed("x224", "ER", 1).because(Cause::Refused)),
            Tpdu::Other(_) => Err(ParseError::malformed("x224", "code", 1).because(Cause::NotUnderstood)),
        });
        if let Err(error) = read {
            t.facts.undecoded(side, error, at);
        }
    }

    /// A fast-path frame: only sessions have them. A client may be early with
    /// its input, so the server's count.
    pub(super) fn fast_path(&mut self, side: Side, at: At, t: &mut Transcript) {
        if side == Side::Server && t.facts.stage() < Stage::Active {
            t.recognise(Message::Graphics, side, at, CLEAR);
        }
    }

    fn mcs(&mut self, side: Side, pdu: Pdu<'_>, len: u64, at: At, t: &mut Transcript) {
        let message = match pdu {
            Pdu::ConnectInitial { user_data } => {
                let decoded = gcc::decode_client(user_data);
                if t.recognise(Message::ConnectInitial, side, at, CLEAR)
                    && let Some(data) = decoded.map_err(|error| t.facts.undecoded(side, error, at)).ok()
                {
                    t.is_rdp(Message::ConnectInitial, at);
                    t.facts.mcs.get_or_insert_default().client = Some(at.seen(data));
                }
                return;
            }
            Pdu::ConnectResponse { result, user_data } => {
                let decoded = gcc::decode_server(user_data);
                if t.recognise(Message::ConnectResponse, side, at, CLEAR) {
                    outcome(result, at, t);
                    match decoded {
                        Ok(data) => t.facts.mcs.get_or_insert_default().server = Some(at.seen(data)),
                        Err(error) => t.facts.undecoded(side, error, at),
                    }
                }
                return;
            }
            Pdu::ErectDomainRequest => Message::ErectDomain,
            Pdu::AttachUserRequest => Message::AttachUserRequest,
            Pdu::AttachUserConfirm { result, .. } => {
                outcome(result, at, t);
                Message::AttachUserConfirm
            }
            Pdu::ChannelJoinRequest { .. } => {
                let mcs = t.facts.mcs.get_or_insert_default();
                mcs.joins_requested = mcs.joins_requested.saturating_add(1);
                t.context.joins_open = true;
                Message::ChannelJoinRequest
            }
            Pdu::ChannelJoinConfirm { result, .. } => {
                outcome(result, at, t);
                let mcs = t.facts.mcs.get_or_insert_default();
                mcs.joins_confirmed = mcs.joins_confirmed.saturating_add(1);
                t.context.joins_open = mcs.joins_requested > mcs.joins_confirmed;
                Message::ChannelJoinConfirm
            }
            Pdu::SendDataRequest(data) | Pdu::SendDataIndication(data) => {
                return self.user_data(side, data, len, at, t);
            }
            Pdu::DisconnectProviderUltimatum(reason) => {
                let ultimatum = Ultimatum { side, reason: Some(reason), visibility: CLEAR };
                t.facts.disconnect_ultimatum.get_or_insert(at.seen(ultimatum));
                Message::DisconnectUltimatum
            }
            Pdu::Other(_) => {
                let error = ParseError::malformed("t125", "choice", 0).because(Cause::NotUnderstood);
                return t.facts.undecoded(side, error, at);
            }
        };
        t.recognise(message, side, at, CLEAR);
    }

    /// User data: a share PDU, or something behind a security header.
    fn user_data(&mut self, side: Side, data: SendData<'_>, len: u64, at: At, t: &mut Transcript) {
        if t.facts.stage() < Stage::Mcs {
            // A session that began before the capture did.
            t.facts.stages.begin(Stage::Mcs, CLEAR, at);
        }
        let server = t.facts.mcs.as_ref().and_then(|mcs| mcs.server.as_ref()).map(|seen| seen.value);
        let io_channel = server.and_then(|server| server.network).map(|network| network.io_channel);
        if t.facts.stage() == Stage::Active && io_channel.is_some_and(|io| io != data.channel) {
            return;
        }
        if let Some(pdu) = share_pdu(data.user_data, data.declared_len) {
            return self.share(side, pdu, at, t);
        }
        let Ok(secured) = security::decode(data.user_data) else { return };
        let flags = secured.flags;
        let is_encrypted = flags.contains(SecurityFlags::SEC_ENCRYPT);
        let method = server.and_then(|server| server.security).map(|security| security.method);
        if flags.contains(SecurityFlags::SEC_INFO_PKT) {
            if t.facts.stage() < Stage::Licensing {
                let mcs = t.facts.mcs.get_or_insert_default();
                mcs.joins_skipped = mcs.joins_requested == 0;
                t.recognise(Message::ClientInfo, side, at, CLEAR);
            }
        } else if flags.contains(SecurityFlags::SEC_LICENSE_PKT) {
            licensing(side, (!is_encrypted).then_some(secured.data), at, t);
        } else if flags.contains(SecurityFlags::SEC_EXCHANGE_PKT) {
            t.recognise(Message::SecurityExchange, side, at, CLEAR);
        } else if flags.contains(SecurityFlags::SEC_REDIRECTION_PKT) {
            redirection(side, at, t);
        } else if flags.contains(SecurityFlags::SEC_TRANSPORT_REQ) {
            if t.facts.stage() == Stage::Licensing {
                t.recognise(Message::Multitransport, side, at, CLEAR);
            }
        } else if flags.0 & (SecurityFlags::SEC_AUTODETECT_REQ.0 | SecurityFlags::SEC_AUTODETECT_RSP.0) != 0 {
            if t.facts.stage() == Stage::Licensing {
                t.recognise(Message::AutoDetect, side, at, CLEAR);
            }
        } else if is_encrypted {
            self.licensing_is_over(side, at, t);
            self.shapes.record(side, Some(encrypted_size(len, method)), u16::try_from(len).unwrap_or(u16::MAX), at, t);
        } else if let Ok(pdu) = share::decode(secured.data) {
            self.share(side, pdu, at, t);
        }
    }

    fn share(&mut self, side: Side, pdu: share::Pdu<'_>, at: At, t: &mut Transcript) {
        if let Some(code) = pdu.data.and_then(|data| data.error_info()) {
            // Zero takes back what was said before.
            if code != ErrorInfo(0) {
                t.facts.error_info = Some(at.seen(ErrorInfoFact { code: Some(code), visibility: CLEAR }));
                t.recognise(Message::SetErrorInfo, side, at, CLEAR);
            }
            return;
        }
        if pdu.kind == PduType::PDUTYPE_SERVER_REDIR_PKT {
            return redirection(side, at, t);
        }
        if t.facts.stage() == Stage::Active {
            return;
        }
        self.licensing_is_over(side, at, t);
        let message = match (pdu.kind, pdu.data.map(|data| data.kind)) {
            (PduType::PDUTYPE_DEMANDACTIVEPDU, _) => Message::DemandActive,
            (PduType::PDUTYPE_CONFIRMACTIVEPDU, _) => Message::ConfirmActive,
            (_, Some(PduType2::PDUTYPE2_SYNCHRONIZE)) => Message::Synchronize,
            (_, Some(PduType2::PDUTYPE2_CONTROL)) => Message::Control,
            (_, Some(PduType2::PDUTYPE2_FONTLIST)) => Message::FontList,
            (_, Some(PduType2::PDUTYPE2_FONTMAP)) => Message::FontMap,
            (_, Some(PduType2::PDUTYPE2_UPDATE)) => Message::Graphics,
            _ => return,
        };
        t.recognise(message, side, at, CLEAR);
    }

    /// The server speaks of something else after licensing messages whose
    /// content is encrypted.
    fn licensing_is_over(&mut self, side: Side, at: At, t: &mut Transcript) {
        let licensing = &mut t.facts.licensing;
        if side == Side::Server && licensing.granted.is_none() && !licensing.messages.is_empty() {
            licensing.granted = Some(at.seen(Visibility::Inferred));
        }
    }
}

fn request(side: Side, connection: Connection<'_>, is_damaged: bool, at: At, t: &mut Transcript) {
    let request = negotiation::decode_request(connection.variable);
    if !t.recognise(Message::ConnectionRequest, side, at, CLEAR) {
        return;
    }
    let is_rdp_token = request.token.as_ref().is_some_and(|token| token.kind != TokenKind::Other);
    if is_rdp_token || request.negotiation.is_some() {
        t.is_rdp(Message::ConnectionRequest, at);
    }
    if let Some(error) = request.stopped {
        t.facts.undecoded(side, error, at);
    }
    t.facts.negotiation.request = Some(at.seen(RequestFact::of(&request, is_damaged)));
}

fn confirm(side: Side, connection: Connection<'_>, at: At, t: &mut Transcript) -> Result<(), ParseError> {
    let decoded = negotiation::decode_confirm(connection.variable);
    let is_first = t.facts.negotiation.confirm.is_none() && side == Side::Server;
    let requested = t.facts.negotiation.requested();
    let message = match decoded {
        Ok(Confirm::Failure(_)) => Message::NegotiationFailure,
        Ok(Confirm::Selected { protocol, .. }) if is_first => {
            t.selected(protocol);
            t.is_rdp(Message::ConnectionConfirm, at);
            Message::ConnectionConfirm
        }
        Err(_) if is_first => {
            // What was asked for is the best guess at what was granted.
            t.context.tls = requested.is_some_and(|protocols| protocols.is_tls());
            Message::ConnectionConfirm
        }
        _ => Message::ConnectionConfirm,
    };
    if t.recognise(message, side, at, CLEAR)
        && let Ok(answer) = decoded
    {
        let source_reference = connection.source_reference;
        t.facts.negotiation.confirm = Some(at.seen(ConfirmFact { answer, source_reference }));
    }
    decoded.map(|_| ())
}

fn outcome(result: Outcome, at: At, t: &mut Transcript) {
    let mcs = t.facts.mcs.get_or_insert_default();
    if result != Outcome::rt_successful {
        mcs.refused.get_or_insert(at.seen(result));
    }
}

fn licensing(side: Side, data: Option<&[u8]>, at: At, t: &mut Transcript) {
    let decoded = data.and_then(|data| licence::decode(data).ok());
    let message = match decoded.map(|message| (message.kind, message.alert)) {
        Some((MessageType::ERROR_ALERT, Some(alert))) => {
            t.facts.licensing.alert = Some(at.seen(alert));
            if alert.code == ErrorCode::STATUS_VALID_CLIENT { Message::LicenceGranted } else { Message::LicenceError }
        }
        Some((MessageType::NEW_LICENSE | MessageType::UPGRADE_LICENSE, _)) => Message::LicenceGranted,
        _ if side == Side::Client => Message::LicenceResponse,
        _ => Message::LicenceRequest,
    };
    if t.recognise(message, side, at, CLEAR) {
        t.facts.licensing.keep(at.seen((side, decoded.map(|message| message.kind))));
        if message == Message::LicenceGranted {
            t.facts.licensing.granted = Some(at.seen(CLEAR));
        }
    }
}

fn redirection(side: Side, at: At, t: &mut Transcript) {
    if t.recognise(Message::Redirection, side, at, CLEAR) {
        t.facts.redirection = Some(at.seen(()));
    }
}

/// A share PDU without a security header in front: its length is that of the
/// user data, and its type names version 1 of the protocol ([MS-RDPBCGR]
/// 2.2.8.1.1.1.1), where a security header has zeros.
fn share_pdu(user_data: &[u8], declared_len: usize) -> Option<share::Pdu<'_>> {
    match *user_data {
        [low, high, kind, 0, ..] if kind >> 4 == 1 && usize::from(u16::from_le_bytes([low, high])) == declared_len => {
            share::decode(user_data).ok()
        }
        _ => None,
    }
}

/// The length that the same PDU has inside TLS, where it needs no security
/// header: 12 bytes less, with FIPS 16 and the padding ([MS-RDPBCGR] 2.2.8.1.1.2).
fn encrypted_size(len: u64, method: Option<EncryptionMethods>) -> core::ops::RangeInclusive<u32> {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    match method {
        Some(EncryptionMethods::ENCRYPTION_METHOD_FIPS) => len.saturating_sub(24)..=len.saturating_sub(16),
        _ => len.saturating_sub(12)..=len.saturating_sub(12),
    }
}
