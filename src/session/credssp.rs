//! What record shapes tell of CredSSP, and by which sign.

use super::At;
use crate::base::Side;

/// The facts of CredSSP ([MS-CSSP] 3.1.5), all inferred: each TSRequest is one
/// record, and the peers take turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredsspFacts {
    /// The TSRequests in order; at most [`MAX_LEGS`].
    pub legs: Vec<Leg>,
    /// What the size of the first one says.
    pub mechanism: Option<Mechanism>,
    /// A TSRequest with nothing but an error code: the server refused.
    pub error: Option<At>,
    /// The Early User Authorization Result; whether it allows or denies is
    /// encrypted, but who is denied does not go on.
    pub authorization: Option<At>,
}

/// The most TSRequests that are kept; Kerberos takes eight.
pub const MAX_LEGS: usize = 16;

/// A TSRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Who sent it.
    pub side: Side,
    /// Where it was complete.
    pub at: At,
    /// Its length at most, in bytes. The client's last one gives away how long
    /// its password is: never print it.
    pub size: u32,
}

/// What the first TSRequest carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// An NTLM NEGOTIATE message: the client has no ticket for the server.
    Ntlm,
    /// Kerberos.
    Kerberos,
}

impl Mechanism {
    /// Guesses from the first TSRequest. NTLM's is fixed but for the version
    /// and domain that the client may add; Kerberos needs more for its first
    /// word alone.
    pub(super) const fn of_first(size: u32) -> Option<Self> {
        match size {
            40..=120 => Some(Self::Ntlm),
            150.. => Some(Self::Kerberos),
            _ => None,
        }
    }

    /// After how many TSRequests the client has delivered its credentials,
    /// where that is fixed: NEGOTIATE, CHALLENGE, AUTHENTICATE, the server's
    /// proof of its key, the credentials.
    pub(super) const fn legs(self) -> Option<u8> {
        match self {
            Self::Ntlm => Some(5),
            Self::Kerberos => None,
        }
    }
}
