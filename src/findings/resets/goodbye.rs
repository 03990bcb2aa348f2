//! Negative evidence from the protocols above: a host that has just said why
//! it goes, goes.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::base::{At, Span};

/// A reset this soon after the last word belongs to it; mstsc and Windows
/// close within milliseconds, across a slow path within a round trip.
const SOON: Span = Span::from_secs(2);

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let same_ttl = reset.sender.ttls().any(|(ttl, _)| ttl == reset.ttl);
    let (at, word) = last_word(scene)?;
    let took = reset.at.time.since(at.time);
    if !same_ttl || took < Span::ZERO || took > SOON || scene.tcp.clock_ran_back > 0 {
        return None;
    }
    Some(Piece::host(
        "goodbye",
        Strength::Strong,
        vec![at.frame, reset.at.frame],
        format!("{word} had passed {took} before: there was nothing left to say"),
    ))
}

/// The last thing that ends a conversation in an orderly way, from either side.
fn last_word(scene: &Scene<'_>) -> Option<(At, String)> {
    let session = scene.session;
    let before = |at: &At| at.time <= scene.reset.at.time;
    let refused = session.negotiation.failure().map(|failure| (failure.at(), "a negotiation failure".to_owned()));
    let tls = session.tls.as_ref();
    let alert = tls.and_then(|tls| tls.alerts.last()).map(|a| (a.at(), format!("a TLS alert of the {}", a.value.0)));
    let own = scene.side();
    let sealed =
        tls.and_then(|tls| *tls.encrypted_alert.of(own)).map(|at| (at, format!("the {own}'s encrypted TLS alert")));
    let error = session.credssp.as_ref().and_then(|c| c.error).map(|at| (at, "a CredSSP error".to_owned()));
    let ultimatum =
        session.disconnect_ultimatum.as_ref().map(|u| (u.at(), "a Disconnect Provider Ultimatum".to_owned()));
    [refused, alert, sealed, error, ultimatum]
        .into_iter()
        .flatten()
        .filter(|(at, _)| before(at))
        .max_by_key(|(at, _)| (at.time, at.frame))
}
