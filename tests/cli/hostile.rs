//! Names from strangers, through the program, into every form.

use std::fs;
use std::path::{Path, PathBuf};

use rdpwhy::capture::{
    CaptureInfo, CaptureOptions, InterfaceNotes, PacketToWrite, PcapngWriter, SectionNotes, Source, Timeline,
};
use rdpwhy::report::escape::{self, is_deceptive};
use serde_json::Value;

use super::{rdpwhy, stdout};

/// What is in place of `labserver`, the name in the certificate: markup, a
/// command to a terminal; a formula behind a change of direction; Markdown; lines.
const NAMES: [&str; 4] = ["<b>&\"'\x1b[m", "=cmd|\u{202e}A", "`](x)|*_#", "\r\n# hi\0\ta"];

/// A capture whose certificate names `name`, and whose file, interface and
/// comments do, too.
fn capture(folder: &Path, name: &str) -> PathBuf {
    assert_eq!(name.len(), "labserver".len());
    let case =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/refused-expired-certificate-tls12/client.pcap");
    let long = format!("={name}={name}");
    let comments = [long.clone()];
    let section = SectionNotes { comment: Some(&long), application: Some(&long), ..SectionNotes::default() };
    let mut writer = PcapngWriter::new(Vec::new(), &section).unwrap();
    let mut timeline = Timeline::new(vec![Source::named(&case)], CaptureOptions::default());
    let mut interface = None;
    while let Some(packet) = timeline.next_packet() {
        let notes = InterfaceNotes { link: packet.link, snap_len: 0, name: Some(&long), description: Some(&long) };
        let interface = *interface.get_or_insert_with(|| writer.interface(&notes).unwrap());
        let mut data = packet.data.to_vec();
        let places: Vec<usize> =
            data.windows(9).enumerate().filter(|(_, w)| w == b"labserver").map(|(n, _)| n).collect();
        for place in places {
            // A UTF8String, in which everything is allowed.
            data[place - 2] = 0x0c;
            data[place..place + 9].copy_from_slice(name.as_bytes());
        }
        let (time, original_len) = (packet.time, packet.original_len);
        writer.packet(&PacketToWrite { interface, time, data: &data, original_len, comments: &comments }).unwrap();
    }
    let called = format!("={}.pcapng", name.replace(['/', '\0'], "_"));
    let path = folder.join(called);
    fs::write(&path, writer.into_inner()).unwrap();
    path
}

/// What is known of a capture for the ticket, whose comments obey nobody.
fn harmless(bytes: &[u8]) -> CaptureInfo {
    let reader = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let mut timeline = Timeline::new(vec![Source::Reader { name: "-".into(), reader }], CaptureOptions::default());
    while timeline.next_packet().is_some() {}
    let info = timeline.captures().next().unwrap().clone();
    for comment in &info.comments {
        assert!(!comment.text.chars().any(|c| is_deceptive(c) && c != '\n'), "{:?}", comment.text);
    }
    info
}

/// The name and the description of its only interface, which obey nobody.
fn interfaces(info: &CaptureInfo) -> [String; 2] {
    assert_eq!(info.interfaces.len(), 1);
    let told = [&info.interfaces[0].name, &info.interfaces[0].description].map(|told| told.clone().unwrap());
    assert!(!told.iter().any(|told| told.chars().any(is_deceptive)), "{told:?}");
    told
}

/// Markdown without its code spans.
fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let ticks = from.len() - from.trim_start_matches('`').len();
        let fence = &from[..ticks];
        let behind = &from[ticks..];
        // The span ends at the next run of as many.
        let mut end = 0;
        loop {
            let Some(next) = behind[end..].find(fence) else { return out };
            let run = behind[end + next..].len() - behind[end + next..].trim_start_matches('`').len();
            if run == ticks {
                end += next;
                break;
            }
            end += next + run;
        }
        rest = &behind[end + ticks..];
    }
    out + rest
}

/// Whether a cell or a line would be taken for a formula. A number is none.
fn is_formula(text: &str) -> bool {
    let mut chars = text.trim_start().chars();
    match chars.next() {
        Some('=' | '@') => true,
        Some('+' | '-') => chars.next().is_some_and(char::is_alphabetic),
        _ => false,
    }
}

#[test]
fn names_of_strangers_are_harmless_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let path = capture(folder.path(), name);
        let file = path.file_name().unwrap().to_str().unwrap();
        let run = |format: &str| {
            let mut command = rdpwhy();
            command.current_dir(&folder).arg("analyze").arg(file).args(["--all", "--format", format]);
            let out = stdout(&mut command, 1);
            let obeyed = out.chars().find(|c| is_deceptive(*c) && *c != '\n');
            assert!(obeyed.is_none(), "{name:?} in {format}: {obeyed:?}");
            out
        };
        let text = run("text");
        assert!(!text.lines().any(|line| line.trim() == "# hi" || is_formula(line)), "{text}");

        let markdown = run("markdown");
        let prose = outside_code(&markdown);
        for markup in ["<b>", "](x)", "=cmd", "\n# hi"] {
            assert!(!prose.contains(markup), "{markup}: {prose}");
        }
        let title = markdown.lines().next().unwrap();
        assert!(title.starts_with("RDP failed: ") && title.chars().count() <= 80, "{title}");
        let cells = prose.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('|'));
        assert!(!cells.into_iter().any(is_formula), "{prose}");

        let html = run("html");
        assert!(!html.contains("<b>&"), "{html}");
        let style = html.split("</style>").nth(1).unwrap();
        let texts = style.split('>').map(|rest| rest.split('<').next().unwrap_or_default());
        let formulas: Vec<&str> = texts.filter(|text| is_formula(text)).collect();
        assert_eq!(formulas, Vec::<&str>::new());

        let json: Value = serde_json::from_str(&run("json")).unwrap();
        let subject = json["connections"][0]["tls"]["certificate"]["subject"].as_str().unwrap();
        assert!(subject.contains(name) || subject.contains(&name[..4]), "{subject:?}");
        assert_eq!(run("ndjson").lines().count(), 1);

        let proof = folder.path().join("proof.pcapng");
        stdout(rdpwhy().current_dir(&folder).arg("evidence").arg(file).arg("-o").arg(&proof), 0);
        let proof = harmless(&fs::read(&proof).unwrap());
        let long = format!("={name}={name}");
        assert_eq!(interfaces(&proof), [escape::text(&long), escape::text(&long)]);

        // Somebody else's names are nobody's: nothing of them is left. (By one key in
        // 36 a name with a single letter is its own pseudonym: not by this one.)
        let (archive, key) = (folder.path().join("ticket.zip"), folder.path().join("key"));
        fs::write(&key, format!("rdpwhy redaction key 1\n{}\n", "07".repeat(32))).unwrap();
        let redact = ["bundle", "--redact", "--redact-key", "key"];
        stdout(rdpwhy().current_dir(&folder).args(redact).arg(file).arg("-o").arg(&archive), 1);
        let mut archive = zip::ZipArchive::new(fs::File::open(&archive).unwrap()).unwrap();
        for n in 0..archive.len() {
            let mut member = archive.by_index(n).unwrap();
            let called = member.name().unwrap().into_owned();
            assert!(called.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'), "{called}");
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
            assert!(!bytes.windows(9).any(|bytes| bytes == name.as_bytes()), "{name:?} in {called}");
            if called == "evidence.pcapng" {
                let hidden = harmless(&bytes);
                assert!(interfaces(&hidden).iter().all(|told| *told != escape::text(&long)), "{name:?}");
            }
        }
        fs::remove_file(path).unwrap();
    }
}

/// The members of an archive.
fn members(archive: &Path) -> Vec<String> {
    let mut archive = zip::ZipArchive::new(fs::File::open(archive).unwrap()).unwrap();
    let one = |n: usize| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_index(n).unwrap(), &mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    (0..6).map(one).collect()
}

const FORMS: [&str; 5] = ["text", "markdown", "html", "json", "ndjson"];

#[test]
fn a_capture_may_be_called_like_a_word_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
    for name in ["client", "failed", "tls", "10.77.1.2", "1", "a"] {
        fs::copy(&case, folder.path().join(name)).unwrap();
        for form in FORMS {
            let told = stdout(rdpwhy().current_dir(&folder).args(["analyze", name, "--redact", "--format", form]), 1);
            assert!(told.contains("injected-reset"), "{name} as {form}: {told}");
            let file = if form == "ndjson" { "\"path\":\"file-1\"" } else { "file-1" };
            assert!(told.contains(file), "{name} as {form}: {told}");
        }
        let archive = folder.path().join("ticket.zip");
        let bundle = ["bundle", name, "--redact", "-o", "ticket.zip"];
        stdout(rdpwhy().current_dir(&folder).args(bundle), 1);
        let reports = members(&archive).iter().filter(|member| member.contains("injected-reset")).count();
        assert_eq!(reports, 5, "{name}");
        fs::remove_file(archive).unwrap();
    }
}

#[test]
fn no_part_of_a_path_is_left_under_pseudonyms() {
    let folder = tempfile::tempdir().unwrap();
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
    let janes = folder.path().join("jane's mcfly");
    fs::create_dir(&janes).unwrap();
    fs::copy(&case, janes.join("jane.pcap")).unwrap();
    fs::write(janes.join("mcfly's notes.txt"), "hi\n").unwrap();
    let (capture, notes) = ("jane's mcfly/jane.pcap", "jane's mcfly/mcfly's notes.txt");
    let passed_over = (&["jane's mcfly"][..], 1, "file-passed-over");
    let repeated = (&[capture, "./jane's mcfly/jane.pcap"][..], 1, "file-repeated");
    for (given, code, kind) in [passed_over, repeated, (&[capture, notes, "jane/gone.pcap"], 3, "this is a text")] {
        for form in FORMS {
            let redact = ["--redact", "--format", form];
            let told = stdout(rdpwhy().current_dir(&folder).arg("analyze").args(given).args(redact), code);
            assert!(!told.contains("jane") && !told.contains("mcfly"), "{given:?} as {form}: {told}");
            assert!(told.contains(kind) || form == "ndjson", "{given:?} as {form}: {told}");
        }
        let archive = folder.path().join("ticket.zip");
        stdout(rdpwhy().current_dir(&folder).arg("bundle").args(given).args(["--redact", "-o", "ticket.zip"]), code);
        for told in members(&archive) {
            assert!(!told.contains("jane") && !told.contains("mcfly"), "{given:?}: {told}");
        }
        fs::remove_file(archive).unwrap();
    }
}
