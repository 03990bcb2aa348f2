//! What connections show together, told when one of them ends: a server that
//! takes no more, a device that resets several, UDP that nobody answers.
//!
//! The rules are those of a saved capture. They look at the connections that
//! ended last and at those in progress, server by server.

use std::collections::{HashMap, VecDeque};

use rdpwhy::analysis::{Analyzer, Connection};
use rdpwhy::base::{CaptureTime, Span};
use rdpwhy::findings::{CROWD_RULES, Crowd, Finding, Member, Outcome, TURNED_AWAY};
use rdpwhy::flow::Endpoint;
use rdpwhy::session::Stage;

/// Connections remembered that spoke RDP, some 100 bytes each: those of a busy
/// gateway within an hour.
const MAX_SPOKEN: usize = 4_096;

/// Connections remembered that did not come so far. A flood of SYNs pushes only
/// these out.
const MAX_SILENT: usize = 1_024;

/// A server is looked at again after this.
const AGAIN: Span = Span::from_secs(2);

/// Servers looked at within a tick: each costs a walk over all connections.
const MAX_LOOKS: usize = 4;

/// Servers of which it is known what was found; more are looked at anew.
const MAX_SERVERS: usize = 1_024;

/// What was told of a server is told people again after this. (A line for
/// programs says it each time.)
const TOLD_AGAIN: Span = Span::from_secs(600);

/// What was found of a server's connections, and when that was.
struct Looked {
    at: CaptureTime,
    found: Vec<Finding>,
}

/// The connections that ended last.
#[derive(Default)]
pub(super) struct Crowds {
    spoken: VecDeque<Member>,
    silent: VecDeque<Member>,
    looked: HashMap<Endpoint, Looked>,
    told: HashMap<(&'static str, Endpoint), CaptureTime>,
    looks: usize,
}

impl Crowds {
    /// A connection has ended.
    pub(super) fn remember(&mut self, connection: &Connection) {
        let mut link = connection.link();
        // Nobody reads it here, and it is the largest part.
        link.sentence = String::new();
        let (queue, room) = match link.stage {
            Stage::Tcp => (&mut self.silent, MAX_SILENT),
            _ => (&mut self.spoken, MAX_SPOKEN),
        };
        if queue.len() >= room {
            queue.pop_front();
        }
        queue.push_back(Member::from(&link));
    }

    /// What a connection that has ended shows together with others. All that
    /// ended with it are remembered by then.
    pub(super) fn shared(&mut self, connection: &Connection, analyzer: &Analyzer, now: CaptureTime) -> Vec<Finding> {
        let server = connection.tcp.endpoints.server;
        let own = |id: &str| connection.diagnosis.findings.iter().any(|finding| finding.id == id);
        let mut found: Vec<Finding> = Vec::new();
        // Only servers of which something may be shown are looked at.
        let is_worth_it = match connection.diagnosis.outcome {
            Outcome::Failed => connection.diagnosis.verdict().is_some_and(|found| TURNED_AWAY.contains(&found.id)),
            Outcome::Active => !analyzer.side_channels(Some(server.ip)).is_empty(),
            Outcome::Abandoned | Outcome::Open | Outcome::Unknown => false,
        };
        if is_worth_it {
            let of_server = self.of_server(server, analyzer, now).iter();
            found.extend(of_server.filter(|finding| is_shared(finding.id, connection)).cloned());
        }
        if own("injected-reset") {
            found.extend(analyzer.of_the_capture().filter(|finding| finding.id == "middlebox"));
        }
        found
    }

    /// What is shown by all connections of a server that are remembered or in
    /// progress.
    fn of_server(&mut self, server: Endpoint, analyzer: &Analyzer, now: CaptureTime) -> &[Finding] {
        let is_fresh = |looked: &Looked| now.since(looked.at).abs() < AGAIN;
        if !self.looked.get(&server).is_some_and(is_fresh) && self.looks < MAX_LOOKS {
            self.looks += 1;
            let found = self.look(Some(server), analyzer, now);
            if self.looked.len() >= MAX_SERVERS {
                self.looked.clear();
            }
            self.looked.insert(server, Looked { at: now, found });
        }
        self.looked.get(&server).map_or(&[], |looked| looked.found.as_slice())
    }

    fn look(&self, server: Option<Endpoint>, analyzer: &Analyzer, now: CaptureTime) -> Vec<Finding> {
        let wanted = |member: &&Member| server.is_none_or(|server| member.server == server);
        let mut members: Vec<Member> = self.spoken.iter().chain(&self.silent).filter(wanted).copied().collect();
        members.extend(analyzer.links_in_progress(server, now).map(|link| Member::from(&link)));
        members.sort_by_key(|member| member.first.time);
        let side_channels = analyzer.side_channels(server.map(|server| server.ip));
        let crowd = Crowd { connections: &members, side_channels: &side_channels };
        CROWD_RULES.iter().filter_map(|rule| rule.check(&crowd)).collect()
    }

    /// Whether people have not been told of it lately.
    pub(super) fn is_news(&mut self, finding: &Finding, server: Endpoint, now: CaptureTime) -> bool {
        if self.told.len() >= MAX_SERVERS {
            self.told.clear();
        }
        let before = self.told.get(&(finding.id, server)).copied();
        let is_news = before.is_none_or(|then| now.since(then).abs() >= TOLD_AGAIN);
        if is_news {
            self.told.insert((finding.id, server), now);
        }
        is_news
    }

    /// Time goes on.
    pub(super) const fn tick(&mut self) {
        self.looks = 0;
    }

    /// What all that is remembered shows together, for the summary.
    pub(super) fn summary(&self, analyzer: &Analyzer, now: CaptureTime) -> Vec<String> {
        let capture =
            analyzer.of_the_capture().filter(|f| ["middlebox", "capture-gaps", "capture-one-sided"].contains(&f.id));
        let all = self.look(None, analyzer, now).into_iter().chain(capture);
        all.map(|finding| format!("{}: {}. {}", finding.id, finding.title, finding.detail)).collect()
    }
}

/// Whether a finding about its server concerns a connection.
fn is_shared(finding: &str, connection: &Connection) -> bool {
    match finding {
        // Those that the server took suffer nothing from it.
        "connection-limit" => connection.diagnosis.outcome == Outcome::Failed,
        "udp-blocked" => connection.diagnosis.outcome == Outcome::Active,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy::capture::{CaptureOptions, Source, Timeline};
    use std::path::Path;

    /// What is told while a case of the lab passes, each connection at its end.
    fn told(case: &str) -> (Vec<(&'static str, Outcome)>, Vec<String>) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases").join(case).join("client.pcap");
        let mut timeline = Timeline::new(vec![Source::Path(file)], CaptureOptions::default());
        let (mut analyzer, mut crowds, mut told) = (Analyzer::default(), Crowds::default(), Vec::new());
        let mut now = CaptureTime::default();
        let mut ended = |analyzer: &mut Analyzer, crowds: &mut Crowds, now| {
            let connections = analyzer.take();
            connections.iter().for_each(|connection| crowds.remember(connection));
            for connection in connections {
                let found = crowds.shared(&connection, analyzer, now);
                told.extend(found.iter().map(|finding| (finding.id, connection.diagnosis.outcome)));
            }
            crowds.tick();
        };
        while let Some(packet) = timeline.next_packet() {
            now = packet.time;
            analyzer.push(&packet);
            analyzer.tick(now);
            ended(&mut analyzer, &mut crowds, now);
        }
        while analyzer.tick(now + Span::from_secs(8)) {}
        ended(&mut analyzer, &mut crowds, now + Span::from_secs(8));
        while analyzer.end_some(8) {}
        ended(&mut analyzer, &mut crowds, now + Span::from_secs(8));
        let summary = crowds.summary(&analyzer, now);
        (told, summary)
    }

    #[test]
    fn a_server_that_takes_no_more_is_told_with_those_it_turned_away() {
        for case in ["crowd-limit-refused", "crowd-limit-silent"] {
            let (told, summary) = told(case);
            assert!(told.contains(&("connection-limit", Outcome::Failed)), "{case}: {told:?}");
            assert!(told.iter().all(|(_, outcome)| *outcome == Outcome::Failed), "{case}: {told:?}");
            assert!(summary.iter().any(|line| line.starts_with("connection-limit: ")), "{case}: {summary:?}");
        }
        let (told, _) = told("crowd-syn-probes");
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn one_device_and_unanswered_udp_are_told_with_those_that_they_concern() {
        let (told, summary) = told("crowd-middlebox");
        assert!(told.contains(&("middlebox", Outcome::Failed)), "{told:?}");
        assert!(summary.iter().any(|line| line.starts_with("middlebox: ")), "{summary:?}");
        let (told, _) = self::told("healthy-udp-blocked");
        assert_eq!(told, [("udp-blocked", Outcome::Active)]);
    }

    #[test]
    fn a_single_connection_shows_nothing_together() {
        let (told, summary) = told("injected-suricata-tls");
        assert_eq!((told, summary), (Vec::new(), Vec::<String>::new()));
    }

    #[test]
    fn people_are_told_once_in_a_while() {
        let (mut crowds, at) = (Crowds::default(), |s| CaptureTime::from_parts(s, 0));
        let endpoint = |port| Endpoint { ip: "10.0.0.1".parse().unwrap(), port };
        let seen = rdpwhy::findings::Evidence::new(
            rdpwhy::base::At { frame: rdpwhy::base::Frame::new(0, 1), time: at(0) },
            "a frame",
        );
        let finding = Finding::new(
            "middlebox",
            rdpwhy::findings::Severity::Warning,
            rdpwhy::base::Certainty::Likely,
            "One device",
            seen,
        );
        assert!(crowds.is_news(&finding, endpoint(1), at(0)) && crowds.is_news(&finding, endpoint(2), at(0)));
        assert!(!crowds.is_news(&finding, endpoint(1), at(599)) && crowds.is_news(&finding, endpoint(1), at(601)));
    }
}
