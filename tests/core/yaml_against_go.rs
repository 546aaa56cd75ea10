//! Our YAML reader against go-yaml v3: the same sources accepted, the same values, types and comment positions.
//!
//! go-yaml answers through the oracle that `tests/setup/oracle.sh` builds. `SEAL_MUTANTS` sets how many mutants of the
//! corpus are compared; they are the same ones in every run.

#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};

use leaves::{Answer, ours};
use mutants::mutant;
use oracle::Oracle;

#[path = "yaml_against_go/leaves.rs"]
mod leaves;
#[path = "yaml_against_go/minimise.rs"]
mod minimise;
#[path = "yaml_against_go/mutants.rs"]
mod mutants;
#[path = "../harness/not_run.rs"]
mod not_run;
#[path = "yaml_against_go/oracle.rs"]
mod oracle;
#[path = "../generate/release.rs"]
mod release;

/// A difference that is meant: which sources it concerns, and why.
struct Exception {
    reason: &'static str,
    concerns: fn(&[u8]) -> bool,
}

/// The closed list of sources that we read differently on purpose.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "UTF-16 is refused here: no manifest is written in it, and spans are bytes of UTF-8",
        concerns: |source| source.starts_with(b"\xff\xfe") || source.starts_with(b"\xfe\xff"),
    },
    Exception {
        reason: "behind two byte order marks go-yaml skips the first character of every line",
        concerns: |source| source.starts_with("\u{feff}\u{feff}".as_bytes()),
    },
    Exception {
        reason: "a time zone beyond 24:60 makes a string: so does Go since 1.20, Debian's is 1.19",
        concerns: |source| {
            source.windows(6).any(|w| {
                matches!(w[0], b'+' | b'-')
                    && w[3] == b':'
                    && [1, 2, 4, 5].iter().all(|at| w[*at].is_ascii_digit())
                    && (&w[1..3] > b"24".as_slice() || &w[4..6] > b"60".as_slice())
            })
        },
    },
];

const MUTANTS: usize = 6000;
const BATCH: usize = 500;
/// Mismatches that are minimised and printed before the test gives up.
const SHOWN: usize = 10;

#[test]
fn reads_the_corpus_as_go_yaml_does() {
    let Some(mut oracle) = oracle("reads_the_corpus_as_go_yaml_does") else {
        return;
    };
    let (names, sources): (Vec<_>, Vec<_>) = corpus().into_iter().unzip();
    let mut report = Report::default();
    let answers = oracle.ask(&sources);
    for ((name, source), theirs) in names.iter().zip(&sources).zip(answers) {
        report.compare(name, source, theirs);
    }
    report.finish(&mut oracle);
}

#[test]
fn reads_mutants_as_go_yaml_does() {
    let Some(mut oracle) = oracle("reads_mutants_as_go_yaml_does") else {
        return;
    };
    let corpus = corpus();
    let count = std::env::var("SEAL_MUTANTS")
        .map_or(MUTANTS, |text| text.parse().expect("SEAL_MUTANTS is a number"));
    let mut report = Report::default();
    for start in (0..count).step_by(BATCH) {
        let numbers = start..count.min(start + BATCH);
        let (names, sources): (Vec<_>, Vec<_>) =
            numbers.map(|number| mutant(&corpus, number as u64)).unzip();
        let answers = oracle.ask(&sources);
        for ((name, source), theirs) in names.iter().zip(&sources).zip(answers) {
            report.compare(name, source, theirs);
        }
        if report.mismatches.len() >= SHOWN {
            break;
        }
    }
    report.finish(&mut oracle);
}

#[test]
fn reads_a_rendered_release_as_go_yaml_does() {
    let Some(mut oracle) = oracle("reads_a_rendered_release_as_go_yaml_does") else {
        return;
    };
    let source = release::release(100).into_bytes();
    let theirs = oracle.ask_one(&source);
    assert_eq!(theirs.as_ref().map(Vec::len), Ok(100));
    let mut report = Report::default();
    report.compare("a release of 100 documents", &source, theirs);
    report.finish(&mut oracle);
}

#[test]
fn names_of_corpus_files_say_what_go_yaml_refuses() {
    let Some(mut oracle) = oracle("names_of_corpus_files_say_what_go_yaml_refuses") else {
        return;
    };
    let (names, sources): (Vec<_>, Vec<_>) = corpus().into_iter().unzip();
    let wrong: Vec<_> = names
        .iter()
        .zip(oracle.ask(&sources))
        .filter(|(name, answer)| name.ends_with("-refused.yaml") == answer.is_ok())
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "wrongly named: {wrong:#?}");
}

fn oracle(test: &str) -> Option<Oracle> {
    Oracle::start().map_err(|why| not_run::not_run(test, &why)).ok()
}

/// Name and content of every file below `tests/corpus/yaml`, sorted by name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/yaml");
    let mut files = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("the corpus is there") {
            let path = entry.unwrap().path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    assert!(files.len() > 300, "most of the corpus is missing");
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

struct Mismatch {
    name: String,
    source: Vec<u8>,
}

#[derive(Default)]
struct Report {
    compared: usize,
    accepted: usize,
    excepted: usize,
    mismatches: Vec<Mismatch>,
}

impl Report {
    fn compare(&mut self, name: &str, source: &[u8], theirs: Answer) {
        self.compared += 1;
        self.accepted += usize::from(theirs.is_ok());
        if same(&ours(source), &theirs) {
            return;
        }
        match EXCEPTIONS.iter().find(|exception| (exception.concerns)(source)) {
            Some(_) => self.excepted += 1,
            None => {
                self.mismatches.push(Mismatch { name: name.to_owned(), source: source.to_owned() })
            }
        }
    }

    fn finish(self, oracle: &mut Oracle) {
        eprintln!(
            "{} sources, {} of them accepted by go-yaml, {} meant differences, {} mismatches",
            self.compared,
            self.accepted,
            self.excepted,
            self.mismatches.len()
        );
        for exception in EXCEPTIONS {
            eprintln!("meant: {}", exception.reason);
        }
        for mismatch in self.mismatches.iter().take(SHOWN) {
            let wanted = class(&ours(&mismatch.source), &oracle.ask_one(&mismatch.source));
            let source = minimise::minimise(&mismatch.source, |source| {
                !EXCEPTIONS.iter().any(|exception| (exception.concerns)(source))
                    && class(&ours(source), &oracle.ask_one(source)) == wanted
            });
            eprintln!("\n--- {}, made small:\n{}", mismatch.name, source.escape_ascii());
            eprintln!("{}", String::from_utf8_lossy(&source));
            eprintln!("go-yaml: {}", leaves::describe(&oracle.ask_one(&source)));
            eprintln!("ours:    {}", leaves::describe(&ours(&source)));
        }
        // A comparison in which nothing was ever accepted would prove nothing.
        assert!(self.accepted * 10 > self.compared, "go-yaml refused nearly everything");
        assert!(
            self.mismatches.is_empty(),
            "{} sources are read differently",
            self.mismatches.len()
        );
    }
}

/// Refusals are the same whatever their words.
fn same(ours: &Answer, theirs: &Answer) -> bool {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(_), Err(_)) => !is_panic(ours),
        _ => false,
    }
}

fn is_panic(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|problem| problem == leaves::PANICKED)
}

/// What kind of mismatch it is; a smaller source has to show the same.
fn class(ours: &Answer, theirs: &Answer) -> (bool, bool, bool, bool) {
    (same(ours, theirs), ours.is_ok(), theirs.is_ok(), is_panic(ours))
}
