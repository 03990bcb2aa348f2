//! A decompressor in a thread of its own, so that packets are analysed while
//! the next ones are expanded.
//!
//! What comes out is the same as in line, byte for byte, and so is what is said
//! of a damaged end: the thread gives everything back when it is over. A pipe is
//! expanded in line, since its packets are wanted as soon as they are whole, and
//! so is lz4, which takes less time than passing it on saves (measured:
//! `benches/README.md`).

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, Read};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::expand::Expanded;
use super::info::Compression;
use super::source::Stored;

/// Expanded bytes passed on at a time: so much that passing them costs nothing
/// beside making them, so little that they are still in the second cache.
const BLOCK: usize = 128 * 1024;

/// Blocks on the way: together half a MiB. A decompressor is slower than the
/// analysis, or the analysis is slower; a longer queue helps neither.
const AHEAD: usize = 4;

/// Files of fewer stored bytes are expanded before a thread would have begun.
const WORTH_A_THREAD: u64 = 256 * 1024;

/// Threads that expand right now.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Threads beside the one that analyses: more than there are cores take time
/// from it.
fn most() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| thread::available_parallelism().map_or(0, |cores| cores.get().saturating_sub(1)))
}

/// A stream that is expanded elsewhere.
pub(super) struct Beside {
    compressions: Vec<Compression>,
    total: Option<u64>,
    /// Stored bytes that had been read when the block at hand was made.
    read: u64,
    block: Vec<u8>,
    taken: usize,
    state: State,
}

enum State {
    Running {
        blocks: Receiver<Block>,
        empty: Sender<Vec<u8>>,
        thread: JoinHandle<Option<Over>>,
    },
    /// Given back; the flag: at the end of the stream.
    Over(Box<Expanded>, bool),
    /// The thread was lost.
    Lost,
}

struct Block {
    bytes: Vec<u8>,
    read: u64,
}

/// What a thread gives back.
type Over = (Box<Expanded>, io::Result<()>);

impl Beside {
    /// Lets a thread expand, where that is worth it; else gives back what it was
    /// given.
    pub(super) fn begin(expanded: Box<Expanded>) -> Result<Self, Box<Expanded>> {
        let stored = expanded.inner().and_then(|window| window.source().stored());
        let is_worth_it = |stored: &&Stored| stored.is_file() && expanded.compression() != Compression::Lz4;
        let Some(total) = stored.filter(is_worth_it).and_then(|stored| stored.total) else {
            return Err(expanded);
        };
        let room = |running| (running < most()).then_some(running + 1);
        if total < WORTH_A_THREAD || RUNNING.try_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Err(expanded);
        }
        Self::spawn(expanded, total).inspect_err(|_| {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn spawn(expanded: Box<Expanded>, total: u64) -> Result<Self, Box<Expanded>> {
        let stored = expanded.inner().and_then(|window| window.source().stored());
        let read = stored.map_or(0, |stored| stored.read);
        let mut compressions = expanded.inner().map(|w| w.source().compressions()).unwrap_or_default();
        compressions.push(expanded.compression());
        let (full, blocks) = sync_channel(AHEAD);
        let (empty, empties) = channel();
        // Handed over afterwards: a thread that cannot be had must not take it along.
        let (hand, handed) = channel::<Box<Expanded>>();
        let run = move || handed.recv().ok().map(|expanded| expand(expanded, &full, &empties));
        let Ok(thread) = thread::Builder::new().name("expand".to_owned()).spawn(run) else { return Err(expanded) };
        if let Err(unsent) = hand.send(expanded) {
            return Err(unsent.0);
        }
        let state = State::Running { blocks, empty, thread };
        Ok(Self { compressions, total: Some(total), read, block: Vec::new(), taken: 0, state })
    }
}

/// Expands until the end, or until nobody takes it any more.
fn expand(mut from: Box<Expanded>, full: &SyncSender<Block>, empties: &Receiver<Vec<u8>>) -> Over {
    loop {
        let mut bytes = empties.try_recv().unwrap_or_default();
        bytes.resize(BLOCK, 0);
        let mut filled = 0;
        let ended = loop {
            let Some(free) = bytes.get_mut(filled..).filter(|free| !free.is_empty()) else { break None };
            match from.read(free) {
                Ok(0) => break Some(Ok(())),
                Ok(read) => filled = filled.saturating_add(read),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break Some(Err(e)),
            }
        };
        bytes.truncate(filled);
        let read = from.inner().and_then(|window| window.source().stored()).map_or(0, |stored| stored.read);
        if full.send(Block { bytes, read }).is_err() {
            return (from, Ok(()));
        }
        if let Some(result) = ended {
            return (from, result);
        }
    }
}

impl Beside {
    pub(super) fn compressions(&self) -> Vec<Compression> {
        self.compressions.clone()
    }

    /// Stored bytes behind what was taken, and all there are.
    pub(super) fn position(&self) -> (u64, Option<u64>) {
        (self.read, self.total)
    }

    /// What was expanded elsewhere, once its end was read here.
    pub(super) const fn ended(&self) -> Option<&Expanded> {
        match &self.state {
            State::Over(expanded, true) => Some(expanded),
            State::Over(_, false) | State::Running { .. } | State::Lost => None,
        }
    }

    /// Takes it back, wherever it is.
    pub(super) fn take_back(&mut self) -> Option<&mut Expanded> {
        if matches!(self.state, State::Running { .. }) {
            // A thread that could not pass its result on says so at the next block.
            let _ = self.over(false);
        }
        match &mut self.state {
            State::Over(expanded, _) => Some(expanded),
            State::Running { .. } | State::Lost => None,
        }
    }

    /// Waits for the thread, which is at its end or is to stop.
    fn over(&mut self, at_end: bool) -> io::Result<()> {
        let State::Running { blocks, thread, .. } = core::mem::replace(&mut self.state, State::Lost) else {
            return Ok(());
        };
        // It is not to wait for room.
        drop(blocks);
        let joined = thread.join();
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        let Ok(Some((expanded, result))) = joined else {
            return Err(io::Error::other("the thread that expanded the capture was lost"));
        };
        self.state = State::Over(expanded, at_end);
        result
    }
}

impl Read for Beside {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.block.len() {
            let State::Running { blocks, empty, .. } = &self.state else { return Ok(0) };
            match blocks.recv() {
                Ok(next) => {
                    let done = core::mem::replace(&mut self.block, next.bytes);
                    // At the end nobody needs it.
                    let _ = empty.send(done);
                    (self.read, self.taken) = (next.read, 0);
                }
                Err(_) => return self.over(true).map(|()| 0),
            }
        }
        let rest = self.block.get(self.taken..).unwrap_or_default();
        let read = rest.len().min(into.len());
        if let (Some(into), Some(rest)) = (into.get_mut(..read), rest.get(..read)) {
            into.copy_from_slice(rest);
        }
        self.taken = self.taken.saturating_add(read);
        Ok(read)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // No thread outlives its capture.
        let _ = self.over(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::source::Source;
    use crate::capture::window::{READ_SIZE, Window};
    use std::io::{Seek, Write};

    /// What no compressor makes much smaller, so that there are many blocks.
    fn noise(len: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| byte()).collect()
    }

    fn compressed() -> Vec<(Compression, Vec<u8>)> {
        let plain = noise(1_500_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(&plain).unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        vec![
            (Compression::Gzip, gzip.finish().unwrap()),
            (Compression::Lz4, lz4.finish().unwrap()),
            (Compression::Zstd, ruzstd::encoding::compress_to_vec(plain.as_slice(), level)),
        ]
    }

    /// Everything that a reader can learn of a stream.
    fn read(
        bytes: &[u8],
        compression: Compression,
        beside: bool,
        take: Option<usize>,
    ) -> impl PartialEq + core::fmt::Debug {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let window = Window::new(Source::Stored(Box::new(Stored::file(file, true))), READ_SIZE);
        let expanded = Box::new(Expanded::new(window, compression));
        let mut source = if beside {
            RUNNING.fetch_add(1, Ordering::Relaxed);
            Source::Beside(Box::new(Beside::spawn(expanded, bytes.len() as u64).map_err(|_| ()).unwrap()))
        } else {
            Source::Expanded(expanded)
        };
        let mut got = Vec::new();
        let failed = match take {
            None => source.read_to_end(&mut got).err().map(|e| e.to_string()),
            Some(len) => {
                got.resize(len, 0);
                source.read_exact(&mut got).err().map(|e| e.to_string())
            }
        };
        let stop = source.stop().map(|(compression, stop)| format!("{compression}: {stop:?}"));
        let at_end = take.is_none().then(|| source.position());
        let hash = source.stored_mut().unwrap().sha256().unwrap();
        (got, failed, stop, at_end, hash, source.compressions())
    }

    #[test]
    fn another_thread_gives_the_same_bytes_and_says_the_same_of_their_end() {
        for (compression, whole) in compressed() {
            assert!(whole.len() > 1_000_000);
            let mut flipped = whole.clone();
            flipped[700_000] ^= 0x55;
            let behind = [&whole[..], b"something else"].concat();
            let twice = [&whole[..], &whole[..]].concat();
            for (what, bytes) in [
                ("whole", &whole[..]),
                ("cut", &whole[..whole.len() / 2]),
                ("flipped", &flipped),
                ("followed", &behind),
                ("twice", &twice),
            ] {
                for take in [None, Some(10), Some(400_000)] {
                    let (in_line, beside) =
                        (read(bytes, compression, false, take), read(bytes, compression, true, take));
                    assert!(in_line == beside, "{what} {compression}, {take:?}");
                }
            }
        }
    }

    #[test]
    fn a_capture_that_nobody_reads_to_its_end_leaves_no_thread() {
        let (compression, whole) = compressed().remove(0);
        let window = Window::new(Source::Stored(Box::new(Stored::memory(whole))), READ_SIZE);
        RUNNING.fetch_add(1, Ordering::Relaxed);
        let mut beside = Beside::spawn(Box::new(Expanded::new(window, compression)), 0).map_err(|_| ()).unwrap();
        beside.read_exact(&mut [0; 100]).unwrap();
        // Returns, although nobody takes the blocks that the thread has ready.
        drop(beside);
    }
}
