//! What is known about a conversation. Everything later floors may use is here.

use super::{CredsspFacts, McsFacts, Negotiation, Records, Stage, Stages, Steps, TlsFacts, Waiting};
use super::{Doubt, LicensingFacts, Message, Owed};
use crate::base::{At, BySide, GapCause, ParseError, Seen, Side, Visibility};
use crate::wire::error_info::ErrorInfo;
use crate::wire::mcs::DisconnectReason;

/// The facts of one conversation.
///
/// Sides are the protocol's: the client is who sent the Connection Request or
/// the ClientHello, whatever the caller called it (see
/// [`Session::roles`](super::Session::roles)). As long as neither was seen they
/// are the caller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whether this is RDP at all.
    pub is_rdp: IsRdp,
    /// The stages that had begun.
    pub stages: Stages,
    /// What is owed next; `None` before the first message and in a session
    /// that is running.
    pub waiting: Option<Waiting>,
    /// What was owed when one side began to close instead (an alert, a goodbye):
    /// whoever gave up waiting says so before the FIN.
    pub unanswered: Option<Waiting>,
    /// The recognised messages in order.
    pub steps: Steps,
    /// A header of the PROXY protocol came first: a load balancer stands before
    /// the server, and speaks for somebody else. Its length in bytes.
    pub proxy_header: Option<Seen<usize>>,
    /// What the X.224 negotiation said.
    pub negotiation: Negotiation,
    /// What the TLS handshake said.
    pub tls: Option<Box<TlsFacts>>,
    /// What is known of CredSSP.
    pub credssp: Option<Box<CredsspFacts>>,
    /// What is known of the MCS connection.
    pub mcs: Option<Box<McsFacts>>,
    /// What is known of licensing.
    pub licensing: LicensingFacts,
    /// The server's reason for the disconnect to come.
    pub error_info: Option<Seen<ErrorInfoFact>>,
    /// The orderly end of an MCS connection.
    pub disconnect_ultimatum: Option<Seen<Ultimatum>>,
    /// The server sent the client elsewhere.
    pub redirection: Option<Seen<()>>,
    /// The protected records.
    pub records: Option<Box<Records>>,
    /// Where a side could not be followed; the last such place.
    pub blind: BySide<Option<Blind>>,
    /// Where each side said that it has nothing more to send (FIN).
    pub ended: BySide<Option<At>>,
    /// Messages that do not belong where they came, by kind; at most
    /// [`MAX_OUT_OF_PLACE`].
    pub out_of_place: Vec<OutOfPlace>,
    /// Messages of further kinds.
    pub more_out_of_place: u32,
    /// The first message that could not be decoded, and how many there were.
    pub not_decoded: Option<(Seen<(Side, ParseError)>, u32)>,
}

/// How many kinds of misplaced messages are told apart.
pub const MAX_OUT_OF_PLACE: usize = 8;

/// Whether a conversation is RDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsRdp {
    /// Nothing was seen that decides it. A Connection Request without
    /// negotiation data is ambiguous: other protocols open like that too.
    #[default]
    Unknown,
    /// It is, as the first message that only RDP knows shows.
    Rdp(Seen<Message>),
    /// It is something else, as the first bytes of a side show.
    Other(Seen<(Side, Foreign)>),
}

/// What speaks instead of RDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// An SSH identification string (RFC 4253 section 4.2).
    Ssh,
    /// HTTP, request or response.
    Http,
    /// The Remote Framebuffer protocol of VNC (RFC 6143 section 7.1.1).
    Vnc,
    /// TLS from the first byte on. RDP can do that as well ([MS-RDPBCGR]
    /// 5.4.2.2), though hardly any client does.
    Tls,
    /// Something else.
    Other,
}

/// A Set Error Info PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorInfoFact {
    /// The code, where it could be read.
    pub code: Option<ErrorInfo>,
    /// How the PDU became visible.
    pub visibility: Visibility,
}

/// An MCS Disconnect Provider Ultimatum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ultimatum {
    /// Who sent it.
    pub side: Side,
    /// The reason, where it could be read.
    pub reason: Option<DisconnectReason>,
    /// How it became visible.
    pub visibility: Visibility,
}

/// A side that could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blind {
    /// From where on, and why.
    pub from: Seen<BlindCause>,
    /// Where messages were recognised again.
    pub recovered: Option<At>,
}

/// Why a side could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlindCause {
    /// Bytes are missing, and where the next message begins is not known.
    Gap(GapCause),
    /// The bytes are no message of any protocol that belongs here.
    NotUnderstood,
}

/// A message that does not belong where it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfPlace {
    /// What came.
    pub got: Message,
    /// Who sent it.
    pub side: Side,
    /// What was owed, and by whom.
    pub expected: Option<(Side, Owed)>,
    /// The first of them.
    pub first: At,
    /// How many came.
    pub count: u32,
}

impl SessionFacts {
    /// The last stage that had begun.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stages.last()
    }

    /// Whether some bytes of the connection sequence may be missing.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.blind.client.is_some() || self.blind.server.is_some() || self.stages.lower_bound().is_some()
    }

    pub(super) fn doubt(&mut self, why: Doubt, at: At) {
        self.stages.doubt(why, at.frame);
    }

    pub(super) fn misplaced(&mut self, got: Message, side: Side, at: At) {
        let expected = self.waiting.map(|waiting| (waiting.side, waiting.owed));
        if let Some(known) = self.out_of_place.iter_mut().find(|known| known.got == got && known.side == side) {
            known.count = known.count.saturating_add(1);
        } else if self.out_of_place.len() < MAX_OUT_OF_PLACE {
            self.out_of_place.push(OutOfPlace { got, side, expected, first: at, count: 1 });
        } else {
            self.more_out_of_place = self.more_out_of_place.saturating_add(1);
        }
    }

    pub(super) fn undecoded(&mut self, side: Side, error: ParseError, at: At) {
        let (_, count) = self.not_decoded.get_or_insert((at.seen((side, error)), 0));
        *count = count.saturating_add(1);
    }

    /// Whether the last record of `side` was taken for an ultimatum.
    pub(super) fn may_end(&self, side: Side) -> bool {
        let is_inferred = |ultimatum: &Ultimatum| ultimatum.visibility == Visibility::Inferred;
        self.disconnect_ultimatum.as_ref().is_some_and(|seen| seen.value.side == side && is_inferred(&seen.value))
    }

    pub(super) fn swap_sides(&mut self) {
        self.steps.swap_sides();
        for waiting in [&mut self.waiting, &mut self.unanswered].into_iter().flatten() {
            waiting.side = waiting.side.other();
        }
        if let Some(records) = &mut self.records {
            records.swap_sides();
        }
        self.blind.swap();
        self.ended.swap();
        if let IsRdp::Other(seen) = &mut self.is_rdp {
            seen.value.0 = seen.value.0.other();
        }
        if let Some(ultimatum) = &mut self.disconnect_ultimatum {
            ultimatum.value.side = ultimatum.value.side.other();
        }
        for misplaced in &mut self.out_of_place {
            misplaced.side = misplaced.side.other();
            misplaced.expected = misplaced.expected.map(|(side, owed)| (side.other(), owed));
        }
        if let Some((first, _)) = &mut self.not_decoded {
            first.value.0 = first.value.0.other();
        }
    }
}
