//! The messages that are told apart, and the stage that each begins.

use core::fmt;

use super::Stage;
use crate::base::{Side, Text};

/// A recognised message. Clear ones are known by their bytes; behind TLS the
/// same names are given to records by their shape, and say so by their
/// [`Visibility`](crate::base::Visibility).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// [MS-RDPEPS] 2.2.1.
    Preconnection,
    /// X.224 Connection Request, [MS-RDPBCGR] 2.2.1.1.
    ConnectionRequest,
    /// X.224 Connection Confirm without a failure, 2.2.1.2.
    ConnectionConfirm,
    /// X.224 Connection Confirm with RDP_NEG_FAILURE, 2.2.1.2.2.
    NegotiationFailure,
    /// TLS ClientHello.
    ClientHello,
    /// TLS 1.3 HelloRetryRequest: the client is to send another ClientHello.
    HelloRetryRequest,
    /// TLS ServerHello.
    ServerHello,
    /// The server's certificate chain; encrypted in TLS 1.3.
    Certificate,
    /// The end of the server's first flight, up to TLS 1.2.
    ServerHelloDone,
    /// The encrypted rest of the server's flight in TLS 1.3, begun.
    EncryptedFlight,
    /// The client's key share, up to TLS 1.2.
    ClientKeyExchange,
    /// The end of the handshake on one side.
    Finished,
    /// An alert in the clear.
    Alert,
    /// An alert whose content is encrypted; a harmless close_notify looks the same.
    EncryptedAlert,
    /// A TSRequest, counted from 1; the client sends the odd ones.
    CredsspLeg(u8),
    /// A TSRequest that carries nothing but an error code, [MS-CSSP] 2.2.1.
    CredsspError,
    /// Early User Authorization Result, [MS-RDPBCGR] 2.2.10.2.
    EarlyUserAuthorization,
    /// A message of RDSTLS (2.2.17) or RDS AAD Auth (2.2.18), counted from 1;
    /// the server sends the odd ones.
    AuthenticationLeg(u8),
    /// MCS Connect Initial, 2.2.1.3.
    ConnectInitial,
    /// MCS Connect Response, 2.2.1.4.
    ConnectResponse,
    /// MCS Erect Domain Request, 2.2.1.5.
    ErectDomain,
    /// MCS Attach User Request, 2.2.1.6.
    AttachUserRequest,
    /// MCS Attach User Confirm, 2.2.1.7.
    AttachUserConfirm,
    /// MCS Channel Join Request, 2.2.1.8.
    ChannelJoinRequest,
    /// MCS Channel Join Confirm, 2.2.1.9.
    ChannelJoinConfirm,
    /// Security Exchange of Standard RDP Security, 2.2.1.10.
    SecurityExchange,
    /// Client Info, 2.2.1.11.
    ClientInfo,
    /// Connect-time auto-detection, 2.2.14: round-trip time and bandwidth.
    AutoDetect,
    /// A licensing message of the server that asks for an answer, 2.2.1.12.
    LicenceRequest,
    /// A licensing message of the client.
    LicenceResponse,
    /// STATUS_VALID_CLIENT, or a licence: licensing is over, 2.2.1.12.1.
    LicenceGranted,
    /// A licensing error.
    LicenceError,
    /// Initiate Multitransport, 2.2.15: the server offers UDP.
    Multitransport,
    /// Demand Active, 2.2.1.13.1.
    DemandActive,
    /// Confirm Active, 2.2.1.13.2.
    ConfirmActive,
    /// Synchronize, 2.2.1.14 and 2.2.1.19.
    Synchronize,
    /// Control, 2.2.1.15, 2.2.1.16, 2.2.1.20 and 2.2.1.21.
    Control,
    /// Font List, 2.2.1.18.
    FontList,
    /// Font Map, 2.2.1.22.
    FontMap,
    /// Graphics, or input, of a session in progress.
    Graphics,
    /// Set Error Info, 2.2.5.1.
    SetErrorInfo,
    /// Server Redirection, 2.2.13: the client goes elsewhere.
    Redirection,
    /// MCS Disconnect Provider Ultimatum, 2.2.2.3.
    DisconnectUltimatum,
}

impl Message {
    /// The stage that had begun once this message was sent.
    #[must_use]
    pub const fn stage(self) -> Option<Stage> {
        Some(match self {
            Self::ConnectionRequest | Self::ConnectionConfirm | Self::NegotiationFailure => Stage::X224,
            Self::ClientHello
            | Self::HelloRetryRequest
            | Self::ServerHello
            | Self::Certificate
            | Self::ServerHelloDone
            | Self::EncryptedFlight
            | Self::ClientKeyExchange
            | Self::Finished => Stage::Tls,
            Self::CredsspLeg(_) | Self::CredsspError | Self::EarlyUserAuthorization => Stage::Credssp,
            Self::ConnectInitial
            | Self::ConnectResponse
            | Self::ErectDomain
            | Self::AttachUserRequest
            | Self::AttachUserConfirm
            | Self::ChannelJoinRequest
            | Self::ChannelJoinConfirm
            | Self::SecurityExchange => Stage::Mcs,
            Self::ClientInfo
            | Self::AutoDetect
            | Self::LicenceRequest
            | Self::LicenceResponse
            | Self::LicenceGranted
            | Self::LicenceError
            | Self::Multitransport => Stage::Licensing,
            Self::DemandActive | Self::ConfirmActive | Self::Synchronize | Self::Control | Self::FontList => {
                Stage::Activation
            }
            Self::FontMap | Self::Graphics => Stage::Active,
            Self::Preconnection
            | Self::Alert
            | Self::EncryptedAlert
            | Self::AuthenticationLeg(_)
            | Self::SetErrorInfo
            | Self::Redirection
            | Self::DisconnectUltimatum => return None,
        })
    }

    /// Who sends it, where only one side may.
    #[must_use]
    pub const fn sender(self) -> Option<Side> {
        match self {
            Self::Preconnection
            | Self::ConnectionRequest
            | Self::ClientHello
            | Self::ClientKeyExchange
            | Self::ConnectInitial
            | Self::ErectDomain
            | Self::AttachUserRequest
            | Self::ChannelJoinRequest
            | Self::SecurityExchange
            | Self::ClientInfo
            | Self::LicenceResponse
            | Self::ConfirmActive
            | Self::FontList => Some(Side::Client),
            Self::ConnectionConfirm
            | Self::NegotiationFailure
            | Self::HelloRetryRequest
            | Self::ServerHello
            | Self::Certificate
            | Self::ServerHelloDone
            | Self::EncryptedFlight
            | Self::CredsspError
            | Self::EarlyUserAuthorization
            | Self::ConnectResponse
            | Self::AttachUserConfirm
            | Self::ChannelJoinConfirm
            | Self::LicenceRequest
            | Self::LicenceGranted
            | Self::Multitransport
            | Self::DemandActive
            | Self::FontMap
            | Self::SetErrorInfo
            | Self::Redirection => Some(Side::Server),
            _ => None,
        }
    }

    /// Whether it may be sent again where it was just sent.
    pub(super) const fn repeats(self) -> bool {
        matches!(self, Self::ChannelJoinRequest | Self::ChannelJoinConfirm | Self::AutoDetect | Self::Multitransport)
    }
}

impl Message {
    /// Its name, as its specification has it where there is one.
    #[must_use]
    pub fn name(self) -> Text {
        Text::Borrowed(match self {
            Self::Preconnection => "Preconnection PDU",
            Self::ConnectionRequest => "X.224 Connection Request",
            Self::ConnectionConfirm => "X.224 Connection Confirm",
            Self::NegotiationFailure => "RDP Negotiation Failure",
            Self::ClientHello => "ClientHello",
            Self::HelloRetryRequest => "HelloRetryRequest",
            Self::ServerHello => "ServerHello",
            Self::Certificate => "server certificate",
            Self::ServerHelloDone => "ServerHelloDone",
            Self::EncryptedFlight => "encrypted server flight",
            Self::ClientKeyExchange => "ClientKeyExchange",
            Self::Finished => "TLS Finished",
            Self::Alert => "TLS alert",
            Self::EncryptedAlert => "encrypted TLS alert",
            Self::CredsspLeg(n) => return leg(n),
            Self::CredsspError => "CredSSP error",
            Self::EarlyUserAuthorization => "Early User Authorization Result",
            Self::AuthenticationLeg(n) => return format!("authentication message {n}").into(),
            Self::ConnectInitial => "MCS Connect Initial",
            Self::ConnectResponse => "MCS Connect Response",
            Self::ErectDomain => "MCS Erect Domain Request",
            Self::AttachUserRequest => "MCS Attach User Request",
            Self::AttachUserConfirm => "MCS Attach User Confirm",
            Self::ChannelJoinRequest => "MCS Channel Join Request",
            Self::ChannelJoinConfirm => "MCS Channel Join Confirm",
            Self::SecurityExchange => "Security Exchange",
            Self::ClientInfo => "Client Info",
            Self::AutoDetect => "auto-detection",
            Self::LicenceRequest => "licensing message of the server",
            Self::LicenceResponse => "licensing message of the client",
            Self::LicenceGranted => "end of licensing",
            Self::LicenceError => "licensing error",
            Self::Multitransport => "Initiate Multitransport",
            Self::DemandActive => "Demand Active",
            Self::ConfirmActive => "Confirm Active",
            Self::Synchronize => "Synchronize",
            Self::Control => "Control",
            Self::FontList => "Font List",
            Self::FontMap => "Font Map",
            Self::Graphics => "session traffic",
            Self::SetErrorInfo => "Set Error Info",
            Self::Redirection => "Server Redirection",
            Self::DisconnectUltimatum => "MCS Disconnect Provider Ultimatum",
        })
    }
}

/// A TSRequest; NTLM makes five, and what is beyond is seldom.
fn leg(number: u8) -> Text {
    const USUAL: [&str; 6] = [
        "CredSSP message 1",
        "CredSSP message 2",
        "CredSSP message 3",
        "CredSSP message 4",
        "CredSSP message 5",
        "CredSSP message 6",
    ];
    let usual = number.checked_sub(1).and_then(|before| USUAL.get(usize::from(before)));
    usual.map_or_else(|| format!("CredSSP message {number}").into(), |usual| (*usual).into())
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
