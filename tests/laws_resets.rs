//! Who built a reset: nobody is wrongly accused, however damaged the capture;
//! and how many forged ones are found, by builder and by point of capture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use rdpwhy::analysis::{Analysis, Analyzer};
use rdpwhy::base::{CaptureTime, Certainty, Frame, LinkType, Span};
use rdpwhy::capture::{CaptureOptions, Packet, Source, Timeline};
use rdpwhy::findings::resets::{Builder, Judgement};
use rdpwhy::wire::{self, Glance, TcpFlags};
use serde::Deserialize;

use super::cases::{are_committed, captures, folders};

/// The part of a case's truth that is about resets.
#[derive(Debug, Deserialize)]
pub struct Truth {
    pub name: String,
    connections: Vec<Connection>,
}

#[derive(Debug, Deserialize)]
struct Connection {
    seen_from_client: Option<Seen>,
    seen_from_server: Option<Seen>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    #[serde(default)]
    forged_frames: Vec<u64>,
}

/// A packet that can be played again.
#[derive(Clone)]
pub struct Kept {
    pub frame: Frame,
    pub time: CaptureTime,
    pub vantage: u16,
    link: LinkType,
    original_len: u32,
    pub data: Vec<u8>,
}

impl Kept {
    pub fn glance(&self) -> Glance<'_> {
        wire::peek(self.link, &self.data)
    }

    pub fn is_reset(&self) -> bool {
        match self.glance() {
            Glance::Tcp { flags, .. } => flags.has(TcpFlags::RST),
            _ => false,
        }
    }
}

/// One capture of one case.
struct Specimen {
    case: String,
    vantage: &'static str,
    forged: BTreeSet<u64>,
    packets: Vec<Kept>,
}

/// Every capture of every case in which a reset was seen.
fn specimens() -> &'static [Specimen] {
    static ALL: OnceLock<Vec<Specimen>> = OnceLock::new();
    ALL.get_or_init(gather)
}

fn gather() -> Vec<Specimen> {
    let mut found = Vec::new();
    for folder in folders() {
        let truth: Truth = toml::from_str(&std::fs::read_to_string(folder.join("truth.toml")).unwrap()).unwrap();
        for (vantage, path) in captures(&folder) {
            let packets = read(&[&path]);
            let forged = forged_frames(&truth, vantage, &packets);
            let specimen = Specimen { case: truth.name.clone(), vantage, forged, packets };
            if !judged(&play(&specimen.packets)).is_empty() {
                found.push(specimen);
            }
        }
    }
    assert!(found.len() > 50, "the fixtures are there");
    found
}

/// The frames of the forged resets in one capture.
pub fn forged_frames(truth: &Truth, vantage: &str, packets: &[Kept]) -> BTreeSet<u64> {
    let seen = |c: &Connection| -> Vec<u64> {
        let seen = if vantage == "client" { &c.seen_from_client } else { &c.seen_from_server };
        seen.as_ref().map(|s| s.forged_frames.clone()).unwrap_or_default()
    };
    let named: BTreeSet<u64> = truth.connections.iter().flat_map(seen).collect();
    // A capture that shows each packet twice names the first.
    let of = |kept: &Kept| kept.data.get(ADDRESSES..).map(<[u8]>::to_vec);
    let bytes: BTreeSet<_> = packets.iter().filter(|p| named.contains(&{ p.frame.number })).filter_map(of).collect();
    let is_forged = |p: &&Kept| of(p).is_some_and(|data| bytes.contains(&data));
    packets.iter().filter(is_forged).map(|p| p.frame.number).chain(named).collect()
}

/// The packets of files, as one timeline.
pub fn read(paths: &[&Path]) -> Vec<Kept> {
    let sources = paths.iter().map(|path| Source::named(path)).collect();
    let mut timeline = Timeline::new(sources, CaptureOptions::default());
    let mut packets = Vec::new();
    while let Some(p) = timeline.next_packet() {
        packets.push(Kept {
            frame: p.frame,
            time: p.time,
            vantage: p.vantage,
            link: p.link,
            original_len: p.original_len,
            data: p.data.to_vec(),
        });
    }
    packets
}

pub fn play(packets: &[Kept]) -> Analysis {
    let mut analyzer = Analyzer::default();
    feed(&mut analyzer, packets);
    analyzer.finish(0)
}

pub fn feed(analyzer: &mut Analyzer, packets: &[Kept]) {
    for kept in packets {
        analyzer.push(&Packet {
            frame: kept.frame,
            time: kept.time,
            link: kept.link,
            interface: 0,
            vantage: kept.vantage,
            packet_id: None,
            data: &kept.data,
            original_len: kept.original_len,
        });
    }
}

/// A copy of frame n is frame n plus this.
const COPY: u64 = 1_000_000;

type Verdicts = BTreeMap<u64, (Builder, Certainty)>;

/// Frame number of each reset, and what is said of it.
fn judged(analysis: &Analysis) -> Verdicts {
    let pairs = analysis.connections.iter().flat_map(|c| c.tcp.resets.iter().zip(&c.diagnosis.resets));
    pairs.map(|(reset, j)| (reset.at.frame.number % COPY, (j.built_by, j.certainty))).collect()
}

pub fn accused(verdict: (Builder, Certainty)) -> bool {
    verdict.0 == Builder::OtherDevice && verdict.1 > Certainty::Possible
}

impl Specimen {
    /// Resets that `packets` accuse wrongly: genuine ones, and those that the
    /// whole capture leaves to the host.
    fn wrongly_accused(&self, how: &str, whole: &Verdicts, packets: &[Kept]) -> Vec<String> {
        let analysis = play(packets);
        let host = |frame: &u64| whole.get(frame).is_some_and(|(builder, _)| *builder == Builder::Host);
        let wrong = |frame: &u64| !self.forged.contains(frame) || host(frame);
        let accused = judged(&analysis).into_iter().filter(|(frame, verdict)| accused(*verdict) && wrong(frame));
        let says =
            |(frame, _)| format!("{}/{} {how}: frame {frame}: {}", self.case, self.vantage, evidence(&analysis, frame));
        accused.map(says).collect()
    }
}

/// What is held against a reset.
fn evidence(analysis: &Analysis, frame: u64) -> String {
    let pairs = analysis.connections.iter().flat_map(|c| c.tcp.resets.iter().zip(&c.diagnosis.resets));
    let of_frame = pairs.filter(|(reset, _)| reset.at.frame.number % COPY == frame);
    of_frame.map(|(_, judgement)| evidence_of(judgement)).collect::<Vec<_>>().join(", ")
}

/// The pieces that a judgement rests on, in short.
pub fn evidence_of(judgement: &Judgement) -> String {
    let pieces = judgement.evidence.iter().map(|p| format!("{} ({:?} {:?})", p.id, p.strength, p.points_at));
    pieces.collect::<Vec<_>>().join(", ")
}

/// Where the addresses begin in an IPv4 packet on Ethernet: behind everything
/// that a router changes.
const ADDRESSES: usize = 26;

/// A small generator: the law must fail on the same capture twice.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Plays every damaged form of every capture; what went wrong.
fn under(damages: impl Fn(&[Kept]) -> Vec<(String, Vec<Kept>)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for specimen in specimens() {
        let whole = judged(&play(&specimen.packets));
        for (how, packets) in damages(&specimen.packets) {
            wrong.extend(specimen.wrongly_accused(&how, &whole, &packets));
        }
    }
    wrong
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong accusations:\n{}", wrong.len(), wrong.join("\n"));
}

/// Positions to cut at: all of a short capture, some of a long one.
fn positions(len: usize) -> impl Iterator<Item = usize> {
    (1..len).step_by((len / 10).max(1))
}

#[test]
fn a_capture_that_begins_late_accuses_nobody() {
    none(&under(|all| positions(all.len()).map(|n| (format!("from packet {n}"), all[n..].to_vec())).collect()));
}

#[test]
fn a_capture_that_ends_early_accuses_nobody() {
    none(&under(|all| positions(all.len()).map(|n| (format!("first {n} packets"), all[..n].to_vec())).collect()));
}

#[test]
fn a_sampled_capture_accuses_nobody() {
    none(&under(|all| {
        let sample = |seed: u64| {
            let mut dice = Dice(seed * 7919 + 1);
            // From a few lost packets to one in two.
            let loss = [50, 20, 10, 5, 3, 2][seed as usize % 6];
            let kept = all.iter().filter(|_| dice.roll(loss) != 0).cloned().collect();
            (format!("sampled 1/{loss} away, seed {seed}"), kept)
        };
        (0..12).map(sample).collect()
    }));
}

#[test]
fn one_missing_packet_accuses_nobody() {
    none(&under(|all| {
        let without = |n: usize| {
            let mut rest = all.to_vec();
            rest.remove(n);
            (format!("without packet {n}"), rest)
        };
        positions(all.len()).map(without).collect()
    }));
}

#[test]
fn copies_and_swaps_accuse_nobody() {
    none(&under(|all| {
        let disturbed = |seed: u64| {
            let mut dice = Dice(seed * 104_729 + 3);
            let mut packets = Vec::new();
            for kept in all {
                packets.push(kept.clone());
                if dice.roll(3) == 0 {
                    // A mirror port's copy, behind a router or not.
                    let mut copy = kept.clone();
                    copy.frame.number += COPY;
                    copy.time = copy.time + Span::from_micros(dice.roll(900) as i64);
                    packets.push(copy);
                }
            }
            for n in 1..packets.len() {
                if seed % 2 == 1 && dice.roll(6) == 0 {
                    packets.swap(n - 1, n);
                }
            }
            (format!("copied and swapped, seed {seed}"), packets)
        };
        (0..4).map(disturbed).collect()
    }));
}

#[test]
fn two_clocks_that_disagree_accuse_nobody() {
    none(&under(|all| {
        let shifted = |micros: i64| {
            let shift = |kept: &Kept| {
                let mut kept = kept.clone();
                // Each direction was captured on an interface of its own.
                let from_low = kept.data.get(26..30) < kept.data.get(30..34);
                if from_low {
                    kept.time = kept.time + Span::from_micros(micros);
                }
                kept
            };
            let mut packets: Vec<Kept> = all.iter().map(shift).collect();
            packets.sort_by_key(|kept| kept.time);
            (format!("one direction {micros} µs off"), packets)
        };
        [-15_000, -3_000, 3_000, 15_000].into_iter().map(shifted).collect()
    }));
}

/// Right and wrong, counted in resets.
#[derive(Default)]
struct Row {
    forged: u32,
    found: u32,
    genuine: u32,
    accused: u32,
    cleared: u32,
}

impl Row {
    fn add(&mut self, forged: bool, verdict: (Builder, Certainty)) {
        let accused = u32::from(accused(verdict));
        if forged {
            self.forged += 1;
            self.found += accused;
        } else {
            self.genuine += 1;
            self.accused += accused;
            self.cleared += u32::from(verdict.0 == Builder::Host);
        }
    }

    fn line(&self, name: &str, vantage: &str) -> String {
        let percent = |part: u32, all: u32| {
            if all == 0 {
                "–".to_owned()
            } else {
                format!("{part} of {all}, {:.0} %", 100.0 * f64::from(part) / f64::from(all))
            }
        };
        let (found, accused) = (self.found, self.accused);
        format!(
            "| {name} | {vantage} | {} | {} | {} |",
            percent(found, self.forged),
            percent(found, found + accused),
            percent(self.cleared, self.genuine)
        )
    }
}

/// The builder that a case is about.
fn builder(case: &str, forged: bool) -> &'static str {
    const BUILDERS: &[(&str, &str)] = &[
        ("suricata", "Suricata reject"),
        ("snort", "Snort active response"),
        ("zeek", "zeek-aux rst"),
        ("netfilter", "netfilter REJECT"),
        ("refused-by-firewall", "netfilter REJECT"),
        ("tcpkill", "dsniff tcpkill"),
        ("gfw", "national filters"),
        ("sandvine", "Sandvine"),
        ("bigip", "BIG-IP"),
        ("balancer", "load balancer, idle timer"),
        ("cisco", "Cisco, quoting data"),
        ("websense", "proxy filter"),
        ("header-clone", "header clone"),
    ];
    if !forged {
        return "the hosts themselves";
    }
    BUILDERS.iter().find(|(part, _)| case.contains(part)).map_or("other forged resets", |(_, name)| name)
}

fn table() -> (String, Row) {
    let mut rows: BTreeMap<(&str, &str), Row> = BTreeMap::new();
    let mut sum = Row::default();
    for specimen in specimens() {
        for (frame, verdict) in judged(&play(&specimen.packets)) {
            let forged = specimen.forged.contains(&frame);
            rows.entry((builder(&specimen.case, forged), specimen.vantage)).or_default().add(forged, verdict);
            sum.add(forged, verdict);
        }
    }
    let mut text = String::from(
        "| builder | captured at the | forged, found | accused, rightly | genuine, credited to the host |\n|---|---|---|---|---|\n",
    );
    for ((name, vantage), row) in &rows {
        let _ = writeln!(text, "{}", row.line(name, vantage));
    }
    let _ = writeln!(text, "{}", sum.line("**all**", ""));
    (text, sum)
}

#[test]
fn the_table_stands_in_the_readme_and_nobody_is_wrongly_accused() {
    let (table, sum) = table();
    println!("{table}");
    assert_eq!(sum.accused, 0);
    assert!(sum.found * 100 >= sum.forged * 97, "{} of {}", sum.found, sum.forged);
    if !are_committed() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- resets: begin -->\n", "<!-- resets: end -->");
    let (before, rest) = readme.split_once(begin).expect("the section \"Who built this reset\"");
    let (there, after) = rest.split_once(end).expect("its end");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(there, table, "tests/README.md is out of date: `just bless`");
    }
}
