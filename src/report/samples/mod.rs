//! Documents for tests, built by hand as an analysis would build them.

mod build;

pub(crate) use build::*;

use crate::report::document::*;

/// Every sample with its name.
pub(crate) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("healthy", healthy()),
        ("injected-reset", injected_reset()),
        ("stalled", stalled()),
        ("no-rdp", no_rdp()),
        ("cut", cut()),
        ("hostile", hostile()),
        ("retried", retried()),
        ("open", open()),
        ("ring", ring()),
        ("many", many(12)),
        ("probed", probed()),
    ]
}

/// A server that faces the Internet.
pub(crate) fn probed() -> Report {
    let counted = |stage, outcome, finding: Option<&str>, by, attempts, clients_at_least| Counted {
        server: Some(Endpoint { ip: std::net::Ipv4Addr::new(203, 0, 113, 7).into(), port: 3389 }),
        stage,
        outcome,
        finding: finding.map(str::to_owned),
        ended: CountedEnd { how: EndedHow::Reset, by },
        attempts,
        connections: attempts,
        clients: attempts.min(1_024),
        clients_at_least,
        examples: vec![std::net::Ipv4Addr::new(198, 51, 100, 23).into()],
        first_frame: frame(9_000),
        last_frame: frame(99_000),
        start: at(800_000),
        end: at(900_000),
    };
    let mut probed = many(4);
    probed.counted = vec![
        counted(Stage::Tcp, Outcome::Failed, Some("connection-refused"), EndedBy::Unknown, 30_211, true),
        counted(Stage::Tcp, Outcome::Abandoned, None, EndedBy::Client, 8_114, true),
        counted(Stage::X224, Outcome::Abandoned, None, EndedBy::Client, 1, false),
    ];
    let all: u64 = probed.counted.iter().map(|counted| counted.attempts).sum();
    probed.summary.attempts += all;
    probed.summary.connections += all;
    probed.summary.failed += 30_211;
    probed.summary.abandoned += all - 30_211;
    probed.summary.by_finding.insert("connection-refused".to_owned(), 30_211);
    probed
}

/// A session that worked and that the client ended with a reset, as mstsc does.
pub(crate) fn healthy() -> Report {
    let mut c = connection(1);
    c.stages = stages(&[
        (Stage::Tcp, 1, 3, 0, 12),
        (Stage::X224, 4, 5, 12, 3_400),
        (Stage::Tls, 8, 12, 3_412, 48),
        (Stage::Credssp, 13, 19, 3_460, 310),
        (Stage::Mcs, 20, 41, 3_770, 260),
        (Stage::Licensing, 42, 44, 4_030, 45),
        (Stage::Activation, 45, 58, 4_075, 190),
        (Stage::Active, 59, 8_112, 4_265, 742_000),
    ]);
    c.last_frame = frame(8_113);
    c.end = at(746_265);
    c.ended = Ended { how: EndedHow::Reset, by: EndedBy::Client, frame: Some(frame(8_113)), time: Some(at(746_265)) };
    c.resets = vec![Reset {
        frame: frame(8_113),
        time: at(746_265),
        claimed_by: Side::Client,
        built_by: BuiltBy::Host,
        certainty: Certainty::Likely,
        effect: ResetEffect::Ended,
        evidence: vec![ResetEvidence {
            id: "after-goodbye".into(),
            points_to: BuiltBy::Host,
            strength: Strength::Strong,
            frames: vec![frame(8_112), frame(8_113)],
            says: "the server had said goodbye 0.4 ms before".into(),
        }],
        hops: Some(Hops { host: 0, reset: 0 }),
        cannot_tell: vec![],
    }];
    c.disconnect_ultimatum = Some(DisconnectUltimatum {
        visibility: Visibility::Inferred,
        side: Side::Server,
        reason: None,
        frame: frame(8_112),
    });
    c.findings = vec![Finding {
        id: "host-reset".into(),
        severity: Severity::Info,
        certainty: Certainty::Likely,
        title: "The client ended the session with a reset, as mstsc does".into(),
        detail: "The server said goodbye in frame 8112; the client closed its end with a reset.".into(),
        evidence: vec![evidence(8_113, Role::Primary, "the reset, from the client")],
        cannot_tell: vec![],
        next: vec![],
        display_filter: Some("tcp.port == 50312 && frame.number >= 8112".to_owned()),
        concerns: None,
        at_fault: None,
    }];
    c.packets = BySide { client: 2_930, server: 5_183 };
    c.bytes = BySide { client: 412_990, server: 5_201_333 };
    report(vec![c])
}

/// A firewall answers the ClientHello with a reset in the server's name.
pub(crate) fn injected_reset() -> Report {
    let mut c = failed_in(Stage::Tls);
    c.stages = stages(&[(Stage::Tcp, 1, 3, 0, 21), (Stage::X224, 4, 6, 21, 3_379), (Stage::Tls, 8, 8, 3_400, 2)]);
    c.stages[2].waiting_for = Some(Waiting { side: Side::Server, ms: ms(2), message: "the ServerHello".into() });
    c.steps = steps(&[
        ("X.224 Connection Request", Side::Client, Stage::X224, 4, 21, None),
        ("X.224 Connection Confirm", Side::Server, Stage::X224, 6, 43, Some(22)),
        ("ClientHello", Side::Client, Stage::Tls, 8, 3_400, Some(3_357)),
    ]);
    c.last_frame = frame(12);
    c.end = at(3_431);
    c.ended = Ended { how: EndedHow::Reset, by: EndedBy::OtherDevice, frame: Some(frame(9)), time: Some(at(3_402)) };
    c.resets = vec![Reset {
        frame: frame(9),
        time: at(3_402),
        claimed_by: Side::Server,
        built_by: BuiltBy::OtherDevice,
        certainty: Certainty::Proven,
        effect: ResetEffect::Ended,
        evidence: vec![
            ResetEvidence {
                id: "sender-went-on".into(),
                points_to: BuiltBy::OtherDevice,
                strength: Strength::Proof,
                frames: [frame(11)].into_iter().collect(),
                says: "the server sent its ServerHello 20 ms after it is said to have reset".into(),
            },
            ResetEvidence {
                id: "too-early".into(),
                points_to: BuiltBy::OtherDevice,
                strength: Strength::Proof,
                frames: vec![frame(8), frame(9)],
                says: "it acknowledges the ClientHello 2.0 ms after it passed; the server is 20.4 ms away".into(),
            },
            ResetEvidence {
                id: "ttl-changed".into(),
                points_to: BuiltBy::OtherDevice,
                strength: Strength::Strong,
                frames: vec![frame(6), frame(9)],
                says: "its time to live is 63, that of the server's other packets is 117".into(),
            },
        ],
        hops: Some(Hops { host: 11, reset: 1 }),
        cannot_tell: vec![],
    }];
    c.verdict = Some(Verdict {
        finding: "injected-reset".into(),
        certainty: Certainty::Proven,
        sentence: "A device between client and server reset the connection during the TLS handshake".to_owned(),
    });
    c.findings = vec![Finding {
        id: "injected-reset".into(),
        severity: Severity::Failure,
        certainty: Certainty::Proven,
        title: "A device on the path ended the connection in the server's name".into(),
        detail: "Frame 9 is a TCP reset (an order to drop the connection at once) that carries the server's \
                 address. The server did not send it: it answered the ClientHello 20 ms later as if nothing had \
                 happened. The reset was built about 1 router away from the capture; the server is 11 away."
            .into(),
        evidence: vec![
            evidence(9, Role::Primary, "the reset, in the server's name"),
            evidence(8, Role::Supporting, "the ClientHello that it answers"),
            evidence(11, Role::Supporting, "the real server's answer, after the reset"),
        ],
        cannot_tell: vec![
            "Which product built the reset: firewall, intrusion prevention, proxy and load balancer look alike.".into(),
            "Which of its rules matched.".into(),
        ],
        next: vec![
            "Ask the network team for the log of the device 1 router from the capture, at 09:31:05 UTC.".into(),
            "Look for TLS inspection or application control on TCP port 3389.".into(),
        ],
        display_filter: Some("ip.addr == 10.20.30.40 && tcp.port == 50312 && frame.number in {8..12}".to_owned()),
        concerns: None,
        at_fault: None,
    }];
    c.ruled_out = vec![
        RuledOut {
            finding: "expired-certificate".into(),
            because: "no certificate had been sent before the reset".into(),
            frames: [frame(9)].into_iter().collect(),
        },
        RuledOut {
            finding: "packet-loss".into(),
            because: "nothing was lost or sent again".into(),
            frames: [frame(1), frame(12)].into_iter().collect(),
        },
        RuledOut {
            finding: "hello-rejected".into(),
            because: "the server accepted the ClientHello and answered it".into(),
            frames: [frame(11)].into_iter().collect(),
        },
    ];
    c.pattern_0x7 = Pattern0x7 {
        r#match: PatternMatch::Full,
        client_would_show: Some("error code 0x904, extended error code 0x7 or 0x0".into()),
        because: "reset by another device between TCP connect and desktop".into(),
    };
    report(vec![c])
}

/// The server acknowledges the ClientHello and never answers it.
pub(crate) fn stalled() -> Report {
    let mut c = failed_in(Stage::Tls);
    c.stages = stages(&[(Stage::Tcp, 1, 3, 0, 1), (Stage::X224, 4, 5, 1, 3_121), (Stage::Tls, 7, 7, 3_122, 56_878)]);
    c.stages[2].waiting_for = Some(Waiting { side: Side::Server, ms: ms(56_878), message: "the ServerHello".into() });
    c.last_frame = frame(9);
    c.end = at(60_000);
    c.ended = Ended { how: EndedHow::Fin, by: EndedBy::Client, frame: Some(frame(9)), time: Some(at(60_000)) };
    c.verdict = Some(Verdict {
        finding: "stalled-negotiation".into(),
        certainty: Certainty::Likely,
        sentence: "The server owed the ServerHello for 56.9 s and did not send it".to_owned(),
    });
    c.findings = vec![Finding {
        id: "stalled-negotiation".into(),
        severity: Severity::Failure,
        certainty: Certainty::Likely,
        title: "The server stopped answering during the TLS handshake".into(),
        detail: "The server's system acknowledged the ClientHello within 0.3 ms, so the network delivered it. \
                 The Remote Desktop service did not answer it in 56.9 s; then the client gave up."
            .into(),
        evidence: vec![
            evidence(7, Role::Primary, "the ClientHello, unanswered until the end"),
            evidence(8, Role::Supporting, "the server's system acknowledges it"),
            evidence(9, Role::Supporting, "the client gives up"),
        ],
        cannot_tell: vec![
            "Why the service did not answer: disk, memory, processor and a hung process look alike.".into(),
        ],
        next: vec!["Look at the server's System event log (Schannel, TermService) at 09:31:05 UTC.".into()],
        display_filter: Some("tcp.port == 50312 && frame.number in {7..9}".to_owned()),
        concerns: None,
        at_fault: Some(crate::report::document::AtFault::Server),
    }];
    c.pattern_0x7 = Pattern0x7 {
        r#match: PatternMatch::Partial,
        client_would_show: Some("a time-out, or error code 0x904".into()),
        because: "the client itself gave up, before the desktop".into(),
    };
    report(vec![c])
}

/// A capture without any RDP.
pub(crate) fn no_rdp() -> Report {
    let mut report = report(vec![]);
    report.summary.other_connections = 12;
    report
}

/// The stalled connection in a capture that was cut short, beside a file that
/// could not be read.
pub(crate) fn cut() -> Report {
    let mut report = stalled();
    report.captures[0].complete = false;
    report.captures[0].cut_packets = 7;
    report.captures[0].dropped = Some(113);
    report.captures[0].notices = vec![Notice {
        kind: "file-cut-short".to_owned(),
        says: "the file ends at byte 20123, within a packet of 1514 bytes".to_owned(),
        count: 1,
        frame: Some(frame(9)),
    }];
    report.summary.complete = false;
    report.notices = vec![Notice {
        kind: "ip-fragments-dropped".to_owned(),
        says: "a fragment of 10.0.0.9 never got its first part".to_owned(),
        count: 3,
        frame: Some(frame(77)),
    }];
    report.findings = vec![Finding {
        id: "capture-gaps".into(),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        title: "The capture lost packets".into(),
        detail: "The capturing machine dropped 113 packets. What looks lost may only be missing here.".into(),
        evidence: vec![evidence(5, Role::Primary, "acknowledges bytes that the capture does not hold")],
        cannot_tell: vec!["Whether a missing answer was sent.".into()],
        next: vec!["Capture again with a larger buffer: tcpdump -i eth0 -B 65536 -w new.pcap 'tcp port 3389'".into()],
        display_filter: Some("tcp.analysis.ack_lost_segment".to_owned()),
        concerns: Some(Concerns { captures: vec![0], connections: vec![1] }),
        at_fault: None,
    }];
    report.unreadable = vec![Unreadable {
        path: "trace.etl".to_owned(),
        says: "This is a Windows event trace, not a capture. Convert it: pktmon etl2pcap trace.etl --out \
               trace.pcapng"
            .to_owned(),
    }];
    report
}

/// Names that try to speak to the terminal.
pub(crate) fn hostile() -> Report {
    let mut report = injected_reset();
    report.captures[0].path = "evil\x1b]0;owned\x07\u{202e}pacp.txt".to_owned();
    report.captures[0].comments = vec!["line\r\nbreak \x1b[31mred\x1b[0m".to_owned(), "long ".repeat(100)];
    report.captures[0].written_by = Some("a\u{9b}2Jb\u{feff}".to_owned());
    let c = &mut report.connections[0];
    c.tls = Some(Tls {
        version: Some("TLS 1.2".into()),
        suite: Some("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".into()),
        offered_versions: vec!["TLS 1.2".into()],
        sni_present: true,
        completed: false,
        alerts: vec![],
        certificate: Some(Certificate {
            subject: format!("CN={}\u{202e}moc.live\x1b[2J", "x".repeat(300)),
            issuer: "CN=\u{200b}\u{2066}root\u{2069}".to_owned(),
            serial: "01".to_owned(),
            not_before: at(-1_000),
            not_after: at(1_000),
            validity: Validity::Expired,
            self_signed: false,
            key: "RSA 2048".to_owned(),
            signature: "sha256WithRSAEncryption".to_owned(),
            sha256: "0".repeat(64),
            matches_sni: Some(false),
            client: Some(Reaction::Left),
            chain_length: 1,
            frame: frame(11),
        }),
    });
    c.findings[0].detail.to_mut().push_str(" The certificate names \x1b[5mCN=\u{202e}gpj.exe.\n\nOK");
    c.findings[0].evidence[0].says = "x".repeat(400).into();
    report
}

/// One attempt in two connections: refused with NLA, then again without.
pub(crate) fn retried() -> Report {
    let mut first = failed_in(Stage::X224);
    first.stages = stages(&[(Stage::Tcp, 1, 3, 0, 1), (Stage::X224, 4, 5, 1, 3)]);
    first.outcome = Outcome::Abandoned;
    first.verdict = None;
    let mut second = failed_in(Stage::X224);
    second.id = 2;
    second.client.port = 50_313;
    second.first_frame = frame(10);
    second.last_frame = frame(15);
    second.start = at(1_200);
    second.end = at(1_204);
    second.stages = stages(&[(Stage::Tcp, 10, 12, 1_200, 1), (Stage::X224, 13, 14, 1_201, 3)]);
    second.negotiation = Some(Negotiation {
        cookie_present: false,
        requested: vec!["PROTOCOL_SSL".into()],
        selected: None,
        failure: Some(Code { code: 5, name: Some("HYBRID_REQUIRED_BY_SERVER".into()) }),
        request_frame: Some(frame(13)),
        response_frame: Some(frame(14)),
    });
    second.ended = Ended { how: EndedHow::Reset, by: EndedBy::Client, frame: Some(frame(15)), time: Some(at(1_204)) };
    second.verdict = Some(Verdict {
        finding: "negotiation-refused".into(),
        certainty: Certainty::Proven,
        sentence: "The server demands Network Level Authentication and the client did not offer it".to_owned(),
    });
    second.findings = vec![Finding {
        id: "negotiation-refused".into(),
        severity: Severity::Failure,
        certainty: Certainty::Proven,
        title: "The server refused the offered security".into(),
        detail: "The server answered with failure code 5, HYBRID_REQUIRED_BY_SERVER.".into(),
        evidence: vec![evidence(14, Role::Primary, "the refusal, code 5")],
        cannot_tell: vec![],
        next: vec!["Let the client offer CredSSP: enablecredsspsupport:i:1 in the .rdp file.".into()],
        display_filter: None,
        concerns: None,
        at_fault: None,
    }];
    report(vec![first, second])
}

/// The stalled connection, in a capture that stopped before its end.
pub(crate) fn open() -> Report {
    let mut c = stalled().connections.remove(0);
    c.outcome = Outcome::Open;
    c.ended = Ended { how: EndedHow::CaptureEnd, by: EndedBy::Unknown, frame: None, time: None };
    c.verdict = None;
    c.findings[0].severity = Severity::Warning;
    report(vec![c])
}

/// A connection that runs through two files of a ring.
pub(crate) fn ring() -> Report {
    let mut report = injected_reset();
    let mut second = report.captures[0].clone();
    report.captures[0].path = "ring_00001.pcapng".to_owned();
    second.index = 1;
    second.path = "ring_00002.pcapng".to_owned();
    report.captures.push(second);
    let c = &mut report.connections[0];
    c.first_frame.capture = Some(0);
    c.last_frame = FrameRef::of_capture(1, 4);
    c.ended.frame = Some(FrameRef::of_capture(1, 1));
    c.resets[0].frame = FrameRef::of_capture(1, 1);
    c.findings[0].evidence[0].frame = FrameRef::of_capture(1, 1);
    c.findings[0].evidence[1].frame = FrameRef::of_capture(0, 8);
    c.findings[0].evidence[2].frame = FrameRef::of_capture(1, 3);
    report
}

/// `n` failed attempts of two kinds at three servers, and as many that worked.
pub(crate) fn many(n: u32) -> Report {
    let (reset, stall, good) = (injected_reset(), stalled(), healthy());
    let mut connections = Vec::new();
    for i in 0..2 * n {
        let from = match i % 4 {
            0 => &reset,
            2 => &stall,
            _ => &good,
        };
        let mut c = shifted(&from.connections[0], i64::from(i) * 120_000);
        c.id = i + 1;
        c.attempt = i + 1;

        c.server.ip = std::net::Ipv4Addr::new(10, 20, 30, 40 + u8::try_from(i % 3).unwrap()).into();
        connections.push(c);
    }
    report(connections)
}
