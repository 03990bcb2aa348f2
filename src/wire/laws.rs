//! What holds for every frame of this floor, whatever its link type and tunnels.

use core::net::IpAddr;

use proptest::prelude::*;

use super::frame_samples::{self, CONNECTION_REQUEST, Sample};
use super::{Decoded, Glance, Hint, Look, Outline, Plain, Segment, TcpFlags, TcpOptions, V4, V6, decode, peek};
use crate::base::LinkType;

fn wire_len(frame: &[u8]) -> u32 {
    u32::try_from(frame.len()).unwrap()
}

/// Every frame there is.
fn frames() -> Vec<(LinkType, Vec<u8>)> {
    frame_samples::all()
        .into_iter()
        .map(|sample| (sample.link, sample.frame))
        .chain(frame_samples::others().into_iter().map(|(_, link, frame)| (link, frame)))
        .collect()
}

fn decode_whole(sample: &Sample) -> Decoded<'_> {
    decode(sample.link, &sample.frame, wire_len(&sample.frame))
}

#[test]
fn every_sample_leads_to_the_connection_request() {
    for sample in frame_samples::all() {
        let name = sample.name;
        let Decoded::Tcp(segment) = decode_whole(&sample) else {
            panic!("{name}: {:?}", decode_whole(&sample));
        };
        // Where the headers give no length, the trailer cannot be told from the payload.
        assert_eq!(segment.payload, CONNECTION_REQUEST, "{name}");
        assert_eq!(segment.payload_len, 19, "{name}");
        assert_eq!(segment.tcp.destination_port, 3389, "{name}");
        assert_eq!(segment.tunnels, sample.tunnels, "{name}");
        assert_eq!(segment.vlan, sample.vlan, "{name}");
        assert_eq!(segment.source_mac, sample.source_mac, "{name}");
    }
}

#[test]
fn a_frame_cut_anywhere_gives_what_it_has_and_no_more() {
    for sample in frame_samples::all() {
        let Decoded::Tcp(whole) = decode_whole(&sample) else { panic!("{}", sample.name) };
        for end in 0..sample.frame.len() {
            let cut = &sample.frame[..end];
            let Decoded::Tcp(part) = decode(sample.link, cut, wire_len(&sample.frame)) else { continue };
            assert_eq!((part.tcp.source_port, part.tcp.seq), (whole.tcp.source_port, whole.tcp.seq));
            assert_eq!((part.tcp.flags, part.tcp.window), (whole.tcp.flags, whole.tcp.window));
            assert_eq!((part.payload_len, part.ip), (whole.payload_len, whole.ip), "{} at {end}", sample.name);
            assert!(whole.payload.starts_with(part.payload));
            assert!(part.payload.len() < 19 || part.payload == whole.payload);
            let has_options = part.tcp.options == whole.tcp.options;
            assert!(has_options != part.tcp.options.cut_short, "{} at {end}", sample.name);
        }
    }
}

#[test]
fn peek_and_decode_agree_at_every_length() {
    for (link, frame) in frames() {
        for end in 0..=frame.len() {
            let cut = &frame[..end];
            check_bounds(cut, &decode(link, cut, wire_len(&frame)));
            check_peek(link, cut, wire_len(&frame));
            check_plain(link, cut, wire_len(&frame));
        }
    }
}

#[test]
fn the_header_alone_is_enough() {
    // 16 of 20 bytes of the TCP header: up to the window.
    for sample in frame_samples::all() {
        let header_end = sample.frame.len() - 19 - 32 + 16;
        if sample.name == "ethernet, trailer" {
            continue;
        }
        let cut = &sample.frame[..header_end];
        let decoded = decode(sample.link, cut, wire_len(&sample.frame));
        assert!(matches!(decoded, Decoded::Tcp(Segment { payload: [], payload_len: 19, .. })), "{}", sample.name);
        let decoded = decode(sample.link, &cut[..header_end - 1], wire_len(&sample.frame));
        assert!(matches!(decoded, Decoded::Failed(_)), "{}", sample.name);
    }
}

#[test]
fn peek_sees_the_plain_shapes() {
    let seen: Vec<_> = frame_samples::all()
        .iter()
        .filter(|sample| matches!(peek(sample.link, &sample.frame), Glance::Tcp { .. }))
        .map(|sample| sample.name)
        .collect();
    for name in ["ethernet, IPv4", "802.1ad, 802.1Q", "SLL", "SLL2, IPv6", "raw, IPv6", "NULL, macOS IPv6"] {
        assert!(seen.contains(&name), "{name} in {seen:?}");
    }
    assert!(frame_samples::all().iter().all(|sample| sample.tunnels == 0 || !seen.contains(&sample.name)));
}

/// The law of `peek`.
fn check_peek(link: LinkType, frame: &[u8], original_len: u32) {
    match (peek(link, frame), decode(link, frame, original_len)) {
        (Glance::Unclear, _) => {}
        (Glance::Tcp { source_port, destination_port, flags, payload }, Decoded::Tcp(segment)) => {
            assert_eq!((source_port, destination_port), (segment.tcp.source_port, segment.tcp.destination_port));
            assert_eq!(flags, segment.tcp.flags);
            assert_eq!(payload.as_ptr_range(), segment.payload.as_ptr_range());
            assert_eq!(segment.tunnels, 0);
        }
        (Glance::Udp { source_port, destination_port }, Decoded::Udp(datagram)) => {
            assert_eq!((source_port, destination_port), (datagram.source_port, datagram.destination_port));
        }
        (glance, decoded) => panic!("{link}: peek says {glance:?}, decode {decoded:?}"),
    }
}

fn plain(link: LinkType, frame: &[u8], original_len: u32) -> Option<Segment<'_>> {
    Plain::of(link, frame)?.segment(original_len)
}

/// The laws of `Plain` and `Hint`: what one gives, `decode` gives; what the other
/// gives, `Plain` gives.
fn check_plain(link: LinkType, frame: &[u8], original_len: u32) {
    if let Some(hint) = Hint::of(link, frame) {
        let plain = Plain::of(link, frame).expect("what gives a hint is plain");
        assert_eq!(format!("{:?}", Plain::hinted(frame)), format!("{:?}", Some(plain)));
        assert_eq!((hint.ports, hint.flags), (plain.ports(), plain.flags()));
        assert!(plain.payload().first().is_none_or(|first| *first == hint.first()), "{hint:?} of {plain:?}");
    }
    let Some(plain) = plain(link, frame, original_len) else { return };
    let Decoded::Tcp(segment) = decode(link, frame, original_len) else {
        panic!("{link}: plain says {plain:?}, decode {:?}", decode(link, frame, original_len));
    };
    assert_eq!(format!("{plain:?}"), format!("{segment:?}"));
    assert_eq!(plain.payload.as_ptr_range(), segment.payload.as_ptr_range());
    check_outline(link, frame, &segment);
}

/// The law of the outline: what it says, the segment says.
fn check_outline(link: LinkType, frame: &[u8], segment: &Segment<'_>) {
    let Some(plain) = Plain::of(link, frame) else { return };
    assert!(!plain.is_v4() || plain.outline::<V6>().is_none());
    let Segment { ip, tcp, .. } = segment;
    let mac = segment.source_mac.unwrap_or_default();
    let numbers = |src: &[u8], dst: &[u8]| -> Vec<u64> {
        let bytes = [src, dst].concat();
        bytes.chunks(8).map(|eight| u64::from_ne_bytes(eight.try_into().unwrap())).collect()
    };
    match (ip.src, ip.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let Some(outline) = plain.outline::<V4>() else { return };
            assert_eq!(outline.addresses::<1>().to_vec(), numbers(&src.octets(), &dst.octets()));
            // One bit that nobody uses may be set (RFC 791 §3.1).
            let has_odd_bit = frame.get(20).is_some_and(|flags| flags & 0x80 != 0);
            assert!(Look::v4(mac, ip.dont_fragment, ip.ttl) == outline.look() || has_odd_bit);
            agrees(&outline, segment);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let Some(outline) = plain.outline::<V6>() else { return };
            assert_eq!(outline.addresses::<4>().to_vec(), numbers(&src.octets(), &dst.octets()));
            assert_eq!(Look::v6(mac, ip.flow_label.unwrap(), ip.ttl), outline.look());
            agrees(&outline, segment);
        }
        _ => panic!("two families in one packet"),
    }
    let timestamps_alone = TcpOptions { timestamps: tcp.options.timestamps, ..TcpOptions::default() };
    assert_eq!((tcp.options, tcp.flags.0 & !TcpFlags::PSH), (timestamps_alone, TcpFlags::ACK));
}

fn agrees<const HEADERS: usize>(outline: &Outline<'_, HEADERS>, segment: &Segment<'_>) {
    let Segment { ip, tcp, .. } = segment;
    let ports = [tcp.source_port.to_be_bytes(), tcp.destination_port.to_be_bytes()].concat();
    assert_eq!(outline.ports().to_ne_bytes().to_vec(), ports);
    assert_eq!((outline.seq(), outline.ack(), outline.flags()), (tcp.seq, tcp.ack, tcp.flags));
    assert_eq!((outline.window(), outline.id()), (tcp.window, ip.id));
    let timestamps = tcp.options.timestamps;
    assert_eq!((outline.timestamps(), outline.has_timestamps()), (timestamps, timestamps.is_some()));
    assert_eq!(outline.payload.as_ptr_range(), segment.payload.as_ptr_range());
    assert_eq!((wire_len(outline.payload), outline.total_len()), (segment.payload_len, ip.total_len));
}

#[test]
fn a_session_is_seen_in_outline() {
    let samples = frame_samples::all();
    for (name, flags_at) in [("ethernet, IPv4", 47), ("ethernet, IPv6", 67)] {
        let sample = samples.iter().find(|sample| sample.name == name).unwrap();
        let is_seen = |frame: &[u8]| {
            let plain = Plain::of(sample.link, frame);
            plain.is_some_and(|plain| plain.outline::<V4>().is_some() || plain.outline::<V6>().is_some())
        };
        let mut frame = sample.frame.clone();
        assert!(is_seen(&frame), "{name}");
        frame[flags_at] |= TcpFlags::FIN;
        assert!(!is_seen(&frame), "{name}");
        frame[flags_at] &= !TcpFlags::FIN;
        assert!(!is_seen(&frame[..frame.len() - 1]), "{name}: not captured whole");
    }
}

#[test]
fn plain_sees_what_most_captures_hold() {
    let hinted = |sample: &Sample| Hint::of(sample.link, &sample.frame).is_some();
    assert!(frame_samples::all().iter().any(|sample| sample.name == "ethernet, IPv4" && hinted(sample)));
    let seen: Vec<_> = frame_samples::all()
        .iter()
        .filter(|sample| plain(sample.link, &sample.frame, wire_len(&sample.frame)).is_some())
        .map(|sample| sample.name)
        .collect();
    for name in ["ethernet, IPv4", "ethernet, IPv6", "ethernet, trailer"] {
        assert!(seen.contains(&name), "{name} in {seen:?}");
    }
    assert!(frame_samples::all().iter().all(|sample| sample.tunnels == 0 || !seen.contains(&sample.name)));
}

/// Lengths never contradict the bytes, and every slice lies in the frame.
fn check_bounds(frame: &[u8], decoded: &Decoded<'_>) {
    let (bytes, len) = match decoded {
        Decoded::Tcp(segment) => (segment.payload, segment.payload_len),
        Decoded::Udp(datagram) => (datagram.payload, datagram.payload_len),
        Decoded::Fragment(fragment) => (fragment.bytes, fragment.len),
        Decoded::IcmpError(_) | Decoded::Other | Decoded::Failed(_) => return,
    };
    assert!(wire_len(bytes) <= len);
    let (inner, outer) = (bytes.as_ptr_range(), frame.as_ptr_range());
    assert!(bytes.is_empty() || outer.start <= inner.start && inner.end <= outer.end);
}

fn any_link() -> impl Strategy<Value = LinkType> {
    proptest::sample::select(LinkType::NAMED)
}

/// A sample with a few bytes changed, cut, and with a claimed length.
fn mutated_sample() -> impl Strategy<Value = (LinkType, Vec<u8>, u32)> {
    let frames = frames();
    let edits = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    (proptest::sample::select(frames), edits, 0..24_usize, any::<Option<u16>>()).prop_map(
        |((link, mut frame), edits, cut, original_len)| {
            for (at, byte) in edits {
                // The headers are in front; a change in the payload tells nothing.
                let end = frame.len().min(110);
                frame[at.index(end)] = byte;
            }
            frame.truncate(frame.len() - cut.min(frame.len()));
            let original_len = original_len.map_or(wire_len(&frame), u32::from);
            (link, frame, original_len)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(link in any_link(), frame in proptest::collection::vec(any::<u8>(), 0..200), len: u32) {
        check_bounds(&frame, &decode(link, &frame, len));
        check_peek(link, &frame, len);
        check_plain(link, &frame, len);
    }

    #[test]
    fn a_damaged_sample_is_survived((link, frame, len) in mutated_sample()) {
        check_bounds(&frame, &decode(link, &frame, len));
        check_peek(link, &frame, len);
        check_plain(link, &frame, len);
    }
}
