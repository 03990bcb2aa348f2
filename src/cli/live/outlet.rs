//! Lines on their way to a reader who may have stopped reading.
//!
//! A full pipe would stop the capture with it. So lines are written by a thread
//! of their own, and what finds no room in its queue is counted and left out.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that wait to be written: some ten MiB of the longest reports, and more
/// than a reader who is awake ever leaves.
const MAX_WAITING: usize = 1_024;

enum Message {
    Line(String),
    Reopen,
}

/// Where lines go.
pub(super) struct Outlet {
    queue: Option<SyncSender<Message>>,
    lost: u64,
    state: Arc<State>,
    done: Receiver<()>,
}

#[derive(Debug, Default)]
struct State {
    closed: AtomicBool,
    failed: AtomicU64,
    /// Messages that were handed over and are not written.
    waiting: AtomicUsize,
}

impl Outlet {
    /// Begins to write: to the end of a file, or to standard output.
    pub(super) fn new(to: Option<&Path>) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = match to {
            Some(path) => Box::new(open(path)?),
            None => Box::new(io::stdout()),
        };
        Ok(Self::writing(writer, to.map(Path::to_owned)))
    }

    /// Begins to write to standard error.
    pub(super) fn to_stderr() -> Self {
        Self::writing(Box::new(io::stderr()), None)
    }

    fn writing(mut writer: Box<dyn Write + Send>, path: Option<PathBuf>) -> Self {
        let (queue, waiting) = sync_channel::<Message>(MAX_WAITING);
        let (tell, done) = channel();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for message in waiting {
                let written = match message {
                    Message::Line(line) => writer.write_all(line.as_bytes()).and_then(|()| writer.flush()),
                    Message::Reopen => match path.as_deref().map(open) {
                        Some(Ok(file)) => {
                            writer = Box::new(file);
                            Ok(())
                        }
                        Some(Err(error)) => Err(error),
                        None => Ok(()),
                    },
                };
                shared.waiting.fetch_sub(1, Ordering::Relaxed);
                match written {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        shared.closed.store(true, Ordering::Relaxed);
                        break;
                    }
                    // A full disk may be emptied: the next line is tried again.
                    Err(_) => _ = shared.failed.fetch_add(1, Ordering::Relaxed),
                }
            }
            let _ = tell.send(());
        });
        Self { queue: Some(queue), lost: 0, state, done }
    }

    /// Hands a line over, with its line break; never waits.
    pub(super) fn line(&mut self, line: String) {
        self.send(Message::Line(line));
    }

    /// Whether a line would be taken. Where not, it is counted as left out, and
    /// need not be made: at the end of a flood that is most of the work.
    pub(super) fn has_room(&mut self) -> bool {
        let room = self.state.waiting.load(Ordering::Relaxed) < MAX_WAITING;
        self.lost += u64::from(!room);
        room
    }

    /// Opens the file again, under the same name.
    pub(super) fn reopen(&mut self) {
        self.send(Message::Reopen);
    }

    fn send(&mut self, message: Message) {
        let Some(queue) = &self.queue else { return };
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        match queue.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.state.waiting.fetch_sub(1, Ordering::Relaxed);
                self.lost += 1;
            }
            // The reader has gone; `is_closed` tells.
            Err(TrySendError::Disconnected(_)) => _ = self.state.waiting.fetch_sub(1, Ordering::Relaxed),
        }
    }

    /// Whether the reader has gone for good.
    pub(super) fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Relaxed)
    }

    /// Lines that were left out: the reader was too slow, or they could not be
    /// written.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.state.failed.load(Ordering::Relaxed)
    }

    /// No more lines come.
    pub(super) fn close(&mut self) {
        self.queue = None;
    }

    /// No more lines come. Waits until all are written, `patience` at most;
    /// returns whether they are.
    pub(super) fn finish(&mut self, patience: Duration) -> bool {
        self.close();
        self.done.recv_timeout(patience).is_ok()
    }
}

fn open(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("lines"), folder.path().join("lines.1"));
        let mut outlet = Outlet::new(Some(&path)).unwrap();
        outlet.line("one\n".to_owned());
        assert!(outlet.finish(Duration::from_secs(60)));
        std::fs::rename(&path, &moved).unwrap();
        let mut outlet = Outlet::new(Some(&moved)).unwrap();
        outlet.line("two\n".to_owned());
        outlet.reopen();
        assert!(outlet.finish(Duration::from_secs(60)));
        assert_eq!((std::fs::read_to_string(&moved).unwrap().as_str(), outlet.lost()), ("one\ntwo\n", 0));
    }

    #[test]
    fn a_reader_who_sleeps_stops_nobody() {
        struct Asleep(Receiver<()>);
        impl Write for Asleep {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (wake, asleep) = channel();
        let mut outlet = Outlet::writing(Box::new(Asleep(asleep)), None);
        for _ in 0..MAX_WAITING + 100 {
            outlet.line("line\n".to_owned());
        }
        // One may have been taken out of the queue already.
        assert!((99..=100).contains(&outlet.lost()));
        assert!(!outlet.finish(Duration::from_millis(1)));
        drop(wake);
        assert!(outlet.done.recv_timeout(Duration::from_secs(60)).is_ok());
    }
}
