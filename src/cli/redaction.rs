//! `--redact` and `--redact-key`: where the key comes from.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use rdpwhy::report::redact::{KEY_LEN, Redactor};

use super::args::Redaction;
use super::destination::is_same;
use super::exit::Told;

/// The first line of a key file.
const TITLE: &str = "rdpwhy redaction key 1";
/// More than a key file is long.
const MAX_LEN: u64 = 4_096;

/// What output goes to that no file is named for; a shell may have led it into one.
const STDOUT: &str = "/dev/stdout";

/// The redactor that is asked for; without a key file its key is random and
/// forgotten. Refuses a key file that is one of `outputs`, before it is made.
pub(super) fn redactor<'a>(
    asked: &Redaction,
    outputs: impl IntoIterator<Item = &'a Path>,
) -> anyhow::Result<Option<Redactor>> {
    if !asked.redact {
        return Ok(None);
    }
    if let Some(key) = &asked.redact_key
        && let Some(output) = outputs.into_iter().chain([Path::new(STDOUT)]).find(|output| is_same(output, key))
    {
        return Err(Told::usage(format!(
            "{}: the key and the output are one file, and the output would destroy the key; choose another name for \
             one of them",
            output.display()
        )));
    }
    let key = match &asked.redact_key {
        None => random()?,
        Some(path) => match create(path) {
            Ok(key) => key,
            Err(error) if is_there(&error) => read(path)?,
            Err(error) => return Err(error),
        },
    };
    Ok(Some(Redactor::new(key)))
}

fn random() -> anyhow::Result<[u8; KEY_LEN]> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(|error| Told::usage(format!("no random key: the system has none ({error})")))?;
    Ok(key)
}

/// A new key in a new file, which nobody else may read. What is there stays.
fn create(path: &Path) -> anyhow::Result<[u8; KEY_LEN]> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = || format!("{}: the key could not be written", path.display());
    let mut file = options.open(path).with_context(failed)?;
    let key = random()?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = file.write_all(format!("{TITLE}\n{digits}\n").as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key is none, and would stand in the way of the next.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(failed)?;
    Ok(key)
}

fn is_there(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

/// The key in a file.
pub(super) fn read(path: &Path) -> anyhow::Result<[u8; KEY_LEN]> {
    let failed = || format!("{}: the key could not be read", path.display());
    let file = OpenOptions::new().read(true).open(path).with_context(failed)?;
    let mut text = Vec::new();
    file.take(MAX_LEN).read_to_end(&mut text).with_context(failed)?;
    key_in(&text).ok_or_else(|| {
        Told::usage(format!(
            "{}: this is no key file; expected one that rdpwhy made with --redact-key, or a name that is not taken",
            path.display()
        ))
    })
}

fn key_in(text: &[u8]) -> Option<[u8; KEY_LEN]> {
    let (title, digits) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let digits = digits.trim_end();
    if title.trim_end() != TITLE || digits.len() != 2 * KEY_LEN || !digits.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_LEN];
    for (n, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their files")]

    use super::*;

    fn asked(path: &Path) -> Redaction {
        Redaction { redact: true, redact_key: Some(path.to_owned()) }
    }

    fn redactor(asked: &Redaction) -> anyhow::Result<Option<Redactor>> {
        super::redactor(asked, [])
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_and_read_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = redactor(&asked(&path)).unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let second = redactor(&asked(&path)).unwrap().unwrap();
        assert_eq!(first.name("jane"), second.name("jane"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let forgotten = Redaction { redact: true, redact_key: None };
        let forgotten = [redactor(&forgotten).unwrap().unwrap(), redactor(&forgotten).unwrap().unwrap()];
        assert_ne!(forgotten[0].name("janedoe"), forgotten[1].name("janedoe"));
        assert!(redactor(&Redaction { redact: false, redact_key: None }).unwrap().is_none());
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["", "notes", "rdpwhy redaction key 1\n1234\n", &format!("{TITLE}\n{}\n", "zz".repeat(32))] {
            std::fs::write(&path, text).unwrap();
            let error = redactor(&asked(&path)).unwrap_err().to_string();
            assert!(error.contains("notes.txt: this is no key file"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
