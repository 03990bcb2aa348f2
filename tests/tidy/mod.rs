//! The house's law: what the compiler does not check and readers rely on.
//!
//! Each check is a function from texts to complaints, so that it can be shown
//! made-up sources that break it.

mod advice;
mod files;
mod findings;
mod floors;
mod licences;
mod limits;
mod manifest;
mod map;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

/// Path from the root of the project, with `/`, to text.
pub type Texts = BTreeMap<String, String>;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The project's own texts below `folder` (or that one file).
pub fn texts(folder: &str) -> Texts {
    let mut found = Texts::new();
    collect(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "nothing below {folder}");
    found
}

fn collect(path: &Path, found: &mut Texts) {
    if path.is_dir() {
        if path.file_name().is_some_and(|name| name == "target" || name == ".git") {
            return;
        }
        for entry in path.read_dir().unwrap().flatten() {
            collect(&entry.path(), found);
        }
    } else if let Ok(text) = std::fs::read_to_string(path) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        found.insert(name, text);
    }
}

/// Made-up sources.
#[cfg(test)]
pub fn made_up<const N: usize>(files: [(&str, &str); N]) -> Texts {
    files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

/// Fails with every complaint at once.
pub fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
