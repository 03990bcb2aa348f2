//! `rdpwhy analyze`: captures in, a report out.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rdpwhy::analysis::Analyzer;
use rdpwhy::base;
use rdpwhy::capture::{CaptureOptions, Problem, Source, Timeline};
use rdpwhy::report::build::{self, Inputs};
use rdpwhy::report::document::{Notice, Report};
use rdpwhy::report::plots::Plots;
use rdpwhy::report::{html, json, markdown, ndjson, text};

use super::args::{Analyze, Format, When};
use super::console::Console;
use super::exit::{Exit, Told};
use super::output;
use super::progress::{self, Progress};
use super::redaction;

/// The most input that is hashed without being asked for, in bytes. SHA-256
/// costs more than the analysis of the same bytes; here it is below a second.
const HASHED_UNASKED: u64 = 64 * 1024 * 1024;

/// What standard input is called among files, where it has a name.
const STDIN: &str = "/dev/stdin";

/// Reads, analyses, writes the report.
pub(super) fn run(asked: &Analyze, console: &mut Console) -> anyhow::Result<Exit> {
    if asked.files.iter().any(|file| is_stdin(file)) && std::io::stdin().is_terminal() {
        return Err(Told::usage(
            "standard input is a terminal; expected a capture from a pipe: tcpdump -U -w - | rdpwhy analyze -",
        ));
    }
    if let Some(output) = &asked.output {
        output::check(output, asked.files.iter().map(|file| if is_stdin(file) { Path::new(STDIN) } else { file }))?;
    }
    if let (Some(output), Some(key)) = (&asked.output, &asked.redaction.redact_key) {
        output::check(output, [key.as_path()])?;
    }
    let redactor = redaction::redactor(&asked.redaction)?;
    let total = total(&asked.files);
    let options = CaptureOptions { sha256: is_hashed(asked.sha256, total) };
    let mut progress = Progress::start(console.shows_progress(), total);
    let mut timeline = Timeline::new(asked.files.iter().map(|file| Source::named(file)).collect(), options);
    let (mut report, plots) = read(&mut timeline, &mut progress, asked.format == Format::Html);
    let (packets, took) = progress.finish();
    for capture in &report.captures {
        console.remark(&format!("{}: {}, {} packets", capture.path, capture.format, capture.packets));
    }
    console.remark(&progress::rate(packets, timeline.progress().read, took));
    if let Some(output) = &asked.output {
        // What was found in folders is input too.
        output::check(output, timeline.captures().map(|capture| Path::new(&capture.name)))?;
    }
    if report.captures.is_empty() && timeline.problems().is_empty() {
        return Err(Told::nothing_to_read(&asked.files));
    }
    if let Some(redactor) = &redactor {
        report = redactor.report(&report);
    }
    // People are not told twice, and not given a report about nothing.
    let nothing = report.captures.is_empty();
    let for_people = matches!(asked.format, Format::Text | Format::Markdown | Format::Html);
    if !(for_people && nothing) {
        write(asked, console, &report, &plots)?;
    }
    if nothing || !for_people || asked.output.is_some() {
        timeline.problems().iter().for_each(|problem| console.complain(&problem.to_string()));
    }
    let denied = nothing && timeline.problems().iter().any(is_denied);
    Ok(if denied { Exit::NotPermitted } else { Exit::of_report(&report, asked.exit_zero) })
}

/// Every packet of the timeline, in order, and what came of it.
/// `draws`: what diagrams need is remembered, too.
pub(super) fn read(timeline: &mut Timeline, progress: &mut Progress, draws: bool) -> (Report, Plots) {
    let mut analyzer = Analyzer::default();
    if draws {
        analyzer.remember_packets();
    }
    while let Some(packet) = timeline.next_packet() {
        analyzer.push(&packet);
        progress.packet(|| timeline.progress().read);
    }
    let captures: Vec<_> = timeline.captures().collect();
    let dropped = captures.iter().filter_map(|capture| capture.dropped).fold(0, u64::saturating_add);
    let unreadable = timeline.problems().iter().map(named).collect();
    // Evidence of a silence says how long it lasted.
    if let Some(until) = captures.iter().map(|capture| capture.watched_until()).min().flatten() {
        while analyzer.tick(until) {}
    }
    for loss in captures.iter().flat_map(|capture| &capture.losses) {
        analyzer.lost(loss.packets, loss.since, loss.until);
    }
    let analysis = analyzer.finish(dropped);
    let plots = Plots::of(&analysis, captures.len() > 1);
    let mut report = build::report(analysis, &Inputs { captures, unreadable });
    report.notices.extend(timeline.notices().list().iter().map(about_no_capture));
    (report, plots)
}

/// A notice of the timeline: about files that were given, not about a frame.
fn about_no_capture(notice: &base::Notice) -> Notice {
    Notice { kind: notice.kind.0.to_owned(), says: notice.says.clone(), count: notice.count, frame: None }
}

/// Which input it was, and what is wrong with it.
fn named(problem: &Problem) -> (String, String) {
    let name = match problem {
        Problem::Open(error) => &error.name,
        Problem::Read(error) => &error.name,
    };
    let says = problem.to_string();
    // The message begins with the name, for those who print it alone.
    let says = says.split_once(": ").filter(|(first, _)| *first == name).map_or(says.as_str(), |(_, rest)| rest);
    (name.clone(), says.to_owned())
}

fn write(asked: &Analyze, console: &Console, report: &Report, plots: &Plots) -> anyhow::Result<()> {
    let to = |out: &mut dyn Write, color| match asked.format {
        Format::Text => text::write(report, text::Options { all: asked.all, color }, out),
        Format::Markdown => markdown::write(report, markdown::Options { all: asked.all }, out),
        Format::Html => html::write(report, plots, html::Options { all: asked.all }, out),
        Format::Json => json::write(report, out),
        Format::Ndjson => ndjson::write(report, out),
    };
    match &asked.output {
        Some(output) => output::write(output, |out| to(out, console.colors_files())),
        None => {
            let mut out = console.stdout();
            let written = to(&mut out, console.colors_stdout()).and_then(|()| out.flush());
            written.context("standard output: the report could not be written")
        }
    }
}

/// Bytes of all input, where that is known before reading: not of a pipe.
pub(super) fn total(files: &[PathBuf]) -> Option<u64> {
    let mut total = 0_u64;
    for file in files {
        // What cannot be looked at is no input; reading it will say why.
        let Ok(metadata) = file.metadata() else {
            if is_stdin(file) {
                return None;
            }
            continue;
        };
        if metadata.is_dir() {
            let sizes = file.read_dir().into_iter().flatten().flatten().filter_map(|entry| entry.metadata().ok());
            total = sizes.filter(std::fs::Metadata::is_file).fold(total, |sum, m| sum.saturating_add(m.len()));
        } else if metadata.is_file() {
            total = total.saturating_add(metadata.len());
        } else {
            return None;
        }
    }
    Some(total)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn is_hashed(asked: When, total: Option<u64>) -> bool {
    match asked {
        When::Always => true,
        When::Never => false,
        When::Auto => total.is_some_and(|total| total <= HASHED_UNASKED),
    }
}

fn is_denied(problem: &Problem) -> bool {
    let Problem::Open(error) = problem else { return false };
    let source = core::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    source.is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}
