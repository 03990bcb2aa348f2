//! Connections that came no further than a probe of the port does, and what is
//! said of one of them where they are counted.

use super::diagnosis::{Diagnosis, EndedBy, Outcome};
use super::finding::AtFault;
use crate::base::{Certainty, Side};
use crate::flow::{EndKind, TcpFacts};
use crate::session::{SessionFacts, Stage};

/// All that is said of a connection that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What became of it.
    pub outcome: Outcome,
    /// How it ended.
    pub how: EndKind,
    /// Who ended it.
    pub by: EndedBy,
    /// Id of the finding that explains a failure, and how sure it is.
    pub verdict: Option<(&'static str, Certainty)>,
    /// That finding leaves open with whom the fault lies.
    pub leaves_open: bool,
}

impl Told {
    /// What a diagnosis says.
    #[must_use]
    pub fn of(diagnosis: &Diagnosis) -> Self {
        Self {
            outcome: diagnosis.outcome,
            how: diagnosis.ended_how,
            by: diagnosis.ended_by,
            verdict: diagnosis.verdict().map(|finding| (finding.id, finding.certainty)),
            leaves_open: diagnosis.verdict().is_some_and(|finding| finding.at_fault == Some(AtFault::Unclear)),
        }
    }
}

/// Whether a connection came no further than a probe of the port does.
/// `outcome`: what became of it.
#[must_use]
pub fn is_probe(tcp: &TcpFacts, session: &SessionFacts, outcome: Outcome) -> bool {
    // What a person cancels comes to TLS before, and a failure to a verdict.
    (asked_only(session) && outcome == Outcome::Abandoned) || carried_nothing(tcp, session)
}

/// Whether it came no further, whatever became of it.
#[must_use]
pub fn may_be_probe(tcp: &TcpFacts, session: &SessionFacts) -> bool {
    asked_only(session) || carried_nothing(tcp, session)
}

fn asked_only(session: &SessionFacts) -> bool {
    session.stage() == Stage::X224 && session.stages.lower_bound().is_none()
}

/// Whether a connection was opened, or was to be, and carried no data, as far as
/// the capture shows and its own numbers tell.
fn carried_nothing(tcp: &TcpFacts, session: &SessionFacts) -> bool {
    let quiet = |side| {
        let facts = tcp.directions.of(side);
        // The FIN takes a number of its own.
        facts.bytes == 0
            && facts.never_seen == 0
            && facts.gaps + facts.given_up == 0
            && facts.acknowledged_bytes <= u64::from(facts.fin.is_some())
            && facts.leaps == 0
    };
    let unseen = tcp.resets.iter().any(|reset| reset.seq_beyond_sent.is_some_and(|bytes| bytes > 0));
    session.stage() == Stage::Tcp
        && tcp.handshake.syns > 0
        && tcp.proxied.is_none()
        && tcp.more_resets == 0
        && !unseen
        && Side::BOTH.into_iter().all(quiet)
}
