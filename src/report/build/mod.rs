//! From the analysis to the document: the only place where the words of the
//! lower floors become those of the report.

mod connection;
mod finding;
mod network;
mod resets;
mod security;
mod views;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use connection::community_id;

use super::document::{
    Attempt, AttemptVerdict, BySide, Capture, Connection, Endpoint, FrameRef, Interface, Notice, Outcome, Report,
    SchemaVersion, SideChannel, Summary, Tie, Tool, Unreadable,
};
use crate::analysis::{self, Analysis};
use crate::base::{self, Frame};
use crate::capture::{CaptureInfo, Format};
use crate::findings::{self, attempts};
use crate::flow;
use crate::session::IsRdp;

/// What the capture floor has to say besides packets.
#[derive(Debug, Default)]
pub struct Inputs<'a> {
    /// The captures that were read, in the order of their ids.
    pub captures: Vec<&'a CaptureInfo>,
    /// Inputs of which nothing could be read: path and reason.
    pub unreadable: Vec<(String, String)>,
}

/// Makes the report.
#[must_use]
pub fn report(analysis: Analysis, inputs: &Inputs<'_>) -> Report {
    let frames = Frames { several: inputs.captures.len() > 1 };
    let attempts: Vec<Attempt> = (1..).zip(&analysis.attempts).map(|(id, a)| attempt(id, a)).collect();
    let attempt_of: BTreeMap<u32, u32> =
        attempts.iter().flat_map(|a| a.connections.iter().map(|c| (*c, a.id))).collect();
    let same_as = same_as(&attempts);
    let summary = summary(&attempts, &analysis, inputs);
    let servers = views::servers(&attempts, &analysis, frames);
    // Each connection's facts are freed as soon as they are told.
    let connections: Vec<Connection> = analysis
        .connections
        .into_iter()
        .map(|c| {
            let attempt = attempt_of.get(&c.id).copied().unwrap_or_default();
            connection::build(&c, attempt, same_as.get(&c.id).cloned().unwrap_or_default(), frames)
        })
        .collect();
    Report {
        schema_version: SchemaVersion,
        tool: Tool::this(),
        captures: (0..).zip(&inputs.captures).map(|(i, info)| capture(i, info, frames)).collect(),
        findings: analysis.findings.iter().map(|f| finding::build(f, frames, None)).collect(),
        servers,
        clients: views::clients(&attempts),
        summary,
        side_channels: analysis.side_channels.iter().map(|c| side_channel(c, frames)).collect(),
        notices: analysis.notices.iter().map(|n| notice(n, frames)).collect(),
        unreadable: inputs
            .unreadable
            .iter()
            .map(|(path, says)| Unreadable { path: path.clone(), says: says.clone() })
            .collect(),
        attempts,
        connections,
    }
}

/// The other views of each connection that has any.
fn same_as(attempts: &[Attempt]) -> BTreeMap<u32, Vec<u32>> {
    let several = attempts.iter().flat_map(Attempt::sightings).filter(|views| views.len() > 1);
    let others = |views: &[u32], id| views.iter().copied().filter(|other| *other != id).collect();
    several.flat_map(|views| views.iter().map(move |id| (*id, others(views, *id)))).collect()
}

/// What attempts show together, of a document that no analysis stands behind.
#[cfg(test)]
pub(super) fn views(attempts: &[Attempt]) -> (Vec<super::document::Server>, Vec<super::document::Client>) {
    (views::servers(attempts, &Analysis::default(), Frames { several: false }), views::clients(attempts))
}

/// How frames are named: by number alone where there is one capture.
#[derive(Clone, Copy, Debug)]
struct Frames {
    several: bool,
}

impl Frames {
    const fn name(self, frame: Frame) -> FrameRef {
        if self.several { FrameRef::of_capture(frame.capture.0, frame.number) } else { FrameRef::new(frame.number) }
    }
}

/// What a frame is called where one capture was read, or several.
pub(super) const fn frame(frame: Frame, several: bool) -> FrameRef {
    Frames { several }.name(frame)
}

const fn endpoint(endpoint: &flow::Endpoint) -> Endpoint {
    Endpoint { ip: endpoint.ip, port: endpoint.port }
}

const fn outcome(outcome: findings::Outcome) -> Outcome {
    match outcome {
        findings::Outcome::Active => Outcome::Active,
        findings::Outcome::Failed => Outcome::Failed,
        findings::Outcome::Abandoned => Outcome::Abandoned,
        findings::Outcome::Open => Outcome::Open,
        findings::Outcome::Unknown => Outcome::Unknown,
    }
}

fn notice(notice: &base::Notice, frames: Frames) -> Notice {
    Notice {
        kind: notice.kind.0.to_owned(),
        says: notice.says.clone(),
        count: notice.count,
        frame: notice.frame.map(|frame| frames.name(frame)),
    }
}

fn attempt(id: u32, attempt: &attempts::Attempt) -> Attempt {
    Attempt {
        id,
        client_ip: attempt.client_ip,
        server: endpoint(&attempt.server),
        connections: attempt.connections.clone(),
        ties: attempt.ties.iter().map(|tie| self::tie(*tie)).collect(),
        start: attempt.start.into(),
        end: attempt.end.into(),
        outcome: outcome(attempt.outcome),
        verdict: attempt
            .verdict
            .map(|(finding, connection)| AttemptVerdict { finding: finding.to_owned(), connection }),
        sentence: attempt.sentence.clone(),
    }
}

const fn tie(tie: attempts::Tie) -> Tie {
    match tie {
        attempts::Tie::ProtocolFallback => Tie::ProtocolFallback,
        attempts::Tie::Prompt => Tie::Prompt,
        attempts::Tie::CredentialsRetry => Tie::CredentialsRetry,
        attempts::Tie::Redirection => Tie::Redirection,
        attempts::Tie::AutomaticRetry => Tie::AutomaticRetry,
        attempts::Tie::SeenTwice => Tie::SeenTwice,
    }
}

fn side_channel(channel: &flow::SideChannel, frames: Frames) -> SideChannel {
    let first = |side| channel.first.of(side).as_ref().map(|at: &base::At| frames.name(at.frame));
    SideChannel {
        client: endpoint(&channel.endpoints.client),
        server: endpoint(&channel.endpoints.server),
        packets: BySide::from(channel.packets),
        answered: channel.packets.server > 0,
        first_frame: first(base::Side::Client).or_else(|| first(base::Side::Server)),
    }
}

fn capture(index: u32, info: &CaptureInfo, frames: Frames) -> Capture {
    Capture {
        index,
        path: info.name.clone(),
        sha256: info.sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        format: Format::name(info.format).to_owned(),
        compression: info.compression.iter().map(|c| c.name().to_owned()).collect(),
        link_types: info.link_types.iter().map(ToString::to_string).collect(),
        interfaces: info
            .interfaces
            .iter()
            .map(|i| Interface {
                name: i.name.clone(),
                description: i.description.clone(),
                link_type: i.link.to_string(),
                snap_len: i.snap_len,
                received: i.received,
                dropped: i.dropped,
            })
            .collect(),
        packets: info.packets,
        bytes: info.bytes,
        stored_bytes: info.stored_bytes,
        first_time: info.first_time.map(Into::into),
        last_time: info.last_time.map(Into::into),
        cut_packets: info.cut_packets,
        dropped: info.dropped,
        complete: !info.incomplete,
        has_tls_secrets: !info.secrets.is_empty(),
        written_by: info.written_by.clone(),
        comments: info.comments.iter().filter(|c| c.frame.is_none()).map(|c| c.text.clone()).collect(),
        notices: info.notices.list().iter().map(|n| notice(n, frames)).collect(),
    }
}

fn summary(attempts: &[Attempt], analysis: &Analysis, inputs: &Inputs<'_>) -> Summary {
    let count = |wanted| attempts.iter().filter(|a| a.outcome == wanted).count() as u64;
    let told: BTreeSet<u32> = attempts.iter().flat_map(Attempt::sightings).filter_map(<[u32]>::last).copied().collect();
    let is_told = |c: &&analysis::Connection| told.contains(&c.id);
    let is_other = |c: &&analysis::Connection| matches!(c.session.is_rdp, IsRdp::Other(_));
    let mut by_finding = BTreeMap::new();
    for verdict in attempts.iter().filter_map(|a| a.verdict.as_ref()) {
        *by_finding.entry(verdict.finding.clone()).or_default() += 1;
    }
    Summary {
        attempts: attempts.len() as u64,
        active: count(Outcome::Active),
        failed: count(Outcome::Failed),
        abandoned: count(Outcome::Abandoned),
        open: count(Outcome::Open),
        unknown: count(Outcome::Unknown),
        connections: attempts.iter().map(|a| a.sightings().count() as u64).sum(),
        other_connections: analysis.connections.iter().filter(|c| is_told(c) && is_other(c)).count() as u64,
        by_finding,
        packets: inputs.captures.iter().map(|c| c.packets).sum(),
        bytes: inputs.captures.iter().map(|c| c.bytes).sum(),
        complete: inputs.unreadable.is_empty() && inputs.captures.iter().all(|c| !c.incomplete),
    }
}
