use crate::harness::TestDir;

/// All that can be typed before `--help`.
const COMMANDS: &[&str] = &[
    "",
    "init",
    "encrypt",
    "decrypt",
    "get",
    "edit",
    "replace",
    "rotate",
    "bind",
    "check",
    "verify",
    "status",
    "set",
    "unset",
    "updatekeys",
    "keys",
    "keys list",
    "keys add",
    "keys remove",
    "groups",
    "groups add",
    "groups delete",
    "exec-env",
    "exec-file",
    "publish",
    "cert",
    "keyservice",
    "sops",
    "kubeseal",
    "completion",
];

#[test]
fn help_texts_are_what_they_are_agreed_to_be() {
    let directory = TestDir::new();
    for command in COMMANDS {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let run = directory.seal(&arguments).run();
        let name = if command.is_empty() { "seal" } else { command };
        run.golden(&format!("help-{}", name.replace(' ', "-")));
    }
}

#[test]
fn help_lines_fit_a_terminal() {
    let directory = TestDir::new();
    for command in COMMANDS {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = directory.seal(&arguments).run();
        let longest = help.out().lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 110, "{command}: {longest}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = TestDir::new().seal(&["--version"]).run();
    assert_eq!(run.out(), concat!("seal ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_pipe_that_nobody_reads_is_quiet() {
    let directory = TestDir::new();
    let script = format!("'{}' encrypt --help | true", env!("CARGO_BIN_EXE_seal"));
    let output = std::process::Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .current_dir(directory.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
