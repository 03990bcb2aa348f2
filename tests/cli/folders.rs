//! Folders as they are found: with pipes, notes and damaged captures in them.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::rdpwhy;

/// Long enough for a busy machine, and not forever.
const PATIENCE: Duration = Duration::from_secs(60);

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap")
}

/// A folder `in` with a capture of a failed attempt, `a.pcap`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::copy(case(), folder.path().join("in/a.pcap")).unwrap();
    folder
}

/// Exit code, standard output and standard error.
#[track_caller]
fn told(folder: &TempDir, arguments: &str) -> (i32, String, String) {
    let mut command = rdpwhy();
    command.current_dir(folder).args(arguments.split(' ')).timeout(PATIENCE);
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().expect("it ended by itself"), text(done.stdout), text(done.stderr))
}

#[test]
fn a_pipe_in_a_folder_is_not_waited_for() {
    let folder = folder();
    let made = Command::new("mkfifo").arg(folder.path().join("in/p")).status();
    if !made.is_ok_and(|made| made.success()) {
        println!("skipped: mkfifo is not there");
        return;
    }
    const SAYS: &str = "in/p: this is a pipe, a socket or a device";
    let (code, out, _) = told(&folder, "analyze in");
    assert!(code == 1 && out.contains(SAYS), "{out}");
    let (code, out, err) = told(&folder, "analyze in --each reports");
    assert!(code == 1 && out.starts_with("in/a.pcap: RDP failed") && err.contains(SAYS), "{out}{err}");
    assert_eq!(told(&folder, "evidence in -o e.pcapng").0, 0);
    assert_eq!(told(&folder, "bundle in -o b.zip").0, 1);
    // Named, it is read.
    let writer = Command::new("cp").arg(case()).arg(folder.path().join("in/p")).stdin(Stdio::null()).spawn();
    let (code, out, err) = told(&folder, "analyze in/p");
    assert!(code == 1 && out.starts_with("RDP failed") && writer.unwrap().wait().unwrap().success(), "{out}{err}");
}
