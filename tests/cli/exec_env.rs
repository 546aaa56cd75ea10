//! `seal exec-env`

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::TestDir;
use crate::harness::not_run::not_run;
use crate::keys;
use crate::manifests::{CONFIG_MAP, SECRET, stream};
use crate::sops::Sops;

const TYPES: &str = "\
text: hunter2
number: 42
octal: 0777
float: 2.0
large: 1e21
small: 1e-7
flag: TRUE
nothing: null
empty: \"\"
day: 2024-01-01
lines: |
  one hunter2
  two
anchored_unencrypted: &a again
alias_unencrypted: *a
";
const NESTED: &str = "db:\n  user: hunter2\n  ports: [1, 2]\ntop: x\n";

/// Encrypted files, whole but for the manifests.
fn encrypted(files: &[(&str, &str)]) -> TestDir {
    let directory = TestDir::with(files);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let mut arguments = vec!["encrypt", "-i"];
    arguments.extend(files.iter().map(|(name, _)| *name));
    directory.done(&arguments);
    directory
}

/// What `env -0` printed, as sorted lines; line breaks of values are shown as `|`.
fn variables(text: &str) -> Vec<String> {
    let mut lines: Vec<_> =
        text.replace('\n', "|").split_terminator('\0').map(Into::into).collect();
    lines.sort();
    lines
}

#[test]
fn values_become_variables_as_sops_prints_them() {
    let directory = encrypted(&[("a.yaml", TYPES)]);
    let run = directory.done(&["exec-env", "--pristine", "a.yaml", "--", "/usr/bin/env", "-0"]);
    assert_eq!(
        variables(run.out()),
        [
            "alias_unencrypted=again",
            "anchored_unencrypted=again",
            "day=2024-01-01T00:00:00Z",
            "empty=",
            "flag=true",
            "float=2.0",
            "large=1E+21",
            "lines=one hunter2|two|",
            "nothing=",
            "number=42",
            "octal=511",
            "small=1E-07",
            "text=hunter2",
        ]
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn the_environment_is_kept_and_the_file_wins() {
    let directory = encrypted(&[("a.yaml", "A: file\nB: hunter2\n")]);
    let script = "A=outer C=outer seal exec-env a.yaml -- sh -c 'echo $A $B $C'";
    assert_eq!(directory.bash(script).out(), "file hunter2 outer\n");
}

#[test]
fn two_words_are_a_file_and_a_text_for_the_shell() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let run = directory.done(&["exec-env", "a.yaml", "echo \"$A\" | tr 2 3"]);
    assert_eq!(run.out(), "hunter3\n");
    // No shell behind `--`.
    let run = directory.done(&["exec-env", "a.yaml", "--", "echo", "$A"]);
    assert_eq!(run.out(), "$A\n");
    directory.seal(&["exec-env", "a.yaml"]).run().golden("exec-env-without-a-command");
    directory.seal(&["exec-env", "a.yaml", "b", "c"]).run().golden("exec-env-without-dashes");
}

#[test]
fn of_several_files_the_later_wins_and_documents_of_one_must_agree() {
    let two = "A: one\nB: hunter2\n---\nC: three\nB: hunter2\n";
    let directory =
        encrypted(&[("a.yaml", two), ("b.yaml", "A: two\n"), ("c.yaml", "A: 1\n---\nA: 2\n")]);
    let run = directory.done(&["exec-env", "a.yaml", "b.yaml", "--", "sh", "-c", "echo $A $B $C"]);
    assert_eq!(run.out(), "two hunter2 three\n");
    directory.seal(&["exec-env", "c.yaml", "true"]).run().golden("exec-env-two-values-for-a-name");
    let run = directory.done(&["exec-env", "--document", "1", "c.yaml", "echo $A"]);
    assert_eq!(run.out(), "2\n");
}

#[test]
fn the_values_of_secrets_become_variables_and_nothing_else_of_a_manifest() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  TOKEN: aHVudGVyMgo=\n  BOTH: eA==\nstringData:\n  BOTH: y\n";
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        secret.trim_end().replace('\n', "\n  ") + "\n"
    );
    for text in [stream(&[CONFIG_MAP, secret]), list] {
        let directory = TestDir::with(&[("a.yaml", &text)]);
        directory.done(&["encrypt", "-i", "a.yaml"]);
        let run = directory.done(&["exec-env", "--pristine", "a.yaml", "--", "/usr/bin/env", "-0"]);
        assert_eq!(variables(run.out()), ["BOTH=y", "TOKEN=hunter2|"]);
    }
    let directory =
        TestDir::with(&[("a.yaml", CONFIG_MAP), ("b.yaml", &stream(&[SECRET, CONFIG_MAP]))]);
    directory.done(&["encrypt", "-i", "b.yaml"]);
    directory.seal(&["exec-env", "a.yaml", "env"]).run().golden("exec-env-no-secret");
}

#[test]
fn nested_values_need_a_rule_for_their_names() {
    let directory = encrypted(&[("a.yaml", NESTED)]);
    directory.seal(&["exec-env", "a.yaml", "env"]).run().golden("exec-env-nested");
    let env = ["--", "/usr/bin/env", "-0"];
    let run = |options: &[&str]| {
        let arguments = [&["exec-env", "--pristine"], options, &["a.yaml"], &env[..]].concat();
        variables(directory.done(&arguments).out())
    };
    assert_eq!(run(&["--flatten"]), ["db_ports_0=1", "db_ports_1=2", "db_user=hunter2", "top=x"]);
    assert_eq!(
        run(&["--flatten=__", "--prefix", "APP_"]),
        ["APP_db__ports__0=1", "APP_db__ports__1=2", "APP_db__user=hunter2", "APP_top=x"]
    );
}

#[test]
fn what_cannot_be_a_variable_is_refused_by_its_path() {
    for (name, text) in [
        ("name-with-equals", "\"A=B\": hunter2\n"),
        ("empty-name", "\"\": hunter2\n"),
        ("nul-byte", "A: \"hunter2\\0\"\n"),
        ("loader", "LD_PRELOAD: /tmp/hunter2.so\n"),
    ] {
        let directory = encrypted(&[("a.yaml", text)]);
        directory.seal(&["exec-env", "a.yaml", "env"]).run().golden(&format!("exec-env-{name}"));
    }
    let directory = encrypted(&[("a.yaml", "BASH_ENV: x\n")]);
    let run = directory.done(&["exec-env", "--allow-loader-variables", "a.yaml", "echo $BASH_ENV"]);
    assert_eq!(run.out(), "x\n");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {A: hunter2!}\n";
    let directory = encrypted(&[("a.yaml", secret)]);
    directory.seal(&["exec-env", "a.yaml", "env"]).run().golden("exec-env-no-base64");
}

#[test]
fn a_file_does_not_decide_which_program_runs_or_what_an_interpreter_loads() {
    for name in ["PATH", "NODE_OPTIONS", "PYTHONPATH", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS"] {
        let directory = encrypted(&[("a.yaml", &format!("{name}: /tmp/hunter2\n"))]);
        let run = directory.seal(&["exec-env", "a.yaml", "--", "/bin/sh", "-c", "touch ran"]).run();
        assert_eq!(run.code, 3, "{name}: {}", run.stderr);
        assert!(!directory.path("ran").exists(), "{name}");
    }
    // Many programs have a setting of this name, and only shells at a terminal load it.
    let directory = encrypted(&[("a.yaml", "ENV: production\n")]);
    assert_eq!(directory.done(&["exec-env", "a.yaml", "echo $ENV"]).out(), "production\n");
}

#[test]
fn nothing_runs_unless_all_files_are_verified() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n"), ("b.yaml", "B: hunter2\n")]);
    let damaged = directory.read("b.yaml").replace("data:", "data:A");
    directory.write("b.yaml", damaged);
    let run = directory.seal(&["exec-env", "a.yaml", "b.yaml", "--", "touch", "ran"]).run();
    assert_eq!((run.code, directory.path("ran").exists()), (3, false));
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    for (command, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -9 $$", 137),
    ] {
        for options in [&["exec-env"][..], &["exec-env", "--same-process"]] {
            let run = directory.seal(&[options, &["a.yaml", command]].concat()).run();
            assert_eq!((run.code, run.stderr.as_str()), (code, ""), "{command}");
        }
    }
    let run = directory.seal(&["exec-env", "a.yaml", "--", "no-such-program"]).run();
    run.golden("exec-env-no-program");
    assert_eq!(run.code, 127);
    assert_eq!(directory.seal(&["exec-env", "a.yaml", "--", "./a.yaml"]).run().code, 126);
}

#[test]
fn the_same_process_becomes_the_command() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let mut command = directory
        .seal(&["exec-env", "--same-process", "a.yaml", "--", "sh", "-c", "echo $$ $A"])
        .command();
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{id} hunter2\n"));
}

#[test]
fn in_the_background_nobody_waits() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let run = directory
        .seal(&["exec-env", "--background", "a.yaml", "sleep 0.3; echo $A > out; exit 9"])
        .run();
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("warning: `--background`"), "{}", run.stderr);
    for _ in 0..100 {
        if directory.path("out").exists() && directory.read("out") == "hunter2\n" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the command did not run to its end");
}

/// A command that says when it is ready, and then each signal that it gets.
const LISTENER: &str = "
for signal in INT TERM HUP QUIT USR1 USR2; do trap \"echo $signal\" $signal; done
echo ready
until [ -e end ]; do sleep 0.02; done
exit 4";

fn started(directory: &TestDir, verb: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command =
        directory.seal(&[verb, "a.yaml", "--", "bash", "-c", LISTENER, "{}"]).command();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    // A group of its own, as shells give it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(line(&mut lines), "ready");
    (child, lines)
}

fn line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn signals_are_passed_on_to_the_command() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    for verb in ["exec-env", "exec-file"] {
        let (mut child, mut lines) = started(&directory, verb);
        let id = Pid::from_child(&child);
        for (signal, name) in [
            (Signal::INT, "INT"),
            (Signal::TERM, "TERM"),
            (Signal::HUP, "HUP"),
            (Signal::QUIT, "QUIT"),
            (Signal::USR1, "USR1"),
            (Signal::USR2, "USR2"),
        ] {
            kill_process(id, signal).unwrap();
            assert_eq!(line(&mut lines), name);
        }
        directory.write("end", "");
        assert_eq!(child.wait().unwrap().code(), Some(4));
        fs::remove_file(directory.path("end")).unwrap();
    }
}

#[test]
fn what_the_terminal_sends_reaches_the_command_once() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    // python3 has what it takes to type at a terminal.
    let script = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("seal", ["seal", "exec-env", "a.yaml", "--", "bash", "-c",
        "n=0; trap 'n=$((n+1))' INT; echo ready; read -t 1 x; read -t 1 x; read -t 1 x; echo got $n"])
text = b""
def until(word):
    global text
    while word not in text:
        text += os.read(terminal, 1024)
until(b"ready")
os.write(terminal, b"\x03")
until(b"got ")
try:
    while data := os.read(terminal, 1024):
        text += data
except OSError:
    pass
sys.stdout.write(text.decode().split("got ")[1].strip()[:1])
"#;
    directory.write("type.py", script);
    let run = directory.bash("python3 type.py");
    if run.stderr.contains("python3: command not found") {
        return not_run("what_the_terminal_sends_reaches_the_command_once", "python3 is missing");
    }
    assert_eq!((run.out(), run.stderr.as_str()), ("1", ""));
}

#[test]
fn the_command_gets_its_own_limit_of_core_dumps() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let run =
        directory.bash("ulimit -Sc; ulimit -Hc; seal exec-env a.yaml 'ulimit -Sc; ulimit -Hc'");
    let lines: Vec<_> = run.out().lines().collect();
    assert_eq!((lines.len(), &lines[..2]), (4, &lines[2..]));
}

#[test]
fn the_plaintext_reaches_no_file() {
    let directory = encrypted(&[("a.yaml", "A: hunter2 once\n")]);
    let before = directory.files();
    let run = directory.done(&["exec-env", "a.yaml", "ls -A \"$TMPDIR\""]);
    assert_eq!(directory.files(), before);
    assert_eq!(run.out(), "home\nwork\n");
}

#[test]
fn another_user_has_that_users_groups_and_home() {
    const NAME: &str = "another_user_has_that_users_groups_and_home";
    if !rustix::process::geteuid().is_root() {
        return not_run(NAME, "only root can become another user");
    }
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let Some(line) = passwd.lines().find(|line| line.starts_with("nobody:")) else {
        return not_run(NAME, "there is no user nobody");
    };
    let fields: Vec<_> = line.split(':').collect();
    for options in [&["--user", "nobody"][..], &["--user", "nobody", "--same-process"]] {
        let command = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME $A";
        let run = directory.done(&[&["exec-env"], options, &["a.yaml", command]].concat());
        let lines: Vec<_> = run.out().lines().collect();
        assert_eq!(lines[..2], [fields[2], fields[3]]);
        assert!(!lines[2].split(' ').any(|group| group == "0"), "{}", lines[2]);
        assert_eq!(lines[3], format!("{} nobody nobody hunter2", fields[5]));
    }
    directory
        .seal(&["exec-env", "--user", "no-such-user", "a.yaml", "id"])
        .run()
        .golden("exec-env-no-user");
}

#[test]
fn only_root_can_become_another_user() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let run = directory.seal(&["exec-env", "--user", "root", "a.yaml", "id"]).unprivileged().run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("only root can run a command as another user"), "{}", run.stderr);
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let directory = encrypted(&[("a.yaml", "A: hunter2\n")]);
    let run = directory.bash("seal exec-env - 'echo $A' < a.yaml");
    assert_eq!((run.out(), run.code), ("hunter2\n", 0));
}

#[test]
fn variables_are_those_of_sops() {
    let directory = encrypted(&[("a.yaml", TYPES), ("b.env", "A=x\\ny\nexport B='q'\n#c\n")]);
    let Some(sops) = Sops::of(&directory, "variables_are_those_of_sops") else { return };
    for file in ["a.yaml", "b.env"] {
        let theirs = sops.run(&["exec-env", "--pristine", file, "/usr/bin/env -0"]);
        let ours = directory.done(&["exec-env", "--pristine", file, "/usr/bin/env -0"]);
        // The one difference that is meant.
        let theirs = variables(&theirs.replace("nothing=<nil>", "nothing="));
        assert_eq!(variables(ours.out()), theirs, "{file}");
    }
}
