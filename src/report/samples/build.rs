//! What the samples are built from.

use crate::base::CaptureTime;
use crate::report::document::*;

/// A document of these connections, with everything that follows from them.
pub(crate) fn report(connections: Vec<Connection>) -> Report {
    let mut attempts: Vec<Attempt> = Vec::new();
    for c in &connections {
        let verdict = c.verdict.as_ref().map(|v| AttemptVerdict { finding: v.finding.clone(), connection: c.id });
        match attempts.iter_mut().find(|a| a.id == c.attempt) {
            Some(attempt) => {
                attempt.connections.push(c.id);
                attempt.end = c.end;
                attempt.outcome = c.outcome;
                attempt.verdict = verdict;
            }
            None => attempts.push(Attempt {
                id: c.attempt,
                client_ip: c.client.ip,
                server: c.server,
                connections: vec![c.id],
                ties: vec![],
                start: c.start,
                end: c.end,
                outcome: c.outcome,
                verdict,
                sentence: match (&c.verdict, c.outcome) {
                    (Some(verdict), _) => verdict.sentence.clone(),
                    (None, Outcome::Active) => "The session worked and ended normally".to_owned(),
                    (None, _) => "Nothing explains how it ended".to_owned(),
                },
            }),
        }
    }
    for attempt in &mut attempts {
        if let Some(verdict) = connections.iter().find(|c| Some(c.id) == attempt.verdict.as_ref().map(|v| v.connection))
        {
            attempt.sentence = verdict.verdict.as_ref().unwrap().sentence.clone();
        }
    }
    let mut summary = Summary { complete: true, packets: 9_231, bytes: 6_011_822, ..Summary::default() };
    summary.connections = connections.len() as u64;
    summary.attempts = attempts.len() as u64;
    for attempt in &attempts {
        *match attempt.outcome {
            Outcome::Active => &mut summary.active,
            Outcome::Failed => &mut summary.failed,
            Outcome::Abandoned => &mut summary.abandoned,
            Outcome::Open => &mut summary.open,
            Outcome::Unknown => &mut summary.unknown,
        } += 1;
        if let (Outcome::Failed, Some(verdict)) = (attempt.outcome, &attempt.verdict) {
            *summary.by_finding.entry(verdict.finding.to_string()).or_default() += 1;
        }
    }
    let (servers, clients) = crate::report::build::views(&attempts);
    Report {
        schema_version: SchemaVersion,
        tool: Tool { name: "rdpwhy".to_owned(), version: "0.1.0".to_owned() },
        captures: vec![capture()],
        attempts,
        connections,
        counted: vec![],
        findings: vec![],
        servers,
        clients,
        summary,
        side_channels: vec![],
        notices: vec![],
        unreadable: vec![],
    }
}

pub(crate) fn capture() -> Capture {
    Capture {
        index: 0,
        path: "case.pcapng".to_owned(),
        sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned()),
        format: "pcapng".to_owned(),
        compression: vec![],
        link_types: vec!["ETHERNET".to_owned()],
        interfaces: vec![Interface {
            name: Some("eth0".to_owned()),
            description: None,
            link_type: "ETHERNET".to_owned(),
            snap_len: Some(262_144),
            received: Some(9_231),
            dropped: Some(0),
        }],
        packets: 9_231,
        bytes: 6_011_822,
        stored_bytes: 6_309_112,
        first_time: Some(at(0)),
        last_time: Some(at(746_300)),
        cut_packets: 0,
        dropped: Some(0),
        complete: true,
        has_tls_secrets: false,
        written_by: Some("Dumpcap (Wireshark) 4.2.5".to_owned()),
        comments: vec![],
        notices: vec![],
    }
}

/// A healthy connection; cases change what differs.
pub(crate) fn connection(id: u32) -> Connection {
    Connection {
        id,
        attempt: 1,
        same_as: Vec::new(),
        community_id: "1:wCb3OG7yAFWelaUydu0D+125CLM=".to_owned(),
        client: "10.1.2.3:50312".parse::<std::net::SocketAddr>().map(endpoint).unwrap(),
        server: "10.20.30.40:3389".parse::<std::net::SocketAddr>().map(endpoint).unwrap(),
        roles_from: RolesFrom::Handshake,
        capture: 0,
        first_frame: frame(1),
        last_frame: frame(12),
        start: at(0),
        end: at(3_431),
        packets: BySide { client: 6, server: 5 },
        not_captured: None,
        bytes: BySide { client: 230, server: 19 },
        stage: Stage::Active,
        stage_is_lower_bound: false,
        outcome: Outcome::Active,
        ended: Ended { how: EndedHow::CaptureEnd, by: EndedBy::Unknown, frame: None, time: None },
        stages: vec![],
        steps: vec![],
        steps_not_listed: 0,
        proxied: None,
        negotiation: Some(Negotiation {
            cookie_present: true,
            requested: vec!["PROTOCOL_SSL".into(), "PROTOCOL_HYBRID".into(), "PROTOCOL_HYBRID_EX".into()],
            selected: Some("PROTOCOL_HYBRID_EX".into()),
            failure: None,
            request_frame: Some(frame(4)),
            response_frame: Some(frame(6)),
        }),
        tls: None,
        credssp: None,
        licensing: None,
        error_info: None,
        disconnect_ultimatum: None,
        network: Network {
            rtt_ms: Some(RoundTrip {
                min: Millis::from_micros(20_400),
                median: ms(21),
                p95: Some(ms(30)),
                max: ms(35),
                jitter: Some(ms(4)),
                samples: 9,
            }),
            mss: SegmentSizes { client: Some(1_460), server: Some(1_380) },
            longest_silence_ms: Some(ms(3_357)),
            ..Network::default()
        },
        resets: vec![],
        verdict: None,
        findings: vec![],
        ruled_out: vec![],
        pattern_0x7: Pattern0x7 {
            r#match: PatternMatch::None,
            client_would_show: None,
            because: "the desktop was there".into(),
        },
    }
}

pub(crate) fn failed_in(stage: Stage) -> Connection {
    Connection { stage, outcome: Outcome::Failed, ..connection(1) }
}

/// Stages from (which, first frame, last frame, start in ms, duration in ms).
pub(crate) fn stages(list: &[(Stage, u64, u64, u64, i64)]) -> Vec<StageRecord> {
    let record = |&(stage, first, last, start, duration): &_| StageRecord {
        stage,
        visibility: if stage > Stage::Tls { Visibility::Inferred } else { Visibility::Clear },
        first_frame: frame(first),
        last_frame: frame(last),
        start: at(start),
        duration_ms: ms(duration),
        waiting_for: None,
    };
    list.iter().map(record).collect()
}

#[expect(clippy::type_complexity, reason = "a table")]
/// Steps from (message, side, stage, frame, time in ms, think time in ms).
pub(crate) fn steps(list: &[(&'static str, Side, Stage, u64, u64, Option<i64>)]) -> Vec<Step> {
    let step = |&(message, side, stage, number, time, think): &(&'static str, _, _, _, _, Option<i64>)| Step {
        message: message.into(),
        side,
        stage,
        visibility: Visibility::Clear,
        frame: frame(number),
        time: at(time),
        think_ms: think.map(ms),
    };
    list.iter().map(step).collect()
}

pub(crate) fn evidence(number: u64, role: Role, says: &'static str) -> Evidence {
    Evidence { frame: frame(number), role, says: says.into() }
}

pub(crate) fn frame(number: u64) -> FrameRef {
    FrameRef::new(number)
}

pub(crate) fn endpoint(address: std::net::SocketAddr) -> Endpoint {
    Endpoint { ip: address.ip(), port: address.port() }
}

/// Milliseconds after the start of the capture.
pub(crate) fn at(millis: impl TryInto<i64>) -> Time {
    let millis = millis.try_into().unwrap_or_default();
    CaptureTime::from_parts(1_715_938_262, 118_204_331 + millis * 1_000_000).into()
}

pub(crate) fn ms(millis: i64) -> Millis {
    Millis::from_micros(millis * 1_000)
}

/// The same connection, `millis` later.
pub(crate) fn shifted(c: &Connection, millis: i64) -> Connection {
    fn shift(value: &mut serde_json::Value, millis: i64) {
        match value {
            serde_json::Value::String(text) => {
                if let Ok(time) = serde_json::from_value::<Time>(text.as_str().into()) {
                    let (seconds, nanos) = time.parts();
                    let later = Time::from(CaptureTime::from_parts(seconds, nanos + millis * 1_000_000));
                    *text = later.to_string();
                }
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|v| shift(v, millis)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|v| shift(v, millis)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(c).unwrap();
    shift(&mut value, millis);
    serde_json::from_value(value).unwrap()
}
