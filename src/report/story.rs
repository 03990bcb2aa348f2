//! What every form for people tells of a connection: the same facts in the
//! same words, whatever they are laid out on.

use super::document::{
    Attempt, BuiltBy, Certainty, Certificate, Connection, Evidence, Finding, Hops, Legs, Millis, PatternMatch,
    ProxyProtocol, Reaction, Report, Reset, Role, RolesFrom, RoundTrip, RuledOut, Severity, Side, Stage, Stall,
    StallCause, Validity,
};
use super::escape;
use super::words::{self, Frames};

/// A 95th percentile of fewer samples is their maximum.
const ENOUGH_FOR_P95: u64 = 20;

/// A capture was taken beside the host to which the round trip is so many
/// times shorter than to the other.
const BESIDE: f64 = 20.0;

/// The connection that decided an attempt: that of its verdict, else the last.
pub(super) fn deciding<'r>(report: &'r Report, attempt: &Attempt) -> Option<&'r Connection> {
    let last = attempt.connections.last().copied();
    attempt.verdict.as_ref().map(|v| v.connection).or(last).and_then(|id| report.connection(id))
}

/// What a hurried reader needs, as pairs of a label and sentences.
pub(super) fn verdict(
    attempt: &Attempt,
    c: &Connection,
    finding: Option<&Finding>,
    frames: &Frames<'_>,
) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    let detail = finding.map_or("Nothing in the capture explains why.", |f| &*f.detail);
    said.push(("What happened", format!("{} {}", words::stopped(&attempt.sentence), words::stopped(detail))));
    said.push(("Who ended it", words::ended(c, frames)));
    if let Some(verdict) = &c.verdict {
        let lost = match c.not_captured {
            None => String::new(),
            Some(0) => {
                " Packets were lost while capturing at that time; what rests on their absence is one step less sure."
                    .to_owned()
            }
            Some(n) => format!(
                " The capture lost {} at that time; what rests on their absence is one step less sure.",
                words::counted(n, "packet")
            ),
        };
        said.push(("How sure", format!("{}{lost}", words::certainty(verdict.certainty))));
    }
    said.push(("Died in", place(c)));
    if let Some(finding) = finding {
        let primary: Vec<_> = finding.evidence.iter().filter(|e| e.role == Role::Primary).map(|e| e.frame).collect();
        said.push(("Shown by", format!("{}. Finding: {}.", frames.list(&primary), escape::text(&finding.id))));
    }
    let pattern = &c.pattern_0x7;
    if let Some(shown) = &pattern.client_would_show {
        said.push(("What the user saw", format!("probably {}", words::stopped(shown))));
    }
    let because = words::as_sentence(&pattern.because);
    match pattern.r#match {
        PatternMatch::Full => said.push(("Error 0x904/0x7", format!("matches. {because}"))),
        PatternMatch::Partial => said.push(("Error 0x904/0x7", format!("matches in part. {because}"))),
        PatternMatch::None => {}
    }
    said
}

/// Where a connection died, and what was owed.
pub(super) fn place(c: &Connection) -> String {
    let after = words::span(c.ended.time.unwrap_or(c.end).since(c.start));
    let least = if c.stage_is_lower_bound && c.stage != Stage::Active {
        " or later; the capture does not show enough to be sure"
    } else {
        ""
    };
    let start = if c.roles_from == RolesFrom::Handshake { "the start" } else { "its first packet in the capture" };
    let mut out = format!("{}{least}, {after} after {start}.", words::stage(c.stage));
    let waiting = c.stages.iter().filter_map(|s| s.waiting_for.as_ref()).next_back();
    if let Some(waiting) = waiting.filter(|w| w.ms > Millis::from_micros(0)) {
        let (side, message, ms) = (waiting.side.name(), &waiting.message, words::span(waiting.ms));
        out += &format!(" The next message was due from the {side}: {message} (waited {ms}).");
    }
    out
}

/// What is excluded; causes that the same frames exclude share an entry.
pub(super) fn ruled_out(c: &Connection) -> Vec<(Vec<&str>, &RuledOut)> {
    let mut groups: Vec<(Vec<&str>, &RuledOut)> = Vec::new();
    for excluded in &c.ruled_out {
        let same =
            |(_, other): &&mut (_, &RuledOut)| other.because == excluded.because && other.frames == excluded.frames;
        match groups.iter_mut().find(same) {
            Some((ids, _)) => ids.push(&excluded.finding),
            None => groups.push((vec![&excluded.finding], excluded)),
        }
    }
    groups
}

/// The resets of which somebody wants to know who built them: the one that
/// ended the connection, and those of other devices.
pub(super) fn telling(c: &Connection) -> impl Iterator<Item = &Reset> {
    let matters = |r: &&Reset| Some(r.frame) == c.ended.frame || r.built_by == BuiltBy::OtherDevice;
    c.resets.iter().filter(matters).filter(|r| !r.evidence.is_empty())
}

/// One reset for each builder among them: a device sends several with the same
/// evidence, and the first speaks for them.
pub(super) fn distinct(c: &Connection) -> Vec<&Reset> {
    let mut told: Vec<&Reset> = Vec::new();
    for reset in telling(c) {
        if !told.iter().any(|t| (t.claimed_by, t.built_by) == (reset.claimed_by, reset.built_by)) {
            told.push(reset);
        }
    }
    told
}

/// Who built a reset, and how sure that is.
pub(super) fn builder(reset: &Reset, frames: &Frames<'_>) -> String {
    let builder = words::builder(reset.built_by, reset.claimed_by.name());
    let who = match (reset.built_by, reset.certainty) {
        (BuiltBy::Undetermined, _) => builder.to_owned(),
        // A heading is what gets pasted: it names nobody on a trace.
        (_, Certainty::Possible) => format!("not known; what little there is points to {builder}"),
        (_, certainty) => format!("{builder} ({})", certainty.name()),
    };
    format!("Who built the reset in {}: {who}", frames.one(reset.frame))
}

/// What that rests on, the weightiest first.
pub(super) fn of_builder(reset: &Reset, frames: &Frames<'_>) -> Vec<String> {
    let mut evidence: Vec<_> = reset.evidence.iter().collect();
    evidence.sort_by_key(|e| core::cmp::Reverse(e.strength));
    let mut said: Vec<String> = evidence
        .into_iter()
        .map(|evidence| {
            let seen = words::in_brackets(&frames.list(&evidence.frames));
            let agrees = evidence.points_to == reset.built_by || reset.built_by == BuiltBy::Undetermined;
            let against = if agrees { "" } else { ", against" };
            let strength = words::strength(evidence.strength);
            format!("{strength}{against}: {}{seen}", escape::sentence(&evidence.says))
        })
        .collect();
    if let Some(Hops { host, reset: builder }) = reset.hops {
        let (claimed, host) = (reset.claimed_by.name(), words::counted(host.into(), "router"));
        let builder = words::counted(builder.into(), "router");
        said.push(format!("distance from the capture: its builder {builder}, the {claimed} {host}"));
    }
    said
}

/// The frames that show a finding, but for what is told of its reset.
pub(super) fn evidence<'f>(c: &Connection, finding: &'f Finding) -> Vec<&'f Evidence> {
    let told = |says: &str| telling(c).any(|r| r.evidence.iter().any(|e| e.says == says));
    finding.evidence.iter().filter(|e| e.role == Role::Primary || !told(&e.says)).collect()
}

/// The finding that explains a connection.
pub(super) fn explaining(c: &Connection) -> Option<&Finding> {
    c.verdict.as_ref().and_then(|v| c.findings.iter().find(|f| f.id == v.finding))
}

/// What else was found and hurts.
pub(super) fn also<'c>(c: &'c Connection, main: Option<&Finding>) -> Vec<&'c Finding> {
    let rest = c.findings.iter().filter(|f| main.is_none_or(|m| !core::ptr::eq(m, *f)));
    rest.filter(|f| f.severity > Severity::Info).collect()
}

/// A finding in a line.
pub(super) fn brief(finding: &Finding, frames: &Frames<'_>) -> String {
    let (title, certainty) = (escape::sentence(&finding.title), finding.certainty.name());
    let at = finding.evidence.iter().find(|e| e.role == Role::Primary).map(|e| frames.one(e.frame));
    let at = at.map(|at| format!(", {at}")).unwrap_or_default();
    format!("{title} ({}, {certainty}{at})", escape::text(&finding.id))
}

/// The other connections of the attempt, each by the view that tells most.
pub(super) fn others<'r>(report: &'r Report, attempt: &Attempt, main: &Connection) -> Vec<&'r Connection> {
    let others = attempt.sightings().filter(|views| !views.contains(&main.id));
    others.filter_map(|views| report.connection(*views.last()?)).collect()
}

/// Where else the connection is seen, and as what.
pub(super) fn elsewhere(report: &Report, c: &Connection, frames: &Frames<'_>) -> Option<String> {
    let views = c.same_as.iter().filter_map(|id| report.connection(*id));
    let views: Vec<_> = views
        .map(|view| {
            let at = frames.range(view.first_frame, view.last_frame);
            format!("{at} (there {}, came to {})", view.outcome.name(), words::stage(view.stage))
        })
        .collect();
    (!views.is_empty())
        .then(|| format!("{}. Community ID {} in each.", views.join("; "), escape::text(&c.community_id)))
}

/// Another connection of the same attempt, in a line.
pub(super) fn other(c: &Connection, frames: &Frames<'_>) -> String {
    let at = frames.range(c.first_frame, c.last_frame);
    let found = c.verdict.as_ref().map(|v| format!(" ({})", escape::text(&v.finding))).unwrap_or_default();
    format!("{}, {at}: {}{found}, came to {}", words::clock(c.start), c.outcome.name(), words::stage(c.stage))
}

/// What was agreed on, as pairs of a label and a sentence.
pub(super) fn security(c: &Connection, frames: &Frames<'_>) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    if let Some(proxied) = &c.proxied {
        let what = match proxied.protocol {
            Some(ProxyProtocol::Socks4) => "a SOCKS 4 proxy",
            Some(ProxyProtocol::Socks5) => "a SOCKS 5 proxy",
            Some(ProxyProtocol::HttpConnect) => "an HTTP proxy (CONNECT)",
            Some(ProxyProtocol::ProxyProtocol) => "a load balancer (PROXY protocol)",
            None => "something unknown that was spoken to before RDP began",
        };
        let who = match proxied.protocol {
            Some(ProxyProtocol::ProxyProtocol) => {
                "the client here is the load balancer, and the person's computer stands behind it"
            }
            _ => "the server here is the proxy, and nothing in this capture shows the computer behind it",
        };
        said.push(("Proxy", format!("RDP goes through {what}: {who}.")));
    }
    if let Some(negotiation) = &c.negotiation {
        let asked = match negotiation.requested.as_slice() {
            [] if negotiation.request_frame.is_none() => "the client's offer is not in the capture".to_owned(),
            [] => "no offer of the client could be read".to_owned(),
            requested => format!("the client offered {}", requested.join(", ")),
        };
        let answer = match (&negotiation.selected, &negotiation.failure) {
            (_, Some(code)) => {
                format!("the server refused with code {}, {}", code.code, code.name.as_deref().unwrap_or("unknown"))
            }
            (Some(selected), None) => format!("the server chose {selected}"),
            (None, None) if negotiation.response_frame.is_some() => "the server's choice could not be read".to_owned(),
            (None, None) => "no Connection Confirm of the server is in the capture".to_owned(),
        };
        said.push(("Security", format!("{asked}; {answer}.")));
    }
    if let Some(tls) = &c.tls {
        let version = tls.version.as_deref().unwrap_or("no ServerHello in the capture");
        let suite = tls.suite.as_deref().map(|s| format!(", {s}")).unwrap_or_default();
        said.push(("TLS", format!("{version}{suite}.")));
        for alert in &tls.alerts {
            let (side, code) = (alert.side.name(), alert.description.code);
            let name = alert.description.name.as_deref().unwrap_or("unknown");
            said.push(("Alert", format!("the {side} says {code}, {name}, in {}.", frames.one(alert.frame))));
        }
        if let Some(certificate) = &tls.certificate {
            said.push(("Certificate", describe(certificate, frames)));
        }
    }
    said
}

fn describe(certificate: &Certificate, frames: &Frames<'_>) -> String {
    let validity = match certificate.validity {
        Validity::Valid => "valid when captured",
        Validity::Expired => "expired when captured",
        Validity::NotYetValid => "not yet valid when captured",
    };
    let (subject, issuer) = (escape::text(&certificate.subject), escape::text(&certificate.issuer));
    let issuer = if certificate.self_signed { "itself".to_owned() } else { issuer.into_owned() };
    let (from, to) = (words::date(certificate.not_before), words::date(certificate.not_after));
    let at = frames.one(certificate.frame);
    let name = match certificate.matches_sni {
        Some(true) => ", bears the name that the client asked for",
        Some(false) => ", does not bear the name (or address) that the client asked for",
        None => "",
    };
    let reaction = match certificate.client {
        Some(Reaction::WentOn) => " The client went on.",
        Some(Reaction::Left) => " The client left.",
        None => "",
    };
    let (key, signature) = (escape::text(&certificate.key), escape::text(&certificate.signature));
    format!(
        "{subject}, signed by {issuer}, {validity} ({from} to {to}), key {key}, signature {signature}{name}, {at}.{reaction}"
    )
}

/// `21 ms at best, 22 ms typically, 95 of 100 within 25 ms, 31 ms at worst, jitter 2 ms`.
fn round_trip(rtt: &RoundTrip) -> String {
    let [min, median, max] = [rtt.min, rtt.median, rtt.max].map(words::span);
    if rtt.samples < 2 {
        return format!("{median}, measured once");
    }
    let p95 = rtt.p95.filter(|_| rtt.samples >= ENOUGH_FOR_P95);
    let p95 = p95.map(|p95| format!(", 95 of 100 within {}", words::span(p95)));
    let jitter = rtt.jitter.map(|jitter| format!(", jitter {}", words::span(jitter)));
    format!(
        "{min} at best, {median} typically{}, {max} at worst{}",
        p95.unwrap_or_default(),
        jitter.unwrap_or_default()
    )
}

/// The way from the capture point to each end, where it is not the whole way.
fn legs(legs: &Legs) -> Option<String> {
    let (client, server) = (legs.client?, legs.server?);
    let beside = |near: &RoundTrip, far: &RoundTrip| near.min.as_f64() * BESIDE < far.min.as_f64();
    let all = |side: &str, near: &RoundTrip| {
        format!(
            "The capture was taken beside the {side} ({} away), so nearly all of that is the way to the other end.",
            words::span(near.min)
        )
    };
    Some(if beside(&client, &server) {
        all("client", &client)
    } else if beside(&server, &client) {
        all("server", &server)
    } else {
        format!(
            "Of that, from the capture point to the client and back: {}; to the server and back: {}.",
            round_trip(&client),
            round_trip(&server)
        )
    })
}

/// What the network did, in sentences.
pub(super) fn network(c: &Connection) -> String {
    let n = &c.network;
    let mut said = Vec::new();
    if let Some(rtt) = n.rtt_ms {
        said.push(format!("Round trip {}.", round_trip(&rtt)));
    }
    said.extend(legs(&n.rtt_legs_ms));
    let sent_again = n.retransmissions;
    if sent_again.client.segments == 0 && sent_again.server.segments == 0 {
        said.push("Nothing was seen to be sent again.".to_owned());
    }
    for (side, sent, lost) in
        [("client", sent_again.client, n.lost.client), ("server", sent_again.server, n.lost.server)]
    {
        if sent.segments > 0 {
            let packets = words::counted(sent.segments, "packet");
            let bytes = if sent.bytes > 0 { format!(" ({})", words::size(sent.bytes)) } else { String::new() };
            let needless = if sent.spurious > 0 { format!(", {} needlessly", sent.spurious) } else { String::new() };
            said.push(format!("The {side} sent {packets}{bytes} again{needless}."));
        }
        if lost > 0 {
            said.push(format!("Lost: {} of the {side}.", words::counted(lost, "packet")));
        }
    }
    if let Some(longest) = &n.stalls.longest {
        let (all, longest_ms, why) = (words::span(n.stalls.ms), words::span(longest.ms), stalled(longest));
        said.push(match n.stalls.count {
            1 => format!("It stood still once, for {all}, because {why}."),
            n => format!("It stood still {n} times, for {all} in all; the longest time, {longest_ms}, because {why}."),
        });
    }
    for (side, window) in [("client", n.zero_window.client), ("server", n.zero_window.server)] {
        if window.count > 0 {
            let (times, ms) = (words::counted(window.count, "time"), words::span(window.ms));
            said.push(format!("The {side} had no room for data {times}, for {ms} in all (zero window)."));
        }
    }
    for (side, bytes) in [("client", n.not_captured_bytes.client), ("server", n.not_captured_bytes.server)] {
        if bytes > 0 {
            said.push(format!("The capture lacks {} of what the {side} sent.", words::size(bytes)));
        }
    }
    if let Some(silence) = n.longest_silence_ms {
        said.push(format!("Longest silence {}.", words::span(silence)));
    }
    said.join(" ")
}

/// Why nothing came, as the end of a sentence.
fn stalled(stall: &Stall) -> String {
    let (sender, receiver) = match stall.sender {
        Side::Client => ("client", "server"),
        Side::Server => ("server", "client"),
    };
    match stall.cause {
        StallCause::HandshakeLoss => "a packet of the TCP handshake was not answered".to_owned(),
        StallCause::HeadLoss => format!("a packet of the {sender} was lost, with others behind it"),
        StallCause::TailLoss => format!("the last packet that the {sender} had sent was lost"),
        StallCause::DoubleLoss => format!("a packet of the {sender} was lost, and so was its repetition"),
        StallCause::ContinuousLoss => {
            format!("a packet of the {sender} was lost and its repetitions, most likely, before the capture point")
        }
        StallCause::AcknowledgmentLoss => format!("an acknowledgment of the {receiver} was lost or late"),
        StallCause::ReceiverWindow => format!("the {receiver} had no room for data"),
        StallCause::LateAnswer => format!("the {receiver} acknowledged late, or its packets were lost once"),
    }
}
