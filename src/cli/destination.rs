//! What the name of an output leads to.
//!
//! Links are followed step by step: the system resolves only names of what is
//! there, and an output is often yet to be made.

use std::io;
use std::path::{Path, PathBuf};

use super::descriptor;

/// Links that are followed, as many as Linux does.
const MAX_LINKS: usize = 40;

/// Whether two names lead to one file, be it there or yet to be made.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    // A name that leads nowhere is refused where it is opened.
    resolved(one).is_ok_and(|one| resolved(other).is_ok_and(|other| one == other))
}

/// The one name of a file, however it was spelled.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    if let Ok(there) = path.canonicalize() {
        return Ok(there);
    }
    let end = followed(path)?;
    Ok(folder_of(&end).canonicalize()?.join(end.file_name().unwrap_or_default()))
}

/// Where the links of `path` end: at what is no link, is not there, or is a
/// descriptor, which is more than the file behind it.
pub(super) fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MAX_LINKS {
        match place.read_link() {
            Ok(target) if !descriptor::is_one(&place) => place = folder_of(&place).join(target),
            _ => return Ok(place),
        }
    }
    Err(io::Error::other("too many links that lead to links"))
}

/// The folder that a file is in, or is to be made in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_are_compared_by_what_they_are_before_they_are_there() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        symlink("sub", at("other")).unwrap();
        symlink("other/key", at("link")).unwrap();
        symlink("round", at("round")).unwrap();
        for there in [false, true] {
            for same in ["./sub/key", "sub/../sub/key", "other/key", "link"] {
                assert!(is_same(&at(same), &at("sub/key")), "{same}, there: {there}");
            }
            for different in ["key", "sub/key2", "sub", "no/key", "round"] {
                assert!(!is_same(&at(different), &at("sub/key")), "{different}, there: {there}");
            }
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(at("sub/key")).unwrap();
        }
        assert!(!is_same(&at("round"), &at("round")));
    }
}
