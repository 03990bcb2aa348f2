//! `-o FILE`: a file that is complete or not there.
//!
//! The report is written beside its destination under a temporary name, brought
//! to the disk, and renamed, so that a full disk or a crash leaves what was
//! there before. What cannot be renamed over (a pipe, `/dev/stdout`, also where it
//! is led into a file) is written to directly.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use super::descriptor;
use super::destination::{folder_of, followed};
use super::exit::Told;
use super::temporary::Temporary;

/// Refuses a destination that is one of `inputs`, or that cannot be written at
/// all: before the analysis, which may take long.
pub(super) fn check<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    if output.is_dir() {
        return Err(Told::usage(format!(
            "{}: this is a folder; expected the name of a file to write to",
            output.display()
        )));
    }
    // What a link leads to is made in the folder there.
    let destination = followed(output)
        .map_err(|error| Told::usage(format!("{}: {error}; choose another name after -o", output.display())))?;
    let folder = folder_of(&destination);
    if !folder.is_dir() {
        return Err(Told::usage(format!(
            "{}: there is no folder {}; create it first: mkdir -p '{}'",
            output.display(),
            folder.display(),
            folder.display()
        )));
    }
    if descriptor::is_one(&destination) && !destination.exists() {
        return Err(Told::usage(format!(
            "{}: no such descriptor is open; open it in the shell, as in 3>>report.txt",
            output.display()
        )));
    }
    // Compared by what they are, not by how they are spelled.
    let Ok(destination) = output.canonicalize() else { return Ok(()) };
    for input in inputs {
        if input.canonicalize().is_ok_and(|input| input == destination) {
            return Err(Told::usage(format!(
                "{}: this is an input, and writing there would destroy it; choose another name after -o",
                output.display()
            )));
        }
    }
    Ok(())
}

/// Writes `output` with `write`, whole or not at all.
pub(super) fn write(output: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let failed = || format!("{}: could not be written", output.display());
    // A link stays a link: what it points to is replaced, or made.
    let destination = followed(output).with_context(failed)?;
    let existing = fs::metadata(&destination);
    let open = if descriptor::is_one(&destination) {
        Some(descriptor::open(&destination))
    } else if existing.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        Some(OpenOptions::new().write(true).open(&destination))
    } else {
        None
    };
    if let Some(file) = open {
        let mut out = BufWriter::new(file.with_context(failed)?);
        return write(&mut out).and_then(|()| out.flush()).with_context(failed);
    }
    let mut temporary = Temporary::beside(&destination).with_context(failed)?;
    if let Ok(metadata) = existing {
        // Whoever restricted the old report meant the new one too.
        temporary.file.set_permissions(metadata.permissions()).with_context(failed)?;
    }
    let mut out = BufWriter::new(&mut temporary.file);
    write(&mut out).and_then(|()| out.flush()).with_context(failed)?;
    drop(out);
    temporary.become_file(&destination).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        write(&path, |out| out.write_all(b"first")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        let error = write(&path, |out| {
            out.write_all(b"second, torn")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert!(error.to_string().contains("report.txt: could not be written"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write(&path, |out| out.write_all(b"third")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(names(folder.path()), ["report.txt"]);
    }

    #[test]
    fn a_report_may_have_the_longest_of_names_and_the_leftovers_of_a_run_that_died_stay() {
        let folder = tempfile::tempdir().unwrap();
        let long = "n".repeat(255);
        let left = |n: usize| format!(".rdpwhy-{}-{n}.part", std::process::id());
        for n in 0..50 {
            // Numbers that another test has passed are as good.
            OpenOptions::new().write(true).create_new(true).open(folder.path().join(left(n))).unwrap();
        }
        write(&folder.path().join(&long), |out| out.write_all(b"report")).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(&long)).unwrap(), "report");
        assert_eq!(names(folder.path()).len(), 51);
    }

    #[test]
    fn inputs_folders_and_nowhere_are_refused_before_anything_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("trace.pcap");
        write(&input, |out| out.write_all(b"capture")).unwrap();
        let spelled = folder.path().join(".").join("trace.pcap");
        let told = |output: &Path| check(output, [input.as_path()]).unwrap_err().to_string();
        assert!(told(&spelled).contains("this is an input"));
        assert!(told(folder.path()).contains("this is a folder"));
        assert!(told(&folder.path().join("no/report.txt")).contains("mkdir -p"));
        check(&folder.path().join("report.txt"), [input.as_path()]).unwrap();
        check(Path::new("report.txt"), [input.as_path()]).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_a_device_is_written_to() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        write(&real, |out| out.write_all(b"old")).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&real, &link).unwrap();
        write(&link, |out| out.write_all(b"new")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        // Also where there is nothing yet at its end.
        fs::remove_file(&real).unwrap();
        check(&link, []).unwrap();
        write(&link, |out| out.write_all(b"made")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "made");
        write(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(names(folder.path()), ["link", "real"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_nowhere_are_refused_before_anything_is_read() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (astray, round) = (folder.path().join("astray"), folder.path().join("round"));
        symlink("gone/report.txt", &astray).unwrap();
        symlink("round", &round).unwrap();
        let told = |output: &Path| check(output, []).unwrap_err().to_string();
        assert!(told(&astray).contains("astray: there is no folder") && told(&astray).contains("gone"));
        assert!(told(&round).contains("round: too many links"));
    }
}
