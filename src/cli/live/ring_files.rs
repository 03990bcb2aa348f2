//! The files of a ring: one grows under a name that begins with a dot and ends
//! with `.part`, and gets its own name when it is whole; the oldest go.
//!
//! Only files of exactly the names that are given here are ever removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rdpwhy::base::CaptureTime;
use rdpwhy::report::document::Time;

/// Files that began in the same microsecond.
const MAX_NAMESAKES: u32 = 1_000;

/// Blocks, to be written to the file of that name.
pub(super) struct Piece {
    /// See [`file_name`].
    pub(super) name: String,
    /// What the file begins with.
    pub(super) head: Arc<Vec<u8>>,
    /// Whole blocks.
    pub(super) bytes: Vec<u8>,
    /// Packets in them.
    pub(super) packets: u64,
    /// Nothing more comes for this file.
    pub(super) ends: bool,
}

/// A ring in a folder.
pub(super) struct Files {
    folder: PathBuf,
    keep: usize,
    growing: Option<Growing>,
    count: usize,
}

struct Growing {
    name: String,
    part: PathBuf,
    file: File,
    /// Bytes that are there as a whole.
    len: u64,
}

/// `rdpwhy-ring-20261127T120305.123456Z`, by the time of the first packet.
pub(super) fn file_name(time: CaptureTime) -> String {
    let time: String = format!("{:.6}", Time::from(time)).chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("rdpwhy-ring-{time}")
}

/// Whether `name` is a file that became whole here.
fn is_ours(name: &str) -> bool {
    let shape: String = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = shape.strip_prefix("rdpwhy-ring-00000000T000000.000000Z") else { return false };
    let Some(number) = rest.strip_suffix(".pcapng") else { return false };
    number.is_empty() || number.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b == b'0'))
}

fn part_of(name: &str) -> String {
    format!(".{name}.part")
}

impl Files {
    /// Takes over what is there. What a run that was killed had begun is cut
    /// back to its last whole block and gets its name.
    pub(super) fn open(folder: &Path, keep: usize) -> io::Result<Self> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let begun = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".part")).filter(|name| is_ours(name));
            if let Some(name) = begun {
                let file = OpenOptions::new().read(true).write(true).open(&path)?;
                file.set_len(whole_blocks(&file)?)?;
                fs::rename(&path, folder.join(name))?;
            }
        }
        let mut files = Self { folder: folder.to_owned(), keep, growing: None, count: 0 };
        files.rotate(keep)?;
        Ok(files)
    }

    /// Files that are there, the growing one among them.
    pub(super) fn count(&self) -> usize {
        self.count + usize::from(self.growing.is_some())
    }

    /// Writes a piece, as a whole or not at all. On a full disk the oldest files
    /// make room.
    pub(super) fn write(&mut self, piece: &Piece) -> anyhow::Result<()> {
        loop {
            match self.try_to_write(piece) {
                Err(error) if is_full(&error) && self.rotate(self.count.saturating_sub(1)).unwrap_or_default() > 0 => {}
                done => return done.map_err(|error| self.told(error)),
            }
        }
    }

    fn try_to_write(&mut self, piece: &Piece) -> io::Result<()> {
        // A file that somebody removed takes bytes that nobody will see.
        if self.growing.as_ref().is_some_and(|growing| growing.name != piece.name || !growing.part.exists()) {
            self.end()?;
        }
        let growing = match &mut self.growing {
            Some(growing) => growing,
            none => none.insert(Growing::begin(&self.folder, piece)?),
        };
        growing.append(&piece.bytes)?;
        if piece.ends { self.end() } else { Ok(()) }
    }

    /// No more pieces come.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.end().map_err(|error| self.told(error))
    }

    fn told(&self, error: io::Error) -> anyhow::Error {
        anyhow::Error::new(error).context(self.folder.display().to_string())
    }

    /// The growing file is whole.
    fn end(&mut self) -> io::Result<()> {
        let Some(growing) = self.growing.take() else { return Ok(()) };
        growing.file.sync_all()?;
        let free = |name: &String| !self.folder.join(format!("{name}.pcapng")).exists();
        let numbered = (2..MAX_NAMESAKES).map(|n| format!("{}-{n}", growing.name));
        let name = [growing.name.clone()].into_iter().chain(numbered).find(free);
        let name = name.ok_or(io::ErrorKind::AlreadyExists)?;
        fs::rename(&growing.part, self.folder.join(format!("{name}.pcapng")))?;
        self.rotate(self.keep)?;
        Ok(())
    }

    /// Removes the oldest files, until `keep` are left; how many that were.
    fn rotate(&mut self, keep: usize) -> io::Result<usize> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            names.extend(name.to_str().filter(|name| is_ours(name)).map(str::to_owned));
        }
        // Names begin with the time.
        names.sort_unstable();
        let gone = names.len().saturating_sub(keep);
        for name in names.iter().take(gone) {
            fs::remove_file(self.folder.join(name))?;
        }
        self.count = names.len() - gone;
        Ok(gone)
    }
}

impl Growing {
    fn begin(folder: &Path, piece: &Piece) -> io::Result<Self> {
        let part = folder.join(part_of(&format!("{}.pcapng", piece.name)));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
        let mut growing = Self { name: piece.name.clone(), part, file, len: 0 };
        match growing.append(&piece.head) {
            Ok(()) => Ok(growing),
            Err(error) => {
                let _ = fs::remove_file(&growing.part);
                Err(error)
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.len += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a block would hide all that comes behind it.
                self.file.set_len(self.len)?;
                self.file.seek(SeekFrom::Start(self.len))?;
                Err(error)
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Bytes of the blocks at the beginning that are there as a whole. (Each says
/// its length at both ends; these files are little-endian.)
fn whole_blocks(file: &File) -> io::Result<u64> {
    let all = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut at = 0;
    let mut length = [0; 4];
    loop {
        let mut head = [0; 8];
        if reader.read_exact(&mut head).is_err() {
            return Ok(at);
        }
        let [_, _, _, _, a, b, c, d] = head;
        let len = u32::from_le_bytes([a, b, c, d]);
        let is_whole = len >= 12 && u64::from(len) <= all - at;
        if !is_whole {
            return Ok(at);
        }
        reader.seek_relative(i64::from(len) - 12)?;
        reader.read_exact(&mut length)?;
        if u32::from_le_bytes(length) != len {
            return Ok(at);
        }
        at += u64::from(len);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their files")]

    use super::*;

    /// A block of `words` words.
    fn block(words: u32) -> Vec<u8> {
        let len = (12 + 4 * words).to_le_bytes();
        let mut block = 5_u32.to_le_bytes().to_vec();
        block.extend(len);
        block.resize(8 + 4 * words as usize, 0);
        block.extend(len);
        block
    }

    fn piece(name: &str, ends: bool) -> Piece {
        Piece { name: name.to_owned(), head: Arc::new(block(4)), bytes: block(9), packets: 1, ends }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn at(second: i64) -> String {
        file_name(CaptureTime::from_parts(1_795_780_800 + second, 123_456_789))
    }

    #[test]
    fn the_oldest_go_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let strangers = ["notes.pcapng", "rdpwhy-ring-20261127T120000.123456Z-x.pcapng", "rdpwhy-ring-1.pcapng"];
        strangers.iter().for_each(|name| fs::write(folder.path().join(name), "x").unwrap());
        let mut files = Files::open(folder.path(), 2).unwrap();
        for second in 0..5 {
            files.write(&piece(&at(second), false)).unwrap();
            files.write(&piece(&at(second), second == 3)).unwrap();
        }
        files.finish().unwrap();
        let left = names(folder.path());
        assert!(strangers.iter().all(|name| left.contains(&(*name).to_owned())));
        let ours: Vec<_> = left.iter().filter(|name| is_ours(name)).collect();
        assert_eq!(ours, ["rdpwhy-ring-20261127T120003.123456Z.pcapng", "rdpwhy-ring-20261127T120004.123456Z.pcapng"]);
        let whole = [block(4), block(9), block(9)].concat();
        assert_eq!(fs::read(folder.path().join(ours[0])).unwrap(), whole);
    }

    #[test]
    fn a_file_is_not_there_before_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::open(folder.path(), 2).unwrap();
        files.write(&piece(&at(0), false)).unwrap();
        assert_eq!(names(folder.path()), [".rdpwhy-ring-20261127T120000.123456Z.pcapng.part"]);
        files.write(&piece(&at(0), true)).unwrap();
        // Another that begins in the same microsecond has a number.
        files.write(&piece(&at(0), true)).unwrap();
        let expected = ["rdpwhy-ring-20261127T120000.123456Z-2.pcapng", "rdpwhy-ring-20261127T120000.123456Z.pcapng"];
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn what_a_killed_run_had_begun_is_kept_up_to_its_last_whole_block() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join(part_of(&format!("{}.pcapng", at(0))));
        let whole = [block(4), block(9)].concat();
        for torn in [0, 3, 8, 11, 30, 47] {
            fs::write(&part, [whole.as_slice(), block(9).get(..torn).unwrap()].concat()).unwrap();
            Files::open(folder.path(), 2).unwrap();
            assert_eq!(names(folder.path()), ["rdpwhy-ring-20261127T120000.123456Z.pcapng"]);
            assert_eq!(fs::read(folder.path().join(&names(folder.path())[0])).unwrap(), whole, "{torn}");
        }
    }

    #[test]
    fn a_growing_file_that_somebody_removed_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::open(folder.path(), 2).unwrap();
        files.write(&piece(&at(0), false)).unwrap();
        fs::remove_file(folder.path().join(names(folder.path()).remove(0))).unwrap();
        assert!(files.write(&piece(&at(0), false)).is_err(), "what was in it is gone, and that is said");
        files.write(&piece(&at(0), true)).unwrap();
        assert_eq!(names(folder.path()).len(), 1);
    }
}
