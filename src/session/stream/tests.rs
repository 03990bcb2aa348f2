//! Records, whole, in pieces, with gaps, and lost.

use super::*;
use crate::base::{CaptureTime, Frame};
use proptest::prelude::*;

/// The kinds and lengths that `chunks` give; a chunk of `None` is a gap of
/// so many bytes.
fn units(stream: &mut Stream, bytes: &[u8]) -> Vec<(String, u64, Vec<u8>)> {
    let mut data = bytes;
    let mut all = Vec::new();
    while let Some(unit) = stream.next(&mut data) {
        let kind = match unit.kind {
            Kind::Record(header) => format!("{:?}", header.content_type.0),
            kind => format!("{kind:?}"),
        };
        let tentative = if unit.is_tentative { "?" } else { "" };
        all.push((kind + tentative, unit.len, unit.head.into_owned()));
    }
    all
}

fn kinds(stream: &mut Stream, bytes: &[u8]) -> String {
    units(stream, bytes).iter().map(|(kind, len, _)| format!("{kind}:{len}")).collect::<Vec<_>>().join(" ")
}

fn gap(bytes: u64, cause: GapCause) -> Gap {
    Gap { bytes, cause, frame: Frame::new(0, 1), time: CaptureTime::default() }
}

fn record(kind: u8, len: u8) -> Vec<u8> {
    [&[kind, 3, 3, 0, len][..], &vec![0xaa; len.into()]].concat()
}

#[test]
fn the_first_bytes_tell_what_follows() {
    let request = [3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 0, 0];
    let stream = [&request[..], &record(22, 9), &record(20, 1), &record(23, 30), &[0xc4, 4, 1, 2]].concat();
    assert_eq!(kinds(&mut Stream::default(), &stream), "Tpkt:11 22:14 20:6 23:35 FastPath:4");
    let blob = [&[16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0][..], &request].concat();
    assert_eq!(kinds(&mut Stream::default(), &blob), "Preconnection:16 Tpkt:11");
    let balanced = [b"PROXY TCP4 10.0.0.1 10.0.0.2 50000 3389\r\n", &request[..]].concat();
    assert_eq!(kinds(&mut Stream::default(), &balanced), "ProxyHeader:41 Tpkt:11");
    let mut stream = Stream::default();
    let (early, late) = balanced.split_at(30);
    assert_eq!(
        (kinds(&mut stream, early), kinds(&mut stream, late)),
        (String::new(), "ProxyHeader:41 Tpkt:11".to_owned())
    );
    let version_2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02ab", &request[..]].concat();
    assert_eq!(kinds(&mut Stream::default(), &version_2), "ProxyHeader:18 Tpkt:11");
    for foreign in
        ["SSH-2.0-x", "RFB 003.008\n", "GET / HTTP/1.1", "\x10\0\0\0\x01\0\0\0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
    {
        assert_eq!(kinds(&mut Stream::default(), foreign.as_bytes()), "Foreign:0", "{foreign}");
    }
    // A Modbus exception, and later messages of a stream that began as it should.
    let modbus = [3, 0, 0, 0x2b, 0, 3, 0, 0x80, 1];
    assert_eq!(kinds(&mut Stream::default(), &modbus), "Foreign:0");
    let other = [3, 0, 0, 11, 6, 0x60, 0, 0, 0, 0, 0];
    assert_eq!(kinds(&mut Stream::default(), &[&request[..], &other].concat()), "Tpkt:11 Tpkt:11");
}

#[test]
fn protected_bodies_are_not_kept() {
    let mut stream = Stream::default();
    assert_eq!(units(&mut stream, &record(22, 3)), [("22".to_owned(), 8, record(22, 3))]);
    stream.protected = true;
    let both = [record(22, 30), record(23, 40)].concat();
    for chunk in both.chunks(7) {
        assert!(units(&mut stream, chunk).iter().all(|(.., head)| head.is_empty()));
        assert!(stream.held.len() < record::HEADER_LEN);
    }
}

#[test]
fn a_gap_inside_a_body_is_counted_and_survived() {
    let mut stream = Stream { protected: true, ..Stream::default() };
    assert_eq!(kinds(&mut stream, &record(23, 100)[..50]), "");
    assert!(matches!(stream.state, State::Inside(Inside { have: 50, len: 105, .. })));
    let (unit, found) = stream.gap(&gap(20, GapCause::NotCaptured));
    assert!(unit.is_none() && found);
    assert_eq!(kinds(&mut stream, &[&[0; 35][..], &record(23, 1)].concat()), "23:105 23:6");
    assert_eq!(kinds(&mut stream, &record(23, 100)[..50]), "");
    let (unit, found) = stream.gap(&gap(55, GapCause::CutShort));
    assert!(unit.unwrap().is_damaged && found);
    assert_eq!(kinds(&mut stream, &record(21, 2)), "21:7");
}

#[test]
fn a_lost_boundary_is_found_again() {
    for lost in [gap(51, GapCause::NotCaptured), gap(0, GapCause::LateStart), gap(0, GapCause::Limit)] {
        let mut stream = Stream { protected: true, ..Stream::default() };
        kinds(&mut stream, &record(23, 100)[..55]);
        let (unit, found) = stream.gap(&lost);
        assert!(unit.is_none_or(|unit| unit.is_damaged) && !found, "{lost:?}");
        let noise = [&[23, 3, 9, 3, 0, 23, 23][..], &record(23, 30), &record(23, 31)].concat();
        assert_eq!(kinds(&mut stream, &noise), "23?:35 23:36", "{lost:?}");
    }
    let mut stream = Stream::default();
    stream.gap(&gap(0, GapCause::LateStart));
    let data = [3, 0, 0, 9, 2, 0xf0, 0x80, 0x21, 0x80];
    assert_eq!(kinds(&mut stream, &[&[9, 9, 3, 3][..], &data, &data].concat()), "Tpkt?:9 Tpkt:9");
}

#[test]
fn a_stream_that_loses_its_way_is_searched_from_there() {
    let mut stream = Stream::default();
    let bytes = [&record(23, 2)[..], &[0xff, 3, 3, 23, 3, 9], &record(23, 8), &record(21, 2)].concat();
    assert_eq!(kinds(&mut stream, &bytes), "23:7 Confused:0 23?:13 21:7");
}

proptest! {
    #[test]
    fn however_it_is_cut(seed in proptest::collection::vec(any::<(u8, u8)>(), 0..24), cuts in proptest::collection::vec(1usize..30, 1..20)) {
        let mut bytes = Vec::new();
        for (kind, len) in seed {
            match kind % 6 {
                0 => bytes.extend([&[3, 0, 0, len.max(7)][..], &vec![2; usize::from(len.max(7)) - 4]].concat()),
                1 => bytes.extend([&[0, len.clamp(2, 127)][..], &vec![1; usize::from(len.clamp(2, 127)) - 2]].concat()),
                5 => bytes.extend([len, kind]),
                _ => bytes.extend(record(20 + kind % 4, len.max(1))),
            }
        }
        let whole = units(&mut Stream::default(), &bytes);
        let (mut stream, mut pieces, mut rest) = (Stream::default(), Vec::new(), &bytes[..]);
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            pieces.extend(units(&mut stream, piece));
            rest = after;
            if rest.is_empty() { break }
        }
        prop_assert_eq!(pieces, whole);
    }
}
