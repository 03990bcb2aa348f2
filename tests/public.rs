//! Captures made by others, where they are at hand beside the project: what
//! their README says is true of them must be told, and nobody may be accused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rdpwhy::report::document::{BuiltBy, Outcome, Report};

use super::cases::analyse;

pub fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("RDPWHY_CAPTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/public");
    let found = named.into_iter().chain([beside]).find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: no public captures beside the project (RDPWHY_CAPTURES names their folder)");
    }
    found
}

pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in root.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Every file, and each attempt in it: what became of it, and why. (Two of the
/// refused logons were given up before the answer came, and of one the capture
/// lacks a message.)
const ATTEMPTS: &[(&str, &str)] = &[
    ("OTRF-Security-Datasets/UTICA-ONE-DRIVE.pcap", "active"),
    ("OTRF-Security-Datasets/schtask_modification_2020-12-1907505969.pcapng", "active"),
    ("arkime/wireshark-retrans.pcap", ""),
    ("fox-it-quantuminsert/qi_local_SYNACK_curl_jsonip.pcap", ""),
    ("fox-it-quantuminsert/qi_local_SYNACK_linkedin_redirect.pcap", ""),
    ("initconf-RDP-bruteforce/RDP-HotAccounts.pcap", "6 failed no-answer, failed host-reset"),
    (
        "initconf-RDP-bruteforce/RDP-many-hosts-many-accounts.pcap",
        "4 failed credentials-rejected, failed stalled-negotiation, 18 failed credentials-rejected, \
         unknown, failed credentials-rejected",
    ),
    (
        "initconf-RDP-bruteforce/RDP-one-account-many-hosts.pcap",
        "failed credentials-rejected, 2 unknown, failed host-reset, 2 failed reset-undetermined, failed host-reset, \
         failed credentials-rejected, abandoned, 2 failed credentials-rejected, failed host-reset, abandoned, \
         failed host-reset, failed credentials-rejected, failed host-reset, failed credentials-rejected",
    ),
    ("microsoft-prot-od-netcaps/MS-AUTHSOD_Example3-1_Win2016_X64_Win2016_X64_Domain.cap", ""),
    ("nDPI/rdp.pcap", "open"),
    ("nDPI/rdp_over_tls.pcap", "failed credentials-rejected"),
    ("suricata-verify/RDP-003.pcap", "active"),
    ("tcptrace/NASA_ipv6.snoop", ""),
    ("tcptrace/dlt_null.dmp", ""),
    ("tcptrace/first_seg_ooo.dmp", ""),
    ("tcptrace/hardware_dups.dmp", ""),
    ("tcptrace/linux_cooked_socket.dmp", ""),
    ("tcptrace/ppp_over_eth.dmp", ""),
    ("tcptrace/rawip.dmp", ""),
    ("zeek-tcp/fin_retransmission.pcap", ""),
    ("zeek-tcp/icmp6-toobig.pcap", ""),
    ("zeek-tcp/missing-syn.pcap", ""),
    ("zeek-tcp/no-handshake.pcap", ""),
    ("zeek-tcp/retransmit-fast009.pcap", ""),
    ("zeek-tcp/retransmit-timeout.pcapng", ""),
    ("zeek-tcp/window-scale-range.pcap", ""),
    ("zeek/modbus-and-non-modbus-p502.pcap", "failed not-rdp"),
    ("zeek/rdp-no-cookie-mstshash.pcap", "failed certificate-rejected"),
    ("zeek/rdp-to-ssl.pcap", "active"),
    ("zeek/rdp-unknown-keyboard.pcap", "open"),
    ("zeek/rdp-x509.pcap", "open"),
    ("zeek/rdpeudp-handshake-success.pcap", ""),
    ("zeek/rdpeudp2-handshake-success.pcap", ""),
];

/// The attempts of a report in order: `2 failed no-answer, active`.
fn attempts(report: &Report) -> String {
    let mut runs: Vec<(usize, String)> = Vec::new();
    for attempt in &report.attempts {
        let verdict = attempt.verdict.as_ref().map(|verdict| format!(" {}", verdict.finding)).unwrap_or_default();
        let told = format!("{}{verdict}", attempt.outcome.name());
        match runs.last_mut() {
            Some((count, last)) if *last == told => *count += 1,
            _ => runs.push((1, told)),
        }
    }
    let runs = runs.into_iter().map(|(count, told)| if count > 1 { format!("{count} {told}") } else { told });
    runs.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_attempt_of_every_file_is_told() {
    let Some(root) = folder() else { return };
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    let told: BTreeMap<_, _> = files(&root).iter().map(|path| (name(path), attempts(&analyse(path).1))).collect();
    let expected = ATTEMPTS.iter().map(|(file, told)| ((*file).to_owned(), (*told).to_owned())).collect();
    assert_eq!(told, expected);
}

fn outcomes(report: &Report) -> Vec<Outcome> {
    report.attempts.iter().map(|a| a.outcome).collect()
}

#[test]
fn nobody_is_accused_of_an_injected_reset() {
    let Some(root) = folder() else { return };
    let files = files(&root);
    assert!(files.len() > 20);
    for path in files {
        let (_, report) = analyse(&path);
        for connection in &report.connections {
            for reset in &connection.resets {
                assert_ne!(reset.built_by, BuiltBy::OtherDevice, "{} frame {}", path.display(), reset.frame.number);
            }
        }
    }
}

#[test]
fn what_is_true_of_them_is_told() {
    let Some(root) = folder() else { return };
    let report = |name: &str| analyse(&root.join(name)).1;
    let verdicts = |report: &Report| -> Vec<String> {
        report.attempts.iter().filter_map(|a| a.verdict.as_ref()).map(|v| v.finding.to_string()).collect()
    };

    // Logon abandoned, tried again 34 s later, worked: one attempt.
    let zeek = report("zeek/rdp-to-ssl.pcap");
    assert_eq!((outcomes(&zeek), zeek.connections.len()), (vec![Outcome::Active], 2));

    // Captured twice; the client aborts in TLS.
    let twice = report("zeek/rdp-no-cookie-mstshash.pcap");
    assert_eq!(twice.connections[0].stage.name(), "tls");
    assert_eq!(twice.connections[0].network.retransmissions.client.segments, 0);
    assert!(twice.findings.iter().any(|f| f.id == "capture-duplicates"));

    // Four seconds of round trip and spurious repetitions: open, no failure.
    for name in ["zeek/rdp-unknown-keyboard.pcap", "zeek/rdp-x509.pcap"] {
        assert_eq!(outcomes(&report(name)), [Outcome::Open], "{name}");
    }

    // RDP away from 3389.
    assert_eq!(report("zeek/modbus-and-non-modbus-p502.pcap").connections[0].server.port, 502);

    // UDP side channels that come up.
    for name in ["zeek/rdpeudp-handshake-success.pcap", "zeek/rdpeudp2-handshake-success.pcap"] {
        let channels = report(name).side_channels;
        assert!(channels.len() == 1 && channels[0].answered, "{name}");
    }

    // Credentials refused by an encrypted alert.
    let refused = report("nDPI/rdp_over_tls.pcap");
    assert_eq!(verdicts(&refused), ["credentials-rejected"]);
    let open = report("nDPI/rdp.pcap");
    assert_eq!((outcomes(&open), verdicts(&open)), (vec![Outcome::Open], vec![]));

    // An orderly end of Standard RDP Security.
    let orderly = report("suricata-verify/RDP-003.pcap");
    assert_eq!(outcomes(&orderly), [Outcome::Active]);
    assert!(orderly.connections[0].disconnect_ultimatum.is_some());

    // SYNs never answered, and a server that resets after the request.
    let hot = report("initconf-RDP-bruteforce/RDP-HotAccounts.pcap");
    let unanswered = hot.connections.iter().filter(|c| c.verdict.as_ref().is_some_and(|v| v.finding == "no-answer"));
    assert!(unanswered.count() >= 4);
    assert!(hot.connections.iter().any(|c| c.stage.name() == "x224" && c.outcome == Outcome::Failed));

    // 25 of 25 credentials refused.
    let many = report("initconf-RDP-bruteforce/RDP-many-hosts-many-accounts.pcap");
    let rejected =
        many.connections.iter().filter(|c| c.findings.iter().any(|f| f.id == "credentials-rejected")).count();
    assert!(rejected >= 23, "{rejected} of 25");

    // Mid-session captures of healthy sessions.
    for name in [
        "OTRF-Security-Datasets/UTICA-ONE-DRIVE.pcap",
        "OTRF-Security-Datasets/schtask_modification_2020-12-1907505969.pcapng",
    ] {
        let report = report(name);
        assert!(verdicts(&report).is_empty(), "{name}");
        assert!(report.findings.iter().any(|f| f.id == "capture-late-start"), "{name}");
    }

    // No RDP at all.
    for name in [
        "microsoft-prot-od-netcaps/MS-AUTHSOD_Example3-1_Win2016_X64_Win2016_X64_Domain.cap",
        "tcptrace/NASA_ipv6.snoop",
    ] {
        assert!(report(name).connections.is_empty(), "{name}");
    }
}
