//! What client and server agreed on in the X.224 connection messages.

use crate::base::{Secret, Seen};
use crate::wire::negotiation::{Confirm, FailureCode, Protocols, Request, RequestFlags, TokenKind};

/// The facts of the negotiation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiation {
    /// A Preconnection PDU came first ([MS-RDPEPS]).
    pub preconnection: Option<Seen<()>>,
    /// The Connection Request.
    pub request: Option<Seen<RequestFact>>,
    /// The Connection Confirm.
    pub confirm: Option<Seen<ConfirmFact>>,
}

/// A Connection Request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFact {
    /// The cookie or routing token: what for, and its bytes. Hostile, and
    /// mostly the beginning of a user name.
    pub token: Option<(TokenKind, Secret<Box<[u8]>>)>,
    /// RDP_NEG_REQ: flags and protocols.
    pub negotiation: Option<(RequestFlags, Protocols)>,
    /// Whether there is a correlation id, which the server logs.
    pub has_correlation_id: bool,
    /// Whether all of it was captured and understood: otherwise what is absent
    /// here may have been there.
    pub is_whole: bool,
}

/// A Connection Confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmFact {
    /// What the server decided.
    pub answer: Confirm,
    /// SRC-REF of the TPDU: Windows and xrdp write 0x1234, FreeRDP 0.
    pub source_reference: u16,
}

impl Negotiation {
    /// The protocols that the client asked for; `None` where no request was
    /// seen, or not enough of it.
    #[must_use]
    pub fn requested(&self) -> Option<Protocols> {
        let request = &self.request.as_ref()?.value;
        let protocols = request.negotiation.map(|(_, protocols)| protocols);
        protocols.or_else(|| request.is_whole.then_some(Protocols::PROTOCOL_RDP))
    }

    /// The protocol that the server selected; `None` where no confirm was
    /// seen, or a failure.
    #[must_use]
    pub fn selected(&self) -> Option<Protocols> {
        match self.confirm.as_ref()?.value.answer {
            Confirm::None => Some(Protocols::PROTOCOL_RDP),
            Confirm::Selected { protocol, .. } => Some(protocol),
            Confirm::Failure(_) => None,
        }
    }

    /// Why the server refused.
    #[must_use]
    pub fn failure(&self) -> Option<Seen<FailureCode>> {
        let confirm = self.confirm.as_ref()?;
        match confirm.value.answer {
            Confirm::Failure(code) => Some(Seen::new(code, confirm.frame, confirm.time)),
            _ => None,
        }
    }

    /// Whether the server selected what the client did not ask for.
    #[must_use]
    pub fn selected_is_not_offered(&self) -> bool {
        let offered = self.requested().zip(self.selected());
        offered.is_some_and(|(requested, selected)| {
            // A client that names only protocols above Standard RDP Security
            // and gets that one refuses it.
            !requested.allow(selected) || (selected == Protocols::PROTOCOL_RDP && requested.is_tls())
        })
    }
}

impl RequestFact {
    pub(super) fn of(request: &Request<'_>, is_damaged: bool) -> Self {
        Self {
            token: request.token.as_ref().map(|token| (token.kind, Secret::new((*token.value.expose()).into()))),
            negotiation: request.negotiation.map(|negotiation| (negotiation.flags, negotiation.protocols)),
            has_correlation_id: request.has_correlation_id,
            is_whole: !is_damaged && request.stopped.is_none(),
        }
    }
}
