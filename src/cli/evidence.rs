//! `rdpwhy evidence`: the packets that prove it, in a file for the ticket.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::report::document::{Outcome, Report};
use rdpwhy::report::evidence::{Evidence, Options, Selection, Written};
use rdpwhy::report::plots::Plots;
use rdpwhy::report::redact::Redactor;

use super::analyze::{self, Wanted};
use super::args::EvidenceArguments;
use super::console::Console;
use super::exit::{Exit, Told};
use super::inputs;
use super::output;
use super::progress::Progress;
use super::redaction;

/// What was read once, and can be read again.
pub(super) struct Analysed {
    /// As it is, for choosing packets.
    pub(super) report: Report,
    /// As it may leave the room.
    pub(super) told: Report,
    pub(super) redactor: Option<Redactor>,
    /// The packets of the diagrams, without names and addresses.
    pub(super) plots: Plots,
    /// What it comes to that part of the input could not be read.
    pub(super) missing: Option<Exit>,
}

/// Analyses, chooses, reads again, writes.
pub(super) fn run(asked: &EvidenceArguments, console: &mut Console) -> anyhow::Result<Exit> {
    check(&asked.files, &asked.output)?;
    let redactor = redaction::redactor(&asked.redaction, [asked.output.as_path()])?;
    let analysed = analysed(&asked.files, CaptureOptions::default(), redactor, &asked.output, false, console)?;
    let selection = selection(&analysed, &asked.attempt)?;
    let evidence = collect(&asked.files, selection, console);
    let mut written = Written::default();
    output::write(&asked.output, |out| {
        written = write(&evidence, &analysed, asked.full, out)?;
        Ok(())
    })?;
    complain(written, &evidence, console);
    console.remark(&format!("{}: {} packets", asked.output.display(), written.packets));
    let is_whole = analysed.report.summary.complete && analysed.report.unreadable.is_empty();
    Ok(if is_whole { Exit::Success } else { Exit::Unreadable }.or_missing(analysed.missing))
}

/// Refuses what cannot be read twice, and outputs that are inputs.
pub(super) fn check(files: &[PathBuf], output: &Path) -> anyhow::Result<()> {
    if let Some(pipe) = files.iter().find(|file| analyze::is_pipe(file)) {
        return Err(Told::usage(format!(
            "{}: captures are read twice here, and this can be read only once; save it to a file first: cat > trace.pcap",
            pipe.display()
        )));
    }
    output::check(output, files.iter().map(PathBuf::as_path))
}

/// The first reading. `draws`: what diagrams need is remembered, too.
pub(super) fn analysed(
    files: &[PathBuf],
    options: CaptureOptions,
    redactor: Option<Redactor>,
    output: &Path,
    draws: bool,
    console: &Console,
) -> anyhow::Result<Analysed> {
    let mut timeline = Timeline::new(files.iter().map(|file| Source::named(file)).collect(), options);
    let mut progress = Progress::start(console.shows_progress(), analyze::total(files));
    let (report, plots) = analyze::read(&mut timeline, &mut progress, Wanted::default(), draws);
    progress.finish();
    inputs::complain(&timeline, console);
    // What was found in folders is input too.
    output::check(output, timeline.captures().map(|capture| Path::new(&capture.name)))?;
    let missing = Exit::of_problems(timeline.problems());
    if report.captures.is_empty() {
        return Err(match missing {
            Some(exit) => Told::all_is_missing(exit, files),
            None => Told::nothing_to_read(files),
        });
    }
    let counted: u64 = report.counted.iter().filter(|c| c.outcome == Outcome::Failed).map(|c| c.attempts).sum();
    if counted > 0 {
        console.complain(&format!(
            "{counted} failed attempts look like probes of a port and are counted, not listed; their packets are left out"
        ));
    }
    let told = redactor.as_ref().map_or_else(|| Ok(report.clone()), |redactor| redactor.report(&report))?;
    Ok(Analysed { report, told, redactor, plots, missing })
}

/// The attempts that are asked for, or else those that failed.
fn selection(analysed: &Analysed, attempts: &[u32]) -> anyhow::Result<Selection> {
    let report = &analysed.report;
    let Some(known) = report.attempts.last().map(|attempt| attempt.id) else {
        let message = "no RDP connection in the capture: nothing to show. Was it taken on the right interface, and while somebody connected?";
        return Err(Told { exit: Exit::NoRdp.or_missing(analysed.missing), message: message.to_owned() }.into());
    };
    if let Some(unknown) = attempts.iter().find(|id| report.attempt(**id).is_none()) {
        return Err(Told::usage(format!("there is no attempt {unknown}; the report lists attempts 1 to {known}")));
    }
    if !attempts.is_empty() {
        return Ok(Selection::of(report, attempts));
    }
    let failed = Selection::failed(report);
    if failed.is_empty() {
        return Err(Told::usage(format!(
            "no attempt failed, so there is nothing to prove; --attempt N takes another one, 1 to {known}"
        )));
    }
    Ok(failed)
}

/// The second reading.
pub(super) fn collect(files: &[PathBuf], selection: Selection, console: &Console) -> Evidence {
    let mut evidence = Evidence::new(selection);
    let mut timeline = Timeline::new(files.iter().map(|file| Source::named(file)).collect(), CaptureOptions::default());
    let mut progress = Progress::start(console.shows_progress(), analyze::total(files));
    while let Some(packet) = timeline.next_packet() {
        evidence.push(&packet);
        progress.packets(1, || timeline.progress().read);
    }
    progress.finish();
    evidence
}

/// Writes the file.
pub(super) fn write(evidence: &Evidence, analysed: &Analysed, full: bool, out: &mut dyn Write) -> io::Result<Written> {
    evidence.write(&analysed.told, Options { full, redactor: analysed.redactor.as_ref() }, out)
}

/// What did not fit is not kept quiet.
pub(super) fn complain(written: Written, evidence: &Evidence, console: &Console) {
    if evidence.leaves_views_out() {
        console.complain(
            "several captures hold the same connection; the evidence has it once, and its comment says from which. For another point of view: rdpwhy evidence THAT-CAPTURE -o FILE",
        );
    }
    if written.left_out > 0 {
        console.complain(&format!(
            "{} packets more than can be held were left out of the evidence; --attempt N takes one attempt alone",
            written.left_out
        ));
    }
}
