//! `rdpwhy analyze`: captures in, a report out.

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rdpwhy::analysis::{Analyzer, Batch};
use rdpwhy::base;
use rdpwhy::capture::{CaptureOptions, Packet, Passed, Problem, Source, Taker, Timeline, behind_name};
use rdpwhy::report::build::{self, Builder, Inputs, Listed, Listener};
use rdpwhy::report::document::{Capture, Notice, Report};
use rdpwhy::report::plots::Plots;
use rdpwhy::report::redact::Redactor;
use rdpwhy::report::{html, json, markdown, ndjson, text};
use tempfile::SpooledTempFile;

use super::args::{Analyze, Format, When};
use super::console::Console;
use super::each;
use super::exit::{Exit, Told};
use super::inputs;
use super::output;
use super::progress::{self, Progress};
use super::redaction;

/// The most input that is hashed without being asked for, in bytes. SHA-256
/// costs more than the analysis of the same bytes; here it is below a second.
const HASHED_UNASKED: u64 = 64 * 1024 * 1024;

/// Connections that end at once when all is read: those that were told make room for
/// the next ones.
const ENDED_AT_ONCE: usize = 32;

/// What standard input is called among files, where it has a name.
const STDIN: &str = "/dev/stdin";

/// Reads, analyses, writes the report.
pub(super) fn run(asked: &Analyze, console: &Console) -> anyhow::Result<Exit> {
    if asked.files.iter().any(|file| is_stdin(file)) && std::io::stdin().is_terminal() {
        return Err(Told::usage(
            "standard input is a terminal; expected a capture from a pipe: tcpdump -U -w - | rdpwhy analyze -",
        ));
    }
    if let Some(output) = &asked.output {
        output::check(output, asked.files.iter().map(|file| if is_stdin(file) { Path::new(STDIN) } else { file }))?;
    }
    if let Some(folder) = &asked.each {
        return each::run(asked, folder, console);
    }
    let redactor = redaction::redactor(&asked.redaction, asked.output.as_deref())?;
    let total = total(&asked.files);
    let options = CaptureOptions { sha256: is_hashed(asked.sha256, total) };
    let mut timeline = Timeline::new(asked.files.iter().map(|file| Source::named(file)).collect(), options);
    if let Some(output) = &asked.output {
        // What was found in folders is input too.
        output::check(output, timeline.captures().map(|capture| Path::new(&capture.name)))?;
    }
    // People are not told twice, and not given a report about nothing.
    let nothing = timeline.captures().next().is_none();
    if nothing && timeline.problems().is_empty() {
        inputs::complain(&timeline, console);
        return Err(Told::nothing_to_read(&asked.files));
    }
    // A bar among the lines would be read as one of them.
    let lines_on_screen = asked.format == Format::Ndjson && asked.output.is_none() && std::io::stdout().is_terminal();
    let mut progress = Progress::start(console.shows_progress() && !lines_on_screen, total);
    let report =
        write_report(asked, asked.output.as_deref(), redactor.as_ref(), &mut timeline, &mut progress, console)?;
    let (packets, took) = progress.finish();
    for capture in &report.captures {
        console.remark(&format!("{}: {}, {} packets", capture.path, capture.format, capture.packets));
    }
    console.remark(&progress::rate(packets, timeline.progress().read, took));
    if nothing || !asked.format.is_for_people() || asked.output.is_some() {
        inputs::complain(&timeline, console);
    } else if timeline.passed_over().count() > 1 {
        // The report names the first.
        inputs::passed_over(&timeline, console);
    }
    Ok(Exit::of_report(&report, asked.exit_zero).or_missing(Exit::of_problems(timeline.problems())))
}

/// Reads the timeline to its end and writes the report to `output`, or to standard
/// output. What is returned has no list of attempts where the format is written
/// while reading.
pub(super) fn write_report(
    asked: &Analyze,
    output: Option<&Path>,
    redactor: Option<&Redactor>,
    timeline: &mut Timeline,
    progress: &mut Progress,
    console: &Console,
) -> anyhow::Result<Report> {
    let nothing = timeline.captures().next().is_none();
    let wanted = Wanted { all: asked.all, hosts: asked.host.clone() };
    let report = match asked.format {
        Format::Ndjson => {
            let mut report = None;
            let captures = known_captures(timeline);
            let captures = redactor.map_or_else(|| Ok(captures.clone()), |redactor| redactor.captures(&captures))?;
            write(output, asked.format, console, |out, _| {
                let mut lines = ndjson::Lines::new(out, captures);
                let told = read_hiding(timeline, progress, wanted, redactor, &mut lines)?;
                lines.counted(&told)?;
                report = Some(told);
                Ok(())
            })?;
            report.context("nothing was written")?
        }
        Format::Json => {
            // A file without a name, from the first byte on that is stored.
            let store = || SpooledTempFile::new(0);
            let mut lists = json::Lists::new(store(), store());
            let report = read_hiding(timeline, progress, wanted, redactor, &mut lists)
                .with_context(|| format!("{}: the report could not be kept here", std::env::temp_dir().display()))?;
            write(output, asked.format, console, |out, _| lists.write(&report, out))?;
            report
        }
        format @ (Format::Text | Format::Markdown | Format::Html) => {
            let (report, plots) = read(timeline, progress, wanted, format == Format::Html);
            let report = match redactor {
                Some(redactor) => redactor.report(&report)?,
                None => report,
            };
            if !nothing {
                write(output, asked.format, console, |out, color| match format {
                    Format::Text => text::write(&report, text::Options { all: asked.all, color }, out),
                    Format::Markdown => markdown::write(&report, markdown::Options { all: asked.all }, out),
                    _ => html::write(&report, &plots, html::Options { all: asked.all }, out),
                })?;
            }
            report
        }
    };
    Ok(report)
}

/// Which attempts a report is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Those that look like probes are listed, however many they are.
    pub(super) all: bool,
    /// Those of these hosts; of all hosts where it is empty.
    pub(super) hosts: Vec<IpAddr>,
}

/// Every packet of the timeline, in order, and what came of it, as far as people
/// read it. `draws`: what diagrams need is remembered, too.
pub(super) fn read(timeline: &mut Timeline, progress: &mut Progress, wanted: Wanted, draws: bool) -> (Report, Plots) {
    let (mut listed, mut plots) = (Listed::default(), Plots::default());
    let rest = read_telling(timeline, progress, wanted, draws.then_some(&mut plots), &mut listed);
    // A list refuses nothing.
    (rest.map_or_else(|e| unreachable!("a list takes what it is given: {e}"), |rest| listed.into_report(rest)), plots)
}

/// The captures, as far as they are known before they are read.
fn known_captures(timeline: &Timeline) -> Vec<Capture> {
    build::captures(&Inputs { captures: timeline.captures().collect(), ..Inputs::default() })
}

/// The same, where `listener` is told of attempts and connections as they come,
/// under pseudonyms where that is asked for.
fn read_hiding(
    timeline: &mut Timeline,
    progress: &mut Progress,
    wanted: Wanted,
    redactor: Option<&Redactor>,
    listener: &mut dyn Listener,
) -> io::Result<Report> {
    let Some(redactor) = redactor else { return read_telling(timeline, progress, wanted, None, listener) };
    let mut hiding = redactor.telling(&known_captures(timeline), listener);
    redactor.report(&read_telling(timeline, progress, wanted, None, &mut hiding)?)
}

/// The same, where `listener` is told of attempts and connections as they come.
fn read_telling(
    timeline: &mut Timeline,
    progress: &mut Progress,
    wanted: Wanted,
    mut plots: Option<&mut Plots>,
    listener: &mut dyn Listener,
) -> io::Result<Report> {
    let mut analyzer = Analyzer::default();
    if plots.is_some() {
        analyzer.remember_packets();
    }
    let count = timeline.captures().count();
    let mut builder = Builder::new(count);
    builder.only(wanted.hosts);
    if !wanted.all {
        builder.count_many();
        analyzer.count_probes();
    }
    let mut tell = |batch: Batch, by: Option<&Analyzer>, listener: &mut dyn Listener| {
        if let Some(plots) = &mut plots {
            plots.add(&batch.connections, count > 1);
        }
        builder.tell(batch, by, listener)
    };
    loop {
        let mut taking = Taking { analyzer: &mut analyzer, taken: 0, is_ours: false };
        let more = timeline.next_packets(&mut taking);
        let taken = taking.taken;
        if let Some(batch) = analyzer.settled() {
            let told = tell(batch, Some(&analyzer), listener)?;
            analyzer.take_back(told);
        }
        progress.packets(taken, || timeline.progress().read);
        if !more {
            break;
        }
    }
    let captures: Vec<_> = timeline.captures().collect();
    for loss in captures.iter().flat_map(|capture| &capture.losses) {
        analyzer.lost(loss.packets, loss.since, loss.until);
    }
    let dropped = captures.iter().filter_map(|capture| capture.dropped).fold(0, u64::saturating_add);
    let unreadable = timeline.problems().iter().map(named).collect();
    // Evidence of a silence says how long it lasted.
    if let Some(until) = captures.iter().map(|capture| capture.watched_until()).min().flatten() {
        while analyzer.tick_some(until, ENDED_AT_ONCE) {
            if let Some(batch) = analyzer.settled() {
                let told = tell(batch, Some(&analyzer), listener)?;
                analyzer.take_back(told);
            }
        }
    }
    let mut analysis = analyzer.finish_telling(dropped, |by, batch| tell(batch, Some(by), listener).map(drop))?;
    let inputs = Inputs { captures, unreadable };
    listener.all_is_read(build::captures(&inputs), build::findings(&analysis, &inputs));
    tell(Batch::take(&mut analysis), None, listener)?;
    let mut report = builder.finish(&analysis, &inputs);
    report.notices.extend(timeline.notices().list().iter().map(about_no_capture));
    Ok(report)
}

/// Takes packets until there is something to tell.
struct Taking<'a> {
    analyzer: &'a mut Analyzer,
    taken: u64,
    /// The last one was ours.
    is_ours: bool,
}

impl Taker for Taking<'_> {
    #[inline(always)]
    fn take(&mut self, packet: &Packet<'_>) -> bool {
        self.is_ours = self.analyzer.push_of_run(packet);
        // Nothing comes of what is not ours.
        !self.is_ours || !self.analyzer.has_settled()
    }

    #[inline(always)]
    fn expect(&self, bytes: &[u8], vantage: u16) {
        // Of most captures few packets are ours, and of the others nearly all.
        if self.is_ours {
            self.analyzer.expect(bytes, vantage);
        }
    }

    fn passed(&mut self, passed: Passed) {
        self.taken = self.taken.wrapping_add(passed.packets);
        self.analyzer.passed(passed);
    }
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
    // The message begins with the name, for those who print it alone.
    (name.clone(), behind_name(&problem.to_string(), name).to_owned())
}

/// Gives `to` where the report goes, and whether in colours.
fn write(
    output: Option<&Path>,
    format: Format,
    console: &Console,
    to: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>,
) -> anyhow::Result<()> {
    match output {
        Some(output) => output::write(output, |out| to(out, console.colors_files())),
        None => {
            let mut out: Box<dyn Write> = match format {
                Format::Json | Format::Ndjson => Box::new(console.machine_stdout()),
                Format::Text | Format::Markdown | Format::Html => Box::new(console.stdout()),
            };
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

/// Whether it can be read only once, and has no end that is known.
pub(super) fn is_pipe(file: &Path) -> bool {
    is_stdin(file) || file.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

pub(super) fn is_hashed(asked: When, total: Option<u64>) -> bool {
    match asked {
        When::Always => true,
        When::Never => false,
        When::Auto => total.is_some_and(|total| total <= HASHED_UNASKED),
    }
}
