//! What a file is, by its first bytes and never by its name: Azure writes pcap
//! into `.cap`, NetMon and NetScaler write their own formats into it.

use super::info::{Compression, Format};

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recognised {
    Capture(Format),
    Compressed(Compression),
    Foreign(Foreign),
}

/// What is no capture that we read. Each has its own way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// No bytes at all.
    Empty,
    /// A Windows event trace: `pktmon`, `netsh trace`.
    EventTrace,
    /// A Windows event log.
    EventLog,
    /// A Citrix NetScaler trace.
    NetScalerTrace,
    /// Network Monitor 1.x.
    NetMon1,
    /// A pcap of a version that does not exist.
    PcapVersion(u16, u16),
    /// A zip archive; what Microsoft's support scripts (TSS) leave behind.
    Zip,
    /// A 7-Zip archive.
    SevenZip,
    /// A cabinet archive: `netsh trace` writes one beside its trace.
    Cabinet,
    /// A tar archive.
    Tar,
    /// xz compression.
    Xz,
    /// bzip2 compression.
    Bzip2,
    /// A program for Windows.
    WindowsProgram,
    /// The text that tcpdump prints.
    TcpdumpText,
    /// The text that FortiGate's `diagnose sniffer packet` prints.
    FortiGateText,
    /// Another text.
    Text,
    /// A key log; it belongs beside a capture.
    KeyLog,
    /// Nothing that is known here; the first four bytes.
    Unknown([u8; 4]),
}

/// Bytes that a decision may need: the `ustar` of a tar archive ends at 262.
pub(super) const LOOK: usize = 512;

/// What `first` begins; `None` where more bytes could tell. `ended`: there are
/// no more.
pub(super) fn recognise(first: &[u8], ended: bool) -> Option<Recognised> {
    if let Some(known) = by_magic(first) {
        return Some(known);
    }
    if first.len() < LOOK && !ended {
        return None;
    }
    Some(Recognised::Foreign(by_content(first)))
}

fn by_magic(first: &[u8]) -> Option<Recognised> {
    use Recognised::{Capture, Compressed};
    let magic = first.first_chunk::<4>()?;
    Some(match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0xa1, 0xb2, 0xc3, 0xd4] => pcap(first, Format::Pcap)?,
        [0x4d, 0x3c, 0xb2, 0xa1] | [0xa1, 0xb2, 0x3c, 0x4d] => pcap(first, Format::PcapNanoseconds)?,
        [0x34, 0xcd, 0xb2, 0xa1] | [0xa1, 0xb2, 0xcd, 0x34] => pcap(first, Format::PcapModified)?,
        [0xab | 0xac, 0x01, 0x00, 0x1c] | [0x1c, 0x00, 0x01, 0xab | 0xac] => pcap(first, Format::PcapIxia)?,
        [0x0a, 0x0d, 0x0d, 0x0a] => match first.get(8..12)? {
            [0x4d, 0x3c, 0x2b, 0x1a] | [0x1a, 0x2b, 0x3c, 0x4d] => Capture(Format::Pcapng),
            _ => return None,
        },
        b"GMBU" => Capture(Format::NetMon),
        b"snoo" if first.starts_with(b"snoop\0\0\0") => Capture(Format::Snoop),
        [0x1f, 0x8b, ..] => Compressed(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compressed(Compression::Zstd),
        [0x04, 0x22, 0x4d, 0x18] | [0x02, 0x21, 0x4c, 0x18] => Compressed(Compression::Lz4),
        _ => return None,
    })
}

/// Versions 2.0 to 2.4 exist.
fn pcap(first: &[u8], format: Format) -> Option<Recognised> {
    let &[lead, _, _, _, a, b, c, d] = first.first_chunk::<8>()?;
    let big = matches!(lead, 0xa1 | 0x1c);
    let read = |bytes| if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    Some(match (read([a, b]), read([c, d])) {
        (2, _) => Recognised::Capture(format),
        (major, minor) => Recognised::Foreign(Foreign::PcapVersion(major, minor)),
    })
}

fn by_content(first: &[u8]) -> Foreign {
    let begins = |magic: &[u8]| first.starts_with(magic);
    let holds = |what: &[u8]| first.windows(what.len()).any(|w| w == what);
    match first {
        [] => Foreign::Empty,
        _ if begins(b"RTSS") => Foreign::NetMon1,
        _ if begins(b"ElfFile\0") => Foreign::EventLog,
        _ if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Foreign::Zip,
        _ if begins(b"7z\xbc\xaf\x27\x1c") => Foreign::SevenZip,
        _ if begins(b"MSCF") => Foreign::Cabinet,
        _ if begins(b"\xfd7zXZ\0") => Foreign::Xz,
        _ if begins(b"BZh") => Foreign::Bzip2,
        _ if begins(b"MZ") => Foreign::WindowsProgram,
        _ if first.get(257..262) == Some(b"ustar") => Foreign::Tar,
        // The signature stands in the first record, behind its header.
        _ if holds(b"NetScaler") && holds(b"Performance Data") => Foreign::NetScalerTrace,
        _ if is_event_trace(first) => Foreign::EventTrace,
        _ => text(first).unwrap_or_else(|| {
            let mut magic = [0; 4];
            magic.iter_mut().zip(first).for_each(|(to, from)| *to = *from);
            Foreign::Unknown(magic)
        }),
    }
}

/// An ETL file has no magic. It begins with a WMI_BUFFER_HEADER (72 bytes, its
/// size in KiB steps first), and that with the header of a logfile event:
/// header type 1 or 2, flags 0xC0.
fn is_event_trace(first: &[u8]) -> bool {
    let size = first.first_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size));
    let event = first.get(74..76);
    size > 0 && size % 1024 == 0 && matches!(event, Some([1 | 2, 0xc0]))
}

fn text(first: &[u8]) -> Option<Foreign> {
    // What PowerShell redirects into a file is UTF-16.
    let narrow: Vec<u8>;
    let first = match first {
        [0xff, 0xfe, wide @ ..] => {
            narrow = wide.chunks_exact(2).filter_map(|pair| pair.first().copied()).collect();
            &narrow
        }
        [0xef, 0xbb, 0xbf, text @ ..] => text,
        text => text,
    };
    let printable = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    let ascii = first.iter().filter(|b| b.is_ascii()).count();
    if !first.iter().all(printable) || ascii < first.len() / 2 {
        return None;
    }
    let text = String::from_utf8_lossy(first);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let key_log = ["CLIENT_RANDOM ", "CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_HANDSHAKE_TRAFFIC_SECRET ", "RSA "];
    // "12:34:56.789012 IP 10.0.0.1.50000 > 10.0.0.2.3389: Flags [S], …", with
    // or without a date before it.
    let tcpdump = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let timed = words.by_ref().take(2).any(|word| word.matches(':').count() == 2 && word.contains('.'));
        timed && [" IP ", " IP6 ", " ARP", " > "].iter().any(|mark| line.contains(mark))
    };
    Some(if line.starts_with("interfaces=[") || text.contains("\nfilters=[") {
        Foreign::FortiGateText
    } else if line.starts_with("tcpdump: ") || text.lines().take(5).any(tcpdump) {
        Foreign::TcpdumpText
    } else if key_log.iter().any(|label| line.starts_with(label)) {
        Foreign::KeyLog
    } else {
        Foreign::Text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(first: &[u8]) -> Foreign {
        match recognise(first, true) {
            Some(Recognised::Foreign(foreign)) => foreign,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn captures_are_known_by_their_magic() {
        for (first, format) in [
            (&b"\xd4\xc3\xb2\xa1\x02\0\x04\0"[..], Format::Pcap),
            (b"\xa1\xb2\x3c\x4d\0\x02\0\x04", Format::PcapNanoseconds),
            (b"\x34\xcd\xb2\xa1\x02\0\x04\0", Format::PcapModified),
            (b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d", Format::Pcapng),
            (b"GMBU\x03\x02", Format::NetMon),
            (b"snoop\0\0\0\0\0\0\x02", Format::Snoop),
        ] {
            assert_eq!(recognise(first, false), Some(Recognised::Capture(format)));
            for cut in 0..4 {
                assert_eq!(recognise(&first[..cut], false), None, "undecided after {cut} bytes");
            }
        }
    }

    #[test]
    fn everything_else_is_named() {
        let mut trace = vec![0; 128];
        trace[..4].copy_from_slice(&0x1_0000_u32.to_le_bytes());
        trace[74..76].copy_from_slice(&[2, 0xc0]);
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (first, expected) in [
            (&b""[..], Foreign::Empty),
            (&trace, Foreign::EventTrace),
            (&tar, Foreign::Tar),
            (b"ElfFile\0\0\0", Foreign::EventLog),
            (b"\x01\x00\x54\x00NetScaler V30 Performance Data\0", Foreign::NetScalerTrace),
            (b"RTSS\0\0", Foreign::NetMon1),
            (b"\xd4\xc3\xb2\xa1\x03\0\x04\0", Foreign::PcapVersion(3, 4)),
            (b"PK\x03\x04\x14\0", Foreign::Zip),
            (b"7z\xbc\xaf\x27\x1c", Foreign::SevenZip),
            (b"\xfd7zXZ\0", Foreign::Xz),
            (b"MZ\x90\0", Foreign::WindowsProgram),
            (b"12:00:01.000001 IP 10.0.0.1.5 > 10.0.0.2.3389: Flags [S]\n", Foreign::TcpdumpText),
            (b"interfaces=[any]\nfilters=[port 3389]\n1.2 port1 in", Foreign::FortiGateText),
            (b"CLIENT_RANDOM 00 11\n", Foreign::KeyLog),
            (b"Dear support,\n", Foreign::Text),
            (b"\xff\xfeD\0e\0a\0r\0 \0s\0u\0p\0p\0o\0r\0t\0", Foreign::Text),
            (b"\x0a\x0d\x0d\x0a\0\0\0\x1c\0\0\0\0", Foreign::Unknown([0x0a, 0x0d, 0x0d, 0x0a])),
            (b"\x7fEL", Foreign::Unknown([0x7f, b'E', b'L', 0])),
        ] {
            assert_eq!(foreign(first), expected);
        }
    }
}
