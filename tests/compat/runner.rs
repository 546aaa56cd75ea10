//! Runs a case with the binary and with the real `sops`, each in a directory of its own with the same files.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::golden;
use crate::normal::normal;
use crate::not_run::not_run;

/// The recipient of the encrypted files, and of those that cases make.
pub(crate) const RECIPIENT: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";

/// The plain files that every case finds; `e.*` and `es.yaml` hold the same, encrypted by SOPS 3.11.
const FILES: &[(&str, &str)] = &[
    ("f.yaml", "a: 1\nb: \"two\"\nl:\n  - x\n  - 2\nm:\n  k: v\n"),
    ("f.json", "{\"a\":1,\"b\":{\"c\":\"d\"}}\n"),
    ("f.env", "K=v\n"),
    ("f.ini", "[s]\nk=v\n"),
    ("f.bin", "bin\n"),
    ("s.yaml", "a: 1\n---\nb: 2\n"),
    ("bad.yaml", "a: [\n"),
    ("list.yaml", "- a\n"),
    ("empty.yaml", ""),
];

/// A part of what a run leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The real one ends with this code.
    Code(i32),
    Stdout,
    /// Whether there is something on stderr.
    Stderr,
    Files,
}

/// A command line, and what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    line: String,
    code: i32,
    files: Vec<(String, String)>,
    stdin: String,
    env: Vec<(String, String)>,
    output: &'static str,
    differs: Vec<Part>,
}

/// What a run left.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    code: i32,
    stdout: String,
    /// New and changed files by name, and those that are gone.
    files: BTreeMap<String, String>,
    stderr: String,
}

/// `sops LINE` ends with `code`. In the line `{age}` stands for the recipient; single quotes keep words together.
pub(crate) fn case(code: i32, line: &str) -> Case {
    Case {
        line: line.replace("{age}", RECIPIENT),
        code,
        files: Vec::new(),
        stdin: String::new(),
        env: Vec::new(),
        output: "out.yaml",
        differs: Vec::new(),
    }
}

impl Case {
    /// With one more file.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.replace("{age}", RECIPIENT)));
        self
    }

    /// With rules for every file.
    pub(crate) fn rules(self) -> Self {
        self.file(".sops.yaml", "creation_rules:\n  - age: {age}\n")
    }

    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.to_owned();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.replace("{age}", RECIPIENT)));
        self
    }

    /// What is printed is of this type, as the ending of a name; YAML if nothing is said.
    pub(crate) fn prints(mut self, ending: &'static str) -> Self {
        self.output = ending;
        self
    }

    /// The real one differs in this part, and that is meant or known.
    pub(crate) fn differs(mut self, part: Part, reason: &str) -> Self {
        assert!(!reason.is_empty());
        self.differs.push(part);
        self
    }
}

/// Runs all cases of a table; `golden/NAME.txt` has what they leave.
#[track_caller]
pub(crate) fn run(name: &str, cases: &[Case]) {
    let mut golden = String::new();
    let mut problems = String::new();
    let real = real(name);
    for case in cases {
        let ours = left(case, None);
        golden.push_str(&shown(case, &ours));
        if ours.code != case.code {
            problems.push_str(&format!(
                "$ sops {}\nexpected {}, ended with {}\n{}\n",
                case.line, case.code, ours.code, ours.stderr
            ));
        }
        assert_no_secret(case, &ours.stderr);
        if let Some(real) = &real {
            let theirs = left(case, Some(real));
            problems.push_str(&compared(case, &ours, &theirs));
        }
    }
    assert!(problems.is_empty(), "{problems}");
    golden::golden("compat", name, &golden);
}

fn compared(case: &Case, ours: &Left, theirs: &Left) -> String {
    let mut found = Vec::new();
    let code = case.differs.iter().find_map(|part| match part {
        Part::Code(code) => Some(*code),
        _ => None,
    });
    if theirs.code != code.unwrap_or(case.code) {
        found.push(format!("its code is {}: {}", theirs.code, theirs.stderr));
    }
    let mut differ = |part: Part, ours: &str, theirs: &str| {
        let meant = case.differs.contains(&part);
        if meant == (ours == theirs) {
            let what = if meant { "do not differ any more" } else { "differ" };
            found.push(format!("{part:?} {what}\n--- ours\n{ours}\n--- theirs\n{theirs}\n---"));
        }
    };
    differ(Part::Stdout, &ours.stdout, &theirs.stdout);
    let said =
        |left: &Left| if left.stderr.is_empty() { "nothing" } else { "something" }.to_owned();
    differ(Part::Stderr, &said(ours), &said(theirs));
    let only = |left: &Left, right: &Left| {
        let differing =
            left.files.iter().filter(|(name, text)| right.files.get(*name) != Some(text));
        differing.map(|(name, text)| format!("{name}:\n{text}\n")).collect::<String>()
    };
    differ(Part::Files, &only(ours, theirs), &only(theirs, ours));
    if found.is_empty() {
        return String::new();
    }
    format!("$ sops {}\n{}\n{}\n", case.line, found.join("\n"), ours.stderr)
}

fn shown(case: &Case, left: &Left) -> String {
    let said = if left.stderr.is_empty() { "" } else { ", says something" };
    let mut text = format!("$ sops {}\nexit code {}{said}\n", case.line, left.code);
    if !left.stdout.is_empty() {
        text.push_str(&format!("--- stdout\n{}\n", left.stdout));
    }
    for (name, content) in &left.files {
        text.push_str(&format!("--- {name}\n{content}\n"));
    }
    text + "\n"
}

/// Runs our binary under the name `sops`, or the one at this path.
fn left(case: &Case, program: Option<&Path>) -> Left {
    let root = tempfile::tempdir().unwrap();
    let (home, work, bin) =
        (root.path().join("home"), root.path().join("work"), root.path().join("bin"));
    for directory in [&home, &work, &bin] {
        fs::create_dir(directory).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_seal"), bin.join("sops")).unwrap();
    let key = home.join("keys.txt");
    fs::write(&key, identity()).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    for (name, text) in FILES {
        fs::write(work.join(name), text).unwrap();
    }
    for file in fs::read_dir(here().join("files")).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, work.join(file.file_name().unwrap())).unwrap();
    }
    for (name, text) in &case.files {
        let path = work.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let before = contents(&work);
    let program = program.map_or_else(|| bin.join("sops"), Path::to_owned);
    let mut command = Command::new(program);
    command
        .args(words(&case.line))
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("SOPS_AGE_KEY_FILE", &key)
        .env("SOPS_DISABLE_VERSION_CHECK", "true")
        .envs(case.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A run that fails before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(case.stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let mut files = BTreeMap::new();
    let after = contents(&work);
    for (name, bytes) in &after {
        if before.get(name) != Some(bytes) {
            files.insert(name.clone(), normal(name, bytes));
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        files.insert(name.clone(), "(gone)".to_owned());
    }
    let path = root.path().to_str().unwrap();
    Left {
        code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
        stdout: normal(case.output, &output.stdout).replace(path, "[ROOT]"),
        files,
        stderr: String::from_utf8_lossy(&output.stderr).replace(path, "[ROOT]"),
    }
}

fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted, mut word) = (Vec::new(), false, None::<String>);
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

pub(crate) fn identity() -> &'static str {
    static IDENTITY: LazyLock<String> = LazyLock::new(|| {
        let text = fs::read(here().join("../fixtures/sops/keys/age-a.b64")).unwrap();
        let text: Vec<u8> = text.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    });
    &IDENTITY
}

fn assert_no_secret(case: &Case, stderr: &str) {
    assert!(!stderr.contains("AGE-SECRET-KEY-1"), "sops {}: {stderr}", case.line);
    assert!(!stderr.contains("hunter2"), "sops {}: {stderr}", case.line);
}

/// The real `sops`, not one that is this binary too.
pub(crate) fn real(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join("sops")).find(|sops| {
        let version = Command::new(sops).args(["--disable-version-check", "--version"]).output();
        version.is_ok_and(|version| {
            let version = String::from_utf8_lossy(&version.stdout).into_owned();
            version.starts_with("sops 3.") && !version.contains("seal")
        })
    });
    if found.is_none() {
        not_run(&format!("compat {test}, against the real sops"), "sops is not on PATH");
    }
    found
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat")
}
