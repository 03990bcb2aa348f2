//! Header shapes that only certain reset builders emit, and text in a reset.

use super::{Piece, PointsAt, Strength};
use crate::flow::ResetFacts;
use crate::wire::TcpFlags;

/// Fewer printable bytes are chance.
const MIN_TEXT: usize = 4;

pub(super) fn weigh(reset: &ResetFacts) -> Option<Piece> {
    text(reset).or_else(|| inline_ips(reset))
}

/// Load balancers write the cause of a reset into it (RFC 1122 §4.2.2.12).
fn text(reset: &ResetFacts) -> Option<Piece> {
    let printable = reset.payload.iter().take_while(|b| (0x20..0x7f).contains(*b)).count();
    if printable < MIN_TEXT || printable * 10 < reset.payload.len() * 8 {
        return None;
    }
    let text: String = reset.payload.iter().take(printable).map(|b| char::from(*b)).collect();
    Some(Piece {
        id: "reset-text",
        points_at: PointsAt::OtherDevice,
        strength: Strength::Proof,
        frames: vec![reset.at.frame],
        says: format!("it carries a text, as load balancers and firewalls write: \"{text}\""),
    })
}

/// Suricata's rejecting responder: initial TTL 64, identification 0, no
/// don't-fragment bit, window copied from the packet that triggered it.
fn inline_ips(reset: &ResetFacts) -> Option<Piece> {
    let shape = reset.id == Some(0)
        && !reset.dont_fragment
        && reset.ttl <= 64
        && reset.flags.has(TcpFlags::RST | TcpFlags::ACK)
        && reset.window != 0
        && (reset.window == reset.receiver.last_window || reset.window == reset.sender.last_window);
    // A sender that itself clears the bit or writes 0 is no contrast.
    if !shape || !reset.sender.always_df || reset.sender.packets() < 2 {
        return None;
    }
    Some(Piece {
        id: "ips-template",
        points_at: PointsAt::OtherDevice,
        strength: Strength::Strong,
        frames: vec![reset.at.frame],
        says: format!(
            "identification 0, don't-fragment clear and a window ({}) copied from the packet before: the shape of an intrusion prevention system's reset, unlike the {}'s packets",
            reset.window, reset.claimed_by
        ),
    })
}
