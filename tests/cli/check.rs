use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::harness::{Run, SECRET, TestDir};
use crate::keys::{COLLEAGUE, RECIPIENT, rules};

const TOKEN: &str = "ghp_aZ3bY9cX7dW5eV1fU8gT2hS6iR4jQ0kL1mN8";

fn secret(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  password: {SECRET}\n"
    )
}

fn config_map() -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  token: {TOKEN}\n")
}

/// A directory as a repository has it: a Secret in clear, an encrypted one, a token, a template, a broken file.
fn repository() -> TestDir {
    let directory = TestDir::with(&[
        ("charts/app/clear.yaml", &secret("clear")),
        ("charts/app/db.yaml", &secret("db")),
        ("charts/app/config.yaml", &config_map()),
        ("charts/app/templates/service.yaml", "kind: Service\n{{- if .x }}\na: [\n{{- end }}\n"),
        ("charts/app/templates/secret.yaml", "kind: Secret\ndata:\n  {{- toYaml .x }}\n"),
        ("README.md", "nothing\n"),
    ]);
    directory.done(&["encrypt", "-i", "charts/app/db.yaml"]);
    directory
}

/// stdout as the object that `--json` prints.
fn object(run: &Run) -> Value {
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn a_tree_is_checked_and_each_finding_is_a_line() {
    let directory = repository();
    let run = directory.seal(&["check"]).run();
    run.golden("check/tree");
    assert_eq!(run.code, 5);
    // The same from elsewhere, by the names that were given.
    let run = directory.seal(&["check", "charts"]).run();
    assert_eq!(run.code, 5);
    assert!(run.out().starts_with("charts/app/clear.yaml:2:1: error: "), "{}", run.out());
}

#[test]
fn a_tree_has_no_binary_file_in_clear_that_a_rule_names_by_its_kind() {
    let config = format!(
        "creation_rules:\n- path_regex: '\\.(pem|ya?ml)$'\n  age: {RECIPIENT}\n- path_regex: ^secrets/\n  age: {RECIPIENT}\n- path_regex: id_rsa\n  age: {RECIPIENT}\n"
    );
    let directory = TestDir::with(&[
        (".sops.yaml", &config),
        (".sops.yml", &config),
        ("certs/a.pem", SECRET),
        ("certs/sealed.pem", SECRET),
        ("certs/id_rsa", SECRET),
        ("certs/README", "nothing\n"),
        // Named by nothing but where it stands.
        ("secrets/README", "nothing\n"),
    ]);
    directory.done(&["encrypt", "-i", "certs/sealed.pem"]);
    let run = directory.seal(&["check", "--json", "."]).run();
    let findings = object(&run)["findings"].as_array().unwrap().clone();
    let files: Vec<_> = findings.iter().map(|finding| finding["file"].as_str().unwrap()).collect();
    assert_eq!((run.code, files), (5, vec!["certs/a.pem", "certs/id_rsa"]), "{}", run.out());
    assert_eq!(object(&run)["skipped"], 3, "{}", run.out());
}

#[test]
fn a_clean_tree_is_quiet_on_stdout_and_ends_with_0() {
    let directory = TestDir::with(&[("a.yaml", &secret("a")), ("b.yaml", "a: 1\n")]);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let run = directory.seal(&["check", "."]).run();
    run.golden("check/clean");
    assert_eq!((run.code, run.out()), (0, ""));
}

#[test]
fn no_key_is_needed_or_asked_for() {
    let directory = repository();
    let with_key = directory.seal(&["check", "--json"]).run();
    let nobody = directory.seal(&["check", "--json"]).env("HOME", "/nonexistent").run();
    assert_eq!(with_key, nobody);
    std::fs::remove_file(directory.home(".config/sops/age/keys.txt")).unwrap();
    let trap = directory.write_home("trap.sh", "#!/bin/sh\ntouch asked\n");
    std::fs::set_permissions(&trap, PermissionsExt::from_mode(0o755)).unwrap();
    let run = directory.seal(&["check", "--json"]).env("SOPS_AGE_KEY_CMD", &trap).run();
    assert_eq!(run, with_key);
    assert!(!directory.path("asked").exists());
}

#[test]
fn warnings_alone_pass_unless_they_are_to_count() {
    let directory = TestDir::with(&[("c.yaml", &config_map())]);
    let run = directory.seal(&["check", "c.yaml"]).run();
    run.golden("check/warning");
    assert_eq!(run.code, 0);
    let run = directory.seal(&["check", "--strict", "c.yaml"]).run();
    assert_eq!(run.code, 5);
    assert!(run.out().contains(": error: "), "{}", run.out());
}

#[test]
fn a_kind_of_findings_can_be_left_out() {
    let directory = repository();
    let run = directory.seal(&["check", "--ignore", "secret-in-clear,template", "--strict"]).run();
    let lines: Vec<_> = run.out().lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("[token]"));
    let run = directory.seal(&["check", "--ignore", "secrets-in-clear"]).run();
    run.golden("check/unknown-rule");
    assert_eq!(run.code, 2);
}

#[test]
fn a_comment_in_the_file_says_that_a_finding_is_meant() {
    let allowed =
        secret("a").replace("Secret\n", "Secret # seal:allow secret-in-clear -- of a test\n");
    let directory = TestDir::with(&[("a.yaml", &allowed)]);
    assert_eq!(directory.seal(&["check"]).run().code, 0);
}

#[test]
fn standard_input_is_checked_by_the_rules_for_its_name() {
    let directory = TestDir::new();
    let rules = format!("creation_rules:\n- path_regex: ^secrets/\n  age: {RECIPIENT}\n");
    directory.write(".sops.yaml", rules);
    let text = format!("password: {SECRET}\n");
    let check = |arguments: &[&str]| {
        directory.seal(&[&["check", "-"], arguments].concat()).stdin(&*text).run()
    };
    assert_eq!(check(&[]).code, 0);
    let run = check(&["--filename-override", "secrets/a.yaml"]);
    assert_eq!(run.code, 5);
    assert!(
        run.out()
            .starts_with("<stdin>:1:1: error: [\"password\"]: 1 value that `unencrypted_suffix:"),
        "{}",
        run.out()
    );
    assert_eq!(check(&["--filename-override", "secrets/a.env"]).code, 5);
}

#[test]
fn an_empty_pipe_is_not_taken_for_a_clean_tree() {
    let directory = repository();
    // In CI standard input is no terminal.
    assert_eq!(directory.seal(&["check"]).stdin("").run().code, 5);
}

#[test]
fn the_object_for_machines_has_what_the_page_says() {
    let directory = repository();
    let run = directory.seal(&["check", "--json"]).run();
    assert_eq!(run.code, 5);
    let object = object(&run);
    assert_eq!(object["exit_code"], 5);
    assert_eq!(object["error_count"], 1);
    assert_eq!(object["warning_count"], 2);
    let first = &object["findings"][0];
    let keys: Vec<_> = first.as_object().unwrap().keys().collect();
    let expected =
        ["column", "file", "help", "line", "message", "object", "path", "rule", "severity"];
    assert_eq!(keys, expected);
    assert_eq!(first["file"], "charts/app/clear.yaml");
    assert_eq!(first["rule"], "secret-in-clear");
    assert_eq!(first["object"], "Secret clear");
    assert_eq!((&first["line"], &first["column"]), (&2.into(), &1.into()));
    assert!(!String::from_utf8_lossy(&run.stdout).contains(SECRET));
    assert!(!String::from_utf8_lossy(&run.stdout).contains(TOKEN));
}

#[test]
fn sarif_has_what_code_scanning_requires() {
    let directory = repository();
    directory.write("charts/a b.yaml", secret("x"));
    let run = directory.seal(&["check", "--format", "sarif"]).run();
    assert_eq!(run.code, 5);
    let log = object(&run);
    assert_eq!(log["version"], "2.1.0");
    let of_run = &log["runs"][0];
    let rules = of_run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(of_run["tool"]["driver"]["name"], "seal");
    assert!(rules.iter().all(|rule| rule["shortDescription"]["text"].is_string()));
    let results = of_run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        assert!(result["message"]["text"].is_string());
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
        assert!(!place["artifactLocation"]["uri"].as_str().unwrap().contains(' '));
    }
    assert_eq!(of_run["invocations"][0]["executionSuccessful"], true);
    assert!(!String::from_utf8_lossy(&run.stdout).contains(TOKEN));
    // To a file, what is said on the terminal stays as it is; with `--json` each has its own stream.
    let run = directory.seal(&["check", "--format", "sarif", "--output", "out.sarif"]).run();
    assert_eq!((run.code, run.out()), (5, ""));
    assert_eq!(serde_json::from_str::<Value>(&directory.read("out.sarif")).unwrap(), log);
    let run = directory.seal(&["check", "--format", "sarif", "--json"]).run();
    assert_eq!(object(&run), log);
    assert_eq!(serde_json::from_str::<Value>(&run.stderr).unwrap()["command"], "check");
}

#[test]
fn recipients_are_those_that_the_rule_names() {
    let directory = repository();
    let both = format!("{RECIPIENT},{COLLEAGUE}");
    directory.write(".sops.yaml", rules("").replace(RECIPIENT, &both));
    let run = directory.seal(&["check", "charts/app/db.yaml"]).run();
    run.golden("check/recipient-missing");
    assert_eq!(run.code, 5);
    directory.write(".sops.yaml", rules("").replace(RECIPIENT, COLLEAGUE));
    let run = directory.seal(&["check", "charts/app/db.yaml"]).run();
    let expected = format!("not for {COLLEAGUE}; also for {RECIPIENT} [recipients]\n");
    assert!(run.out().ends_with(&expected), "{}", run.out());
}

#[test]
fn rules_are_checked_themselves() {
    let directory = repository();
    for (name, rules) in [
        ("syntax", "creation_rules: [\n"),
        ("regex", "creation_rules:\n- encrypted_regex: '('\n"),
        ("recipient", "creation_rules:\n- age: age1x\n"),
        ("unknown", "creation_rules:\n- encryted_regex: ^data$\n"),
    ] {
        directory.write(".sops.yaml", rules);
        let run = directory.seal(&["check", ".sops.yaml"]).run();
        run.golden(&format!("check/rules-{name}"));
        // Where it is met, it is said once, whatever the number of files that it is for.
        let tree = directory.seal(&["check"]).run();
        let of_rules = tree.out().lines().filter(|line| line.starts_with(".sops.yaml")).count();
        assert_eq!(of_rules, run.out().lines().count(), "{name}: {}", tree.out());
    }
}

#[test]
fn what_cannot_be_read_fails_and_the_others_are_checked() {
    let directory = repository();
    directory.write("locked.yaml", secret("locked"));
    std::fs::set_permissions(directory.path("locked.yaml"), PermissionsExt::from_mode(0o000))
        .unwrap();
    directory.write("locked/a.yaml", secret("a"));
    std::fs::set_permissions(directory.path("locked"), PermissionsExt::from_mode(0o000)).unwrap();
    symlink("loop", directory.path("loop")).unwrap();
    symlink("..", directory.path("charts/up")).unwrap();
    let run = directory.seal(&["check"]).unprivileged().run();
    assert_eq!(run.code, 1);
    assert_eq!(run.out().lines().count(), 3, "{}", run.out());
    assert!(
        run.stderr.contains("locked.yaml") && run.stderr.contains("locked: "),
        "{}",
        run.stderr
    );
    let run = directory.seal(&["check", "--format", "sarif"]).unprivileged().run();
    let invocation = &object(&run)["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 2);
    std::fs::set_permissions(directory.path("locked"), PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_not_there_is_a_failure() {
    let directory = repository();
    for missing in ["nothing.yaml", "loop", "*.nothing"] {
        symlink("loop", directory.path("loop")).ok();
        assert_eq!(directory.seal(&["check", missing]).run().code, 1, "{missing}");
    }
}

#[test]
fn nothing_that_stands_in_a_file_stops_the_check() {
    let directory = TestDir::ready();
    let deep = format!("kind: Secret\na: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    for (name, text) in [
        ("empty.yaml", &b""[..]),
        ("comments.yaml", b"# Secret\n"),
        ("marker.yaml", b"---\n"),
        ("nul.yaml", b"a: \0\n"),
        ("latin1.yaml", b"kind: Secret # \xe9\n"),
        ("deep.yaml", deep.as_bytes()),
        ("list.yaml", b"- Secret\n"),
        ("keys.yaml", b"1: Secret\ntrue: x\n"),
        ("sops.yaml", b"sops: Secret\n"),
        ("empty.json", b""),
        ("list.json", b"[\"Secret\"]"),
        ("empty.env", b""),
        ("empty.ini", b""),
        ("empty.bin", b""),
    ] {
        directory.write(name, text);
        let run = directory.seal(&["check", "--json", name]).run();
        assert!([0, 5].contains(&run.code), "{name}: {} {}", run.code, run.stderr);
        object(&run);
    }
    assert_eq!(directory.seal(&["check"]).run().code, 5);
}

#[test]
fn the_page_lists_every_rule_with_its_severity_and_summary() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/check.md"));
    let page = page.unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for command in ["check", "verify"] {
        let run = TestDir::ready().seal(&[command, "--format", "sarif", "-"]).run();
        let log = object(&run);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(rules.len() >= 4);
        for rule in rules {
            let severity = rule["defaultConfiguration"]["level"].as_str().unwrap();
            let (id, summary) = (&rule["id"], &rule["shortDescription"]["text"]);
            let row = format!(
                "| `{}` | {severity} | {} |",
                id.as_str().unwrap(),
                summary.as_str().unwrap()
            );
            assert!(rows.contains(&&*row), "{row}");
        }
    }
}

#[test]
fn an_envelope_cannot_excuse_what_the_creation_rule_selects() {
    let directory = TestDir::with(&[("a.env", "A=hunter2\nB=hunter2\n")]);
    let rules = format!("creation_rules:\n- path_regex: \\.env$\n  age: {RECIPIENT}\n");
    directory.write(".sops.yaml", rules);
    let run = directory.done(&["encrypt", "--encrypted-regex", "^B$", "a.env"]);
    directory.write("a.env", &run.stdout);
    assert!(directory.read("a.env").starts_with("A=hunter2\n"));
    let run = directory.seal(&["check", "a.env"]).run();
    assert_eq!(run.code, 5, "{}", run.out());
    assert!(run.out().starts_with("a.env:1:1: error: "), "{}", run.out());
    assert!(run.out().ends_with("[rule-in-clear]\n"), "{}", run.out());
    assert_eq!(run.out().lines().count(), 1, "{}", run.out());
}
