//! What holds for every format in every compression, and what others say of
//! the same files.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::written::{Dribble, Got, In, Sent, expected, netmon, packets, read, read_all, read_in_runs, snoop};
use super::{Capture, CaptureInfo, CaptureOptions, Compression, Format, OpenError, from_reader, open};
use crate::base::CaptureId;

const LITTLE: In = In { big: false };

/// The same packets in every format.
fn formats(sent: &[Sent]) -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Pcap, LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, sent)),
        (Format::Pcapng, LITTLE.pcapng(sent)),
        (Format::Snoop, snoop(sent)),
        (Format::NetMon, netmon(sent)),
    ]
}

/// A pcapng of two interfaces unlike each other; of what kind the block of each
/// packet is, is told by a number.
fn blocks(to: In, sent: &[Sent], kinds: &[u32]) -> Vec<u8> {
    let mut bytes = to.section(&[]);
    bytes.extend(to.interface(1, 0, &[]));
    bytes.extend(to.interface(101, 0, &to.option(9, &[9])));
    for (packet, kind) in sent.iter().zip(kinds) {
        bytes.extend(match kind {
            0..=2 => to.enhanced(0, 1_000, packet, &[]),
            3 => to.enhanced(1, 1, packet, &[]),
            4 => to.enhanced(0, 1_000, packet, &to.option(5, &to.u64(7))),
            // No packet, and a frame all the same.
            5 => to.block(9, &packet.data),
            _ => to.block(3, &[&to.u32(packet.original)[..], &packet.data].concat()),
        });
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(Cursor::new(bytes), CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Two members or frames, with a skippable frame between them where such exist.
fn twice(compress: fn(&[u8]) -> Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let skippable = if compress(b"")[0] == 0x1f { &b""[..] } else { b"\x53\x2a\x4d\x18\x03\0\0\0abc" };
    [&compress(first)[..], skippable, &compress(second)].concat()
}

fn compressed(bytes: &[u8]) -> Vec<(Vec<Compression>, Vec<u8>)> {
    use Compression::{Gzip, Lz4, Zstd};
    vec![
        (vec![], bytes.to_vec()),
        (vec![Gzip], gzip(bytes)),
        (vec![Gzip], twice(gzip, bytes)),
        (vec![Gzip], [&gzip(bytes)[..], &[0; 700]].concat()),
        (vec![Zstd], zstd(bytes)),
        (vec![Zstd], twice(zstd, bytes)),
        (vec![Lz4], lz4(bytes)),
        (vec![Lz4], twice(lz4, bytes)),
        (vec![Gzip, Zstd], gzip(&zstd(bytes))),
        (vec![Lz4, Gzip], lz4(&twice(gzip, bytes))),
    ]
}

fn dribbled(bytes: Vec<u8>, sizes: Vec<usize>) -> Result<Capture, OpenError> {
    from_reader("-", Box::new(Dribble::new(bytes, sizes)), CaptureId(0), &CaptureOptions::default())
}

fn all_but_panics(bytes: Vec<u8>) -> Option<(Vec<Got>, CaptureInfo)> {
    dribbled(bytes, vec![4_000]).ok().map(read_all)
}

#[test]
fn a_compression_changes_nothing() {
    let sent = packets(30);
    for (format, plain) in formats(&sent) {
        for (compression, bytes) in compressed(&plain) {
            let (got, info) = read(&bytes);
            assert_eq!(got, expected(&sent), "{format} {compression:?}");
            assert_eq!((info.format, &info.compression), (format, &compression));
            assert!(!info.incomplete && info.notices.is_empty(), "{format} {compression:?}: {:?}", info.notices);
            assert_eq!(info.stored_bytes, bytes.len() as u64, "{format} {compression:?}");
        }
    }
}

#[test]
fn a_third_compression_is_refused() {
    let error = dribbled(gzip(&gzip(&gzip(b"x"))), vec![100]).err().unwrap();
    assert!(error.to_string().starts_with("standard input: inside gzip: inside gzip: compressed more than 2 times"));
}

#[test]
fn what_a_compression_holds_is_named() {
    let error = dribbled(gzip(b"PK\x03\x04"), vec![100]).err().unwrap();
    assert!(error.to_string().starts_with("standard input: inside gzip: this is a zip archive"), "{error}");
    let error = dribbled(gzip(b""), vec![100]).err().unwrap();
    assert!(error.to_string().contains("this is empty"), "{error}");
    let error = dribbled(gzip(&[7; 100])[..12].to_vec(), vec![100]).err().unwrap();
    assert!(error.to_string().contains("damaged (cut short)"), "{error}");
}

#[test]
fn a_cut_compression_gives_a_prefix() {
    let sent = packets(30);
    let all = expected(&sent);
    for (compression, bytes) in compressed(&LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent)) {
        let padding = bytes.iter().rev().take_while(|b| **b == 0).count();
        let end = if padding >= 700 { bytes.len() - 700 } else { bytes.len() };
        let mut most = 0;
        for cut in (1..end).step_by(7).chain([end - 1]) {
            let Ok(capture) = dribbled(bytes[..cut].to_vec(), vec![4_000]) else { continue };
            let (got, info) = read_all(capture);
            assert!(all.starts_with(&got), "{compression:?} cut at {cut}");
            if got.len() < all.len() && !compression.is_empty() {
                assert!(info.incomplete, "{compression:?} cut at {cut} of {end}: {} packets", got.len());
            }
            most = most.max(got.len());
        }
        assert!(most + 1 >= all.len(), "{compression:?}: {most}");
    }
}

#[test]
fn a_packet_in_a_pipe_is_given_before_the_next_arrives() {
    let sent = packets(10);
    let plain = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    let mut pieces = vec![plain[..24].to_vec()];
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain[..24]).unwrap();
    encoder.flush().unwrap();
    let mut gzipped = vec![core::mem::take(encoder.get_mut())];
    let mut at = 24;
    for packet in &sent {
        let end = at + 16 + packet.data.len();
        pieces.push(plain[at..end].to_vec());
        encoder.write_all(&plain[at..end]).unwrap();
        encoder.flush().unwrap();
        gzipped.push(core::mem::take(encoder.get_mut()));
        at = end;
    }
    for pieces in [pieces, gzipped] {
        let given = Arc::new(AtomicUsize::new(0));
        let reader = Pieces { pieces, given: Arc::clone(&given) };
        let options = CaptureOptions::default();
        let mut capture = from_reader("-", Box::new(reader), CaptureId(0), &options).unwrap();
        for (i, packet) in sent.iter().enumerate() {
            assert_eq!(capture.next_packet().unwrap().unwrap().data, packet.data);
            assert_eq!(given.load(Ordering::Relaxed), i + 2, "no more was asked for than this packet");
        }
    }
}

struct Pieces {
    pieces: Vec<Vec<u8>>,
    given: Arc<AtomicUsize>,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Some(piece) = self.pieces.get(self.given.fetch_add(1, Ordering::Relaxed)) else { return Ok(0) };
        into[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn the_hash_is_that_of_the_stored_bytes() {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().unwrap();
    for (format, plain) in formats(&packets(30)) {
        for (compression, bytes) in compressed(&plain) {
            let expected: [u8; 32] = Sha256::digest(&bytes).into();
            let options = CaptureOptions { sha256: true };
            let pipe = from_reader("-", Box::new(Cursor::new(bytes.clone())), CaptureId(0), &options).unwrap();
            assert_eq!(read_all(pipe).1.sha256, Some(expected), "{format} {compression:?}");
            let path = folder.path().join("capture");
            #[expect(clippy::disallowed_methods, reason = "a test makes its input")]
            std::fs::write(&path, &bytes).unwrap();
            let (_, info) = read_all(open(&path, CaptureId(0), &options).unwrap());
            assert_eq!(info.sha256, Some(expected), "{format} {compression:?}");
            assert_eq!(info.stored_bytes, bytes.len() as u64);
        }
    }
    assert_eq!(read(&LITTLE.pcapng(&packets(1))).1.sha256, None, "not asked for");
}

#[test]
fn an_error_of_the_system_is_no_end() {
    struct Fails(Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::Error::other("the disk is on fire")),
                n => Ok(n),
            }
        }
    }
    let sent = packets(3);
    for (_, plain) in formats(&sent).into_iter().take(3) {
        for (compression, bytes) in compressed(&plain) {
            let cut = bytes.len() - if bytes.ends_with(&[0; 700]) { 705 } else { 5 };
            let reader = Fails(Cursor::new(bytes[..cut].to_vec()));
            let Ok(mut capture) = from_reader("-", Box::new(reader), CaptureId(0), &CaptureOptions::default()) else {
                continue;
            };
            let error = loop {
                match capture.next_packet() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{compression:?} ended"),
                    Err(e) => break e,
                }
            };
            assert!(error.to_string().contains("the disk is on fire"), "{error}");
            assert!(capture.next_packet().unwrap().is_none());
            assert!(capture.info().incomplete);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_packets(sizes in prop::collection::vec(1_usize..60, 1..8), pick in 0_usize..40) {
        let sent = packets(12);
        let (format, plain) = formats(&sent).swap_remove(pick % 4);
        let (compression, bytes) = compressed(&plain).swap_remove(pick / 4);
        let (got, info) = read_all(dribbled(bytes, sizes).unwrap());
        prop_assert_eq!(got, expected(&sent), "{} {:?}", format, compression);
        prop_assert!(!info.incomplete);
    }

    #[test]
    fn damage_anywhere_neither_panics_nor_invents(
        pick in 0_usize..40,
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let sent = packets(12);
        let (_, plain) = formats(&sent).swap_remove(pick % 4);
        let (_, mut bytes) = compressed(&plain).swap_remove(pick / 4);
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = bytes.len();
        bytes.truncate(whole.max(1) - cut.index(whole) / 8);
        if let Some((got, info)) = all_but_panics(bytes) {
            prop_assert_eq!(info.packets as usize, got.len());
            prop_assert!(got.len() <= 100);
            prop_assert!(got.iter().all(|p| p.5.len() <= p.6 as usize));
        }
    }

    #[test]
    fn runs_give_what_single_packets_give(
        pick in 0_usize..3,
        kinds in prop::collection::vec(0_u32..7, 0..40),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        sizes in prop::collection::vec(1_usize..2_000, 1..4),
        most in 1_usize..30,
    ) {
        let mut sent = packets(kinds.len());
        // Some claim that they were shorter than what there is of them.
        sent.iter_mut().zip(&kinds).filter(|(_, kind)| **kind == 2).for_each(|(packet, _)| packet.original = 3);
        // The clock of some is behind.
        sent.iter_mut().zip(&kinds).filter(|(_, kind)| **kind == 1).for_each(|(packet, _)| packet.nanos -= 5_000_000_000);
        let mut bytes = match pick {
            0 => LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent),
            pick => blocks(In { big: pick == 1 }, &sent, &kinds),
        };
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(one_by_one) = dribbled(bytes.clone(), sizes.clone()) else { return Ok(()) };
        let (got, info) = read_all(one_by_one);
        let (in_runs, told) = read_in_runs(dribbled(bytes, sizes).unwrap(), most);
        prop_assert_eq!(in_runs, got);
        prop_assert_eq!(format!("{told:?}"), format!("{info:?}"));
    }

    #[test]
    fn noise_behind_a_header_terminates(noise in prop::collection::vec(any::<u8>(), 0..3_000), pick in 0_usize..4) {
        let (_, mut bytes) = formats(&[]).swap_remove(pick);
        bytes.extend(noise);
        let _ = all_but_panics(bytes);
    }

    #[test]
    fn pcap_parser_reads_the_same(count in 0_usize..30, pcapng in any::<bool>()) {
        let sent = packets(count);
        let bytes = if pcapng { LITTLE.pcapng(&sent) } else { LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent) };
        let ours: Vec<_> = read(&bytes).0.into_iter().map(|p| (p.1 / 1_000, p.5, p.6)).collect();
        prop_assert_eq!(ours, by_pcap_parser(&bytes));
    }
}

/// Microseconds, bytes and original length of each packet, as pcap-parser sees
/// a little-endian capture.
fn by_pcap_parser(bytes: &[u8]) -> Vec<(i64, Vec<u8>, u32)> {
    use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
    let mut reader = create_reader(1 << 16, Cursor::new(bytes.to_vec())).unwrap();
    let mut list = Vec::new();
    loop {
        match reader.next() {
            Ok((used, block)) => {
                match block {
                    PcapBlockOwned::Legacy(p) => {
                        let micros = i64::from(p.ts_sec) * 1_000_000 + i64::from(p.ts_usec);
                        list.push((micros, p.data.to_vec(), p.origlen));
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(p)) => {
                        let micros = (i64::from(p.ts_high) << 32) | i64::from(p.ts_low);
                        list.push((micros, p.data[..p.caplen as usize].to_vec(), p.origlen));
                    }
                    _ => {}
                }
                reader.consume(used);
            }
            Err(PcapError::Eof) => return list,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(e) => panic!("{e:?}"),
        }
    }
}

/// The folder with captures made by others, where there is one.
fn captures_made_by_others() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/public");
    let root = std::env::var_os("RDPWHY_CAPTURES").map_or(beside, PathBuf::from);
    let list = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).map(|list| list.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
    };
    let mut files: Vec<PathBuf> = list(&root).iter().flat_map(|folder| list(folder)).collect();
    files.sort();
    files
}

#[test]
fn wireshark_counts_the_same() {
    let files = captures_made_by_others();
    if files.is_empty() {
        return;
    }
    // -r: no heading; -c packets; -d bytes.
    let capinfos = std::process::Command::new("capinfos").args(["-T", "-r", "-M", "-c", "-d"]).args(&files).output();
    let Ok(capinfos) = capinfos else { return };
    let table = String::from_utf8(capinfos.stdout).unwrap();
    assert_eq!(table.lines().count(), files.len(), "{table}");
    for (file, line) in files.iter().zip(table.lines()) {
        let counted: Vec<u64> = line.split('\t').skip(1).map(|n| n.parse().unwrap()).collect();
        let mut capture = open(file, CaptureId(0), &CaptureOptions::default()).unwrap();
        let (mut last, mut original) = (0, 0);
        while let Some(packet) = capture.next_packet().unwrap() {
            last = packet.frame.number;
            original += u64::from(packet.original_len);
        }
        let info = capture.info();
        assert!(!info.incomplete, "{}: {:?}", file.display(), info.notices);
        if info.format == Format::NetMon {
            assert!(last <= counted[0] && info.packets <= last, "its events are frames, but no packets");
        } else {
            assert_eq!((last, info.packets, original), (counted[0], counted[0], counted[1]), "{}", file.display());
        }
    }
}
