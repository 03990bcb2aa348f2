//! What is owed next, and by whom.

use core::fmt;

use super::Message;
use crate::base::{Seen, Side};

/// Who owes what since the last recognised message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who is to act.
    pub side: Side,
    /// What is owed.
    pub owed: Owed,
    /// The message that made it owed.
    pub since: Seen<Message>,
}

/// What a side owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owed {
    /// The X.224 Connection Request.
    ConnectionRequest,
    /// The X.224 Connection Confirm.
    ConnectionConfirm,
    /// The (first) ClientHello.
    ClientHello,
    /// The ClientHello that a HelloRetryRequest asked for.
    SecondClientHello,
    /// The ServerHello.
    ServerHello,
    /// What follows the ServerHello in the server's flight.
    ServerFlight,
    /// The client's key share, up to TLS 1.2.
    ClientKeyExchange,
    /// The end of the handshake.
    Finished,
    /// A TSRequest, counted from 1.
    CredsspLeg(u8),
    /// The Early User Authorization Result.
    EarlyUserAuthorization,
    /// A message of RDSTLS or RDS AAD Auth, counted from 1.
    AuthenticationLeg(u8),
    /// The MCS Connect Initial.
    ConnectInitial,
    /// The MCS Connect Response.
    ConnectResponse,
    /// Erect Domain and Attach User Request.
    AttachUserRequest,
    /// The Attach User Confirm.
    AttachUserConfirm,
    /// A Channel Join Request, or the Client Info where all channels are joined
    /// (or joining is skipped).
    ChannelJoinOrClientInfo,
    /// A Channel Join Confirm.
    ChannelJoinConfirm,
    /// The Client Info.
    ClientInfo,
    /// The server's next licensing message.
    LicenceReply,
    /// The client's next licensing message.
    LicenceResponse,
    /// The Demand Active.
    DemandActive,
    /// The Confirm Active.
    ConfirmActive,
    /// The Font List, the last of the client's activation messages.
    FontList,
    /// The Font Map, the last of the server's activation messages.
    FontMap,
    /// Nothing but the end of the connection.
    Close,
}

impl fmt::Display for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionRequest => "the X.224 Connection Request",
            Self::ConnectionConfirm => "the X.224 Connection Confirm",
            Self::ClientHello => "the ClientHello",
            Self::SecondClientHello => "the second ClientHello",
            Self::ServerHello => "the ServerHello",
            Self::ServerFlight => "the rest of the server's TLS handshake",
            Self::ClientKeyExchange => "the client's TLS key exchange",
            Self::Finished => "the TLS Finished",
            Self::CredsspLeg(n) => return write!(f, "the {} CredSSP message", Ordinal(*n)),
            Self::EarlyUserAuthorization => "the Early User Authorization Result",
            Self::AuthenticationLeg(n) => return write!(f, "the {} authentication message", Ordinal(*n)),
            Self::ConnectInitial => "the MCS Connect Initial",
            Self::ConnectResponse => "the MCS Connect Response",
            Self::AttachUserRequest => "the MCS Attach User Request",
            Self::AttachUserConfirm => "the MCS Attach User Confirm",
            Self::ChannelJoinOrClientInfo => "the next MCS Channel Join Request or the Client Info",
            Self::ChannelJoinConfirm => "the MCS Channel Join Confirm",
            Self::ClientInfo => "the Client Info",
            Self::LicenceReply => "the licence reply",
            Self::LicenceResponse => "the client's licence answer",
            Self::DemandActive => "the Demand Active",
            Self::ConfirmActive => "the Confirm Active",
            Self::FontList => "the Font List",
            Self::FontMap => "the Font Map",
            Self::Close => "the end of the connection",
        })
    }
}

/// What has been settled before, as far as it decides who speaks next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// Whether TLS follows the Connection Confirm.
    pub tls: bool,
    /// What comes first inside TLS.
    pub inside_tls: InsideTls,
    /// Whether the Early User Authorization Result ends CredSSP.
    pub authorization: bool,
    /// After how many CredSSP messages the credentials are delivered, where
    /// the first message gives it away (NTLM: five).
    pub last_leg: Option<u8>,
    /// Whether both sides have sent Finished.
    pub tls_done: bool,
    /// Whether the client has spoken all its joins: confirms still to come.
    pub joins_open: bool,
    /// Whether the Font List has been seen.
    pub font_list: bool,
    /// Whether the server's encrypted flight may have more to come.
    pub flight_open: bool,
}

/// What comes first inside TLS: the selected protocol decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum InsideTls {
    /// The negotiation was not seen.
    #[default]
    Unknown,
    /// CredSSP.
    Credssp,
    /// RDSTLS or RDS AAD Auth: the server begins.
    ServerFirst,
    /// The MCS Connect Initial.
    Mcs,
    /// There was no negotiation: whatever it is.
    NotRdp,
}

/// Who owes what once `side` has sent `message`. `None`: nobody owes anything;
/// `Some(None)`: what was owed before still is.
pub(super) fn after(message: Message, side: Side, context: Context) -> Option<Option<(Side, Owed)>> {
    use Side::{Client, Server};
    let owed = match message {
        Message::Preconnection => (Client, Owed::ConnectionRequest),
        Message::ConnectionRequest => (Server, Owed::ConnectionConfirm),
        Message::ConnectionConfirm if context.tls => (Client, Owed::ClientHello),
        Message::ConnectionConfirm => (Client, Owed::ConnectInitial),
        Message::ClientHello => (Server, Owed::ServerHello),
        Message::HelloRetryRequest => (Client, Owed::SecondClientHello),
        Message::ServerHello | Message::Certificate => (Server, Owed::ServerFlight),
        Message::EncryptedFlight if context.flight_open => (Server, Owed::ServerFlight),
        Message::ServerHelloDone => (Client, Owed::ClientKeyExchange),
        Message::ClientKeyExchange | Message::EncryptedFlight => (Client, Owed::Finished),
        Message::Finished if !context.tls_done => (side.other(), Owed::Finished),
        Message::Finished => match context.inside_tls {
            InsideTls::Unknown | InsideTls::NotRdp => return None,
            InsideTls::Credssp => (Client, Owed::CredsspLeg(1)),
            InsideTls::ServerFirst => (Server, Owed::AuthenticationLeg(1)),
            InsideTls::Mcs => (Client, Owed::ConnectInitial),
        },
        Message::CredsspLeg(n) if context.last_leg == Some(n) && context.authorization => {
            (Server, Owed::EarlyUserAuthorization)
        }
        Message::CredsspLeg(n) if context.last_leg == Some(n) => (Client, Owed::ConnectInitial),
        Message::CredsspLeg(n) => (side.other(), Owed::CredsspLeg(n.saturating_add(1))),
        Message::AuthenticationLeg(3..) | Message::EarlyUserAuthorization => (Client, Owed::ConnectInitial),
        Message::AuthenticationLeg(n) => (side.other(), Owed::AuthenticationLeg(n.saturating_add(1))),
        Message::ConnectInitial => (Server, Owed::ConnectResponse),
        Message::ConnectResponse | Message::ErectDomain => (Client, Owed::AttachUserRequest),
        Message::AttachUserRequest => (Server, Owed::AttachUserConfirm),
        Message::ChannelJoinRequest => (Server, Owed::ChannelJoinConfirm),
        Message::ChannelJoinConfirm if context.joins_open => (Server, Owed::ChannelJoinConfirm),
        Message::AttachUserConfirm | Message::ChannelJoinConfirm => (Client, Owed::ChannelJoinOrClientInfo),
        Message::SecurityExchange => (Client, Owed::ClientInfo),
        Message::ClientInfo | Message::LicenceResponse => (Server, Owed::LicenceReply),
        Message::LicenceRequest => (Client, Owed::LicenceResponse),
        Message::LicenceGranted => (Server, Owed::DemandActive),
        Message::DemandActive => (Client, Owed::ConfirmActive),
        Message::FontList => (Server, Owed::FontMap),
        Message::ConfirmActive | Message::Synchronize | Message::Control if context.font_list => {
            (Server, Owed::FontMap)
        }
        Message::ConfirmActive | Message::Synchronize | Message::Control => (Client, Owed::FontList),
        Message::NegotiationFailure
        | Message::Alert
        | Message::EncryptedAlert
        | Message::CredsspError
        | Message::LicenceError
        | Message::SetErrorInfo
        | Message::DisconnectUltimatum => (side, Owed::Close),
        Message::Redirection => (Client, Owed::Close),
        Message::FontMap | Message::Graphics => return None,
        Message::AutoDetect | Message::Multitransport => return Some(None),
    };
    Some(Some(owed))
}

struct Ordinal(u8);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 9] = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];
        match usize::from(self.0).checked_sub(1).and_then(|n| NAMES.get(n)) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}th", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_reads_as_part_of_a_sentence() {
        assert_eq!(Owed::CredsspLeg(2).to_string(), "the second CredSSP message");
        assert_eq!(Owed::CredsspLeg(11).to_string(), "the 11th CredSSP message");
        assert_eq!(Owed::LicenceReply.to_string(), "the licence reply");
    }

    #[test]
    fn the_negotiated_protocol_decides_what_follows() {
        let hybrid = Context { tls: true, inside_tls: InsideTls::Credssp, tls_done: true, ..Context::default() };
        let confirm = after(Message::ConnectionConfirm, Side::Server, hybrid);
        assert_eq!(confirm, Some(Some((Side::Client, Owed::ClientHello))));
        let standard = after(Message::ConnectionConfirm, Side::Server, Context::default());
        assert_eq!(standard, Some(Some((Side::Client, Owed::ConnectInitial))));
        let finished = after(Message::Finished, Side::Server, hybrid);
        assert_eq!(finished, Some(Some((Side::Client, Owed::CredsspLeg(1)))));
    }
}
