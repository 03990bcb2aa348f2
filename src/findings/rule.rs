//! What a rule is given, and where it says what it found.

use super::RULES;
use super::finding::{Evidence, Excluded, Finding};
use super::prose::Prose;
use super::resets::{Builder, Judgement};
use crate::base::{At, Certainty, Frame, OUT_OF_ORDER, Side, Span, Text};
use crate::flow::{EndKind, TcpFacts};
use crate::session::{SessionFacts, Stage};
use crate::wire::TcpFlags;

/// A capture that goes on for less shows no silence.
const WORTH_SAYING: Span = Span::from_secs(1);

/// One kind of finding: an id, a page of prose, and a check.
pub trait Rule: Sync {
    /// Permanent id, in kebab case; the file is named after it.
    fn id(&self) -> &'static str;

    /// The page that `explain` prints: Markdown with the headings *What it
    /// means*, *What it cannot tell*, *What to do next*.
    fn prose(&self) -> &'static str;

    /// Looks at one connection and says what it found.
    fn check(&self, case: &Case<'_>, out: &mut Out);
}

/// One finished connection, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What TCP tells.
    pub tcp: &'a TcpFacts,
    /// What the session machines recognised.
    pub session: &'a SessionFacts,
    /// The judgement on each of `tcp.resets`.
    pub resets: &'a [Judgement],
    /// What the capture can show of it.
    pub coverage: Coverage,
}

/// How much of a connection the capture shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The side whose packets are not in the capture at all, although the other
    /// one acknowledges them.
    pub missing_side: Option<Side>,
    /// The capture began after the connection had.
    pub late_start: bool,
    /// Packets are missing that their receiver had.
    pub gaps: bool,
    /// Frames were cut short when captured.
    pub cut: bool,
    /// Packets were dropped while capturing, by the capture's own count.
    pub dropped: bool,
    /// The clock was set back while it was open, or leapt ahead: what a time was
    /// measured across is not known.
    pub clock_set: bool,
}

/// What rules found.
#[derive(Clone, Debug, Default)]
pub struct Out {
    /// Findings, in the order of the rules.
    pub findings: Vec<Finding>,
    /// What is excluded, where it is written.
    pub excluded: Vec<Excluded>,
    /// Whether anybody reads it.
    pub prose: Prose,
}

impl Coverage {
    /// Reads it off the facts. `dropped`: the capture itself counted drops.
    #[must_use]
    pub fn of(tcp: &TcpFacts, dropped: bool) -> Self {
        let directions = &tcp.directions;
        let missing_side = Side::BOTH.into_iter().find(|side| {
            let (it, other) = (directions.of(*side), directions.of(side.other()));
            // A side that answers, or goes on speaking, although the other was
            // never seen.
            let answers = tcp.handshake.syn_acks > 0 || tcp.handshake.established.is_some();
            it.packets == 0 && (other.sent_bytes > 0 || other.fin.is_some() || answers)
        });
        Self {
            missing_side,
            late_start: tcp.handshake.syns == 0 && tcp.handshake.syn_acks == 0,
            gaps: Side::BOTH.into_iter().any(|s| directions.of(s).gaps + directions.of(s).given_up > 0),
            cut: directions.client.cut_frames + directions.server.cut_frames > 0,
            dropped,
            clock_set: tcp.set_back > OUT_OF_ORDER || tcp.leap.is_some(),
        }
    }

    /// Whether "side did not send" can be said.
    #[must_use]
    pub fn shows_absence(&self, side: Side) -> bool {
        self.missing_side != Some(side) && !self.gaps
    }

    /// Whether the capture lacks nothing from the first packet on, and measures time;
    /// packets may be cut short.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        let Self { missing_side, late_start, gaps, dropped, clock_set, cut: _ } = self;
        missing_side.is_none() && !*late_start && !*gaps && !*dropped && !*clock_set
    }

    /// The certainty that is left of `best` on this capture.
    #[must_use]
    pub fn temper(&self, best: Certainty) -> Certainty {
        if self.gaps || self.dropped || self.clock_set || self.missing_side.is_some() { best.lowered() } else { best }
    }
}

impl Case<'_> {
    /// Whether the desktop was reached.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.session.stage() == Stage::Active
    }

    /// Whether the capture shows the connection from its first packet to a FIN
    /// or RST, without holes. Only of such a one may be said that something did
    /// *not* happen in it: what stops in the middle may have it still to come,
    /// and what ended in silence here may have been cut off elsewhere.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.tcp.end.kind, EndKind::Fin | EndKind::Reset) && self.coverage.is_whole()
    }

    /// The judgement on the reset that ended the connection.
    #[must_use]
    pub fn ending_reset(&self) -> Option<(&crate::flow::ResetFacts, &Judgement)> {
        let i = self.tcp.ending_reset?;
        Some((self.tcp.resets.get(i)?, self.resets.get(i)?))
    }

    /// Whether `side` ended the connection by its own packet: a FIN, or a
    /// reset that no evidence takes away from it.
    #[must_use]
    pub fn ended_by(&self, side: Side) -> bool {
        match self.tcp.end.kind {
            EndKind::Fin => self.tcp.end.by == Some(side),
            EndKind::Reset => {
                self.tcp.end.by == Some(side)
                    && self.ending_reset().is_none_or(|(_, j)| j.built_by != Builder::OtherDevice)
            }
            EndKind::Silence | EndKind::CaptureEnd => false,
        }
    }

    /// When the client said goodbye to TLS (an alert behind encryption), if it
    /// did before the connection ended.
    #[must_use]
    pub fn client_goodbye(&self) -> Option<At> {
        let clear_type = self.session.tls.as_ref().and_then(|tls| tls.encrypted_alert.client);
        let by_shape = self.session.records.as_ref().and_then(|records| records.final_alert.client);
        clear_type.or(by_shape).filter(|at| !self.comes_after_end(*at))
    }

    /// Whether the client went of its own accord, even where the other side's
    /// FIN or RST came first because it had heard the goodbye.
    #[must_use]
    pub fn client_left(&self) -> bool {
        let closed = matches!(self.tcp.end.kind, EndKind::Fin | EndKind::Reset);
        let opened = self.tcp.handshake.established.is_some();
        let afterthought = opened && self.ended_by_bare_reset();
        (self.ended_by(Side::Client) && !afterthought) || (closed && self.client_goodbye().is_some())
    }

    /// Whether a bare RST ended it, which comes from a socket that was gone already;
    /// what ended that is not in this capture.
    #[must_use]
    pub fn ended_by_bare_reset(&self) -> bool {
        self.ending_reset().is_some_and(|(reset, _)| !reset.flags.has(TcpFlags::ACK))
    }

    /// Whether the packet at `at` was sent after the end.
    #[must_use]
    pub fn comes_after_end(&self, at: At) -> bool {
        // What acknowledges an unseen FIN is itself later.
        let end = &self.tcp.end;
        at.follows(&end.at) || (end.is_unseen && !end.at.follows(&at))
    }

    /// Whether `side` sent bytes that the capture does not have: its FIN or its
    /// own reset stands behind them, or its peer acknowledged them.
    #[must_use]
    pub fn has_unseen_bytes(&self, side: Side) -> bool {
        let facts = self.tcp.directions.of(side);
        let reset_behind_them = self.ending_reset().is_some_and(|(reset, judgement)| {
            reset.claimed_by == side
                && judgement.built_by != Builder::OtherDevice
                && reset.seq_beyond_sent.is_some_and(|bytes| bytes > 0)
        });
        // The FIN takes a number of its own.
        reset_behind_them || facts.never_seen > 0 || facts.acknowledged_bytes > facts.sent_bytes.saturating_add(1)
    }

    /// Evidence that a packet of the ending shows.
    #[must_use]
    pub fn end_evidence(&self) -> Evidence {
        let who = self.tcp.end.by.map_or("somebody", Side::name);
        let says = match self.tcp.end.kind {
            EndKind::Reset => format!("RST in the name of the {who}"),
            EndKind::Fin if self.tcp.end.is_unseen => {
                format!("acknowledges a FIN from the {who} that the capture lacks")
            }
            EndKind::Fin => format!("FIN from the {who}"),
            EndKind::Silence => format!("the last packet; the {who} was not heard again"),
            EndKind::CaptureEnd => {
                const LAST: &str = "the last packet of this connection in the capture";
                let went_on = self.went_on_for();
                if went_on >= WORTH_SAYING { format!("{LAST}, which went on for {went_on}") } else { LAST.to_owned() }
            }
        };
        Evidence::new(self.tcp.end.at, says)
    }

    /// How long the capture went on after the last packet of the connection, which
    /// may have been a short one beside many others.
    #[must_use]
    pub fn went_on_for(&self) -> Span {
        self.tcp.observed_until.since(self.tcp.end.at.time)
    }

    /// Time from `at` to the end.
    #[must_use]
    pub fn until_end(&self, at: At) -> Span {
        self.tcp.end.at.time.since(at.time)
    }
}

impl Out {
    pub(super) fn writing(prose: Prose) -> Self {
        // Most rules exclude what they look for.
        let excluded = if prose.is_written() { Vec::with_capacity(RULES.len()) } else { Vec::new() };
        Self { excluded, prose, findings: Vec::new() }
    }

    /// Adds a finding.
    pub fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Excludes a cause.
    pub fn exclude(
        &mut self,
        finding: &'static str,
        because: impl Into<Text>,
        frames: impl IntoIterator<Item = Frame>,
    ) {
        if !self.prose.is_written() {
            return;
        }
        self.excluded.push(Excluded {
            finding: finding.into(),
            because: because.into(),
            frames: frames.into_iter().collect(),
        });
    }
}
