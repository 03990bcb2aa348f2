//! E4, the other half: the same connection in a second capture.
//!
//! A reset that one end receives and the other never sent was built in between.
//! The second capture must stand nearer to the claimed sender, have watched for
//! long enough, and show no hole; the clocks of the two may disagree, so that
//! they are set by the packets that both show. Where a NAT or a proxy wrote
//! other numbers on one side, the two are not known for one connection, and
//! nothing is claimed.

use std::collections::HashMap;

use super::scene::Scene;
use super::{Builder, Judgement, Piece, Strength};
use crate::base::{At, BySide, CaptureId, CaptureTime, Certainty, Frame, Side, Span};
use crate::flow::{Endpoint, Habits, ResetFacts, TcpFacts};
use crate::wire::TcpFlags;

/// Captures of one connection that are held against each other.
const MAX_VIEWS: usize = 4;

/// Clocks of two machines drift apart by less than one part in this many.
const DRIFT: i64 = 2_000;

/// Time stamps are late by what a machine needs to take a packet.
const SLACK: Span = Span::from_millis(20);

/// Resets this much later than the one in question are others.
const ANOTHER: Span = Span::from_secs(2);

/// The connection of two captures: its ends and the client's first number.
type Key = (Endpoint, Endpoint, u32);

/// One connection as one capture shows it.
#[derive(Clone, Debug)]
pub struct View {
    capture: CaptureId,
    server_isn: Option<u32>,
    /// When the first and the last SYN passed.
    syns: (CaptureTime, CaptureTime),
    /// When the SYN-ACK passed, where there was one alone.
    syn_ack: Option<CaptureTime>,
    ttl: BySide<Option<u8>>,
    round_trip: BySide<Option<Span>>,
    /// Packets of each side, resets left out, and the last of them.
    packets: BySide<u64>,
    last: BySide<At>,
    resets: Vec<Sighted>,
    /// Whether what it does not show did not pass.
    shows_absence: bool,
    /// When the last packet of the whole capture passed.
    watched_until: CaptureTime,
}

/// A reset in that capture.
#[derive(Clone, Debug)]
struct Sighted {
    claimed_by: Side,
    at: At,
    ttl: u8,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    id: Option<u16>,
    built_by: Builder,
    certainty: Certainty,
    at_sender: bool,
}

/// The connections of a run that more than one capture may show.
#[derive(Clone, Debug, Default)]
pub struct Views {
    of: HashMap<Key, Vec<View>>,
}

impl Views {
    /// Adds a connection. `watched_until`: when the last packet of its capture
    /// passed; `counted_drops`: a capture of this run says that it missed some.
    pub fn add(&mut self, tcp: &TcpFacts, judgements: &[Judgement], watched_until: CaptureTime, counted_drops: bool) {
        let Some((key, view)) = View::of(tcp, judgements, watched_until, counted_drops) else { return };
        let views = self.of.entry(key).or_default();
        if views.len() < MAX_VIEWS {
            views.push(view);
        }
    }

    /// What other captures show of this connection.
    pub(super) fn others<'a>(&'a self, tcp: &TcpFacts) -> impl Iterator<Item = &'a View> + use<'a> {
        let capture = tcp.first.frame.capture;
        let server_isn = tcp.isns.server;
        let same = move |view: &&View| {
            // A proxy answers the same SYN with a number of its own.
            let other_answer = view.server_isn.zip(server_isn).is_some_and(|(a, b)| a != b);
            view.capture != capture && !other_answer
        };
        key(tcp).and_then(|key| self.of.get(&key)).into_iter().flatten().filter(same)
    }
}

fn key(tcp: &TcpFacts) -> Option<Key> {
    Some((tcp.endpoints.client, tcp.endpoints.server, tcp.isns.client?))
}

impl View {
    fn of(
        tcp: &TcpFacts,
        judgements: &[Judgement],
        watched_until: CaptureTime,
        counted_drops: bool,
    ) -> Option<(Key, Self)> {
        let (first, last) = (tcp.handshake.syn_times.first()?, tcp.handshake.syn_times.last()?);
        let habits = &tcp.habits;
        let whole = Side::BOTH.into_iter().all(|side| {
            let facts = tcp.directions.of(side);
            facts.gaps + facts.given_up + facts.cut_frames == 0
                && facts.acknowledged_bytes <= facts.sent_bytes.saturating_add(1)
        });
        let one_file = tcp.first.frame.capture == tcp.last.frame.capture;
        let all_syns = usize::try_from(tcp.handshake.syns).is_ok_and(|n| n == tcp.handshake.syn_times.len());
        let view = Self {
            capture: tcp.first.frame.capture,
            server_isn: tcp.isns.server,
            syns: (first.time, last.time),
            syn_ack: tcp.handshake.syn_ack.filter(|_| tcp.handshake.syn_acks == 1).map(|at| at.time),
            ttl: BySide { client: habits.client.usual_ttl(), server: habits.server.usual_ttl() },
            round_trip: BySide { client: tcp.rtt.client.min(), server: tcp.rtt.server.min() },
            packets: BySide { client: habits.client.packets(), server: habits.server.packets() },
            last: BySide { client: habits.client.last, server: habits.server.last },
            resets: tcp.resets.iter().zip(judgements).map(|(reset, j)| Sighted::of(reset, j)).collect(),
            shows_absence: whole
                && one_file
                && all_syns
                && !counted_drops
                && tcp.clock_ran_back == 0
                && tcp.more_resets == 0,
            watched_until,
        };
        Some((key(tcp)?, view))
    }

    /// Whether this capture stands nearer to `side` than the one of `tcp`: by
    /// the routers passed, or where those are equal, by the time it takes.
    fn is_nearer(&self, side: Side, tcp: &TcpFacts) -> bool {
        let hops = |side: Side| {
            let here = tcp.habits.of(side).usual_ttl().map(Habits::hops);
            let there = self.ttl.of(side).map(Habits::hops);
            here.zip(there).map(|(here, there)| i64::from(here) - i64::from(there))
        };
        let time = |side: Side| {
            let here = tcp.rtt.of(side).min();
            here.zip(*self.round_trip.of(side)).map(|(here, there)| here.nanos() - there.nanos())
        };
        // Positive: they are nearer to it there than here.
        let decide = |near: Option<i64>, far: Option<i64>, least: i64| match (near, far) {
            (Some(near), Some(far)) if near >= least && far <= 0 || near >= 0 && far <= -least => Some(true),
            (Some(near), Some(far)) if near == 0 && far == 0 => None,
            (Some(_), Some(_)) => Some(false),
            (None, Some(far)) if far <= -least => Some(true),
            _ => None,
        };
        let (near, far) = (side, side.other());
        let by_hops = decide(hops(near), hops(far), 1);
        by_hops.unwrap_or_else(|| decide(time(near), time(far), MIN_TRIP_NANOS) == Some(true))
    }

    /// What is to be added to a time of `tcp`'s capture to be, in this one,
    /// certainly not earlier than the same moment: a packet to `side` passed
    /// there first and here later.
    fn latest_offset(&self, side: Side, tcp: &TcpFacts) -> Option<Span> {
        match side {
            Side::Server => Some(self.syns.1.since(tcp.handshake.syn_times.first()?.time)),
            Side::Client => {
                let there = tcp.handshake.syn_ack.filter(|_| tcp.handshake.syn_acks == 1)?;
                Some(self.syn_ack?.since(there.time))
            }
        }
    }

    /// The same packet here. What a device builds between the two captures may
    /// be like the host's own, bit for bit, but it comes another way: the packet
    /// has passed as many routers from the one to the other as those of its
    /// claimed sender.
    fn shows(&self, reset: &ResetFacts) -> Option<&Sighted> {
        let side = reset.claimed_by;
        let way = |here: u8, there: u8| i16::from(there) - i16::from(here);
        let usual = way(reset.sender.usual_ttl()?, (*self.ttl.of(side))?);
        self.resets.iter().find(|sighted| sighted.is(reset) && way(reset.ttl, sighted.ttl) == usual)
    }
}

/// Round trips that differ by less are equal.
const MIN_TRIP_NANOS: i64 = 1_000_000;

impl Sighted {
    fn of(reset: &ResetFacts, judgement: &Judgement) -> Self {
        let at_sender = judgement.evidence.iter().any(|p| p.id == "vantage" && p.points_at == super::PointsAt::Host);
        Self {
            claimed_by: reset.claimed_by,
            at: reset.at,
            ttl: reset.ttl,
            seq: reset.seq,
            ack: reset.ack,
            flags: reset.flags,
            id: reset.id,
            built_by: judgement.built_by,
            certainty: judgement.certainty,
            at_sender,
        }
    }

    fn is(&self, reset: &ResetFacts) -> bool {
        (self.claimed_by, self.seq, self.ack, self.flags, self.id)
            == (reset.claimed_by, reset.seq, reset.ack, reset.flags, reset.id)
    }
}

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let pieces = scene.views().filter_map(|view| match view.shows(scene.reset) {
        Some(same) => of_the_same(scene, view, same),
        None => of_its_absence(scene, view),
    });
    pieces.max_by_key(|piece| piece.strength)
}

/// Both captures show the packet: what one knows of it, the other may use.
fn of_the_same(scene: &Scene<'_>, view: &View, same: &Sighted) -> Option<Piece> {
    let reset = scene.reset;
    let frames = vec![same.at.frame, reset.at.frame];
    if same.certainty == Certainty::Possible {
        return None;
    }
    match same.built_by {
        Builder::OtherDevice => Some(Piece::other(
            "other-end",
            Strength::Compelling,
            frames,
            "the other capture shows the same packet, and there it is plain that another device built it".to_owned(),
        )),
        Builder::Host if same.at_sender && view.is_nearer(reset.claimed_by, scene.tcp) => Some(Piece::host(
            "other-end",
            Strength::Strong,
            frames,
            format!("the other capture was taken at the {} and shows it sending this packet", reset.claimed_by),
        )),
        _ => None,
    }
}

/// The capture nearer to the claimed sender does not show the packet.
fn of_its_absence(scene: &Scene<'_>, view: &View) -> Option<Piece> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    let side = reset.claimed_by;
    let latest = latest_sending(scene, view)?;
    // Whoever writes numbers anew on the way makes another packet of a reset.
    let rewritten = view.resets.iter().any(|r| r.claimed_by == side && r.at.time.since(latest) <= ANOTHER);
    let sees_all = *view.packets.of(side) >= reset.sender.packets();
    let ending = reset.after_own_fin || reset.after_peer_fin;
    if rewritten || !sees_all || ending || !view.shows_absence || tcp.clock_ran_back > 0 {
        return None;
    }
    if view.watched_until < latest {
        return None;
    }
    let last = *view.last.of(side);
    let unsent = format!("the other capture stands nearer to the {side} and does not show it sending this");
    let (strength, frame, says) = if last.time > latest {
        (Strength::Proof, last.frame, format!("{unsent}; the {side} went on there as if nothing had happened"))
    } else if let Some(crossed) = crossed(scene, view, latest) {
        let says = format!("{unsent}, but a reset in the {}'s name that is not in this one", side.other());
        (Strength::Compelling, crossed, says)
    } else {
        // One packet may be missing from a capture without a trace.
        (Strength::Strong, last.frame, unsent)
    };
    Some(Piece::other("other-end", strength, vec![frame, reset.at.frame], says))
}

/// When the claimed sender must have sent the reset at the latest, by the clock
/// of the other capture; `None` where that one stands on the wrong side.
fn latest_sending(scene: &Scene<'_>, view: &View) -> Option<CaptureTime> {
    let (reset, tcp) = (scene.reset, scene.tcp);
    if !view.is_nearer(reset.claimed_by, tcp) {
        return None;
    }
    let age = reset.at.time.since(tcp.first.time);
    let drift = Span::from_nanos(age.nanos().max(0) / DRIFT);
    Some(reset.at.time + view.latest_offset(reset.claimed_by, tcp)? + drift + SLACK)
}

/// A reset in the other side's name that reached the claimed sender and never
/// passed here, nearer to the other side: each was told that the other had left.
fn crossed(scene: &Scene<'_>, view: &View, latest: CaptureTime) -> Option<Frame> {
    let tcp = scene.tcp;
    let whole_here = !scene.has_gaps() && tcp.more_resets == 0;
    let never_sent = |r: &&Sighted| {
        let soon = r.at.time.since(latest).abs() <= ANOTHER;
        soon && r.claimed_by != scene.side() && tcp.resets.iter().all(|here| here.claimed_by != r.claimed_by)
    };
    view.resets.iter().find(never_sent).filter(|_| whole_here).map(|r| r.at.frame)
}

/// Why the other capture does not settle it, where one was given that could.
pub(super) fn blind_spot(scene: &Scene<'_>) -> Option<&'static str> {
    let unseen = |view: &&View| view.shows(scene.reset).is_none();
    let view = scene.views().filter(unseen).find(|view| view.is_nearer(scene.side(), scene.tcp))?;
    if !view.shows_absence {
        return Some("packets are missing from the other capture, so that it cannot show what was not sent");
    }
    let latest = latest_sending(scene, view)?;
    (view.watched_until < latest)
        .then_some("the other capture ends too early to show whether the claimed sender sent this reset")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::tests::{foreign, strength, talk};
    use crate::findings::resets::{Company, judge};
    use crate::flow::testing::{A, Line, R, packet, play_one};
    use crate::session::SessionFacts;
    use Side::{Client, Server};

    const ID: &str = "other-end";

    /// What a capture at the server shows of `lines`, which were captured at
    /// the client, by a clock that is `ahead` milliseconds ahead.
    fn at_server(lines: &[Line], ahead: f64) -> Vec<Line> {
        let there = |line: &Line| {
            let mut line = line.clone();
            line.ms += ahead + if line.from == Client { 5.0 } else { -5.0 };
            line.ttl = if line.from == Client { 121 } else { line.ttl.saturating_add(7) };
            line
        };
        let mut lines: Vec<Line> = lines.iter().map(there).collect();
        lines.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        lines
    }

    fn facts(lines: &[Line], capture: u32) -> TcpFacts {
        let mut tcp = play_one(lines).0;
        for at in [&mut tcp.first, &mut tcp.last] {
            at.frame = Frame::new(capture, at.frame.number);
        }
        tcp
    }

    /// The first reset of `here`, judged beside a capture that shows `there` and
    /// was taken until `until` milliseconds.
    fn judged(here: &[Line], there: &[Line], until: f64) -> Judgement {
        judged_facts(&facts(here, 0), &facts(there, 1), until)
    }

    fn judged_facts(here: &TcpFacts, there: &TcpFacts, until: f64) -> Judgement {
        let alone = judge(there, &SessionFacts::default(), Company::default());
        let mut views = Views::default();
        views.add(there, &alone, CaptureTime::from_nanos((until * 1e6) as i64), false);
        let company = Company { views: Some(&views), ..Company::default() };
        judge(here, &SessionFacts::default(), company).remove(0)
    }

    /// A reset in the server's name, like those that Linux builds.
    fn reset(ms: f64) -> Line {
        let mut rst = packet(ms, Server, R, 13, 0, b"");
        (rst.id, rst.window) = (0, 0);
        rst
    }

    fn received() -> Vec<Line> {
        let mut lines = talk();
        lines.push(reset(60.0));
        lines
    }

    /// The server answers, long after "its" reset.
    fn went_on() -> Vec<Line> {
        let mut answer = packet(400.0, Server, A, 13, 21, b"answer");
        answer.id = 9_004;
        let mut lines = talk();
        lines.push(answer);
        lines
    }

    #[test]
    fn a_reset_that_the_server_never_sent_and_outlived_is_proof() {
        for ahead in [0.0, 3_600_000.0] {
            let there = at_server(&went_on(), ahead);
            let judgement = judged(&received(), &there, ahead + 400.0);
            assert_eq!(strength(&judgement, ID), Some(Strength::Proof), "{ahead}");
            assert_eq!((judgement.built_by, judgement.certainty), (Builder::OtherDevice, Certainty::Proven));
        }
    }

    #[test]
    fn a_reset_that_is_only_missing_there_convicts_nobody() {
        let judgement = judged(&received(), &at_server(&talk(), 0.0), 5_000.0);
        assert_eq!(strength(&judgement, ID), Some(Strength::Strong));
        assert!(!foreign(&judgement));
    }

    #[test]
    fn a_capture_that_ended_too_early_is_said_to() {
        let judgement = judged(&received(), &at_server(&talk(), 0.0), 50.0);
        assert_eq!(strength(&judgement, ID), None);
        assert!(
            judgement.cannot_tell.iter().any(|says| says.contains("ends too early")),
            "{:?}",
            judgement.cannot_tell
        );
    }

    #[test]
    fn a_reset_that_the_server_is_seen_to_send_is_its_own() {
        let judgement = judged(&received(), &at_server(&received(), 70_000.0), 80_000.0);
        let piece = judgement.evidence.iter().find(|piece| piece.id == ID).unwrap();
        assert_eq!((piece.strength, piece.points_at), (Strength::Strong, crate::findings::resets::PointsAt::Host));
        assert_eq!(judgement.built_by, Builder::Host);
    }

    #[test]
    fn a_forgery_between_the_captures_is_not_taken_for_the_hosts_own() {
        // The server sends the same bits; the one that arrives came another way.
        let mut here = received();
        here.last_mut().unwrap().ttl = 63;
        assert_ne!(strength(&judged(&here, &at_server(&received(), 0.0), 5_000.0), ID), Some(Strength::Compelling));
        let there = at_server(&received(), 0.0);
        let judgement = judged(&here, &there, 5_000.0);
        assert_eq!(strength(&judgement, ID), None, "it did send one, and numbers may be written anew");
    }

    #[test]
    fn each_side_told_that_the_other_had_left() {
        let mut other = talk();
        other.push(packet(60.0, Client, A | R, 21, 13, b""));
        assert_eq!(strength(&judged(&received(), &at_server(&other, 0.0), 5_000.0), ID), Some(Strength::Compelling));
    }

    #[test]
    fn a_capture_on_the_wrong_side_says_nothing() {
        // What passed at the server and not at the client was lost between.
        let mut sent = talk();
        sent.push(reset(60.0));
        let judgement = judged(&at_server(&sent, 0.0), &went_on(), 5_000.0);
        assert_eq!(strength(&judgement, ID), None);
    }

    #[test]
    fn damage_takes_the_word_from_a_capture() {
        let here = facts(&received(), 0);
        let of = |lines: &[Line]| strength(&judged_facts(&here, &facts(lines, 1), 5_000.0), ID);
        let whole = at_server(&went_on(), 0.0);
        assert_eq!(of(&whole), Some(Strength::Proof));
        let twice: Vec<Line> = whole.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
        assert_eq!(of(&twice), Some(Strength::Proof), "copies");
        let mut holed = whole.clone();
        holed.remove(4);
        assert_eq!(of(&holed), None, "a hole");
        assert_eq!(of(&whole[3..]), None, "a late start");
        let mut proxied = facts(&whole, 1);
        proxied.isns.server = Some(99);
        assert_eq!(strength(&judged_facts(&here, &proxied, 5_000.0), ID), None, "a proxy's own connection");
        let mut jumped = facts(&whole, 1);
        jumped.clock_ran_back = 1;
        assert_eq!(strength(&judged_facts(&here, &jumped, 5_000.0), ID), None, "a clock that ran back");
        let mut cut = facts(&whole, 1);
        cut.directions.server.cut_frames = 1;
        assert_eq!(strength(&judged_facts(&here, &cut, 5_000.0), ID), None, "cut packets");
        let same_capture = facts(&whole, 0);
        assert_eq!(strength(&judged_facts(&here, &same_capture, 5_000.0), ID), None);
    }
}
