//! `.sops.yaml` and the variables of SOPS, as the commands meet them.

use crate::harness::{SECRET as HUNTER2, TestDir};
use crate::keys::{self, COLLEAGUE, IDENTITY, RECIPIENT};
use crate::manifests::{API, SECRET, SERVICE, VALUES};

/// Runs `encrypt -i db.yaml` under these rules, compares, and sees that nothing was written.
#[track_caller]
fn refused(rules: &str, golden: &str) {
    let directory = TestDir::with(&[("db.yaml", SECRET), (".sops.yaml", rules)]);
    let run = directory.seal(&["encrypt", "-i", "db.yaml"]).run();
    run.golden(&format!("configuration/{golden}"));
    assert_ne!(run.code, 0);
    assert_eq!(directory.read("db.yaml"), SECRET);
}

fn rule(more: &str) -> String {
    format!("creation_rules:\n  - age: {RECIPIENT}\n{more}")
}

#[test]
fn rules_that_cannot_be_used() {
    refused("creation_rules: [\n", "broken");
    refused(&rule("    encrypted_regex: ^(data\n"), "invalid-regex");
    refused(&rule("    path_regex: '*.yaml'\n"), "invalid-path-regex");
    refused(&rule("    encrypted_regex: a\n    encrypted_suffix: b\n"), "two-selections");
    refused(&rule("    path_regex: ^prod/\n"), "no-rule");
    refused("creation_rules:\n  - mac_only_encrypted: true\n", "no-keys");
    refused("creation_rules:\n  - pgp: ABCDEF01\n", "pgp");
    refused(&format!("creation_rules:\n  - age: {IDENTITY}\n"), "identity");
    refused(
        &format!("creation_rules:\n  - age: {}\n", RECIPIENT.replace("p5lr5", "p5lr6")),
        "mistyped-recipient",
    );
    let groups = format!(
        "creation_rules:\n  - shamir_threshold: 4\n    key_groups:\n      - age: [{RECIPIENT}]\n      - age: [{COLLEAGUE}]\n      - age: [{COLLEAGUE}]\n"
    );
    refused(&groups, "key-groups");
    refused(&keys::rules("seal: {require_bond: true}\n"), "unknown-option");
    refused(&rule("    encrypted_regex: ^passwrod$\n"), "selects-nothing");
}

#[test]
fn no_rules_at_all() {
    let directory = TestDir::with(&[("db.yaml", SECRET), ("web.yaml", SERVICE)]);
    std::fs::remove_file(directory.path(".sops.yaml")).unwrap();
    directory.seal(&["encrypt", "-i", "db.yaml"]).run().golden("configuration/none");
    directory.done(&["encrypt", "-i", "web.yaml"]);
    directory.done(&["encrypt", "-i", "--age", RECIPIENT, "db.yaml"]);
    assert_eq!(directory.decrypted("db.yaml"), SECRET);
}

#[test]
fn a_failure_that_is_the_same_for_all_files_is_said_once() {
    let files = [("a/1.yaml", SECRET), ("a/2.yaml", API), (".sops.yaml", "creation_rules: [\n")];
    let directory = TestDir::with(&files);
    directory.seal(&["encrypt", "-i", "a"]).run().golden("configuration/broken-for-all");
    std::fs::remove_file(directory.path(".sops.yaml")).unwrap();
    directory.seal(&["encrypt", "-i", "a"]).run().golden("configuration/none-for-all");
}

#[test]
fn a_large_file_fails_for_the_same_reason_as_a_small_one() {
    // Large enough that its documents are worked on by several threads, which share one refusal.
    let stream = vec![SECRET; 800].join("---\n");
    let directory = TestDir::with(&[("all.yaml", &stream), (".sops.yaml", "")]);
    let run = directory.seal(&["encrypt", "-i", "all.yaml"]).run();
    run.golden("configuration/none");
}

#[test]
fn a_key_that_nobody_knows_is_a_warning() {
    let rules = rule("    encryted_regex: ^data$\n");
    let directory = TestDir::with(&[("db.yaml", SECRET), (".sops.yaml", &rules)]);
    std::fs::create_dir(directory.path("sub")).unwrap();
    directory.write("sub/.sops.yml", "");
    directory.write("sub/api.yaml", API);
    directory.seal(&["encrypt", "-i", "db.yaml", "sub"]).run().golden("configuration/warnings");
}

#[test]
fn path_regex_chooses_what_is_secret_and_for_whom() {
    let rules = format!(
        "creation_rules:\n  - path_regex: ^prod/\n    age: {COLLEAGUE}\n  - path_regex: values\\.yaml$\n    \
         age: {RECIPIENT}\n    encrypted_suffix: word\n  - age: {RECIPIENT}\n"
    );
    let files = [
        (".sops.yaml", rules.as_str()),
        ("prod/db.yaml", SECRET),
        ("app/values.yaml", VALUES),
        ("app/db.yaml", SECRET),
        ("app/Chart.yaml", "name: app\n"),
    ];
    let directory = TestDir::with(&files);
    directory.seal(&["encrypt", "-i", "."]).run().golden("configuration/path-regex");
    assert!(directory.read("prod/db.yaml").contains(COLLEAGUE));
    assert!(directory.read("app/values.yaml").contains("encrypted_suffix: word"));
    assert_eq!(directory.read("app/Chart.yaml"), "name: app\n");
    assert_eq!(directory.decrypted("app/values.yaml"), VALUES);
    assert_eq!(directory.decrypted("app/db.yaml"), SECRET);
}

#[test]
fn rules_are_those_nearest_to_the_file() {
    let directory = TestDir::with(&[("far/db.yaml", SECRET), ("near/db.yaml", SECRET)]);
    let near = format!("creation_rules:\n  - age: {COLLEAGUE}\n");
    directory.write("near/.sops.yaml", &near);
    directory.done(&["encrypt", "-i", "far", "near"]);
    assert!(directory.read("near/db.yaml").contains(COLLEAGUE));
    assert!(directory.read("far/db.yaml").contains(RECIPIENT));

    // `--config` and `SOPS_CONFIG` stand above all of them, and the option above the variable.
    let directory = TestDir::with(&[("db.yaml", SECRET), ("other.yaml", &near)]);
    let run = directory.seal(&["encrypt", "db.yaml"]).env("SOPS_CONFIG", "other.yaml").run();
    assert!(run.out().contains(COLLEAGUE), "{}", run.stderr);
    let run = directory.seal(&["encrypt", "--config", ".sops.yaml", "db.yaml"]);
    assert!(run.env("SOPS_CONFIG", "other.yaml").run().out().contains(RECIPIENT));
    let run = directory.seal(&["encrypt", "--config", "gone.yaml", "db.yaml"]).run();
    run.golden("configuration/config-not-found");
}

#[test]
fn recipients_come_from_the_option_then_the_variable_then_the_rule() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let recipients = |arguments: &[&str], variable: &str| {
        let run = directory.seal(arguments).env("SOPS_AGE_RECIPIENTS", variable).run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        [RECIPIENT, COLLEAGUE].map(|recipient| run.out().contains(recipient))
    };
    assert_eq!(recipients(&["encrypt", "db.yaml"], ""), [true, false]);
    assert_eq!(recipients(&["encrypt", "db.yaml"], COLLEAGUE), [false, true]);
    assert_eq!(recipients(&["encrypt", "--age", RECIPIENT, "db.yaml"], COLLEAGUE), [true, false]);
    let both = format!("{RECIPIENT}, {COLLEAGUE},");
    assert_eq!(recipients(&["encrypt", "db.yaml"], &both), [true, true]);
    assert_eq!(recipients(&["encrypt", "--age", &both, "db.yaml"], ""), [true, true]);
}

#[test]
fn recipients_that_cannot_be_used() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    // An empty variable of a script must not fall back to other recipients.
    directory.seal(&["encrypt", "--age", "", "db.yaml"]).run().golden("configuration/age-empty");
    directory
        .seal(&["encrypt", "--age", IDENTITY, "db.yaml"])
        .run()
        .golden("configuration/age-identity");
    let run =
        directory.seal(&["encrypt", "db.yaml"]).env("SOPS_AGE_RECIPIENTS", "age1nonsense").run();
    run.golden("configuration/variable-nonsense");
    let run = directory.seal(&["encrypt", "db.yaml"]).env("SOPS_PGP_FP", "ABCDEF").run();
    run.golden("configuration/variable-pgp");
    assert_eq!(directory.read("db.yaml"), SECRET);
}

#[test]
fn standard_input_goes_by_its_name_or_by_the_rules_for_everything() {
    let rules = format!("creation_rules:\n  - path_regex: ^prod/\n    age: {RECIPIENT}\n");
    let directory = TestDir::with(&[(".sops.yaml", &rules)]);
    directory.seal(&["encrypt"]).stdin(SECRET).run().golden("configuration/stdin-without-name");
    let named = ["encrypt", "--filename-override", "prod/db.yaml"];
    let run = directory.seal(&named).stdin(SECRET).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.out().contains(HUNTER2));
}

#[test]
fn options_of_our_own_set_the_scope_and_what_must_be_bound() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.write(".sops.yaml", keys::rules("seal:\n  scope: none\n"));
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let renamed = directory.read("db.yaml").replace("name: db", "name: other");
    directory.write("db.yaml", renamed);
    directory.done(&["decrypt", "db.yaml"]);

    let unbound = directory.read("db.yaml");
    directory.write(".sops.yaml", keys::rules("seal: {require_bound: true}\n"));
    directory.done(&["decrypt", "db.yaml"]);
    let stream = [("all.yaml", format!("{SERVICE}---\n{API}"))];
    directory.write(stream[0].0, &stream[0].1);
    directory.done(&["encrypt", "-i", "--layout", "sops", "all.yaml"]);
    directory.seal(&["decrypt", "all.yaml"]).run().golden("configuration/require-bound");
    assert_eq!(directory.read("db.yaml"), unbound);
}

#[test]
fn broken_rules_stop_no_decryption_unless_they_may_ask_for_something() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory.write(".sops.yaml", "creation_rules: [\n");
    let run = directory.seal(&["decrypt", "-i", "db.yaml"]).run();
    run.golden("configuration/decrypt-with-broken-rules");
    assert_eq!(directory.read("db.yaml"), SECRET);

    directory.write(".sops.yaml", keys::rules(""));
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory.write(".sops.yaml", keys::rules("seal: {require_bond: true}\n"));
    let run = directory.seal(&["decrypt", "db.yaml"]).run();
    run.golden("configuration/decrypt-with-broken-options");
    directory.done(&["decrypt", "--require-bound", "db.yaml"]);
    directory.done(&["decrypt", "--config", "/dev/null", "db.yaml"]);
}
