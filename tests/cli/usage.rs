use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::harness::TestDir;

/// Runs it and compares; wrong use always ends with code 2 and never writes to stdout.
#[track_caller]
fn refused(arguments: &[&str], golden: &str) {
    let directory = TestDir::new();
    let run = directory.seal(arguments).run();
    assert_eq!((run.code, run.out()), (2, ""));
    run.golden(golden);
    assert!(directory.files().is_empty());
}

#[test]
fn no_command_shows_what_there_is() {
    refused(&[], "usage-no-command");
}

#[test]
fn an_unknown_command_is_refused_with_a_similar_one() {
    refused(&["encrpyt"], "usage-unknown-command");
}

#[test]
fn an_unknown_type_is_refused_with_the_known_ones() {
    refused(&["encrypt", "--type", "env", "a.env"], "usage-unknown-type");
}

#[test]
fn two_selection_rules_are_refused() {
    let rules = ["encrypt", "--encrypted-regex", "x", "--unencrypted-suffix", "y"];
    refused(&rules, "usage-two-rules");
}

#[test]
fn in_place_and_output_are_refused_together() {
    refused(&["decrypt", "-i", "-o", "out.yaml", "in.yaml"], "usage-in-place-and-output");
}

#[test]
fn a_document_that_is_neither_number_nor_name_is_refused() {
    refused(&["get", "a.yaml", "x", "--document", "Secret"], "usage-document");
}

#[test]
fn an_option_cannot_drive_the_terminal() {
    refused(&["--\u{1b}]0;x\u{7}"], "usage-escape");
}

#[test]
fn an_argument_that_is_no_utf8_is_no_panic() {
    let directory = TestDir::new();
    let run = directory.seal(&["init"]).env("SOPS_CONFIG", OsStr::from_bytes(b"\xff")).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn options_of_sops_are_told_apart_from_mistyped_ones() {
    let directory = TestDir::ready();
    for (arguments, instead) in [
        (&["decrypt", "--extract", "[\"a\"]", "f"][..], "seal get FILE PATH"),
        (
            &["encrypt", "--ignore-mac", "f"],
            "`seal decrypt`, `seal edit`, `seal set` and `seal unset` have it",
        ),
        (&["-d", "f"], "seal decrypt FILE"),
        (&["-e", "f"], "seal encrypt FILE"),
        (&["-r", "f"], "seal rotate PATHS"),
        (&["f.yaml"], "seal edit FILE"),
        (&["rotate", "--rm-age", "age1", "f"], "seal keys remove"),
    ] {
        let run = directory.seal(arguments).run();
        assert_eq!((run.code, run.out()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(instead), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("tip:"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_limit_of_time_that_is_none_is_refused() {
    let directory = TestDir::ready();
    for command in ["encrypt", "decrypt"] {
        let run = directory.seal(&[command, "f.yaml"]).env("SEAL_KEY_TIMEOUT", "1m").run();
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("SEAL_KEY_TIMEOUT is no number of seconds above 0"));
    }
}
