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

#[test]
fn damaged_captures_of_a_folder_are_told_by_name_and_by_exit_code() {
    let folder = folder();
    let mut damaged = fs::read(case()).unwrap();
    damaged[3] ^= 1;
    for name in ["b", "c", "d"] {
        fs::write(folder.path().join(format!("in/{name}.pcap")), &damaged).unwrap();
    }
    fs::write(folder.path().join("in/notes.txt"), "dear diary").unwrap();
    fs::write(folder.path().join("in/x.zip"), b"PK\x03\x04 and more").unwrap();
    let by_name = |text: &str| {
        for name in ["b", "c", "d"] {
            assert!(text.contains(&format!("in/{name}.pcap: this is nothing that is known here")), "{text}");
        }
    };
    const PASSED: &str =
        "2 files were passed over, being no captures: in/notes.txt, in/x.zip. The first: in/notes.txt:";
    let (code, out, err) = told(&folder, "analyze in");
    let out = out.replace("\n    ", " ");
    assert!(code == 3 && out.starts_with("RDP failed") && err.contains(PASSED), "{out}{err}");
    assert_eq!(["b", "c", "d"].map(|name| out.matches(&format!("in/{name}.pcap: ")).count()), [1; 3], "{out}");
    for arguments in
        ["analyze in --each out", "analyze in --format ndjson", "evidence in -o e.pcapng", "bundle in -o b.zip"]
    {
        let (code, out, err) = told(&folder, arguments);
        assert!(code == 3 && err.contains(PASSED), "{arguments}: {code} {err}");
        by_name(&err);
        if arguments.ends_with("ndjson") {
            assert!(out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{out}");
        }
    }
    // Notes alone are nothing wrong, and no secret.
    for name in ["b", "c", "d"] {
        fs::remove_file(folder.path().join(format!("in/{name}.pcap"))).unwrap();
    }
    for (arguments, expected) in [("analyze in --format ndjson", 1), ("evidence in -o e.pcapng", 0)] {
        let (code, _, err) = told(&folder, arguments);
        assert!(code == expected && err.contains(PASSED), "{arguments}: {code} {err}");
    }
}

#[test]
fn what_may_not_be_read_is_told_by_its_exit_code_beside_what_may() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let denied = folder.path().join("in/no.pcap");
    fs::copy(case(), &denied).unwrap();
    fs::set_permissions(&denied, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&denied).is_ok() {
        println!("skipped: whoever runs this may read everything");
        return;
    }
    for arguments in ["analyze in", "analyze in --each out", "evidence in -o e.pcapng", "bundle in -o b.zip"] {
        let (code, out, err) = told(&folder, arguments);
        assert_eq!(code, 5, "{arguments}: {out}{err}");
    }
    let (code, _, err) = told(&folder, "bundle in/no.pcap -o b.zip");
    assert!(code == 5 && err.contains("reading it is not permitted") && !err.contains("no capture"), "{err}");
}

#[test]
fn where_nothing_could_be_read_the_reason_stands_alone() {
    let folder = folder();
    for command in ["bundle", "evidence"] {
        let (code, _, err) = told(&folder, &format!("{command} gone.pcap -o b"));
        assert!(code == 3 && err.contains("gone.pcap: there is no such file"), "{err}");
        assert!(err.contains("gone.pcap: nothing could be read") && !err.contains("no capture in here"), "{err}");
    }
}
