//! What one capture shows of a connection, for those who know another.

use std::collections::HashMap;

use crate::base::{At, BySide, CaptureId, CaptureTime, Certainty, Side, Span};
use crate::findings::resets::{Builder, Judgement, PointsAt};
use crate::flow::{Endpoint, Habits, ResetFacts, TcpFacts};
use crate::wire::TcpFlags;

/// Captures of one connection that are held against each other: what one of them
/// proves, others do not take back, so that more could only prove more.
const MAX_VIEWS: usize = 4;

/// Round trips that differ by less are equal.
const MIN_TRIP_NANOS: i64 = 1_000_000;

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
    pub(super) packets: BySide<u64>,
    pub(super) last: BySide<At>,
    pub(super) resets: Vec<Sighted>,
    /// Whether what it does not show did not pass.
    pub(super) shows_absence: bool,
    /// When the last packet of the whole capture passed.
    pub(super) watched_until: CaptureTime,
}

/// A reset in that capture.
#[derive(Clone, Debug)]
pub(super) struct Sighted {
    pub claimed_by: Side,
    pub at: At,
    ttl: u8,
    seq: u32,
    ack: u32,
    flags: TcpFlags,
    id: Option<u16>,
    pub built_by: Builder,
    pub certainty: Certainty,
    pub at_sender: bool,
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
    pub(in crate::findings::resets) fn others<'a>(
        &'a self,
        tcp: &TcpFacts,
    ) -> impl Iterator<Item = &'a View> + use<'a> {
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
    pub(super) fn is_nearer(&self, side: Side, tcp: &TcpFacts) -> bool {
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
    pub(super) fn latest_offset(&self, side: Side, tcp: &TcpFacts) -> Option<Span> {
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
    pub(super) fn shows(&self, reset: &ResetFacts) -> Option<&Sighted> {
        let side = reset.claimed_by;
        let way = |here: u8, there: u8| i16::from(there) - i16::from(here);
        let usual = way(reset.sender.usual_ttl()?, (*self.ttl.of(side))?);
        self.resets.iter().find(|sighted| sighted.is(reset) && way(reset.ttl, sighted.ttl) == usual)
    }
}

impl Sighted {
    fn of(reset: &ResetFacts, judgement: &Judgement) -> Self {
        let at_sender = judgement.evidence.iter().any(|p| p.id == "vantage" && p.points_at == PointsAt::Host);
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
