//! What a failed attempt leaves: its packets as pcapng, and the report on exactly
//! these packets, so that its frame numbers are those that Wireshark shows.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::Arc;

use rdpwhy::analysis::Analyzer;
use rdpwhy::base::{CaptureTime, LinkType};
use rdpwhy::capture::{
    CaptureInfo, CaptureOptions, InterfaceNotes, PacketToWrite, PcapngWriter, SectionNotes, Source, Timeline,
};
use rdpwhy::report::build::{self, Inputs};
use rdpwhy::report::document::{Notice, Report};
use rdpwhy::report::redact::Redactor;
use rdpwhy::report::{evidence, json, text};

use super::archive;
use super::recorder::{Kept, KeptPacket};
use crate::cli::output;

/// An attempt that failed, as it was watched.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The numbers of its connections. What was written of any of them before is
    /// replaced.
    pub(super) connections: Vec<u32>,
    /// When it ended.
    pub(super) time: CaptureTime,
    /// The finding of its verdict.
    pub(super) finding: &'static str,
    /// What was said of it, in one sentence.
    pub(super) sentence: String,
    /// The packets of each connection, and of what passed beside them.
    pub(super) kept: Vec<Arc<Kept>>,
    /// What passed beside them before then is not its business.
    pub(super) since: CaptureTime,
    /// Until when was watched for more.
    pub(super) until: CaptureTime,
    /// Where they were captured.
    pub(super) interface: Origin,
    /// Packets were lost meanwhile; 0 where nobody counted them.
    pub(super) lost: Option<u64>,
    /// Everything is written under its pseudonyms.
    pub(super) redactor: Option<Arc<Redactor>>,
}

/// The interface.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Its name.
    pub(super) name: String,
    /// Bytes kept of each packet.
    pub(super) snap_len: u32,
}

impl Origin {
    /// As the capture describes it.
    pub(super) fn of(info: &CaptureInfo, name: &str) -> Self {
        let interface = info.interfaces.first();
        Self { name: name.to_owned(), snap_len: interface.and_then(|i| i.snap_len).unwrap_or_default() }
    }
}

impl Evidence {
    /// Writes the files; each is there as a whole or not at all. Returns their
    /// name, without its ending.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<String> {
        let name = archive::name(folder, self.time, self.finding)
            .ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "a thousand connections failed at once"))?;
        self.write_as(folder, &name).inspect_err(|_| _ = archive::remove(folder, &name))?;
        Ok(name)
    }

    fn write_as(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let file = format!("{name}.pcapng");
        // A first look finds the frames that decide, which then bear comments.
        let first = self.report(&file, self.pcapng(&BTreeMap::new())?);
        if !self.agrees(&first) {
            return self.write_without_report(folder, name);
        }
        let bytes = match &self.redactor {
            Some(redactor) => self.redacted(redactor)?,
            None => self.pcapng(&deciding(&first))?,
        };
        let report = self.report(&file, bytes.clone());
        if !self.agrees(&report) {
            return self.write_without_report(folder, name);
        }
        output::write(&folder.join(&file), |out| out.write_all(&bytes))?;
        output::write(&folder.join(format!("{name}.json")), |out| json::write(&report, out))?;
        let for_people = text::Options { all: true, color: false };
        output::write(&folder.join(format!("{name}.txt")), |out| text::write(&report, for_people, out))
    }

    /// Other connections of the same hosts made a difference: by itself this
    /// attempt would be told otherwise, and might accuse where all together do not. So
    /// what was found live is all that is said.
    fn write_without_report(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let bytes = match &self.redactor {
            Some(redactor) => self.redacted(redactor)?,
            None => self.pcapng(&BTreeMap::new())?,
        };
        output::write(&folder.join(format!("{name}.pcapng")), |out| out.write_all(&bytes))?;
        output::write(&folder.join(format!("{name}.txt")), |out| {
            let hidden = self.redactor.as_ref().map(|redactor| redactor.sentence(&self.sentence));
            let sentence = hidden.as_deref().unwrap_or(&self.sentence);
            writeln!(out, "{}", rdpwhy::report::escape::sentence(sentence))?;
            writeln!(out, "\nFinding: {} (rdpwhy explain {}).", self.finding, self.finding)?;
            writeln!(out, "It was judged together with other connections of the same hosts, which are not in")?;
            writeln!(out, "{name}.pcapng: rdpwhy analyze may tell otherwise of that file alone.")
        })
    }

    fn agrees(&self, report: &Report) -> bool {
        let mut verdicts = report.attempts.iter().filter_map(|attempt| attempt.verdict.as_ref());
        verdicts.any(|verdict| verdict.finding == self.finding)
    }

    fn pcapng(&self, comments: &BTreeMap<u64, Vec<String>>) -> io::Result<Vec<u8>> {
        let application = format!("rdpwhy {}", env!("CARGO_PKG_VERSION"));
        let section = SectionNotes {
            comment: Some(&self.sentence),
            os: Some(std::env::consts::OS),
            application: Some(&application),
            ..SectionNotes::default()
        };
        let mut writer = PcapngWriter::new(Vec::new(), &section)?;
        let mut interface: Option<(LinkType, u32)> = None;
        let all = self.kept.iter().flat_map(|kept| kept.packets());
        let mut packets: Vec<KeptPacket> = all.filter(|packet| packet.time >= self.since).collect();
        packets.sort_by_key(|packet| packet.time);
        let received = packets.len() as u64;
        for (number, packet) in (1..).zip(packets) {
            let index = match interface {
                Some((link, index)) if link == packet.link => index,
                // An interface that came back may have become another kind.
                _ => {
                    let snap_len = self.interface.snap_len;
                    let name = Some(self.interface.name.as_str());
                    let notes = InterfaceNotes { link: packet.link, snap_len, name, description: None };
                    let index = writer.interface(&notes)?;
                    interface = Some((packet.link, index));
                    index
                }
            };
            writer.packet(&PacketToWrite {
                interface: index,
                time: packet.time,
                data: &packet.data,
                original_len: packet.original_len,
                comments: comments.get(&number).map_or(&[], Vec::as_slice),
            })?;
        }
        if let Some((_, index)) = interface {
            // Until when nothing more came; a reader of the file needs to know.
            writer.statistics(index, self.until, Some(received), Some(self.lost.unwrap_or_default()))?;
        }
        Ok(writer.into_inner())
    }

    /// The packets under pseudonyms, with the comments of a report on them.
    fn redacted(&self, redactor: &Redactor) -> io::Result<Vec<u8>> {
        let bytes = self.pcapng(&BTreeMap::new())?;
        let report = self.report("", bytes.clone());
        let all: Vec<u32> = report.attempts.iter().map(|attempt| attempt.id).collect();
        let mut packets = evidence::Evidence::new(evidence::Selection::of(&report, &all));
        let mut timeline = timeline("", bytes);
        while let Some(packet) = timeline.next_packet() {
            packets.push(&packet);
        }
        let mut out = Vec::new();
        let options = evidence::Options { full: false, redactor: Some(redactor) };
        packets.write(&redactor.report(&report)?, options, &mut out)?;
        Ok(out)
    }

    fn report(&self, name: &str, bytes: Vec<u8>) -> Report {
        let mut timeline = timeline(name, bytes);
        let mut analyzer = Analyzer::default();
        let mut first = None;
        while let Some(packet) = timeline.next_packet() {
            first = first.or(Some(packet.time));
            analyzer.push(&packet);
        }
        if let Some(lost) = self.lost {
            analyzer.lost(lost, first.unwrap_or(self.time), self.until);
        }
        while analyzer.tick(self.until) {}
        let inputs = Inputs { captures: timeline.captures().collect(), unreadable: Vec::new() };
        let dropped = inputs.captures.iter().filter_map(|capture| capture.dropped).sum();
        let mut report = build::report(analyzer.finish(dropped), &inputs);
        report.notices.extend(self.notices());
        report
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut add =
            |kind: &str, count, says| notices.push(Notice { kind: kind.to_owned(), says, count, frame: None });
        let left_out = self.kept.iter().map(|kept| kept.left_out).sum();
        if left_out > 0 {
            let says = "packets of these connections were not kept, for lack of memory (--flow-memory, --memory)";
            add("packets-not-kept", left_out, says.to_owned());
        }
        notices
    }
}

/// A capture in memory.
fn timeline(name: &str, bytes: Vec<u8>) -> Timeline {
    let source = Source::Reader { name: name.to_owned(), reader: Box::new(Cursor::new(bytes)) };
    Timeline::new(vec![source], CaptureOptions { sha256: true })
}

/// What is said of the frames that decide, by their numbers.
fn deciding(report: &Report) -> BTreeMap<u64, Vec<String>> {
    let mut comments: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for connection in &report.connections {
        let verdict = connection.verdict.as_ref().map(|verdict| &verdict.finding);
        for finding in connection.findings.iter().filter(|finding| Some(&finding.id) == verdict) {
            for evidence in &finding.evidence {
                let says = format!("rdpwhy {}: {}", finding.id, evidence.says);
                comments.entry(evidence.frame.number).or_default().push(says);
            }
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::live::recorder::{Budget, Recorder, key};
    use rdpwhy::analysis::{Connection, Ends};
    use rdpwhy::base::{Frame, Span};
    use rdpwhy::capture::Packet;
    use std::path::PathBuf;

    /// Packets with the time that each passes at.
    type Passing = Vec<(CaptureTime, LinkType, u32, Vec<u8>)>;

    fn passing(path: &Path) -> Passing {
        let mut timeline = Timeline::new(vec![Source::Path(path.to_owned())], CaptureOptions::default());
        let mut packets = Vec::new();
        while let Some(packet) = timeline.next_packet() {
            packets.push((packet.time, packet.link, packet.original_len, packet.data.to_vec()));
        }
        packets
    }

    /// Plays packets past recorder and analyzer, as on a wire on which nothing
    /// more comes for `quiet`; the connections, and what was kept of each.
    fn watched(packets: &Passing, quiet: Span, each: usize) -> Vec<(Connection, Option<Kept>, CaptureTime)> {
        let (mut analyzer, mut recorder) = (Analyzer::default(), Recorder::new(Budget { each, all: 64 << 20 }));
        let mut now = CaptureTime::default();
        for (number, (time, link, original_len, data)) in (1..).zip(packets) {
            let (time, link, original_len) = (*time, *link, *original_len);
            let frame = Frame::new(0, number);
            let packet = Packet { frame, time, link, interface: 0, vantage: 0, packet_id: None, data, original_len };
            now = time;
            let before = analyzer.ended().len();
            let ends = if analyzer.push(&packet) { Ends::of_packet(&packet) } else { None };
            recorder.pushed(ends, &packet, &analyzer, before);
        }
        now = now + quiet;
        while analyzer.tick(now) {}
        assert!(!analyzer.end_some(usize::MAX));
        let connections = analyzer.take().into_iter();
        let with_packets = connections.map(|c| {
            let kept = recorder.take(&key(&c));
            (c, kept, now)
        });
        with_packets.collect()
    }

    fn evidence((connection, kept, until): (Connection, Option<Kept>, CaptureTime)) -> Option<Evidence> {
        Some(Evidence {
            connections: vec![1],
            time: connection.diagnosis.ended_at.time,
            finding: connection.diagnosis.verdict()?.id,
            sentence: connection.sentence.clone(),
            kept: vec![Arc::new(kept?)],
            since: CaptureTime::default(),
            until,
            interface: Origin { name: "eth0".to_owned(), snap_len: 262_144 },
            lost: None,
            redactor: None,
        })
    }

    fn cases() -> Vec<PathBuf> {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
        let files = cases.read_dir().unwrap().map(|case| case.unwrap().path().join("client.pcap"));
        let mut files: Vec<PathBuf> = files.filter(|file| file.exists()).collect();
        files.sort();
        files
    }

    /// What `rdpwhy analyze` says of a file of evidence.
    fn analysed(file: &Path) -> Option<(String, usize)> {
        let mut timeline = Timeline::new(vec![Source::Path(file.to_owned())], CaptureOptions::default());
        let mut analyzer = Analyzer::default();
        while let Some(packet) = timeline.next_packet() {
            analyzer.push(&packet);
        }
        if let Some(until) = timeline.captures().next().and_then(CaptureInfo::watched_until) {
            while analyzer.tick(until) {}
        }
        let analysis = analyzer.finish(0);
        Some((analysis.connections.first()?.diagnosis.verdict()?.id.to_owned(), analysis.connections.len()))
    }

    #[test]
    fn evidence_of_every_case_tells_what_was_seen_live() {
        let folder = tempfile::tempdir().unwrap();
        let mut count = 0;
        // `just live-test verdicts` tries all of them, on a wire.
        for (n, case) in cases().into_iter().enumerate().filter(|(n, _)| n % 3 == 0) {
            let quiet = Span::from_secs(if n % 2 == 0 { 5 } else { 300 });
            for evidence in watched(&passing(&case), quiet, 4 << 20).into_iter().filter_map(evidence) {
                let what = format!("{}, {quiet} later: {}", case.display(), evidence.sentence);
                let name = evidence.write(folder.path()).unwrap();
                let file = folder.path().join(format!("{name}.pcapng"));
                // Resets are judged by all that is known of a host; a single
                // connection may leave more open, and never accuses more.
                let (verdict, connections) = analysed(&file).expect(&what);
                let opens = ["reset-undetermined", "host-reset"].contains(&verdict.as_str());
                assert!(verdict == evidence.finding || opens, "{what}: {verdict}");
                assert_eq!(connections, 1, "{what}");
                count += 1;
            }
        }
        assert!(count > 25, "{count}");
    }

    #[test]
    fn the_same_ports_again_are_another_connection_with_evidence_of_its_own() {
        /// Where sequence and acknowledgement numbers stand, behind Ethernet and IPv4.
        const NUMBERS: [usize; 2] = [38, 42];
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
        let mut packets = passing(&case);
        let once = packets.len();
        // What the hosts still send is nobody's, …
        let last = packets.last().unwrap().clone();
        packets.extend((6..60).map(|second| (last.0 + Span::from_secs(second), last.1, last.2, last.3.clone())));
        // … and after three minutes the client takes the same port again.
        for n in 0..once {
            let (time, link, len, mut data) = packets[n].clone();
            for at in NUMBERS {
                let number: [u8; 4] = data[at..at + 4].try_into().unwrap();
                let moved = if number == [0; 4] { 0 } else { u32::from_be_bytes(number).wrapping_add(1 << 30) };
                data[at..at + 4].copy_from_slice(&moved.to_be_bytes());
            }
            packets.push((time + Span::from_secs(180), link, len, data));
        }
        let folder = tempfile::tempdir().unwrap();
        let all = watched(&packets, Span::ZERO, 4 << 20);
        assert_eq!(all.len(), 2);
        for watched in all {
            assert_eq!(watched.1.as_ref().unwrap().packets().count(), once);
            let name = evidence(watched).unwrap().write(folder.path()).unwrap();
            let told = analysed(&folder.path().join(format!("{name}.pcapng"))).unwrap();
            assert_eq!(told, ("injected-reset".to_owned(), 1));
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests read what was written")]
    fn the_frames_that_decide_bear_comments_and_the_rest_is_said() {
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/injected-suricata-tls/client.pcap");
        let (case, folder) = (passing(&case), tempfile::tempdir().unwrap());
        let mut all = watched(&case, Span::ZERO, 4 << 20);
        let name = evidence(all.remove(0)).unwrap().write(folder.path()).unwrap();
        let file = folder.path().join(format!("{name}.pcapng"));
        let mut timeline = Timeline::new(vec![Source::Path(file)], CaptureOptions::default());
        while timeline.next_packet().is_some() {}
        let info = timeline.captures().next().unwrap();
        assert!(
            info.comments.iter().any(|c| c.frame.is_some_and(|f| f.number == 9) && c.text.contains("injected-reset"))
        );
        let report = std::fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap();
        assert!(report.contains(&format!("{name}.pcapng")));
        // Under pseudonyms nothing says whose it was, and the verdict stays.
        let mut all = watched(&case, Span::ZERO, 4 << 20);
        let redactor = Some(Arc::new(Redactor::new([3; 32])));
        let hidden = Evidence { redactor, ..evidence(all.remove(0)).unwrap() };
        let name = hidden.write(folder.path()).unwrap();
        for ending in ["pcapng", "json", "txt"] {
            let written = std::fs::read(folder.path().join(format!("{name}.{ending}"))).unwrap();
            for original in [&b"10.77."[..], &[10, 77, 1, 2], &[10, 77, 2, 2], b"eth0"] {
                assert!(!written.windows(original.len()).any(|bytes| bytes == original), "{ending}: {original:?}");
            }
        }
        let report = std::fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap();
        assert!(report.contains("injected-reset") && report.contains("\"number\": 9"));
        // With next to no memory, what is missing is told; where it makes a
        // difference, nothing is but what was found live.
        let mut all = watched(&case, Span::ZERO, 1_000);
        let name = evidence(all.remove(0)).unwrap().write(folder.path()).unwrap();
        let report = std::fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap_or_default();
        assert!(report.contains("packets-not-kept") || report.is_empty(), "{report}");
    }
}
