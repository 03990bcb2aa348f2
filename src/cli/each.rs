//! `analyze --each`: captures that have nothing to do with each other, each by
//! itself, on all cores.
//!
//! Every core takes the next capture and analyses it as a run of its own would,
//! so memory is that of as many runs as there are cores. Lines are told in the
//! order in which the captures were given, whichever is done first.

use core::cmp::Reverse;
use core::num::NonZero;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use anyhow::Context;
use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::report::document::Summary;
use rdpwhy::report::escape;
use rdpwhy::report::in_short;
use rdpwhy::report::redact::Redactor;

use super::analyze::{is_hashed, is_pipe, write_report};
use super::args::{Analyze, Format};
use super::console::Console;
use super::exit::{Exit, Told};
use super::inputs;
use super::output;
use super::progress::Progress;
use super::redaction;

/// A capture, and where its report goes.
#[derive(Debug)]
struct Task {
    capture: PathBuf,
    /// Its bytes as stored.
    size: u64,
    report: PathBuf,
}

/// What came of one.
#[derive(Debug)]
struct Done {
    says: String,
    exit: Exit,
    /// What could not be read of it, or written about it.
    complaints: Vec<String>,
    packets: u64,
}

/// Analyses each of the captures, and tells each in a line.
pub(super) fn run(asked: &Analyze, folder: &Path, console: &Console) -> anyhow::Result<Exit> {
    if let Some(pipe) = asked.files.iter().find(|file| is_pipe(file)) {
        return Err(Told::usage(format!(
            "{}: a pipe has no name to call its report by; expected files and folders after --each {}",
            pipe.display(),
            folder.display()
        )));
    }
    let timeline =
        Timeline::new(asked.files.iter().map(|file| Source::named(file)).collect(), CaptureOptions::default());
    inputs::complain(&timeline, console);
    if timeline.files().next().is_none() && timeline.problems().is_empty() {
        return Err(Told::nothing_to_read(&asked.files));
    }
    let tasks = tasks(timeline.files(), folder, asked.format);
    if folder.exists() && !folder.is_dir() {
        return Err(Told::usage(format!(
            "{}: this is a file; expected the folder that reports are written to",
            folder.display()
        )));
    }
    fs::create_dir_all(folder).with_context(|| format!("{}: the folder could not be made", folder.display()))?;
    for task in &tasks {
        output::check(&task.report, timeline.files())?;
    }
    let redactor = redaction::redactor(&asked.redaction, tasks.iter().map(|task| task.report.as_path()))?;
    let missing = Exit::of_problems(timeline.problems());
    let exits = on_all_cores(asked, &tasks, redactor.as_ref(), console)?;
    Ok(Exit::of_all(missing.into_iter().chain(exits)))
}

/// Where the report about each capture goes: captures of one name, in several
/// folders, are told apart by a number.
fn tasks<'a>(captures: impl Iterator<Item = &'a Path>, folder: &Path, format: Format) -> Vec<Task> {
    let mut taken = HashSet::new();
    let task = |capture: &Path| {
        let name = capture.file_name().unwrap_or_default();
        let named = |number: usize| {
            let mut report = OsString::from(name);
            if number > 1 {
                report.push(format!("-{number}"));
            }
            report.push(format!(".{}", format.extension()));
            folder.join(report)
        };
        let report = (1..).map(named).find(|report| taken.insert(report.clone())).unwrap_or_default();
        let size = capture.metadata().map_or(0, |metadata| metadata.len());
        Task { capture: capture.to_owned(), size, report }
    };
    captures.map(task).collect()
}

fn on_all_cores(
    asked: &Analyze,
    tasks: &[Task],
    redactor: Option<&Redactor>,
    console: &Console,
) -> anyhow::Result<Vec<Exit>> {
    let total = tasks.iter().fold(0_u64, |sum, task| sum.saturating_add(task.size));
    let mut progress = Progress::start(console.shows_progress() && !console.prints_to_terminal(), Some(total));
    // The largest first, so that no core is left with it at the end.
    let mut order: Vec<_> = tasks.iter().enumerate().collect();
    order.sort_by_key(|(_, task)| Reverse(task.size));
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(tasks.len());
    thread::scope(|scope| {
        let (teller, told) = mpsc::channel();
        for _ in 0..cores {
            let (teller, order, next) = (teller.clone(), &order, &next);
            scope.spawn(move || {
                while let Some((number, task)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = analyze(asked, task, redactor, console);
                    // Nobody listens once a line could not be written.
                    if teller.send((*number, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(teller);
        let (mut early, mut exits, mut read) = (BTreeMap::new(), Vec::new(), 0_u64);
        for (number, done) in told {
            early.insert(number, done);
            while let Some((task, done)) = tasks.get(exits.len()).zip(early.remove(&exits.len())) {
                read = read.saturating_add(task.size);
                progress.packets(done.packets, || read);
                tell(task, &done, console)?;
                exits.push(done.exit);
            }
        }
        progress.finish();
        Ok(exits)
    })
}

/// One capture, as a run of its own would analyse it.
fn analyze(asked: &Analyze, task: &Task, redactor: Option<&Redactor>, console: &Console) -> Done {
    let options = CaptureOptions { sha256: is_hashed(asked.sha256, Some(task.size)) };
    let mut timeline = Timeline::new(vec![Source::Path(task.capture.clone())], options);
    let mut progress = Progress::start(false, Some(task.size));
    let written = write_report(asked, Some(&task.report), redactor, &mut timeline, &mut progress, console);
    let complaints = timeline.problems().iter().map(ToString::to_string);
    let (packets, _) = progress.finish();
    match written {
        Ok(report) => Done {
            says: said(&report.summary),
            exit: Exit::of_report(&report, asked.exit_zero).or_missing(Exit::of_problems(timeline.problems())),
            complaints: complaints.collect(),
            packets,
        },
        Err(error) => Done {
            says: "no report could be written, see the error".to_owned(),
            exit: Exit::of(&error),
            complaints: complaints.chain([format!("{error:#}")]).collect(),
            packets,
        },
    }
}

fn said(summary: &Summary) -> String {
    let in_part = if summary.complete { "" } else { "; only part of the file could be read" };
    in_short(summary) + in_part
}

/// `a.pcap: RDP: 1 of 3 attempts failed: another device ended the connection (reports/a.pcap.txt)`.
fn tell(task: &Task, done: &Done, console: &Console) -> anyhow::Result<()> {
    done.complaints.iter().for_each(|complaint| console.complain(complaint));
    console.remark(&format!("{}: {} packets", task.capture.display(), done.packets));
    let mut out = console.stdout();
    let line = format!("{}: {} ({})", task.capture.display(), done.says, task.report.display());
    writeln!(out, "{}", escape::sentence(&line))
        .and_then(|()| out.flush())
        .context("standard output: what came of a capture")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_of_one_name_have_reports_of_two() {
        let captures = ["a/x.pcap", "b/x.pcap", "b/y.pcap", "c/x.pcap"].map(Path::new);
        let reports = tasks(captures.into_iter(), Path::new("out"), Format::Html);
        let names: Vec<_> = reports.iter().map(|task| task.report.to_str().unwrap()).collect();
        assert_eq!(names, ["out/x.pcap.html", "out/x.pcap-2.html", "out/y.pcap.html", "out/x.pcap-3.html"]);
    }
}
