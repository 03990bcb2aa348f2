//! `--format ndjson`: one connection a line, each line complete in itself.
//!
//! A line is the connection as in the JSON document, with what it would lose
//! alone: the version of the format, the program, the captures that its frames
//! are counted in, and what came of the attempt that it belongs to.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{AttemptVerdict, Connection, Finding, Outcome, Report, SchemaVersion, Tool};
use super::json;

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
    /// Findings about several connections of which this is one; live, as far as
    /// they were seen by then. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_findings: Vec<&'a Finding>,
    /// The connection.
    #[serde(flatten)]
    pub connection: &'a Connection,
}

/// Which capture it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CaptureName<'a> {
    /// The number by which frames name it.
    pub index: u32,
    /// The path as it was given, `-` for standard input.
    pub path: &'a str,
    /// SHA-256 of the file as stored. Absent where it was not computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<&'a str>,
    /// Packets that the capturing machine says it dropped; live, since the
    /// start. Absent where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// The lines of a report, in the order of its connections.
pub fn lines(report: &Report) -> impl Iterator<Item = Line<'_>> {
    report.connections.iter().map(|connection| line(report, connection))
}

/// Writes all lines.
///
/// # Errors
/// Those of `out`; the document's own types cause none.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    for line in lines(report) {
        writeln!(out, "{}", json::compact(&line)?)?;
    }
    Ok(())
}

fn line<'a>(report: &'a Report, connection: &'a Connection) -> Line<'a> {
    let attempt = report.attempt(connection.attempt);
    let mut indices: Vec<u32> = connection.frames().filter_map(|f| f.capture).chain([connection.capture]).collect();
    indices.sort_unstable();
    indices.dedup();
    let captures = indices.into_iter().filter_map(|i| report.captures.get(usize::try_from(i).ok()?));
    Line {
        schema_version: report.schema_version,
        tool: &report.tool,
        captures: captures
            .map(|c| CaptureName { index: c.index, path: &c.path, sha256: c.sha256.as_deref(), dropped: c.dropped })
            .collect(),
        attempt_outcome: attempt.map_or(Outcome::Unknown, |a| a.outcome),
        attempt_verdict: attempt.and_then(|a| a.verdict.as_ref()),
        shared_findings: report.findings.iter().filter(|finding| concerns(finding, connection)).collect(),
        connection,
    }
}

fn concerns(finding: &Finding, connection: &Connection) -> bool {
    finding.concerns.as_ref().is_some_and(|concerns| concerns.connections.contains(&connection.id))
}
