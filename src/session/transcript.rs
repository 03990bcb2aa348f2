//! Where recognised messages are written down: the one place that turns a
//! message into steps, stages and what is owed next.

use super::waiting::{self, Context, InsideTls, Owed};
use super::{At, IsRdp, Message, SessionFacts, Stage, Waiting};
use crate::base::{Side, Visibility};
use crate::wire::negotiation::Protocols;

/// The facts, and what decides who speaks next.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub facts: SessionFacts,
    pub context: Context,
}

impl Transcript {
    /// Writes down that `side` sent `message`. What cannot be, given what came
    /// before, is noted as misplaced and changes nothing else: returns `false`.
    pub(super) fn recognise(&mut self, message: Message, side: Side, at: At, visibility: Visibility) -> bool {
        let wrong_side = message.sender().is_some_and(|sender| sender != side);
        let goes_back = message.stage().is_some_and(|stage| stage < self.facts.stage());
        if wrong_side || goes_back || self.came_already(message) {
            self.facts.misplaced(message, side, at);
            return false;
        }
        if let Some(stage) = message.stage() {
            self.facts.stages.begin(stage, visibility, at);
        }
        self.facts.steps.add(message, side, at, visibility);
        if message == Message::FontList {
            self.context.font_list = true;
        }
        // A message of the sequence in the clear shows where the connection stands.
        if visibility == Visibility::Clear && message.stage().is_some() && message != Message::Graphics {
            self.facts.stages.settled();
        }
        self.wait(message, side, at);
        if only_rdp_knows(message) {
            self.is_rdp(message, at);
        }
        true
    }

    /// `message` shows that this is RDP.
    pub(super) fn is_rdp(&mut self, message: Message, at: At) {
        if self.facts.is_rdp == IsRdp::Unknown {
            self.facts.is_rdp = IsRdp::Rdp(at.seen(message));
        }
    }

    /// The last step was not what it was taken for, and nothing else either.
    pub(super) fn retract(&mut self, message: Message) {
        if self.facts.steps.retract_last(message).is_some()
            && let Some(before) = self.facts.steps.last()
        {
            self.wait(before.message, before.side, before.last);
        }
    }

    /// What was taken for a licence request and its answer were Demand Active
    /// and Confirm Active: the server does without licensing.
    pub(super) fn activation_after_all(&mut self) {
        let steps = self.facts.steps.rename_last_two(Message::DemandActive, Message::ConfirmActive);
        let Some((demand, confirm)) = steps else { return };
        let kept = self.facts.licensing.messages.len().saturating_sub(2);
        self.facts.licensing.messages.truncate(kept);
        self.facts.stages.begin(Stage::Activation, demand.visibility, demand.at);
        self.wait(confirm.message, confirm.side, confirm.at);
    }

    /// Recomputes what is owed after `message`.
    pub(super) fn wait(&mut self, message: Message, side: Side, at: At) {
        match waiting::after(message, side, self.context) {
            Some(Some((side, owed))) => {
                let closing = self.facts.waiting.is_some_and(|w| w.owed == Owed::Close);
                // A refusal is the answer that was due.
                if owed == Owed::Close && !closing && message != Message::NegotiationFailure {
                    self.facts.unanswered = self.facts.waiting;
                }
                self.facts.waiting = Some(Waiting { side, owed, since: at.seen(message) });
            }
            Some(None) => {}
            None => self.facts.waiting = None,
        }
    }

    /// The server selected `protocol`.
    pub(super) fn selected(&mut self, protocol: Protocols) {
        let credssp = Protocols(Protocols::PROTOCOL_HYBRID.0 | Protocols::PROTOCOL_HYBRID_EX.0);
        let server_first = Protocols(Protocols::PROTOCOL_RDSTLS.0 | Protocols::PROTOCOL_RDSAAD.0);
        self.context.tls = protocol.is_tls();
        self.context.authorization = protocol.contains(Protocols::PROTOCOL_HYBRID_EX);
        self.context.inside_tls = match protocol {
            _ if protocol.0 & credssp.0 != 0 => InsideTls::Credssp,
            _ if protocol.0 & server_first.0 != 0 => InsideTls::ServerFirst,
            Protocols::PROTOCOL_SSL => InsideTls::Mcs,
            _ => InsideTls::Unknown,
        };
    }

    /// Whether `message` comes once in a connection and has come.
    fn came_already(&self, message: Message) -> bool {
        let once = matches!(
            message,
            Message::ConnectionRequest
                | Message::ConnectionConfirm
                | Message::NegotiationFailure
                | Message::ServerHello
                | Message::ConnectInitial
                | Message::ConnectResponse
                | Message::AttachUserConfirm
                | Message::ClientInfo
        );
        let second_hello =
            message == Message::ClientHello && self.facts.steps.find(Message::HelloRetryRequest).is_none();
        (once || second_hello) && self.facts.steps.find(message).is_some()
    }
}

/// Whether no other protocol sends it, or has it answered so. A Connection
/// Request is decided by its content, see [`IsRdp::Unknown`].
const fn only_rdp_knows(message: Message) -> bool {
    matches!(
        message,
        Message::Preconnection
            | Message::NegotiationFailure
            | Message::ConnectResponse
            | Message::AttachUserConfirm
            | Message::DemandActive
    )
}
