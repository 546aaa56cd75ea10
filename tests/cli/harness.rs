//! A throw-away directory to run `seal` in, and golden files to compare with.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::keys;

#[path = "../harness/golden.rs"]
mod goldens;
#[allow(clippy::print_stderr, reason = "says what did not run")]
#[path = "../harness/not_run.rs"]
pub(crate) mod not_run;

/// Stands in every secret of every input. No run may print it to stderr, as it is or in Base64.
pub(crate) const SECRET: &str = "hunter2";
/// [`SECRET`] in Base64, as far as it is the same whatever stands before and behind it.
const SECRET_IN_BASE64: [&str; 3] = ["aHVudGVy", "bnRl", "dW50ZXIy"];

/// A script that runs a line of the shell at a terminal and answers a question.
pub(crate) const AT_A_TERMINAL: &str = include_str!("at_a_terminal.py");

/// A directory with a home of its own. `work` is the working directory of every run. Nobody but root, and the user that
/// [`Seal::unprivileged`] runs as, gets into it.
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

    /// A directory whose home holds the identity [`keys::IDENTITY`], and whose working directory has the rules that
    /// `seal init` makes for it.
    pub(crate) fn ready() -> Self {
        let directory = Self::new();
        directory.write_home(".config/sops/age/keys.txt", &keys::key_file());
        directory.write(".sops.yaml", keys::rules(""));
        directory
    }

    /// Like [`Self::ready`], with these files: names and texts.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let directory = Self::ready();
        for (name, text) in files {
            directory.write(name, text);
        }
        directory
    }

    /// Writes a file below the home directory that only its owner may read.
    pub(crate) fn write_home(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.home(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
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

    #[track_caller]
    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Runs `seal` and expects it to succeed.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> Run {
        let run = self.seal(arguments).run();
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run
    }

    /// What a file of the working directory decrypts to.
    #[track_caller]
    pub(crate) fn decrypted(&self, relative: &str) -> String {
        self.done(&["decrypt", relative]).out().to_owned()
    }

    /// Runs git in the working directory, with no settings of the tester's.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(self.path("")).env("HOME", self.home(""));
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            git.env_remove(name);
        }
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "test")
                .env(format!("GIT_{who}_EMAIL"), "t@example.com");
        }
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Commits everything in the working directory.
    pub(crate) fn commit(&self) {
        if !self.path(".git").exists() {
            self.git(&["init", "-q", "-b", "main"]);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "test"]);
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
        command.args(arguments);
        self.prepared(command)
    }

    /// Runs a script of bash, as a user would type it; `seal` is on its PATH.
    #[track_caller]
    pub(crate) fn bash(&self, script: &str) -> Run {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-o", "pipefail", "-c", script]);
        let mut run = self.prepared(bash);
        let binary = Path::new(env!("CARGO_BIN_EXE_seal")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(binary).chain(std::env::split_paths(&path));
        run.command.env("PATH", std::env::join_paths(path).unwrap());
        run.run()
    }

    /// Runs a line of the shell with a terminal of its own and answers the question that it asks there; what is said
    /// goes to stdout. Nothing where there is no Python to do it.
    #[track_caller]
    pub(crate) fn at_a_terminal(
        &self,
        test: &str,
        line: &str,
        question: &str,
        answer: &str,
    ) -> Option<Run> {
        if Command::new("python3").arg("--version").output().is_err() {
            not_run::not_run(test, "no python3");
            return None;
        }
        self.write_home("at_a_terminal.py", AT_A_TERMINAL);
        Some(self.bash(&format!("python3 ~/at_a_terminal.py '{line}' '{question}' '{answer}'")))
    }

    fn prepared(&self, mut command: Command) -> Seal<'_> {
        command
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

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs as a user whom permissions stop: where the tests run as root, as another one, to whom the whole directory
    /// is given first. Everything has to be in it, the binary included.
    pub(crate) fn unprivileged(mut self) -> Self {
        const NOBODY: u32 = 65534;
        if rustix::process::geteuid().is_root() {
            let binary = self.directory.path.join("seal");
            // Another process copies: a test that forks meanwhile would hold the file open, and it could not be run.
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_seal")).arg(&binary).status();
            assert!(copied.unwrap().success());
            give(&self.directory.path, NOBODY);
            let mut command = Command::new(binary);
            command.args(self.command.get_args()).current_dir(self.directory.path("")).env_clear();
            for (name, value) in self.command.get_envs() {
                if let Some(value) = value {
                    command.env(name, value);
                }
            }
            command.uid(NOBODY).gid(NOBODY);
            self.command = command;
        }
        self
    }

    /// The command line as it would run, to be started by the test itself.
    pub(crate) fn command(self) -> Command {
        self.command
    }

    #[track_caller]
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
        let run = Run {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap()),
            stdout: output.stdout,
            stderr: self.directory.normalise(&String::from_utf8(output.stderr).unwrap()),
        };
        assert_no_secret(&run.stderr);
        run
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
            without_chance(self.out()),
            self.stderr
        );
        golden(name, &text);
    }
}

/// Fails where a text that is meant for people holds a secret of an input, or a private key.
#[track_caller]
pub(crate) fn assert_no_secret(text: &str) {
    for secret in SECRET_IN_BASE64.into_iter().chain([SECRET, "AGE-SECRET-KEY-1N"]) {
        assert!(!text.contains(secret), "`{secret}` is in:\n{text}");
    }
}

/// Replaces what is drawn by chance or tells the time in an encrypted text.
pub(crate) fn without_chance(text: &str) -> String {
    static CHANCE: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]*,tag:[^,\]]*,type:(\w+)\]", "ENC[$1]"),
            (
                r"( *)-----BEGIN AGE ENCRYPTED FILE-----(?s:.*?)-----END AGE ENCRYPTED FILE-----",
                "$1[WRAPPED DATA KEY]",
            ),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
            (r"version: 3[\d.]+", "version: [VERSION]"),
        ]
        .map(|(pattern, text)| (Regex::new(pattern).unwrap(), text))
    });
    let mut text = text.to_owned();
    for (pattern, replacement) in &*CHANCE {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

/// Makes a user the owner of a directory and of all below it.
fn give(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

/// Compares a text with `golden/NAME.txt`, or writes that file if `SEAL_BLESS` is set.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    goldens::golden("cli", name, text);
}
