//! Replays the corpora of the fuzz targets of seal-api: what fuzzing once found stays found, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

#[path = "../../fuzz/api_entries.rs"]
mod entries;

#[test]
fn every_corpus_file_passes_its_target() {
    for (target, entry) in entries::ENTRIES {
        let files = files(&corpora().join(target));
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            let source = std::fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| entry(&source));
            assert!(outcome.is_ok(), "{target} fails on {}", file.display());
        }
    }
}

#[test]
fn every_target_is_declared_in_the_fuzz_crate() {
    let manifest = std::fs::read_to_string(corpora().join("../Cargo.toml")).unwrap();
    for (target, _) in entries::ENTRIES {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not declared");
    }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
