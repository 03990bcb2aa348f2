//! VLAN tags: IEEE 802.1Q, 802.1ad (QinQ), and the older QinQ type.

use super::extent::Extent;
use super::tunnel::Envelope;
use crate::base::{Cause, ParseError};

/// Tags removed from one frame. Two are QinQ, a third is seen where a mirror
/// port adds its own; more is a frame made to waste time.
const MAX_TAGS: usize = 4;

/// Length of a tag after its EtherType: priority and VLAN id, then the next type.
pub(super) const TAG_LEN: usize = 4;

/// Whether `ether_type` announces a tag.
pub(super) const fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100)
}

/// Removes the tags in front of `payload`; the innermost id goes into `envelope`.
///
/// Id 0 is a priority without a VLAN (IEEE 802.1Q §9.6).
pub(super) fn strip<'a>(
    ether_type: u16,
    payload: Extent<'a>,
    envelope: &mut Envelope,
) -> Result<(u16, Extent<'a>), ParseError> {
    let (mut ether_type, mut payload) = (ether_type, payload);
    for _ in 0..MAX_TAGS {
        if !is_tag(ether_type) {
            return Ok((ether_type, payload));
        }
        let ((control, next), rest) = payload.read("vlan", |c| Ok((c.u16_be("control")?, c.u16_be("type")?)))?;
        let id = control & 0x0fff;
        if envelope.is_outermost() && id != 0 {
            envelope.vlan = Some(id);
        }
        (ether_type, payload) = (next, rest);
    }
    if is_tag(ether_type) {
        return Err(ParseError::malformed("vlan", "tags", 0).because(Cause::NotUnderstood));
    }
    Ok((ether_type, payload))
}
