//! What a timeline is made of, and why one of its parts may give less than it
//! should.

use core::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::capture::error::{OpenError, ReadError};

/// Where packets come from.
pub enum Source {
    /// A file, or a folder: then every file in it, but not in its folders.
    Path(PathBuf),
    /// Something that is read as it arrives.
    Reader {
        /// What to call it; `-` is standard input.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Source {
    /// As a command line names it: `-` is standard input.
    #[must_use]
    pub fn named(argument: &Path) -> Self {
        if argument.as_os_str() == "-" {
            Self::Reader { name: "-".into(), reader: Box::new(io::stdin()) }
        } else {
            Self::Path(argument.to_owned())
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Reader { name, .. } => f.write_str(name),
        }
    }
}

/// Why a source gave less than it should.
#[derive(Debug)]
pub enum Problem {
    /// Nothing of it could be read.
    Open(OpenError),
    /// Reading it stopped on the way.
    Read(ReadError),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(e) => e.fmt(f),
            Self::Read(e) => e.fmt(f),
        }
    }
}

/// The files in a folder, by name.
pub(super) fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
