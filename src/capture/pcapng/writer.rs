//! Writes pcapng (draft-ietf-opsawg-pcapng, whose section numbers stand below).
//!
//! Little-endian, one section, nanoseconds on every interface. Blocks go out
//! as they come, so that a file can grow while a machine runs; nothing is
//! sought or patched afterwards.

use std::io::{self, Write};

use super::{ENHANCED_PACKET, INTERFACE_DESCRIPTION, INTERFACE_STATISTICS, SECTION_HEADER};
use crate::base::{CaptureTime, LinkType};

/// The most bytes of one option: its length takes 16 bits.
const MAX_OPTION: usize = u16::MAX as usize;
/// The longest packet that is written. Readers refuse longer ones (Wireshark
/// beyond 256 KiB on most link types).
const MAX_PACKET: usize = 256 * 1024;

const COMMENT: u16 = 1;
const SECTION_HARDWARE: u16 = 2;
const SECTION_OS: u16 = 3;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_ABOUT: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;
const STATISTICS_RECEIVED: u16 = 4;
const STATISTICS_DROPPED: u16 = 5;
/// Ticks of 10⁻⁹ seconds.
const NANOSECONDS: u8 = 9;

/// What is said of a whole section (§4.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct SectionNotes<'a> {
    /// For whoever opens the file; may have several lines.
    pub comment: Option<&'a str>,
    /// The machine that captured.
    pub hardware: Option<&'a str>,
    /// Its operating system.
    pub os: Option<&'a str>,
    /// The program that wrote the file.
    pub application: Option<&'a str>,
}

/// What is said of an interface (§4.2).
#[derive(Clone, Copy, Debug)]
pub struct InterfaceNotes<'a> {
    /// What its frames begin with; pcapng has room for 16 bits.
    pub link: LinkType,
    /// The most bytes kept of a frame; 0: no limit.
    pub snap_len: u32,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its description.
    pub description: Option<&'a str>,
}

/// A packet to be written (§4.3).
#[derive(Clone, Copy, Debug)]
pub struct PacketToWrite<'a> {
    /// What [`PcapngWriter::interface`] gave.
    pub interface: u32,
    /// When it was captured; before 1970 is written as 1970.
    pub time: CaptureTime,
    /// The bytes to keep.
    pub data: &'a [u8],
    /// The frame's length on the wire; less than `data` is taken for `data`'s.
    pub original_len: u32,
    /// For whoever opens the file.
    pub comments: &'a [String],
}

/// Writes one section of a pcapng.
///
/// Every block goes to `out` in one call, so that a reader at the other end
/// of a pipe sees whole blocks.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    interfaces: u32,
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a section.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn new(out: W, section: &SectionNotes<'_>) -> io::Result<Self> {
        let mut writer = Self { out, interfaces: 0, block: Vec::with_capacity(2_048) };
        writer.begin(SECTION_HEADER);
        writer.u32(0x1a2b_3c4d);
        writer.u16(1);
        writer.u16(0);
        // The section's length is not known beforehand.
        writer.block.extend([0xff; 8]);
        let options = [
            (COMMENT, section.comment),
            (SECTION_HARDWARE, section.hardware),
            (SECTION_OS, section.os),
            (SECTION_APPLICATION, section.application),
        ];
        writer.texts(&options);
        writer.end()?;
        Ok(writer)
    }

    /// Describes an interface; gives the number by which packets name it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a link type that does not fit; else what the output
    /// says.
    pub fn interface(&mut self, notes: &InterfaceNotes<'_>) -> io::Result<u32> {
        let link = u16::try_from(notes.link.0).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("link type {} does not fit pcapng", notes.link.0))
        })?;
        self.begin(INTERFACE_DESCRIPTION);
        self.u16(link);
        self.u16(0);
        self.u32(notes.snap_len);
        self.texts(&[(INTERFACE_NAME, notes.name), (INTERFACE_ABOUT, notes.description)]);
        self.option(INTERFACE_RESOLUTION, &[NANOSECONDS]);
        self.end_of_options();
        self.end()?;
        let number = self.interfaces;
        self.interfaces = self.interfaces.saturating_add(1);
        Ok(number)
    }

    /// Writes a packet.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an interface that was not described; else what the
    /// output says.
    pub fn packet(&mut self, packet: &PacketToWrite<'_>) -> io::Result<()> {
        self.is_described(packet.interface)?;
        let data = packet.data.get(..MAX_PACKET).unwrap_or(packet.data);
        let original = usize::try_from(packet.original_len).unwrap_or(usize::MAX).max(packet.data.len());
        self.begin(ENHANCED_PACKET);
        self.u32(packet.interface);
        self.time(packet.time);
        self.u32(u32::try_from(data.len()).unwrap_or(u32::MAX));
        self.u32(u32::try_from(original).unwrap_or(u32::MAX));
        self.block.extend_from_slice(data);
        self.pad();
        for comment in packet.comments {
            self.option(COMMENT, comment.as_bytes());
        }
        if !packet.comments.is_empty() {
            self.end_of_options();
        }
        self.end()
    }

    /// Writes what an interface counted until `time` (§4.6): packets received,
    /// packets dropped.
    ///
    /// # Errors
    ///
    /// As [`packet`](Self::packet).
    pub fn statistics(
        &mut self,
        interface: u32,
        time: CaptureTime,
        received: Option<u64>,
        dropped: Option<u64>,
    ) -> io::Result<()> {
        self.is_described(interface)?;
        self.begin(INTERFACE_STATISTICS);
        self.u32(interface);
        self.time(time);
        for (code, value) in [(STATISTICS_RECEIVED, received), (STATISTICS_DROPPED, dropped)] {
            if let Some(value) = value {
                self.option(code, &value.to_le_bytes());
            }
        }
        self.end_of_options();
        self.end()
    }

    /// Hands what was written on to where it goes.
    ///
    /// # Errors
    ///
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The output: what was written may be taken out of it between two blocks.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The output, all blocks written.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn is_described(&self, interface: u32) -> io::Result<()> {
        if interface < self.interfaces {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("interface {interface} was not described")))
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Writes the block with its length at both ends.
    fn end(&mut self) -> io::Result<()> {
        let len = u32::try_from(self.block.len().saturating_add(4)).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&len);
        }
        self.block.extend(len);
        self.out.write_all(&self.block)
    }

    fn u16(&mut self, n: u16) {
        self.block.extend(n.to_le_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.block.extend(n.to_le_bytes());
    }

    fn time(&mut self, time: CaptureTime) {
        let ticks = u64::try_from(time.nanos()).unwrap_or_default();
        self.u32((ticks >> 32) as u32);
        self.u32((ticks & 0xffff_ffff) as u32);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn texts(&mut self, options: &[(u16, Option<&str>)]) {
        for (code, text) in options {
            if let Some(text) = text {
                self.option(*code, text.as_bytes());
            }
        }
        // An interface has a further option, and ends the list itself.
        if options.first().is_some_and(|(code, _)| *code == COMMENT) {
            self.end_of_options();
        }
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..whole_characters(value, MAX_OPTION)).unwrap_or_default();
        self.u16(code);
        self.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.block.extend_from_slice(value);
        self.pad();
    }

    fn end_of_options(&mut self) {
        self.u32(0);
    }
}

/// As many of the first `limit` bytes as do not cut a UTF-8 character.
fn whole_characters(text: &[u8], limit: usize) -> usize {
    let mut end = text.len().min(limit);
    while end > 0 && text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end = end.saturating_sub(1);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::written::{Got, notices, packets, read};
    use std::process::Command;

    fn written() -> Vec<u8> {
        let section = SectionNotes {
            comment: Some("the verdict\nin two lines"),
            application: Some("rdpwhy"),
            os: Some("Linux"),
            ..SectionNotes::default()
        };
        let mut writer = PcapngWriter::new(Vec::new(), &section).unwrap();
        let ethernet = InterfaceNotes {
            link: LinkType::ETHERNET,
            snap_len: 0,
            name: Some("eth0"),
            description: Some("to the café"),
        };
        let raw = InterfaceNotes { link: LinkType::RAW, snap_len: 96, name: None, description: None };
        assert_eq!((writer.interface(&ethernet).unwrap(), writer.interface(&raw).unwrap()), (0, 1));
        for (n, sent) in packets(7).iter().enumerate() {
            let comments = vec![format!("frame {n}"), "again".to_owned()];
            let (interface, nanos) = (n as u32 % 2, sent.nanos + n as i64);
            let time = CaptureTime::from_nanos(nanos);
            let comments = if n == 3 { comments.as_slice() } else { &[] };
            let (data, original_len) = (sent.data.as_slice(), sent.original);
            writer.packet(&PacketToWrite { interface, time, data, original_len, comments }).unwrap();
        }
        writer.statistics(0, CaptureTime::from_nanos(2_000_000_000_000_000_000), Some(90), Some(4)).unwrap();
        writer.flush().unwrap();
        writer.into_inner()
    }

    #[test]
    fn our_reader_reads_all_of_it() {
        let (got, info) = read(&written());
        let expected: Vec<Got> = (0_u64..)
            .zip(packets(7))
            .map(|(n, p)| {
                let link = if n % 2 == 0 { 1 } else { 101 };
                (n + 1, p.nanos + n as i64, link, n as u32 % 2, None, p.data, p.original)
            })
            .collect();
        assert_eq!(got, expected);
        assert!(!info.incomplete, "{:?}", notices(&info));
        assert_eq!(info.written_by.as_deref().map(|by| by.contains("rdpwhy")), Some(true));
        let comments: Vec<_> = info.comments.iter().map(|c| (c.frame.map(|f| f.number), c.text.as_str())).collect();
        assert_eq!(comments, [(None, "the verdict\nin two lines"), (Some(4), "frame 3"), (Some(4), "again")]);
        assert_eq!((info.interfaces[0].name.as_deref(), info.interfaces[0].received), (Some("eth0"), Some(90)));
        assert_eq!((info.interfaces[0].dropped, info.interfaces[1].snap_len), (Some(4), Some(96)));
    }

    #[test]
    fn the_oracle_reads_every_block() {
        let bytes = written();
        let (mut rest, mut blocks) = (bytes.as_slice(), 0);
        while !rest.is_empty() {
            let (after, _) = pcap_parser::pcapng::parse_block_le(rest).unwrap();
            (rest, blocks) = (after, blocks + 1);
        }
        assert_eq!(blocks, 1 + 2 + 7 + 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_or_cut_between_characters() {
        let mut writer = PcapngWriter::new(Vec::new(), &SectionNotes::default()).unwrap();
        let link = InterfaceNotes { link: LinkType(70_000), snap_len: 0, name: None, description: None };
        assert_eq!(writer.interface(&link).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let time = CaptureTime::from_nanos(-5);
        let unknown = PacketToWrite { interface: 0, time, data: &[1], original_len: 0, comments: &[] };
        assert_eq!(writer.packet(&unknown).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        writer.interface(&InterfaceNotes { link: LinkType::ETHERNET, ..link }).unwrap();
        let comments = ["é".repeat(40_000)];
        writer.packet(&PacketToWrite { comments: &comments, ..unknown }).unwrap();
        let (got, info) = read(&writer.into_inner());
        assert_eq!((got.len(), got[0].1, got[0].6), (1, 0, 1));
        assert!(!info.comments[0].text.contains('\u{fffd}'));
    }

    #[test]
    fn wireshark_reads_it_too() {
        let Ok(version) = Command::new("capinfos").arg("--version").output() else {
            println!("skipped: capinfos and tshark are not installed");
            return;
        };
        assert!(version.status.success());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&written()).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).arg(file.path()).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{program}: {told}");
            String::from_utf8(output.stdout).unwrap()
        };
        let about = run("capinfos", &[]);
        for part in ["pcapng", "nanoseconds", "Number of packets:   7", "the verdict", "eth0"] {
            assert!(about.contains(part), "{part}: {about}");
        }
        let comments = run("tshark", &["-T", "fields", "-e", "frame.number", "-e", "frame.comment", "-r"]);
        assert!(comments.lines().any(|line| line == "4\tframe 3,again"), "{comments}");
    }
}
