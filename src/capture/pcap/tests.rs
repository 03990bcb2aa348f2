//! Captures as they are written, odd ones, and damaged ones.

use crate::base::CaptureId;
use crate::capture::written::{In, Sent, expected, notices, packets, read, read_all};
use crate::capture::{CaptureOptions, Format, open};

const LITTLE: In = In { big: false };

#[test]
fn every_variant_in_both_byte_orders_gives_the_same_packets() {
    let sent = packets(20);
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34, 0x1c00_01ab, 0x1c00_01ac] {
        for big in [false, true] {
            let (got, info) = read(&In { big }.pcap(magic, 65_535, 1, &sent));
            assert_eq!(got, expected(&sent), "{magic:x} {big}");
            assert!(!info.incomplete && info.notices.is_empty());
            assert_eq!(info.packets, 20);
            assert_eq!(info.interfaces[0].snap_len, Some(65_535));
        }
    }
}

#[test]
fn longer_record_headers_under_the_usual_magic_are_noticed() {
    let sent = packets(5);
    for more in [4, 8] {
        let mut bytes = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &[]);
        for packet in &sent {
            let record = &LITTLE.pcap(0xa1b2_c3d4, 0, 0, core::slice::from_ref(packet))[24..];
            bytes.extend(&record[..16]);
            bytes.extend(vec![9; more]);
            bytes.extend(&record[16..]);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old");
        #[expect(clippy::disallowed_methods, reason = "a test makes its input")]
        std::fs::write(&path, &bytes).unwrap();
        let capture = open(&path, CaptureId(0), &CaptureOptions::default()).unwrap();
        let (got, info) = read_all(capture);
        assert_eq!(got, expected(&sent));
        assert_eq!((info.format, info.incomplete), (Format::PcapModified, false));
    }
}

#[test]
fn odd_lengths_are_normal() {
    let mut sent = packets(3);
    sent[1].original = 3;
    let (got, info) = read(&LITTLE.pcap(0xa1b2_c3d4, 0, 1, &sent));
    assert_eq!(got[1].6, got[1].5.len() as u32, "captured more than there was");
    assert_eq!(info.interfaces[0].snap_len, None, "a snap length of 0 is none");
    let (got, info) = read(&LITTLE.pcap(0xa1b2_c3d4, 10, 1, &sent));
    assert_eq!(got.len(), 3, "captured more than the snap length");
    assert!(!info.incomplete);
}

#[test]
fn the_length_of_a_check_sequence_is_no_link_type() {
    let (got, _) = read(&LITTLE.pcap(0xa1b2_c3d4, 0, 0x2400_0001, &packets(1)));
    assert_eq!(got[0].2, 1);
}

#[test]
fn a_cut_anywhere_gives_all_before_it() {
    let sent = packets(6);
    let whole = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    let mut ends = vec![24];
    for packet in &sent {
        ends.push(ends.last().unwrap() + 16 + packet.data.len());
    }
    for cut in 24..whole.len() {
        let (got, info) = read(&whole[..cut]);
        let complete = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(got, expected(&sent)[..complete], "cut at {cut}");
        assert_eq!(info.incomplete, !ends.contains(&cut), "cut at {cut}");
        if info.incomplete {
            assert_eq!(notices(&info), ["file-cut-short"]);
        }
    }
}

#[test]
fn a_hole_costs_only_what_it_covers() {
    let sent = packets(40);
    let whole = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    let at = 24 + sent[..12].iter().map(|p| 16 + p.data.len()).sum::<usize>();
    for (fill, len) in [(0xff, 200), (0, 300), (0x41, 16)] {
        let mut bytes = whole.clone();
        bytes[at..at + len].fill(fill);
        let (got, info) = read(&bytes);
        assert!(info.incomplete);
        assert_eq!(notices(&info), ["file-damaged"]);
        let data = |i: usize| &sent[i].data;
        assert!((0..12).all(|i| &got[i].5 == data(i)), "what stands before");
        assert_eq!(&got.last().unwrap().5, data(39), "what stands behind");
        assert!(got.len() > 30, "{}", got.len());
    }
}

#[test]
fn a_length_that_lies_near_the_end_is_found_out() {
    let sent = packets(10);
    let mut bytes = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    bytes[24 + 8..24 + 12].copy_from_slice(&60_000_u32.to_le_bytes());
    let (got, info) = read(&bytes);
    assert_eq!(got.len(), 9, "all but the first");
    assert_eq!(notices(&info), ["file-damaged"]);
}

#[test]
fn a_clock_that_jumps_for_years_is_followed() {
    let mut sent = packets(6);
    for packet in &mut sent[2..4] {
        packet.nanos = 5_000_000;
    }
    let (got, info) = read(&LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent));
    assert_eq!(got, expected(&sent));
    assert!(!info.incomplete);
}

#[test]
fn bytes_that_were_lost_from_the_middle_cost_a_few_packets() {
    let sent = packets(60);
    let whole = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    for lost in 1..300 {
        let bytes = [&whole[..900], &whole[900 + lost..]].concat();
        let (got, _) = read(&bytes);
        assert_eq!(got.last().unwrap().5, sent[59].data, "{lost}");
        assert!(got.len() >= 48, "{lost}: {}", got.len());
    }
}

#[test]
fn a_tail_of_zeros_is_no_packets() {
    let sent = packets(3);
    let mut bytes = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &sent);
    bytes.resize(bytes.len() + 5_000, 0);
    let (got, info) = read(&bytes);
    assert_eq!(got, expected(&sent));
    assert_eq!(notices(&info), ["file-damaged"]);
}

#[test]
fn a_length_of_four_gigabytes_allocates_nothing() {
    let mut bytes = LITTLE.pcap(0xa1b2_c3d4, u32::MAX, 1, &packets(1));
    for field in [5, 6, u32::MAX, u32::MAX] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.resize(bytes.len() + 100_000, 0x55);
    let (got, info) = read(&bytes);
    assert_eq!((got.len(), info.incomplete), (1, true));
}

#[test]
fn a_header_alone_is_an_empty_capture() {
    let (got, info) = read(&LITTLE.pcap(0xa1b2_c3d4, 65_535, 1, &[]));
    assert!(got.is_empty() && !info.incomplete && info.first_time.is_none());
}

#[test]
fn large_packets_grow_the_buffer() {
    let big = |n: usize| Sent { nanos: 1_792_000_000_000_000_000, data: vec![n as u8; n], original: n as u32 };
    let sent: Vec<Sent> = [200_000, 262_144, 10, 262_000].map(big).to_vec();
    let (got, info) = read(&LITTLE.pcap(0xa1b2_c3d4, 262_144, 1, &sent));
    assert_eq!(got, expected(&sent));
    assert!(!info.incomplete);
}
