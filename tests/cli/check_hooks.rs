//! The hooks in `.pre-commit-hooks.yaml`, run on staged files as pre-commit runs them.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde::Deserialize;

use crate::harness::not_run::not_run;
use crate::harness::{SECRET, TestDir};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hook {
    id: String,
    name: String,
    description: String,
    entry: String,
    language: String,
    files: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn hooks() -> Vec<Hook> {
    let text = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

fn secret() -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  p: {SECRET}\n")
}

#[test]
fn each_hook_is_a_command_that_exists() {
    let directory = TestDir::new();
    let hooks = hooks();
    assert_eq!(
        hooks.iter().map(|hook| &*hook.id).collect::<Vec<_>>(),
        ["seal-check", "seal-verify"]
    );
    for hook in hooks {
        assert!(!hook.name.is_empty() && !hook.description.is_empty());
        assert_eq!(hook.language, "system");
        let run = directory.bash(&format!("{} --help", hook.entry));
        assert_eq!(run.code, 0, "{}: {}", hook.entry, run.stderr);
        let files = Regex::new(&hook.files).unwrap();
        for name in ["a.yaml", "b/c.yml", "d.json", "prod.env", ".sops.yaml", "e.ini"] {
            assert!(files.is_match(name), "{}: {name}", hook.id);
        }
        for name in ["README.md", "main.rs", "yaml", "a.yaml.tpl"] {
            assert!(!files.is_match(name), "{}: {name}", hook.id);
        }
    }
}

#[test]
fn a_commit_with_a_secret_in_clear_is_stopped() {
    let directory = TestDir::ready();
    directory.commit();
    // What pre-commit does: the entry, and behind it the names of the staged files that fit.
    let hook = &hooks()[0];
    let script = format!(
        "#!/bin/bash\nexport PATH={}:$PATH\ngit diff --cached --name-only -z --diff-filter=ACMR | grep -zE '{}' | xargs -0 -r {}\n",
        Path::new(env!("CARGO_BIN_EXE_seal")).parent().unwrap().display(),
        hook.files,
        hook.entry
    );
    let path = directory.write(".git/hooks/pre-commit", script);
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let commit = |message: &str| {
        directory.git(&["add", "-A"]);
        let who = "git -c user.name=t -c user.email=t@example.com";
        directory.bash(&format!("{who} commit -q -m {message}"))
    };
    directory.write("with space/a.yaml", secret());
    let run = commit("clear");
    assert_ne!(run.code, 0);
    let said = format!("{}{}", run.out(), run.stderr);
    assert!(said.contains("with space/a.yaml:2:1: error: Secret a: 1 value is in clear"), "{said}");
    directory.done(&["encrypt", "-i", "with space/a.yaml"]);
    directory.write("README.md", "text\n");
    let run = commit("encrypted");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn pre_commit_itself_runs_the_hooks() {
    let there = Command::new("pre-commit").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        return not_run("pre_commit_itself_runs_the_hooks", "pre-commit is not on PATH");
    }
    let directory = TestDir::ready();
    directory.write("a.yaml", secret());
    directory.commit();
    let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let local: String = hooks.lines().map(|line| format!("  {line}\n")).collect();
    directory.write(".pre-commit-config.yaml", format!("repos:\n- repo: local\n  hooks:\n{local}"));
    directory.git(&["add", "-A"]);
    let run = directory.bash("pre-commit run --all-files seal-check");
    assert_ne!(run.code, 0);
    assert!(run.out().contains("secret-in-clear"), "{}", run.out());
    directory.done(&["encrypt", "-i", "a.yaml"]);
    directory.git(&["add", "-A"]);
    let run = directory.bash("pre-commit run --all-files");
    assert_eq!(run.code, 0, "{}{}", run.out(), run.stderr);
}
