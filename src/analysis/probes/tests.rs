//! What is told of those that are counted is what a look at each tells.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::analysis::{Analyzer, Batch, Connection};
use crate::base::{At, BySide, CaptureTime, Frame, Side, Span};
use crate::capture::Passed;
use crate::findings::{Link, Told};
use crate::wire::{IpFacts, Segment, TcpFlags, TcpHeader, TcpOptions};

const SYN: u8 = TcpFlags::SYN;
const ACK: u8 = TcpFlags::ACK;
const RST: u8 = TcpFlags::RST;

/// How a host writes one packet.
#[derive(Clone, Copy, Debug)]
struct Look {
    ttl: u8,
    id: u16,
    dont_fragment: bool,
    has_clock: bool,
    window: u16,
}

/// What follows the SYNs.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    /// A SYN-ACK; whether it answers the SYN.
    Answer(bool),
    /// A reset of the server with these bits; whether it answers the SYN.
    Refused(u8, bool),
    /// A SYN-ACK, and a reset of the client; whether it has the right number.
    TakenBack(u8, bool),
    /// A connection in use, which teaches how far its ends are, and a reset of
    /// the server.
    Used,
    /// A handshake that the client completed, some messages, and an end.
    Opened(&'static [Said], End),
}

/// A message: who says it, and what.
type Said = (Side, &'static [u8]);

/// How a side ends a connection: a reset with these bits, or a FIN.
#[derive(Clone, Copy, Debug)]
enum End {
    Nothing,
    Reset(Side, u8),
    Fin(Side),
}

const REQUEST: Said = (Side::Client, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0");
const CONFIRM: Said = (Side::Server, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0");
const ANOTHER: Said = (Side::Server, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x08\0\0\0");
const FAILURE: Said = (Side::Server, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x05\0\0\0");
const HELLO: Said = (Side::Client, b"\x16\x03\x01\0\x05\x01\0\0\x01\x03");

/// What is said before somebody leaves; the first is nothing.
const TALKS: [&[Said]; 6] =
    [&[], &[REQUEST], &[REQUEST, CONFIRM], &[REQUEST, FAILURE], &[REQUEST, ANOTHER], &[REQUEST, CONFIRM, HELLO]];

#[derive(Clone, Debug)]
struct Spec {
    ends: (u8, u8),
    v6: bool,
    start: i64,
    waits: Vec<i64>,
    then: Then,
    answer_after: i64,
    reset_after: i64,
    looks: [Look; 3],
    mss: Option<u16>,
}

const MS: i64 = 1_000_000;

fn look() -> impl Strategy<Value = Look> {
    let ttl = prop::sample::select(vec![128u8, 128, 64, 61, 125, 125, 124, 120, 255]);
    let id = prop::sample::select(vec![0u16, 0, 7, 8, 9, 10, 2_000]);
    let window = prop::sample::select(vec![0u16, 1024, 64_240]);
    (ttl, id, any::<bool>(), prop::bool::weighted(0.2), window)
        .prop_map(|(ttl, id, dont_fragment, has_clock, window)| Look { ttl, id, dont_fragment, has_clock, window })
}

fn then() -> impl Strategy<Value = Then> {
    let bits = prop::sample::select(vec![RST, RST | ACK, RST | ACK | TcpFlags::PSH]);
    prop_oneof![
        2 => Just(Then::Nothing),
        2 => prop::bool::weighted(0.9).prop_map(Then::Answer),
        4 => (bits.clone(), prop::bool::weighted(0.9)).prop_map(|(bits, fits)| Then::Refused(bits, fits)),
        4 => (bits, prop::bool::weighted(0.9)).prop_map(|(bits, fits)| Then::TakenBack(bits, fits)),
        1 => Just(Then::Used),
        6 => (prop::sample::select(&TALKS[..]), end()).prop_map(|(talk, end)| Then::Opened(talk, end)),
    ]
}

fn end() -> impl Strategy<Value = End> {
    let side = || prop::sample::select(vec![Side::Client, Side::Client, Side::Server]);
    prop_oneof![
        1 => Just(End::Nothing),
        4 => (side(), any::<bool>()).prop_map(|(side, acks)| End::Reset(side, RST | if acks { ACK } else { 0 })),
        2 => side().prop_map(End::Fin),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    // About the thresholds that there are: copies, round trips, silences, timers.
    let times = vec![0, 20_000, MS, 2 * MS, 4 * MS, 5 * MS - 1, 5 * MS, 40 * MS, 700 * MS, 3_000 * MS, 240_000 * MS];
    let waits = prop::collection::vec(prop::sample::select(vec![MS / 2, 400 * MS, 1_000 * MS, 3_000 * MS]), 0..4);
    let mss = prop::sample::select(vec![None, Some(1460), Some(1400)]);
    let after = prop::sample::select(times);
    (
        (0u8..4, 0u8..3),
        prop::bool::weighted(0.1),
        0i64..200_000,
        waits,
        then(),
        (after.clone(), after),
        [look(), look(), look()],
        mss,
    )
        .prop_map(|(ends, v6, start, waits, then, (answer_after, reset_after), looks, mss)| Spec {
            ends,
            v6,
            start: start * MS,
            // Mostly one SYN: with several, less is taken for alike.
            waits: if start % 3 == 0 { waits } else { Vec::new() },
            then,
            answer_after,
            reset_after,
            looks,
            mss,
        })
}

/// A packet: when, of which connection, of which side, with what.
#[derive(Clone, Copy, Debug)]
struct Line {
    time: i64,
    spec: usize,
    side: Side,
    look: Look,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: &'static [u8],
}

const ISN: u32 = u32::MAX;
const SERVER_ISN: u32 = 5_000;

fn lines(n: usize, spec: &Spec) -> Vec<Line> {
    let [client, server, reset] = spec.looks;
    let line = |time, side, look, flags, seq, ack| Line { time, spec: n, side, look, flags, seq, ack, payload: b"" };
    let mut all = vec![line(spec.start, Side::Client, client, SYN, ISN, 0)];
    let mut now = spec.start;
    for wait in &spec.waits {
        now += wait;
        all.push(line(now, Side::Client, client, SYN, ISN, 0));
    }
    let fits = |fits: bool| u32::from(!fits) * 9;
    let answered = now + spec.answer_after;
    let then = answered + spec.reset_after;
    let syn_ack = |right: bool| line(answered, Side::Server, server, SYN | ACK, SERVER_ISN, fits(right));
    match spec.then {
        Then::Nothing => {}
        Then::Answer(right) => all.push(syn_ack(right)),
        Then::Refused(bits, right) => all.push(line(answered, Side::Server, reset, bits, 0, fits(right))),
        Then::TakenBack(bits, right) => {
            all.push(syn_ack(true));
            all.push(line(then, Side::Client, reset, bits, fits(right), SERVER_ISN + 1));
        }
        Then::Opened(talk, end) => {
            all.push(syn_ack(true));
            let mut time = answered + spec.answer_after;
            let mut numbers = BySide { client: 0, server: SERVER_ISN + 1 };
            all.push(line(time, Side::Client, client, ACK, 0, numbers.server));
            let look = |side| if side == Side::Client { client } else { server };
            for &(side, payload) in talk {
                time += spec.reset_after;
                let (seq, ack) = (*numbers.of(side), *numbers.of(side.other()));
                all.push(Line { payload, ..line(time, side, look(side), ACK | TcpFlags::PSH, seq, ack) });
                *numbers.of_mut(side) += payload.len() as u32;
            }
            let last = |side: Side, look, bits| {
                let ack = if bits & ACK == 0 { 0 } else { *numbers.of(side.other()) };
                line(time + spec.reset_after, side, look, bits, *numbers.of(side), ack)
            };
            match end {
                End::Nothing => {}
                End::Reset(side, bits) => all.push(last(side, reset, bits)),
                End::Fin(side) => {
                    all.push(last(side, look(side), ACK | TcpFlags::FIN));
                    let ack = numbers.of(side) + 1;
                    let (other, seq) = (side.other(), *numbers.of(side.other()));
                    let after = time + spec.reset_after + MS;
                    all.push(line(after, other, look(other), ACK | TcpFlags::FIN, seq, ack));
                    all.push(line(after + MS, side, look(side), ACK, ack, seq + 1));
                }
            }
        }
        Then::Used => {
            all.push(syn_ack(true));
            // Beside the client, or a long way from it.
            let way = if spec.start % (2 * MS) == 0 { MS / 10 } else { 30 * MS };
            let (mut seq, mut time) = (SERVER_ISN + 1, answered + way);
            all.push(line(time, Side::Client, client, ACK, 0, seq));
            for n in 0..4 {
                all.push(Line { payload: b"hello", ..line(time + MS, Side::Client, client, ACK, 5 * n, seq) });
                all.push(Line { payload: b"you", ..line(time + 9 * MS, Side::Server, server, ACK, seq, 5 * n + 5) });
                (seq, time) = (seq + 3, time + 10 * MS + way);
            }
            all.push(line(time + spec.reset_after, Side::Server, reset, RST, seq, 0));
        }
    }
    all
}

fn ends(spec: &Spec, n: usize) -> [(IpAddr, u16); 2] {
    let ip = |host: u8| -> IpAddr {
        if spec.v6 { Ipv6Addr::from_bits(u128::from(host) + 1).into() } else { Ipv4Addr::new(10, 0, 0, host).into() }
    };
    [(ip(spec.ends.0), 1_024 + n as u16), (ip(100 + spec.ends.1), 3389)]
}

fn segment<'a>(line: &Line, spec: &Spec) -> Segment<'a> {
    let [client, server] = ends(spec, line.spec);
    let (from, to) = if line.side == Side::Client { (client, server) } else { (server, client) };
    let Look { ttl, id, dont_fragment, has_clock, window } = line.look;
    let options = TcpOptions {
        mss: spec.mss.filter(|_| line.flags & SYN != 0),
        timestamps: has_clock.then_some(((line.time / MS) as u32, 0)),
        ..TcpOptions::default()
    };
    Segment {
        ip: IpFacts {
            src: from.0,
            dst: to.0,
            ttl,
            id: (!spec.v6).then_some(id),
            dont_fragment,
            traffic_class: 0,
            flow_label: spec.v6.then_some(7),
            total_len: 40 + line.payload.len() as u32,
            reassembled: false,
        },
        source_mac: None,
        vlan: None,
        tunnels: 0,
        tcp: TcpHeader {
            source_port: from.1,
            destination_port: to.1,
            seq: line.seq,
            ack: line.ack,
            flags: TcpFlags(line.flags),
            window,
            options,
        },
        payload: line.payload,
        payload_len: line.payload.len() as u32,
    }
}

/// All that comes of them: the connections by id, what was told of those that
/// were counted, the attempts, and what is said of the capture.
struct Story {
    connections: BTreeMap<u32, String>,
    probes: Vec<(u32, Told, Link)>,
    attempts: Vec<String>,
    capture: String,
}

fn tell(specs: &[Spec], counts: bool, lost: Option<i64>) -> Story {
    let mut all: Vec<Line> = specs.iter().enumerate().flat_map(|(n, spec)| lines(n, spec)).collect();
    all.sort_by_key(|line| line.time);
    let mut analyzer = Analyzer::default();
    if counts {
        analyzer.count_probes();
    }
    let (mut connections, mut probes, mut attempts) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut take = |analyzer: &Analyzer, mut batch: Batch| {
        for probe in &batch.probes {
            probes.push((probe.id, probe.told, probe.link(probe.id)));
        }
        analyzer.make_whole(&mut batch);
        attempts.extend(batch.attempts.iter().map(|attempt| format!("{attempt:?}")));
        connections.extend(batch.connections.into_iter().map(|connection| (connection.id, connection)));
    };
    for (number, line) in (1..).zip(&all) {
        let at = At { frame: Frame::new(0, number), time: CaptureTime::from_nanos(line.time) };
        if let Some(spec) = specs.get(line.spec) {
            let Frame { capture, .. } = at.frame;
            analyzer.passed(Passed { packets: 1, capture, vantage: 0, last: at.time, latest: at.time });
            analyzer.table.segment(&segment(line, spec), at, 0);
        }
        analyzer.explain_finished();
        if analyzer.waiting() >= 40 {
            let batch = analyzer.settle(15, true);
            take(&analyzer, batch);
        }
    }
    if let Some(lost) = lost.map(CaptureTime::from_nanos) {
        analyzer.lost(1, lost, lost + Span::from_secs(5));
    }
    analyzer.watched.tell(&mut analyzer.table);
    while analyzer.table.finish_next() {
        analyzer.explain_finished();
    }
    let batch = analyzer.settle(0, true);
    take(&analyzer, batch);
    let capture = format!("{:?}", analyzer.conclude(0).findings);
    let connections: BTreeMap<u32, Connection> = connections;
    for (id, told, link) in &probes {
        let whole = &connections[id];
        let diagnosis = &whole.diagnosis;
        assert_eq!((told.outcome, told.how, told.by), (diagnosis.outcome, diagnosis.ended_how, diagnosis.ended_by));
        assert_eq!(told.verdict, diagnosis.verdict().map(|finding| (finding.id, finding.certainty)));
        let summary = Link { sentence: String::new(), ..whole.link() };
        assert_eq!(format!("{link:?}"), format!("{summary:?}"));
    }
    // When it was judged may differ, and nothing else.
    let said = |connection| format!("{:?}", Connection { acquaintance: None, ..connection });
    let connections = connections.into_iter().map(|(id, connection)| (id, said(connection))).collect();
    Story { connections, probes, attempts, capture }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn what_is_told_of_those_that_are_counted_is_what_a_look_at_each_tells(
        specs in prop::collection::vec(spec(), 1..160),
        lost in prop::option::weighted(0.2, (0..300_000i64).prop_map(|ms| ms * MS)),
    ) {
        let (whole, counted) = (tell(&specs, false, lost), tell(&specs, true, lost));
        prop_assert!(whole.probes.is_empty());
        prop_assert_eq!(&whole.attempts, &counted.attempts);
        for (id, connection) in &whole.connections {
            prop_assert!(Some(connection) == counted.connections.get(id), "connection {id}");
        }
        prop_assert_eq!(whole.capture, counted.capture);
    }
}

#[test]
fn hardly_any_probe_is_looked_at_by_itself() {
    let probe = |n: i64, then| Spec {
        ends: ((n % 4) as u8, (n % 3) as u8),
        v6: false,
        start: n * 10 * MS,
        waits: if matches!(then, Then::Nothing) { vec![1_000 * MS, 2_000 * MS] } else { Vec::new() },
        then,
        answer_after: (1 + n % 40) * MS,
        reset_after: 60 * MS,
        looks: [0, 1, 0].map(|of| Look {
            ttl: [128, 125][of],
            id: (n * 7 + of as i64) as u16,
            dont_fragment: true,
            has_clock: false,
            window: 1024,
        }),
        mss: Some(1460),
    };
    let left = Then::Opened(&[REQUEST, CONFIRM], End::Reset(Side::Client, RST | ACK));
    let closed = Then::Opened(&[], End::Fin(Side::Client));
    let kinds = [Then::Nothing, Then::Answer(true), Then::TakenBack(RST, true), left, closed];
    let specs: Vec<Spec> = (0..400).map(|n| probe(n, kinds[n as usize % 5])).collect();
    let story = tell(&specs, true, None);
    assert_eq!(story.connections.len(), 400);
    assert!(story.probes.len() > 350, "{}", story.probes.len());
}

#[test]
fn what_looks_like_a_device_found_elsewhere_is_looked_at_by_itself() {
    let host = Look { ttl: 128, id: 0, dont_fragment: true, has_clock: false, window: 1024 };
    let (device, flags) = (Look { ttl: 61, id: 7, ..host }, RST | ACK);
    let connection = |n: u8, then| Spec {
        ends: (n % 4, 0),
        v6: false,
        start: i64::from(n) * 10_000 * MS,
        waits: Vec::new(),
        then,
        answer_after: MS,
        reset_after: 40 * MS,
        looks: [host, host, device],
        mss: Some(1460),
    };
    // Sessions that show how far the server is, each ended by the device; then
    // probes that the device refuses.
    let (used, refused) =
        ((0..4u8).map(|n| connection(n, Then::Used)), (4..90).map(|n| connection(n, Then::Refused(flags, true))));
    let specs: Vec<Spec> = used.chain(refused).collect();
    let (whole, counted) = (tell(&specs, false, None), tell(&specs, true, None));
    let suspected = whole.connections.values().filter(|connection| connection.contains("same-device")).count();
    assert!(suspected > 10 && counted.probes.is_empty(), "{suspected}, {:?}", counted.probes.first());
    assert_eq!(whole.connections, counted.connections);
}
