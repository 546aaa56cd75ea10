//! Replays the corpora of the fuzz targets: what fuzzing once found stays found, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

#[path = "../../fuzz/entries.rs"]
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
fn every_corpus_directory_belongs_to_a_target() {
    // Those of seal-api are among them, which this crate does not know.
    let manifest = std::fs::read_to_string(corpora().join("../Cargo.toml")).unwrap();
    for directory in files(&corpora()) {
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "stray corpus {name}");
    }
}

#[test]
fn every_target_is_declared_in_the_fuzz_crate() {
    let manifest = std::fs::read_to_string(corpora().join("../Cargo.toml")).unwrap();
    for (target, _) in entries::ENTRIES {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not declared");
    }
}

#[test]
fn the_yaml_target_passes_on_the_whole_test_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/yaml");
    for directory in files(&root) {
        for file in files(&directory) {
            let source = std::fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| entries::yaml_scanner(&source));
            assert!(outcome.is_ok(), "fails on {}", file.display());
        }
    }
}

#[test]
fn whatever_of_the_test_corpus_can_be_read_is_printed_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let yaml = files(&root.join("yaml")).into_iter().flat_map(|directory| files(&directory));
    let others = files(&root.join("conversions"));
    for file in yaml.chain(others) {
        let source = std::fs::read(&file).unwrap();
        let format = match file.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") => 0u8,
            Some("json") => 1,
            Some("env") => 2,
            Some("ini") => 3,
            _ => 4,
        };
        let source = [&[format], source.as_slice()].concat();
        let outcome = std::panic::catch_unwind(|| entries::convert(&source));
        assert!(outcome.is_ok(), "fails on {}", file.display());
    }
}

#[test]
fn whatever_of_the_test_corpus_can_be_encrypted_comes_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/yaml");
    let mut failures = Vec::new();
    for directory in files(&root) {
        for file in files(&directory) {
            let source = std::fs::read(&file).unwrap();
            // Both layouts, with and without expanded aliases.
            for options in [0u8, 2, 8] {
                let source = [&[options], source.as_slice()].concat();
                if std::panic::catch_unwind(|| entries::round_trip(&source)).is_err() {
                    failures.push(format!("{} ({options})", file.display()));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
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
