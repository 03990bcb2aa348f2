//! `-o`, and what must not be written over.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{complaint, rdpwhy, stdout};

/// A folder with `a.pcap`, in which an attempt fails.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
    fs::copy(case, folder.path().join("a.pcap")).unwrap();
    folder
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
    let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rdpwhy"));
    let done = run.current_dir(&folder).args(command).stdout(appended).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&key).unwrap(), before);
}
