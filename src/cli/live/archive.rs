//! The folder of evidence: what its files are called, and which of them go when
//! there are too many.
//!
//! Only files of exactly the names that are given here are ever removed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rdpwhy::base::CaptureTime;
use rdpwhy::report::document::Time;

/// What one failed attempt leaves: its packets, and the report in two forms.
const SUFFIXES: [&str; 3] = ["pcapng", "json", "txt"];

/// Attempts that failed in the same microsecond of the same cause.
const MAX_NAMESAKES: u32 = 1_000;

/// How much the folder holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Failed attempts.
    pub(super) keep: usize,
    /// Bytes of all their files.
    pub(super) bytes: u64,
}

/// A name that no file in `folder` has: `rdpwhy-20261127T120305.123456Z-no-answer`.
pub(super) fn name(folder: &Path, time: CaptureTime, finding: &str) -> Option<String> {
    let time: String = format!("{:.6}", Time::from(time)).chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let stem = format!("rdpwhy-{time}-{finding}");
    let free = |stem: &String| SUFFIXES.iter().all(|suffix| !folder.join(format!("{stem}.{suffix}")).exists());
    let numbered = (2..MAX_NAMESAKES).map(|n| format!("{stem}-{n}"));
    [stem.clone()].into_iter().chain(numbered).find(free)
}

/// The stem, where `name` is a file that [`name`] made.
fn stem(name: &str) -> Option<&str> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let rest = stem.strip_prefix("rdpwhy-")?;
    let (time, finding) = rest.split_once("Z-")?;
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_kebab = !finding.is_empty() && finding.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    (SUFFIXES.contains(&suffix) && shape == "00000000T000000.000000" && is_kebab).then_some(stem)
}

/// Removes the oldest evidence until the rest has room; `newest` stays. Returns
/// how many failed attempts were forgotten.
pub(super) fn rotate(folder: &Path, room: Room, newest: &str) -> io::Result<u64> {
    let mut groups: BTreeMap<String, (u64, Vec<PathBuf>)> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(stem) = name.to_str().and_then(stem) {
            let group = groups.entry(stem.to_owned()).or_default();
            group.0 += entry.metadata().map_or(0, |metadata| metadata.len());
            group.1.push(entry.path());
        }
    }
    let mut count = groups.len();
    let mut bytes: u64 = groups.values().map(|(size, _)| size).sum();
    let mut removed = 0;
    // Names begin with the time: the oldest come first.
    for (stem, (size, files)) in groups {
        if count <= room.keep && bytes <= room.bytes {
            break;
        }
        if stem == newest {
            continue;
        }
        for file in files {
            match fs::remove_file(file) {
                // Somebody else tidies up, too.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        count -= 1;
        bytes = bytes.saturating_sub(size);
        removed += 1;
    }
    Ok(removed)
}

/// Removes one failed attempt; whether anything of it was there.
pub(super) fn remove(folder: &Path, name: &str) -> bool {
    let files = SUFFIXES.map(|suffix| folder.join(format!("{name}.{suffix}")));
    // Somebody may have taken some of them away.
    files.iter().filter(|file| fs::remove_file(file).is_ok()).count() > 0
}

/// Removes what an earlier run had begun to write when it was killed.
pub(super) fn tidy_up(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let begun = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".part"));
        // `.NAME.SUFFIX.PROCESS-N.part`, as files are called until they are whole.
        if begun.and_then(|rest| rest.rsplit_once('.')).is_some_and(|(name, _)| stem(name).is_some()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their files")]

    use super::*;

    const NOON: i64 = 1_795_780_800;

    fn put(folder: &Path, second: i64, finding: &str) -> String {
        let name = name(folder, CaptureTime::from_parts(NOON + second, 123_456_789), finding).unwrap();
        for suffix in SUFFIXES {
            std::fs::write(folder.join(format!("{name}.{suffix}")), [0; 100]).unwrap();
        }
        name
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_tell_time_and_cause_and_are_free() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(put(folder.path(), 0, "no-answer"), "rdpwhy-20261127T120000.123456Z-no-answer");
        assert_eq!(put(folder.path(), 0, "no-answer"), "rdpwhy-20261127T120000.123456Z-no-answer-2");
        assert_eq!(
            stem("rdpwhy-20261127T120000.123456Z-no-answer-2.json"),
            Some("rdpwhy-20261127T120000.123456Z-no-answer-2")
        );
    }

    #[test]
    fn the_oldest_go_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let strangers = ["notes.txt", "rdpwhy-notes.txt", "rdpwhy-20261127T120000.123456Z-Photo.json", "x.pcapng"];
        for stranger in strangers {
            std::fs::write(folder.path().join(stranger), [0; 1_000]).unwrap();
        }
        let all: Vec<String> = (0..5).map(|n| put(folder.path(), n, "no-answer")).collect();
        assert_eq!(rotate(folder.path(), Room { keep: 3, bytes: u64::MAX }, &all[4]).unwrap(), 2);
        assert_eq!(rotate(folder.path(), Room { keep: 3, bytes: 650 }, &all[4]).unwrap(), 1);
        let left = names(folder.path());
        assert!(strangers.iter().all(|stranger| left.contains(&(*stranger).to_owned())));
        assert_eq!(left.len(), strangers.len() + 2 * SUFFIXES.len());
        // What was just written stays, even where it alone is too much.
        assert_eq!(rotate(folder.path(), Room { keep: 0, bytes: 0 }, &all[4]).unwrap(), 1);
        assert_eq!(names(folder.path()).len(), strangers.len() + SUFFIXES.len());
    }

    #[test]
    fn what_was_torn_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let whole = put(folder.path(), 0, "no-answer");
        std::fs::write(folder.path().join(format!(".{whole}.pcapng.4711-0.part")), [0; 9]).unwrap();
        std::fs::write(folder.path().join(".notes.txt.4711-0.part"), [0; 9]).unwrap();
        tidy_up(folder.path()).unwrap();
        assert_eq!(names(folder.path()).len(), 1 + SUFFIXES.len());
    }
}
