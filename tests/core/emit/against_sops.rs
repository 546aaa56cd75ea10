//! Every conversion of a corpus and of the fixtures, beside `sops decrypt --output-type …`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use base64::Engine as _;
use seal_core::emit::{Comment, Entry, Item, Node, Style, emit};
use seal_core::envelope::{Metadata, Rule};
use seal_core::file::{
    BoxError, DecryptOptions, EncryptOptions, FileKey, Keys, Layout, decrypt_tree, encrypt,
};
use seal_core::format::Format;
use seal_core::secret::DataKey;

use super::{not_run, support};

const FORMATS: [Format; 5] =
    [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];

/// A difference that is meant.
struct Exception {
    reason: &'static str,
    /// The source, by the end of its path.
    source: &'static str,
    to: Format,
}

/// The closed list of what we print otherwise than sops 3.11.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "behind U+FEFF go-yaml escapes the next character for no reason",
        source: "structure/bom-inside.yaml",
        to: Format::Yaml,
    },
    Exception {
        reason: "behind U+FEFF go-yaml escapes the next character for no reason",
        source: "streams/bom-second-document.yaml",
        to: Format::Yaml,
    },
    Exception {
        reason: "go-yaml folds at U+2028 in single quotes, and reads more blanks back than there were",
        source: "scalars/line-separators.yaml",
        to: Format::Yaml,
    },
    Exception {
        reason: "SOPS gives the list and its first item one comment each, and go-yaml prints the last",
        source: "comments/list-head-then-map-head.yaml",
        to: Format::Yaml,
    },
    Exception {
        reason: "go-yaml takes the carriage return of a comment for the end of the line, and goes on behind it",
        source: "conversions/carriage-returns.env",
        to: Format::Yaml,
    },
    Exception {
        reason: "what Go prints of a list or a mapping is no INI; here it is an error",
        source: "conversions/deep.yaml",
        to: Format::Ini,
    },
];

struct Sops {
    home: tempfile::TempDir,
    identity: String,
    has_inline_comments: bool,
}

impl Sops {
    fn start(test: &str) -> Option<Self> {
        let version = Command::new("sops").args(["--disable-version-check", "--version"]).output();
        let Ok(version) = version else {
            not_run::not_run(test, "no sops on PATH");
            return None;
        };
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        if minor.is_none_or(|minor| minor < 11) {
            not_run::not_run(test, &format!("sops 3.11 or later is needed, found {version}"));
            return None;
        }
        let identity = |name: &str| {
            let text = std::fs::read_to_string(support::tests("fixtures/sops/keys").join(name));
            let text: String = text.unwrap().split_whitespace().collect();
            let text = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let identity = identity("age-a.b64") + &identity("age-b.b64");
        let has_inline_comments = minor >= Some(13);
        Some(Self { home: tempfile::tempdir().unwrap(), identity, has_inline_comments })
    }

    /// What it prints; `None` where it refuses.
    fn converts(&self, from: Format, encrypted: &[u8], to: Format) -> Option<Vec<u8>> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = self.home.path().join(format!("file{number}"));
        std::fs::write(&file, encrypted).unwrap();
        let output = Command::new("sops")
            .args(["--disable-version-check", "decrypt", "--input-type", &from.to_string()])
            .args(["--output-type", &to.to_string()])
            .arg(&file)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("SOPS_AGE_KEY", &self.identity)
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        output.status.success().then_some(output.stdout)
    }
}

fn data_key(path: &Path) -> DataKey {
    let hex = std::fs::read_to_string(path.with_file_name("data-key.hex")).unwrap();
    let digits = hex.trim().as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    DataKey::from_slice(&digits.map(byte).collect::<Vec<_>>()).unwrap()
}

/// A data key that the identity beside the fixtures opens.
fn file_key() -> FileKey {
    let fixture = support::tests("fixtures/sops/3.13.2/types/encrypted.yaml");
    let source = std::fs::read(&fixture).unwrap();
    let stream = Format::Yaml.parse(&source).unwrap();
    let document = &stream.documents[0];
    let entry = document.entry(document.root(), "sops").unwrap();
    let key_groups = Metadata::read(document, entry).unwrap().key_groups;
    FileKey { data_key: data_key(&fixture), key_groups, shamir_threshold: None }
}

/// In SOPS's layout, all values and comments encrypted; `None` where that cannot be.
fn encrypted(format: Format, source: &[u8]) -> Option<Vec<u8>> {
    let options = EncryptOptions {
        rule: (format != Format::Binary).then(Rule::implied),
        layout: Layout::Sops,
        ..support::whole()
    };
    let key = file_key();
    let counter = AtomicU8::new(0);
    let file_key = || -> Result<FileKey, BoxError> { Ok(key.clone()) };
    let random =
        || -> Result<[u8; 32], BoxError> { Ok([counter.fetch_add(1, Ordering::Relaxed); 32]) };
    let keys = Keys { file_key: &file_key, random: &random };
    encrypt(format, source, &options, &keys, None).ok()?.bytes
}

/// What we print, as SOPS does. Comments stay on the line of their value since SOPS 3.13.
fn ours(
    from: Format,
    encrypted: &[u8],
    key: &DataKey,
    to: Format,
    has_inline_comments: bool,
) -> Option<Vec<u8>> {
    let unwrap = |_: &Metadata| -> Result<DataKey, BoxError> { Ok(key.clone()) };
    let tree = decrypt_tree(from, encrypted, &DecryptOptions::default(), &unwrap);
    let mut tree = tree.unwrap_or_else(|error| panic!("{}", support::describe(&error))).tree;
    if !has_inline_comments {
        tree.documents.iter_mut().for_each(|entries| above(entries));
    }
    let style = Style { as_sops: true, ..Style::default() };
    Some(emit(to, &tree, &style).ok()?.expose().to_vec())
}

/// Puts every comment on a line of its own.
fn above(entries: &mut [Entry]) {
    for entry in entries {
        match entry {
            Entry::Comment(comment) => comment.inline = false,
            Entry::Pair { value, .. } => above_in(value),
        }
    }
}

fn above_in(node: &mut Node) {
    match node {
        Node::Mapping(entries) => above(entries),
        Node::Sequence(items) => {
            for item in items {
                match item {
                    Item::Comment(Comment { inline, .. }) => *inline = false,
                    Item::Node(node) => above_in(node),
                }
            }
        }
        Node::Scalar(_) => {}
    }
}

/// An encrypted file, and to what it is converted.
struct Case {
    name: String,
    from: Format,
    encrypted: Vec<u8>,
    key: DataKey,
    to: Vec<Format>,
}

fn compare(test: &str, cases: Vec<Case>) {
    let Some(sops) = Sops::start(test) else { return };
    let (sops, cases) = (&sops, &cases);
    let next = AtomicUsize::new(0);
    let differences: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let met: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for to in &case.to {
                        let theirs = sops.converts(case.from, &case.encrypted, *to);
                        let ours = ours(
                            case.from,
                            &case.encrypted,
                            &case.key,
                            *to,
                            sops.has_inline_comments,
                        );
                        let exception = EXCEPTIONS.iter().position(|exception| {
                            case.name.ends_with(exception.source) && exception.to == *to
                        });
                        if ours == theirs {
                            continue;
                        }
                        if let Some(exception) = exception {
                            met.lock().unwrap().insert(exception);
                            continue;
                        }
                        let text = |text: Option<Vec<u8>>| match text {
                            Some(text) => String::from_utf8_lossy(&text).into_owned(),
                            None => "(refused)\n".to_owned(),
                        };
                        differences.lock().unwrap().push(format!(
                            "{} to {to}\n--- sops\n{}--- seal\n{}",
                            case.name,
                            text(theirs),
                            text(ours)
                        ));
                    }
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    let of_these = |exception: &Exception| cases.iter().any(|c| c.name.ends_with(exception.source));
    for (index, exception) in EXCEPTIONS.iter().enumerate() {
        assert!(
            !of_these(exception) || met.lock().unwrap().contains(&index),
            "{} to {} is no exception any more: {}",
            exception.source,
            exception.to,
            exception.reason
        );
    }
}

/// The files of a corpus that can be encrypted.
fn corpus(path: &str, to: impl Fn(&Path) -> Vec<Format>) -> Vec<Case> {
    let files: Vec<PathBuf> = support::files(&support::tests(path));
    let cases = files.into_iter().filter_map(|path| {
        let from = Format::of_path(&path).unwrap_or(Format::Binary);
        let encrypted = encrypted(from, &std::fs::read(&path).unwrap())?;
        let name = path.display().to_string();
        Some(Case { name, from, encrypted, key: file_key().data_key, to: to(&path) })
    });
    cases.collect()
}

#[test]
fn every_conversion_of_the_corpus_is_what_sops_prints() {
    let cases = corpus("corpus/conversions", |_| FORMATS.to_vec());
    // Each file is there to be converted.
    assert_eq!(cases.len(), support::files(&support::tests("corpus/conversions")).len());
    compare("every_conversion_of_the_corpus_is_what_sops_prints", cases);
}

#[test]
fn yaml_of_every_kind_is_printed_as_sops_prints_it() {
    let cases = corpus("corpus/yaml", |path| {
        let about_comments = path.components().any(|part| part.as_os_str() == "comments");
        match about_comments {
            true => vec![Format::Yaml],
            false => vec![Format::Yaml, Format::Json],
        }
    });
    assert!(cases.len() >= 100, "only {} files", cases.len());
    compare("yaml_of_every_kind_is_printed_as_sops_prints_it", cases);
}

#[test]
fn every_conversion_of_the_files_of_sops_is_what_sops_prints() {
    let files = support::files(&support::tests("fixtures/sops"));
    let cases: Vec<Case> = files
        .into_iter()
        .filter(|path| path.file_stem().is_some_and(|stem| stem == "encrypted"))
        .filter(|path| path.with_file_name("data-key.hex").exists())
        .filter_map(|path| {
            let encrypted = std::fs::read(&path).unwrap();
            // That identity of the fixtures that sops 3.11 knows how to use.
            let recipient = b"age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";
            encrypted.windows(recipient.len()).any(|part| part == recipient).then(|| Case {
                name: path.display().to_string(),
                from: Format::of_path(&path).unwrap_or(Format::Binary),
                encrypted,
                key: data_key(&path),
                to: FORMATS.to_vec(),
            })
        })
        .collect();
    assert!(cases.len() >= 15, "only {} files", cases.len());
    compare("every_conversion_of_the_files_of_sops_is_what_sops_prints", cases);
}
