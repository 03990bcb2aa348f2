//! Inputs that once broke something, and the seeds of the fuzz targets: all are
//! read without a panic.

use std::path::Path;

use super::inputs::TARGETS;

#[test]
fn every_input_of_the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus");
    for (target, run) in TARGETS {
        let folder = corpus.join(target);
        let inputs = folder.read_dir().unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut count = 0;
        for entry in inputs.flatten() {
            let data = std::fs::read(entry.path()).unwrap();
            // Once whole, once cut in the middle.
            run(&data);
            run(&data[..data.len() / 2]);
            count += 1;
        }
        assert!(count > 0, "{target} has no seeds");
    }
}

#[test]
fn every_folder_of_the_corpus_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus");
    for entry in corpus.read_dir().unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name();
        assert!(TARGETS.iter().any(|(target, _)| name.to_str() == Some(target)), "{name:?} is nobody's corpus");
    }
}
