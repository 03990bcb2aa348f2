use rdpwhy::analysis::Analyzer;
use rdpwhy::report::build::{Inputs, report};
use rdpwhy::report::document::Report;
use rdpwhy::report::evidence::{Evidence, Options, Selection};
use rdpwhy::report::json;
use rdpwhy::report::redact::Redactor;

use super::open;

/// The first byte chooses what is asked for; the rest is a file. What is written
/// as evidence can be read, has every packet that was counted, and with
/// pseudonyms no address of a connection is left in any report.
pub fn evidence(data: &[u8]) {
    let Some((&asked, file)) = data.split_first() else { return };
    let Some(told) = analysed(file) else { return };
    let all: Vec<u32> = told.attempts.iter().map(|attempt| attempt.id).collect();
    let redactor = (asked & 1 == 1).then(|| Redactor::new([asked; 32]));
    let mut evidence = Evidence::new(Selection::of(&told, &all));
    let Some(mut capture) = open(file) else { return };
    while let Ok(Some(packet)) = capture.next_packet() {
        evidence.push(&packet);
    }
    let hidden = redactor.as_ref().map(|redactor| redactor.report(&told).expect("a report can be hidden"));
    let options = Options { full: asked & 2 == 2, redactor: redactor.as_ref() };
    let mut out = Vec::new();
    let written = evidence.write(hidden.as_ref().unwrap_or(&told), options, &mut out).expect("memory takes everything");
    let mut again = open(&out).expect("evidence is a capture");
    while let Some(packet) = again.next_packet().expect("evidence can be read") {
        assert!(packet.data.len() <= packet.original_len as usize);
    }
    assert_eq!(again.info().packets, written.packets);
    assert!(!again.info().incomplete);
    let _ = analysed(&out);
    if let (Some(redactor), Some(hidden)) = (&redactor, &hidden) {
        kept_secret(redactor, &told, hidden);
    }
}

fn analysed(file: &[u8]) -> Option<Report> {
    let mut capture = open(file)?;
    let mut analyzer = Analyzer::default();
    while let Ok(Some(packet)) = capture.next_packet() {
        analyzer.push(&packet);
    }
    let analysis = analyzer.finish(capture.info().dropped.unwrap_or_default());
    Some(report(analysis, &Inputs { captures: vec![capture.info()], unreadable: Vec::new() }))
}

/// An address may be the pseudonym of another one: only those that are not are
/// looked for.
fn kept_secret(redactor: &Redactor, told: &Report, hidden: &Report) {
    let mut out = Vec::new();
    json::write(hidden, &mut out).expect("memory takes everything");
    let text = String::from_utf8(out).expect("JSON is text");
    let ends = || told.connections.iter().flat_map(|c| [c.client.ip, c.server.ip]);
    let pseudonyms: Vec<_> = ends().map(|ip| redactor.address(ip)).collect();
    for (ip, pseudonym) in ends().zip(&pseudonyms) {
        assert_eq!(redactor.reveal_address(*pseudonym), ip);
        if !pseudonyms.contains(&ip) {
            assert!(!text.contains(&format!("\"{ip}\"")), "{ip} is left");
        }
    }
    assert_eq!(told.connections.len(), hidden.connections.len(), "a redacted report is whole");
}
