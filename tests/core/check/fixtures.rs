//! Files of every version of SOPS have no finding.

use std::fs;
use std::path::{Path, PathBuf};

use seal_core::check::{CheckOptions, check};
use seal_core::format::Format;

use crate::options;

#[test]
fn files_that_sops_wrote_have_no_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops");
    let mut checked = 0;
    for path in files(&root) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("encrypted") {
            continue;
        }
        let format = Format::of_path(&path).unwrap_or(Format::Binary);
        let source = fs::read(&path).unwrap();
        let found = check(format, &source, &options());
        assert_eq!(found.findings, [], "{}", path.display());
        assert!(found.envelopes > 0, "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 25, "{checked}");
}

#[test]
fn what_sops_would_encrypt_is_found_in_every_format() {
    let everything = CheckOptions { whole_file: true, ..options() };
    for name in [
        "dotenv/plain.env",
        "ini/plain.ini",
        "binary/plain.bin",
        "types/plain.yaml",
        "json/plain.json",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/sops/3.13.2")
            .join(name);
        let format = Format::of_path(&path).unwrap_or(Format::Binary);
        let source = fs::read(&path).unwrap();
        let found = check(format, &source, &everything).findings;
        let ids: Vec<&str> = found.iter().map(|finding| finding.lint.id).collect();
        assert_eq!(ids, ["rule-in-clear"], "{name}");
        // Nobody means it.
        assert_eq!(check(format, &source, &options()).findings, [], "{name}");
    }
}

#[test]
fn a_value_in_clear_is_found_in_every_format() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops/3.13.2");
    for (name, before, after, expected) in [
        ("dotenv/encrypted.env", "sops_", "ADDED=hunter2\nsops_", "clear-value"),
        ("ini/encrypted.ini", "[sops]", "added = hunter2\n[sops]", "clear-value"),
        ("json/encrypted.json", "\"sops\"", "\"added\": \"hunter2\", \"sops\"", "clear-value"),
        ("binary/encrypted.bin", "\"sops\"", "\"added\": \"hunter2\", \"sops\"", "clear-value"),
        ("dotenv/encrypted.env", "sops_mac=", "sops_mac=x", "envelope"),
        ("ini/encrypted.ini", "lastmodified", "lastmodifie", "envelope"),
    ] {
        let path = root.join(name);
        let format = Format::of_path(&path).unwrap_or(Format::Binary);
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.contains(before), "{name}");
        let found =
            check(format, source.replacen(before, after, 1).as_bytes(), &options()).findings;
        let ids: Vec<&str> = found.iter().map(|finding| finding.lint.id).collect();
        assert_eq!(ids, [expected], "{name}");
    }
}

/// Whatever happened to a file, it is checked in bounds, and no text of it is in a message.
#[test]
fn damaged_files_are_checked_without_a_word_of_their_values() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap()
    };
    let mut damaged = 0;
    for path in files(&root) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("encrypted") {
            continue;
        }
        let format = Format::of_path(&path).unwrap_or(Format::Binary);
        let whole = fs::read(&path).unwrap();
        for round in 0..200 {
            let mut source = whole.clone();
            let at = random(source.len());
            match round % 4 {
                0 => source[at] = b"#:{}[]'\"\\\n\0\xff"[random(12)],
                1 => source.truncate(at),
                2 => drop(source.drain(at..(at + random(60)).min(whole.len()))),
                _ => drop(source.splice(at..at, *b"hunter2")),
            }
            let options = CheckOptions { explicit: round % 2 == 0, ..options() };
            let checked = check(format, &source, &options);
            assert!(checked.findings.len() <= 2_000);
            for finding in &checked.findings {
                // A key is named by the path; a message holds no text of the file.
                assert!(!finding.message.contains("hunter2"), "{}: {finding:?}", path.display());
            }
            damaged += 1;
        }
    }
    assert!(damaged >= 5_000, "{damaged}");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
