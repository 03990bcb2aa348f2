//! What is known of a capture besides its packets.

use core::fmt;

use super::clock::SetBack;
use super::window::Window;
use crate::base::{CaptureTime, Frame, LinkType, NoticeKind, Notices, Secret, open_enum};

/// The file ends inside a record or a compressed frame.
pub const FILE_CUT_SHORT: NoticeKind = NoticeKind("file-cut-short");
/// Bytes in the middle made no sense and were passed over.
pub const FILE_DAMAGED: NoticeKind = NoticeKind("file-damaged");
/// A compressed file expands beyond all reason; reading stopped.
pub const EXPANSION_LIMIT: NoticeKind = NoticeKind("expansion-limit");
/// Packets without a time of their own took that of the packet before.
pub const TIME_MISSING: NoticeKind = NoticeKind("time-missing");
/// The format records local time without its zone.
pub const TIME_ZONE_UNKNOWN: NoticeKind = NoticeKind("time-zone-unknown");
/// A packet names an interface that the file does not describe.
pub const INTERFACE_UNKNOWN: NoticeKind = NoticeKind("interface-unknown");
/// More interfaces, comments or secrets than are kept.
pub const CAPTURE_DETAILS_LIMIT: NoticeKind = NoticeKind("capture-details-limit");

/// Link types listed; a capture with more distinct ones is hostile.
const MAX_LINK_TYPES: usize = 64;
/// Interfaces described. Windows hosts reach a few hundred packet-monitor
/// components.
const MAX_INTERFACES: usize = 1_024;
/// Comments kept; a converter may write one for every packet.
const MAX_COMMENTS: usize = 64;
/// Characters kept of a name or comment.
const MAX_TEXT: usize = 512;
/// Times of losses kept; the last one is stretched over all that come later.
const MAX_LOSSES: usize = 3_600;
/// Bytes of secrets kept: a day of a busy host's TLS key log.
const MAX_SECRET_BYTES: usize = 4 * 1024 * 1024;

/// How a capture's records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Classic pcap, microseconds.
    Pcap,
    /// Classic pcap, nanoseconds.
    PcapNanoseconds,
    /// A pcap with longer record headers: Kuznetzov's, Nokia's.
    PcapModified,
    /// Ixia's pcap: a longer file header.
    PcapIxia,
    /// pcapng.
    Pcapng,
    /// Microsoft Network Monitor 2.x.
    NetMon,
    /// snoop (RFC 1761).
    Snoop,
    /// No file: packets as an interface shows them.
    Live,
}

impl Format {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::PcapNanoseconds => "pcap (nanoseconds)",
            Self::PcapModified => "pcap (modified)",
            Self::PcapIxia => "pcap (Ixia)",
            Self::Pcapng => "pcapng",
            Self::NetMon => "NetMon 2.x",
            Self::Snoop => "snoop",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a capture was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// zstd (RFC 8878), any number of frames.
    Zstd,
    /// lz4 frames.
    Lz4,
}

impl Compression {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An interface as the capture describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where given.
    pub name: Option<String>,
    /// Its description, where given.
    pub description: Option<String>,
    /// What its frames begin with.
    pub link: LinkType,
    /// Bytes kept of each frame; `None`: all.
    pub snap_len: Option<u32>,
    /// Packets that it received, by its own count.
    pub received: Option<u64>,
    /// Packets that were lost on the way into the capture, by its own count.
    pub dropped: Option<u64>,
}

/// Packets that were lost on the way into the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Not before then.
    pub since: CaptureTime,
    /// Not after then.
    pub until: CaptureTime,
    /// How many.
    pub packets: u64,
}

/// Something that a person or a program wrote into the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The frame that it belongs to; `None`: the capture or an interface.
    pub frame: Option<Frame>,
    /// The text, shortened where it is very long.
    pub text: String,
}

impl Interface {
    pub(super) const fn new(link: LinkType) -> Self {
        Self { name: None, description: None, link, snap_len: None, received: None, dropped: None }
    }
}

open_enum! {
    /// What kind of secrets a pcapng Decryption Secrets Block holds.
    pub struct SecretsKind(u32) {
        /// NSS key log lines for TLS.
        TLS_KEY_LOG = 0x544c_534b,
        /// SSH key log lines.
        SSH_KEY_LOG = 0x5353_484b,
        /// WireGuard key log lines.
        WIREGUARD_KEY_LOG = 0x5747_4b4c,
    }
}

/// Keys that came with the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// What they are for.
    pub kind: SecretsKind,
    /// The key log as stored.
    pub data: Secret<Vec<u8>>,
}

/// What is known of a capture; complete once its last packet was read.
#[derive(Clone, Debug)]
pub struct CaptureInfo {
    /// The path, or `-`.
    pub name: String,
    /// The layout of its records.
    pub format: Format,
    /// How it was compressed, outermost first.
    pub compression: Vec<Compression>,
    /// The link types of its packets, each once, in order of appearance.
    pub link_types: Vec<LinkType>,
    /// Its interfaces, those of all sections one after another.
    pub interfaces: Vec<Interface>,
    /// Packets read.
    pub packets: u64,
    /// Captured bytes of the packets read.
    pub bytes: u64,
    /// Bytes read of the file as stored.
    pub stored_bytes: u64,
    /// The time of the first packet.
    pub first_time: Option<CaptureTime>,
    /// The time of the last packet.
    pub last_time: Option<CaptureTime>,
    /// Where the clock was set back.
    pub set_back: SetBack,
    /// Packets of which fewer bytes were captured than were on the wire.
    pub cut_packets: u64,
    /// Packets that the capturing host says it lost; `None`: it says nothing.
    pub dropped: Option<u64>,
    /// When they were lost, as far as it says.
    pub losses: Vec<Loss>,
    /// When its interfaces were last asked for their counters: so long was
    /// captured at least, even if nothing came.
    pub counted_until: Option<CaptureTime>,
    /// Keys that came with the capture.
    pub secrets: Vec<Secrets>,
    /// Comments of sections, interfaces and packets.
    pub comments: Vec<Comment>,
    /// The program that wrote the capture, where it says so.
    pub written_by: Option<String>,
    /// What a reader of the report must know.
    pub notices: Notices,
    /// Whether part of the file could not be read.
    pub incomplete: bool,
    /// SHA-256 of the bytes as stored, when asked for and all were read.
    pub sha256: Option<[u8; 32]>,
}

impl CaptureInfo {
    /// Until when nothing more came: what rdpwhy itself says at the end of the
    /// evidence that it writes. Other programs copy such a statement into files
    /// from which they have taken packets away, so theirs is not believed.
    #[must_use]
    pub fn watched_until(&self) -> Option<CaptureTime> {
        let is_ours = self.written_by.as_deref().is_some_and(|by| by.starts_with("rdpwhy "));
        self.counted_until.filter(|until| is_ours && self.last_time.is_some_and(|last| last <= *until))
    }

    pub(super) fn new(name: String, format: Format) -> Self {
        Self {
            name,
            format,
            compression: Vec::new(),
            link_types: Vec::new(),
            interfaces: Vec::new(),
            packets: 0,
            bytes: 0,
            stored_bytes: 0,
            first_time: None,
            last_time: None,
            set_back: SetBack::default(),
            cut_packets: 0,
            dropped: None,
            losses: Vec::new(),
            counted_until: None,
            secrets: Vec::new(),
            comments: Vec::new(),
            written_by: None,
            notices: Notices::default(),
            incomplete: false,
            sha256: None,
        }
    }

    /// Frame `number` was captured at `time`.
    #[inline]
    pub(super) fn passes(&mut self, time: CaptureTime, number: u64) {
        self.first_time.get_or_insert(time);
        if let Some(before) = self.last_time.replace(time)
            && time < before
        {
            self.set_back.note(before, time, number);
        }
    }

    /// The data of `window` ends inside `what`, which begins at `offset`.
    pub(super) fn cut_short(&mut self, window: &Window, offset: u64, what: &str) {
        self.incomplete = true;
        // Where a compression gave up, that is the reason, and is told.
        if window.source().stop().is_none() {
            let says = || format!("the file ends inside {what} that begins at byte {offset}; all before it was read");
            self.notices.add(FILE_CUT_SHORT, None, says);
        }
    }

    /// What begins at `offset` makes no sense; `skipped` bytes on, something
    /// does again, unless nothing was `found`.
    pub(super) fn damaged(&mut self, offset: u64, skipped: u64, found: bool, what: &str) {
        self.incomplete = true;
        let then = if found { "were passed over" } else { "behind it hold nothing readable" };
        let says = || format!("{what} at byte {offset} makes no sense; {skipped} bytes {then}");
        self.notices.add(FILE_DAMAGED, None, says);
    }

    pub(super) fn limit(&mut self, what: &str, limit: usize) {
        self.notices.add(CAPTURE_DETAILS_LIMIT, None, || format!("more than {limit} {what}: the rest is not listed"));
    }

    pub(super) fn loss(&mut self, packets: u64, since: CaptureTime, until: CaptureTime) {
        let full = self.losses.len() >= MAX_LOSSES;
        match self.losses.last_mut() {
            _ if packets == 0 => {}
            Some(last) if full => {
                last.until = last.until.max(until);
                last.packets = last.packets.saturating_add(packets);
            }
            _ => self.losses.push(Loss { since, until: until.max(since), packets }),
        }
    }

    pub(super) fn link(&mut self, link: LinkType) {
        if self.link_types.contains(&link) {
            return;
        }
        if self.link_types.len() < MAX_LINK_TYPES {
            self.link_types.push(link);
        } else {
            self.limit("link types", MAX_LINK_TYPES);
        }
    }

    pub(super) fn interface(&mut self, interface: Interface) {
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        } else {
            self.limit("interfaces", MAX_INTERFACES);
        }
    }

    pub(super) fn comment(&mut self, frame: Option<Frame>, bytes: &[u8]) {
        if self.comments.len() < MAX_COMMENTS {
            self.comments.push(Comment { frame, text: text(bytes) });
        } else {
            self.limit("comments", MAX_COMMENTS);
        }
    }

    pub(super) fn secret(&mut self, kind: SecretsKind, data: &[u8]) {
        let kept: usize = self.secrets.iter().map(|s| s.data.expose().len()).sum();
        if kept.saturating_add(data.len()) <= MAX_SECRET_BYTES && self.secrets.len() < MAX_INTERFACES {
            self.secrets.push(Secrets { kind, data: Secret::new(data.to_vec()) });
        } else {
            self.limit("bytes of secrets", MAX_SECRET_BYTES);
        }
    }
}

/// Text from a capture: any bytes, shortened.
pub(super) fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_TEXT.saturating_mul(4)).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).trim_end_matches('\0').chars().take(MAX_TEXT).collect()
}
