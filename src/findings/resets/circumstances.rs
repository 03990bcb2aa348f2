//! E15, E16, E18: what fits and decides nothing. Reported, never counted.

use super::scene::Scene;
use super::timers;
use super::{Piece, Strength};
use crate::base::Side;
use crate::session::Stage;

/// Repetitions by the receiver after which it has not heard of the reset.
const WENT_ON: u32 = 2;

pub(super) fn weigh(scene: &Scene<'_>) -> Vec<Piece> {
    [timer(scene), stage(scene), one_sided(scene)].into_iter().flatten().collect()
}

/// A silence as long as a known timer. 5 and 10 minutes and an hour are
/// popular with applications, too.
fn timer(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let names = timers::matching(reset.silence_before);
    (!names.is_empty()).then(|| {
        Piece::circumstance(
            "known-timer",
            vec![reset.at.frame],
            format!("it came after {} of silence: {}", reset.silence_before, timers::list(&names)),
        )
    })
}

/// The first answer to the client's opening words. A server without a usable
/// certificate resets there as well.
fn stage(scene: &Scene<'_>) -> Option<Piece> {
    let stage = scene.session.stage();
    let opening = match stage {
        Stage::X224 if scene.session.negotiation.confirm.is_none() => "Connection Request",
        Stage::Tls if scene.session.tls.as_ref().is_some_and(|tls| tls.server_hello.is_none()) => "ClientHello",
        _ => return None,
    };
    (scene.side() == Side::Server).then(|| {
        Piece::circumstance("stage", vec![scene.reset.at.frame], format!("it is the first answer to the {opening}"))
    })
}

/// The side that was reset goes on as if it had not been: the reset went past
/// it, or was lost on its way.
fn one_sided(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    (reset.receiver_went_on >= WENT_ON).then(|| {
        Piece::circumstance(
            "one-sided",
            vec![reset.at.frame],
            format!(
                "the {} sent {} more packets: it did not obey, or never got it",
                reset.claimed_by.other(),
                reset.receiver_went_on
            ),
        )
    })
}

impl Piece {
    fn circumstance(id: &'static str, frames: Vec<crate::base::Frame>, says: String) -> Self {
        Self::other(id, Strength::Circumstance, frames, says)
    }
}
