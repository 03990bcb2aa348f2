//! Who built a reset.
//!
//! A RST carries the address of one of the two ends, but any device on the
//! path can write that address. Each kind of evidence is a small unit in a file
//! of its own; this file combines them in the open. What must never be scored
//! is listed in `combine`.

mod bare;
mod bidirectional;
mod causality;
mod circumstances;
mod company;
mod flag_shape;
mod goodbye;
mod header_clone;
mod host_habits;
mod identification;
mod link_layer;
mod neighbours;
mod other_end;
mod same_device;
mod scene;
mod sender_lives;
mod sequence;
mod stale;
mod strafed;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod timers;
mod timestamps;
mod ttl;
mod vantage;
mod volley;

pub use bare::{BareReset, Unusual};
pub use company::Company;
pub use neighbours::{Known, MAX_HOSTS, Neighbours};
pub use other_end::{UNSETTLED, View, Views};
pub use same_device::{Fingerprint, Suspects};

use super::prose::Prose;
use crate::base::{At, Certainty, Text};
use crate::flow::{Habits, SequenceFit, TcpFacts};
use crate::session::SessionFacts;
use scene::Scene;

/// How much one piece of evidence weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Fits, is worth knowing, and is never counted.
    Circumstance,
    /// Supports, and decides nothing.
    Weak,
    /// Two independent ones make a case.
    Strong,
    /// Makes a case alone, short of proof.
    Compelling,
    /// Cannot be otherwise, in an undamaged capture.
    Proof,
}

/// Whom a piece of evidence points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointsAt {
    /// The host whose address the reset carries.
    Host,
    /// Another device.
    OtherDevice,
}

/// One piece of evidence about a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Stable id, such as `ttl-step`.
    pub id: &'static str,
    /// Whom it points at.
    pub points_at: PointsAt,
    /// How much it weighs.
    pub strength: Strength,
    /// The packets it rests on, the earliest first.
    pub rests_on: Vec<At>,
    /// What it says, in one sentence.
    pub says: Text,
}

/// Who built a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// The host whose address it carries.
    Host,
    /// Another device.
    OtherDevice,
    /// The evidence does not say.
    Undetermined,
}

/// What the reset did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It ended the connection.
    EndedConnection,
    /// The connection was already ending (after a FIN or another reset).
    AfterTheEnd,
    /// The connection went on: its receiver ignored it.
    Ignored,
    /// The connection went on: its receiver asked back with a challenge ACK
    /// (RFC 5961 §3.2).
    Challenged,
}

/// The judgement on one reset.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Who built it.
    pub built_by: Builder,
    /// How sure that is.
    pub certainty: Certainty,
    /// Everything that was weighed.
    pub evidence: Vec<Piece>,
    /// What it did.
    pub effect: Effect,
    /// Hops between the capture point and the builder, by the reset's TTL.
    pub hops: u8,
    /// Hops between the capture point and the claimed sender, by its own packets.
    pub sender_hops: Option<u8>,
    /// Why nothing surer can be said, where that is so.
    pub cannot_tell: Vec<&'static str>,
}

/// Hops from the capture point, as TTLs tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// To the builder of the reset.
    pub builder: u8,
    /// To the host whose address it carries.
    pub host: u8,
}

impl Judgement {
    /// How far away the builder and the host are. `None` where the TTL does not
    /// tell: nothing of the host is known, or another device, which must stand
    /// before the host, would stand at it or behind it; then the TTL was copied
    /// or made up.
    #[must_use]
    pub fn distance(&self) -> Option<Distance> {
        let distance = Distance { builder: self.hops, host: self.sender_hops? };
        let is_told = self.built_by != Builder::OtherDevice || distance.builder < distance.host;
        is_told.then_some(distance)
    }
}

/// Judges every reset of a connection, in their order. `company`: what other
/// connections and captures tell.
#[must_use]
pub fn judge(tcp: &TcpFacts, session: &SessionFacts, company: Company<'_>) -> Vec<Judgement> {
    judge_writing(Prose::Written, tcp, session, company)
}

/// The same for whoever may not read what is said beside it.
pub(super) fn judge_writing(
    prose: Prose,
    tcp: &TcpFacts,
    session: &SessionFacts,
    company: Company<'_>,
) -> Vec<Judgement> {
    let scenes = tcp.resets.iter().map(|reset| Scene::new(reset, tcp, session, company, prose));
    let mut judgements: Vec<Judgement> = scenes.enumerate().map(|(i, scene)| judge_one(i, &scene)).collect();
    volley::share(tcp, &mut judgements);
    judgements
}

/// The kinds of evidence, in the order in which they are told.
const KINDS: &[fn(&Scene<'_>) -> Option<Piece>] = &[
    causality::weigh,
    sender_lives::weigh,
    header_clone::weigh,
    vantage::weigh,
    template::weigh,
    ttl::weigh,
    identification::weigh,
    bidirectional::weigh,
    strafed::weigh,
    sequence::weigh,
    stale::weigh,
    timestamps::weigh,
    link_layer::weigh,
    flag_shape::weigh,
    other_end::weigh,
    same_device::weigh,
    goodbye::weigh,
    host_habits::same_path,
    host_habits::next_identification,
    host_habits::after_fin,
    circumstances::timer,
    circumstances::stage,
    circumstances::one_sided,
];

fn judge_one(index: usize, scene: &Scene<'_>) -> Judgement {
    let reset = scene.reset;
    let evidence: Vec<Piece> = KINDS.iter().filter_map(|weigh| weigh(scene)).collect();
    let (built_by, certainty) = combine(&evidence);
    Judgement {
        built_by,
        certainty,
        effect: effect(index, scene),
        hops: Habits::hops(reset.ttl),
        sender_hops: scene.baseline().map(|baseline| Habits::hops(baseline.usual)),
        cannot_tell: if scene.prose.is_written() { blind_spots(scene) } else { Vec::new() },
        evidence,
    }
}

fn effect(index: usize, scene: &Scene<'_>) -> Effect {
    let (reset, ending) = (scene.reset, scene.tcp.ending_reset);
    if ending == Some(index) {
        Effect::EndedConnection
    } else if reset.after_own_fin || reset.after_peer_fin || ending.is_some_and(|e| e < index) {
        Effect::AfterTheEnd
    } else if reset.challenged.is_some() {
        Effect::Challenged
    } else {
        Effect::Ignored
    }
}

impl Piece {
    fn other(id: &'static str, strength: Strength, rests_on: Vec<At>, says: impl Into<Text>) -> Self {
        Self { id, points_at: PointsAt::OtherDevice, strength, rests_on, says: says.into() }
    }

    fn host(id: &'static str, strength: Strength, rests_on: Vec<At>, says: impl Into<Text>) -> Self {
        Self { id, points_at: PointsAt::Host, strength, rests_on, says: says.into() }
    }
}

/// Weighs the pieces against each other.
///
/// Never scored, because healthy stacks do it all the time (shares are of 560
/// ordinary resets): a missing timestamp option (88 %), RST without FIN before
/// it (30 %), RST alone or RST+ACK, an acknowledgment number without the ACK
/// bit, identification 0 from a Linux host (its passive resets are built outside
/// any socket), window 0 (78 %).
fn combine(evidence: &[Piece]) -> (Builder, Certainty) {
    let count =
        |points_at, strength| evidence.iter().filter(|p| p.points_at == points_at && p.strength == strength).count();
    let proof = count(PointsAt::OtherDevice, Strength::Proof);
    // One compelling piece is worth two strong ones.
    let strong =
        count(PointsAt::OtherDevice, Strength::Strong) + 2 * count(PointsAt::OtherDevice, Strength::Compelling);
    let weak = count(PointsAt::OtherDevice, Strength::Weak);
    let host_strong = count(PointsAt::Host, Strength::Strong);
    let host_weak = count(PointsAt::Host, Strength::Weak);
    match (proof, strong) {
        // Proof against which the host's own habits speak is no proof.
        (1.., _) if host_strong == 0 => (Builder::OtherDevice, Certainty::Proven),
        (1.., _) => (Builder::OtherDevice, Certainty::Possible),
        (0, 2..) if host_strong == 0 => (Builder::OtherDevice, Certainty::Likely),
        (0, 1..) if host_strong == 0 => (Builder::OtherDevice, Certainty::Possible),
        (0, 1..) => (Builder::Undetermined, Certainty::Possible),
        _ if host_strong > 0 => (Builder::Host, Certainty::Likely),
        _ if host_weak > 0 && weak == 0 => (Builder::Host, Certainty::Possible),
        _ => (Builder::Undetermined, Certainty::Possible),
    }
}

/// Tests that this reset does not allow, and why.
fn blind_spots(scene: &Scene<'_>) -> Vec<&'static str> {
    let reset = scene.reset;
    let mut blind = Vec::new();
    if reset.sender.packets() == 0 && scene.sender.is_none() {
        blind.push("the claimed sender sent nothing else to compare the reset with");
    } else if scene.is_forgotten && scene.baseline().is_none() {
        blind.push("the capture shows so many hosts that the claimed sender's other connections are not remembered, and this one is too short for its TTL to say anything");
    } else if scene.baseline().is_none() {
        blind.push("the claimed sender's packets come over different distances (a proxy, several hosts behind one address), so that the reset's TTL says nothing");
    } else if reset.sender.packets() < 3 {
        blind.push("the claimed sender sent too few packets on this connection to know how it numbers them");
    }
    if scene.tcp.clock_ran_back > 0 {
        blind.push("the capture's clock ran back (merged interfaces?), so that times prove nothing");
    } else if scene.round_trip().is_none() {
        blind.push("no round trip to the claimed sender was measured, so the reset's timing proves nothing");
    }
    if scene.has_gaps() {
        blind.push("packets are missing from the capture, so that sequence numbers prove little");
    }
    blind.extend(other_end::blind_spot(scene));
    if reset.id.is_none() {
        blind.push("IPv6 packets carry no identification");
    }
    if reset.fit == SequenceFit::AnswersSyn {
        blind.push("a refused connection shows nothing of its sender but the refusal");
    }
    blind
}
