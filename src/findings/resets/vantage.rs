//! E4: a capture taken on the claimed sender itself, or beside it.
//!
//! There its own packets have passed no router: their TTL is one of the usual
//! initial values. A reset "from" it that has passed one came from elsewhere;
//! one that leaves it in the same way is its own.

use super::scene::Scene;
use super::{Piece, Strength};
use crate::findings::words;
use crate::flow::{Habits, SequenceFit};

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    if !scene.is_at_sender() {
        return at_refuser(scene);
    }
    let frames = scene.frames();
    let usual = scene.baseline()?.usual;
    if Habits::hops(reset.ttl) > 0 {
        return Some(Piece::other(
            "vantage",
            Strength::Compelling,
            frames,
            format!(
                "the capture was taken at the {}, whose packets leave with TTL {usual}, but this reset had passed {} routers before it got there",
                reset.claimed_by,
                Habits::hops(reset.ttl)
            ),
        ));
    }
    let fits = matches!(reset.fit, SequenceFit::Exact | SequenceFit::AnswersSyn) || reset.seq_is_peers_ack;
    (fits && reset.ttl == usual).then(|| {
        Piece::host(
            "vantage",
            Strength::Strong,
            frames,
            format!(
                "the capture was taken at the {}, and the reset leaves it as its other packets do",
                reset.claimed_by
            ),
        )
    })
}

/// A refused SYN leaves nothing to compare with, but next to the refusing host
/// its TTL is still whole and the answer took no time.
fn at_refuser(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let syn = scene.tcp.handshake.syn_times.last()?;
    let took = reset.at.time.since(syn.time);
    let client_hops = reset.receiver.usual_ttl().map(Habits::hops)?;
    let here = Habits::hops(reset.ttl) == 0 && client_hops > 0 && (0..AT_ONCE_NANOS).contains(&took.nanos());
    (here && reset.fit == SequenceFit::AnswersSyn && scene.tcp.clock_ran_back == 0).then(|| {
        Piece::host(
            "vantage",
            Strength::Strong,
            vec![syn.frame, reset.at.frame],
            format!("the refusal left a host at the capture point {took} after the SYN, with its TTL whole, while the client is {} away", words::hops(client_hops)),
        )
    })
}

/// A host refuses a SYN within this; nothing beyond a router does.
const AT_ONCE_NANOS: i64 = 1_000_000;
