//! What was around the packet that we are after, and how deep it may be buried.

use super::Decoded;
use crate::base::{Cause, ParseError};

/// How many tunnel headers are removed from one frame. Real paths nest two
/// (a mirrored copy of a VXLAN packet); the bound keeps a frame made of nothing
/// but tunnel headers from costing more than a few steps.
pub const MAX_TUNNELS: u8 = 4;

/// What a decoder of this floor returns.
pub(super) type Step<'a> = Result<Decoded<'a>, ParseError>;

/// What the layers around a packet said, kept for the segment inside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope {
    /// Source MAC address of the outermost frame.
    pub(super) source_mac: Option<[u8; 6]>,
    /// Innermost VLAN id of the outermost frame.
    pub(super) vlan: Option<u16>,
    /// Tunnel headers removed so far.
    pub(super) tunnels: u8,
}

impl Envelope {
    /// One tunnel deeper.
    pub(super) fn deeper(self) -> Result<Self, ParseError> {
        if self.tunnels < MAX_TUNNELS {
            Ok(Self { tunnels: self.tunnels.saturating_add(1), ..self })
        } else {
            Err(ParseError::malformed("tunnel", "depth", 0).because(Cause::NotUnderstood))
        }
    }

    /// Whether the layer being read belongs to the outermost frame.
    pub(super) const fn is_outermost(self) -> bool {
        self.tunnels == 0
    }
}
