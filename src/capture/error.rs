//! Why a file could not be read: which one, what it is, what was expected,
//! and the exact command that gets further.

use core::fmt;
use std::io;

use super::info::Compression;
use super::recognise::Foreign;

/// Compressions inside each other that are undone: a file compressed for
/// transport that had been compressed by its writer.
pub(super) const MAX_NESTED: usize = 2;

/// What we read, in one line.
const EXPECTED: &str = "expected a packet capture: pcap, pcapng, NetMon 2.x or snoop, as such or in gzip, zstd or lz4";

/// What goes before the command that permits it.
const BEFORE_COMMAND: &str = "; run as its owner, or: ";

/// What goes before the command that reads it.
const BEFORE_NAMING: &str = ". To read it, name it: ";

/// A file that is no capture we can read.
#[derive(Debug)]
pub struct OpenError {
    /// The path, or `-`.
    pub name: String,
    /// Compressions that were undone on the way, outermost first.
    pub inside: Vec<Compression>,
    /// What stood in the way.
    pub reason: OpenReason,
}

/// What stood in the way of reading a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenReason {
    /// The operating system refused.
    Io(io::Error),
    /// It is a folder; a [`Timeline`](super::Timeline) reads those.
    Folder,
    /// It is a pipe, a socket or a device that nobody named: it lies in a folder.
    Special,
    /// It is something else.
    Foreign(Foreign),
    /// Compressed more than twice.
    NestedTooDeep,
    /// The compressed data is damaged before anything could be recognised.
    Damaged(String),
    /// A capture whose own header is cut short or contradicts itself.
    Header(&'static str),
    /// A NetMon file that cannot be read from a pipe, being larger than this
    /// many bytes: its table of frames stands at its end.
    TooLargeForPipe(u64),
}

impl OpenError {
    /// Whether the file simply is no capture, so that a folder may hold it
    /// without anything being wrong.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(
            self.reason,
            OpenReason::Foreign(_) | OpenReason::NestedTooDeep | OpenReason::Folder | OpenReason::Special
        )
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", shown(&self.name))?;
        for compression in &self.inside {
            write!(f, "inside {compression}: ")?;
        }
        match &self.reason {
            OpenReason::Io(e) => match e.kind() {
                io::ErrorKind::NotFound => write!(f, "there is no such file; check the path"),
                io::ErrorKind::PermissionDenied => {
                    write!(f, "reading it is not permitted{BEFORE_COMMAND}chmod a+r {}", quoted(&self.name))
                }
                _ => write!(f, "cannot be read: {e}"),
            },
            OpenReason::Folder => write!(f, "this is a folder; {EXPECTED}"),
            OpenReason::Special => write!(
                f,
                "this is a pipe, a socket or a device, which may never end; expected files in a folder{BEFORE_NAMING}\
                 rdpwhy analyze {}",
                quoted(&self.name)
            ),
            OpenReason::Foreign(foreign) => {
                write!(f, "this is {}; {EXPECTED}. ", named(*foreign))?;
                let mut name = if self.name == "-" { "FILE".to_owned() } else { printable(&self.name) };
                if !self.inside.is_empty() && *foreign != Foreign::Empty {
                    // The advice is about what was inside: first get it out.
                    let (compressed, plain) = (quoted(&name), without_ending(&name));
                    let steps: Vec<_> = self.inside.iter().map(|c| format!("{} -dc", c.name())).collect();
                    let (first, rest) = steps.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
                    write!(f, "Decompress it: {first} {compressed}")?;
                    rest.iter().try_for_each(|step| write!(f, " | {step}"))?;
                    write!(f, " > {}. ", quoted(&plain))?;
                    name = plain;
                }
                write!(f, "{}", Advice { foreign: *foreign, name: &name })
            }
            OpenReason::NestedTooDeep => {
                write!(f, "compressed more than {MAX_NESTED} times; {EXPECTED}. Decompress it first")
            }
            OpenReason::Damaged(why) => {
                write!(f, "the compressed data is damaged ({why}); {EXPECTED}. Copy the file again, in binary mode")
            }
            OpenReason::Header(what) => {
                write!(f, "{what}; {EXPECTED}. Copy the file again, or capture again")
            }
            OpenReason::TooLargeForPipe(limit) => write!(
                f,
                "a NetMon capture of more than {} MiB in a pipe or compressed; its table of frames stands at its end. \
                 Save it uncompressed to a file and analyze that",
                limit / 1_048_576
            ),
        }
    }
}

impl core::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.reason {
            OpenReason::Io(e) => Some(e),
            _ => None,
        }
    }
}

/// Reading stopped because the operating system failed; what was read before
/// stays valid.
#[derive(Debug)]
pub struct ReadError {
    /// The path, or `-`.
    pub name: String,
    /// What the operating system said.
    pub error: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: reading stopped: {}; everything before was read", shown(&self.name), self.error)
    }
}

impl core::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

fn named(foreign: Foreign) -> String {
    match foreign {
        Foreign::Empty => "empty (0 bytes)".into(),
        Foreign::EventTrace => "a Windows event trace (ETL)".into(),
        Foreign::EventLog => "a Windows event log (EVTX)".into(),
        Foreign::NetScalerTrace => "a NetScaler trace (nstrace)".into(),
        Foreign::NetMon1 => "a Network Monitor 1.x capture".into(),
        Foreign::PcapVersion(major, minor) => format!("a pcap of the unknown version {major}.{minor}"),
        Foreign::Zip => "a zip archive".into(),
        Foreign::SevenZip => "a 7-Zip archive".into(),
        Foreign::Cabinet => "a cabinet archive".into(),
        Foreign::Tar => "a tar archive".into(),
        Foreign::Xz => "compressed with xz".into(),
        Foreign::Bzip2 => "compressed with bzip2".into(),
        Foreign::WindowsProgram => "a program for Windows".into(),
        Foreign::TcpdumpText => "the text that tcpdump printed, not its packets".into(),
        Foreign::FortiGateText => "the text of a FortiGate sniffer".into(),
        Foreign::Text => "a text".into(),
        Foreign::KeyLog => "a key log".into(),
        Foreign::Unknown([a, b, c, d]) => {
            format!("nothing that is known here (it begins with {a:02x} {b:02x} {c:02x} {d:02x})")
        }
    }
}

/// What to do next, with the file's name in the command.
struct Advice<'a> {
    foreign: Foreign,
    name: &'a str,
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name == "-" { "FILE" } else { self.name };
        let stem =
            name.rsplit_once('.').map_or(name, |(stem, ending)| if ending.contains(['/', '\\']) { name } else { stem });
        let file = quoted(name);
        let pcapng = quoted(&format!("{stem}.pcapng"));
        let folder = quoted(&without_ending(name));
        match self.foreign {
            Foreign::Empty => write!(f, "The capture may not have been flushed: stop it properly, then copy it again"),
            Foreign::EventTrace => write!(
                f,
                "Convert it, on Windows: pktmon etl2pcap {file} --out {pcapng} (a pktmon trace), \
                 or: etl2pcapng {file} {pcapng} (any trace)"
            ),
            Foreign::EventLog => write!(f, "It holds no packets; keep it beside the capture as evidence"),
            Foreign::NetScalerTrace | Foreign::NetMon1 => {
                write!(f, "Convert it with Wireshark's: editcap -F pcapng {file} {pcapng}")
            }
            Foreign::PcapVersion(..) => write!(f, "It may be damaged; see what Wireshark makes of it: capinfos {file}"),
            Foreign::Zip => write!(f, "Unpack it: unzip -j {file} -d {folder} && rdpwhy analyze {folder}"),
            Foreign::SevenZip => write!(f, "Unpack it: 7z e {file} -o{folder} && rdpwhy analyze {folder}"),
            Foreign::Cabinet => {
                write!(f, "Unpack it: cabextract -d {folder} {file} (on Windows: expand -F:* {file} {folder})")
            }
            Foreign::Tar => {
                write!(f, "Unpack it: mkdir -p {folder} && tar -xf {file} -C {folder} && rdpwhy analyze {folder}")
            }
            Foreign::Xz => write!(f, "Decompress it on the way: xz -dc {file} | rdpwhy analyze -"),
            Foreign::Bzip2 => write!(f, "Decompress it on the way: bzip2 -dc {file} | rdpwhy analyze -"),
            Foreign::WindowsProgram => write!(f, "Check which file was meant"),
            Foreign::TcpdumpText => {
                write!(f, "Capture again, into a file: tcpdump -i any -s 0 -w {}", quoted(&format!("{stem}.pcap")))
            }
            Foreign::FortiGateText => write!(
                f,
                "Convert it with Fortinet's script: fgt2eth.pl -in {file} -out {} (it needs the sniffer's verbosity 6)",
                quoted(&format!("{stem}.pcap"))
            ),
            Foreign::KeyLog => {
                write!(f, "It belongs to a capture: editcap --inject-secrets tls,{file} CAPTURE {pcapng}")
            }
            Foreign::Text | Foreign::Unknown(_) => {
                write!(f, "If Wireshark opens it, convert it: editcap -F pcapng {file} {pcapng}")
            }
        }
    }
}

/// The message of an [`OpenError`] or a [`ReadError`] about `name`, without the name
/// that it begins with.
#[must_use]
pub fn behind_name<'a>(message: &'a str, name: &str) -> &'a str {
    let behind = message.strip_prefix(&shown(name)).and_then(|rest| rest.strip_prefix(": "));
    behind.unwrap_or(message)
}

/// The same without the commands at its end, which hold the name.
#[must_use]
pub fn without_commands(message: &str) -> &str {
    let before = |told, what| str::split_once(told, what).map_or(told, |(told, _)| told);
    let told = before(before(message, BEFORE_COMMAND), BEFORE_NAMING);
    told.find(EXPECTED).map_or(told, |at| told.get(..at.saturating_add(EXPECTED.len())).unwrap_or(told))
}

/// How a source is called in a sentence.
fn shown(name: &str) -> String {
    if name == "-" { "standard input".to_owned() } else { printable(name) }
}

/// A name may hold anything, such as what a terminal obeys.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A name without its last ending, where the file itself has one.
fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && !ending.contains(['/', '\\']) => stem,
        _ => name,
    }
}

/// A name for what comes out of the file `name`.
fn without_ending(name: &str) -> String {
    let stem = stem(name);
    if stem == name { format!("{name}.unpacked") } else { stem.to_owned() }
}

/// `name` as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:\\".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return name.to_owned();
    }
    let guard = if name.starts_with('-') { "./" } else { "" };
    format!("'{guard}{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(name: &str, foreign: Foreign) -> String {
        OpenError { name: name.into(), inside: Vec::new(), reason: OpenReason::Foreign(foreign) }.to_string()
    }

    #[test]
    fn an_event_trace_gets_its_exact_command() {
        let says = says("C:\\MS_DATA\\trace.etl", Foreign::EventTrace);
        assert!(
            says.starts_with("C:\\MS_DATA\\trace.etl: this is a Windows event trace (ETL); expected a packet capture")
        );
        assert!(says.contains("pktmon etl2pcap C:\\MS_DATA\\trace.etl --out C:\\MS_DATA\\trace.pcapng"), "{says}");
        assert!(says.contains("etl2pcapng C:\\MS_DATA\\trace.etl C:\\MS_DATA\\trace.pcapng"), "{says}");
    }

    #[test]
    fn a_hostile_name_stays_one_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("a'; rm -rf ~ #"), r"'a'\''; rm -rf ~ #'");
        assert_eq!(quoted("-rf"), "'./-rf'");
        assert!(says("my trace.zip", Foreign::Zip).contains("unzip -j 'my trace.zip' -d 'my trace' && "));
    }

    #[test]
    fn what_is_inside_is_taken_out_first() {
        let inside = vec![Compression::Gzip, Compression::Zstd];
        let reason = OpenReason::Foreign(Foreign::EventTrace);
        let says = OpenError { name: "t.etl.gz".into(), inside, reason }.to_string();
        assert!(says.starts_with("t.etl.gz: inside gzip: inside zstd: this is a Windows event trace"), "{says}");
        assert!(says.contains("Decompress it: gzip -dc t.etl.gz | zstd -dc > t.etl. Convert it"), "{says}");
        assert!(says.contains("etl2pcapng t.etl t.pcapng"), "{says}");
    }

    #[test]
    fn a_name_gives_no_orders_to_a_terminal() {
        assert!(!says("\u{1b}]0;x\u{7}.zip", Foreign::Zip).contains(char::is_control));
    }

    #[test]
    fn what_is_told_without_the_name_holds_no_part_of_it() {
        let names =
            ["jane/doe.txt", "jane's doe.tar.gz", "-jane", "jane: expected doe", "ja\u{1b}ne", "\u{202e}jane.zip"];
        let foreign = [
            Foreign::Empty,
            Foreign::EventTrace,
            Foreign::EventLog,
            Foreign::NetMon1,
            Foreign::PcapVersion(9, 9),
            Foreign::Zip,
            Foreign::SevenZip,
            Foreign::Cabinet,
            Foreign::Tar,
            Foreign::Xz,
            Foreign::Bzip2,
            Foreign::TcpdumpText,
            Foreign::FortiGateText,
            Foreign::KeyLog,
            Foreign::Text,
            Foreign::Unknown([1, 2, 3, 4]),
        ];
        let reasons = || {
            let denied = [io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound, io::ErrorKind::Other];
            let denied = denied.into_iter().map(|kind| OpenReason::Io(kind.into()));
            let others = [
                OpenReason::Folder,
                OpenReason::Special,
                OpenReason::NestedTooDeep,
                OpenReason::TooLargeForPipe(1 << 20),
            ];
            foreign.into_iter().map(OpenReason::Foreign).chain(denied).chain(others)
        };
        for name in names {
            for inside in [vec![], vec![Compression::Gzip]] {
                for reason in reasons() {
                    let says = OpenError { name: name.into(), inside: inside.clone(), reason }.to_string();
                    let told = without_commands(behind_name(&says, name));
                    assert!(!told.contains("jane") && !told.contains("doe") && !told.is_empty(), "{told}");
                }
            }
        }
        let says = says("jane.txt", Foreign::Text);
        assert_eq!(without_commands(behind_name(&says, "jane.txt")), format!("this is a text; {EXPECTED}"));
    }

    #[test]
    fn nothing_is_unpacked_over_itself() {
        assert!(says("dir.d/archive", Foreign::Zip).contains("-d dir.d/archive.unpacked"));
    }
}
