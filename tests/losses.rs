//! Which packets were lost, judged against both ends of the lab's cases.
//!
//! What left one end and what came to the other is known, so the truth of each
//! packet is known, too: sent again or not, needed or not, overtaken, doubled.
//! The reader is then given one end only. Where tshark is installed it is
//! given the same captures, and its `tcp.analysis` flags are scored beside.

mod label;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpwhy::base::Side;
use rdpwhy::flow::{Place, SegmentClass};

use self::label::{Label, Truth, label, read};
use super::cases::{analyse, folders};

/// What a reader says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    truth: Truth,
    place: Option<Place>,
    asked_for: Option<bool>,
}

fn ours(path: &Path) -> HashMap<u64, Said> {
    let (analysis, _) = analyse(path);
    let mut said = HashMap::new();
    for connection in &analysis.connections {
        for side in Side::BOTH {
            for event in &connection.tcp.directions.of(side).loss.events {
                let (truth, asked_for) = match event.class {
                    SegmentClass::Reordered => (Truth::Overtaken, None),
                    SegmentClass::NetworkDuplicate => (Truth::Doubled, None),
                    SegmentClass::KeepAlive | SegmentClass::WindowProbe => (Truth::Probe, None),
                    SegmentClass::Spurious(_) => (Truth::Needless, None),
                    SegmentClass::Fast => (Truth::LostAndSentAgain, Some(true)),
                    SegmentClass::Timeout | SegmentClass::TailProbe | SegmentClass::GoBackN => {
                        (Truth::LostAndSentAgain, Some(false))
                    }
                    SegmentClass::Unknown => (Truth::LostAndSentAgain, None),
                    SegmentClass::Syn | SegmentClass::SynAck | SegmentClass::Fin => (Truth::Control, None),
                };
                said.insert(event.at.frame.number, Said { truth, place: event.place, asked_for });
            }
        }
    }
    said
}

/// tshark's verdicts on each of `paths`; `None` where it is not installed.
///
/// It is started once for all of them, with their packets in one file: starting
/// it takes longer than its work.
fn tshark(paths: &[PathBuf]) -> Option<Vec<HashMap<u64, Said>>> {
    const FLAGS: [(&str, Truth, Option<bool>); 6] = [
        ("tcp.analysis.spurious_retransmission", Truth::Needless, None),
        ("tcp.analysis.fast_retransmission", Truth::LostAndSentAgain, Some(true)),
        ("tcp.analysis.retransmission", Truth::LostAndSentAgain, Some(false)),
        ("tcp.analysis.out_of_order", Truth::Overtaken, None),
        ("tcp.analysis.keep_alive", Truth::Probe, None),
        ("tcp.analysis.zero_window_probe", Truth::Probe, None),
    ];
    let mut joined = Vec::new();
    let mut counts = Vec::new();
    for (i, path) in (1..=u8::MAX).zip(paths) {
        counts.push(join(&mut joined, &std::fs::read(path).unwrap(), i));
    }
    assert_eq!(counts.len(), paths.len(), "more captures than network numbers");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("losses-{}.pcap", std::process::id()));
    std::fs::write(&file, joined).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(&file).args(["-T", "fields", "-E", "separator=|", "-e", "frame.number"]);
    for (flag, _, _) in FLAGS {
        command.args(["-e", flag]);
    }
    let output = command.output().ok().filter(|o| o.status.success());
    std::fs::remove_file(&file).unwrap();
    let output = output?;
    let mut said = vec![HashMap::new(); paths.len()];
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines();
    for (said, count) in said.iter_mut().zip(counts) {
        for (frame, line) in (1..).zip(lines.by_ref().take(count)) {
            let set = line.split('|').skip(1).zip(FLAGS).find(|(value, _)| !value.is_empty());
            if let Some((_, (_, truth, asked_for))) = set {
                said.insert(frame, Said { truth, place: None, asked_for });
            }
        }
    }
    Some(said)
}

/// Appends the packets of a capture (microseconds, little-endian, Ethernet),
/// its addresses moved to network `number`, so that the same connection seen
/// from both ends is two. Returns how many there are.
pub fn join(joined: &mut Vec<u8>, capture: &[u8], number: u8) -> usize {
    const FILE_HEADER: usize = 24;
    const PACKET_HEADER: usize = 16;
    const SECOND_ADDRESS_BYTES: [usize; 2] = [14 + 12 + 1, 14 + 16 + 1];
    const SECOND_ADDRESS_BYTES_V6: [usize; 2] = [14 + 8 + 1, 14 + 24 + 1];
    let (header, mut rest) = capture.split_at(FILE_HEADER);
    assert_eq!((&header[..4], header[20]), (&[0xd4, 0xc3, 0xb2, 0xa1][..], 1));
    if joined.is_empty() {
        joined.extend_from_slice(header);
    }
    let mut count = 0;
    while let Some((header, body)) = rest.split_at_checked(PACKET_HEADER) {
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let (packet, behind) = body.split_at(len);
        joined.extend_from_slice(header);
        let start = joined.len();
        joined.extend_from_slice(packet);
        let places = if packet[12..14] == [0x86, 0xdd] { SECOND_ADDRESS_BYTES_V6 } else { SECOND_ADDRESS_BYTES };
        for place in places {
            joined[start + place] = number;
        }
        rest = behind;
        count += 1;
    }
    count
}

/// Found, missed and wrongly claimed, of one class by one reader.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    right: u32,
    all: u32,
    false_alarms: u32,
}

#[derive(Default)]
struct Tally {
    classes: BTreeMap<Truth, Count>,
    place: (u32, u32),
    trigger: (u32, u32),
    wrong: Vec<String>,
}

impl Tally {
    fn take(&mut self, case: &str, labels: &HashMap<u64, Label>, said: &HashMap<u64, Said>) {
        for (frame, label) in labels {
            let said = said.get(frame);
            let mut claim = said.map_or(Truth::New, |s| s.truth);
            if label.truth == Truth::LostWithoutTrace && claim == Truth::LostAndSentAgain {
                claim = Truth::LostWithoutTrace;
            }
            // tshark has no class of their own for them.
            if label.truth == Truth::Control && matches!(claim, Truth::LostAndSentAgain | Truth::Needless) {
                claim = Truth::Control;
            }
            // A doubled packet that is left out is right, too.
            if label.truth == Truth::Doubled && claim == Truth::New {
                claim = Truth::Doubled;
            }
            let count = self.classes.entry(label.truth).or_default();
            count.all += 1;
            if claim == label.truth {
                count.right += 1;
            } else {
                self.wrong.push(format!("{case} frame {frame}: {:?}, said to be {claim:?}", label.truth));
                self.classes.entry(claim).or_default().false_alarms += 1;
            }
            if let (Truth::LostAndSentAgain, Some(said)) = (label.truth, said)
                && claim == label.truth
            {
                if let Some(place) = label.place {
                    self.place.1 += 1;
                    self.place.0 += u32::from(said.place == Some(place));
                }
                if let (Some(truth), Some(said)) = (label.asked_for, said.asked_for) {
                    self.trigger.1 += 1;
                    self.trigger.0 += u32::from(truth == said);
                    if truth != said {
                        self.wrong.push(format!("{case} frame {frame}: on a report {truth}, said to be {said}"));
                    }
                }
            }
        }
    }
}

#[test]
fn every_loss_is_found_and_nothing_else() {
    let (mut mine, mut theirs) = (Tally::default(), Tally::default());
    let cases: Vec<_> = folders().iter().flat_map(|folder| labelled(folder)).collect();
    for (case, path, labels) in &cases {
        mine.take(case, labels, &ours(path));
    }
    let eventful = |labels: &HashMap<u64, Label>| labels.values().any(|label| label.truth != Truth::New);
    let (eventful, quiet): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, _, labels)| eventful(labels));
    let paths: Vec<_> = eventful.iter().map(|(_, path, _)| path.clone()).collect();
    let said = tshark(&paths);
    let without_tshark = said.is_none();
    for ((case, _, labels), said) in eventful.iter().zip(said.unwrap_or_default()) {
        theirs.take(case, labels, &said);
    }
    // Nobody says anything of these.
    for (case, _, labels) in quiet {
        theirs.take(case, labels, &HashMap::new());
    }
    let table = table(&mine, &theirs);
    println!("{table}");
    stands_in_the_readme(&table, without_tshark);
    if std::env::var_os("LOSSES_WRONG").is_some() {
        println!("{}", mine.wrong.join("\n"));
    }
    let of = |tally: &Tally, truth| tally.classes.get(&truth).copied().unwrap_or_default();
    for truth in [
        Truth::LostAndSentAgain,
        Truth::Needless,
        Truth::Control,
        Truth::Overtaken,
        Truth::Doubled,
        Truth::New,
        Truth::Probe,
    ] {
        let count = of(&mine, truth);
        assert!(count.all > 0, "no case shows {truth:?}");
        if without_tshark {
            continue;
        }
        let other = of(&theirs, truth);
        assert!(count.right >= other.right, "tshark finds more of {truth:?}");
        if truth != Truth::New {
            assert!(count.false_alarms <= other.false_alarms, "tshark claims {truth:?} wrongly less often");
        }
    }
    let lost = of(&mine, Truth::LostAndSentAgain);
    assert!(lost.right * 100 >= lost.all * 99, "{lost:?}");
    assert_eq!(mine.place.0, mine.place.1, "where it was lost");
    if without_tshark {
        eprintln!("skipped: tshark is not installed, nothing to compare with");
    }
}

/// What is told of us there is what was counted now; what is told of tshark
/// is of the version that the text names.
fn stands_in_the_readme(table: &str, without_tshark: bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- losses: begin -->\n", "<!-- losses: end -->");
    let (before, rest) = readme.split_once(begin).expect("the section \"Losses\"");
    let (there, after) = rest.split_once(end).expect("its end");
    if std::env::var_os("BLESS").is_some() && !without_tshark {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    let ours = |table: &str| -> Vec<[String; 3]> {
        let row = |line: &str| {
            let mut cells = line.split('|').map(|cell| cell.trim().to_owned());
            [1, 1, 1].map(|skip| cells.nth(skip).unwrap_or_default())
        };
        table.lines().map(row).collect()
    };
    assert_eq!(ours(there), ours(table), "tests/README.md is out of date: `just bless`");
}

/// The two captures of a case with the truth of their packets.
fn labelled(folder: &Path) -> Vec<(String, PathBuf, HashMap<u64, Label>)> {
    let (client, server) = (folder.join("client.pcap"), folder.join("server.pcap"));
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let log = std::fs::read_to_string(folder.join("bridge.jsonl")).unwrap_or_default();
    // Packets that somebody forged, rewrote, or left out have no sender.
    let untrue = ["damage-", "crowd-", "injected-", "refused-by-firewall", "healthy-nat"];
    let is_true = !log.contains("\"forged\"") && !untrue.iter().any(|prefix| name.starts_with(prefix));
    if !is_true || !client.exists() || !server.exists() {
        return Vec::new();
    }
    let ends = [read(&client), read(&server)];
    let mut labels = [HashMap::new(), HashMap::new()];
    let mut flows: Vec<_> = ends.iter().flatten().map(|p| p.flow).collect();
    flows.sort_unstable();
    flows.dedup();
    for flow in flows {
        let of = |end: usize, flow| ends[end].iter().filter(|p| p.flow == flow).cloned().collect::<Vec<_>>();
        let (near, far) = if flow.1.1 == 3389 { (0, 1) } else { (1, 0) };
        let (sent, arrived) = label(&of(near, flow), &of(far, flow), &of(near, (flow.1, flow.0)));
        labels[near].extend(sent);
        labels[far].extend(arrived);
    }
    let [at_client, at_server] = labels;
    vec![(format!("{name}/client"), client, at_client), (format!("{name}/server"), server, at_server)]
}

fn table(mine: &Tally, theirs: &Tally) -> String {
    let mut text = String::from(
        "| packets that are | there are | rdpwhy finds | tshark finds | rdpwhy claims wrongly | tshark claims wrongly |\n|---|---|---|---|---|---|\n",
    );
    for (truth, name) in [
        (Truth::LostAndSentAgain, "sent again, the original lost"),
        (Truth::LostWithoutTrace, "the same, without any trace of the original at this end"),
        (Truth::Needless, "sent again needlessly"),
        (Truth::Control, "SYN, SYN-ACK or FIN sent again"),
        (Truth::Overtaken, "overtaken, sent once"),
        (Truth::Doubled, "doubled by the network, and not called sent again"),
        (Truth::Probe, "keep-alives and window probes"),
        (Truth::New, "new, and called nothing else"),
    ] {
        let (m, t) = (mine.classes.get(&truth), theirs.classes.get(&truth));
        let (m, t) = (m.copied().unwrap_or_default(), t.copied().unwrap_or_default());
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            m.all, m.right, t.right, m.false_alarms, t.false_alarms
        );
    }
    let _ = writeln!(
        text,
        "| lost before or behind the capture point, rightly told | {} | {} | – | | |",
        mine.place.1, mine.place.0
    );
    let _ = writeln!(
        text,
        "| sent again by a timer or on a report, rightly told | {} / {} | {} | {} | | |",
        mine.trigger.1, theirs.trigger.1, mine.trigger.0, theirs.trigger.0
    );
    text
}
