//! `connection-limit`: many half-done connections to one server while it did
//! not take another one. Windows counts them (MaxOutstandingConnections) and
//! delays or stops accepting beyond a number.

use foldhash::HashMap;

use super::crowd::{Crowd, CrowdRule, Member};
use super::finding::{Evidence, Finding, Severity};
use crate::base::{CaptureTime, Certainty};
use crate::flow::Endpoint;

/// So many half-done connections are no coincidence. The limit that is
/// documented is 50 (Windows Server 2008); a capture sees a part of them.
const HALF_DONE: usize = 20;

/// Ways in which a server that takes no more looks: verdicts on its connections.
pub const TURNED_AWAY: [&str; 3] = ["connection-refused", "no-answer", "service-silent"];

/// The rule.
pub struct ConnectionLimit;

impl CrowdRule for ConnectionLimit {
    fn id(&self) -> &'static str {
        "connection-limit"
    }

    fn prose(&self) -> &'static str {
        include_str!("connection_limit.md")
    }

    fn check(&self, crowd: &Crowd<'_>) -> Option<Finding> {
        let mut servers: HashMap<Endpoint, Vec<&Member>> = HashMap::default();
        for connection in crowd.connections {
            servers.entry(connection.server).or_default().push(connection);
        }
        let mut crowded: Vec<Moment<'_>> =
            servers.values().filter_map(|connections| worst_moment(connections)).collect();
        crowded.sort_by_key(|moment| (core::cmp::Reverse(moment.half_done), moment.turned_away.first.frame));
        let worst = crowded.first()?;
        let also = match crowded.len() - 1 {
            0 => String::new(),
            others => format!(" The same is seen of {others} more servers."),
        };
        Some(
            Finding::new(
                self.id(),
                Severity::Warning,
                Certainty::Possible,
                format!("{} connections to the server were half done when it took no more", worst.half_done),
                Evidence::new(worst.turned_away.first, "a connection that the server did not take"),
            )
            .detail(format!(
                "When this connection began, {} others to the same server, from {}, had begun and neither reached the desktop nor ended. {} turned away at such moments. A Windows server takes no more above a limit of such connections.{also}",
                worst.half_done,
                match worst.clients {
                    1 => "one address".to_owned(),
                    n => format!("{n} addresses"),
                },
                match worst.victims {
                    1 => "One connection to it was".to_owned(),
                    n => format!("{n} connections to it were"),
                }
            ))
            .support([Evidence::new(worst.oldest.first, "the oldest of the half-done connections")])
            .cannot_tell("whether the server has reached a limit, or fails for another reason that keeps them all half done; connections that this capture does not see count as well")
            .next("who are the clients? Unknown addresses that never finish are scanners: keep them away from the port (firewall, VPN, RD Gateway)")
            .next("on the server: Get-NetTCPConnection -LocalPort 3389 | Group-Object State; event 1006 of TerminalServices-RemoteConnectionManager tells of too many connections")
            .next("MaxOutstandingConnections (HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server) raises the limit; it is a protection against floods, and raising it weakens that"),
        )
    }
}

/// When the most connections of one server were half done while one was turned
/// away.
struct Moment<'a> {
    half_done: usize,
    clients: usize,
    turned_away: &'a Member,
    oldest: &'a Member,
    victims: usize,
}

/// What happens at an instant; in this order where several do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Done,
    Asks,
    Begins,
}

/// Goes through the life of one server, instant by instant.
fn worst_moment<'a>(connections: &[&'a Member]) -> Option<Moment<'a>> {
    let mut changes: Vec<(CaptureTime, Change, usize)> = Vec::new();
    for (i, connection) in connections.iter().enumerate() {
        let start = connection.first.time;
        if let Some(until) = connection.half_done_until {
            changes.push((start, Change::Begins, i));
            changes.push((until, Change::Done, i));
        }
        if connection.was_turned_away {
            changes.push((start, Change::Asks, i));
        }
    }
    changes.sort_unstable();
    let (mut now, mut victims) = (0usize, 0usize);
    let mut most: Option<(usize, CaptureTime, usize)> = None;
    for &(time, change, i) in &changes {
        match change {
            Change::Begins => now = now.saturating_add(1),
            Change::Done => now = now.saturating_sub(1),
            Change::Asks if now >= HALF_DONE => {
                victims = victims.saturating_add(1);
                if most.is_none_or(|(half_done, ..)| now > half_done) {
                    most = Some((now, time, i));
                }
            }
            Change::Asks => {}
        }
    }
    let (half_done, time, i) = most?;
    let there: Vec<&&Member> = connections
        .iter()
        .filter(|one| one.first.time < time && one.half_done_until.is_some_and(|until| until > time))
        .collect();
    let mut clients: Vec<_> = there.iter().map(|one| one.client).collect();
    clients.sort_unstable();
    clients.dedup();
    let oldest = there.iter().min_by_key(|one| one.first.time)?;
    Some(Moment { half_done, clients: clients.len(), turned_away: connections.get(i)?, oldest, victims })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CaptureTime, Frame};
    use crate::findings::Link;
    use crate::findings::testing::link;
    use crate::session::Stage;

    fn check(connections: &[Link]) -> Option<Finding> {
        let connections: Vec<Member> = connections.iter().map(Member::from).collect();
        ConnectionLimit.check(&Crowd { connections: &connections, side_channels: &[] })
    }

    /// `n` connections that stay half done, and one that is refused.
    fn crowd(n: u32, change: impl Fn(Link) -> Link) -> Vec<Link> {
        let half_done = |id| change(Link { stage: Stage::X224, desktop: None, ..link(id, id.into(), 1000) });
        let refused =
            Link { stage: Stage::Tcp, desktop: None, verdict: Some("connection-refused"), ..link(n, 500, 501) };
        (0..n).map(half_done).chain([refused]).collect()
    }

    #[test]
    fn a_crowd_and_a_refusal_make_it_possible_and_no_more() {
        let finding = check(&crowd(30, |link| link)).unwrap();
        assert_eq!((finding.severity, finding.certainty), (Severity::Warning, Certainty::Possible));
        assert!(finding.title.starts_with("30 connections"), "{}", finding.title);
        assert_eq!(finding.supporting[0].at.frame, Frame::new(0, 1), "the oldest");
    }

    #[test]
    fn near_misses_stay_silent() {
        let at = CaptureTime::from_parts(400, 0);
        assert!(check(&crowd(19, |link| link)).is_none(), "too few");
        assert!(check(&crowd(30, |link| Link { desktop: Some(at), ..link })).is_none(), "they reached the desktop");
        assert!(check(&crowd(30, |link| Link { open_until: at, ..link })).is_none(), "they had ended");
        assert!(check(&crowd(30, |link| Link { stage: Stage::Tcp, ..link })).is_none(), "SYN probes");
        let elsewhere = |link: Link| Link { server: Endpoint { port: 3390, ..link.server }, ..link };
        assert!(check(&crowd(30, elsewhere)).is_none(), "another server");
        let mut unhurt = crowd(30, |link| link);
        unhurt.pop();
        assert!(check(&unhurt).is_none(), "nobody was turned away");
    }

    #[test]
    fn a_damaged_capture_does_not_make_one() {
        assert!(check(&crowd(30, |link| Link { is_sound: false, ..link })).is_none());
    }
}
