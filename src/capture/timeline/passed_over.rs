//! What a folder may hold beside captures without anything being wrong, and
//! which of it was there.

use core::fmt;
use std::path::Path;

use crate::capture::error::{OpenError, OpenReason};
use crate::capture::recognise::Foreign;

/// Files named; the rest are counted, and said to be more. As many as stay one
/// paragraph on a terminal.
const MAX_NAMED: usize = 16;

/// What a capture's name ends in, before the ending of a compression.
const ENDINGS: [&str; 5] = ["pcap", "pcapng", "cap", "ntar", "snoop"];
const COMPRESSIONS: [&str; 3] = ["gz", "zst", "lz4"];

/// A Mac writes what it knows of `a.pcap` into `._a.pcap`, where the disk is no Mac's.
const COMPANION: &str = "._";

/// The files that were found in folders and are no captures.
#[derive(Debug, Default)]
pub struct PassedOver {
    count: usize,
    named: Vec<String>,
    /// What is said of the first, with what to do about it.
    first: String,
}

impl PassedOver {
    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn add(&mut self, why: &OpenError) {
        if self.count == 0 {
            self.first = why.to_string();
        }
        if self.named.len() < MAX_NAMED {
            self.named.push(why.name.clone());
        }
        self.count = self.count.saturating_add(1);
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 1 {
            return write!(f, "1 file was passed over: {}", self.first);
        }
        write!(f, "{} files were passed over, being no captures: {}", self.count, self.named.join(", "))?;
        match self.count.saturating_sub(self.named.len()) {
            0 => {}
            more => write!(f, " and {more} more (the first {MAX_NAMED} are named)")?,
        }
        write!(f, ". The first: {}", self.first)
    }
}

/// Whether a file of a folder was simply not meant: neither its name nor its
/// beginning says that it is a capture. What does, and cannot be read, is a
/// capture that is missing.
pub(super) fn is_beside_the_point(why: &OpenError) -> bool {
    match why.reason {
        OpenReason::Foreign(Foreign::PcapVersion(..)) => false,
        // The newest file of a ring, before its first packet.
        OpenReason::Foreign(Foreign::Empty) => true,
        OpenReason::Foreign(_) | OpenReason::NestedTooDeep => !is_called_a_capture(Path::new(&why.name)),
        _ => why.is_foreign(),
    }
}

/// `a.pcap`, `A.CAP`, `a.pcapng.gz`; `a.pcap12`, as tcpdump numbers the files of
/// a ring.
fn is_called_a_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.starts_with(COMPANION) {
        return false;
    }
    let ending = |name: &str| name.rsplit_once('.').map(|(stem, ending)| (stem.to_owned(), ending.to_owned()));
    let mut last = ending(&name);
    while let Some((stem, _)) = last.take_if(|(_, ending)| COMPRESSIONS.contains(&ending.as_str())) {
        last = ending(&stem);
    }
    last.is_some_and(|(_, ending)| ENDINGS.contains(&ending.trim_end_matches(|c: char| c.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(name: &str, foreign: Foreign) -> OpenError {
        OpenError { name: name.to_owned(), inside: Vec::new(), reason: OpenReason::Foreign(foreign) }
    }

    #[test]
    fn what_calls_itself_a_capture_is_missed() {
        for name in ["a.pcap", "a.b/C.CAP", "x.pcapng.gz", "x.snoop.zst", "x.ntar.lz4.gz", "ring.pcap12", ".pcap"] {
            assert!(!is_beside_the_point(&why(name, Foreign::Unknown([0; 4]))), "{name}");
        }
        assert!(is_beside_the_point(&why("a.pcap", Foreign::Empty)));
        for name in
            ["notes.txt", "a.pcap/notes", "._a.pcap", "pcap", "x.zip", "x.gz", "cap.dat", "x.pcap.txt", "x.etl.gz"]
        {
            assert!(is_beside_the_point(&why(name, Foreign::Unknown([0; 4]))), "{name}");
        }
        assert!(!is_beside_the_point(&why("notes.txt", Foreign::PcapVersion(9, 1))));
        let socket = OpenError { name: "a.pcap".to_owned(), inside: Vec::new(), reason: OpenReason::Special };
        assert!(is_beside_the_point(&socket), "a pipe can be named by anybody");
    }

    #[test]
    fn all_are_counted_and_some_are_named() {
        let mut passed = PassedOver::default();
        passed.add(&why("n0.txt", Foreign::Text));
        assert!(passed.to_string().starts_with("1 file was passed over: n0.txt: this is a text; "), "{passed}");
        (1..MAX_NAMED).for_each(|n| passed.add(&why(&format!("n{n}.txt"), Foreign::Text)));
        let says = passed.to_string();
        assert!(says.starts_with("16 files were passed over, being no captures: n0.txt, n1.txt, "), "{says}");
        assert!(says.contains(", n15.txt. The first: n0.txt: this is a text; "), "{says}");
        (0..5).for_each(|_| passed.add(&why("late.txt", Foreign::Text)));
        let says = passed.to_string();
        assert!(says.starts_with("21 files") && !says.contains("late"), "{says}");
        assert!(says.contains("n15.txt and 5 more (the first 16 are named). The first: n0.txt"), "{says}");
    }
}
