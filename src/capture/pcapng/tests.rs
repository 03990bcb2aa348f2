//! Every block, in both byte orders, whole and broken.

use crate::base::{Frame, LinkType};
use crate::capture::SecretsKind;
use crate::capture::written::{Got, In, Sent, expected, notices, packets, read};

const LITTLE: In = In { big: false };
const BIG: In = In { big: true };

#[test]
fn both_byte_orders_give_the_same_packets() {
    let sent = packets(20);
    for order in [LITTLE, BIG] {
        let (got, info) = read(&order.pcapng(&sent));
        assert_eq!(got, expected(&sent));
        assert!(!info.incomplete && info.notices.is_empty());
    }
}

#[test]
fn sections_and_interfaces_differ_in_everything() {
    let sent = packets(4);
    let offset = 1_000_000_000_i64;
    let earlier = Sent { nanos: sent[3].nanos - offset * 1_000_000_000, ..sent[3].clone() };
    let mut bytes = LITTLE.section(&LITTLE.option(4, b"etl2pcapng"));
    bytes.extend(LITTLE.interface(1, 0, &LITTLE.option(2, b"eth0")));
    bytes.extend(LITTLE.interface(101, 96, &LITTLE.option(9, &[9])));
    bytes.extend(LITTLE.enhanced(1, 1, &sent[0], &[]));
    bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
    bytes.extend(BIG.section(&[]));
    bytes.extend(BIG.interface(276, 0, &BIG.option(9, &[3])));
    let mut options = BIG.option(14, &BIG.u64(offset as u64));
    options.extend(BIG.option(3, b"second"));
    bytes.extend(BIG.interface(0, 0, &options));
    bytes.extend(BIG.enhanced(0, 1_000_000, &sent[2], &[]));
    bytes.extend(BIG.enhanced(1, 1_000, &earlier, &[]));
    let (got, info) = read(&bytes);
    let seen: Vec<_> = got.iter().map(|p| (p.1, p.2, p.3)).collect();
    let times: Vec<_> = sent.iter().map(|p| p.nanos).collect();
    assert_eq!(seen, [(times[0], 101, 1), (times[1], 1, 0), (times[2], 276, 0), (times[3], 0, 1)]);
    assert_eq!(info.link_types, [LinkType::RAW, LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::NULL]);
    assert_eq!(info.written_by.as_deref(), Some("etl2pcapng"));
    let names: Vec<_> = info.interfaces.iter().map(|i| (i.name.as_deref(), i.snap_len)).collect();
    assert_eq!(names, [(Some("eth0"), None), (None, Some(96)), (None, None), (None, None)]);
    assert_eq!(info.interfaces[3].description.as_deref(), Some("second"));
}

#[test]
fn every_kind_of_block_is_read_or_passed_over() {
    let sent = packets(4);
    let o = LITTLE;
    let mut bytes = o.section(&o.option(1, b"from the branch office"));
    bytes.extend(o.interface(1, 50, &[]));
    let mut options = o.option(1, b"PID=4");
    options.extend(o.option(5, &o.u64(0xfeed)));
    options.extend(o.option(4, &o.u64(3)));
    bytes.extend(o.enhanced(0, 1_000, &sent[0], &options));
    // Name resolution, an unknown block, secrets.
    bytes.extend(o.block(4, &[0; 8]));
    bytes.extend(o.block(0x7777, &[1, 2, 3]));
    let log = b"CLIENT_RANDOM 00 11\n";
    let mut secrets = o.u32(0x544c_534b).to_vec();
    secrets.extend(o.u32(log.len() as u32));
    secrets.extend(log);
    bytes.extend(o.block(10, &secrets));
    // A simple packet, cut to the snap length.
    let long = Sent { data: vec![7; 50], original: 1_514, ..sent[1].clone() };
    let mut simple = o.u32(1_514).to_vec();
    simple.extend(&long.data);
    bytes.extend(o.block(3, &simple));
    // The obsolete packet block, with two losses.
    let ticks = (sent[2].nanos / 1_000) as u64;
    let mut old = [0, 0, 2, 0].to_vec();
    old.extend(o.u32((ticks >> 32) as u32));
    old.extend(o.u32(ticks as u32));
    old.extend(o.u32(sent[2].data.len() as u32));
    old.extend(o.u32(sent[2].original));
    old.extend(&sent[2].data);
    bytes.extend(o.block(2, &old));
    let (got, info) = read(&bytes);
    let simple: Got = (2, sent[0].nanos, 1, 0, None, long.data, 1_514);
    let mut expected = expected(&sent[..3]);
    expected[0].4 = Some(0xfeed);
    expected[1] = simple;
    assert_eq!(got, expected);
    assert_eq!(notices(&info), ["time-missing"]);
    assert_eq!(info.secrets[0].kind, SecretsKind::TLS_KEY_LOG);
    assert_eq!(info.secrets[0].data.expose(), log);
    assert!(!format!("{info:?}").contains("CLIENT_RANDOM"));
    let comments: Vec<_> = info.comments.iter().map(|c| (c.frame, c.text.as_str())).collect();
    assert_eq!(comments, [(None, "from the branch office"), (Some(Frame::new(0, 1)), "PID=4")]);
    assert_eq!((info.dropped, info.cut_packets), (Some(5), 2));
}

#[test]
fn statistics_count_losses_and_the_last_ones_count() {
    let statistics = |interface, options: &[u8]| {
        let mut body = BIG.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(options);
        BIG.block(5, &body)
    };
    let count = |code, n: u64| BIG.option(code, &BIG.u64(n));
    let mut bytes = BIG.pcapng(&packets(1));
    bytes.extend(BIG.interface(1, 0, &[]));
    bytes.extend(statistics(0, &[count(4, 100), count(5, 7)].concat()));
    bytes.extend(statistics(1, &count(5, 1)));
    bytes.extend(statistics(0, &[count(4, 200), count(5, 8), count(7, 2)].concat()));
    bytes.extend(statistics(9, &count(5, 1_000)));
    let (_, info) = read(&bytes);
    assert_eq!(info.dropped, Some(11));
    assert_eq!((info.interfaces[0].received, info.interfaces[0].dropped), (Some(200), Some(10)));
}

#[test]
fn a_cut_anywhere_gives_all_before_it() {
    let sent = packets(5);
    let whole = BIG.pcapng(&sent);
    let mut ends = vec![28, 48];
    for packet in &sent {
        ends.push(ends.last().unwrap() + 32 + packet.data.len().next_multiple_of(4));
    }
    for cut in 28..whole.len() {
        let (got, info) = read(&whole[..cut]);
        let complete = ends.iter().filter(|end| **end <= cut).count().saturating_sub(2);
        assert_eq!(got, expected(&sent)[..complete], "cut at {cut}");
        assert_eq!(info.incomplete, !ends.contains(&cut), "cut at {cut}");
        if info.incomplete {
            assert_eq!(notices(&info), ["file-cut-short"], "cut at {cut}");
        }
    }
}

#[test]
fn a_hole_costs_only_what_it_covers() {
    let sent = packets(40);
    for fill in [0, 0xff, 6] {
        let mut bytes = LITTLE.pcapng(&sent);
        bytes[1_001..1_300].fill(fill);
        let (got, info) = read(&bytes);
        assert_eq!(notices(&info), ["file-damaged"]);
        assert_eq!(
            got[..9].iter().map(|p| &p.5).collect::<Vec<_>>(),
            sent[..9].iter().map(|p| &p.data).collect::<Vec<_>>()
        );
        assert_eq!(got.last().unwrap().5, sent[39].data);
        assert!(got.len() >= 34, "{}", got.len());
    }
}

#[test]
fn hostile_lengths_neither_allocate_nor_loop() {
    let sent = packets(2);
    for len in [0, 4, 11, 12, 13, 0x7fff_fffc, u32::MAX] {
        let mut bytes = LITTLE.pcapng(&sent[..1]);
        bytes.extend(LITTLE.u32(6));
        bytes.extend(LITTLE.u32(len));
        bytes.resize(bytes.len() + 64, 0xee);
        bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
        let (got, info) = read(&bytes);
        assert_eq!(got, expected(&sent), "{len}");
        assert!(info.incomplete);
    }
}

#[test]
fn a_packet_longer_than_its_block_gives_what_is_there() {
    let mut bytes = LITTLE.pcapng(&packets(1));
    let at = 48 + 20;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let (got, info) = read(&bytes);
    assert_eq!((got.len(), got[0].5.len()), (1, 40));
    assert!(info.incomplete);
}

#[test]
fn a_packet_of_no_interface_is_passed_over() {
    let sent = packets(2);
    let mut bytes = LITTLE.pcapng(&[]);
    bytes.extend(LITTLE.enhanced(3, 1_000, &sent[0], &[]));
    bytes.extend(LITTLE.enhanced(0, 1_000, &sent[1], &[]));
    let (got, info) = read(&bytes);
    assert_eq!(got.len(), 1);
    assert_eq!(notices(&info), ["interface-unknown"]);
}

#[test]
fn a_million_interfaces_stay_within_bounds() {
    let mut bytes = LITTLE.section(&[]);
    for _ in 0..70_000 {
        bytes.extend(LITTLE.interface(1, 0, &[]));
    }
    bytes.extend(LITTLE.enhanced(65_535, 1_000, &packets(1)[0], &[]));
    let (got, info) = read(&bytes);
    assert_eq!((got.len(), info.interfaces.len()), (1, 1_024));
    assert_eq!(notices(&info), ["capture-details-limit"]);
}

#[test]
fn frames_are_numbered_as_wireshark_does() {
    let sent = packets(4);
    let mut bytes = LITTLE.pcapng(&sent[..1]);
    for (kind, packet) in [(9, &sent[1]), (0xbad, &sent[2]), (0x4000_0bad, &sent[3])] {
        bytes.extend(LITTLE.block(kind, b"\xb1\x7e\0\0text"));
        bytes.extend(LITTLE.block(0x7777, b"counts for nothing"));
        bytes.extend(LITTLE.enhanced(0, 1_000, packet, &[]));
    }
    let numbers: Vec<u64> = read(&bytes).0.iter().map(|p| p.0).collect();
    assert_eq!(numbers, [1, 3, 5, 7], "journal entries and custom blocks are frames, unknown blocks are not");
}
