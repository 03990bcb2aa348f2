//! E4, the other half: the same connection in a second capture.
//!
//! A reset that one end receives and the other never sent was built in between.
//! The second capture must stand nearer to the claimed sender, have watched for
//! long enough, and show no hole; the clocks of the two may disagree, so that
//! they are set by the packets that both show. Where a NAT or a proxy wrote
//! other numbers on one side, the two are not known for one connection, and
//! nothing is claimed.

mod view;

#[cfg(test)]
mod tests;

use super::scene::Scene;
use super::{Builder, Piece, Strength};
use crate::base::{At, CaptureTime, Certainty, Span};
use view::Sighted;
pub use view::{View, Views};

/// Clocks of two machines drift apart by less than one part in this many.
const DRIFT: i64 = 2_000;

/// Time stamps are late by what a machine needs to take a packet.
const SLACK: Span = Span::from_millis(20);

/// Resets this much later than the one in question are others.
const ANOTHER: Span = Span::from_secs(2);

/// Why a second capture does not settle who built a reset.
pub const UNSETTLED: [&str; 2] = [
    "packets are missing from the other capture, so that it cannot show what was not sent",
    "the other capture ends too early to show whether the claimed sender sent this reset",
];

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let pieces = scene.views().filter_map(|view| match view.shows(scene.reset) {
        Some(same) => of_the_same(scene, view, same),
        None => of_its_absence(scene, view),
    });
    pieces.max_by_key(|piece| piece.strength)
}

/// Both captures show the packet: what one knows of it, the other may use.
fn of_the_same(scene: &Scene<'_>, view: &View, same: &Sighted) -> Option<Piece> {
    let reset = scene.reset;
    let both = vec![same.at, reset.at];
    if same.certainty == Certainty::Possible {
        return None;
    }
    match same.built_by {
        Builder::OtherDevice => Some(Piece::other(
            "other-end",
            Strength::Compelling,
            both,
            "the other capture shows the same packet, and there it is plain that another device built it".to_owned(),
        )),
        Builder::Host if same.at_sender && view.is_nearer(reset.claimed_by, scene.tcp) => Some(Piece::host(
            "other-end",
            Strength::Strong,
            both,
            format!("the other capture was taken at the {} and shows it sending this packet", reset.claimed_by),
        )),
        _ => None,
    }
}

/// The capture nearer to the claimed sender does not show the packet.
fn of_its_absence(scene: &Scene<'_>, view: &View) -> Option<Piece> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    let side = reset.claimed_by;
    let latest = latest_sending(scene, view)?;
    // Whoever writes numbers anew on the way makes another packet of a reset.
    let rewritten = view.resets.iter().any(|r| r.claimed_by == side && r.at.time.since(latest) <= ANOTHER);
    let sees_all = *view.packets.of(side) >= reset.sender.packets();
    let ending = reset.after_own_fin || reset.after_peer_fin;
    if rewritten || !sees_all || ending || !view.shows_absence || tcp.clock_ran_back > 0 {
        return None;
    }
    if view.watched_until < latest {
        return None;
    }
    let last = *view.last.of(side);
    let unsent = format!("the other capture stands nearer to the {side} and does not show it sending this");
    let (strength, shown, says) = if last.time > latest {
        (Strength::Proof, last, format!("{unsent}; the {side} went on there as if nothing had happened"))
    } else if let Some(crossed) = crossed(scene, view, latest) {
        let says = format!("{unsent}, but a reset in the {}'s name that is not in this one", side.other());
        (Strength::Compelling, crossed, says)
    } else {
        // One packet may be missing from a capture without a trace.
        (Strength::Strong, last, unsent)
    };
    Some(Piece::other("other-end", strength, vec![shown, reset.at], says))
}

/// When the claimed sender must have sent the reset at the latest, by the clock
/// of the other capture; `None` where that one stands on the wrong side.
fn latest_sending(scene: &Scene<'_>, view: &View) -> Option<CaptureTime> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    if !view.is_nearer(reset.claimed_by, tcp) {
        return None;
    }
    let age = reset.at.time.since(tcp.first.time);
    let drift = Span::from_nanos(age.nanos().max(0) / DRIFT);
    Some(reset.at.time + view.latest_offset(reset.claimed_by, tcp)? + drift + SLACK)
}

/// A reset in the other side's name that reached the claimed sender and never
/// passed here, nearer to the other side: each was told that the other had left.
fn crossed(scene: &Scene<'_>, view: &View, latest: CaptureTime) -> Option<At> {
    let tcp = scene.tcp;
    let whole_here = !scene.has_gaps() && tcp.more_resets == 0;
    let never_sent = |r: &&Sighted| {
        let soon = r.at.time.since(latest).abs() <= ANOTHER;
        soon && r.claimed_by != scene.side() && tcp.resets.iter().all(|here| here.claimed_by != r.claimed_by)
    };
    view.resets.iter().find(never_sent).filter(|_| whole_here).map(|r| r.at)
}

/// Why the other capture does not settle it, where one was given that could.
pub(super) fn blind_spot(scene: &Scene<'_>) -> Option<&'static str> {
    let unseen = |view: &&View| view.shows(scene.reset).is_none();
    let view = scene.views().filter(unseen).find(|view| view.is_nearer(scene.side(), scene.tcp))?;
    let [lacks_packets, ends_too_early] = UNSETTLED;
    if !view.shows_absence {
        return Some(lacks_packets);
    }
    let latest = latest_sending(scene, view)?;
    (view.watched_until < latest).then_some(ends_too_early)
}
