//! VXLAN (RFC 7348 §5): an Ethernet frame in UDP. Cloud mirrors send it.

use super::ether;
use super::extent::Extent;
use super::tunnel::{Envelope, Step};

/// The assigned port.
pub(super) const PORT: u16 = 4789;
/// Linux's port from before the assignment; flannel still uses it.
pub(super) const PORT_LINUX: u16 = 8472;

/// Whether a datagram to one of the ports is VXLAN: the network id is flagged as
/// valid, what is reserved is zero, and a frame follows. Any program may use the
/// ports, and what it sends must not be torn apart.
///
/// The group policy extension (draft-smith-vxlan-group-policy) uses three
/// further flags and two of the reserved bytes.
pub(super) fn is_plausible(payload: &[u8]) -> bool {
    let Some((&[flags, policy, group @ .., _, _, _, reserved], frame)) = payload.split_first_chunk::<HEADER_LEN>()
    else {
        return false;
    };
    let has_group = flags & GROUP_POLICY != 0;
    flags & !GROUP_POLICY == NETWORK_ID_VALID
        && (has_group || group == [0, 0])
        && (policy == 0 || has_group && policy & !(DONT_LEARN | POLICY_APPLIED) == 0)
        && reserved == 0
        && frame.len() >= ether::HEADER_LEN
}

/// The frame inside.
pub(super) fn decode<'a>(payload: Extent<'a>, envelope: Envelope) -> Step<'a> {
    ether::decode(payload.after(HEADER_LEN), envelope.deeper()?)
}

const HEADER_LEN: usize = 8;
const NETWORK_ID_VALID: u8 = 0x08;
const GROUP_POLICY: u8 = 0x80;
const DONT_LEARN: u8 = 0x40;
const POLICY_APPLIED: u8 = 0x08;
