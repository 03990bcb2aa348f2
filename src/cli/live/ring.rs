//! `--ring`: rotating captures of everything that passes the filter.
//!
//! Packets are packed into blocks here and handed to a thread that writes them,
//! so that a slow disk stops nobody. Each piece that is handed over can be
//! written or lost without harm to the others.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use rdpwhy::base::{CaptureTime, LinkType, Span};
use rdpwhy::capture::{InterfaceNotes, Packet, PacketToWrite, PcapngWriter, SectionNotes, Tap, TapCounters};

use super::ring_files::{Files, Piece, file_name};

/// Bytes that are handed over at a time.
const PIECE: usize = 256 * 1024;

/// Pieces that wait for the disk: 16 MiB, a second or two of a loaded gigabit
/// link.
const MAX_WAITING: usize = 64;

/// What does not fill a piece is handed over after this.
const NOT_LATER: Span = Span::from_secs(1);

/// How much the ring holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingSize {
    /// Files.
    pub(super) files: usize,
    /// Bytes of each.
    pub(super) bytes: u64,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RingTally {
    /// Packets that were written.
    pub(super) written: u64,
    /// Packets that were not: the disk was too slow, full or away.
    pub(super) lost: u64,
    /// Files that are there now.
    pub(super) files: usize,
}

/// Keeps everything.
pub(super) struct Ring {
    size: RingSize,
    interfaces: Vec<Interface>,
    current: Option<Current>,
    queue: Option<SyncSender<Piece>>,
    done: Receiver<Done>,
    tally: RingTally,
}

/// An interface, as it is described in each file.
struct Interface {
    name: String,
    snap_len: u32,
    link: LinkType,
    counters: TapCounters,
}

/// The file that grows.
struct Current {
    name: String,
    head: Arc<Vec<u8>>,
    writer: PcapngWriter<Vec<u8>>,
    /// The counters when it began, and as it last told them.
    began: Vec<TapCounters>,
    told: Vec<TapCounters>,
    /// Bytes that were handed over.
    bytes: u64,
    /// Packets that were not, and since when they wait.
    packets: u64,
    since: CaptureTime,
}

/// What became of a piece.
enum Done {
    /// So many packets were written, and so many files are there.
    Written(u64, usize),
    /// So many were not.
    Failed(u64, String),
    /// No more comes.
    End,
}

impl Ring {
    /// Begins. What a run that was killed had begun becomes a file of the ring.
    pub(super) fn new(folder: &Path, size: RingSize, taps: &[Tap]) -> io::Result<Self> {
        let interfaces = taps.iter().map(|tap| {
            let described = tap.info().interfaces.first();
            Interface {
                name: tap.name().to_owned(),
                snap_len: described.and_then(|i| i.snap_len).unwrap_or_default(),
                link: described.map_or(LinkType::ETHERNET, |i| i.link),
                counters: TapCounters::default(),
            }
        });
        Self::to(Files::open(folder, size.files)?, size, interfaces.collect())
    }

    fn to(mut files: Files, size: RingSize, interfaces: Vec<Interface>) -> io::Result<Self> {
        let (queue, pieces) = sync_channel::<Piece>(MAX_WAITING);
        let (tell, done) = channel();
        let tally = RingTally { files: files.count(), ..RingTally::default() };
        thread::Builder::new().name("ring".to_owned()).spawn(move || {
            let failed = |packets, error| Done::Failed(packets, format!("the ring was not written: {error:#}"));
            for piece in pieces {
                let written = files.write(&piece).map(|()| Done::Written(piece.packets, files.count()));
                let _ = tell.send(written.unwrap_or_else(|error| failed(piece.packets, error)));
            }
            let finished = files.finish().map(|()| Done::Written(0, files.count()));
            let _ = tell.send(finished.unwrap_or_else(|error| failed(0, error)));
            let _ = tell.send(Done::End);
        })?;
        Ok(Self { size, interfaces, current: None, queue: Some(queue), done, tally })
    }

    /// Keeps a packet.
    pub(super) fn keep(&mut self, packet: &Packet<'_>) {
        let interface = packet.frame.capture.0;
        let Some(described) = self.interfaces.get_mut(interface as usize) else { return };
        if described.link != packet.link {
            // It came back as another kind, which needs another description.
            described.link = packet.link;
            self.end_file(packet.time);
        }
        if self.current.is_none() {
            self.current = Current::begin(packet.time, &self.interfaces).ok();
        }
        let Some(current) = &mut self.current else { return };
        if current.packets == 0 {
            current.since = packet.time;
        }
        let Packet { time, data, original_len, .. } = *packet;
        // Memory takes all that is written to it.
        let kept = current.writer.packet(&PacketToWrite { interface, time, data, original_len, comments: &[] });
        current.packets += u64::from(kept.is_ok());
        let waiting = current.writer.get_mut().len();
        if current.bytes + waiting as u64 >= self.size.bytes {
            self.end_file(time);
        } else if waiting >= PIECE {
            self.hand_over(false);
        }
    }

    /// What interface number `i` counts now. A loss is told where it happened.
    pub(super) fn count(&mut self, i: usize, counters: TapCounters, now: CaptureTime) {
        let Some(interface) = self.interfaces.get_mut(i) else { return };
        interface.counters = counters;
        if let Some(current) = &mut self.current {
            current.tell(i, counters, now, false);
        }
    }

    /// Hands over what has waited for long enough.
    pub(super) fn tick(&mut self, now: CaptureTime) {
        let waited = |current: &Current| current.packets > 0 && now.since(current.since).abs() >= NOT_LATER;
        if self.current.as_ref().is_some_and(waited) {
            self.hand_over(false);
        }
    }

    /// What went wrong since the last call.
    pub(super) fn hear(&mut self) -> Option<String> {
        let done: Vec<Done> = self.done.try_iter().collect();
        done.into_iter().fold(None, |said, done| said.or(self.add(done)))
    }

    fn add(&mut self, done: Done) -> Option<String> {
        match done {
            Done::Written(packets, files) => {
                self.tally.written += packets;
                self.tally.files = files;
                None
            }
            Done::Failed(packets, says) => {
                self.tally.lost += packets;
                Some(says)
            }
            Done::End => None,
        }
    }

    /// The numbers.
    pub(super) const fn tally(&self) -> RingTally {
        self.tally
    }

    /// Nothing more comes: hands over the rest.
    pub(super) fn close(&mut self, now: CaptureTime) {
        self.end_file(now);
        self.queue = None;
    }

    /// Whether all was written within `patience` after [`Ring::close`], and what
    /// went wrong.
    pub(super) fn finish(&mut self, patience: impl Fn() -> Duration) -> (bool, Option<String>) {
        let mut said = None;
        while let Ok(done) = self.done.recv_timeout(patience()) {
            if matches!(done, Done::End) {
                return (true, said);
            }
            said = said.or(self.add(done));
        }
        (false, said)
    }

    fn end_file(&mut self, now: CaptureTime) {
        if let Some(current) = &mut self.current {
            for (i, interface) in self.interfaces.iter().enumerate() {
                current.tell(i, interface.counters, now, true);
            }
            self.hand_over(true);
            self.current = None;
        }
    }

    fn hand_over(&mut self, ends: bool) {
        let (Some(current), Some(queue)) = (&mut self.current, &self.queue) else { return };
        let bytes = std::mem::take(current.writer.get_mut());
        let packets = std::mem::take(&mut current.packets);
        current.bytes += bytes.len() as u64;
        let piece = Piece { name: current.name.clone(), head: Arc::clone(&current.head), bytes, packets, ends };
        if queue.try_send(piece).is_err() {
            self.tally.lost += packets;
        }
    }
}

impl Current {
    fn begin(time: CaptureTime, interfaces: &[Interface]) -> io::Result<Self> {
        // What follows a packet that was lost is here in part: nothing is said
        // of how long was watched (see `CaptureInfo::watched_until`).
        let application = format!("rdpwhy-ring {}", env!("CARGO_PKG_VERSION"));
        let section =
            SectionNotes { application: Some(&application), os: Some(std::env::consts::OS), ..SectionNotes::default() };
        let mut writer = PcapngWriter::new(Vec::with_capacity(PIECE), &section)?;
        for Interface { name, snap_len, link, .. } in interfaces {
            let notes = InterfaceNotes { link: *link, snap_len: *snap_len, name: Some(name), description: None };
            writer.interface(&notes)?;
        }
        let head = Arc::new(std::mem::take(writer.get_mut()));
        let counters: Vec<TapCounters> = interfaces.iter().map(|interface| interface.counters).collect();
        Ok(Self {
            name: file_name(time),
            bytes: head.len() as u64,
            head,
            writer,
            began: counters.clone(),
            told: counters,
            packets: 0,
            since: time,
        })
    }

    /// Tells what interface `i` counted since the file began: where packets were
    /// lost, or at the end.
    fn tell(&mut self, i: usize, now: TapCounters, time: CaptureTime, ends: bool) {
        let (Some(began), Some(told)) = (self.began.get(i), self.told.get_mut(i)) else { return };
        if ends || now.lost() > told.lost() {
            *told = now;
            let received = now.received.saturating_sub(began.received);
            let lost = now.lost().saturating_sub(began.lost());
            // Memory takes all that is written to it.
            let _ = self.writer.statistics(i as u32, time, Some(received), Some(lost));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy::base::Frame;
    use rdpwhy::capture::{CaptureOptions, Source, Timeline};

    const PATIENCE: Duration = Duration::from_secs(60);

    fn ring(folder: &Path, size: RingSize) -> Ring {
        let interface = |name: &str| Interface {
            name: name.to_owned(),
            snap_len: 262_144,
            link: LinkType::ETHERNET,
            counters: TapCounters::default(),
        };
        let interfaces = vec![interface("eth0"), interface("eth1")];
        Ring::to(Files::open(folder, size.files).unwrap(), size, interfaces).unwrap()
    }

    fn at(second: i64) -> CaptureTime {
        CaptureTime::from_parts(1_795_780_800 + second, 0)
    }

    fn finish(ring: &mut Ring, now: CaptureTime) -> (bool, Option<String>) {
        ring.close(now);
        ring.finish(|| PATIENCE)
    }

    fn keep(ring: &mut Ring, interface: u32, second: i64, data: &[u8]) {
        ring.keep(&Packet {
            frame: Frame::new(interface, 1),
            time: at(second),
            link: LinkType::ETHERNET,
            interface: 0,
            vantage: 0,
            packet_id: None,
            data,
            original_len: data.len() as u32,
        });
    }

    /// Second of each packet in the folder's files, and the losses they tell of.
    fn read(folder: &Path) -> (Vec<i64>, Vec<(i64, i64, u64)>) {
        let mut timeline = Timeline::new(vec![Source::Path(folder.to_owned())], CaptureOptions::default());
        let mut seconds = Vec::new();
        while let Some(packet) = timeline.next_packet() {
            seconds.push(packet.time.since(at(0)).nanos() / 1_000_000_000);
        }
        assert!(!timeline.is_incomplete());
        let second = |time: CaptureTime| time.since(at(0)).nanos() / 1_000_000_000;
        let losses = timeline.captures().flat_map(|capture| &capture.losses);
        let losses = losses.map(|loss| (second(loss.since), second(loss.until), loss.packets)).collect();
        (seconds, losses)
    }

    #[test]
    fn the_latest_packets_are_there_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut ring = ring(folder.path(), RingSize { files: 3, bytes: 4_000 });
        for second in 0..100 {
            keep(&mut ring, (second % 2) as u32, second, &[second as u8; 500]);
        }
        assert_eq!(finish(&mut ring, at(100)), (true, None));
        let RingTally { written, lost, files } = ring.tally();
        assert_eq!((written, lost, files), (100, 0, 3));
        let (seconds, losses) = read(folder.path());
        assert!(seconds.iter().copied().eq(100 - seconds.len() as i64..100), "{seconds:?}");
        assert!((15..=24).contains(&seconds.len()), "{seconds:?}");
        assert_eq!(losses, []);
    }

    #[test]
    fn losses_are_told_where_they_happened_and_of_each_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut ring = ring(folder.path(), RingSize { files: 9, bytes: 10_000 });
        let counted = |dropped| TapCounters { received: 50, dropped, dropped_by_interface: 0 };
        ring.count(0, counted(7), at(-1));
        keep(&mut ring, 0, 0, &[0; 60]);
        ring.count(0, counted(7), at(10));
        keep(&mut ring, 0, 20, &[0; 60]);
        ring.count(0, counted(9), at(30));
        keep(&mut ring, 0, 40, &[0; 60]);
        assert!(finish(&mut ring, at(50)).0);
        let (seconds, losses) = read(folder.path());
        assert_eq!((seconds, losses), (vec![0, 20, 40], vec![(0, 30, 2)]));
    }

    #[test]
    fn what_little_there_is_is_written_after_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let mut ring = ring(folder.path(), RingSize { files: 3, bytes: 1 << 20 });
        keep(&mut ring, 0, 0, &[0; 60]);
        ring.tick(at(0));
        assert_eq!(ring.current.as_ref().unwrap().packets, 1);
        ring.tick(at(1));
        assert_eq!(ring.current.as_ref().unwrap().packets, 0);
        assert!(finish(&mut ring, at(1)).0);
    }

    #[test]
    fn a_folder_that_is_gone_is_reported_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let mut ring = ring(folder.path(), RingSize { files: 3, bytes: 1_000 });
        std::fs::remove_dir_all(folder.path()).unwrap();
        for second in 0..10 {
            keep(&mut ring, 0, second, &[0; 600]);
        }
        let (complete, said) = finish(&mut ring, at(10));
        assert!(complete && said.unwrap().contains("the ring was not written"));
        assert_eq!((ring.tally().written, ring.tally().lost), (0, 10));
    }
}
