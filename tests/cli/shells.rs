//! `seal completion` and `seal man`, by the programs that read what they write.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::TestDir;
use crate::harness::not_run::not_run;

fn is_there(program: &str) -> bool {
    let mut run = Command::new(program);
    run.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// What bash completes to, for a line of words of which the last is being typed.
fn bash_completes(directory: &TestDir, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').collect();
    let script = format!(
        "source <(seal completion bash)
        COMP_WORDS=({}); COMP_CWORD={}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
        _seal seal '{}' '{}'
        printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        words.last().unwrap(),
        words[words.len() - 2],
    );
    let run = directory.bash(&script);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let mut found: Vec<_> = run.out().lines().map(Into::into).collect();
    found.sort();
    found
}

#[test]
fn bash_completes_verbs_options_values_and_files() {
    let directory = TestDir::with(&[("secret.yaml", "")]);
    assert_eq!(bash_completes(&directory, "seal exec-"), ["exec-env", "exec-file"]);
    let options = bash_completes(&directory, "seal exec-env --p");
    assert!(options.contains(&"--pristine".to_owned()), "{options:?}");
    assert_eq!(bash_completes(&directory, "seal completion z"), ["zsh"]);
    // Nothing of its own: bash then completes files.
    assert_eq!(bash_completes(&directory, "seal decrypt se"), [""]);
    let run = directory.bash("source <(seal completion bash); complete -p seal");
    assert!(run.out().contains("-o bashdefault -o default"), "{}", run.out());
    assert_eq!(bash_completes(&directory, "seal --color n"), ["never"]);
}

#[test]
fn each_shell_can_read_its_completions() {
    let directory = TestDir::new();
    for shell in ["bash", "zsh", "fish"] {
        if !is_there(shell) {
            not_run("each_shell_can_read_its_completions", &format!("{shell} is not installed"));
            continue;
        }
        let run = directory.bash(&format!("set -e; seal completion {shell} > s; {shell} -n s"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{shell}");
    }
}

#[test]
fn fish_completes_verbs_and_options() {
    if !is_there("fish") {
        return not_run("fish_completes_verbs_and_options", "fish is not installed");
    }
    let directory = TestDir::new();
    let run = directory.bash(
        "seal completion fish > s; fish --no-config -c 'source s; complete -C \"seal exec-\"; complete -C \"seal exec-env --prist\"'",
    );
    let words: Vec<_> = run.out().lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(words, ["exec-env", "exec-file", "--pristine"]);
}

#[test]
fn zsh_completes_verbs() {
    if !is_there("zsh") {
        return not_run("zsh_completes_verbs", "zsh is not installed");
    }
    let directory = TestDir::new();
    // The completion of zsh needs its line editor, so a terminal: the words are looked up in the function instead.
    let run = directory.bash(
        "mkdir f; seal completion zsh > f/_seal; zsh -f -c 'fpath=($PWD/f $fpath); autoload -U compinit; compinit -u -D; autoload +X _seal; echo ${_comps[seal]}; functions _seal_commands > /dev/null; source f/_seal 2>/dev/null; (( $+functions[_seal_commands] )) && echo there'",
    );
    assert_eq!(run.out(), "_seal\nthere\n", "{}", run.stderr);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let directory = TestDir::new();
    directory.done(&["man", "m/1"]);
    let pages: Vec<_> =
        directory.files().into_iter().map(|file| file.replace("m/1/", "")).collect();
    for name in ["seal.1", "seal-exec-env.1", "seal-decrypt.1", "seal-completion.1"] {
        assert!(pages.contains(&name.to_owned()), "{pages:?}");
    }
    assert!(!pages.contains(&"seal-man.1".to_owned()), "{pages:?}");
    let text = fs::read_to_string(directory.path("m/1/seal-exec-env.1")).unwrap();
    assert!(text.contains("\\-\\-pristine"), "{text}");
    if !is_there("man") {
        return not_run("the_manual_has_a_page_for_each_command", "man is not installed");
    }
    for page in &pages {
        let run =
            directory.bash(&format!("MANWIDTH=100 LC_ALL=C.UTF-8 man --warnings -l m/1/{page}"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{page}");
        assert!(run.out().contains("SYNOPSIS"), "{page}: {}", run.out());
    }
}
