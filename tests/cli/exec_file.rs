//! `seal exec-file`

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::not_run::not_run;
use crate::harness::{Seal, TestDir};
use crate::keys;

const TEXT: &str = "# as it was\nA:   hunter2\n";

fn encrypted() -> TestDir {
    let directory = TestDir::with(&[("a.yaml", TEXT)]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-i", "a.yaml"]);
    directory
}

/// A run whose private directory is where the test can see it, if the system lets it be there.
fn seal<'d>(directory: &'d TestDir, arguments: &[&str]) -> Seal<'d> {
    directory.seal(arguments).env("XDG_RUNTIME_DIR", directory.home(""))
}

/// Private directories that are there, wherever they may be.
fn left_by(run: &str) -> bool {
    std::path::Path::new(run.trim()).parent().unwrap().exists()
}

#[test]
fn the_command_reads_the_file_as_it_was() {
    let directory = encrypted();
    for command in ["cat {}", "cat {} {}", "cat {}; cat {}", "cp {} b; cat b; rm b"] {
        let run = directory.done(&["exec-file", "a.yaml", command]);
        let times = command.matches("cat {}").count().max(command.matches("{}").count());
        assert_eq!(
            (run.out(), run.stderr.as_str()),
            (TEXT.repeat(times).as_str(), ""),
            "{command}"
        );
    }
    let run = directory.done(&["exec-file", "a.yaml", "--", "cat", "{}"]);
    assert_eq!(run.out(), TEXT);
}

#[test]
fn it_is_a_pipe_in_a_private_directory_and_goes_with_the_command() {
    let directory = encrypted();
    let command = "stat -c '%F %a %u' {}; stat -c '%a' $(dirname {}); echo {}";
    let run = seal(&directory, &["exec-file", "a.yaml", command]).run();
    let lines: Vec<_> = run.out().lines().collect();
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(lines[..2], [format!("fifo 600 {user}"), "700".to_owned()]);
    assert!(lines[2].ends_with("/tmp-file"), "{}", lines[2]);
    assert!(!left_by(lines[2]));
}

#[test]
fn a_regular_file_goes_with_the_command_too() {
    let directory = encrypted();
    let command = "stat -c '%F %a' {}; cmp {} {} && echo same; echo {}; exit 6";
    let run = directory.seal(&["exec-file", "--no-fifo", "a.yaml", command]).run();
    let lines: Vec<_> = run.out().lines().collect();
    assert_eq!((run.code, &lines[..2]), (6, &["regular file 600", "same"][..]));
    assert!(!left_by(lines[2]));
}

#[test]
fn the_file_has_the_name_that_is_wanted() {
    let directory = encrypted();
    for name in ["tls.key", "sub/dir/x.yaml"] {
        for kind in [&["exec-file"][..], &["exec-file", "--no-fifo"]] {
            let arguments =
                [kind, &["--filename", name, "a.yaml", "cat {} >/dev/null; echo {}"]].concat();
            let run = directory.done(&arguments);
            assert!(run.out().trim_end().ends_with(&format!("/{name}")), "{}", run.out());
        }
    }
    let run = directory.seal(&["exec-file", "--filename", "../x", "a.yaml", "cat {}"]).run();
    run.golden("exec-file-name-outside");
}

#[test]
fn the_command_can_get_another_format() {
    let directory = encrypted();
    let run = directory.done(&["exec-file", "--output-type", "json", "a.yaml", "cat {}"]);
    assert_eq!(run.out(), "{\n\t\"A\": \"hunter2\"\n}\n");
    let run = directory.done(&["exec-file", "--output-type", "dotenv", "a.yaml", "cat {}"]);
    assert_eq!(run.out(), "# as it was\nA=hunter2\n");
}

#[test]
fn a_command_that_never_reads_is_not_waited_for_longer_than_it_runs() {
    let directory = encrypted();
    let start = Instant::now();
    assert_eq!(directory.seal(&["exec-file", "a.yaml", "exit 3 # {}"]).run().code, 3);
    directory.seal(&["exec-file", "a.yaml", "--", "true"]).run().golden("exec-file-without-place");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_reader_that_stops_early_stops_nothing() {
    let directory = TestDir::with(&[("a.yaml", &format!("A: {}\n", "hunter2 ".repeat(100_000)))]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let run = directory.done(&["exec-file", "a.yaml", "head -c 9 {}; wc -c < {}"]);
    assert_eq!(run.out(), "A: hunter800004\n");
}

#[test]
fn nothing_is_left_when_the_command_is_killed_or_we_are_told_to_stop() {
    let directory = encrypted();
    for kind in [&["exec-file"][..], &["exec-file", "--no-fifo"]] {
        let run = directory.seal(&[kind, &["a.yaml", "echo {}; kill -9 $$"]].concat()).run();
        assert_eq!((run.code, left_by(run.out())), (137, false));
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let command = "echo {}; exec sleep 60";
            let mut command = directory.seal(&[kind, &["a.yaml", command]].concat()).command();
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut path = String::new();
            let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
            std::io::BufRead::read_line(&mut out, &mut path).unwrap();
            assert!(left_by(&path));
            kill_process(Pid::from_child(&child), signal).unwrap();
            let status = child.wait().unwrap();
            assert_eq!((status.code(), status.signal()), (Some(128 + signal.as_raw()), None));
            assert!(!left_by(&path), "{path}");
        }
    }
}

#[test]
fn a_file_that_is_refused_runs_nothing() {
    let directory = encrypted();
    let damaged = directory.read("a.yaml").replace("data:", "data:A");
    directory.write("a.yaml", damaged);
    let run = directory.seal(&["exec-file", "a.yaml", "touch ran; cat {}"]).run();
    assert_eq!((run.code, run.out(), directory.path("ran").exists()), (3, "", false));
}

#[test]
fn the_file_belongs_to_the_user_that_the_command_runs_as() {
    if !rustix::process::geteuid().is_root() {
        return not_run(
            "the_file_belongs_to_the_user_that_the_command_runs_as",
            "only root can become another user",
        );
    }
    let directory = encrypted();
    for kind in [&["exec-file"][..], &["exec-file", "--no-fifo"]] {
        let command = "stat -c %U {}; cat {}";
        // The place of root's is none for another user.
        let arguments = [kind, &["--user", "nobody", "a.yaml", command]].concat();
        let run = seal(&directory, &arguments).env("TMPDIR", "/tmp").run();
        assert_eq!(
            (run.out(), run.code),
            (format!("nobody\n{TEXT}").as_str(), 0),
            "{}",
            run.stderr
        );
    }
}
