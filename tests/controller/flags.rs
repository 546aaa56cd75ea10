//! The command line of `seal-controller`, without a cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs it without anything in its environment but this.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seal-controller"))
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("seal-controller starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn prints_its_version_as_upstream_does() {
    let output = run(&["--version"], &[]);
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        concat!("controller version: v", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn prints_the_definitions_of_its_kinds() {
    let output = run(&["crd"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let definition: serde_json::Value =
        serde_yaml::from_slice(&output.stdout).expect("one document");
    assert_eq!(definition["kind"], "CustomResourceDefinition");
    assert_eq!(definition["metadata"]["name"], "sealedsecrets.bitnami.com");
}

#[test]
fn what_cannot_be_understood_ends_with_code_2_and_is_named() {
    for (arguments, environment, says) in [
        (&["--key-renew-period=30d"][..], &[][..], "--key-renew-period"),
        (&[], &[("SEALED_SECRETS_LOG_FORMAT", "xml")], "SEALED_SECRETS_LOG_FORMAT"),
        (&["--no-such-flag"], &[], "--no-such-flag"),
        (&["install"], &[], "install"),
    ] {
        let output = run(arguments, environment);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_and_documentation_have_the_same_flags_and_defaults() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/controller-api.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let documented: BTreeMap<&str, &str> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `--")?.split('|').map(str::trim);
            Some((cells.next()?.trim_end_matches('`'), cells.next()?.trim_matches('`')))
        })
        .collect();
    let output = run(&["--help"], &[]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    let mut found = BTreeMap::new();
    let mut flag = None;
    for line in help.lines().map(str::trim) {
        // The short form of help stands before the long one.
        if let Some(rest) = line.strip_prefix("-h, ").unwrap_or(line).strip_prefix("--") {
            flag = rest.split([' ', '[', '=']).next();
            found.insert(flag.unwrap_or_default().to_owned(), String::new());
        }
        if let (Some(name), Some((_, rest))) = (flag, line.split_once("[default: ")) {
            let default = rest.split(']').next().unwrap_or_default().trim_matches('"');
            found.insert(name.to_owned(), default.to_owned());
        }
    }
    found.remove("help");
    // It has none that would mean anything.
    found.insert("version".to_owned(), String::new());
    let found: BTreeMap<&str, &str> =
        found.iter().map(|(flag, default)| (&**flag, &**default)).collect();
    assert_eq!(found, documented);
}
