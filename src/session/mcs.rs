//! The facts of the MCS connection and of licensing.

use crate::base::{Seen, Side, Visibility};
use crate::wire::gcc::{ClientData, ServerData};
use crate::wire::licence;
use crate::wire::mcs::Outcome;

/// What is known of the MCS connection; contents only with Standard RDP
/// Security, where they are in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct McsFacts {
    /// What the client tells about itself.
    pub client: Option<Seen<ClientData>>,
    /// What the server tells about itself.
    pub server: Option<Seen<ServerData>>,
    /// Refusals in MCS answers: connect, attach, join. The first is kept.
    pub refused: Option<Seen<Outcome>>,
    /// Channel joins asked for.
    pub joins_requested: u32,
    /// Channel joins answered.
    pub joins_confirmed: u32,
    /// Whether the channels were not joined one by one (RDP 10.12 and later
    /// may skip that).
    pub joins_skipped: bool,
}

/// The most licensing messages that are kept; a session host's take five. Later
/// ones are steps as these are.
pub const MAX_LICENCE_MESSAGES: usize = 12;

/// What is known of licensing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicensingFacts {
    /// The messages with who sent them; what they are only where they are clear.
    pub messages: Vec<Seen<(Side, Option<licence::MessageType>)>>,
    /// The code of an ERROR_ALERT that was readable. `STATUS_VALID_CLIENT` is
    /// no error.
    pub alert: Option<Seen<licence::Alert>>,
    /// Licensing came to its end, and how that became visible.
    pub granted: Option<Seen<Visibility>>,
}

impl LicensingFacts {
    /// Whether the server asked for a licence: only a session host does.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.messages.iter().any(|seen| seen.value.0 == Side::Client)
    }

    pub(super) fn keep(&mut self, message: Seen<(Side, Option<licence::MessageType>)>) {
        if self.messages.len() < MAX_LICENCE_MESSAGES {
            self.messages.push(message);
        }
    }
}
