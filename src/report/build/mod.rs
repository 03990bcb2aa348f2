//! From the analysis to the document: the only place where the words of the
//! lower floors become those of the report.

mod connection;
mod counted;
mod finding;
mod listed;
mod network;
mod resets;
mod security;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

pub(super) use connection::community_id;
use counted::{Several, Tallies};
pub use listed::Listed;
use views::Views;

use super::document::{
    Attempt, AttemptVerdict, BySide, Capture, Connection, Endpoint, Finding, FrameRef, Interface, Notice, Report,
    SchemaVersion, SideChannel, Summary, Tool, Unreadable,
};
use crate::analysis::{self, Analysis, Analyzer, Batch, Probe};
use crate::base::{self, CaptureId, Frame};
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

/// Who is told of attempts and connections while more are being read.
pub trait Listener {
    /// The next attempt; before its connections.
    ///
    /// # Errors
    /// What keeps it from passing the attempt on.
    fn attempt(&mut self, attempt: &Attempt) -> io::Result<()>;

    /// Whether it has room for the connections of this attempt.
    fn wants(&self, _attempt: &Attempt) -> bool {
        true
    }

    /// The next connection, and the attempt that it is part of.
    ///
    /// # Errors
    /// What keeps it from passing the connection on.
    fn connection(&mut self, connection: Connection, attempt: &Attempt) -> io::Result<()>;

    /// All packets were read: what is known of the captures is complete, and
    /// what is found of many connections together. What is told before has to do
    /// without.
    fn all_is_read(&mut self, _captures: Vec<Capture>, _findings: Vec<Finding>) {}
}

/// Makes a report piece by piece: attempts and connections go to a
/// [`Listener`] at once, and what is said of all of them comes at the end.
#[derive(Debug)]
pub struct Builder {
    frames: Frames,
    summary: Summary,
    views: Views,
    hosts: Vec<IpAddr>,
    /// Attempts of other hosts than those.
    others: u64,
    /// `None` where all are listed.
    counted: Option<Tallies>,
}

impl Builder {
    /// For a report over so many captures.
    #[must_use]
    pub fn new(captures: usize) -> Self {
        Self {
            frames: Frames { several: captures > 1 },
            summary: Summary::default(),
            views: Views::default(),
            hosts: Vec::new(),
            others: 0,
            counted: None,
        }
    }

    /// Of many attempts that look like probes the first ones are listed, and the
    /// others are counted.
    pub fn count_many(&mut self) {
        self.counted = Some(Tallies::default());
    }

    /// The report is about the attempts of these clients and servers; where
    /// there are none, about all.
    pub fn only(&mut self, hosts: Vec<IpAddr>) {
        self.hosts = hosts;
    }

    /// Tells what was settled. `by`: who settled it just now; nobody, where
    /// nothing of it is a [`Probe`]. Gives the probes back, which nobody needs any
    /// more.
    ///
    /// # Errors
    /// Those of the listener.
    pub fn tell(&mut self, batch: Batch, by: Option<&Analyzer>, listener: &mut dyn Listener) -> io::Result<Vec<Probe>> {
        let Batch { mut connections, probes, attempts } = batch;
        let several = self.counted.is_some().then(|| Several::of_batch(&connections, &probes));
        let mut told: Vec<Attempt> = Vec::with_capacity(attempts.len());
        let mut attempt_of: BTreeMap<u32, usize> = BTreeMap::new();
        for mut attempt in attempts {
            if !self.concerns(&attempt) {
                self.others += 1;
                continue;
            }
            self.summary.attempts += 1;
            let tallies = self.counted.as_mut().zip(several.as_ref());
            let counted = tallies.is_some_and(|(tallies, several)| tallies.takes(&attempt, several));
            self.count(&attempt);
            if counted {
                continue;
            }
            if let Some(analyzer) = by {
                connections.extend(listed_after_all(&mut attempt, &probes, analyzer));
            }
            let attempt = self::attempt(u32::try_from(self.summary.attempts).unwrap_or(u32::MAX), attempt);
            attempt_of.extend(attempt.connections.iter().map(|connection| (*connection, told.len())));
            listener.attempt(&attempt)?;
            told.push(attempt);
        }
        connections.sort_by_key(|connection| connection.id);
        let mut same_as = same_as(&told);
        // Of the views of one connection the last one counts.
        let others = told.iter().flat_map(Attempt::sightings).filter_map(|views| views.split_last());
        let again: BTreeSet<u32> = others.flat_map(|(_, others)| others).copied().collect();
        // Each connection's facts are freed as soon as they are told.
        for connection in connections {
            let Some(attempt) = attempt_of.get(&connection.id).and_then(|place| told.get(*place)) else { continue };
            if !again.contains(&connection.id) {
                self.summary.other_connections += u64::from(matches!(connection.session.is_rdp, IsRdp::Other(_)));
                self.views.certificate(&connection);
            }
            if !listener.wants(attempt) {
                continue;
            }
            let same_as = same_as.remove(&connection.id).unwrap_or_default();
            listener.connection(connection::build(connection, attempt.id, same_as, self.frames), attempt)?;
        }
        Ok(probes)
    }

    fn concerns(&self, attempt: &attempts::Attempt) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|host| [attempt.client_ip, attempt.server.ip].contains(host))
    }

    fn count(&mut self, attempt: &attempts::Attempt) {
        let summary = &mut self.summary;
        *match attempt.outcome {
            findings::Outcome::Active => &mut summary.active,
            findings::Outcome::Failed => &mut summary.failed,
            findings::Outcome::Abandoned => &mut summary.abandoned,
            findings::Outcome::Open => &mut summary.open,
            findings::Outcome::Unknown => &mut summary.unknown,
        } += 1;
        if let Some((finding, _)) = &attempt.verdict {
            count(&mut summary.by_finding, finding);
        }
        summary.connections += attempt.sightings() as u64;
        self.views.add(&attempt.into());
    }

    /// The report but for its attempts and connections. What `analysis` has of
    /// them is to be told before.
    #[must_use]
    pub fn finish(self, analysis: &Analysis, inputs: &Inputs<'_>) -> Report {
        let Self { frames, mut summary, mut views, others, counted, .. } = self;
        summary.packets = inputs.captures.iter().map(|c| c.packets).sum();
        summary.bytes = inputs.captures.iter().map(|c| c.bytes).sum();
        summary.complete = inputs.unreadable.is_empty() && inputs.captures.iter().all(|c| !c.incomplete);
        let mut notices: Vec<Notice> = analysis.notices.iter().map(|n| notice(n, frames)).collect();
        notices.extend(views.notices());
        notices.extend(counted.as_ref().and_then(Tallies::notice));
        notices.extend((others > 0).then(|| left_out(others)));
        let clients = views.clients();
        Report {
            schema_version: SchemaVersion,
            tool: Tool::this(),
            captures: captures(inputs),
            findings: findings(analysis, inputs),
            servers: views.servers(&analysis.crowding, frames),
            clients,
            summary,
            side_channels: analysis.side_channels.iter().map(|c| side_channel(c, frames)).collect(),
            notices,
            unreadable: inputs
                .unreadable
                .iter()
                .map(|(path, says)| Unreadable { path: path.clone(), says: says.clone() })
                .collect(),
            attempts: Vec::new(),
            connections: Vec::new(),
            counted: counted.map(|tallies| tallies.entries(frames)).unwrap_or_default(),
        }
    }
}

/// All of the connections of an attempt that carried nothing.
fn listed_after_all(
    attempt: &mut attempts::Attempt,
    probes: &[Probe],
    analyzer: &Analyzer,
) -> Vec<analysis::Connection> {
    let found = |id: &u32| probes.get(probes.binary_search_by_key(id, |probe| probe.id).ok()?);
    let whole: Vec<_> = attempt.connections.iter().filter_map(found).map(|probe| analyzer.whole(probe)).collect();
    whole.iter().for_each(|connection| attempt.told_by(connection.id, &connection.sentence));
    whole
}

/// One more with this finding.
fn count(by_finding: &mut BTreeMap<String, u64>, finding: &str) {
    if let Some(count) = by_finding.get_mut(finding) {
        *count += 1;
    } else {
        by_finding.insert(finding.to_owned(), 1);
    }
}

/// Attempts that nobody asked for.
pub const OTHER_HOSTS: &str = "other-hosts-left-out";

fn left_out(count: u64) -> Notice {
    Notice {
        kind: OTHER_HOSTS.to_owned(),
        says: "attempts of other hosts than those that were asked for are neither listed nor counted".to_owned(),
        count,
        frame: None,
    }
}

/// What is known of the captures.
#[must_use]
pub fn captures(inputs: &Inputs<'_>) -> Vec<Capture> {
    let frames = Frames { several: inputs.captures.len() > 1 };
    (0..).zip(&inputs.captures).map(|(i, info)| capture(i, info, frames)).collect()
}

/// What is found of many connections together.
#[must_use]
pub fn findings(analysis: &Analysis, inputs: &Inputs<'_>) -> Vec<Finding> {
    let frames = Frames { several: inputs.captures.len() > 1 };
    analysis.findings.iter().cloned().map(|f| finding::build(f, frames, None)).collect()
}

/// Makes the report of an analysis that was told of nothing while reading.
#[must_use]
pub fn report(mut analysis: Analysis, inputs: &Inputs<'_>) -> Report {
    let mut builder = Builder::new(inputs.captures.len());
    let mut listed = Listed::default();
    // A list takes what it is given.
    let _ = builder.tell(Batch::take(&mut analysis), None, &mut listed);
    listed.into_report(builder.finish(&analysis, inputs))
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
    let mut views = Views::default();
    attempts.iter().for_each(|attempt| views.add(&attempt.into()));
    let clients = views.clients();
    (views.servers(&[], Frames { several: false }), clients)
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

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    text
}

fn notice(notice: &base::Notice, frames: Frames) -> Notice {
    Notice {
        kind: notice.kind.0.to_owned(),
        says: notice.says.clone(),
        count: notice.count,
        frame: notice.frame.map(|frame| frames.name(frame)),
    }
}

fn attempt(id: u32, attempt: attempts::Attempt) -> Attempt {
    Attempt {
        id,
        client_ip: attempt.client_ip,
        server: endpoint(&attempt.server),
        connections: attempt.connections.into_vec(),
        ties: attempt.ties.into_iter().map(Into::into).collect(),
        start: attempt.start.into(),
        end: attempt.end.into(),
        outcome: attempt.outcome.into(),
        verdict: attempt.verdict.map(|(finding, connection)| AttemptVerdict { finding: finding.into(), connection }),
        sentence: attempt.sentence,
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
    let set_back = info.set_back.notice(CaptureId(index));
    Capture {
        index,
        path: info.name.clone(),
        sha256: info.sha256.map(|hash| hexadecimal(&hash)),
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
        notices: info.notices.list().iter().chain(&set_back).map(|n| notice(n, frames)).collect(),
    }
}
