//! The disk, which may be slow, full or away: written to by a thread of its
//! own, which reports and goes on.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use rdpwhy::base::{CaptureTime, Span};

use super::archive::{self, Room};
use super::evidence::Evidence;
use crate::cli::output;

/// Jobs that wait: evidence of up to a MiB each.
const MAX_WAITING: usize = 64;

/// Evidence of one cause that is written at once, before it has to wait.
const BURST: u32 = 20;

/// After this another may be written: a network that is down leaves its first
/// twenty failures, and six a minute after that.
const REFILL: Span = Span::from_secs(10);

/// Evidence of which it is remembered where it is, in case its attempt goes on:
/// that of the last minute, and of a flood.
const MAX_REMEMBERED: usize = 4_096;

enum Job {
    Evidence(Box<Evidence>),
    /// An attempt went on and worked: what was written of these connections goes.
    Withdraw(Vec<u32>),
    /// A file that is replaced each time.
    File(PathBuf, String),
}

/// What became of a job.
pub(super) enum Done {
    /// Evidence was written, under this name; so many pieces of an earlier part
    /// of the same attempt were replaced.
    Written(String, u64),
    /// So many pieces went, because their attempt worked in the end.
    Withdrawn(u64),
    /// It could not be.
    NotWritten(String),
    /// Something besides evidence went wrong.
    Trouble(String),
    /// Old evidence made room.
    Forgotten(u64),
    /// Everything is written, and no more comes.
    End,
}

/// Writes evidence and metrics.
pub(super) struct Disk {
    queue: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    tokens: HashMap<&'static str, (u32, CaptureTime)>,
    /// Evidence that was handed over, and of which was not heard yet.
    waiting: Cell<u64>,
}

impl Disk {
    /// Begins; evidence goes to `folder`.
    pub(super) fn new(folder: Option<(PathBuf, Room)>) -> Self {
        let (queue, jobs) = sync_channel(MAX_WAITING);
        let (tell, done) = channel();
        thread::spawn(move || {
            let mut written = Written::default();
            for job in jobs {
                work(job, folder.as_ref().map(|(path, room)| (path.as_path(), *room)), &mut written, &tell);
            }
            let _ = tell.send(Done::End);
        });
        Self { queue: Some(queue), done, tokens: HashMap::new(), waiting: Cell::new(0) }
    }

    /// Hands evidence over, unless there was too much of the same cause lately
    /// or the disk does not keep up; returns whether it was taken.
    pub(super) fn evidence(&mut self, evidence: Evidence) -> bool {
        let taken = self.allows(evidence.finding, evidence.until) && self.send(Job::Evidence(Box::new(evidence)));
        self.waiting.set(self.waiting.get() + u64::from(taken));
        taken
    }

    /// Evidence that was handed over, and of which was not heard yet.
    pub(super) const fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    /// The attempt of these connections worked in the end.
    pub(super) fn withdraw(&self, connections: Vec<u32>) {
        self.send(Job::Withdraw(connections));
    }

    /// Replaces a file; where the disk does not keep up, the next one will do.
    pub(super) fn file(&self, path: &Path, text: String) {
        self.send(Job::File(path.to_owned(), text));
    }

    fn send(&self, job: Job) -> bool {
        match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => true,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => false,
        }
    }

    fn allows(&mut self, cause: &'static str, now: CaptureTime) -> bool {
        let (tokens, since) = self.tokens.entry(cause).or_insert((BURST, now));
        let refilled = now.since(*since).nanos().max(0) / REFILL.nanos();
        if refilled > 0 {
            *tokens = tokens.saturating_add(u32::try_from(refilled).unwrap_or(BURST)).min(BURST);
            *since = now;
        }
        let allowed = *tokens > 0;
        *tokens = tokens.saturating_sub(1);
        allowed
    }

    /// What became of jobs since the last call.
    pub(super) fn done(&self) -> impl Iterator<Item = Done> {
        self.done.try_iter().inspect(|done| self.hear(done))
    }

    fn hear(&self, done: &Done) {
        let heard = matches!(done, Done::Written(..) | Done::NotWritten(_));
        self.waiting.set(self.waiting.get().saturating_sub(u64::from(heard)));
    }

    /// Nothing more comes.
    pub(super) fn close(&mut self) {
        self.queue = None;
    }

    /// What became of the rest, as far as it was written within `patience`, after
    /// [`Disk::close`]. The last is [`Done::End`] where all was.
    pub(super) fn finish(&self, patience: impl Fn() -> Duration) -> Vec<Done> {
        let mut all = Vec::new();
        while let Ok(done) = self.done.recv_timeout(patience()) {
            self.hear(&done);
            let ends = matches!(done, Done::End);
            all.push(done);
            if ends {
                break;
            }
        }
        all
    }
}

/// What was written of which connections.
#[derive(Default)]
struct Written {
    names: VecDeque<(Vec<u32>, String)>,
}

impl Written {
    /// Removes what was written of any of `connections`; how many pieces.
    fn remove(&mut self, folder: &Path, connections: &[u32]) -> u64 {
        let mut removed = 0;
        self.names.retain(|(of, name)| {
            let goes = of.iter().any(|id| connections.contains(id));
            removed += u64::from(goes && archive::remove(folder, name));
            !goes
        });
        removed
    }

    fn add(&mut self, connections: Vec<u32>, name: String) {
        if self.names.len() >= MAX_REMEMBERED {
            self.names.pop_front();
        }
        self.names.push_back((connections, name));
    }
}

fn work(job: Job, folder: Option<(&Path, Room)>, written: &mut Written, tell: &Sender<Done>) {
    let say = |done| _ = tell.send(done);
    match job {
        Job::Evidence(evidence) => {
            let Some((folder, room)) = folder else { return };
            match evidence.write(folder) {
                Ok(name) => {
                    let replaced = written.remove(folder, &evidence.connections);
                    written.add(evidence.connections, name.clone());
                    match archive::rotate(folder, room, &name) {
                        Ok(0) => {}
                        Ok(n) => say(Done::Forgotten(n)),
                        Err(error) => say(Done::Trouble(format!("old evidence was not removed: {error}"))),
                    }
                    say(Done::Written(name, replaced));
                }
                Err(error) => say(Done::NotWritten(format!("evidence was not written: {error:#}"))),
            }
        }
        Job::Withdraw(connections) => {
            let Some((folder, _)) = folder else { return };
            match written.remove(folder, &connections) {
                0 => {}
                n => say(Done::Withdrawn(n)),
            }
        }
        Job::File(path, text) => {
            if let Err(error) = output::write(&path, |out| out.write_all(text.as_bytes())) {
                say(Done::Trouble(format!("{error:#}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_cause_does_not_hide_another() {
        let mut disk = Disk::new(None);
        let at = |s| CaptureTime::from_parts(s, 0);
        let allowed = (0..1_000).filter(|_| disk.allows("no-answer", at(0))).count();
        assert_eq!(allowed, BURST as usize);
        assert!(disk.allows("injected-reset", at(0)));
        assert!(!disk.allows("no-answer", at(9)) && disk.allows("no-answer", at(11)));
        assert!(!disk.allows("no-answer", at(12)));
    }

    #[test]
    fn a_folder_that_is_gone_is_reported_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone/metrics");
        let mut disk = Disk::new(None);
        disk.file(&gone, "text".to_owned());
        disk.file(&folder.path().join("metrics"), "text".to_owned());
        disk.close();
        let done = disk.finish(|| Duration::from_secs(60));
        assert!(matches!(done.as_slice(), [Done::Trouble(says), Done::End] if says.contains("gone/metrics")));
        assert_eq!(std::fs::read_to_string(folder.path().join("metrics")).unwrap(), "text");
    }
}
