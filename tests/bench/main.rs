//! `make bench`: CPU time, wall time and memory of the release build on generated input, as a table in Markdown, beside
//! real `sops` where that is on PATH (`SEAL_BENCH_SOPS=0` leaves it out: it takes minutes).

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of the tests"
)]

use std::path::{Path, PathBuf};

use measure::{Cost, Run};
use table::Row;

#[path = "kms.rs"]
mod kms;
#[path = "measure.rs"]
mod measure;
#[path = "../generate/release.rs"]
mod release;
#[allow(dead_code, reason = "the bench needs not all of it")]
#[path = "../harness/stand_in.rs"]
mod stand_in;
#[path = "table.rs"]
mod table;

const DOCUMENTS: usize = 10_000;
const FILES: usize = 1_000;
const TREE: usize = 10_000;
/// Runs of one Secret after the warm-up, of which the median counts.
const SINGLE_RUNS: usize = 20;
/// Runs of everything longer.
const LONG_RUNS: usize = 5;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == measure::FLAG) {
        return measure::inside(&arguments[1..]);
    }
    let place = Place::new();
    let sops = sops_on_path();
    let mut rows = single(&place, sops);
    rows.extend(files(sops));
    rows.push(tree());
    rows.extend(kms::files(sops));
    rows.extend(stream(&place, sops));
    println!("{}", table::render(&rows, &circumstances(sops)));
}

/// A throw-away directory that is also HOME, with an identity and a `.sops.yaml` as `seal init` makes them.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        let place = Self { directory: tempfile::tempdir_in(parent).unwrap() };
        place.seal(&["init"]).go();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn seal(&self, arguments: &[&str]) -> Run {
        Run::new(env!("CARGO_BIN_EXE_seal"), self.directory.path(), arguments)
    }

    fn sops(&self, arguments: &[&str]) -> Run {
        Run::new("sops", self.directory.path(), arguments)
    }
}

/// One file with one Secret, as a CI job or an editor has it.
fn single(place: &Place, sops: bool) -> Vec<Row> {
    let plain = place.write("secret.yaml", &release::secret(3));
    let encrypt = place.seal(&["encrypt", "secret.yaml"]).output(place.path("seal.yaml"));
    let decrypt = place.seal(&["decrypt", "seal.yaml"]).output(place.path("plain.yaml"));
    let encrypted = median(&encrypt, SINGLE_RUNS);
    let decrypted = median(&decrypt, SINGLE_RUNS);
    assert_same(&plain, &place.path("plain.yaml"));
    let theirs = sops.then(|| {
        let encrypt = place.sops(&["encrypt", "secret.yaml"]).output(place.path("sops.yaml"));
        let decrypt = place.sops(&["decrypt", "sops.yaml"]).output(place.path("plain.yaml"));
        (median(&encrypt, SINGLE_RUNS), median(&decrypt, SINGLE_RUNS))
    });
    vec![
        Row::wall("encrypt one Secret", encrypted, Some(0.0035), theirs.map(|(cost, _)| cost)),
        Row::wall("decrypt one Secret", decrypted, Some(0.0035), theirs.map(|(_, cost)| cost)),
    ]
}

/// A directory of files with one Secret each, in place. Each round has a new directory and nothing is deleted in between:
/// ext4 without a journal passes over each inode deleted in the last minutes, one by one, for each file it creates, so
/// rounds in one place would measure how many rounds there were before.
fn files(sops: bool) -> Vec<Row> {
    let parent = spread_out();
    let fill = || {
        let place = Place::below(parent.path());
        std::fs::create_dir(place.path("files")).unwrap();
        for number in 0..FILES {
            place.write(&app(number), &release::secret(number));
        }
        place
    };
    let mut places = Vec::new();
    let mut encrypted = Vec::new();
    let mut decrypted = Vec::new();
    for _ in 0..LONG_RUNS {
        let place = fill();
        encrypted.push(place.seal(&["encrypt", "-i", "files"]).go());
        assert!(std::fs::read_to_string(place.path(&app(0))).unwrap().contains("ENC["));
        decrypted.push(place.seal(&["decrypt", "-i", "files"]).go());
        let last = std::fs::read_to_string(place.path(&app(FILES - 1))).unwrap();
        assert_eq!(last, release::secret(FILES - 1));
        places.push(place);
    }
    let theirs = sops.then(|| {
        let place = fill();
        let loop_over = |verb| {
            let script =
                format!("for file in files/*.yaml; do sops {verb} -i \"$file\" || exit 1; done");
            Run::new("sh", place.directory.path(), &["-c", &script]).go()
        };
        (loop_over("encrypt"), loop_over("decrypt"))
    });
    let encrypt = format!("encrypt {} files of one Secret", table::thousands(FILES));
    let decrypt = format!("decrypt {} files of one Secret", table::thousands(FILES));
    vec![
        Row::wall(&encrypt, Cost::median(encrypted), Some(0.4), theirs.map(|(cost, _)| cost)),
        Row::wall(&decrypt, Cost::median(decrypted), Some(0.4), theirs.map(|(_, cost)| cost)),
    ]
}

/// A tree as a repository of releases has it, checked as CI does: of four files one is an encrypted Secret.
fn tree() -> Row {
    let parent = spread_out();
    let place = Place::below(parent.path());
    std::fs::create_dir(place.path("files")).unwrap();
    for number in 0..TREE {
        let document = match number % 4 {
            0 => release::secret(number),
            // None of those are Secrets.
            _ => release::document(number / 4 * 10 + 4 + number % 4).1,
        };
        place.write(&app(number), &document);
    }
    place.seal(&["encrypt", "-i", "--shared-data-key", "files"]).go();
    let cost = median(&place.seal(&["check", "files"]), LONG_RUNS);
    let name = format!("check a tree of {} files", table::thousands(TREE));
    Row::wall(&name, cost, Some(1.0), None)
}

fn app(number: usize) -> String {
    format!("files/app-{number}.yaml")
}

/// A directory whose children ext4 puts into block groups of their own, so that a round does not meet the deleted inodes
/// of another. Other file systems do not know the attribute and do not need it.
fn spread_out() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let _ = std::process::Command::new("chattr")
        .arg("+T")
        .arg(directory.path())
        .stderr(std::process::Stdio::null())
        .status();
    directory
}

/// A release as one stream: each document its own envelope, then all of them in one as SOPS lays it out.
fn stream(place: &Place, sops: bool) -> Vec<Row> {
    let large = place.write("large.yaml", &release::release(DOCUMENTS));
    let small = place.write("small.yaml", &release::release(DOCUMENTS / 10));
    let (encrypt, decrypt) = both_ways(place, &large, &[]);
    let (encrypt_small, decrypt_small) = both_ways(place, &small, &[]);
    let (encrypt_one, decrypt_one) = both_ways(place, &large, &["--layout", "sops"]);
    let theirs = sops.then(|| {
        let cost = |input: &str| {
            let output = place.path("sops.yaml");
            let encrypt = place.sops(&["encrypt", input]).output(output).go();
            let decrypt =
                place.sops(&["decrypt", "sops.yaml"]).output(place.path("plain.yaml")).go();
            (encrypt, decrypt)
        };
        (cost("small.yaml"), cost("large.yaml"))
    });
    let (large_theirs, small_theirs) = (theirs.map(|costs| costs.1), theirs.map(|costs| costs.0));
    let documents = table::thousands(DOCUMENTS);
    let megabytes = (std::fs::metadata(&large).unwrap().len() + 500_000) / 1_000_000;
    let name = |verb: &str| format!("{verb} a release of {documents} documents ({megabytes} MB)");
    let one = |verb: &str| format!("{verb} the same release as one SOPS envelope");
    let growth = |verb: &str| {
        format!("{verb}: growth from {} to {documents} documents", table::thousands(DOCUMENTS / 10))
    };
    let grown = |large: Option<Cost>, small: Option<Cost>| Some(large?.cpu / small?.cpu);
    vec![
        Row::cpu(&name("encrypt"), encrypt, Some(0.5), Some(120.0), large_theirs.map(|c| c.0)),
        Row::cpu(&name("decrypt"), decrypt, Some(0.5), Some(120.0), large_theirs.map(|c| c.1)),
        Row::cpu(&one("encrypt"), encrypt_one, Some(1.5), None, large_theirs.map(|c| c.0)),
        Row::cpu(&one("decrypt"), decrypt_one, Some(1.5), None, large_theirs.map(|c| c.1)),
        Row::growth(
            &growth("encrypt"),
            encrypt.cpu / encrypt_small.cpu,
            10.5,
            grown(large_theirs.map(|c| c.0), small_theirs.map(|c| c.0)),
        ),
        Row::growth(
            &growth("decrypt"),
            decrypt.cpu / decrypt_small.cpu,
            10.5,
            grown(large_theirs.map(|c| c.1), small_theirs.map(|c| c.1)),
        ),
    ]
}

/// Encrypts and decrypts a file, and holds the result against it.
fn both_ways(place: &Place, plain: &Path, options: &[&str]) -> (Cost, Cost) {
    let name = plain.file_name().unwrap().to_str().unwrap();
    let encrypt: Vec<&str> = ["encrypt"].iter().chain(options).chain(&[name]).copied().collect();
    let encrypted = median(&place.seal(&encrypt).output(place.path("seal.yaml")), LONG_RUNS);
    let back = place.path("plain.yaml");
    let decrypted = median(&place.seal(&["decrypt", "seal.yaml"]).output(back.clone()), LONG_RUNS);
    assert_same(plain, &back);
    (encrypted, decrypted)
}

/// The median of so many runs after three that warm caches.
fn median(run: &Run, runs: usize) -> Cost {
    for _ in 0..3.min(runs) {
        run.go();
    }
    Cost::median((0..runs).map(|_| run.go()).collect())
}

fn assert_same(expected: &Path, found: &Path) {
    let same = std::fs::read(expected).unwrap() == std::fs::read(found).unwrap();
    assert!(same, "decrypting {} did not give the original", expected.display());
}

fn sops_on_path() -> bool {
    let wanted = std::env::var_os("SEAL_BENCH_SOPS").is_none_or(|value| value != "0");
    let version = std::process::Command::new("sops").arg("--version").output();
    wanted && version.is_ok_and(|output| output.status.success())
}

fn circumstances(sops: bool) -> String {
    let date = std::env::var("SEAL_BENCH_DATE").unwrap_or_else(|_| "undated".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let peer = if sops { "sops is the one on PATH" } else { "sops was not on PATH" };
    format!("{date}, {cores} cores, release build; {peer}.")
}
