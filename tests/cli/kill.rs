//! A run that is ended in the middle leaves every file old or new, never torn.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::TestDir;
use crate::manifests::{CONFIG_MAP, stream};

const FILES: usize = 60;
const SIGKILL: i32 = 9;
const SIGINT: i32 = 2;

/// A plain file; every one is different, and long enough to be written in more than one moment.
fn text(number: usize) -> String {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s{number}\nstringData:\n  a: hunter2-{number}\n  b: |\n{}",
        "    hunter2 hunter2 hunter2\n".repeat(20)
    );
    stream(&[&secret, CONFIG_MAP])
}

/// Numbers that look like chance and are the same in every run (xorshift).
struct Delays(u64);

impl Delays {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_nanos(self.0 % (limit.as_nanos() as u64).max(1))
    }
}

fn plain() -> TestDir {
    let directory = TestDir::ready();
    restore(&directory);
    directory
}

fn restore(directory: &TestDir) {
    for number in 0..FILES {
        directory.write(&format!("r/{number}.yaml"), text(number));
    }
}

/// What a run over the directory takes, from its start to its end.
fn duration() -> Duration {
    let directory = plain();
    let start = Instant::now();
    directory.done(&["encrypt", "-q", "-i", "r"]);
    start.elapsed()
}

/// Starts a run over the directory and ends it after a while by a signal; returns whether that came before its end.
fn ended(directory: &TestDir, verb: &str, after: Duration, signal: i32) -> bool {
    let mut command = directory.seal(&[verb, "-q", "-i", "r"]).command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(after);
    let id = rustix::process::Pid::from_child(&child);
    let sent = if signal == SIGKILL {
        rustix::process::Signal::KILL
    } else {
        rustix::process::Signal::INT
    };
    // It may have ended by itself; it is not reaped yet, so the id is still its own.
    let _ = rustix::process::kill_process(id, sent);
    child.wait().unwrap().signal() == Some(signal)
}

/// Takes away what is there beside the sources; nothing of it may be secret and readable by others.
fn leftovers(directory: &TestDir) -> Vec<String> {
    let is_left = |name: &String| name.starts_with("r/") && !name.ends_with(".yaml");
    let left: Vec<_> = directory.files().into_iter().filter(is_left).collect();
    for name in &left {
        let mode = fs::metadata(directory.path(name)).unwrap().permissions().mode();
        let is_secret = directory.read(name).contains("hunter2");
        assert!(mode & 0o077 == 0 || !is_secret, "{name} has mode {mode:o}");
        fs::remove_file(directory.path(name)).unwrap();
    }
    left
}

/// How many files are new. Each one is the old text, or a new one that is whole.
fn new_files(directory: &TestDir) -> usize {
    let mut new = BTreeMap::new();
    for number in 0..FILES {
        let name = format!("r/{number}.yaml");
        let found = directory.read(&name);
        if found != text(number) {
            assert!(
                found.contains("sops:") && !found.contains("hunter2"),
                "{name} is neither old nor new"
            );
            new.insert(name, text(number));
        }
    }
    // One run verifies them all, and what it gives is compared; then they are as before.
    if !new.is_empty() {
        let names: Vec<_> = new.keys().map(String::as_str).collect();
        let run = directory.done(&[&["decrypt", "-q"], &names[..]].concat());
        let texts: Vec<_> = new.values().map(String::as_str).collect();
        assert_eq!(run.out(), stream(&texts));
    }
    for (name, text) in &new {
        directory.write(name, text);
    }
    new.len()
}

/// Narrows the time in which a run is ended to that in which it writes, whatever else the machine does.
fn adapt(limit: Duration, ended: bool, new: usize) -> Duration {
    match (ended, new) {
        (false, _) => limit * 9 / 10,
        (true, 0) => limit * 11 / 10,
        _ => limit,
    }
}

#[test]
fn a_killed_run_leaves_every_file_old_or_new() {
    let mut limit = duration();
    let directory = plain();
    let mut delays = Delays(0x5EA1_5EA1_5EA1_5EA1);
    let (mut killed, mut in_the_middle) = (0, 0);
    for _ in 0..100 {
        let ended = ended(&directory, "encrypt", delays.below(limit), SIGKILL);
        leftovers(&directory);
        let new = new_files(&directory);
        limit = adapt(limit, ended, new);
        killed += usize::from(ended);
        in_the_middle += usize::from((1..FILES).contains(&new));
    }
    // Otherwise this would prove nothing.
    assert!(killed >= 30 && in_the_middle >= 10, "killed {killed}, in the middle {in_the_middle}");
}

#[test]
fn a_killed_decryption_leaves_no_secret_to_others() {
    let limit = duration();
    let directory = plain();
    let mut delays = Delays(0xDEC2_5EA1_0000_0001);
    for number in 0..FILES {
        let path = directory.path(&format!("r/{number}.yaml"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    for _ in 0..20 {
        directory.done(&["encrypt", "-q", "-i", "r"]);
        ended(&directory, "decrypt", delays.below(limit), SIGKILL);
        leftovers(&directory);
        new_files(&directory);
    }
}

#[test]
fn an_interrupted_run_cleans_up_as_well() {
    let mut limit = duration();
    let directory = plain();
    let mut delays = Delays(0xC7A1_5EA1_0000_0001);
    let mut interrupted = 0;
    for _ in 0..20 {
        let ended = ended(&directory, "encrypt", delays.below(limit), SIGINT);
        assert_eq!(leftovers(&directory), Vec::<String>::new());
        limit = adapt(limit, ended, new_files(&directory));
        interrupted += usize::from(ended);
    }
    assert!(interrupted >= 5, "interrupted {interrupted}");
}
