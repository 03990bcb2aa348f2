//! What leaves the room: evidence proves what the report says, and under
//! pseudonyms nothing of the original is left. Over all lab cases, from both
//! ends, and over captures made by others where they are at hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdpwhy::analysis::Analyzer;
use rdpwhy::base::{CaptureId, LinkType};
use rdpwhy::capture::{CaptureOptions, Source, Timeline, from_reader};
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::document::{Outcome, Report};
use rdpwhy::report::evidence::{Evidence, Options, Selection};
use rdpwhy::report::plots::Plots;
use rdpwhy::report::redact::Redactor;
use rdpwhy::report::{html, json, markdown, ndjson, text};
use rdpwhy::wire::{self, Decoded, tls};

use super::{cases, public};

/// Judged by the host's packets in connections that worked, which are no
/// evidence of the failure: by itself it leaves open who built the resets.
const JUDGED_IN_COMPANY: [&str; 1] = ["crowd-limit-refused/client.pcap"];

/// What must be the same of every connection that is shown.
fn story(report: &Report, attempts: &[u32]) -> Vec<String> {
    let shown = report.connections.iter().filter(|connection| attempts.contains(&connection.attempt));
    shown
        .map(|c| {
            let verdict = c.verdict.as_ref().map(|verdict| (&verdict.finding, verdict.certainty));
            let builders: Vec<_> = c.resets.iter().map(|r| (r.claimed_by, r.built_by)).collect();
            format!("{:?}", (c.start, c.stage, c.outcome, c.ended.how, c.ended.by, verdict, builders))
        })
        .collect()
}

/// Reads a capture that is in memory.
fn analyse(bytes: Vec<u8>) -> Report {
    let reader = Box::new(std::io::Cursor::new(bytes));
    let mut capture = from_reader("evidence", reader, CaptureId(0), &CaptureOptions::default()).unwrap();
    let mut analyzer = Analyzer::default();
    while let Some(packet) = capture.next_packet().unwrap() {
        analyzer.push(&packet);
    }
    if let Some(until) = capture.info().watched_until() {
        while analyzer.tick(until) {}
    }
    let analysis = analyzer.finish(capture.info().dropped.unwrap_or_default());
    report(analysis, &Inputs { captures: vec![capture.info()], unreadable: Vec::new() })
}

fn evidence(path: &Path, selection: Selection) -> Evidence {
    let mut evidence = Evidence::new(selection);
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    while let Some(packet) = timeline.next_packet() {
        evidence.push(&packet);
    }
    evidence
}

/// Everything in a capture and its report that says who it is about, as bytes.
fn originals(path: &Path, report: &Report) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    let mut name = |text: &str| found_name(&mut found, text);
    for connection in &report.connections {
        name(&connection.community_id);
        if let Some(certificate) = connection.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
            name(&certificate.serial);
            name(&certificate.sha256);
            let values = certificate.subject.split([',', '+']).chain(certificate.issuer.split([',', '+']));
            values.filter_map(|part| part.split_once('=')).for_each(|(_, value)| name(value.trim()));
        }
    }
    for capture in &report.captures {
        name(&capture.path);
    }
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    let ends: BTreeSet<_> = report.connections.iter().flat_map(|c| [c.client.ip, c.server.ip]).collect();
    for ip in ends {
        let redactor = Redactor::new([0; 32]);
        if redactor.address(ip) == ip {
            continue;
        }
        found_name(&mut found, &ip.to_string());
        match ip {
            std::net::IpAddr::V4(v4) => {
                found_name(&mut found, &v4.to_bits().to_string());
                found_name(&mut found, &v4.to_bits().swap_bytes().to_string());
                found_bytes(&mut found, &v4.octets());
            }
            std::net::IpAddr::V6(v6) => found_bytes(&mut found, &v6.octets()),
        }
    }
    while let Some(packet) = timeline.next_packet() {
        let Decoded::Tcp(segment) = wire::decode(packet.link, packet.data, packet.original_len) else { continue };
        if !report.connections.iter().any(|c| [c.client.port, c.server.port].contains(&segment.tcp.source_port)) {
            continue;
        }
        if let Some(mac) = segment.source_mac.filter(|mac| is_telling(mac)) {
            found_bytes(&mut found, &mac);
            found_bytes(&mut found, mac.map(|byte| format!("{byte:02x}")).join(":").as_bytes());
        }
        if packet.link == LinkType::ETHERNET && packet.data[0] & 1 == 0 && is_telling(&packet.data[..6]) {
            found_bytes(&mut found, &packet.data[..6]);
        }
        let cookie = b"mstshash=";
        if let Some(at) = segment.payload.windows(cookie.len()).position(|window| window == cookie) {
            let value = &segment.payload[at + cookie.len()..];
            let end = value.iter().position(|byte| *byte == b'\r').unwrap_or(value.len());
            if end >= 4 {
                found_bytes(&mut found, &value[..end]);
            }
        }
        if let Some(record) = segment.payload.strip_prefix(&[22, 3])
            && let Ok(tls::handshake::Message::ClientHello(hello)) = tls::handshake::decode(&record[3..])
            && let Some(name) = hello.server_name
            && name.expose().len() >= 4
        {
            found_bytes(&mut found, name.expose().as_bytes());
        }
    }
    found
}

fn found_name(found: &mut BTreeSet<Vec<u8>>, text: &str) {
    if text.len() >= 4 {
        found.insert(text.as_bytes().to_vec());
        found.insert(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
}

fn found_bytes(found: &mut BTreeSet<Vec<u8>>, bytes: &[u8]) {
    found.insert(bytes.to_vec());
}

/// Somebody's account is called "hello", which our own words have in them, too.
fn without_our_words(mut output: Vec<u8>) -> Vec<u8> {
    for word in [&b"clienthello"[..], b"serverhello", b"hello-rejected"] {
        let mut kept = Vec::with_capacity(output.len());
        let mut rest = output.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            if let Some(behind) = rest.strip_prefix(word) {
                kept.push(b' ');
                rest = behind;
            } else {
                kept.push(*first);
                rest = behind;
            }
        }
        output = kept;
    }
    output
}

/// Whether bytes name a network card; nearly nothing but zeros is found in any
/// capture.
fn is_telling(mac: &[u8]) -> bool {
    mac.iter().filter(|byte| **byte != 0).count() > 1
}

/// Which of the originals stand in `output`, in upper or lower case. One pass:
/// hardly any pair of bytes begins an original.
fn left(originals: &BTreeSet<Vec<u8>>, output: &[u8]) -> Vec<String> {
    let lower = without_our_words(output.to_ascii_lowercase());
    let originals: Vec<Vec<u8>> = originals.iter().map(|original| original.to_ascii_lowercase()).collect();
    let mut begins = vec![false; 1 << 16];
    for original in &originals {
        begins[usize::from(u16::from_be_bytes([original[0], original[1]]))] = true;
    }
    let mut found = BTreeSet::new();
    for (at, pair) in lower.windows(2).enumerate() {
        if begins[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
            let here = &lower[at..];
            found.extend(originals.iter().filter(|original| here.starts_with(original)));
        }
    }
    found.into_iter().map(|original| String::from_utf8_lossy(original).into_owned()).collect()
}

/// Every output under pseudonyms.
fn outputs(told: &Report, plots: &Plots) -> Vec<(&'static str, Vec<u8>)> {
    let mut outputs = Vec::new();
    let mut add = |name, write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        outputs.push((name, out));
    };
    add("text", &|out| text::write(told, text::Options { all: true, color: false }, out));
    add("markdown", &|out| markdown::write(told, markdown::Options { all: true }, out));
    add("html", &|out| html::write(told, plots, html::Options { all: true }, out));
    add("json", &|out| json::write(told, out));
    add("ndjson", &|out| ndjson::write(told, out));
    outputs
}

/// All complaints about one capture.
fn check(path: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let (analysis, report) = cases::analyse(path);
    let plots = Plots::of(&analysis, false);
    let redactor = Redactor::new([42; 32]);
    let told = redactor.report(&report).unwrap();
    let all: Vec<u32> = report.attempts.iter().map(|attempt| attempt.id).collect();
    if story(&told, &all) != story(&report, &all) {
        wrong.push("the redacted report tells another story".to_owned());
    }
    let originals = originals(path, &report);
    for (format, output) in outputs(&told, &plots) {
        let left = left(&originals, &output);
        if !left.is_empty() {
            wrong.push(format!("{format}: still there: {left:?}"));
        }
    }
    let failed: Vec<u32> =
        report.attempts.iter().filter(|a| a.outcome == Outcome::Failed).map(|attempt| attempt.id).collect();
    let wanted = if failed.is_empty() { &all } else { &failed };
    if wanted.is_empty() {
        return wrong;
    }
    let evidence = evidence(path, Selection::of(&report, wanted));
    for (kind, report_told, redactor) in [("evidence", &report, None), ("redacted evidence", &told, Some(&redactor))] {
        let mut bytes = Vec::new();
        let written = evidence.write(report_told, Options { full: false, redactor }, &mut bytes).unwrap();
        assert!(written.packets > 0 && written.left_out == 0);
        if redactor.is_some() {
            let left = left(&originals, &bytes);
            if !left.is_empty() {
                wrong.push(format!("{kind}: still there: {left:?}"));
            }
        }
        let again = analyse(bytes);
        let attempts: Vec<u32> = again.attempts.iter().map(|attempt| attempt.id).collect();
        let (was, is) = (story(&report, wanted), story(&again, &attempts));
        let in_company = JUDGED_IN_COMPANY.iter().any(|known| path.ends_with(known));
        if in_company == (was == is) {
            wrong.push(format!("{kind}: another story\n    {}\n    {}", was.join("\n    "), is.join("\n    ")));
        }
    }
    wrong
}

/// Checks many captures on all processors.
fn check_all(paths: &[PathBuf]) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = check(path);
                    wrong.lock().unwrap().extend(told.into_iter().map(|told| format!("{}: {told}", path.display())));
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_case_keeps_its_verdict_and_nothing_else() {
    let paths: Vec<_> =
        cases::folders().iter().flat_map(|folder| cases::captures(folder)).map(|(_, path)| path).collect();
    assert!(paths.len() > 100);
    check_all(&paths);
}

#[test]
fn captures_of_others_keep_theirs() {
    let Some(root) = public::folder() else { return };
    check_all(&public::files(&root));
}
