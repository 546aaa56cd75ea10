//! Files that SOPS wrote are read here as SOPS reads them, and ours hold what SOPS's format asks for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use seal_core::file::{DecryptOptions, Decrypted, decrypt};
use seal_core::format::Format;
use seal_core::secret::DataKey;

#[path = "fixtures/leaves.rs"]
mod leaves;
#[path = "fixtures/own_output.rs"]
mod own_output;
#[path = "support.rs"]
mod support;

/// Every YAML and JSON file below the fixtures whose data key is known.
pub(crate) fn fixtures() -> Vec<PathBuf> {
    let all = support::files(&support::tests("fixtures/sops"));
    let known = all.into_iter().filter(|path| {
        let name = path.file_name().unwrap();
        (name == "encrypted.yaml" || name == "encrypted.json")
            && path.with_file_name("data-key.hex").exists()
    });
    known.collect()
}

/// The format of a fixture and the names of its other files.
pub(crate) fn sibling(path: &Path, stem: &str) -> (Format, PathBuf) {
    let format = Format::of_path(path).unwrap();
    (format, path.with_file_name(format!("{stem}.{format}")))
}

pub(crate) fn data_key(path: &Path) -> [u8; 32] {
    let hex = std::fs::read_to_string(path.with_file_name("data-key.hex")).unwrap();
    let digits = hex.trim().as_bytes().chunks(2);
    let bytes: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

fn open(path: &Path) -> Decrypted {
    let source = std::fs::read(path).unwrap();
    let key = data_key(path);
    decrypt(Format::of_path(path).unwrap(), &source, &DecryptOptions::default(), &|_| {
        Ok(DataKey::new(key))
    })
    .unwrap_or_else(|error| panic!("{}: {}", path.display(), support::describe(&error)))
}

#[test]
fn every_file_of_sops_decrypts_to_the_values_that_sops_gives() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20, "only {} fixtures", fixtures.len());
    for path in fixtures {
        let decrypted = open(&path);
        let ours = decrypted.bytes.as_ref().unwrap().expose();
        let (format, theirs) = sibling(&path, "decrypted");
        let theirs = std::fs::read(theirs).unwrap();
        let (ours, theirs) = (leaves::leaves(format, ours), leaves::leaves(format, &theirs));
        assert_eq!(ours, theirs, "{}", path.display());
        assert!(!ours.is_empty(), "{} has no values", path.display());
    }
}

#[test]
fn a_file_of_sops_is_reported_as_unbound() {
    for path in fixtures() {
        let objects = open(&path).objects;
        assert!(objects.iter().all(|object| !object.bound && !object.reordered));
        assert!(objects.iter().map(|object| object.values).sum::<usize>() > 0, "{path:?}");
    }
}

#[test]
fn every_file_of_sops_gives_its_comments_back() {
    for path in fixtures() {
        let decrypted = open(&path);
        let ours = leaves::comments(decrypted.bytes.as_ref().unwrap().expose());
        let (format, theirs) = sibling(&path, "decrypted");
        if format == Format::Yaml {
            let theirs = leaves::comments(&std::fs::read(theirs).unwrap());
            assert_eq!(ours, theirs, "{}", path.display());
        }
    }
}

#[test]
fn another_data_key_opens_no_file_of_sops() {
    for path in fixtures() {
        let source = std::fs::read(&path).unwrap();
        let mut key = data_key(&path);
        key[31] ^= 1;
        let error =
            decrypt(Format::of_path(&path).unwrap(), &source, &DecryptOptions::default(), &|_| {
                Ok(DataKey::new(key))
            })
            .unwrap_err();
        assert_eq!(error.class, seal_core::file::Class::Refused, "{}", path.display());
    }
}
