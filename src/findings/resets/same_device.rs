//! E14: a reset that looks like those which another device is known to build.
//!
//! The same look alone accuses nobody: behind the same number of routers stand
//! many honest Linux hosts. The claimed sender's own packets must come from
//! elsewhere, and they must be more than a SYN-ACK, which a proxy may answer.

use std::collections::BTreeMap;

use super::scene::Scene;
use super::{Builder, Judgement, Piece, Strength};
use crate::base::{At, CaptureId, Certainty, Frame};
use crate::flow::{Bare, BarePacket, ResetFacts, TcpFacts};

/// Other connections in which the device must have been found.
const MIN_OTHERS: usize = 2;

/// Looks remembered. A device has a handful; one that draws its TTLs has some
/// hundred, and is found in each connection by other things. One that finds no room
/// here is held against nobody else.
const MAX_LOOKS: usize = 1_000;

/// Route changes and parallel paths stay within this.
const MAX_FLAP: u8 = 2;

/// How a builder writes its resets, as they arrive at one capture point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// The capture.
    pub capture: CaptureId,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Control bits.
    pub flags: u8,
    /// Don't-fragment bit.
    pub dont_fragment: bool,
    /// Identification 0.
    pub zero_id: bool,
    /// IPv6.
    pub v6: bool,
}

impl Fingerprint {
    /// That of a reset.
    #[must_use]
    pub fn of(reset: &ResetFacts) -> Self {
        Self {
            capture: reset.at.frame.capture,
            ttl: reset.ttl,
            flags: reset.flags.0,
            dont_fragment: reset.dont_fragment,
            zero_id: reset.id == Some(0),
            v6: reset.source.is_ipv6(),
        }
    }

    fn of_packet(reset: &BarePacket) -> Self {
        let ip = reset.ip();
        Self {
            capture: reset.at.frame.capture,
            ttl: ip.ttl,
            flags: reset.tcp().flags.0,
            dont_fragment: ip.dont_fragment,
            zero_id: ip.id == Some(0),
            v6: ip.src.is_ipv6(),
        }
    }
}

/// The devices that were found in the connections of a run, each with the first
/// few connections and the reset in them.
#[derive(Clone, Debug, Default)]
pub struct Suspects {
    seen: BTreeMap<Fingerprint, Vec<(Frame, At)>>,
}

impl Suspects {
    /// Learns from a judged connection.
    pub fn learn(&mut self, tcp: &TcpFacts, judgements: &[Judgement]) {
        let surely = |j: &Judgement| j.built_by == Builder::OtherDevice && j.certainty > Certainty::Possible;
        for (reset, _) in tcp.resets.iter().zip(judgements).filter(|(_, j)| surely(j)) {
            let look = Fingerprint::of(reset);
            if self.seen.len() >= MAX_LOOKS && !self.seen.contains_key(&look) {
                continue;
            }
            let seen = self.seen.entry(look).or_default();
            // One more than needed: the connection in question does not count.
            if seen.len() <= MIN_OTHERS && seen.iter().all(|(first, _)| *first != tcp.first.frame) {
                seen.push((tcp.first.frame, reset.at));
            }
        }
    }

    /// Whether nobody was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Whether anything that was found elsewhere looks like a reset of this
    /// connection; of others nothing is to be weighed.
    #[must_use]
    pub fn concern(&self, tcp: &TcpFacts) -> bool {
        let known = |reset| self.elsewhere(Fingerprint::of(reset), tcp.first.frame).len() >= MIN_OTHERS;
        tcp.resets.iter().any(known)
    }

    /// The same for one that carried nothing.
    #[must_use]
    pub fn concern_bare(&self, bare: &Bare) -> bool {
        let known = |reset| self.elsewhere(Fingerprint::of_packet(reset), bare.first().frame).len() >= MIN_OTHERS;
        bare.reset().is_some_and(|(_, reset)| known(reset))
    }

    fn elsewhere(&self, fingerprint: Fingerprint, connection: Frame) -> Vec<At> {
        let seen = self.seen.get(&fingerprint).into_iter().flatten();
        seen.filter(|(first, _)| *first != connection).map(|(_, reset)| *reset).take(MIN_OTHERS).collect()
    }
}

pub(super) fn weigh(scene: &Scene<'_>) -> Option<Piece> {
    let reset = scene.reset;
    let baseline = scene.baseline()?;
    if baseline.step(reset.ttl) <= MAX_FLAP || !baseline.beyond_handshake {
        return None;
    }
    let mut rests_on = scene.suspects()?.elsewhere(Fingerprint::of(reset), scene.tcp.first.frame);
    if rests_on.len() < MIN_OTHERS {
        return None;
    }
    rests_on.push(reset.at);
    Some(Piece::other(
        "same-device",
        Strength::Strong,
        rests_on,
        format!(
            "resets that look like it, from the same distance, were built by another device in other connections; the {}'s packets come from elsewhere",
            reset.claimed_by
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::resets::testing::{answered, strength, with};
    use crate::findings::resets::{Company, judge};
    use crate::session::SessionFacts;

    /// A connection whose first frame is `number`, reset with `ttl`.
    fn connection(number: u64, ttl: u8) -> TcpFacts {
        let mut rst = answered(60.0);
        (rst.ttl, rst.id) = (ttl, 0);
        let mut tcp = with(rst);
        tcp.first.frame = Frame::new(0, number);
        tcp
    }

    fn suspects(connections: &[TcpFacts]) -> Suspects {
        let mut suspects = Suspects::default();
        for tcp in connections {
            suspects.learn(tcp, &judge(tcp, &SessionFacts::default(), Company::default()));
        }
        suspects
    }

    fn weighed(tcp: &TcpFacts, suspects: &Suspects) -> Option<Strength> {
        let company = Company { suspects: Some(suspects), ..Company::default() };
        strength(&judge(tcp, &SessionFacts::default(), company).remove(0), "same-device")
    }

    #[test]
    fn what_looks_like_the_device_of_two_other_connections() {
        let known = suspects(&[connection(1, 63), connection(100, 63), connection(200, 63)]);
        assert_eq!(weighed(&connection(300, 63), &known), Some(Strength::Strong));
        assert_eq!(weighed(&connection(100, 63), &known), Some(Strength::Strong), "its own does not count");
    }

    #[test]
    fn one_other_connection_or_another_look_is_not_enough() {
        assert_eq!(weighed(&connection(300, 63), &suspects(&[connection(1, 63), connection(300, 63)])), None);
        let known = suspects(&[connection(1, 63), connection(100, 63)]);
        assert_eq!(weighed(&connection(300, 61), &known), None, "another distance");
        let mut elsewhere = connection(300, 63);
        elsewhere.resets[0].at.frame = Frame::new(1, 9);
        assert_eq!(weighed(&elsewhere, &known), None, "another capture point");
        let mut other_bits = connection(300, 63);
        other_bits.resets[0].dont_fragment = false;
        assert_eq!(weighed(&other_bits, &known), None);
    }

    #[test]
    fn a_host_that_stands_where_the_device_stands_is_not_accused() {
        let known = suspects(&[connection(1, 63), connection(100, 63)]);
        // Its own packets have passed as many routers as the device's resets.
        let mut neighbour = connection(300, 63);
        let mut line =
            crate::flow::testing::packet(41.0, crate::base::Side::Server, crate::flow::testing::A, 13, 13, b"");
        line.ttl = 63;
        let reset = &mut neighbour.resets[0];
        reset.sender = crate::flow::Habits::default();
        for _ in 0..4 {
            reset.sender.learn(&crate::flow::testing::segment(&line), reset.at, false);
        }
        assert_eq!(weighed(&neighbour, &known), None);
        // Of another nothing but a SYN-ACK is known, which a proxy may have sent.
        let reset = &mut neighbour.resets[0];
        reset.sender = crate::flow::Habits::default();
        line.ttl = 121;
        reset.sender.learn(&crate::flow::testing::segment(&line), reset.at, true);
        assert_eq!(weighed(&neighbour, &known), None);
    }

    #[test]
    fn what_is_not_sure_is_no_suspect() {
        assert!(suspects(&[connection(1, 120), connection(2, 121)]).is_empty());
    }
}
