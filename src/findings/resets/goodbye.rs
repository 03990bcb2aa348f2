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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame, Side};
    use crate::findings::resets::tests::{answered, strength, with};
    use crate::findings::resets::{Builder, Company, judge};
    use crate::flow::TcpFacts;
    use crate::session::{CredsspFacts, SessionFacts};

    /// A CredSSP error that passed `ms` after the start of `talk`.
    fn refused_at(ms: i64) -> SessionFacts {
        let at = At { frame: Frame::new(0, 9), time: CaptureTime::from_nanos(ms * 1_000_000) };
        SessionFacts {
            credssp: Some(Box::new(CredsspFacts { error: Some(at), ..Default::default() })),
            ..Default::default()
        }
    }

    /// A reset of `talk`, 60 ms after its start, that has nothing else to show.
    fn bare(ttl: u8) -> TcpFacts {
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (ttl, 0);
        with(rst)
    }

    fn weighed(tcp: &TcpFacts, session: &SessionFacts) -> Option<Strength> {
        strength(&judge(tcp, session, Company::default()).remove(0), "goodbye")
    }

    #[test]
    fn a_last_word_just_before_speaks_for_the_host() {
        let (tcp, session) = (bare(121), refused_at(55));
        assert_eq!(weighed(&tcp, &session), Some(Strength::Strong));
        let judgement = judge(&tcp, &session, Company::default()).remove(0);
        assert_eq!(
            (judgement.built_by, judgement.evidence[0].points_at),
            (Builder::Host, crate::findings::resets::PointsAt::Host)
        );
    }

    #[test]
    fn an_old_word_a_later_one_or_none_says_nothing() {
        assert_eq!(weighed(&bare(121), &refused_at(-3_000)), None, "three seconds before");
        assert_eq!(weighed(&bare(121), &refused_at(70)), None, "after the reset");
        assert_eq!(weighed(&bare(121), &SessionFacts::default()), None);
    }

    #[test]
    fn a_reset_that_came_another_way_is_not_cleared_by_it() {
        assert_eq!(weighed(&bare(63), &refused_at(55)), None);
    }

    #[test]
    fn clocks_that_disagree_do_not_know_what_was_before() {
        let mut tcp = bare(121);
        tcp.clock_ran_back = 1;
        assert_eq!(weighed(&tcp, &refused_at(55)), None);
    }

    #[test]
    fn every_kind_of_last_word_counts_and_the_newest_is_told() {
        let at = |ms: i64| At { frame: Frame::new(0, 9), time: CaptureTime::from_nanos(ms * 1_000_000) };
        let mut session = refused_at(40);
        session.disconnect_ultimatum = Some(at(58).seen(crate::session::Ultimatum {
            side: Side::Server,
            reason: None,
            visibility: crate::base::Visibility::Clear,
        }));
        let judgement = judge(&bare(121), &session, Company::default()).remove(0);
        let piece = judgement.evidence.iter().find(|piece| piece.id == "goodbye").unwrap();
        assert!(piece.says.starts_with("a Disconnect Provider Ultimatum"), "{}", piece.says);
    }
}
