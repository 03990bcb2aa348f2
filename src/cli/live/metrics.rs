//! The numbers in the text format of Prometheus, for node_exporter's textfile
//! collector: no port is opened for them.

use std::fmt::Write;

use super::tally::Tally;

/// The whole file.
pub(super) fn text(tally: &Tally) -> String {
    let mut out = String::new();
    let mut counter = |name: &str, help: &str, values: &[(String, u64)], kind: &str| {
        let _ = writeln!(out, "# HELP rdpwhy_{name} {help}\n# TYPE rdpwhy_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(out, "rdpwhy_{name}{labels} {value}");
        }
    };
    let plain = |value: u64| [(String::new(), value)];
    let labelled = |name: &str, counts: &std::collections::BTreeMap<&'static str, u64>| -> Vec<(String, u64)> {
        counts.iter().map(|(label, count)| (format!("{{{name}=\"{label}\"}}"), *count)).collect()
    };
    let seconds = u64::try_from(tally.uptime.nanos() / 1_000_000_000).unwrap_or_default();
    counter("uptime_seconds", "Time since the start.", &plain(seconds), "gauge");
    counter("packets_total", "Packets read.", &plain(tally.packets), "counter");
    counter("bytes_total", "Captured bytes of the packets read.", &plain(tally.bytes), "counter");
    let dropped =
        [("{by=\"kernel\"}".to_owned(), tally.dropped), ("{by=\"interface\"}".to_owned(), tally.dropped_by_interface)];
    counter("packets_dropped_total", "Packets that were lost before they could be read.", &dropped, "counter");
    counter("interfaces_lost_total", "Times an interface went away.", &plain(tally.interfaces_lost), "counter");
    counter("clock_steps_total", "Times the system's clock was stepped.", &plain(tally.clock_steps), "counter");
    counter("connections_open", "RDP connections in progress.", &plain(tally.open as u64), "gauge");
    let ended = labelled("outcome", &tally.outcomes);
    counter("connections_total", "RDP connections that ended, by outcome.", &ended, "counter");
    let failures = labelled("cause", &tally.failures);
    counter("failures_total", "RDP connections that failed, by the finding that explains it.", &failures, "counter");
    counter("lines_lost_total", "Lines of output that were left out.", &plain(tally.lines_lost), "counter");
    let evidence = [
        ("{result=\"written\"}".to_owned(), tally.evidence.written),
        ("{result=\"failed\"}".to_owned(), tally.evidence.failed),
        ("{result=\"left-out\"}".to_owned(), tally.evidence.left_out),
    ];
    counter("evidence_total", "Failed attempts whose packets were to be kept.", &evidence, "counter");
    counter("recorder_bytes", "Bytes of packets held in memory.", &plain(tally.evidence.held as u64), "gauge");
    if let Some(ring) = tally.ring {
        let packets = [("{result=\"written\"}".to_owned(), ring.written), ("{result=\"lost\"}".to_owned(), ring.lost)];
        counter("ring_packets_total", "Packets for the ring of captures.", &packets, "counter");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_as_the_format_wants_it() {
        let tally = Tally {
            outcomes: [("active", 2), ("failed", 1)].into(),
            failures: [("no-answer", 1)].into(),
            dropped: 7,
            ring: Some(crate::cli::live::ring::RingTally { written: 5, lost: 1, files: 2 }),
            ..Tally::default()
        };
        let text = text(&tally);
        assert!(text.contains("\nrdpwhy_failures_total{cause=\"no-answer\"} 1\n"), "{text}");
        assert!(text.contains("\nrdpwhy_packets_dropped_total{by=\"kernel\"} 7\n"));
        let mut announced = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                announced = rest.split(' ').next().unwrap().to_owned();
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert_eq!(name.split('{').next().unwrap(), announced, "{line}");
                assert!(value.parse::<u64>().is_ok(), "{line}");
            }
        }
        assert!(text.ends_with('\n'));
    }
}
