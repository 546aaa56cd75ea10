//! The examples of the documentation, run as they stand there.
//!
//! A block ```` ```console ```` holds commands behind `$ ` and below each what it prints, stdout and stderr together.
//! `…` stands for any text within a line, a line `…` for any lines. Blocks of a page run one after the other in one
//! directory. Files come from blocks whose first line is `# file NAME`.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::{SECRET, TestDir};
use crate::vault_server::{ROOT, Vault};

/// The fenced blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            blocks.push((language.to_owned(), text.join("\n") + "\n"));
        }
    }
    blocks
}

/// Whether a text is what the page says, which may hold `…`.
fn fits(said: &str, found: &str) -> bool {
    let mut pattern = String::from("^");
    for line in said.lines() {
        match line.trim() {
            "…" => pattern.push_str(r"(?s:.*?\n)??"),
            _ => {
                let parts: Vec<_> = line.split('…').map(regex::escape).collect();
                pattern.push_str(&parts.join("[^\n]*?"));
                pattern.push('\n');
            }
        }
    }
    pattern.push('$');
    Regex::new(&pattern).unwrap().is_match(found)
}

#[track_caller]
fn check(page: &str) {
    check_with(page, "", &[]);
}

/// Each command runs behind `before`. Where the page has one text of a pair, the other stands while it is run: an
/// address of the page and one that is answered at.
#[track_caller]
fn check_with(page: &str, before: &str, pairs: &[(&str, &str)]) {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page)).unwrap();
    let text = pairs.iter().fold(text, |text, (said, run)| text.replace(said, run));
    let directory = TestDir::new();
    let mut commands = 0;
    for (language, block) in blocks(&text) {
        if let Some((name, file)) =
            block.strip_prefix("# file ").and_then(|rest| rest.split_once('\n'))
        {
            directory.write(name.trim(), file);
            continue;
        }
        if language != "console" {
            continue;
        }
        for part in block.split("\n$ ") {
            let part = part.strip_prefix("$ ").unwrap_or(part);
            let (command, said) = part.split_once('\n').unwrap_or((part, ""));
            let run = directory.bash(&format!("exec 2>&1; {before} {command}"));
            let found =
                run.out().replace(directory.home("").to_str().unwrap().trim_end_matches('/'), "~");
            let said = if said.is_empty() || said.ends_with('\n') {
                said.to_owned()
            } else {
                format!("{said}\n")
            };
            assert!(
                fits(&said, &found),
                "{page}: $ {command}\n--- the page says\n{said}--- it prints\n{found}"
            );
            commands += 1;
        }
    }
    assert!(commands > 0, "{page} has no example");
}

#[test]
fn the_examples_of_the_usage_page_do_what_they_say() {
    check("docs/usage.md");
}

#[test]
fn the_examples_of_the_page_on_formats_do_what_they_say() {
    check("docs/formats.md");
}

#[test]
fn the_examples_of_the_page_on_recipients_do_what_they_say() {
    check("docs/recipients.md");
}

#[test]
fn the_examples_of_the_page_on_values_do_what_they_say() {
    check("docs/values.md");
}

#[test]
fn the_examples_of_the_page_on_conversions_do_what_they_say() {
    check("docs/conversions.md");
}

#[test]
fn the_examples_of_the_page_on_master_keys_do_what_they_say() {
    check("docs/keys/README.md");
}

#[test]
fn the_examples_of_the_page_on_checks_do_what_they_say() {
    check("docs/check.md");
}

#[test]
fn the_examples_of_the_page_on_changes_do_what_they_say() {
    check("docs/editing.md");
}

#[test]
fn the_examples_of_the_page_on_commands_with_secrets_do_what_they_say() {
    check("docs/exec.md");
}

#[test]
fn what_the_page_on_kubeseal_says_is_so() {
    check("docs/kubeseal.md");
}

#[test]
fn the_examples_of_the_page_on_sops_do_what_they_say() {
    check("docs/sops.md");
}

#[test]
fn the_examples_of_the_page_on_vault_do_what_they_say() {
    let server = Vault::with_key();
    let before = format!("export VAULT_ADDR={} VAULT_TOKEN={ROOT};", server.url());
    check_with("docs/keys/vault.md", &before, &[("https://vault.example:8200", &server.url())]);
}

#[test]
fn the_examples_of_the_page_on_publishing_do_what_they_say() {
    let server = Vault::start();
    server.store("secret", 2);
    let before = format!("export VAULT_ADDR={} VAULT_TOKEN={ROOT};", server.url());
    check_with("docs/publish.md", &before, &[("https://vault.example:8200", &server.url())]);
}

#[test]
fn dots_stand_for_any_text() {
    assert!(fits("a…c\n…\nz\n", "abc\n1\n2\nz\n"));
    assert!(fits("…\nz\n", "z\n"));
    assert!(!fits("a…c\nz\n", "abc\ny\nz\n"));
    assert!(!fits("a\n", "a\nb\n"));
}

/// Every command of the README's block is one that exists, with options that exist.
#[test]
fn the_commands_of_the_readme_run() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let directory = TestDir::new();
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData: {{password: {SECRET}}}\n"
    );
    for name in
        ["umbrella-chart/.release/a.yaml", "umbrella-chart/.release/state.yaml", "secret.yaml"]
    {
        directory.write(name, &secret);
    }
    // Stand-ins for what is not ours.
    let bin = directory.home("bin");
    fs::create_dir(&bin).unwrap();
    for (name, script) in
        [("kapp", "cat \"$5\""), ("kubectl", "cat"), ("helm", "cat secret.yaml"), ("git", "true")]
    {
        let path =
            directory.write_home(&format!("bin/{name}"), &format!("#!/bin/bash\n{script}\n"));
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut run = 0;
    let block = blocks(&text).into_iter().find(|(_, block)| block.contains("seal init")).unwrap().1;
    for line in block.lines() {
        let command = line.split(" #").next().unwrap().replace('…', "x");
        let done = directory.bash(&format!("PATH={}:$PATH; {command}", bin.display()));
        assert_eq!(done.code, 0, "{command}: {}", done.stderr);
        run += 1;
    }
    assert!(run >= 5);
}
