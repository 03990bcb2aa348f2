//! One connection.

use core::net::IpAddr;

use super::{Frames, endpoint, finding, network, resets, security};
use crate::analysis;
use crate::base::{CaptureTime, Side, Span};
use crate::findings::{Diagnosis, EndedBy as By};
use crate::flow::{self, EndKind};
use crate::report::document::{
    BySide, Connection, Ended, EndedBy, EndedHow, Endpoint, Millis, Proxied, ProxyProtocol, RolesFrom, Stage,
    StageRecord, Step, Verdict, Waiting,
};
use crate::session::{self, Owed};
use crate::wire::preamble::Preamble;

pub(super) fn build(connection: analysis::Connection, attempt: u32, same_as: Vec<u32>, frames: Frames) -> Connection {
    let ended = ended(&connection.diagnosis, frames);
    let stages = stages(&connection, frames);
    let analysis::Connection { id, capture, tcp, session, diagnosis, sentence, lost, .. } = connection;
    let tls = security::tls(&session, &diagnosis, frames);
    let verdict = diagnosis.verdict().map(|f| (f.id, f.certainty));
    let Diagnosis { resets, findings, excluded, outcome, pattern, .. } = *diagnosis;
    let filter = if findings.is_empty() { String::new() } else { display_filter(&tcp) };
    Connection {
        id,
        attempt,
        same_as,
        community_id: community_id(endpoint(&tcp.endpoints.client), endpoint(&tcp.endpoints.server)),
        client: endpoint(&tcp.endpoints.client),
        server: endpoint(&tcp.endpoints.server),
        roles_from: match tcp.roles_from {
            flow::RolesFrom::Handshake => RolesFrom::Handshake,
            flow::RolesFrom::Negotiation => RolesFrom::Negotiation,
            flow::RolesFrom::Port => RolesFrom::Port,
        },
        capture: capture.0,
        first_frame: frames.name(tcp.first.frame),
        last_frame: frames.name(tcp.last.frame),
        start: tcp.first.time.into(),
        end: tcp.last.time.into(),
        packets: BySide { client: tcp.directions.client.packets, server: tcp.directions.server.packets },
        bytes: BySide { client: tcp.directions.client.sent_bytes, server: tcp.directions.server.sent_bytes },
        not_captured: lost,
        stage: session.stage().into(),
        stage_is_lower_bound: session.stages.lower_bound().is_some(),
        outcome: outcome.into(),
        ended,
        stages,
        steps: steps(&session, frames),
        steps_not_listed: session.steps.left_out(),
        proxied: proxied(&tcp, &session),
        negotiation: security::negotiation(&session, frames),
        tls,
        credssp: security::credssp(&session, frames),
        licensing: security::licensing(&session),
        error_info: security::error_info(&session, frames),
        disconnect_ultimatum: security::disconnect_ultimatum(&session, frames),
        network: network::build(&tcp, frames),
        resets: tcp.resets.iter().zip(resets).map(|(r, j)| resets::build(r, j, frames)).collect(),
        verdict: verdict.map(|(id, certainty)| Verdict { finding: id.into(), certainty: certainty.into(), sentence }),
        findings: findings.into_iter().map(|f| finding::build(f, frames, Some(&filter))).collect(),
        ruled_out: excluded.into_iter().map(|e| finding::ruled_out(e, frames)).collect(),
        pattern_0x7: finding::pattern(pattern),
    }
}

fn proxied(tcp: &flow::TcpFacts, session: &session::SessionFacts) -> Option<Proxied> {
    let protocol = |kind| match kind {
        Preamble::Socks4 => ProxyProtocol::Socks4,
        Preamble::Socks5 => ProxyProtocol::Socks5,
        Preamble::HttpConnect => ProxyProtocol::HttpConnect,
        Preamble::ProxyProtocol => ProxyProtocol::ProxyProtocol,
    };
    match (tcp.proxied, session.proxy_header) {
        (Some(flow::Proxied { kind, bytes }), _) => Some(Proxied {
            protocol: kind.map(protocol),
            bytes: BySide { client: bytes.client.into(), server: bytes.server.into() },
        }),
        (None, Some(header)) => Some(Proxied {
            protocol: Some(ProxyProtocol::ProxyProtocol),
            bytes: BySide { client: u64::try_from(header.value).unwrap_or(u64::MAX), server: 0 },
        }),
        (None, None) => None,
    }
}

fn ended(diagnosis: &Diagnosis, frames: Frames) -> Ended {
    let shown = matches!(diagnosis.ended_how, EndKind::Reset | EndKind::Fin) && !diagnosis.end_is_unseen;
    Ended {
        how: how(diagnosis.ended_how),
        by: by(diagnosis.ended_by),
        frame: shown.then(|| frames.name(diagnosis.ended_at.frame)),
        time: (diagnosis.ended_how != EndKind::CaptureEnd).then(|| diagnosis.ended_at.time.into()),
    }
}

pub(super) const fn how(kind: EndKind) -> EndedHow {
    match kind {
        EndKind::Reset => EndedHow::Reset,
        EndKind::Fin => EndedHow::Fin,
        EndKind::Silence => EndedHow::Silence,
        EndKind::CaptureEnd => EndedHow::CaptureEnd,
    }
}

pub(super) const fn by(by: By) -> EndedBy {
    match by {
        By::Side(Side::Client) => EndedBy::Client,
        By::Side(Side::Server) => EndedBy::Server,
        By::OtherDevice => EndedBy::OtherDevice,
        By::Unknown => EndedBy::Unknown,
    }
}

/// When the connection was over, or was last watched.
fn over(connection: &analysis::Connection) -> CaptureTime {
    match connection.diagnosis.ended_how {
        EndKind::Reset | EndKind::Fin => connection.diagnosis.ended_at.time,
        EndKind::Silence | EndKind::CaptureEnd => connection.tcp.observed_until,
    }
}

/// How long a stage took; nothing where the clock was set back meanwhile.
fn duration(from: CaptureTime, to: CaptureTime) -> Millis {
    to.since(from).max(Span::ZERO).into()
}

/// The stages, the TCP handshake (which the session floor does not see) first.
fn stages(connection: &analysis::Connection, frames: Frames) -> Vec<StageRecord> {
    let analysis::Connection { tcp, session, .. } = connection;
    let list = session.stages.list();
    let over = over(connection);
    let mut records = Vec::with_capacity(list.len().saturating_add(1));
    if let Some(syn) = tcp.handshake.syn_times.first().copied().or(tcp.handshake.syn_ack) {
        let last = tcp.handshake.established.or(tcp.handshake.syn_ack).or(tcp.handshake.syn_times.last().copied());
        let end = list.first().map_or(over, |next| next.first.time);
        records.push(StageRecord {
            stage: Stage::Tcp,
            visibility: crate::report::document::Visibility::Clear,
            first_frame: frames.name(syn.frame),
            last_frame: frames.name(last.unwrap_or(syn).frame),
            start: syn.time.into(),
            duration_ms: duration(syn.time, end),
            waiting_for: None,
        });
    }
    records.extend(list.iter().map(|fact| StageRecord {
        stage: fact.stage.into(),
        visibility: fact.visibility.into(),
        first_frame: frames.name(fact.first.frame),
        last_frame: frames.name(fact.last.frame),
        start: fact.first.time.into(),
        duration_ms: duration(fact.first.time, fact.end.unwrap_or(over)),
        waiting_for: None,
    }));
    // Who begins to close owes nothing but the end; what was owed before that
    // is what counts.
    let owed = session.waiting.map(|w| if w.owed == Owed::Close { session.unanswered } else { Some(w) });
    // What a side that is missing from the capture sent, nobody knows.
    let owed = owed.filter(|_| connection.diagnosis.coverage.missing_side.is_none());
    if let (Some(last), Some(Some(waiting))) = (records.last_mut(), owed) {
        let waited = over.since(waiting.since.time);
        if waited > Span::ZERO && waiting.owed != Owed::Close {
            last.waiting_for = Some(Waiting {
                side: waiting.side.into(),
                ms: waited.into(),
                message: waiting.owed.to_string().into(),
            });
        }
    }
    records
}

fn steps(session: &session::SessionFacts, frames: Frames) -> Vec<Step> {
    let mut current = Stage::Tcp;
    session
        .steps
        .list()
        .map(|step| {
            current = step.message.stage().map_or(current, |s| Stage::from(s).max(current));
            Step {
                message: step.message.name(),
                side: step.side.into(),
                stage: current,
                visibility: step.visibility.into(),
                frame: frames.name(step.at.frame),
                time: step.at.time.into(),
                think_ms: step.think.map(Into::into),
            }
        })
        .collect()
}

/// What selects the connection in Wireshark.
fn display_filter(tcp: &flow::TcpFacts) -> String {
    let (client, server) = (&tcp.endpoints.client, &tcp.endpoints.server);
    let field = match client.ip {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ipv6",
    };
    format!(
        "{field}.addr == {} && {field}.addr == {} && tcp.port == {} && tcp.port == {}",
        client.ip, server.ip, client.port, server.port
    )
}

/// Community ID of a TCP connection between two ends.
pub(in crate::report) fn community_id(client: Endpoint, server: Endpoint) -> String {
    /// IANA's number of TCP.
    const TCP: u8 = 6;
    community_id::calculate_community_id(
        0,
        client.ip,
        server.ip,
        Some(client.port),
        Some(server.port),
        TCP,
        Default::default(),
    )
    .unwrap_or_default()
}
