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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::wire::frame_samples::{ether, hex, ipv4, join};
    use crate::wire::{Decoded, decode};

    #[test]
    fn four_tags_are_removed_and_five_are_too_many() {
        let tagged = |n: usize| ether(0x8100, &join(&[&hex("0001 8100").repeat(n - 1), &hex("0002 0800"), &ipv4()]));
        let frame = tagged(MAX_TAGS);
        let Decoded::Tcp(segment) = decode(LinkType::ETHERNET, &frame, 0) else { panic!() };
        assert_eq!(segment.vlan, Some(2));
        let Decoded::Failed(error) = decode(LinkType::ETHERNET, &tagged(MAX_TAGS + 1), 0) else { panic!() };
        assert_eq!((error.cause, error.layer), (Cause::NotUnderstood, "vlan"));
    }

    #[test]
    fn the_tags_of_an_inner_frame_do_not_count() {
        let inner = ether(0x8100, &join(&[&hex("0009 0800"), &ipv4()]));
        let frame = ether(0x8847, &join(&[&hex("00000100 00000000"), &inner]));
        let Decoded::Tcp(segment) = decode(LinkType::ETHERNET, &frame, 0) else { panic!() };
        assert_eq!((segment.vlan, segment.tunnels), (None, 1));
    }
}
