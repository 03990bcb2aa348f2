//! Where bytes come from: as they are stored, or out of a compression.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use super::beside::Beside;
use super::expand::{Expanded, Stop};
use super::info::Compression;

/// Bytes, stored or expanded.
pub(super) enum Source {
    Stored(Box<Stored>),
    Expanded(Box<Expanded>),
    /// Expanded by another thread.
    Beside(Box<Beside>),
    /// Only while one is exchanged for another.
    Gone,
}

impl Source {
    /// The bytes as they are stored, below every compression.
    pub(super) fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(stored) => Some(stored),
            Self::Expanded(expanded) => expanded.inner()?.source().stored(),
            Self::Beside(beside) => beside.ended()?.inner()?.source().stored(),
            Self::Gone => None,
        }
    }

    /// Stored bytes that were read, and all there are where that is known.
    pub(super) fn position(&self) -> (u64, Option<u64>) {
        match (self, self.stored()) {
            (_, Some(stored)) => (stored.read, stored.total),
            (Self::Beside(beside), None) => beside.position(),
            _ => (0, None),
        }
    }

    /// From here on, what is compressed in a file is expanded by another thread
    /// where that is worth it.
    pub(super) fn expand_beside(&mut self) {
        if matches!(self, Self::Expanded(_))
            && let Self::Expanded(expanded) = core::mem::replace(self, Self::Gone)
        {
            *self = Beside::begin(expanded).map_or_else(Self::Expanded, |beside| Self::Beside(Box::new(beside)));
        }
    }

    /// The same as `stored`, to be changed; what is expanded elsewhere comes to its end.
    pub(super) fn stored_mut(&mut self) -> Option<&mut Stored> {
        match self {
            Self::Stored(stored) => Some(stored),
            Self::Expanded(expanded) => expanded.inner_mut()?.source_mut().stored_mut(),
            Self::Beside(beside) => beside.take_back()?.inner_mut()?.source_mut().stored_mut(),
            Self::Gone => None,
        }
    }

    /// The compressions, outermost first.
    pub(super) fn compressions(&self) -> Vec<Compression> {
        match self {
            Self::Stored(_) | Self::Gone => Vec::new(),
            Self::Beside(beside) => beside.compressions(),
            Self::Expanded(expanded) => {
                let mut list = expanded.inner().map(|w| w.source().compressions()).unwrap_or_default();
                list.push(expanded.compression());
                list
            }
        }
    }

    /// Why a compression gave less than it holds; the innermost first, since
    /// its end is what the others ran into.
    pub(super) fn stop(&self) -> Option<(Compression, &Stop)> {
        let expanded = match self {
            Self::Expanded(expanded) => expanded,
            Self::Beside(beside) => beside.ended()?,
            Self::Stored(_) | Self::Gone => return None,
        };
        let below = expanded.inner().and_then(|w| w.source().stop());
        below.or_else(|| expanded.stop().map(|stop| (expanded.compression(), stop)))
    }

    /// Whether [`seek`](Self::seek) works.
    pub(super) const fn is_seekable(&self) -> bool {
        match self {
            Self::Stored(stored) => !matches!(stored.origin, Origin::Pipe(_)),
            Self::Expanded(_) | Self::Beside(_) | Self::Gone => false,
        }
    }

    /// Goes to `offset`; `false` where that is not possible.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<bool> {
        match self {
            Self::Stored(stored) => stored.seek(offset),
            Self::Expanded(_) | Self::Beside(_) | Self::Gone => Ok(false),
        }
    }
}

impl Read for Source {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(stored) => stored.read(into),
            Self::Expanded(expanded) => expanded.read(into),
            Self::Beside(beside) => beside.read(into),
            Self::Gone => Ok(0),
        }
    }
}

/// A capture's bytes as they are stored, counted and (when asked) hashed as
/// they pass.
pub(super) struct Stored {
    origin: Origin,
    /// Bytes read so far, each counted once.
    pub(super) read: u64,
    /// Bytes there are, where that is known beforehand.
    pub(super) total: Option<u64>,
    hash: Option<Sha256>,
    /// The first thing that went wrong while reading.
    pub(super) failed: bool,
}

enum Origin {
    File(File),
    Pipe(Box<dyn Read + Send>),
    Memory(Cursor<Vec<u8>>),
}

impl Stored {
    /// An opened regular file.
    pub(super) fn file(file: File, sha256: bool) -> Self {
        let total = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
        let origin = if total.is_some() { Origin::File(file) } else { Origin::Pipe(Box::new(file)) };
        Self { origin, read: 0, total, hash: sha256.then(Sha256::new), failed: false }
    }

    /// Something that can only be read forward.
    pub(super) fn pipe(reader: Box<dyn Read + Send>, sha256: bool) -> Self {
        Self { origin: Origin::Pipe(reader), read: 0, total: None, hash: sha256.then(Sha256::new), failed: false }
    }

    /// Bytes that were read from elsewhere before.
    pub(super) const fn memory(bytes: Vec<u8>) -> Self {
        let total = Some(bytes.len() as u64);
        Self { origin: Origin::Memory(Cursor::new(bytes)), read: 0, total, hash: None, failed: false }
    }

    /// Whether it is a regular file.
    pub(super) const fn is_file(&self) -> bool {
        matches!(self.origin, Origin::File(_))
    }

    fn seek(&mut self, offset: u64) -> io::Result<bool> {
        match &mut self.origin {
            Origin::File(file) => file.seek(SeekFrom::Start(offset)).map(|_| true),
            Origin::Memory(memory) => memory.seek(SeekFrom::Start(offset)).map(|_| true),
            Origin::Pipe(_) => Ok(false),
        }
    }

    /// The hash of all stored bytes: reads what nobody has read yet.
    pub(super) fn sha256(&mut self) -> io::Result<Option<[u8; 32]>> {
        if self.hash.is_none() {
            return Ok(None);
        }
        let mut scratch = vec![0; super::window::READ_SIZE];
        while self.read(&mut scratch)? > 0 {}
        Ok(self.hash.take().map(|hash| hash.finalize().into()))
    }

    /// Hashes from the beginning once more, for the one format that is not
    /// read from front to back.
    pub(super) fn rewind_for_hash(&mut self) -> io::Result<()> {
        if self.hash.is_some() && self.seek(0)? {
            self.hash = Some(Sha256::new());
        }
        Ok(())
    }
}

impl Read for Stored {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.origin {
            Origin::File(file) => file.read(into),
            Origin::Pipe(reader) => reader.read(into),
            Origin::Memory(memory) => memory.read(into),
        };
        match read {
            Ok(read) => {
                self.read = self.read.saturating_add(read as u64);
                if let (Some(hash), Some(bytes)) = (&mut self.hash, into.get(..read)) {
                    hash.update(bytes);
                }
                Ok(read)
            }
            Err(e) => {
                self.failed |= e.kind() != io::ErrorKind::Interrupted;
                Err(e)
            }
        }
    }
}
