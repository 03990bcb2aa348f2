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
        vec![at, reset.at],
        format!("{word} had passed {took} before: there was nothing left to say"),
    ))
}

/// The last thing that ends a conversation in an orderly way, from either side.
fn last_word(scene: &Scene<'_>) -> Option<(At, String)> {
    let session = scene.session;
    let before = |at: &At| !at.follows(&scene.reset.at);
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
        .max_by(|(a, _), (b, _)| a.order(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BySide, CaptureTime, Frame, Side, Visibility};
    use crate::findings::resets::testing::{answered, strength, with};
    use crate::findings::resets::{Builder, Company, PointsAt, judge};
    use crate::flow::TcpFacts;
    use crate::session::{ConfirmFact, CredsspFacts, Negotiation, SessionFacts, TlsFacts, Ultimatum};
    use crate::wire::negotiation::{Confirm, FailureCode};
    use crate::wire::tls::alert::{Alert, AlertDescription, AlertLevel};

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
        assert_eq!((judgement.built_by, judgement.evidence[0].points_at), (Builder::Host, PointsAt::Host));
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

    /// What is said of the word that passed before a reset of the server.
    fn told(session: &SessionFacts) -> Option<String> {
        let judgement = judge(&bare(121), session, Company::default()).remove(0);
        judgement.evidence.iter().find(|piece| piece.id == "goodbye").map(|piece| piece.says.to_string())
    }

    fn at(ms: i64) -> At {
        At { frame: Frame::new(0, 9), time: CaptureTime::from_nanos(ms * 1_000_000) }
    }

    #[test]
    fn every_kind_of_last_word_counts() {
        let words: [(&str, SessionFacts); 5] = [
            ("a negotiation failure had passed 5.0 ms", refusing(55)),
            ("a TLS alert of the server had passed 5.0 ms", alerting(55)),
            ("the server's encrypted TLS alert had passed 5.0 ms", sealed(Side::Server, 55)),
            ("a CredSSP error had passed 5.0 ms", refused_at(55)),
            ("a Disconnect Provider Ultimatum had passed 5.0 ms", ultimatum(55)),
        ];
        for (wanted, session) in words {
            let says = told(&session).unwrap_or_default();
            assert!(says.starts_with(wanted), "{says}");
        }
        assert_eq!(told(&sealed(Side::Client, 55)), None, "the client's word is not the server's");
    }

    #[test]
    fn the_newest_is_told() {
        let mut session = refused_at(40);
        session.disconnect_ultimatum = ultimatum(58).disconnect_ultimatum;
        assert!(told(&session).unwrap().starts_with("a Disconnect Provider Ultimatum"));
    }

    #[test]
    fn each_kind_is_too_old_after_two_seconds_and_none_before_it_was_said() {
        for make in [refusing, alerting, |ms| sealed(Side::Server, ms), refused_at, ultimatum] {
            assert_eq!(told(&make(-2_100)), None);
            assert_eq!(told(&make(61)), None);
        }
    }

    fn refusing(ms: i64) -> SessionFacts {
        let answer = Confirm::Failure(FailureCode::SSL_NOT_ALLOWED_BY_SERVER);
        let confirm = at(ms).seen(ConfirmFact { answer, source_reference: 0 });
        SessionFacts { negotiation: Negotiation { confirm: Some(confirm), ..Default::default() }, ..Default::default() }
    }

    fn tls(facts: TlsFacts) -> SessionFacts {
        SessionFacts { tls: Some(Box::new(facts)), ..Default::default() }
    }

    fn alerting(ms: i64) -> SessionFacts {
        let alert = Alert { level: AlertLevel::fatal, description: AlertDescription::protocol_version };
        tls(TlsFacts { alerts: vec![at(ms).seen((Side::Server, alert))], ..Default::default() })
    }

    fn sealed(by: Side, ms: i64) -> SessionFacts {
        let mut encrypted_alert = BySide::default();
        *encrypted_alert.of_mut(by) = Some(at(ms));
        tls(TlsFacts { encrypted_alert, ..Default::default() })
    }

    fn ultimatum(ms: i64) -> SessionFacts {
        let said = Ultimatum { side: Side::Server, reason: None, visibility: Visibility::Clear };
        SessionFacts { disconnect_ultimatum: Some(at(ms).seen(said)), ..Default::default() }
    }
}
