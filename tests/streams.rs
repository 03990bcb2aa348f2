//! The bytes of every stream, beside tshark's *Follow TCP Stream*.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpwhy::base::{At, BySide, Gap, Side};
use rdpwhy::capture::{CaptureOptions, Source, Timeline};
use rdpwhy::flow::fragments::Fragments;
use rdpwhy::flow::{Consumer, ResetFacts, Table};
use rdpwhy::wire::{self, Decoded};

use super::cases::{captures, folders};
use super::losses::join;
use super::public;

/// What was handed on.
#[derive(Debug, Default)]
struct Log {
    bytes: BySide<Vec<u8>>,
    has_gaps: bool,
}

impl Consumer for Log {
    fn bytes(&mut self, side: Side, data: &[u8], _: At) {
        self.bytes.of_mut(side).extend_from_slice(data);
    }

    fn gap(&mut self, _: Side, _: Gap) {
        self.has_gaps = true;
    }

    fn end(&mut self, _: Side, _: At) {}
}

/// The bytes of one stream by sender; `None` where some are missing.
type Stream = Option<BTreeMap<SocketAddr, Vec<u8>>>;

/// By both ends, in the order of the streams between them.
type Streams = BTreeMap<[SocketAddr; 2], Vec<Stream>>;

fn ends(a: SocketAddr, b: SocketAddr) -> [SocketAddr; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

fn ours(path: &Path) -> Streams {
    let mut timeline = Timeline::new(vec![Source::named(path)], CaptureOptions::default());
    let mut table = Table::<Log>::default();
    let (mut fragments, mut notices) = (Fragments::default(), rdpwhy::base::Notices::default());
    while let Some(packet) = timeline.next_packet() {
        let at = At { frame: packet.frame, time: packet.time };
        match wire::decode(packet.link, packet.data, packet.original_len) {
            Decoded::Tcp(segment) => table.segment(&segment, at, 0),
            Decoded::Fragment(fragment) => {
                let whole = fragments.push(&fragment, at.frame, at.time, &mut notices);
                if let Some(whole) = whole
                    && let Decoded::Tcp(segment) =
                        wire::decode_reassembled(whole.ip, whole.protocol, whole.bytes, whole.len)
                {
                    table.segment(&segment, at, 0);
                }
            }
            _ => {}
        }
    }
    table.finish();
    let mut finished: Vec<_> = table.drain().collect();
    finished.sort_by_key(|f| f.tcp.first.frame);
    let mut streams = Streams::new();
    for flow in finished {
        let address = |side: Side| {
            let end = flow.tcp.endpoints.of(side);
            SocketAddr::new(end.ip, end.port)
        };
        let (client, server) = (address(Side::Client), address(Side::Server));
        let unseen = Side::BOTH.into_iter().any(|side| flow.tcp.directions.of(side).never_seen > 0);
        let Log { mut bytes, has_gaps } = flow.consumer;
        // tshark takes the text in a reset that continues the stream for its
        // data; RFC 9293 (3.5.2) has it as a remark about the reset.
        let continues = |reset: &&ResetFacts| !reset.payload.is_empty() && reset.seq_beyond_sent == Some(0);
        if let Some(reset) = flow.tcp.resets.iter().find(continues) {
            bytes.of_mut(reset.claimed_by).extend_from_slice(&reset.payload);
        }
        let stream = (!has_gaps && !unseen).then(|| BTreeMap::from([(client, bytes.client), (server, bytes.server)]));
        streams.entry(ends(client, server)).or_default().push(stream);
    }
    streams
}

/// tshark's first `count` streams; `None` where it is not installed.
fn tshark(path: &Path, count: usize) -> Option<Streams> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).arg("-q");
    for stream in 0..count {
        command.arg("-z").arg(format!("follow,tcp,raw,{stream}"));
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut streams: Vec<(usize, [SocketAddr; 2], Stream)> = Vec::new();
    for section in text.split("Follow: tcp,raw").skip(1) {
        let mut lines = section.lines().skip(1);
        let number = lines.next().and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap();
        let mut node = || lines.next().and_then(|line| line.split_once(": ")?.1.parse::<SocketAddr>().ok());
        let (Some(first), Some(second)) = (node(), node()) else { continue };
        let mut bytes = BTreeMap::from([(first, Vec::new()), (second, Vec::new())]);
        let mut whole = true;
        for line in lines.take_while(|line| !line.starts_with("===")) {
            let sender = if line.starts_with('\t') { second } else { first };
            let decoded = hex(line.trim());
            // It writes this into the stream where it misses something.
            whole &= !decoded.windows(22).any(|text| text == b"missing in capture fil");
            bytes.get_mut(&sender).unwrap().extend(decoded);
        }
        streams.push((number, ends(first, second), whole.then_some(bytes)));
    }
    streams.sort_by_key(|(number, ..)| *number);
    let mut by_ends = Streams::new();
    for (_, ends, stream) in streams {
        by_ends.entry(ends).or_default().push(stream);
    }
    Some(by_ends)
}

fn hex(line: &str) -> Vec<u8> {
    let digits = line.as_bytes().as_chunks::<2>().0;
    digits.iter().map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Ports of the proxies in the lab: what they are told is no part of the session.
const PROXIES: [u16; 2] = [1080, 8080];

/// Streams and bytes compared, and the streams that differ.
fn compare(path: &Path, name: &str, count: usize) -> Option<(usize, usize, Vec<String>)> {
    let theirs = tshark(path, count)?;
    let (mut compared, mut total, mut wrong) = (0, 0, Vec::new());
    for (ends, streams) in ours(path) {
        let Some(others) = theirs.get(&ends).filter(|others| others.len() == streams.len()) else { continue };
        for (ours, theirs) in streams.iter().zip(others) {
            let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
            compared += 1;
            for (sender, bytes) in ours {
                total += bytes.len();
                let is_proxied = ends.iter().any(|end| PROXIES.contains(&end.port()));
                let same = |whole: &Vec<u8>| whole == bytes || is_proxied && whole.ends_with(bytes);
                if !theirs.get(sender).is_some_and(same) {
                    let length = theirs.get(sender).map_or(0, Vec::len);
                    wrong.push(format!("{name}: {sender} to {ends:?}: {} bytes, tshark has {length}", bytes.len()));
                }
            }
        }
    }
    Some((compared, total, wrong))
}

#[test]
fn streams_of_the_cases_have_the_bytes_that_tshark_follows() {
    let all = folders().into_iter().flat_map(|folder| captures(&folder)).map(|(_, path)| path);
    // Those of plain Ethernet can stand in one file; crowds are the same short
    // stream many times.
    let is_plain = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".pcap") && !name.contains("damage-") && !name.contains("crowd-")
    };
    let sample: Vec<PathBuf> = all.filter(is_plain).step_by(3).collect();
    let mut joined = Vec::new();
    for (number, path) in (1..=u8::MAX).zip(&sample) {
        join(&mut joined, &std::fs::read(path).unwrap(), number);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("streams-{}.pcap", std::process::id()));
    std::fs::write(&path, joined).unwrap();
    let done = compare(&path, "cases", 400);
    std::fs::remove_file(&path).unwrap();
    let Some((compared, bytes, wrong)) = done else {
        println!("skipped: tshark is not installed");
        return;
    };
    println!("{compared} streams compared, {bytes} bytes");
    assert!(compared > 60 && bytes > 200_000, "{compared}, {bytes} bytes");
    assert!(wrong.is_empty(), "{compared} compared\n{}", wrong.join("\n"));
}

#[test]
fn streams_of_public_captures_have_the_bytes_that_tshark_follows() {
    let Some(root) = public::folder() else { return };
    let mut total = 0;
    for path in public::files(&root).iter().filter(|path| path.metadata().is_ok_and(|m| m.len() < 1 << 20)) {
        if ours(path).is_empty() {
            continue;
        }
        let Some((compared, _, wrong)) = compare(path, &path.to_string_lossy(), 64) else {
            println!("skipped: tshark is not installed, or cannot read {}", path.display());
            continue;
        };
        total += compared;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    println!("{total} streams compared");
}

#[test]
fn addresses_are_told_apart() {
    let address = |ip: &str, port| SocketAddr::new(ip.parse::<IpAddr>().unwrap(), port);
    assert_eq!(
        ends(address("10.0.0.2", 3389), address("10.0.0.1", 50_000)),
        ends(address("10.0.0.1", 50_000), address("10.0.0.2", 3389))
    );
    assert_eq!(hex("0a1bff"), [10, 27, 255]);
}
