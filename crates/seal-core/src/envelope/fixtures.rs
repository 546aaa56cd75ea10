//! Values and MACs of files that SOPS wrote, read line by line: these tests need no parser of ours.

use std::fs;
use std::path::PathBuf;

use crate::cipher::{Cipher, EncText, ValueType, aad_of_path, decode, is_enc_text};
use crate::document::PathElement;
use crate::envelope::mac::{MacHasher, open_mac};
use crate::secret::DataKey;

#[test]
fn values_and_macs_of_sops_open_here() {
    for case in [
        "3.13.2/secret-all",
        "3.13.2/secret-regex",
        "3.13.2/mac-only",
        "3.13.2/two-recipients",
        "3.13.2/shamir",
        "3.13.2/pgp",
        "3.13.2/types",
        "3.13.2/json",
        "3.9.4/secret-all",
        "3.9.4/secret-regex",
        "3.9.4/two-recipients",
        "3.9.4/pgp",
        "3.9.4/types",
        "3.9.4/json",
        "3.3.1/pgp-secret",
        "3.3.1/pgp-json",
    ] {
        let file = File::read(case);
        let mut hasher = MacHasher::new(file.mac_only_encrypted);
        let mut encrypted = 0;
        for leaf in &file.leaves {
            let Some(text) = &leaf.encrypted else {
                if !file.mac_only_encrypted && !leaf.comment {
                    hasher.update(leaf.clear.as_bytes());
                }
                continue;
            };
            encrypted += 1;
            let text = EncText::parse(text).unwrap();
            let aad = aad_of_path(&leaf.path);
            let plaintext = file.cipher.decrypt(&text, aad.as_bytes()).expect(&aad);
            let value = decode(text.value_type(), &plaintext).unwrap();
            assert_eq!(value.canonical(), plaintext, "{case} {aad}");
            assert_eq!(text.value_type() == ValueType::Comment, leaf.comment, "{case} {aad}");
            if !leaf.comment {
                hasher.update(&plaintext);
            }
        }
        assert!(encrypted >= 5, "{case}");
        let mac = open_mac(&file.cipher, &file.mac, &file.last_modified).expect(case);
        assert!(mac.matches(&hasher.finish()), "{case}");
    }
}

#[test]
fn encrypted_comments_of_sops_have_the_path_of_their_container() {
    let file = File::read("3.13.2/types");
    let comments: Vec<_> = file.leaves.iter().filter(|leaf| leaf.comment).collect();
    let opened: Vec<_> = comments
        .iter()
        .map(|leaf| {
            let text = EncText::parse(leaf.encrypted.as_ref().unwrap()).unwrap();
            let plaintext = file.cipher.decrypt(&text, aad_of_path(&leaf.path).as_bytes()).unwrap();
            (aad_of_path(&leaf.path), String::from_utf8(plaintext.to_vec()).unwrap())
        })
        .collect();
    let expected = [(":", " top comment"), ("nested:", " inside"), ("nested:deep:", " inline")];
    assert_eq!(opened, expected.map(|(aad, text)| (aad.to_owned(), text.to_owned())));
}

/// A directory of fixtures.
pub(crate) fn directory(case: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/sops")).join(case)
}

struct File {
    cipher: Cipher,
    leaves: Vec<Leaf>,
    mac: String,
    last_modified: String,
    mac_only_encrypted: bool,
}

struct Leaf {
    path: Vec<PathElement>,
    comment: bool,
    encrypted: Option<String>,
    clear: String,
}

impl File {
    fn read(case: &str) -> Self {
        let directory = directory(case);
        let hex = fs::read_to_string(directory.join("data-key.hex")).unwrap();
        let key: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let (source, leaves) = match fs::read_to_string(directory.join("encrypted.yaml")) {
            Ok(source) => (source.clone(), yaml_leaves(&source)),
            Err(_) => {
                let source = fs::read_to_string(directory.join("encrypted.json")).unwrap();
                (source.clone(), json_leaves(&source))
            }
        };
        Self {
            cipher: Cipher::new(&DataKey::from_slice(&key).unwrap()),
            leaves,
            mac: setting(&source, "mac").unwrap(),
            last_modified: setting(&source, "lastmodified").unwrap(),
            mac_only_encrypted: setting(&source, "mac_only_encrypted").is_some(),
        }
    }
}

/// A setting of the `sops` block.
fn setting(source: &str, name: &str) -> Option<String> {
    source.lines().find_map(|line| {
        let (key, value) = line.trim().split_once(": ")?;
        let value = value.trim_end_matches(',').trim_matches(['"', '\'']);
        (key.trim_matches('"') == name).then(|| value.to_owned())
    })
}

fn leaf(path: &[(usize, String)], text: &str) -> Option<Leaf> {
    let path = path
        .iter()
        .filter(|(_, key)| !key.is_empty())
        .map(|(_, key)| PathElement::Key(key.as_str().into()))
        .collect();
    let (text, comment) = text.strip_prefix('#').map_or((text, false), |text| (text, true));
    let clear = text.trim_matches('"');
    let encrypted = is_enc_text(clear).then(|| clear.to_owned());
    let covered = !matches!(text, "null" | "{}" | "[]");
    covered.then(|| Leaf { path, comment, encrypted, clear: clear.to_owned() })
}

/// Leaves of a file as SOPS writes YAML: one per line, nesting by indentation.
fn yaml_leaves(source: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    for line in source.lines().take_while(|line| *line != "sops:") {
        let mut text = line.trim_start();
        let mut indent = line.len() - text.len();
        while let Some(item) = text.strip_prefix("- ") {
            indent += 2;
            text = item;
        }
        path.retain(|(outer, _)| *outer < indent);
        let (text, inline) = match text.find(" #ENC[") {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        match text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, ""))) {
            Some((key, value)) if !text.starts_with(['#', 'E']) => {
                path.push((indent, key.trim_matches('"').to_owned()));
                if !value.is_empty() {
                    leaves.extend(leaf(&path, value));
                    path.pop();
                }
            }
            _ => leaves.extend(leaf(&path, text)),
        }
        leaves.extend(inline.and_then(|comment| leaf(&path, comment)));
    }
    leaves
}

/// Leaves of a file as SOPS writes JSON: one per line, nesting by brackets.
fn json_leaves(source: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let lines = source.lines().map(|line| line.trim().trim_end_matches(','));
    for line in lines.skip(1).take_while(|line| !line.starts_with("\"sops\"")) {
        let (key, value) = line.split_once(": ").unwrap_or(("", line));
        if let "}" | "]" = value {
            path.pop();
            continue;
        }
        path.push((0, key.trim_matches('"').to_owned()));
        if !matches!(value, "{" | "[") {
            leaves.extend(leaf(&path, value));
            path.pop();
        }
    }
    leaves
}
