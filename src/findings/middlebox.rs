//! `middlebox`: one device resets several connections.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnosis::Diagnosis;
use super::finding::{Evidence, Finding, Severity};
use super::injected_reset::is_foreign;
use super::resets::{Distance, Fingerprint};
use super::totals::{CaptureRule, Totals};
use super::words;
use crate::base::{At, CaptureId, Certainty, Side, Span};
use crate::flow::TcpFacts;
use crate::session::{SessionFacts, Stage};

/// The rule.
pub struct Middlebox;

/// Connections with the same foreign fingerprint that make one device likely.
const LIKELY: usize = 3;

/// Foreign resets remembered. One more connection of the same device changes
/// nothing by then but the number, which is a least one.
const MAX_SIGHTINGS: usize = 10_000;

/// Frames shown.
const SHOWN: usize = 8;

/// Silences shorter than this are the pace of a conversation, not a timer.
const MIN_SILENCE: Span = Span::from_secs(5);

/// A connection in which another device's reset was seen.
#[derive(Clone, Debug)]
struct Sighting {
    fingerprint: Fingerprint,
    at: At,
    claimed: core::net::IpAddr,
    claimed_by: Side,
    distance: Option<Distance>,
    silence: Span,
    stage: Stage,
}

/// The foreign resets of a run.
#[derive(Clone, Debug, Default)]
pub struct ForeignResets {
    sightings: Vec<Sighting>,
    /// There were more.
    has_more: bool,
    /// Connections that were looked at, in each capture.
    connections: BTreeMap<CaptureId, usize>,
}

impl ForeignResets {
    /// Adds a connection of a capture in which no other device built a reset.
    pub fn add_without(&mut self, capture: CaptureId) {
        *self.connections.entry(capture).or_default() += 1;
    }

    /// Adds a connection: the first reset in it that another device built.
    pub fn add(&mut self, tcp: &TcpFacts, session: &SessionFacts, diagnosis: &Diagnosis) {
        self.add_without(tcp.first.frame.capture);
        let foreign = tcp.resets.iter().zip(&diagnosis.resets).find(|(_, judgement)| is_foreign(judgement));
        let Some((reset, judgement)) = foreign else { return };
        if self.sightings.len() >= MAX_SIGHTINGS {
            self.has_more = true;
        } else {
            self.sightings.push(Sighting {
                fingerprint: Fingerprint::of(reset),
                at: reset.at,
                claimed: reset.source,
                claimed_by: reset.claimed_by,
                distance: judgement.distance(),
                silence: reset.silence_before,
                stage: session.stage(),
            });
        }
    }
}

impl CaptureRule for Middlebox {
    fn id(&self) -> &'static str {
        "middlebox"
    }

    fn prose(&self) -> &'static str {
        include_str!("middlebox.md")
    }

    fn check(&self, totals: &Totals) -> Option<Finding> {
        let mut groups: BTreeMap<Fingerprint, Vec<&Sighting>> = BTreeMap::new();
        for sighting in &totals.foreign_resets.sightings {
            groups.entry(sighting.fingerprint).or_default().push(sighting);
        }
        let (fingerprint, group) = groups.into_iter().max_by_key(|(_, group)| group.len())?;
        let [first, rest @ ..] = group.as_slice() else { return None };
        if rest.is_empty() {
            return None;
        }
        let certainty = if group.len() >= LIKELY { Certainty::Likely } else { Certainty::Possible };
        let finding = Finding::new(
            self.id(),
            Severity::Warning,
            certainty,
            "One device resets several connections",
            Evidence::new(first.at, "the first of its resets"),
        )
        .detail(sentence(
            &group,
            totals.foreign_resets.connections.get(&fingerprint.capture).copied().unwrap_or_default(),
            totals.foreign_resets.has_more,
        ))
        .support(rest.iter().take(SHOWN).map(|s| Evidence::new(s.at, "another connection, the same fingerprint")))
        .cannot_tell("which product it is, and which of its rules or timers is at work")
        .cannot_tell("whether two devices of the same make stand at the same distance")
        .next("hand this sentence, the times and the addresses to whoever runs the firewalls on this path")
        .next("ask for the device's session log of exactly these connections");
        Some(finding)
    }
}

/// One sentence for the firewall team.
fn sentence(group: &[&Sighting], connections: usize, at_least: bool) -> String {
    let claimed: BTreeSet<_> = group.iter().map(|s| (s.claimed_by.name(), s.claimed)).collect();
    let servers = claimed.iter().filter(|(side, _)| *side == Side::Server.name()).count();
    let clients = claimed.len() - servers;
    let names = [(servers, "server"), (clients, "client")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| if n == 1 { format!("one {what}") } else { format!("{n} different {what}s") })
        .collect::<Vec<_>>()
        .join(" and ");
    let distances: Option<Vec<Distance>> = group.iter().map(|s| s.distance).collect();
    let distances = distances.unwrap_or_default();
    let device = match distances.first() {
        Some(first) => format!("A device {} from the capture point", words::hops(first.builder)),
        None => "A device, whose TTL does not tell how far away it is,".to_owned(),
    };
    let own: BTreeSet<u8> = distances.iter().map(|distance| distance.host).collect();
    let own = match (own.first(), own.last()) {
        (Some(low), Some(high)) if low == high => format!(", whose own packets come from {} away", words::hops(*low)),
        (Some(low), Some(high)) => format!(", whose own packets come from {low} to {} away", words::hops(*high)),
        _ => String::new(),
    };
    format!(
        "{device} reset {}{} of {connections} connections{}{}, in the name of {names}{own}.",
        if at_least { "at least " } else { "" },
        group.len(),
        silence(group),
        stage(group),
    )
}

/// The silence before the resets, where all of them came after about the same.
fn silence(group: &[&Sighting]) -> String {
    let seconds: Vec<f64> = group.iter().map(|s| s.silence.secs_f64()).collect();
    let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
    let spread = seconds.iter().map(|s| (s - mean).abs()).fold(0.0, f64::max);
    if mean < MIN_SILENCE.secs_f64() || spread > mean / 20.0 {
        return String::new();
    }
    format!(" after {mean:.1} ± {spread:.1} s of silence")
}

fn stage(group: &[&Sighting]) -> String {
    match group {
        [first, rest @ ..] if rest.iter().all(|s| s.stage == first.stage) => {
            format!(", each {}", first.stage.words().during)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};

    fn sighting(n: u64, server: u8, silence_ms: i64) -> Sighting {
        Sighting {
            fingerprint: Fingerprint {
                capture: CaptureId(0),
                ttl: 62,
                flags: 0x14,
                dont_fragment: false,
                zero_id: true,
                v6: false,
            },
            at: At { frame: Frame::new(0, n), time: CaptureTime::from_nanos(n as i64) },
            claimed: core::net::Ipv4Addr::new(10, 0, 0, server).into(),
            claimed_by: Side::Server,
            distance: Some(Distance { builder: 2, host: 7 }),
            silence: Span::from_millis(silence_ms),
            stage: Stage::Active,
        }
    }

    fn check(sightings: Vec<Sighting>) -> Option<Finding> {
        let foreign_resets =
            ForeignResets { connections: BTreeMap::from([(CaptureId(0), 9)]), sightings, has_more: false };
        Middlebox.check(&Totals { foreign_resets, ..Totals::default() })
    }

    #[test]
    fn the_sentence_for_the_firewall_team() {
        let found = check(vec![sighting(5, 1, 9_950), sighting(80, 2, 10_000), sighting(90, 3, 10_050)]).unwrap();
        assert_eq!(found.certainty, Certainty::Likely);
        assert_eq!(
            found.detail,
            "A device 2 hops from the capture point reset 3 of 9 connections after 10.0 ± 0.1 s of silence, each in the running session, in the name of 3 different servers, whose own packets come from 7 hops away."
        );
    }

    #[test]
    fn a_copied_ttl_tells_no_distance() {
        let copied = |n| Sighting { distance: None, ..sighting(n, 1, 0) };
        let found = check(vec![copied(5), copied(80)]).unwrap();
        assert!(found.detail.starts_with("A device, whose TTL does not tell how far away it is, reset 2 of 9"));
        assert!(!found.detail.contains("hop"), "{}", found.detail);
    }

    #[test]
    fn one_connection_is_no_pattern_and_neither_are_two_fingerprints() {
        assert!(check(vec![]).is_none());
        assert!(check(vec![sighting(5, 1, 0)]).is_none());
        let mut other = sighting(9, 1, 0);
        other.fingerprint.ttl = 253;
        assert!(check(vec![sighting(5, 1, 0), other]).is_none());
    }

    #[test]
    fn two_connections_are_possible_and_different_silences_are_not_named() {
        let found = check(vec![sighting(5, 1, 9_000), sighting(6, 1, 30_000)]).unwrap();
        assert_eq!(found.certainty, Certainty::Possible);
        assert!(!found.detail.contains("silence"));
        assert!(found.detail.contains("one server,"));
    }
}
