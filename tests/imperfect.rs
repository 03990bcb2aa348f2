//! A capture that is not as good as it should be names no cause and no culprit
//! that the whole one does not know of: its clock was set, it lacks packets
//! that arrived or their ends, it begins late or ends early.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use rdpwhy::analysis::Connection;
use rdpwhy::base::{Certainty, Frame, Span};
use rdpwhy::findings::resets::{Builder, Judgement};
use rdpwhy::findings::{AtFault, EndedBy, Finding, Outcome};
use rdpwhy::wire::{Glance, TcpFlags};

use super::cases::{captures, folders};
use super::laws_resets::{Kept, play, read};
use super::one_direction::by_port;

/// The first and the last packets, of which each may matter, and some of the
/// others.
fn places(packets: usize) -> BTreeSet<usize> {
    let last = (1..6).filter_map(|left| packets.checked_sub(left));
    let some = (1..20).map(|part| packets * part / 20);
    (0..10).chain(last).chain(some).filter(|place| *place < packets).collect()
}

fn cause(found: &Finding) -> String {
    format!("{} ({:?})", found.id, found.at_fault)
}

/// What is said of it with more than a maybe, and of somebody.
fn claims(connection: &Connection) -> BTreeSet<String> {
    let diagnosis = &connection.diagnosis;
    let verdict = diagnosis.verdict().filter(|found| found.certainty > Certainty::Possible);
    let cause = verdict.filter(|found| found.at_fault != Some(AtFault::Unclear)).map(cause);
    let is_foreign =
        |reset: &Judgement| reset.built_by == Builder::OtherDevice && reset.certainty > Certainty::Possible;
    let device = diagnosis.resets.iter().any(is_foreign).then(|| "a reset of another device".to_owned());
    cause.into_iter().chain(device).collect()
}

/// The same of what it might be, too.
fn known(connection: &Connection) -> BTreeSet<String> {
    claims(connection).into_iter().chain(connection.diagnosis.findings.iter().map(cause)).collect()
}

fn ender(connection: &Connection) -> Option<String> {
    let by = connection.diagnosis.ended_by;
    matches!(by, EndedBy::Side(_) | EndedBy::OtherDevice).then(|| format!("ended by {by:?}"))
}

/// What is said of captures that are not whole, and by how many was tried.
#[derive(Default)]
struct Tried {
    connections: usize,
    claims: usize,
    wrong: Vec<String>,
}

impl Tried {
    /// All captures of all cases, each as `imperfect` makes others of it.
    fn all<N: Display>(
        imperfect: impl Fn(&[Kept]) -> Vec<(N, Vec<Kept>)>,
        claims: impl Fn(&Connection) -> BTreeSet<String>,
    ) -> Self {
        let mut tried = Self::default();
        for folder in folders() {
            for (vantage, path) in captures(&folder) {
                let packets = read(&[&path]);
                let whole = play(&packets);
                let whole = by_port(&whole.connections);
                for (name, packets) in imperfect(&packets) {
                    for (port, connections) in by_port(&play(&packets).connections) {
                        let others = || whole.get(&port).into_iter().flatten();
                        let known: BTreeSet<String> =
                            others().flat_map(|one| known(one).into_iter().chain(claims(one))).collect();
                        for connection in connections {
                            tried.connections += 1;
                            let claims = claims(connection);
                            tried.claims += claims.len();
                            tried.wrong.extend(
                                claims.difference(&known).map(|claim| {
                                    format!("{}/{vantage} port {port}, {name}: {claim}", folder.display())
                                }),
                            );
                        }
                    }
                }
            }
        }
        tried
    }

    #[track_caller]
    fn wrongs_nobody(self) {
        self.wrongs_none_of(2_000, 1_000);
    }

    /// The same where less can be made of the cases.
    #[track_caller]
    fn wrongs_none_of(self, least: usize, said: usize) {
        let Self { connections, claims, mut wrong } = self;
        wrong.retain(|wrong| !UNKNOWABLE.iter().any(|known| wrong.contains(known)));
        assert!(connections > least && claims > said, "{claims} claims of {connections} connections");
        assert!(wrong.is_empty(), "{} of {connections}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// From packet `from` on, the clock is ahead by `step`, or behind.
fn set_ahead(packets: &[Kept], from: usize, step: Span) -> Vec<Kept> {
    let ahead = |(place, packet): (usize, &Kept)| {
        let mut packet = packet.clone();
        packet.time = if place < from { packet.time } else { packet.time + step };
        packet
    };
    packets.iter().enumerate().map(ahead).collect()
}

#[test]
fn a_clock_that_was_set_back_wrongs_nobody() {
    // Somebody corrects a clock a little, or by a time zone.
    let steps = [2, 3_600].map(Span::from_secs);
    let imperfect = |packets: &[Kept]| {
        let places = [1, 4, 8].map(|part| packets.len() * part / 9);
        let back = |from, step| set_ahead(packets, from, Span::ZERO - step);
        let both = |from| steps.map(|step| (format!("{step} behind from {from} on"), back(from, step)));
        places.into_iter().flat_map(both).collect()
    };
    Tried::all(imperfect, |connection| claims(connection).into_iter().chain(ender(connection)).collect())
        .wrongs_nobody();
}

#[test]
fn a_clock_that_was_set_ahead_wrongs_nobody_where_timestamps_tell() {
    let imperfect = |packets: &[Kept]| {
        let places = (1..9).map(|part| packets.len() * part / 9);
        let ahead = |from| {
            [30, 90]
                .map(|step| (format!("{step} s ahead from {from} on"), set_ahead(packets, from, Span::from_secs(step))))
        };
        places.flat_map(ahead).collect()
    };
    let told =
        |connection: &Connection| if connection.tcp.leap.is_some() { claims(connection) } else { BTreeSet::new() };
    Tried::all(imperfect, told).wrongs_nobody();
}

/// Where all that told of it is missing: the device's reset, that the server had
/// accepted, its answer and the acknowledgment of that; and a path that does lose
/// acknowledgments.
const UNKNOWABLE: [&str; 5] = [
    "injected-server-only/server port 35210, without packet 7: hello-rejected",
    "injected-server-only/server port 35210, one in ten missing, 4: hello-rejected",
    "windows-injected-suricata-both-tcp/client port 50101, without packet 1: connection-refused",
    "crowd-limit-silent/server port 46998, one in ten missing, 5: service-silent",
    "rough-ack-loss/server port 58186, one in ten missing",
];

#[test]
fn a_packet_that_the_capture_lacks_wrongs_nobody() {
    let imperfect = |packets: &[Kept]| {
        let without = |place: usize| [&packets[..place], &packets[place + 1..]].concat();
        let places = places(packets.len()).into_iter();
        places.map(|place| (format!("without packet {place}"), without(place))).collect()
    };
    Tried::all(imperfect, claims).wrongs_nobody();
}

#[test]
fn a_first_fin_that_the_capture_lacks_makes_nobody_else_the_one_who_ended_it() {
    let imperfect = |packets: &[Kept]| {
        let mut first = BTreeMap::new();
        for (place, packet) in packets.iter().enumerate() {
            match packet.glance() {
                Glance::Tcp { source_port, destination_port, flags, .. } if flags.has(TcpFlags::FIN) => {
                    first.entry(source_port.max(destination_port)).or_insert(place);
                }
                _ => {}
            }
        }
        let without = |place: usize| [&packets[..place], &packets[place + 1..]].concat();
        first.into_values().map(|place| (format!("without FIN {place}"), without(place))).collect()
    };
    Tried::all(imperfect, |connection| claims(connection).into_iter().chain(ender(connection)).collect())
        .wrongs_none_of(200, 200);
}

/// By so much one of a card's queues is read behind another.
const QUEUED: Span = Span::from_millis(2);

#[test]
fn packets_that_were_captured_in_the_wrong_order_wrong_nobody() {
    let imperfect = |packets: &[Kept]| {
        // The clock is read for each in turn: the times stay.
        let exchanged = |place: usize| {
            let mut packets = packets.to_vec();
            let times = [packets[place].time, packets[place + 1].time];
            packets.swap(place, place + 1);
            [packets[place].time, packets[place + 1].time] = times;
            (format!("{place} exchanged with the next"), packets)
        };
        let is_close = |place: &usize| packets[place + 1].time.since(packets[*place].time) < QUEUED;
        let places = places(packets.len().saturating_sub(1)).into_iter();
        places.filter(is_close).map(exchanged).collect()
    };
    let failed = |connection: &Connection| {
        let failed = connection.diagnosis.outcome == Outcome::Failed;
        claims(connection).into_iter().chain(failed.then(|| "failed".to_owned())).collect()
    };
    Tried::all(imperfect, failed).wrongs_nobody();
}

#[test]
fn a_capture_that_begins_late_wrongs_nobody() {
    let imperfect = |packets: &[Kept]| {
        let places = places(packets.len()).into_iter();
        places.map(|place| (format!("from packet {place} on"), packets[place..].to_vec())).collect()
    };
    Tried::all(imperfect, claims).wrongs_nobody();
}

#[test]
fn a_capture_that_ends_early_wrongs_nobody() {
    let imperfect = |packets: &[Kept]| {
        let places = places(packets.len()).into_iter();
        places.map(|place| (format!("up to packet {place}"), packets[..place].to_vec())).collect()
    };
    Tried::all(imperfect, claims).wrongs_nobody();
}

/// A side that cannot know yet whether it will be heard has not failed.
#[test]
fn a_capture_that_ends_early_lets_nothing_fail_that_works() {
    let imperfect = |packets: &[Kept]| {
        let early = |len: usize| (format!("up to packet {len}"), packets[..len].to_vec());
        places(packets.len()).into_iter().map(early).chain((10..30.min(packets.len())).map(early)).collect()
    };
    let fails = |connection: &Connection| {
        let verdict = connection.diagnosis.verdict().filter(|found| found.certainty > Certainty::Possible);
        verdict.map(|_| "it failed".to_owned()).into_iter().collect()
    };
    Tried::all(imperfect, fails).wrongs_nobody();
}

#[test]
fn a_capture_that_lacks_one_in_ten_wrongs_nobody() {
    let imperfect = |packets: &[Kept]| {
        let keeps = |place: usize, seed: u64| !scattered(place as u64 ^ seed << 32).is_multiple_of(10);
        let left = |seed| {
            let kept = packets.iter().enumerate().filter(|(place, _)| keeps(*place, seed));
            (format!("one in ten missing, {seed}"), kept.map(|(_, packet)| packet.clone()).collect())
        };
        (0..8).map(left).collect()
    };
    Tried::all(imperfect, claims).wrongs_nobody();
}

#[test]
fn a_capture_of_the_first_bytes_of_each_packet_wrongs_nobody() {
    let imperfect = |packets: &[Kept]| {
        let cut = |len: usize| {
            let mut packets = packets.to_vec();
            packets.iter_mut().for_each(|packet| packet.data.truncate(len));
            (format!("{len} bytes of each"), packets)
        };
        [60, 68, 80, 96, 128].map(cut).to_vec()
    };
    Tried::all(imperfect, claims).wrongs_nobody();
}

#[test]
fn both_ends_in_one_file_accuse_no_server_of_what_a_device_did() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for folder in folders() {
        let paths = captures(&folder);
        let [(_, client), (_, server)] = &paths[..] else { continue };
        let mut packets = read(&[client, server]);
        for (packet, number) in packets.iter_mut().zip(1..) {
            (packet.frame, packet.vantage) = (Frame::new(0, number), 0);
        }
        let separate = [client, server].map(|path| play(&read(&[path])));
        let foreign = |by: &EndedBy| *by == EndedBy::OtherDevice;
        for (port, connections) in by_port(&play(&packets).connections) {
            let is_foreign = separate.iter().any(|one| {
                let connections = by_port(&one.connections);
                let mut others = connections.get(&port).into_iter().flatten();
                others.any(|one| foreign(&one.diagnosis.ended_by))
            });
            let verdicts = connections.iter().filter_map(|one| one.diagnosis.verdict());
            tried += usize::from(is_foreign);
            wrong.extend(
                verdicts
                    .filter(|found| is_foreign && found.id == "abrupt-close" && found.certainty > Certainty::Possible)
                    .map(|found| format!("{} port {port}: {}", folder.display(), found.id)),
            );
        }
    }
    assert!(tried > 20 && wrong.is_empty(), "{tried} tried:\n{}", wrong.join("\n"));
}

/// Many and different, the same on every run.
const fn scattered(number: u64) -> u64 {
    let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 31
}
