//! Packets of several captures come in the order of their times.

use std::io;

use super::*;
use crate::capture::written::{In, Sent, packets};

fn pcap(sent: &[Sent]) -> Vec<u8> {
    In { big: false }.pcap(0xa1b2_3c4d, 65_535, 1, sent)
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    #[expect(clippy::disallowed_methods, reason = "a test makes its input")]
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Capture and frame number of every packet, in the order given.
fn order(timeline: &mut Timeline) -> Vec<(u32, u64)> {
    let mut order = Vec::new();
    while let Some(packet) = timeline.next_packet() {
        order.push((packet.frame.capture.0, packet.frame.number));
    }
    assert!(timeline.next_packet().is_none());
    order
}

/// The same, taken in runs of at most `most`.
fn order_in_runs(timeline: &mut Timeline, most: usize) -> Vec<(u32, u64)> {
    let mut order = Vec::new();
    loop {
        let before = order.len();
        let more = timeline.next_packets(&mut |packet: &Packet<'_>| {
            order.push((packet.frame.capture.0, packet.frame.number));
            order.len() < before + most
        });
        assert!(order.len() - before <= most && more == (order.len() > before));
        if !more {
            return order;
        }
    }
}

#[test]
fn runs_of_packets_are_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (at(&[30, 30, 30, 50, 45, 60]), at(&[5, 30, 30, 31, 70]));
    for second in [pcap(&b), In { big: false }.pcapng(&b)] {
        let sources = || {
            vec![
                Source::Path(write(&folder, "a", &pcap(&a))),
                Source::Path(write(&folder, "b", &second)),
                Source::Path(write(&folder, "c", &pcap(&at(&[30, 100])))),
            ]
        };
        let expected = order(&mut Timeline::new(sources(), CaptureOptions::default()));
        for most in [1, 2, 3, 100] {
            let mut timeline = Timeline::new(sources(), CaptureOptions::default());
            assert_eq!(order_in_runs(&mut timeline, most), expected, "{most}");
            let counts: Vec<_> = timeline.captures().map(|info| (info.packets, info.bytes)).collect();
            assert_eq!(counts, [(6, 120), (5, 100), (2, 40)]);
            assert_eq!(timeline.captures().next().unwrap().last_time, Some(CaptureTime::from_nanos(60_000_000)));
        }
    }
}

fn at(milliseconds: &[i64]) -> Vec<Sent> {
    milliseconds.iter().map(|ms| Sent { nanos: ms * 1_000_000, data: vec![1; 20], original: 20 }).collect()
}

#[test]
fn packets_come_in_the_order_of_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let sources = vec![
        Source::Path(write(&folder, "a", &pcap(&at(&[10, 30, 50])))),
        Source::Path(write(&folder, "b", &pcap(&at(&[5, 30, 31])))),
        Source::Path(write(&folder, "c", &pcap(&at(&[])))),
        Source::Path(write(&folder, "d", &pcap(&at(&[100, 60, 101])))),
    ];
    let mut timeline = Timeline::new(sources, CaptureOptions::default());
    let expected = [(1, 1), (0, 1), (0, 2), (1, 2), (1, 3), (0, 3), (3, 1), (3, 2), (3, 3)];
    assert_eq!(order(&mut timeline), expected, "a clock that runs back reorders nothing");
    let counts: Vec<_> = timeline.captures().map(|info| info.packets).collect();
    assert_eq!(counts, [3, 3, 0, 3]);
    assert!(!timeline.is_incomplete());
    let progress = timeline.progress();
    assert_eq!(Some(progress.read), progress.total);
}

#[test]
fn a_folder_is_every_capture_in_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "ring_00002.cap", &pcap(&at(&[3, 4])));
    write(&folder, "ring_00001.dat", &pcap(&at(&[1, 2])));
    write(&folder, "notes.txt", b"Dear support,\n");
    write(&folder, "empty", b"");
    std::fs::create_dir(folder.path().join("deeper")).unwrap();
    let again = Source::Path(folder.path().join("ring_00001.dat"));
    let missing = Source::Path(folder.path().join("missing"));
    let sources = vec![Source::Path(folder.path().to_owned()), again, missing];
    let mut timeline = Timeline::new(sources, CaptureOptions { sha256: true });
    assert_eq!(order(&mut timeline), [(0, 1), (0, 2), (1, 1), (1, 2)]);
    let notices: Vec<_> = timeline.notices().list().iter().map(|n| (n.kind, n.count)).collect();
    assert_eq!(notices, [(FILE_PASSED_OVER, 2), (FILE_REPEATED, 1)]);
    assert_eq!(timeline.problems().len(), 1);
    assert!(timeline.problems()[0].to_string().contains("there is no such file"));
    assert!(timeline.captures().all(|info| info.sha256.is_some()));
    assert!(timeline.is_incomplete());
}

#[test]
fn a_damaged_capture_in_a_folder_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let good = pcap(&packets(2));
    let damaged = |at: usize| [&good[..at], &[good[at] ^ 1], &good[at + 1..]].concat();
    write(&folder, "a.pcap", &good);
    write(&folder, "first.pcap", &damaged(3));
    write(&folder, "version", &damaged(4));
    write(&folder, "empty.pcap", b"");
    write(&folder, "notes.cap", b"Dear support,\n");
    write(&folder, "notes.txt", b"Dear support,\n");
    write(&folder, "scrap", &damaged(3));
    write(&folder, "x.zip", b"PK\x03\x04 and more");
    let timeline = Timeline::new(vec![Source::Path(folder.path().to_owned())], CaptureOptions::default());
    let says: Vec<_> = timeline.problems().iter().map(ToString::to_string).collect();
    let about = ["first.pcap: this is nothing that is known", "notes.cap: this is a text"];
    assert_eq!(says.len(), 3, "{says:?}");
    for (says, about) in says.iter().zip(about.into_iter().chain(["version: this is a pcap of the unknown version 3."]))
    {
        assert!(says.contains(about), "{says}");
    }
    assert_eq!(timeline.passed_over().count(), 4);
    assert!(timeline.is_incomplete());
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_opened_for_lying_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "b.pcap", &pcap(&packets(2)));
    std::os::unix::fs::symlink("b.pcap", folder.path().join("a.pcap")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zeros.pcap")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let mut timeline = Timeline::new(vec![Source::Path(folder.path().to_owned())], CaptureOptions::default());
    assert_eq!(order(&mut timeline), [(0, 1), (0, 2)], "a link to a file is that file");
    assert!(!timeline.is_incomplete(), "{:?}", timeline.problems());
    let notices: Vec<_> = timeline.notices().list().iter().map(|n| (n.kind, n.count)).collect();
    assert_eq!(notices, [(FILE_REPEATED, 1), (FILE_PASSED_OVER, 2)]);
    let says = &timeline.notices().list()[1].says;
    assert!(says.contains("socket: this is a pipe, a socket or a device"), "{says}");
    // Whoever names it wants it.
    let timeline = Timeline::new(vec![Source::Path(folder.path().join("zeros.pcap"))], CaptureOptions::default());
    assert!(timeline.problems()[0].to_string().contains("it begins with 00 00 00 00"));
}

#[test]
fn what_is_no_capture_does_not_stop_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let zip = Source::Path(write(&folder, "a.zip", b"PK\x03\x04 and more"));
    let good = Source::Path(write(&folder, "b.pcap", &pcap(&packets(2))));
    let mut timeline = Timeline::new(vec![zip, good], CaptureOptions::default());
    assert_eq!(order(&mut timeline), [(0, 1), (0, 2)]);
    assert!(timeline.problems()[0].to_string().contains("this is a zip archive"));
}

#[test]
fn a_pipe_joins_the_timeline() {
    let folder = tempfile::tempdir().unwrap();
    let file = Source::Path(write(&folder, "a", &pcap(&at(&[10, 30]))));
    let bytes = pcap(&at(&[20, 40]));
    let pipe = Source::Reader { name: "-".into(), reader: Box::new(io::Cursor::new(bytes)) };
    let mut timeline = Timeline::new(vec![file, pipe], CaptureOptions::default());
    assert_eq!(order(&mut timeline), [(0, 1), (1, 1), (0, 2), (1, 2)]);
    assert_eq!(timeline.progress().total, None);
}

#[test]
fn a_long_ring_is_open_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let ring = 300_i64;
    for i in 0..ring {
        write(&folder, &format!("{i:05}"), &pcap(&at(&[i * 10, i * 10 + 5, i * 10 + 12])));
    }
    let mut timeline = Timeline::new(vec![Source::Path(folder.path().to_owned())], CaptureOptions::default());
    let (mut last, mut most, mut count) = (i64::MIN, 0, 0);
    while let Some(packet) = timeline.next_packet() {
        let time = packet.time.nanos();
        assert!(time >= last);
        (last, count) = (time, count + 1);
        most = most.max(timeline.members.iter().filter(|m| matches!(m, Member::Open(_))).count());
    }
    assert_eq!((count, most), (ring * 3, 2));
}

#[test]
fn too_many_at_once_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..MAX_OPEN + 5 {
        write(&folder, &format!("{i:05}"), &pcap(&at(&[i as i64, 1_000])));
    }
    let mut timeline = Timeline::new(vec![Source::Path(folder.path().to_owned())], CaptureOptions::default());
    assert_eq!(order(&mut timeline).len(), 2 * (MAX_OPEN + 5));
    assert_eq!(timeline.notices().list()[0].kind, TIMELINE_LIMIT);
}

#[test]
fn ring_files_are_one_point_of_view_and_parallel_captures_are_two() {
    let mut vantages = Vantages::default();
    assert_eq!(vantages.of(0), 0);
    vantages.ended(0);
    assert_eq!(vantages.of(1), 0);
    assert_eq!(vantages.of(2), 1);
    vantages.ended(1);
    assert_eq!(vantages.of(3), 0);
}
