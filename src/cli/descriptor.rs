//! Outputs that are open already: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`.
//!
//! Behind them may be a file like any other, but whoever opened it writes to it,
//! too: a new file under its name would take that away.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::destination::folder_of;

/// Whether `place` stands for what a process has open.
pub(super) fn is_one(place: &Path) -> bool {
    let in_table = |folder: &Path| folder == "/dev/fd" || (folder.starts_with("/proc") && folder.ends_with("fd"));
    number(place).is_some() && folder_of(place).canonicalize().is_ok_and(|folder| in_table(&folder))
}

/// Opens it to write behind what is there.
pub(super) fn open(place: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if is_our_own(place) {
        use std::os::fd::AsFd;
        // Of a descriptor with a name of its own there is a copy, which shares the
        // place to write at. Of others only the system's table is in reach.
        match number(place) {
            Some(0) => return io::stdin().as_fd().try_clone_to_owned().map(File::from),
            Some(1) => return io::stdout().as_fd().try_clone_to_owned().map(File::from),
            Some(2) => return io::stderr().as_fd().try_clone_to_owned().map(File::from),
            _ => {}
        }
    }
    OpenOptions::new().append(true).open(place)
}

fn number(place: &Path) -> Option<u32> {
    place.file_name()?.to_str()?.parse().ok()
}

#[cfg(unix)]
fn is_our_own(place: &Path) -> bool {
    let folder = folder_of(place).canonicalize();
    let ours = ["/proc/self/fd", "/dev/fd"].map(|table| Path::new(table).canonicalize());
    folder.is_ok_and(|folder| ours.into_iter().flatten().any(|ours| ours == folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn descriptors_are_told_from_files_with_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for place in ["/dev/fd/1", "/dev/fd/63", "/proc/self/fd/0", "/proc/thread-self/fd/2", "/proc/1/fd/../fd/1"] {
            // Tables of others can be closed to us.
            assert!(is_one(Path::new(place)) || !folder_of(Path::new(place)).exists(), "{place}");
        }
        for place in ["/dev/fd/one", "/dev/fd", "/dev/null", "/proc/self/fd/1/2", "fd/1", "1"] {
            assert!(!is_one(Path::new(place)), "{place}");
        }
        std::fs::create_dir(folder.path().join("fd")).unwrap();
        assert!(!is_one(&folder.path().join("fd/1")));
        assert!(is_our_own(Path::new("/dev/fd/1")) && !is_our_own(Path::new("/dev/1")));
    }
}
