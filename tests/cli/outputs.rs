//! `-o`, and what must not be written over.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{complaint, rdpwhy, stdout};

/// A folder with `a.pcap`, in which an attempt fails.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
    fs::copy(case, folder.path().join("a.pcap")).unwrap();
    folder
}

/// A shell in that folder, to which the program is `$0`.
fn shell(folder: &TempDir, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).arg("-c").arg(script).arg(assert_cmd::cargo::cargo_bin!("rdpwhy"));
    shell
}

#[test]
fn a_redaction_key_is_never_an_output() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("reports")).unwrap();
    let mut commands = vec![
        ("analyze a.pcap -o ./key", "key"),
        ("analyze a.pcap --each reports", "reports/a.pcap.txt"),
        ("evidence a.pcap -o reports/../key", "key"),
        ("bundle a.pcap -o ./key", "key"),
    ];
    if cfg!(all(unix, feature = "live")) {
        commands.push(("live -i lo --duration 1s -o ./key", "key"));
        commands.push(("live -i lo --duration 1s --metrics ./key", "key"));
    }
    let old = format!("rdpwhy redaction key 1\n{}\n", "07".repeat(32));
    for (command, key) in commands {
        let refused = || {
            let mut run = rdpwhy();
            run.current_dir(&folder).args(command.split(' ')).args(["--redact", "--redact-key", key]);
            let told = complaint(&mut run, 2);
            assert!(told.contains("the key and the output are one file"), "{command}: {told}");
        };
        refused();
        assert!(!at(key).exists(), "{command}");
        fs::write(at(key), &old).unwrap();
        refused();
        assert_eq!(fs::read_to_string(at(key)).unwrap(), old, "{command}");
        fs::remove_file(at(key)).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_redaction_key_is_not_where_the_shell_leads_standard_output() {
    let folder = folder();
    let key = folder.path().join("key");
    let command = ["analyze", "a.pcap", "--redact", "--redact-key", "key"];
    stdout(rdpwhy().current_dir(&folder).args(command), 1);
    let before = fs::read_to_string(&key).unwrap();
    let appended = fs::OpenOptions::new().append(true).open(&key).unwrap();
    let mut run = Command::new(assert_cmd::cargo::cargo_bin!("rdpwhy"));
    let done = run.current_dir(&folder).args(command).stdout(appended).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&key).unwrap(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_bundle_that_finds_no_room_is_told_in_one_line_and_leaves_nothing() {
    let folder = folder();
    stdout(rdpwhy().current_dir(&folder).args(["bundle", "a.pcap", "-o", "whole.zip"]), 1);
    let blocks = fs::metadata(folder.path().join("whole.zip")).unwrap().len() / 512;
    assert!(blocks > 10);
    // A limit of the size of files stands for a disk of that size.
    for blocks in 0..blocks {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" bundle a.pcap -o part.zip");
        let done = shell(&folder, &script).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        let wanted = "rdpwhy: error: part.zip: could not be written: File too large (os error 27)\n";
        assert_eq!((told.as_str(), done.status.code()), (wanted, Some(3)), "{blocks} blocks");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "{blocks} blocks");
    }
    let told = complaint(rdpwhy().current_dir(&folder).args(["bundle", "a.pcap", "-o", "/dev/full"]), 3);
    assert!(told.starts_with("rdpwhy: error: /dev/full: could not be written: No space left"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_shell_leads_into_a_file_is_written_behind_what_is_there() {
    let folder = folder();
    let log = folder.path().join("log");
    for command in ["analyze", "analyze --format ndjson", "evidence", "bundle"] {
        rdpwhy().current_dir(&folder).args(command.split(' ')).args(["a.pcap", "-o", "alone"]).output().unwrap();
        let alone = fs::read(folder.path().join("alone")).unwrap();
        for (output, opened) in [
            ("/dev/stdout", ">log"),
            ("/dev/stdout", ">>log"),
            ("/dev/fd/1", ">log"),
            ("/dev/stderr", "2>log >&2"),
            ("/dev/fd/3", "3>>log >&3"),
            ("/proc/self/fd/3", "3>>log >&3"),
        ] {
            // The shell writes to the same file, before and after.
            let script = format!("{{ echo before; \"$0\" {command} a.pcap -o {output}; echo after; }} {opened}");
            let done = shell(&folder, &script).output().unwrap();
            let wanted = [b"before\n", alone.as_slice(), b"after\n"].concat();
            assert!(fs::read(&log).unwrap() == wanted, "{script}: {}", String::from_utf8_lossy(&done.stderr));
            fs::remove_file(&log).unwrap();
        }
    }
    let told = complaint(rdpwhy().current_dir(&folder).args(["analyze", "a.pcap", "-o", "/dev/fd/99"]), 2);
    assert!(told.contains("no such descriptor is open"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_ends_the_run_leaves_no_half_report_and_one_that_is_ignored_ends_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let folder = folder();
    let capture = fs::read(folder.path().join("a.pcap")).unwrap();
    let (header, packets) = capture.split_at(24);
    // Much more than a pipe and a buffer hold: what takes it is at work.
    let packets = packets.repeat((4 << 20) / packets.len());
    // Who runs the tests may ignore the others.
    for (signal, ignored) in [("TERM", false), ("TERM", true), ("INT", true), ("HUP", true)] {
        let ignoring = if ignored { format!("trap '' {signal}; ") } else { String::new() };
        let script = format!("{ignoring}exec \"$0\" analyze - --format ndjson -o out --exit-zero");
        let mut child = shell(&folder, &script).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(header).and_then(|()| pipe.write_all(&packets)).unwrap();
        let names = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        assert!(names().iter().any(|name| name.to_str().unwrap().ends_with(".part")), "{:?}", names());
        let kill = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", child.id())).status().unwrap();
        assert!(kill.success());
        if ignored {
            drop(pipe);
            assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
            fs::remove_file(folder.path().join("out")).unwrap();
        } else {
            assert_eq!(child.wait().unwrap().signal(), Some(15), "{signal}");
        }
        assert_eq!(names(), ["a.pcap"], "{signal}, ignored: {ignored}");
    }
}
