//! `rdpwhy evidence`, `bundle` and `reveal`: what is attached to a ticket.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpwhy::base::CaptureTime;
use rdpwhy::capture::{CaptureInfo, CaptureOptions, Source, Timeline};
use serde_json::Value;

use super::{complaint, rdpwhy, stdout};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases").join(name)
}

/// When each frame was captured, and what the file says of itself.
fn read(path: &Path) -> (BTreeMap<u64, CaptureTime>, CaptureInfo) {
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    let mut times = BTreeMap::new();
    while let Some(packet) = timeline.next_packet() {
        times.insert(packet.frame.number, packet.time);
    }
    let info = timeline.captures().next().unwrap().clone();
    (times, info)
}

/// What a program prints about a file; `None` where it is not installed.
fn told(program: &str, arguments: &[&str], file: &Path) -> Option<String> {
    let done = Command::new(program).args(arguments).arg(file).output().ok()?;
    let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program}: {complaint}");
    Some(String::from_utf8(done.stdout).unwrap())
}

fn verdicts(report: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(report).unwrap();
    report["attempts"].as_array().unwrap().iter().map(|attempt| attempt["verdict"]["finding"].clone()).collect()
}

#[test]
fn evidence_opens_elsewhere_and_its_comments_point_at_the_frames_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.pcapng");
    for name in ["injected-suricata-tls", "crowd-limit-silent", "windows-black-hole-kerberos", "damage-vlan-injected"] {
        let original = case(name).join("client.pcap");
        for redact in [&[][..], &["--redact"]] {
            let mut command = rdpwhy();
            stdout(command.arg("evidence").arg(&original).arg("-o").arg(&file).args(redact), 0);
            let ((before, _), (after, info)) = (read(&original), read(&file));
            let mut pointed = 0;
            for comment in &info.comments {
                let Some(frame) = comment.frame else {
                    let (_, rest) = comment.text.split_once("Look at frame ").unwrap();
                    let (here, rest) = rest.split_once(" (frame ").unwrap();
                    let (there, _) = rest.split_once(" of the original)").unwrap();
                    assert_eq!(after[&here.parse().unwrap()], before[&there.parse().unwrap()], "{name}");
                    continue;
                };
                let (_, number) = comment.text.rsplit_once("[frame ").unwrap();
                let number: u64 = number.strip_suffix(" of the original]").unwrap().parse().unwrap();
                assert_eq!(after[&{ frame.number }], before[&number], "{name}: {}", comment.text);
                pointed += 1;
            }
            assert!(pointed > 0, "{name}");
            let of = |file: &Path| stdout(rdpwhy().arg("analyze").arg(file).args(["--format", "json"]), 1);
            let wanted: Vec<_> = verdicts(&of(&original)).into_iter().filter(|finding| !finding.is_null()).collect();
            assert_eq!(verdicts(&of(&file)), wanted, "{name} {redact:?}");
            let Some(about) = told("capinfos", &[], &file) else {
                println!("skipped: capinfos and tshark are not installed");
                continue;
            };
            assert!(about.contains("Look at frame"), "{about}");
            let fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.comment", "-r"];
            let comments = told("tshark", &fields, &file).unwrap();
            assert_eq!(comments.lines().count(), after.len());
            assert!(comments.contains(&format!("verdict: {}", wanted[0].as_str().unwrap())), "{comments}");
            if !redact.is_empty() {
                let sums = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"];
                let wrong =
                    ["-Y", "tcp.checksum.status == Bad || ip.checksum.status == Bad", "-e", "frame.number", "-r"];
                let wrong = told("tshark", &[&sums[..], &wrong].concat(), &file).unwrap();
                // A packet that was cut when captured has no sum to be checked.
                assert_eq!(wrong.trim(), "", "{name}");
            }
        }
    }
}

#[test]
fn evidence_of_several_captures_has_each_connection_once_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.pcapng");
    let ends = ["client.pcap", "server.pcap"].map(|end| case("injected-suricata-tls").join(end));
    let mut command = rdpwhy();
    let complaint = complaint(command.arg("evidence").args(&ends).arg("-o").arg(&file), 0);
    assert!(complaint.contains("several captures hold the same connection"), "{complaint}");
    let (packets, info) = read(&file);
    let said = &info.comments.iter().find(|comment| comment.frame.is_none()).unwrap().text;
    let view = said.split("as it passed in ").nth(1).unwrap().split(". ").next().unwrap();
    assert_eq!(packets.len(), read(&case("injected-suricata-tls").join(view)).0.len(), "{said}");
    assert!(info.comments.iter().any(|comment| comment.text.ends_with(&format!("of {view}]"))), "{:?}", info.comments);
    // Two branches, each with a failure of its own: both are there.
    let branches = ["injected-suricata-tls", "dark-tls"].map(|name| case(name).join("client.pcap"));
    stdout(rdpwhy().arg("evidence").args(&branches).arg("-o").arg(&file), 0);
    let sum: usize = branches.iter().map(|branch| read(branch).0.len()).sum();
    let (packets, info) = read(&file);
    assert_eq!((packets.len(), info.interfaces.len()), (sum, 2));
    let again = stdout(rdpwhy().arg("analyze").arg(&file).args(["--format", "json"]), 1);
    assert_eq!(verdicts(&again), ["injected-reset", "stalled-negotiation"]);
}

#[test]
fn what_cannot_be_evidence_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.pcapng");
    let failed = case("injected-suricata-tls").join("client.pcap");
    let healthy = case("healthy-nla-tls13").join("client.pcap");
    let refused = |code: i32, arguments: &[&str], says: &str| {
        let told = complaint(rdpwhy().args(arguments), code);
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(!file.exists());
    };
    let (failed, healthy, out) = (failed.to_str().unwrap(), healthy.to_str().unwrap(), file.to_str().unwrap());
    refused(2, &["evidence", "-", "-o", out], "read twice");
    refused(2, &["evidence", healthy, "-o", out], "no attempt failed");
    refused(2, &["evidence", failed, "--attempt", "7", "-o", out], "there is no attempt 7");
    refused(2, &["evidence", failed, "-o", failed], "this is an input");
    refused(2, &["evidence", failed, "--full", "--redact", "-o", out], "--redact");
    refused(2, &["evidence", failed, "--redact-key", "key", "-o", out], "--redact");
    let told = complaint(rdpwhy().args(["evidence", failed, "-o", "/dev/full"]), 3);
    assert!(told.contains("/dev/full: could not be written") && !told.contains("report"), "{told}");
}

/// The files of an archive.
fn unpacked(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(fs::File::open(archive).unwrap()).unwrap();
    let files = (0..archive.len()).map(|n| {
        let mut file = archive.by_index(n).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    });
    files.collect()
}

#[test]
fn a_bundle_holds_one_story_and_the_key_turns_its_names_back() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, key) = (folder.path().join("ticket.zip"), folder.path().join("key"));
    let original = case("refused-expired-certificate-tls12").join("client.pcap");
    let make = |redact: &[&str]| {
        stdout(rdpwhy().arg("bundle").arg(&original).arg("-o").arg(&archive).args(redact), 1);
        unpacked(&archive)
    };
    let key_name = key.to_str().unwrap();
    for redact in [&[][..], &["--redact", "--redact-key", key_name]] {
        let files = make(redact);
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["README.txt", "evidence.pcapng", "report.html", "report.json", "report.md", "report.txt"]);
        let text = |name: &str| std::str::from_utf8(&files[name]).unwrap();
        for name in ["report.html", "report.json", "report.md", "report.txt"] {
            assert!(text(name).contains("expired-certificate"), "{name}");
            assert_eq!(text(name).contains("10.77.1.2"), redact.is_empty(), "{name}");
            assert_eq!(text(name).contains("labserver"), redact.is_empty(), "{name}");
        }
        let readme = text("README.txt");
        assert!(
            readme.lines().all(|line| line.len() <= 80)
                && names.iter().all(|name| readme.contains(name) || *name == "README.txt")
        );
        for original in [&b"labserver"[..], b"alice", &[10, 77, 1, 2]] {
            let is_there = files["evidence.pcapng"].windows(original.len()).any(|bytes| bytes == original);
            assert_eq!(is_there, redact.is_empty(), "{original:?}");
        }
    }
    let hidden: Value = serde_json::from_slice(&unpacked(&archive)["report.json"]).unwrap();
    let connection = &hidden["connections"][0];
    let client = connection["client"]["ip"].as_str().unwrap();
    let subject = connection["tls"]["certificate"]["subject"].as_str().unwrap().strip_prefix("CN=").unwrap();
    let revealed = stdout(rdpwhy().args(["reveal", key_name, client, subject]), 0);
    assert_eq!(revealed, format!("{client}\t10.77.1.2\n{subject}\tlabserver\n"));
    // A second report with the same key agrees, and the key stays as it is.
    let before = fs::read(&key).unwrap();
    let again = stdout(
        rdpwhy().arg("analyze").arg(&original).args(["--redact", "--redact-key", key_name, "--format", "json"]),
        1,
    );
    assert!(again.contains(client) && again.contains(subject));
    assert_eq!(fs::read(&key).unwrap(), before);
    let told = complaint(rdpwhy().args(["reveal", original.to_str().unwrap(), client]), 2);
    assert!(told.contains("this is no key file"), "{told}");
}
