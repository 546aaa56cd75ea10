//! The binary as `kubeseal`. What real kubeseal made of `secret.yaml` is in `tests/fixtures/kubeseal`, with the sealing
//! key; its output is compared byte for byte, but for ciphertexts, which are new each time.

mod cluster;
mod flags;
mod merging;
mod recovery;
mod sealing;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

/// A directory with the fixtures, in which `kubeseal` runs.
pub(crate) struct Kubeseal {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Kubeseal {
    /// Any look at the kubeconfig fails here: its text is none.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["home", "work", "bin"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_seal"), root.path().join("bin/kubeseal")).unwrap();
        for file in fs::read_dir(fixtures()).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, root.path().join("work").join(file.file_name().unwrap())).unwrap();
        }
        fs::write(root.path().join("home/garbage"), "{ not: [a kubeconfig").unwrap();
        let garbage = root.path().join("home/garbage").to_str().unwrap().to_owned();
        Self { root, variables: vec![("KUBECONFIG".to_owned(), garbage)] }
    }

    /// With a variable of the environment, or another value of one.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs it with this on standard input. Words are separated by blanks.
    pub(crate) fn run(&self, line: &str, stdin: &str) -> Run {
        let mut child = Command::new(self.root.path().join("bin/kubeseal"))
            .args(line.split_whitespace())
            .current_dir(self.path(""))
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A run that fails before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.root.path().to_str().unwrap(), "[ROOT]")
        };
        let stderr = text(output.stderr);
        for secret in ["hunter2", "aHVudGVyMg"] {
            assert!(!stderr.contains(secret), "{line}: {stderr}");
        }
        Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr }
    }

    /// Runs it and expects it to succeed.
    #[track_caller]
    pub(crate) fn done(&self, line: &str, stdin: &str) -> String {
        let run = self.run(line, stdin);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{line}");
        run.stdout
    }

    /// Runs it and expects it to fail; nothing may be on stdout.
    #[track_caller]
    pub(crate) fn failed(&self, line: &str, stdin: &str) -> String {
        let run = self.run(line, stdin);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{line}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{line}: {}", run.stderr);
        run.stderr
    }

    /// The plain Secret behind a SealedSecret, in YAML.
    #[track_caller]
    pub(crate) fn opened(&self, sealed: &str) -> String {
        self.done("--recovery-unseal --recovery-private-key sealing-key.yaml -o yaml", sealed)
    }

    /// A sealed value under this label's object, opened.
    #[track_caller]
    pub(crate) fn fixture(&self, name: &str) -> String {
        self.read(name)
    }
}

/// A text with `[SEALED]` in the places of ciphertexts.
pub(crate) fn masked(text: &str) -> String {
    let sealed = Regex::new("Ag[A-Za-z0-9+/]{700,}={0,2}").unwrap();
    sealed.replace_all(text, "[SEALED]").into_owned()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/kubeseal")
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {password: hunter2}\n";
