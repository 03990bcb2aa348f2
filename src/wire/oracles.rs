//! Other decoders asked about the same bytes: etherparse on anything, tshark on
//! the samples and on real captures.
//!
//! tshark's tests need tshark; the captures are those below the folder named by
//! the environment variable `RDPWHY_CAPTURES`. What is missing is said, and the
//! test passes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use etherparse::{LaxSlicedPacket, TcpOptionElement, TransportSlice};
use proptest::prelude::*;

use super::frame_samples::{self, join};
use super::{Decoded, Glance, Segment, TcpFlags, TcpOptions, decode, peek};
use crate::base::LinkType;

fn wire_len(frame: &[u8]) -> u32 {
    u32::try_from(frame.len()).unwrap()
}

/// Where etherparse finds TCP or UDP, we find the same.
fn check_against_etherparse(frame: &[u8]) {
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else { return };
    match (packet.transport, decode(LinkType::ETHERNET, frame, wire_len(frame))) {
        (Some(TransportSlice::Tcp(theirs)), Decoded::Tcp(ours)) => {
            let header = theirs.to_header();
            assert_eq!(
                (header.source_port, header.destination_port),
                (ours.tcp.source_port, ours.tcp.destination_port)
            );
            assert_eq!((header.sequence_number, header.acknowledgment_number), (ours.tcp.seq, ours.tcp.ack));
            assert_eq!(header.window_size, ours.tcp.window);
            let flags = [
                (header.fin, TcpFlags::FIN),
                (header.syn, TcpFlags::SYN),
                (header.rst, TcpFlags::RST),
                (header.psh, TcpFlags::PSH),
                (header.ack, TcpFlags::ACK),
                (header.urg, TcpFlags::URG),
            ];
            assert!(flags.iter().all(|&(theirs, bit)| theirs == ours.tcp.flags.has(bit)));
            assert_eq!(theirs.payload(), ours.payload);
            if let Some(options) = options_of(&theirs) {
                assert_eq!(options, ours.tcp.options);
            }
        }
        (Some(TransportSlice::Udp(theirs)), Decoded::Udp(ours)) => {
            assert_eq!((theirs.source_port(), theirs.destination_port()), (ours.source_port, ours.destination_port));
            assert_eq!(theirs.payload(), ours.payload);
        }
        // A length that contradicts itself; etherparse then takes what there is.
        (Some(_), Decoded::Failed(error)) if error.cause == crate::base::Cause::Malformed => {}
        (Some(TransportSlice::Tcp(theirs)), ours) => panic!("{theirs:?}, {ours:?}"),
        _ => {}
    }
}

/// The options, where etherparse knows each of them.
fn options_of(slice: &etherparse::TcpSlice<'_>) -> Option<TcpOptions> {
    let mut options = TcpOptions::default();
    for element in slice.options_iterator() {
        match element.ok()? {
            TcpOptionElement::Noop => {}
            TcpOptionElement::MaximumSegmentSize(mss) => options.mss = Some(mss),
            TcpOptionElement::WindowScale(shift) => options.window_scale = Some(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted => options.sack_permitted = true,
            TcpOptionElement::SelectiveAcknowledgement(first, others) => {
                for block in [Some(first)].into_iter().chain(others).flatten() {
                    options.sack[usize::from(options.sack_count)] = block;
                    options.sack_count += 1;
                }
            }
            TcpOptionElement::Timestamp(value, echo) => options.timestamps = Some((value, echo)),
        }
    }
    Some(options)
}

/// A plain Ethernet sample with its header bytes changed, and cut.
fn damaged_frame() -> impl Strategy<Value = Vec<u8>> {
    let frames: Vec<_> = frame_samples::all()
        .into_iter()
        .filter(|sample| sample.link == LinkType::ETHERNET && sample.tunnels == 0)
        .map(|sample| sample.frame)
        .chain([frame_samples::ether(0x0800, &frame_samples::syn())])
        .collect();
    let edits = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..5);
    (proptest::sample::select(frames), edits, 0..30_usize).prop_map(|(mut frame, edits, cut)| {
        for (at, byte) in edits {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        frame.truncate(frame.len() - cut);
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn etherparse_agrees(frame in damaged_frame()) {
        check_against_etherparse(&frame);
    }
}

/// Wireshark believes labels and ports, takes a payload length of 0 for no payload,
/// and guesses at frames in MPLS only when told to.
const ONLY_OURS: [&str; 4] =
    ["802.11 labelled Ethernet", "IPv6, payload length 0", "MPLS, pseudowire", "UDP to the port of VXLAN"];

#[test]
fn tshark_reads_the_samples_as_we_do() {
    let named = frame_samples::all().into_iter().map(|sample| (sample.name, sample.link, sample.frame));
    let frames: Vec<_> = named.chain(frame_samples::others()).filter(|(name, ..)| !ONLY_OURS.contains(name)).collect();
    let Some(rows) = tshark(&pcapng(&frames)) else { return };
    assert_eq!(rows.len(), frames.len());
    for (row, (name, link, frame)) in rows.iter().zip(&frames) {
        if let Some(ours) = ours(&decode(*link, frame, wire_len(frame))) {
            assert_eq!(ours, theirs(row), "{name}");
        }
    }
}

#[test]
fn tshark_reads_real_captures_as_we_do() {
    let Some(folder) = std::env::var_os("RDPWHY_CAPTURES") else {
        eprintln!("skipped: RDPWHY_CAPTURES names no folder of captures");
        return;
    };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    for file in files {
        // Whole, and cut as by a short snap length.
        for snap_len in ["262144", "72"] {
            let mut editcap = Command::new("editcap");
            editcap.args(["-F", "pcap", "-s", snap_len]).arg(&file).arg("-");
            let Some(capture) = run(&mut editcap, &[]) else {
                eprintln!("skipped: editcap cannot write {} as one pcap", file.display());
                continue;
            };
            let Some(rows) = tshark(&capture) else { return };
            check_capture(&format!("{} at {snap_len}", file.display()), &capture, &rows);
        }
    }
}

fn check_capture(name: &str, capture: &[u8], rows: &[Vec<String>]) {
    let (link, frames) = records(capture);
    assert_eq!(rows.len(), frames.len(), "{name}");
    let mut compared = 0;
    for (number, (row, &(original_len, frame))) in rows.iter().zip(&frames).enumerate() {
        let decoded = decode(link, frame, original_len);
        let is_cut = wire_len(frame) < original_len;
        match ours(&decoded) {
            None => continue,
            // tshark shows the ports of a header that ends before the window.
            Some(_) if is_cut && matches!(decoded, Decoded::Failed(_)) => continue,
            Some(ours) => assert_eq!(ours, theirs(row), "{name}, frame {}", number + 1),
        }
        compared += 1;
        match (peek(link, frame), &decoded) {
            (Glance::Tcp { payload, flags, .. }, Decoded::Tcp(segment)) => {
                assert_eq!((payload, flags), (segment.payload, segment.tcp.flags));
            }
            (Glance::Unclear, _) | (Glance::Udp { .. }, Decoded::Udp(_)) => {}
            (glance, _) => panic!("{name}, frame {}: {glance:?}, {decoded:?}", number + 1),
        }
    }
    eprintln!("{name}: {compared} of {} frames compared", frames.len());
}

/// What we say, in tshark's words; nothing for what the two do not share.
fn ours(decoded: &Decoded<'_>) -> Option<String> {
    let address = |ip: &super::IpFacts| {
        let id = ip.id.map_or(String::new(), |id| format!("{id:#06x}"));
        format!("{} > {} ttl {} id {id}", ip.src, ip.dst, ip.ttl)
    };
    match decoded {
        Decoded::Tcp(Segment { ip, tcp, payload_len, .. }) => Some(format!(
            "{} tcp {} > {} seq {} ack {} len {payload_len} flags {} window {}",
            address(ip),
            tcp.source_port,
            tcp.destination_port,
            tcp.seq,
            tcp.ack,
            tcp.flags.0,
            tcp.window
        )),
        Decoded::Udp(udp) => Some(format!(
            "{} udp {} > {} len {}",
            address(&udp.ip),
            udp.source_port,
            udp.destination_port,
            udp.payload_len
        )),
        Decoded::Other | Decoded::Failed(_) => Some("other".into()),
        Decoded::Fragment(_) | Decoded::IcmpError(_) => None,
    }
}

/// Fields that are asked for; of several occurrences the last, which is the innermost.
const FIELDS: [&str; 20] = [
    "ip.src",
    "ip.dst",
    "ip.ttl",
    "ip.id",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.hlim",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.len",
    "tcp.flags",
    "tcp.window_size_value",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "ip.proto",
    "ipv6.nxt",
    "frame.protocols",
];

/// What tshark says of one frame.
fn theirs(row: &[String]) -> String {
    let field = |name: &str| {
        let at = FIELDS.iter().position(|field| *field == name).unwrap();
        row.get(at).map_or("", String::as_str)
    };
    let protocols = format!(":{}:", field("frame.protocols"));
    // What the innermost frame or packet holds.
    let after = |layer: &str| protocols.rfind(layer).map_or(0, |at| at + layer.len() - 1);
    let innermost = &protocols[after(":eth:").max(after(":ip:")).max(after(":ipv6:"))..];
    let address = if after(":ipv6:") > after(":ip:") {
        format!("{} > {} ttl {} id ", field("ipv6.src"), field("ipv6.dst"), field("ipv6.hlim"))
    } else {
        format!("{} > {} ttl {} id {}", field("ip.src"), field("ip.dst"), field("ip.ttl"), field("ip.id"))
    };
    if innermost.contains(":tcp:") {
        let flags = u32::from_str_radix(field("tcp.flags").trim_start_matches("0x"), 16).unwrap() & 0xff;
        format!(
            "{address} tcp {} > {} seq {} ack {} len {} flags {flags} window {}",
            field("tcp.srcport"),
            field("tcp.dstport"),
            field("tcp.seq_raw"),
            field("tcp.ack_raw"),
            field("tcp.len"),
            field("tcp.window_size_value")
        )
    } else if innermost.contains(":udp:") {
        let len: u32 = field("udp.length").parse().unwrap();
        format!("{address} udp {} > {} len {}", field("udp.srcport"), field("udp.dstport"), len - 8)
    } else {
        "other".into()
    }
}

/// tshark's fields of every frame; nothing where there is no tshark.
fn tshark(capture: &[u8]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-r", "-", "-T", "fields", "-E", "occurrence=l", "-d", "udp.port==8472,vxlan"]);
    for preference in ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"] {
        command.args(["-o", preference]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let Some(output) = run(&mut command, capture) else {
        eprintln!("skipped: no tshark");
        return None;
    };
    let text = String::from_utf8(output).unwrap();
    Some(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// What a program prints when it is given `input`; nothing when it cannot be run.
fn run(command: &mut Command, input: &[u8]) -> Option<Vec<u8>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    let input = input.to_vec();
    // Both pipes are bounded: somebody must read while we write.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    let _ = writer.join();
    output.status.success().then_some(output.stdout)
}

/// A pcapng file with an interface for each frame, since their link types differ.
fn pcapng(frames: &[(&str, LinkType, Vec<u8>)]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = u32::try_from(12 + body.len() + padding.len()).unwrap().to_le_bytes();
        join(&[&kind.to_le_bytes(), &len, body, &padding, &len])
    };
    let section = block(0x0a0d_0d0a, &frame_samples::hex("4d3c2b1a 0100 0000 ffffffffffffffff"));
    let interfaces = frames.iter().map(|(_, link, _)| block(1, &[link.0, 0].map(u32::to_le_bytes).concat()));
    let packets = frames.iter().zip(0..).map(|((_, _, frame), interface)| {
        let len = wire_len(frame);
        block(6, &join(&[&[interface, 0, 0, len, len].map(u32::to_le_bytes).concat(), frame]))
    });
    [section].into_iter().chain(interfaces).chain(packets).flatten().collect()
}

/// The frames of a classic pcap file in little-endian order, as editcap writes it.
fn records(capture: &[u8]) -> (LinkType, Vec<(u32, &[u8])>) {
    let u32_at = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    let mut at = 24;
    while at < capture.len() {
        let len = usize::try_from(u32_at(at + 8)).unwrap();
        frames.push((u32_at(at + 12), &capture[at + 16..at + 16 + len]));
        at += 16 + len;
    }
    (LinkType(u32_at(20)), frames)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
