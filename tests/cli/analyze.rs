//! `rdpwhy analyze`, on a capture of a few bytes.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{complaint, rdpwhy, stdout};

/// A folder with `syns.pcap`: a client asks three times and nobody answers.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("syns.pcap"), pcap(&[0, 1, 3].map(|second| (second, syn())))).unwrap();
    folder
}

/// A pcap file of Ethernet frames, each with its second.
fn pcap(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for (second, frame) in frames {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend(words(&[1_700_000_000 + second, 0, length, length]));
        file.extend(frame);
    }
    file
}

/// 192.0.2.1:50000 asks 198.51.100.9:3389 for a connection.
fn syn() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 128, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9]);
    frame.extend([0xc3, 0x50, 0x0d, 0x3d, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    frame
}

#[test]
fn a_failed_attempt_ends_with_1_and_a_ticket_title() {
    let folder = folder();
    let mut command = rdpwhy();
    command.current_dir(&folder).args(["analyze", "syns.pcap"]);
    let text = stdout(&mut command, 1);
    let title = text.lines().next().unwrap();
    assert!(title.starts_with("RDP failed: ") && title.len() <= 80, "{title}");
    assert!(text.contains("192.0.2.1 to 198.51.100.9:3389"));
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    assert!(!text.contains('\x1b'));
    assert_eq!(stdout(command.arg("--exit-zero"), 0), text);
    assert!(stdout(command.args(["--color", "always"]), 0).contains("\x1b[1m"));
}

#[test]
fn json_and_ndjson_keep_to_their_schemas() {
    let folder = folder();
    for (format, schema) in [("json", "schema-v1.json"), ("ndjson", "schema-v1-line.json")] {
        let schema = fs::read_to_string(format!("{}/src/report/{schema}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        let mut command = rdpwhy();
        let out = stdout(command.current_dir(&folder).args(["analyze", "syns.pcap", "--format", format]), 1);
        assert!(out.ends_with('\n'));
        let value: Value = serde_json::from_str(&out).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{format}");
        assert_eq!(out.lines().count() == 1, format == "ndjson");
    }
}

#[test]
fn every_fixture_keeps_the_width_and_the_schema() {
    let root = env!("CARGO_MANIFEST_DIR");
    let schema = fs::read_to_string(format!("{root}/src/report/schema-v1.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for case in fs::read_dir(format!("{root}/fixtures/cases")).into_iter().flatten() {
        let case = case.unwrap().path();
        let run = |format: &str| {
            let done = rdpwhy().arg("analyze").arg(&case).args(["--all", "--format", format]).output().unwrap();
            assert!(matches!(done.status.code(), Some(0 | 1 | 3 | 4)), "{}: {}", case.display(), done.status);
            String::from_utf8(done.stdout).unwrap()
        };
        let text = run("text");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{}", case.display());
        let value: Value = serde_json::from_str(&run("json")).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", case.display());
    }
}

#[test]
fn a_pipe_gives_the_same_findings_as_a_file() {
    let folder = folder();
    let analyze = |name: &str| {
        let mut command = rdpwhy();
        command.current_dir(&folder).args(["analyze", name, "--format", "json", "--sha256"]);
        let capture = fs::read(folder.path().join("syns.pcap")).unwrap();
        serde_json::from_str::<Value>(&stdout(command.write_stdin(capture), 1)).unwrap()
    };
    let (file, mut pipe) = (analyze("syns.pcap"), analyze("-"));
    assert_eq!(pipe["captures"][0]["path"], "-");
    pipe["captures"][0]["path"] = "syns.pcap".into();
    assert_eq!(file, pipe);
    assert_eq!(file["captures"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_file_receives_what_standard_output_would() {
    let folder = folder();
    let text = stdout(rdpwhy().current_dir(&folder).args(["analyze", "syns.pcap"]), 1);
    let nothing = stdout(rdpwhy().current_dir(&folder).args(["analyze", "syns.pcap", "-o", "report.txt"]), 1);
    assert_eq!(nothing, "");
    assert_eq!(fs::read_to_string(folder.path().join("report.txt")).unwrap(), text);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = folder();
    let before = fs::read(folder.path().join("syns.pcap")).unwrap();
    for inputs in [["syns.pcap", "./syns.pcap"], [".", "syns.pcap"]] {
        let told = complaint(rdpwhy().current_dir(&folder).args(["analyze", inputs[0], "-o", inputs[1]]), 2);
        assert!(told.contains("this is an input"), "{told}");
    }
    assert_eq!(fs::read(folder.path().join("syns.pcap")).unwrap(), before);
}

#[test]
fn what_cannot_be_read_ends_with_3_and_hides_nothing_else() {
    let folder = folder();
    let path = folder.path();
    let told = complaint(rdpwhy().current_dir(path).args(["analyze", "gone.pcap"]), 3);
    assert!(told.contains("gone.pcap: there is no such file"), "{told}");
    fs::write(path.join("notes.txt"), "dear diary").unwrap();
    let text = stdout(rdpwhy().current_dir(path).args(["analyze", "syns.pcap", "notes.txt"]), 3);
    assert!(text.starts_with("RDP failed") && text.contains("notes.txt: this is"), "{text}");
    let capture = fs::read(path.join("syns.pcap")).unwrap();
    fs::write(path.join("cut.pcap"), &capture[..capture.len() - 5]).unwrap();
    let text = stdout(rdpwhy().current_dir(path).args(["analyze", "cut.pcap", "--exit-zero"]), 3);
    assert!(text.contains("1 capture cut short or damaged"), "{text}");
}

#[test]
fn captures_of_several_tickets_are_analysed_each_by_itself() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("other")).unwrap();
    let mut later = pcap(&[0, 1, 3].map(|second| (second + 20, syn())));
    fs::write(at("other/syns.pcap"), &later).unwrap();
    later.truncate(24);
    fs::write(at("empty.pcap"), later).unwrap();
    fs::write(at("notes.txt"), "not a capture").unwrap();
    let each = |format: &str| {
        let mut command = rdpwhy();
        command.current_dir(&folder).args(["analyze", ".", "other", "--each", "reports/today", "--format", format]);
        stdout(&mut command, 1)
    };
    let told = each("json");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "./empty.pcap: no Remote Desktop connection (reports/today/empty.pcap.json)");
    assert_eq!(lines[1], "./syns.pcap: RDP failed: nobody answered (reports/today/syns.pcap.json)");
    assert_eq!(lines[2], "other/syns.pcap: RDP failed: nobody answered (reports/today/syns.pcap-2.json)");
    assert_eq!(lines.len(), 3);
    for (report, capture) in [("syns.pcap", "./syns.pcap"), ("syns.pcap-2", "other/syns.pcap")] {
        let alone = stdout(rdpwhy().current_dir(&folder).args(["analyze", "--format", "json", capture]), 1);
        assert_eq!(fs::read_to_string(at(&format!("reports/today/{report}.json"))).unwrap(), alone);
    }
    // Reports of another format come beside, and reports are no captures.
    let told = each("text");
    assert_eq!(told.lines().count(), 3);
    assert_eq!(fs::read_dir(at("reports/today")).unwrap().count(), 6);
}

#[test]
fn what_each_capture_does_not_show_is_not_told() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    // The client's SYNs too soon before the end; and a record cut short behind them.
    let young = pcap(&[(0, syn()), (0, syn())]);
    fs::write(at("syns.pcap"), &young).unwrap();
    fs::write(at("torn.pcap"), [young.as_slice(), &[0; 9]].concat()).unwrap();
    let mut command = rdpwhy();
    command.current_dir(&folder).args(["analyze", ".", "--each", "reports", "--format", "ndjson"]);
    let told = stdout(&mut command, 3);
    const NOT_SHOWN: &str = "RDP seen; the capture does not show what became of it";
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], format!("./syns.pcap: {NOT_SHOWN} (reports/syns.pcap.ndjson)"));
    let torn = format!("./torn.pcap: {NOT_SHOWN}; only part of the file could be read (reports/torn.pcap.ndjson)");
    assert_eq!(lines[1..], [torn]);
}

#[test]
fn reports_of_each_go_to_a_folder_and_destroy_no_capture() {
    let folder = folder();
    let refused = |arguments: &[&str]| complaint(rdpwhy().current_dir(&folder).arg("analyze").args(arguments), 2);
    assert!(refused(&["syns.pcap", "--each", "syns.pcap"]).contains("this is a file"));
    assert!(refused(&["-", "--each", "reports"]).contains("a pipe has no name"));
    assert!(refused(&["syns.pcap", "--each", "reports", "-o", "x"]).contains("cannot be used with"));
    fs::copy(folder.path().join("syns.pcap"), folder.path().join("syns.pcap.txt")).unwrap();
    assert!(refused(&["syns.pcap", "syns.pcap.txt", "--each", "."]).contains("this is an input"));
}

#[test]
fn a_folder_without_captures_is_not_passed_over_in_silence() {
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("notes.txt"), "dear diary").unwrap();
    let told = complaint(rdpwhy().current_dir(&empty).args(["analyze", "."]), 3);
    assert!(told.contains("no capture in here"), "{told}");
    let folder = folder();
    fs::write(folder.path().join("notes.txt"), "dear diary").unwrap();
    let text = stdout(rdpwhy().current_dir(&folder).args(["analyze", "."]), 1);
    assert!(text.contains("file-passed-over: ./notes.txt: this is"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let folder = folder();
    let told = complaint(rdpwhy().current_dir(&folder).args(["analyze", "syns.pcap", "-o", "/dev/full"]), 3);
    assert!(told.contains("/dev/full: could not be written: "), "{told}");
}

#[test]
fn a_capture_without_rdp_ends_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let mut arp = vec![0xff; 6];
    arp.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.resize(60, 0);
    fs::write(folder.path().join("arp.pcap"), pcap(&[(0, arp)])).unwrap();
    let text = stdout(rdpwhy().current_dir(&folder).args(["analyze", "arp.pcap"]), 4);
    assert!(text.starts_with("No Remote Desktop connection was found."), "{text}");
}

#[test]
fn remarks_are_asked_for_and_silence_is_possible() {
    let folder = folder();
    let stderr = |arguments: &[&str]| {
        let done = rdpwhy().current_dir(&folder).args(["analyze", "syns.pcap"]).args(arguments).assert().code(1);
        String::from_utf8(done.get_output().stderr.clone()).unwrap()
    };
    assert_eq!(stderr(&[]), "");
    assert_eq!(stderr(&["--quiet"]), "");
    assert!(stderr(&["-v"]).contains("syns.pcap: pcap, 3 packets"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("rdpwhy"))
        .current_dir(&folder)
        .args(["analyze", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody listens any more when the report is ready.
    drop(child.stdout.take());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &pcap(&[(0, syn())])).unwrap();
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaints.as_str()), (Some(0), ""));
}
