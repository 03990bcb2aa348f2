//! From what one connection's rules found to what is said of it.

use super::RULES;
use super::finding::{Excluded, Finding, Severity};
use super::injected_reset::is_foreign;
use super::pattern::{self, Pattern0x7};
use super::probe::Told;
use super::prose::Prose;
use super::reset_undetermined::UNDETERMINED;
use super::resets::{self, Builder, Company, Judgement};
use super::rule::{Case, Coverage, Out};
use crate::base::{At, Certainty, Side};
use crate::flow::{EndKind, TcpFacts};
use crate::session::{SessionFacts, Stage};

/// What became of a connection or an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The desktop was reached, and nothing that failed ended it.
    Active,
    /// It died, and a finding explains how.
    Failed,
    /// The client left before the desktop, of its own accord: a probe, a
    /// cancelled prompt, a fallback to another protocol.
    Abandoned,
    /// The capture ended while it was under way.
    Open,
    /// The capture does not show enough.
    Unknown,
}

impl Outcome {
    /// The name that reports print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Open => "open",
            Self::Unknown => "unknown",
        }
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The client or the server.
    Side(Side),
    /// A device in somebody else's name.
    OtherDevice,
    /// That is not known.
    Unknown,
}

/// Everything said of one connection.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The judgement on each reset.
    pub resets: Vec<Judgement>,
    /// Findings, the verdict first.
    pub findings: Vec<Finding>,
    /// Whether `findings[0]` explains the end.
    pub has_verdict: bool,
    /// What is excluded.
    pub excluded: Vec<Excluded>,
    /// What became of it.
    pub outcome: Outcome,
    /// How it ended.
    pub ended_how: EndKind,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The packet that ended it.
    pub ended_at: At,
    /// That is not in the capture; `ended_at` acknowledges it.
    pub end_is_unseen: bool,
    /// What the capture shows of it.
    pub coverage: Coverage,
    /// Whether it is what people call "the 0x7 failure".
    pub pattern: Pattern0x7,
}

impl Diagnosis {
    /// The finding that best explains the end.
    #[must_use]
    pub fn verdict(&self) -> Option<&Finding> {
        if self.has_verdict { self.findings.first() } else { None }
    }
}

/// Explains one finished connection. `dropped`: the capture counted drops.
#[must_use]
pub fn diagnose(tcp: &TcpFacts, session: &SessionFacts, dropped: bool) -> Diagnosis {
    diagnose_in(tcp, session, Company::default(), dropped)
}

/// The same where others are known already: mostly what they tell later does not
/// differ, and nothing has to be explained once more.
#[must_use]
pub fn diagnose_in(tcp: &TcpFacts, session: &SessionFacts, company: Company<'_>, dropped: bool) -> Diagnosis {
    explain(tcp, session, resets::judge(tcp, session, company), dropped, Prose::Written)
}

/// What that comes to, for whoever counts; nothing where another device is
/// accused, of which more is to be said.
#[must_use]
pub fn told_in(tcp: &TcpFacts, session: &SessionFacts, company: Company<'_>, dropped: bool) -> Option<Told> {
    let judgements = resets::judge_writing(Prose::Spared, tcp, session, company);
    let accuses = judgements.iter().any(|reset| reset.built_by == Builder::OtherDevice);
    (!accuses).then(|| Told::of(&explain(tcp, session, judgements, dropped, Prose::Spared)))
}

/// Looks again at a connection with resets, now that its company is known;
/// `None` where that changes nothing.
#[must_use]
pub fn reconsider(
    tcp: &TcpFacts,
    session: &SessionFacts,
    before: &Diagnosis,
    company: Company<'_>,
) -> Option<Diagnosis> {
    if tcp.resets.is_empty() {
        return None;
    }
    let judgements = resets::judge(tcp, session, company);
    let same = |(now, then): (&Judgement, &Judgement)| {
        (&now.evidence, &now.cannot_tell, now.sender_hops) == (&then.evidence, &then.cannot_tell, then.sender_hops)
    };
    let same = judgements.iter().zip(&before.resets).all(same);
    (!same).then(|| explain(tcp, session, judgements, before.coverage.dropped, Prose::Written))
}

fn explain(
    tcp: &TcpFacts,
    session: &SessionFacts,
    judgements: Vec<Judgement>,
    dropped: bool,
    prose: Prose,
) -> Diagnosis {
    let coverage = Coverage::of(tcp, dropped);
    let case = Case { tcp, session, resets: &judgements, coverage };
    let mut out = Out::writing(prose);
    for rule in RULES {
        rule.check(&case, &mut out);
    }
    let Out { mut findings, mut excluded, prose: _ } = out;
    let has_verdict = put_verdict_first(&mut findings);
    excluded.retain(|e| findings.iter().all(|f| f.id != e.finding));
    let outcome = outcome(&case, has_verdict);
    let ended_how = ended_how(&case, &findings, has_verdict);
    let ended_by = ended_by(&case, &findings);
    let pattern = pattern::judge(&case, &findings, has_verdict);
    Diagnosis {
        findings,
        has_verdict,
        excluded,
        outcome,
        ended_how,
        ended_by,
        ended_at: tcp.end.at,
        end_is_unseen: tcp.end.is_unseen,
        coverage,
        pattern,
        resets: judgements,
    }
}

/// The verdict is the failure that explains best: sure before possible, and
/// among equals the one whose rule is registered first. Returns whether there
/// is one.
fn put_verdict_first(findings: &mut [Finding]) -> bool {
    let rank = |f: &Finding| (f.severity != Severity::Failure, f.certainty == Certainty::Possible);
    // A stable sort keeps the order of the rules, most specific first.
    findings.sort_by_key(rank);
    findings.first().is_some_and(|f| f.severity == Severity::Failure)
}

/// A capture that watched for long enough that nothing came any more saw the
/// end, even though no packet shows it.
fn ended_how(case: &Case<'_>, findings: &[Finding], has_verdict: bool) -> EndKind {
    let stalled =
        has_verdict && findings.first().is_some_and(|f| matches!(f.id, "stalled-negotiation" | "service-silent"));
    match case.tcp.end.kind {
        EndKind::CaptureEnd if stalled => EndKind::Silence,
        kind => kind,
    }
}

fn outcome(case: &Case<'_>, has_verdict: bool) -> Outcome {
    let began = case.tcp.handshake.syns > 0 || case.session.stage() > Stage::Tcp;
    if has_verdict {
        Outcome::Failed
    } else if case.is_active() {
        Outcome::Active
    } else if case.tcp.end.kind == EndKind::CaptureEnd && began {
        Outcome::Open
    } else if case.coverage.late_start || case.coverage.missing_side.is_some() || hides_failures(case) {
        Outcome::Unknown
    } else if case.client_left() {
        Outcome::Abandoned
    } else {
        Outcome::Unknown
    }
}

/// Whether what failed may stand where the capture has nothing: that a client
/// left of its own accord can only be said where all before that can be read.
fn hides_failures(case: &Case<'_>) -> bool {
    case.coverage.gaps || case.session.stages.lower_bound().is_some()
}

fn ended_by_other_device(case: &Case<'_>) -> bool {
    case.ending_reset().is_some_and(|(_, judgement)| is_foreign(judgement))
}

/// Whether the last that `side` sent is not in the capture, and may be its FIN.
fn may_have_closed(case: &Case<'_>, side: Side) -> bool {
    let facts = case.tcp.directions.of(side);
    facts.fin.is_none() && facts.never_seen > 0 && !case.tcp.end.is_unseen
}

fn ended_by(case: &Case<'_>, findings: &[Finding]) -> EndedBy {
    let Some(side) = case.tcp.end.by else { return EndedBy::Unknown };
    match case.tcp.end.kind {
        EndKind::CaptureEnd => EndedBy::Unknown,
        // Another device is known by its own packet. Of two hosts, the one that
        // is missing may have closed first.
        _ if case.coverage.missing_side.is_some() && !ended_by_other_device(case) => EndedBy::Unknown,
        // Who fell silent is known; whether it or the path is to blame is not.
        EndKind::Silence => EndedBy::Unknown,
        // Where goodbyes cross, who said goodbye to TLS first ended it.
        EndKind::Fin if case.client_goodbye().is_some() => EndedBy::Side(Side::Client),
        EndKind::Fin if may_have_closed(case, side.other()) => EndedBy::Unknown,
        EndKind::Fin => EndedBy::Side(side),
        // A report that leaves open who built the reset names nobody.
        EndKind::Reset if findings.iter().any(|f| f.id == UNDETERMINED) => EndedBy::Unknown,
        EndKind::Reset => match case.ending_reset() {
            _ if ended_by_other_device(case) => EndedBy::OtherDevice,
            Some((_, judgement)) if judgement.built_by == Builder::Host => EndedBy::Side(side),
            _ => EndedBy::Unknown,
        },
    }
}
