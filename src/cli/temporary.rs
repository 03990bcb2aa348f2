//! A file that vanishes unless it becomes another, also where a signal ends the run.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::destination::folder_of;

/// The names of all that are there. Files appear, are renamed and vanish under its
/// lock alone.
static THERE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file that vanishes unless it becomes another.
pub(super) struct Temporary {
    pub(super) file: File,
    path: PathBuf,
}

impl Temporary {
    /// A new file in the folder of `destination`, since only there a rename is
    /// one step.
    pub(super) fn beside(destination: &Path) -> io::Result<Self> {
        // Reports of several captures are written to one folder at a time.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Names are taken only by runs that died; a few tries pass them.
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..100 {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            // Short, since the name of the report may be as long as a name can be.
            let path = folder_of(destination).join(format!(".rdpwhy-{}-{n}.part", std::process::id()));
            let mut there = there();
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    there.push(path.clone());
                    return Ok(Self { file, path });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
                Err(e) => return Err(e),
            }
        }
        Err(last)
    }

    pub(super) fn become_file(self, destination: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let mut there = there();
        fs::rename(&self.path, destination)?;
        there.retain(|path| *path != self.path);
        drop(there);
        // So that the new name survives a power cut. Not every system can.
        #[cfg(unix)]
        let _ = OpenOptions::new().read(true).open(folder_of(destination)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let mut there = there();
        // It has become another, or it has failed.
        if there.contains(&self.path) {
            let _ = fs::remove_file(&self.path);
            there.retain(|path| *path != self.path);
        }
    }
}

fn there() -> MutexGuard<'static, Vec<PathBuf>> {
    // The list is whole whoever panicked.
    THERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal that ends the process removes the files first.
#[cfg(unix)]
pub(super) fn vanish_with_the_process() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;
    let ignored = ignored();
    let ending = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(ending)?;
    // A thread, since reading from a pipe may take forever.
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // Held to the end: nothing appears any more.
            let there = there();
            there.iter().for_each(|path| _ = fs::remove_file(path));
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// The signals that are ignored, as by `nohup` or in the background of a script,
/// each a bit. They stay so.
#[cfg(unix)]
fn ignored() -> u64 {
    // Linux alone tells; elsewhere all are heeded.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}
