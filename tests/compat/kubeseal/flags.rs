//! How the command line and the environment are read.

use super::{Kubeseal, SECRET};

#[test]
fn help_and_version_need_nothing_and_end_with_0() {
    let kubeseal = Kubeseal::new();
    crate::golden::golden("compat", "kubeseal-help", &kubeseal.done("--help", ""));
    assert_eq!(kubeseal.done("-h", ""), kubeseal.done("--help", ""));
    let version = kubeseal.done("--version", "");
    assert!(version.starts_with("kubeseal version: v0."), "{version}");
}

#[test]
fn help_lines_fit_a_terminal() {
    let help = Kubeseal::new().done("--help", "");
    let longest = help.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 110, "{longest}");
}

#[test]
fn unknown_flags_are_errors_with_the_words_of_pflag() {
    let kubeseal = Kubeseal::new();
    for (line, expected) in [
        ("--bogus", "unknown flag: --bogus"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("--cert", "flag needs an argument: --cert"),
        ("-o", "flag needs an argument: 'o' in -o"),
    ] {
        let error = kubeseal.failed(line, SECRET);
        assert_eq!(error.lines().next().unwrap(), format!("error: {expected}"));
    }
}

#[test]
fn variables_stand_for_flags_and_flags_win() {
    let kubeseal = Kubeseal::new()
        .env("SEALED_SECRETS_CERT", "sealing-cert.pem")
        .env("SEALED_SECRETS_FORMAT", "yaml");
    assert!(kubeseal.done("", SECRET).starts_with("---\n"));
    assert!(kubeseal.done("-o json", SECRET).starts_with("{\n"));
}

#[test]
fn flags_of_klog_are_taken() {
    let kubeseal = Kubeseal::new();
    kubeseal.done("--cert sealing-cert.pem -v 9 --logtostderr --stderrthreshold=2 --v=1", SECRET);
}

#[test]
fn what_is_no_flag_is_passed_over_aloud() {
    let run = Kubeseal::new().run("--cert sealing-cert.pem secret.yaml", SECRET);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("\"secret.yaml\" is ignored"), "{}", run.stderr);
}

#[test]
fn the_verb_of_seal_is_the_same_program() {
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["kubeseal", "--version"])
        .output()
        .unwrap();
    assert!(run.stdout.starts_with(b"kubeseal version: v0."));
}
