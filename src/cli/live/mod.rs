//! `rdpwhy live`: packets as they arrive, connections explained as they end.
//!
//! One thread captures and analyses; lines, which may have to wait for their
//! reader, and files, which may have to wait for a disk, are written by two
//! others. [`watch`] is the loop.

mod archive;
mod asked;
mod attempts;
mod clock;
mod crowds;
mod disk;
mod evidence;
mod held;
mod metrics;
mod outlet;
mod recorder;
mod recording;
mod remarks;
mod ring;
mod ring_files;
mod sandbox;
mod signals;
mod table;
mod tally;
mod telling;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rdpwhy::base::CaptureId;
use rdpwhy::capture::{Tap, TapError, TapOptions};

pub(super) use asked::Live;

use super::console::Console;
use super::exit::{Exit, Told};
use super::redaction;
use outlet::Outlet;
use recording::Recording;
use remarks::Remarks;
use signals::Signals;
use telling::{Form, Telling};
use watch::Watch;

/// Interfaces at most: each takes a buffer in the kernel, and `any` is all.
const MAX_INTERFACES: usize = 64;

/// Opens the interfaces, gives up all privileges, and watches.
pub(super) fn run(asked: &Live, console: &mut Console) -> anyhow::Result<Exit> {
    let folders = writable(asked)?;
    // The key is made before the folders are locked.
    let outputs = [&asked.output, &asked.metrics].into_iter().flatten().map(PathBuf::as_path);
    let redactor = redaction::redactor(&asked.redaction, outputs)?.map(Arc::new);
    let taps = open(asked)?;
    if asked.no_sandbox {
        console.complain("WARNING: --no-sandbox: strangers' packets are read with every privilege of this process");
    } else {
        sandbox::lock_in(&folders)?.iter().for_each(|says| console.complain(says));
    }
    let out = [&asked.recorder.out, &asked.ring.ring];
    out.into_iter().flatten().try_for_each(|folder| try_to_write(folder))?;
    // From here on there may be threads.
    let signals = Signals::listen().context("signals cannot be listened to")?;
    let output = asked.output.as_deref();
    let outlet = Outlet::new(output).with_context(|| match output {
        Some(path) => format!("{}: lines cannot be appended to it", path.display()),
        None => "standard output".to_owned(),
    })?;
    let recording = Recording::new(asked, &taps, redactor.clone())?;
    let form = Form::of(asked.format, output.is_some());
    let remarks = Remarks::new(console, form == Form::Table, redactor.clone());
    let telling = Telling::new(form, outlet, redactor);
    Watch::new(asked, taps, telling, recording, remarks).run(&signals)
}

fn open(asked: &Live) -> anyhow::Result<Vec<Tap>> {
    let options = TapOptions {
        filter: asked.filter.clone(),
        snap_len: asked.capture.snaplen,
        buffer: asked.capture.buffer_size.saturating_mul(1024 * 1024),
        immediate: asked.capture.immediate,
        promiscuous: asked.capture.promiscuous,
    };
    let any = [String::from("any")];
    let names = if asked.interface.is_empty() { &any[..] } else { &asked.interface[..] };
    if names.len() > MAX_INTERFACES {
        return Err(Told::usage(format!("more than {MAX_INTERFACES} interfaces; 'any' listens on all of them")));
    }
    let taps = (0..).zip(names).map(|(id, name)| Tap::open(name, CaptureId(id), &options).map_err(told));
    taps.collect()
}

/// What to do about an interface that cannot be opened.
fn told(error: TapError) -> anyhow::Error {
    let (exit, next) = match &error {
        TapError::NotPermitted { .. } => (
            Exit::NotPermitted,
            "; capturing needs one privilege: sudo setcap cap_net_raw=ep \"$(command -v rdpwhy)\", or run it with sudo",
        ),
        TapError::Filter { .. } => (Exit::Usage, "; man pcap-filter describes the language"),
        TapError::Other { .. } => (Exit::Usage, "; rdpwhy interfaces lists what there is"),
    };
    Told { exit, message: format!("{error}{next}") }.into()
}

/// Whether a file can be made in `folder`, now that privileges are given up:
/// better told at the start than at the first failure. A disk that is full may
/// be emptied by then.
fn try_to_write(folder: &Path) -> anyhow::Result<()> {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let Err(error) = tempfile::tempfile_in(folder) else { return Ok(()) };
    if !matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) {
        return Ok(());
    }
    let next = "it must be writable for who runs rdpwhy; root gives up the right to write to folders of others";
    Err(Told { exit: Exit::NotPermitted, message: format!("{}: {error}; {next}", folder.display()) }.into())
}

/// The folders that are written to.
fn writable(asked: &Live) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for file in [&asked.output, &asked.metrics].into_iter().flatten() {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if file.is_dir() || !folder.is_dir() {
            let expected = "expected the name of a file, in a folder that exists";
            return Err(Told::usage(format!("{}: {expected}", file.display())));
        }
        folders.push(folder.to_owned());
    }
    for folder in [&asked.recorder.out, &asked.ring.ring].into_iter().flatten() {
        if !folder.is_dir() {
            let next = format!("create it first: mkdir -p '{}'", folder.display());
            return Err(Told::usage(format!("{}: there is no such folder; {next}", folder.display())));
        }
        folders.push(folder.clone());
    }
    Ok(folders)
}
