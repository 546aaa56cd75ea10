//! A throw-away directory to run `seal` in, and golden files to compare with.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory with a home of its own. `work` is the working directory of every run.
pub(crate) struct TestDir {
    root: tempfile::TempDir,
    /// Real path, so that what programs print can be recognised.
    path: PathBuf,
}

/// How a run ended and what it printed, with the directory's path replaced by `[ROOT]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The exit code; 128 + N where signal N ended it, as shells say it.
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A run of `seal` to be.
pub(crate) struct Seal<'d> {
    command: Command,
    stdin: Vec<u8>,
    directory: &'d TestDir,
}

impl TestDir {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap();
        fs::create_dir(path.join("home")).unwrap();
        fs::create_dir(path.join("work")).unwrap();
        Self { root, path }
    }

    /// A path below the working directory.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.path.join("work").join(relative)
    }

    /// A path below the home directory.
    pub(crate) fn home(&self, relative: &str) -> PathBuf {
        self.path.join("home").join(relative)
    }

    /// Writes a file below the working directory, and the directories to it.
    pub(crate) fn write(&self, relative: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// All files below the working directory in order, hidden ones included, those of git not.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![self.path("")];
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    if path.file_name().is_some_and(|name| name != ".git") {
                        left.push(path);
                    }
                } else {
                    let name = path.strip_prefix(self.path("")).unwrap();
                    found.push(name.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    /// Prepares a run in the working directory. The environment holds nothing of the tester's but `PATH`.
    pub(crate) fn seal(&self, arguments: &[&str]) -> Seal<'_> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seal"));
        command
            .args(arguments)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home(""))
            .env("TMPDIR", self.root.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            // A repository that the temporary directory may lie in is none of the test's business.
            .env("GIT_CEILING_DIRECTORIES", &self.path);
        Seal { command, stdin: Vec::new(), directory: self }
    }

    /// Replaces what differs from run to run.
    pub(crate) fn normalise(&self, text: &str) -> String {
        text.replace(self.path.to_str().unwrap(), "[ROOT]")
    }
}

impl Seal<'_> {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    #[allow(dead_code, reason = "used by the tests of encrypt and decrypt")]
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn run(mut self) -> Run {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = self.stdin;
        let writing = std::thread::spawn(move || {
            // A run that fails before it reads closes the pipe.
            let _ = stdin.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        let status = output.status;
        Run {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap()),
            stdout: output.stdout,
            stderr: self.directory.normalise(&String::from_utf8(output.stderr).unwrap()),
        }
    }
}

impl Run {
    /// stdout as text.
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Compares exit code, stdout and stderr with `golden/NAME.txt`.
    #[track_caller]
    pub(crate) fn golden(&self, name: &str) {
        let text = format!(
            "exit code: {}\n--- stdout\n{}--- stderr\n{}",
            self.code,
            self.out(),
            self.stderr
        );
        golden(name, &text);
    }
}

/// Compares a text with `golden/NAME.txt`, or writes that file if `SEAL_BLESS` is set.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/cli/golden")
        .join(format!("{name}.txt"));
    if std::env::var_os("SEAL_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        expected,
        text,
        "differs from {} (expected left, found right); if that is meant, run with SEAL_BLESS=1",
        file.display()
    );
}
