//! Files that SOPS wrote are read here as SOPS reads them, and ours hold what SOPS's format asks for.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use seal_core::file::{DecryptOptions, Decrypted, decrypt};
use seal_core::format::Format;
use seal_core::secret::DataKey;

#[path = "fixtures/leaves.rs"]
mod leaves;
#[path = "fixtures/list_comments.rs"]
mod list_comments;
#[path = "../harness/not_run.rs"]
mod not_run;
#[path = "fixtures/own_output.rs"]
mod own_output;
#[path = "fixtures/real_sops.rs"]
mod real_sops;
#[path = "support.rs"]
mod support;

/// Every encrypted file below the fixtures whose data key is known.
pub(crate) fn fixtures() -> Vec<PathBuf> {
    let all = support::files(&support::tests("fixtures/sops"));
    let known = all.into_iter().filter(|path| {
        let name = path.file_stem().unwrap();
        name == "encrypted" && path.with_file_name("data-key.hex").exists()
    });
    known.collect()
}

/// The format of a fixture.
pub(crate) fn format(path: &Path) -> Format {
    Format::of_path(path).unwrap_or(Format::Binary)
}

/// The format of a fixture and the names of its other files.
pub(crate) fn sibling(path: &Path, stem: &str) -> (Format, PathBuf) {
    let extension = path.extension().unwrap().to_str().unwrap();
    (format(path), path.with_file_name(format!("{stem}.{extension}")))
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
    decrypt(format(path), &source, &DecryptOptions::default(), &|_| Ok(DataKey::new(key)))
        .unwrap_or_else(|error| panic!("{}: {}", path.display(), support::describe(&error)))
}

#[test]
fn every_file_of_sops_decrypts_to_the_values_that_sops_gives() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 30, "only {} fixtures", fixtures.len());
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
        let (format, theirs) = sibling(&path, "decrypted");
        let ours = leaves::comments(format, decrypted.bytes.as_ref().unwrap().expose());
        let theirs = leaves::comments(format, &std::fs::read(theirs).unwrap());
        assert_eq!(ours, theirs, "{}", path.display());
    }
}

/// SOPS prints those without any choice of its own, but for the blanks in INI, which its encrypted files have already.
#[test]
fn dotenv_ini_and_binary_files_of_sops_decrypt_to_the_bytes_that_sops_gives() {
    let mut seen = std::collections::HashMap::new();
    for path in fixtures() {
        let (format, theirs) = sibling(&path, "decrypted");
        if matches!(format, Format::Yaml | Format::Json) {
            continue;
        }
        let ours = open(&path).bytes.unwrap();
        let theirs = std::fs::read(theirs).unwrap();
        assert_eq!(ours.expose().escape_ascii().to_string(), theirs.escape_ascii().to_string());
        *seen.entry(format).or_insert(0) += 1;
    }
    assert!(seen.len() == 3 && seen.values().all(|count| *count >= 2), "{seen:?}");
}

#[test]
fn every_plaintext_of_a_fixture_comes_back_byte_for_byte_in_dotenv_ini_and_binary() {
    for path in fixtures() {
        for stem in ["plain", "decrypted"] {
            let (format, plain) = sibling(&path, stem);
            if matches!(format, Format::Yaml | Format::Json) {
                continue;
            }
            let source = std::fs::read(&plain).unwrap();
            let options = support::whole();
            let encrypted = support::try_encrypt(format, &source, &options, support::KEY, None);
            let encrypted = encrypted.unwrap().bytes.unwrap();
            let back = decrypt(format, &encrypted, &DecryptOptions::default(), &support::unwrap);
            let back = back.unwrap();
            assert!(back.objects.iter().all(|object| object.bound), "{}", plain.display());
            assert_eq!(back.bytes.unwrap().expose(), source, "{}", plain.display());
        }
    }
}

/// SOPS 3.13.0 and 3.13.1 wrote line breaks into the section of the metadata, all others `\n`. The file was made by hand
/// from that of 3.13.2.
#[test]
fn both_forms_of_line_breaks_in_the_metadata_of_ini_are_read() {
    let fixture = support::tests("fixtures/sops/3.13.2/ini/encrypted.ini");
    let by_hand = support::tests("vectors/ini/line-breaks-3.13.0.ini");
    let read = |path: &Path| {
        let source = std::fs::read(path).unwrap();
        let stream = Format::Ini.parse(&source).unwrap();
        let document = &stream.documents[0];
        let sops = document.entry(document.root(), "sops").unwrap();
        seal_core::envelope::Metadata::read(document, sops).unwrap().key_groups
    };
    assert_eq!(read(&by_hand), read(&fixture));
    let source = std::fs::read(&by_hand).unwrap();
    let key = data_key(&fixture);
    let decrypted =
        decrypt(Format::Ini, &source, &DecryptOptions::default(), &|_| Ok(DataKey::new(key)));
    let expected = std::fs::read(fixture.with_file_name("decrypted.ini")).unwrap();
    assert_eq!(decrypted.unwrap().bytes.unwrap().expose(), expected);
}

#[test]
fn another_data_key_opens_no_file_of_sops() {
    for path in fixtures() {
        let source = std::fs::read(&path).unwrap();
        let mut key = data_key(&path);
        key[31] ^= 1;
        let error =
            decrypt(format(&path), &source, &DecryptOptions::default(), &|_| Ok(DataKey::new(key)))
                .unwrap_err();
        assert_eq!(error.class, seal_core::file::Class::Refused, "{}", path.display());
    }
}
