//! `--format ndjson`: one connection a line, each line complete in itself.
//!
//! A line is the connection as in the JSON document, with what it would lose
//! alone: the version of the format, the program, the captures that its frames
//! are counted in, and what came of the attempt that it belongs to. The last lines
//! are about attempts that are counted and not listed, where there are such.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::build::Listener;
use super::document::{
    Attempt, AttemptVerdict, Capture, Connection, Counted, Finding, Outcome, Report, SchemaVersion, Tool,
};
use super::json::OneLine;

/// One line: a connection that can travel alone.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Line<'a> {
    /// The version of this format.
    pub schema_version: SchemaVersion,
    /// What wrote the line.
    pub tool: &'a Tool,
    /// The captures that the frames of this line are counted in.
    pub captures: Vec<CaptureName<'a>>,
    /// How the attempt turned out that the connection belongs to.
    pub attempt_outcome: Outcome,
    /// What explains that best; null where nothing needs explaining or nothing
    /// is known.
    pub attempt_verdict: Option<&'a AttemptVerdict>,
    /// Findings about several connections of which this is one, as far as they
    /// were seen by then: live, and in the lines that are written while a long
    /// capture is being read. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_findings: Vec<&'a Finding>,
    /// The connection.
    #[serde(flatten)]
    pub connection: &'a Connection,
}

/// One line at the end: attempts that are counted, not listed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CountedLine<'a> {
    /// The version of this format.
    pub schema_version: SchemaVersion,
    /// What wrote the line.
    pub tool: &'a Tool,
    /// The captures that the frames of this line are counted in.
    pub captures: Vec<CaptureName<'a>>,
    /// The attempts.
    pub counted: &'a Counted,
}

/// What a line may be.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes lines and is never made")]
pub(super) enum AnyLine<'a> {
    /// A connection.
    Connection(Line<'a>),
    /// Attempts that are counted.
    Counted(CountedLine<'a>),
}

/// Which capture it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CaptureName<'a> {
    /// The number by which frames name it.
    pub index: u32,
    /// The path as it was given, `-` for standard input.
    pub path: &'a str,
    /// SHA-256 of the file as stored. Absent where it was not computed, or not
    /// known yet: a line may be written while the file is being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<&'a str>,
    /// Packets that the capturing machine says it dropped; live, since the
    /// start. Absent where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// The lines of a report, in the order of its connections.
pub fn lines(report: &Report) -> impl Iterator<Item = Line<'_>> {
    let beside = Beside { tool: &report.tool, captures: &report.captures, findings: &report.findings };
    report.connections.iter().map(move |connection| line(beside, report.attempt(connection.attempt), connection))
}

/// Writes all lines.
///
/// # Errors
/// Those of `out`; the document's own types cause none.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut json = OneLine::default();
    lines(report).try_for_each(|line| json.write(&line, out))?;
    counted(report, &mut json, out)
}

/// Writes the lines about what is counted.
fn counted(report: &Report, json: &mut OneLine, out: &mut dyn io::Write) -> io::Result<()> {
    for counted in &report.counted {
        let indices =
            vec![counted.first_frame, counted.last_frame].into_iter().map(|f| f.capture.unwrap_or(0)).collect();
        let captures = names(&report.captures, indices);
        let line = CountedLine { schema_version: SchemaVersion, tool: &report.tool, captures, counted };
        json.write(&line, out)?;
    }
    Ok(())
}

/// Writes each line at once, while more is read.
pub struct Lines<'a> {
    out: &'a mut dyn io::Write,
    tool: Tool,
    captures: Vec<Capture>,
    findings: Vec<Finding>,
    json: OneLine,
}

impl<'a> Lines<'a> {
    /// To `out`, of `captures` as far as they are known so far.
    pub fn new(out: &'a mut dyn io::Write, captures: Vec<Capture>) -> Self {
        Self { out, tool: Tool::this(), captures, findings: Vec::new(), json: OneLine::default() }
    }

    /// Writes what is counted, once all is told.
    ///
    /// # Errors
    /// Those of the output.
    pub fn counted(&mut self, report: &Report) -> io::Result<()> {
        counted(report, &mut self.json, self.out)
    }
}

impl Listener for Lines<'_> {
    fn attempt(&mut self, _: &Attempt) -> io::Result<()> {
        Ok(())
    }

    fn connection(&mut self, connection: Connection, attempt: &Attempt) -> io::Result<()> {
        let beside = Beside { tool: &self.tool, captures: &self.captures, findings: &self.findings };
        self.json.write(&line(beside, Some(attempt), &connection), self.out)
    }

    fn all_is_read(&mut self, captures: Vec<Capture>, findings: Vec<Finding>) {
        (self.captures, self.findings) = (captures, findings);
    }
}

/// What a line says besides its connection.
#[derive(Clone, Copy)]
struct Beside<'a> {
    tool: &'a Tool,
    captures: &'a [Capture],
    findings: &'a [Finding],
}

fn line<'a>(beside: Beside<'a>, attempt: Option<&'a Attempt>, connection: &'a Connection) -> Line<'a> {
    let indices = connection.frames().filter_map(|f| f.capture).chain([connection.capture]).collect();
    Line {
        schema_version: SchemaVersion,
        tool: beside.tool,
        captures: names(beside.captures, indices),
        attempt_outcome: attempt.map_or(Outcome::Unknown, |a| a.outcome),
        attempt_verdict: attempt.and_then(|a| a.verdict.as_ref()),
        shared_findings: beside.findings.iter().filter(|finding| concerns(finding, connection)).collect(),
        connection,
    }
}

/// The captures with these indices, each once.
fn names(captures: &[Capture], mut indices: Vec<u32>) -> Vec<CaptureName<'_>> {
    indices.sort_unstable();
    indices.dedup();
    let captures = indices.into_iter().filter_map(|i| captures.get(usize::try_from(i).ok()?));
    captures
        .map(|c| CaptureName { index: c.index, path: &c.path, sha256: c.sha256.as_deref(), dropped: c.dropped })
        .collect()
}

fn concerns(finding: &Finding, connection: &Connection) -> bool {
    finding.concerns.as_ref().is_some_and(|concerns| concerns.connections.contains(&connection.id))
}
