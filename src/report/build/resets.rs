//! Resets and who built them.

use super::Frames;
use crate::findings::resets::{Builder, Effect, Judgement, Piece, PointsAt, Strength};
use crate::flow::ResetFacts;
use crate::report::document;

pub(super) fn build(reset: &ResetFacts, judgement: Judgement, frames: Frames) -> document::Reset {
    document::Reset {
        frame: frames.name(reset.at.frame),
        time: reset.at.time.into(),
        claimed_by: reset.claimed_by.into(),
        built_by: match judgement.built_by {
            Builder::Host => document::BuiltBy::Host,
            Builder::OtherDevice => document::BuiltBy::OtherDevice,
            Builder::Undetermined => document::BuiltBy::Undetermined,
        },
        certainty: judgement.certainty.into(),
        effect: match judgement.effect {
            Effect::EndedConnection => document::ResetEffect::Ended,
            Effect::AfterTheEnd => document::ResetEffect::AfterTheEnd,
            Effect::Ignored => document::ResetEffect::Ignored,
            Effect::Challenged => document::ResetEffect::Challenged,
        },
        hops: judgement.distance().map(|distance| document::Hops { host: distance.host, reset: distance.builder }),
        evidence: judgement.evidence.into_iter().map(|piece| evidence(piece, frames)).collect(),
        cannot_tell: judgement.cannot_tell.into_iter().map(Into::into).collect(),
    }
}

fn evidence(piece: Piece, frames: Frames) -> document::ResetEvidence {
    document::ResetEvidence {
        id: piece.id.into(),
        points_to: match piece.points_at {
            PointsAt::Host => document::BuiltBy::Host,
            PointsAt::OtherDevice => document::BuiltBy::OtherDevice,
        },
        strength: match piece.strength {
            Strength::Circumstance => document::Strength::Circumstance,
            Strength::Weak => document::Strength::Weak,
            Strength::Strong => document::Strength::Strong,
            Strength::Compelling => document::Strength::Compelling,
            Strength::Proof => document::Strength::Proof,
        },
        frames: piece.rests_on.iter().map(|at| frames.name(at.frame)).collect(),
        says: piece.says,
    }
}
