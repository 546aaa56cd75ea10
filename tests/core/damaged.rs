//! Damaged files: whatever happens, nothing panics, and no error says a value.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use seal_core::document::{Content, NodeId};
use seal_core::file::{Decrypted, EncryptOptions, FileError, Layout};
use seal_core::format::{BlockIndent, Format};

#[path = "support.rs"]
mod support;

const SECRETS: [&str; 7] = [
    "hunter2secret",
    "s3cretuser",
    "quotedsecret",
    "blocksecret",
    "foldedsecret",
    "Zmxvd3NlY3JldA",
    "123456789012",
];

const YAML: &str = "\
# a release
apiVersion: v1
kind: Secret
metadata:
  name: a
  namespace: prod
stringData:
  # hunter2secret was the old one
  password: hunter2secret  # not s3cretuser
  user: 's3cretuser'
  quoted: \"quotedsecret\\n\"
  block: |
    blocksecret
      blocksecret: more
  folded: >-
    foldedsecret
    foldedsecret
  list: [hunter2secret, \"s3cretuser\", {k: blocksecret}]
  number: 123456789012
data: {flow: Zmxvd3NlY3JldA==, 'x': \"aHVudGVyMg==\"}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: b}
  stringData: {password: hunter2secret}
";

const JSON: &str = r#"{
  "apiVersion": "v1",
  "kind": "Secret",
  "metadata": {"name": "a"},
  "stringData": {"password": "hunter2secret", "user": "s3cret\u0075ser", "list": ["quotedsecret", 123456789012, true, null, 1.5e3]},
  "data": {"flow": "Zmxvd3NlY3JldA=="}
}
"#;

const DOTENV: &str = "\
# hunter2secret was the old one
PASSWORD=hunter2secret
export USER='s3cretuser'
QUOTED=\"quotedsecret\\nblocksecret\"

EMPTY=
PASSWORD=foldedsecret
NUMBER=123456789012
";

const INI: &str = "\
top = Zmxvd3NlY3JldA==

; hunter2secret was the old one
; and s3cretuser
[db]
; blocksecret
password = hunter2secret ; not s3cretuser
user : 's3cretuser'
quoted = `quotedsecret;x`
block = \"\"\"blocksecret
  blocksecret: more
\"\"\"
empty =
[other]
folded = foldedsecret \\
  foldedsecret
[db]
number = 123456789012
";

const BINARY: &str = "hunter2secret\n{\"s3cretuser\": \"quotedsecret\"}\n";

/// A small generator; the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % count.max(1) as u64) as usize
    }
}

fn damaged(source: &[u8], random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"\0\t\n\r \"#%&'*+,-./:<=>?@[\\]{|}~!`a0Z\x7f\x80\xc3\xe2\xff";
    let mut bytes = source.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len());
        let length = random.below(40).min(bytes.len() - at);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(..at)),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let copy = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            4 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            5 => bytes.insert(at, BYTES[random.below(BYTES.len())]),
            6 if !bytes.is_empty() => bytes[at] = BYTES[random.below(BYTES.len())],
            _ => {
                // A whole line doubled or gone, which leaves the rest readable.
                let start =
                    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |n| n + 1);
                let end = bytes[at..]
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(bytes.len(), |n| at + n + 1);
                let line = bytes[start..end].to_vec();
                let doubled = random.below(2) == 0;
                bytes.splice(
                    start..end,
                    if doubled { [line.clone(), line].concat() } else { Vec::new() },
                );
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn says_nothing(error: &seal_core::file::FileError, source: &[u8]) {
    let text = support::describe(error);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}\n--- says {secret} of\n{}", source.escape_ascii());
    }
}

/// Values of a file with their paths, in no order.
fn values(format: Format, text: &[u8]) -> Vec<(String, String)> {
    let stream = format.parse(text).unwrap();
    let document = &stream.documents[0];
    let nodes = document.nodes.iter().enumerate();
    let mut values: Vec<_> = nodes
        .filter_map(|(index, node)| match &node.content {
            Content::Scalar(scalar) => {
                let value = scalar.value.canonical().escape_ascii().to_string();
                Some((document.path(NodeId(index as u32)).to_string(), value))
            }
            _ => None,
        })
        .collect();
    values.sort();
    values
}

/// Whatever was damaged in an encrypted file: what is decrypted all the same has the values that were encrypted. A file
/// without its metadata passes as one that never had any. True if there was something to compare.
fn gives_nothing_else(format: Format, source: &[u8], clear: &str) -> bool {
    let options = seal_core::file::DecryptOptions::default();
    let decrypted = seal_core::file::decrypt(format, source, &options, &support::unwrap);
    let Some(bytes) = decrypted.ok().and_then(|decrypted| decrypted.bytes) else { return false };
    let shown = source.escape_ascii();
    assert_eq!(values(format, bytes.expose()), values(format, clear.as_bytes()), "{shown}");
    true
}

/// Runs every operation; returns how many succeeded and failed.
fn operate(format: Format, source: &[u8], tally: &mut (usize, usize)) {
    let sops = EncryptOptions { layout: Layout::Sops, ..support::whole() };
    let stripped = EncryptOptions { strip: true, expand_aliases: true, ..support::options() };
    for options in [support::options(), support::whole(), sops, stripped] {
        match support::try_encrypt(format, source, &options, support::KEY, None) {
            Ok(_) => tally.0 += 1,
            Err(error) => {
                tally.1 += 1;
                says_nothing(&error, source);
            }
        }
    }
    let options = seal_core::file::DecryptOptions::default();
    let decrypted = seal_core::file::decrypt(format, source, &options, &support::unwrap);
    match &decrypted {
        Ok(_) => tally.0 += 1,
        Err(error) => {
            tally.1 += 1;
            says_nothing(error, source);
        }
    }
    match rewrapped(format, source) {
        Ok(None) => {}
        Ok(Some(more)) => {
            let after = seal_core::file::decrypt(format, &more, &options, &support::unwrap);
            let text = |decrypted: Decrypted| decrypted.bytes.map(|bytes| bytes.expose().to_vec());
            let shown = source.escape_ascii();
            assert_eq!(decrypted.map(text).ok(), after.map(text).ok(), "{shown}");
            tally.0 += 1;
        }
        Err(error) => {
            tally.1 += 1;
            says_nothing(&error, source);
        }
    }
}

/// The source with one more recipient in each envelope.
fn rewrapped(format: Format, source: &[u8]) -> Result<Option<Vec<u8>>, FileError> {
    seal_core::file::rewrap(format, source, &BlockIndent::default(), &|metadata| {
        let mut groups = metadata.key_groups.clone();
        let mut keys = support::file_key(support::KEY).key_groups.remove(0).keys;
        keys[0].key = support::recipient("age1more");
        groups.iter_mut().for_each(|group| group.keys.extend(keys.clone()));
        Ok(Some((groups, metadata.shamir_threshold)))
    })
}

fn run(format: Format, clear: &str) {
    let sops = EncryptOptions { layout: Layout::Sops, ..support::options() };
    let whole =
        EncryptOptions { rule: Some(seal_core::envelope::Rule::implied()), ..support::options() };
    let sources = [
        clear.to_owned(),
        support::encrypted(format, clear, &support::options()),
        support::encrypted(format, clear, &sops),
        support::encrypted(format, clear, &whole),
    ];
    let mut random = Random(0x5ea1);
    let mut tally = (0, 0);
    for source in sources {
        for _ in 0..400 {
            operate(format, &damaged(source.as_bytes(), &mut random), &mut tally);
        }
    }
    // Damage that nobody notices, and only such, would prove nothing.
    assert!(tally.0 > 200 && tally.1 > 200, "{tally:?}");
}

/// The same for a format in which each value of a file is authentic.
fn run_whole(format: Format, clear: &str) {
    let sops = EncryptOptions { layout: Layout::Sops, ..support::whole() };
    let sources = [
        clear.to_owned(),
        support::encrypted(format, clear, &support::whole()),
        support::encrypted(format, clear, &sops),
    ];
    let mut random = Random(0x5ea1);
    let mut tally = (0, 0);
    let mut compared = 0;
    for (index, source) in sources.iter().enumerate() {
        for _ in 0..500 {
            let damaged = damaged(source.as_bytes(), &mut random);
            operate(format, &damaged, &mut tally);
            if index > 0 {
                compared += usize::from(gives_nothing_else(format, &damaged, clear));
            }
        }
    }
    assert!(tally.0 > 200 && tally.1 > 200 && compared > 5, "{tally:?} {compared}");
}

#[test]
fn damaged_dotenv_neither_panics_nor_says_a_value_nor_gives_another() {
    run_whole(Format::Dotenv, DOTENV);
}

#[test]
fn damaged_ini_neither_panics_nor_says_a_value_nor_gives_another() {
    run_whole(Format::Ini, INI);
}

#[test]
fn a_damaged_binary_file_neither_panics_nor_says_a_value_nor_gives_another() {
    run_whole(Format::Binary, BINARY);
}

#[test]
fn damaged_yaml_neither_panics_nor_says_a_value() {
    run(Format::Yaml, YAML);
}

#[test]
fn damaged_json_neither_panics_nor_says_a_value() {
    // SOPS's format keeps null in clear, which a Secret may not have.
    run(Format::Json, &JSON.replace(", null", ""));
}

#[test]
fn every_truncation_neither_panics_nor_says_a_value() {
    let mut tally = (0, 0);
    let clear =
        [(Format::Yaml, YAML), (Format::Json, JSON), (Format::Dotenv, DOTENV), (Format::Ini, INI)];
    for (format, clear) in clear {
        for length in (0..clear.len()).filter(|length| clear.is_char_boundary(*length)) {
            operate(format, &clear.as_bytes()[..length], &mut tally);
        }
    }
    assert!(tally.1 > 100, "{tally:?}");
}

#[test]
fn a_damaged_file_gives_no_part_of_its_plaintext() {
    // Two documents; the second one is broken. The first one must not come out.
    let encrypted = support::encrypted(Format::Yaml, YAML, &support::options());
    let at = encrypted.rfind("tag:").unwrap() + 4;
    let mut broken = encrypted.into_bytes();
    broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
    let options = seal_core::file::DecryptOptions::default();
    let result = seal_core::file::decrypt(Format::Yaml, &broken, &options, &support::unwrap);
    assert_eq!(result.unwrap_err().object.as_deref(), Some("Secret b"));
}
