//! One saved capture: recognised, opened, and walked packet by packet.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::{MAX_NESTED, OpenError, OpenReason, ReadError};
use super::expand::{Expanded, MAX_RATIO, Stop};
use super::info::{CaptureInfo, EXPANSION_LIMIT, FILE_CUT_SHORT, FILE_DAMAGED, Format};
use super::netmon::{MAX_IN_MEMORY, NetMon};
use super::packet::{Packet, Passed, Taker};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::recognise::{Foreign, LOOK, Recognised, recognise};
use super::record::{Origin, Record, Run};
use super::snoop::Snoop;
use super::source::{Source, Stored};
use super::window::{READ_SIZE, Window};
use crate::base::{CaptureId, CaptureTime, Frame};

/// What to do besides reading packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaptureOptions {
    /// Hash the file's bytes as stored, while reading them.
    pub sha256: bool,
}

/// Packets given in one go where they are found one by one: enough to forget
/// what asking for them costs, few enough that a pipe's are shown soon.
const STEPS: usize = 256;

/// How far reading has come, in bytes of the file as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes there are; `None`: a pipe.
    pub total: Option<u64>,
}

/// A capture being read. It holds one buffer, and packets are borrowed from it.
pub struct Capture {
    window: Window,
    walker: Walker,
    info: CaptureInfo,
    id: CaptureId,
    /// The packet found last, and whether it was not given yet.
    record: Record,
    pending: bool,
    finished: bool,
}

/// One walker for each layout of records.
#[derive(Debug)]
enum Walker {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
    NetMon(NetMon),
    Snoop(Snoop),
}

/// Opens the capture at `path`.
///
/// # Errors
/// When it cannot be opened, or is no capture: the error says what it is and
/// which command gets further.
pub fn open(path: &Path, id: CaptureId, options: &CaptureOptions) -> Result<Capture, OpenError> {
    open_sized(path, id, options, READ_SIZE)
}

/// The same, reading `size` bytes at first.
pub(super) fn open_sized(
    path: &Path,
    id: CaptureId,
    options: &CaptureOptions,
    size: usize,
) -> Result<Capture, OpenError> {
    let name = path.to_string_lossy().into_owned();
    #[expect(clippy::disallowed_methods, reason = "this floor is the one that opens captures")]
    let opened = File::open(path);
    let failed = |reason| OpenError { name: name.clone(), inside: Vec::new(), reason };
    let file = opened.map_err(|e| failed(OpenReason::Io(e)))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(failed(OpenReason::Folder));
    }
    begin(&name, Stored::file(file, options.sha256), id, size)
}

/// Reads a capture that arrives through `reader`, such as standard input; its
/// packets are given as soon as they are whole.
///
/// # Errors
/// When what arrives is no capture.
pub fn from_reader(
    name: &str,
    reader: Box<dyn Read + Send>,
    id: CaptureId,
    options: &CaptureOptions,
) -> Result<Capture, OpenError> {
    begin(name, Stored::pipe(reader, options.sha256), id, READ_SIZE)
}

/// Undoes compressions until a capture appears.
fn begin(name: &str, stored: Stored, id: CaptureId, size: usize) -> Result<Capture, OpenError> {
    let mut window = Window::new(Source::Stored(Box::new(stored)), size);
    loop {
        let inside = window.source().compressions();
        let nested = inside.len();
        let failed = |reason| OpenError { name: name.to_owned(), inside, reason };
        let recognised = match look(&mut window) {
            Ok(recognised) => recognised,
            Err(e) => return Err(failed(OpenReason::Io(e))),
        };
        match recognised {
            Recognised::Capture(format) => {
                // A look at the beginning is over before a thread begins.
                if size >= READ_SIZE {
                    window.source_mut().expand_beside();
                }
                return Capture::new(name, window, format, id);
            }
            Recognised::Compressed(_) if nested >= MAX_NESTED => return Err(failed(OpenReason::NestedTooDeep)),
            Recognised::Compressed(compression) => {
                window = Window::new(Source::Expanded(Box::new(Expanded::new(window, compression))), size);
            }
            Recognised::Foreign(foreign) => {
                let reason = match window.source().stop() {
                    Some((_, Stop::Damaged(why))) => OpenReason::Damaged(why.clone()),
                    Some((_, Stop::CutShort)) => OpenReason::Damaged("cut short".into()),
                    _ => OpenReason::Foreign(foreign),
                };
                return Err(failed(reason));
            }
        }
    }
}

/// Looks at no more bytes than it takes to tell, so that a pipe need not have
/// more.
fn look(window: &mut Window) -> io::Result<Recognised> {
    for wanted in 1..=LOOK {
        let ended = !window.ensure(wanted)?;
        if let Some(recognised) = recognise(window.unread(), ended) {
            return Ok(recognised);
        }
    }
    Ok(Recognised::Foreign(Foreign::Unknown([0; 4])))
}

impl Capture {
    fn new(name: &str, mut window: Window, format: Format, id: CaptureId) -> Result<Self, OpenError> {
        let mut info = CaptureInfo::new(name.to_owned(), format);
        info.compression = window.source().compressions();
        let inside = info.compression.clone();
        let failed = |reason| OpenError { name: name.to_owned(), inside, reason };
        if format == Format::NetMon && !window.source().is_seekable() {
            match into_memory(window, &mut info) {
                Ok(memory) => window = memory,
                Err(reason) => return Err(failed(reason)),
            }
        }
        match Walker::begin(&mut window, format, id, &mut info) {
            Ok(Some(walker)) => {
                Ok(Self { window, walker, info, id, record: Record::NONE, pending: false, finished: false })
            }
            Ok(None) => Err(failed(OpenReason::Header("the file ends inside its own header"))),
            Err(e) => Err(failed(OpenReason::Io(e))),
        }
    }

    /// The next packet, as soon as it is whole; `None` at the end.
    ///
    /// # Errors
    /// Only when the operating system fails; after that, `None`. Damage is no
    /// error: what can be read is, and [`CaptureInfo::notices`] tells the rest.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, ReadError> {
        self.advance()?;
        Ok(self.take_packet())
    }

    /// Gives `take` the next packets that are not later than `until`, for as long
    /// as it wants more and they are at hand; there may be none.
    ///
    /// # Errors
    /// As [`next_packet`](Self::next_packet).
    #[inline]
    pub(super) fn run(&mut self, until: CaptureTime, vantage: u16, taker: &mut impl Taker) -> Result<(), ReadError> {
        if self.pending || self.finished {
            return Ok(());
        }
        let capture = self.id;
        let run = match &mut self.walker {
            Walker::Pcap(walker) => {
                let before = Frame { capture, number: self.info.packets };
                walker.run(&mut self.window, &self.info, until, Origin { before, vantage }, taker)
            }
            Walker::Pcapng(walker) => walker.run(&mut self.window, &mut self.info, until, vantage, taker),
            Walker::NetMon(_) | Walker::Snoop(_) => return self.step(until, vantage, taker),
        };
        if let Some(run) = run {
            let latest = run.latest();
            let Run { packets, bytes, cut_packets, last, set_back, .. } = run;
            self.info.packets = self.info.packets.wrapping_add(packets);
            self.info.bytes = self.info.bytes.wrapping_add(bytes);
            self.info.cut_packets = self.info.cut_packets.wrapping_add(cut_packets);
            self.info.last_time = Some(last);
            self.info.set_back = set_back;
            taker.passed(Passed { packets, capture, vantage, last, latest });
        }
        Ok(())
    }

    /// The same packet by packet, for formats of which few have large files.
    fn step(&mut self, until: CaptureTime, vantage: u16, taker: &mut impl Taker) -> Result<(), ReadError> {
        for _ in 0..STEPS {
            let is_next = self.advance()?.is_some_and(|time| time <= until);
            let packet = if is_next { self.take_packet() } else { None };
            let Some(packet) = packet else { break };
            let packet = Packet { vantage, ..packet };
            let more = taker.take(&packet);
            taker.passed(Passed::one(&packet));
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// What is known so far; complete once [`next_packet`](Self::next_packet)
    /// gave `None`.
    #[must_use]
    pub const fn info(&self) -> &CaptureInfo {
        &self.info
    }

    /// The same, kept.
    #[must_use]
    pub fn into_info(self) -> CaptureInfo {
        self.info
    }

    /// How far reading has come.
    #[must_use]
    pub fn position(&self) -> Progress {
        let (read, total) = self.window.source().position();
        Progress { read: total.map_or(read, |total| read.min(total)), total }
    }

    /// Finds the next packet without giving it: its time; `None` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<Option<CaptureTime>, ReadError> {
        if !self.pending && !self.finished {
            match self.walker.next(&mut self.window, &mut self.info, &mut self.record) {
                Ok(true) => self.count(),
                Ok(false) => self.finish()?,
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(self.pending.then_some(self.record.time))
    }

    /// The packet that [`advance`](Self::advance) found.
    #[inline]
    pub(super) fn take_packet(&mut self) -> Option<Packet<'_>> {
        if !core::mem::take(&mut self.pending) {
            return None;
        }
        let record = &self.record;
        Some(Packet {
            frame: Frame { capture: self.id, number: record.number },
            time: record.time,
            link: record.link,
            interface: record.interface,
            vantage: 0,
            packet_id: record.packet_id,
            data: self.window.slice(record.place.clone()),
            original_len: record.original_len,
        })
    }

    #[inline]
    fn count(&mut self) {
        let (info, record) = (&mut self.info, &self.record);
        let captured = record.place.len() as u64;
        // Bytes that were read cannot overflow a counter of 64 bits.
        info.packets = info.packets.wrapping_add(1);
        info.bytes = info.bytes.wrapping_add(captured);
        info.cut_packets = info.cut_packets.wrapping_add(u64::from(captured < u64::from(record.original_len)));
        info.passes(record.time, record.number);
        if info.link_types.last() != Some(&record.link) {
            info.link(record.link);
        }
        self.pending = true;
    }

    /// At the end of the packets: why they ended, and what remains to be told.
    #[cold]
    fn finish(&mut self) -> Result<(), ReadError> {
        self.finished = true;
        note_stop(self.window.source(), &mut self.info);
        let Some(stored) = self.window.source_mut().stored_mut() else { return Ok(()) };
        let again = if matches!(self.walker, Walker::NetMon(_)) { stored.rewind_for_hash() } else { Ok(()) };
        match again.and_then(|()| stored.sha256()) {
            Ok(hash) => {
                // What is hashed was read to its end.
                let all = stored.total.map_or(stored.read, |total| stored.read.min(total));
                self.info.stored_bytes = hash.map_or(self.info.stored_bytes, |_| all);
                self.info.sha256 = self.info.sha256.or(hash);
            }
            Err(error) => return Err(self.failed(error)),
        }
        self.count_stored();
        Ok(())
    }

    fn count_stored(&mut self) {
        if self.info.stored_bytes == 0 {
            self.info.stored_bytes = self.position().read;
        }
    }

    #[cold]
    fn failed(&mut self, error: io::Error) -> ReadError {
        self.finished = true;
        self.info.incomplete = true;
        self.count_stored();
        ReadError { name: self.info.name.clone(), error }
    }
}

impl Walker {
    /// Reads the file header; `None` when it is cut short.
    fn begin(window: &mut Window, format: Format, id: CaptureId, info: &mut CaptureInfo) -> io::Result<Option<Self>> {
        match format {
            Format::Pcap | Format::PcapNanoseconds | Format::PcapModified | Format::PcapIxia => {
                Pcap::begin(window, format, info).map(|walker| walker.map(Self::Pcap))
            }
            Format::Pcapng => Ok(Some(Self::Pcapng(Box::new(Pcapng::new(id))))),
            Format::NetMon => NetMon::begin(window, info).map(|walker| walker.map(Self::NetMon)),
            Format::Snoop => Snoop::begin(window, info).map(|walker| walker.map(Self::Snoop)),
            // No file is recognised as this.
            Format::Live => Ok(None),
        }
    }

    #[inline]
    fn next(&mut self, window: &mut Window, info: &mut CaptureInfo, into: &mut Record) -> io::Result<bool> {
        match self {
            Self::Pcap(walker) => walker.next(window, info, into),
            Self::Pcapng(walker) => walker.next(window, info, into),
            Self::NetMon(walker) => walker.next(window, info, into),
            Self::Snoop(walker) => walker.next(window, info, into),
        }
    }
}

/// Reads all that is left into memory, for a format that needs to go to and fro.
fn into_memory(mut window: Window, info: &mut CaptureInfo) -> Result<Window, OpenReason> {
    let mut all = Vec::new();
    let limit = MAX_IN_MEMORY as u64;
    window.by_ref().take(limit.saturating_add(1)).read_to_end(&mut all).map_err(OpenReason::Io)?;
    if all.len() > MAX_IN_MEMORY {
        return Err(OpenReason::TooLargeForPipe(limit));
    }
    note_stop(window.source(), info);
    if let Some(stored) = window.source_mut().stored_mut() {
        info.sha256 = stored.sha256().map_err(OpenReason::Io)?;
        info.stored_bytes = stored.read;
    }
    Ok(Window::new(Source::Stored(Box::new(Stored::memory(all))), READ_SIZE))
}

/// Tells why a compression gave less than it holds.
fn note_stop(source: &Source, info: &mut CaptureInfo) {
    let Some((compression, stop)) = source.stop() else { return };
    let (read, _) = source.position();
    info.incomplete = true;
    match stop {
        Stop::CutShort => info.notices.add(FILE_CUT_SHORT, None, || {
            format!("the {compression} data ends before its end, after {read} bytes; all before it was read")
        }),
        Stop::Damaged(why) => info.notices.add(FILE_DAMAGED, None, || {
            format!("the {compression} data is damaged at or before byte {read} ({why}); the rest was not read")
        }),
        Stop::TooDense => info.notices.add(EXPANSION_LIMIT, None, || {
            format!("the {compression} data expands to more than {MAX_RATIO} times its size; the rest was not read")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::written::{In, packets};

    fn refused(bytes: &[u8]) -> String {
        let pipe = Box::new(io::Cursor::new(bytes.to_vec()));
        from_reader("-", pipe, CaptureId(0), &CaptureOptions::default()).err().unwrap().to_string()
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = open(Path::new("no such.pcap"), CaptureId(0), &CaptureOptions::default()).err().unwrap();
        assert_eq!(error.to_string(), "no such.pcap: there is no such file; check the path");
        assert!(matches!(error.reason, OpenReason::Io(_)));
    }

    #[test]
    fn a_header_cut_short_is_told_apart_from_an_empty_file() {
        let pcap = In { big: true }.pcap(0xa1b2_c3d4, 0, 1, &[]);
        assert!(refused(&pcap[..20]).contains("the file ends inside its own header"));
        assert!(refused(b"snoop\0\0\0\0\0").contains("the file ends inside its own header"));
        assert!(refused(b"").contains("this is empty (0 bytes)"));
        assert!(refused(&pcap[..3]).contains("begins with a1 b2 c3"));
    }

    #[test]
    fn a_folder_is_no_capture() {
        let folder = tempfile::tempdir().unwrap();
        let error = open(folder.path(), CaptureId(0), &CaptureOptions::default()).err().unwrap();
        assert!(error.is_foreign() && error.to_string().contains("this is a folder"));
    }

    #[test]
    fn packets_carry_their_capture() {
        let bytes = In { big: false }.pcap(0xa1b2_c3d4, 0, 1, &packets(2));
        let pipe = Box::new(io::Cursor::new(bytes.clone()));
        let mut capture = from_reader("-", pipe, CaptureId(7), &CaptureOptions::default()).unwrap();
        assert_eq!(capture.next_packet().unwrap().unwrap().frame, Frame::new(7, 1));
        assert_eq!(capture.next_packet().unwrap().unwrap().frame, Frame::new(7, 2));
        assert!(capture.next_packet().unwrap().is_none());
        assert_eq!(capture.position(), Progress { read: bytes.len() as u64, total: None });
    }
}
