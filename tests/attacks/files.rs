//! Files: bombs, lying lengths, times that cannot be.

use std::io::{self, Write};

use super::{CLIENT, Pcap, REQUEST, SERVER, data, header, record, survives};
use crate::inputs::frame::{self, Endpoint, Tcp};

/// A packet as long as any may be, all zeros.
const PACKET: u32 = 256 << 10;
/// So many of them are a gigabyte.
const PACKETS: u32 = 4_096;

/// A gigabyte of pcap, nearly all of it zeros.
fn bomb(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&header())?;
    let zeros = vec![0; PACKET as usize];
    for number in 0..PACKETS {
        out.write_all(&record(1_772_438_400, number, PACKET))?;
        out.write_all(&zeros)?;
    }
    Ok(())
}

/// Reading stopped, the report says why, and so does the exit code.
#[track_caller]
fn was_defused(bytes: &[u8]) {
    assert!(bytes.len() < 1 << 20, "{} bytes are no bomb", bytes.len());
    let survived = survives(32, |out| out.write_all(bytes));
    assert_eq!(survived.noticed("expansion-limit"), 1, "{}", survived.report["captures"]);
    let packets = survived.packets();
    assert!(packets > 0 && packets < u64::from(PACKETS / 2), "{packets} were read");
    assert_eq!(survived.code, Some(3), "part of the input was not read");
}

#[test]
fn a_gzip_bomb_in_a_gzip_bomb() {
    use flate2::{Compression, write::GzEncoder};
    let mut once = GzEncoder::new(Vec::new(), Compression::fast());
    bomb(&mut once).unwrap();
    let mut twice = GzEncoder::new(Vec::new(), Compression::fast());
    twice.write_all(&once.finish().unwrap()).unwrap();
    was_defused(&twice.finish().unwrap());
}

#[test]
fn an_lz4_bomb_in_a_gzip_bomb() {
    // LZ4 alone reaches 255:1, which is no bomb.
    let mut once = lz4_flex::frame::FrameEncoder::new(Vec::new());
    bomb(&mut once).unwrap();
    let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    twice.write_all(&once.finish().unwrap()).unwrap();
    was_defused(&twice.finish().unwrap());
}

#[test]
fn a_zstd_bomb() {
    // Blocks of one byte that stand for 128 KiB of it (RFC 8878 §3.1.1.2.2).
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    let head = |kind: u32, size: u32| (kind << 1 | size << 3).to_le_bytes()[..3].to_vec();
    bytes.extend([head(0, 24), header().to_vec()].concat());
    for number in 0..PACKETS {
        bytes.extend([head(0, 16), record(1_772_438_400, number, PACKET).to_vec()].concat());
        bytes.extend([head(1, PACKET / 2), vec![0], head(1, PACKET / 2), vec![0]].concat());
    }
    was_defused(&bytes);
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let total = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &total, body, &total].concat()
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
}

/// A packet of interface `number`.
fn packet(number: u32, high: u32, low: u32) -> Vec<u8> {
    block(6, &[number, high, low, 4, 4, 0].map(u32::to_le_bytes).concat())
}

#[test]
fn a_million_interfaces() {
    let survived = survives(64, |out| {
        out.write_all(&section())?;
        // Each of a link type of its own, with a name.
        for number in 0..1_000_000_u32 {
            let link = (number as u16).to_le_bytes();
            let name = [2, 0, 4, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0];
            out.write_all(&block(1, &[&link[..], &[0, 0, 0, 0, 4, 0], &name].concat()))?;
        }
        for number in [0, 70_000, 999_999, u32::MAX] {
            out.write_all(&packet(number, 0x64c0_0000, 0))?;
        }
        Ok(())
    });
    assert!(survived.noticed("capture-details-limit") > 0, "{}", survived.report["captures"]);
    assert!(survived.noticed("interface-unknown") > 0, "{}", survived.report["captures"]);
}

#[test]
fn a_block_of_four_gigabytes() {
    for length in [0xffff_fffc_u32, 0xffff_ffff, 0x8000_0000, 0] {
        let survived = survives(64, |out| {
            out.write_all(&section())?;
            out.write_all(&block(1, &[1, 0, 0, 0, 0, 0, 4, 0]))?;
            out.write_all(&packet(0, 0x5_0000, 0))?;
            out.write_all(&[&6_u32.to_le_bytes()[..], &length.to_le_bytes()].concat())?;
            out.write_all(&vec![0; 1 << 20])
        });
        let damage = survived.noticed("file-damaged") + survived.noticed("file-cut-short");
        assert!(damage > 0, "{length:#x}: {}", survived.report["captures"]);
        assert_eq!((survived.packets(), survived.code), (1, Some(3)), "{length:#x}");
    }
}

#[test]
fn a_packet_of_four_gigabytes() {
    let survived = survives(64, |out| {
        out.write_all(&header())?;
        out.write_all(&record(1_772_438_400, 0, u32::MAX))?;
        out.write_all(&vec![0xee; 8 << 20])
    });
    assert!(survived.noticed("file-damaged") + survived.noticed("file-cut-short") > 0);
    assert_eq!(survived.code, Some(3));
}

#[test]
fn times_that_run_backwards() {
    // From the last second of a leap year back to the first second that there
    // is, a month at a time, with a handshake at each.
    let survived = survives(64, |out| {
        let mut pcap = Pcap::begin(out)?;
        for month in (0..1_600).rev() {
            pcap.micros = month * 2_629_743_000_000;
            let from = Endpoint { port: 50_000 + month as u16, ..CLIENT };
            let syn = Tcp { flags: frame::SYN, ack: 0, ..data(1, 0, &[]) };
            pcap.tcp(0, &from, &SERVER, &syn)?;
            pcap.tcp(0, &SERVER, &from, &Tcp { flags: frame::SYN | frame::ACK, ..data(1, 2, &[]) })?;
            pcap.tcp(0, &from, &SERVER, &data(2, 2, REQUEST))?;
        }
        Ok(())
    });
    assert_eq!((survived.packets(), survived.connections().len()), (4_800, 1_600));
    assert_eq!(survived.noticed("clock-set-back"), 1_599, "{}", survived.report["captures"]);
    let stages = survived.connections().iter().flat_map(|c| c["stages"].as_array().unwrap());
    assert!(stages.clone().count() >= 1_600);
    stages.for_each(|stage| assert!(stage["duration_ms"].as_f64().unwrap() >= 0.0, "{stage}"));
    survived.accuses_nobody();
}

#[test]
fn leap_days_and_the_ends_of_time() {
    // 29 February 2000 and 2024, the end of 2100's February, 2038, 2106.
    for (seconds, start) in [
        (951_782_400, "2000-02-29T00:00:00.000000000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000000000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000000000Z"),
        (2_147_483_648, "2038-01-19T03:14:08.000000000Z"),
        (4_294_967_294, "2106-02-07T06:28:14.000000000Z"),
    ] {
        let survived = survives(16, |out| {
            let mut pcap = Pcap::begin(out)?;
            pcap.micros = seconds * 1_000_000 - 1_000;
            pcap.handshake()
        });
        assert_eq!(survived.connections()[0]["start"], start);
    }
    // pcapng counts to the year 584,554 at a microsecond each, and other units
    // make it worse.
    for resolution in [0, 6, 9, 19, 127, 0x80, 0xff] {
        let survived = survives(16, |out| {
            out.write_all(&section())?;
            out.write_all(&block(1, &[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]))?;
            for (high, low) in [(0, 0), (u32::MAX, u32::MAX), (0x8000_0000, 0), (0x7fff_ffff, 0)] {
                out.write_all(&packet(0, high, low))?;
            }
            Ok(())
        });
        assert_eq!(survived.packets(), 4, "resolution {resolution}");
    }
}
