//! `seal replace`, `seal rotate` and `seal bind`.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::harness::TestDir;
use crate::keys;
use crate::manifests::{CONFIG_MAP, SECRET, stream};

const VALUES: &str = "user: app-hunter2\npassword: hunter2\n";

fn values() -> TestDir {
    let directory = TestDir::with(&[("a.yaml", VALUES)]);
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    directory.done(&["encrypt", "-i", "a.yaml"]);
    directory
}

/// A `.sops.yaml` whose rule is for these recipients.
fn rules_for(recipients: &[&str]) -> String {
    format!("creation_rules:\n  - age: {}\n", recipients.join(","))
}

/// The whole release under SOPS's one envelope, written by `--layout sops`: unbound.
fn unbound() -> TestDir {
    let other = SECRET.replace("name: db", "name: other");
    let directory = TestDir::with(&[("a.yaml", &stream(&[SECRET, CONFIG_MAP, &other]))]);
    directory.done(&["encrypt", "-i", "--layout", "sops", "a.yaml"]);
    directory
}

fn lines_with<'t>(text: &'t str, part: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn replacing_keeps_what_is_the_same() {
    let directory = values();
    let before = directory.read("a.yaml");
    let inode = fs::metadata(directory.path("a.yaml")).unwrap().ino();
    let run = directory.seal(&["replace", "a.yaml"]).stdin(VALUES).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("replaced nothing, 1 unchanged"), "{}", run.stderr);
    assert_eq!(fs::metadata(directory.path("a.yaml")).unwrap().ino(), inode);

    directory.write("plain.yaml", VALUES.replace("password: hunter2", "password: 2-hunter2"));
    let run = directory.seal(&["replace", "a.yaml", "plain.yaml"]).run();
    run.golden("revision/replace");
    let after = directory.read("a.yaml");
    assert_eq!(lines_with(&before, "user:"), lines_with(&after, "user:"));
    assert_eq!(lines_with(&before, "enc:"), lines_with(&after, "enc:"));
    assert_ne!(lines_with(&before, "password:"), lines_with(&after, "password:"));
    assert_eq!(directory.decrypted("a.yaml"), directory.read("plain.yaml"));
}

#[test]
fn what_is_wrong_with_the_plaintext_is_said_of_it() {
    let directory = values();
    let before = directory.read("a.yaml");
    directory.write("plain.yaml", "a: hunter2\nb: [hunter2\n");
    directory.seal(&["replace", "a.yaml", "plain.yaml"]).run().golden("revision/replace-broken");
    directory.write("plain.yaml", &before);
    let run = directory.seal(&["replace", "a.yaml", "plain.yaml"]).run();
    assert!(run.code == 1 && run.stderr.contains("plain.yaml:"), "{}", run.stderr);
    for (arguments, stdin, code, message) in [
        (vec!["replace", "a.yaml"], "", 1, "there is nothing in it"),
        (vec!["replace", "plain.txt"], "a: b", 1, "no such file"),
        (vec!["replace", "-"], "a: b", 2, "standard input cannot be replaced"),
        (vec!["replace", "a.yaml", "no.yaml"], "", 1, "no such file"),
    ] {
        let run = directory.seal(&arguments).stdin(stdin).run();
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(directory.read("a.yaml"), before);
}

#[test]
fn an_altered_file_is_neither_replaced_nor_rotated_nor_bound() {
    let directory = values();
    let text = directory.read("a.yaml");
    let altered = text.replacen("user: ", "user2: ", 1);
    directory.write("a.yaml", &altered);
    for arguments in
        [&["replace", "a.yaml"][..], &["rotate", "-i", "a.yaml"], &["bind", "-i", "a.yaml"]]
    {
        let run = directory.seal(arguments).stdin(VALUES).run();
        assert_eq!(run.code, 3, "{arguments:?}: {}", run.stderr);
        assert_eq!(directory.read("a.yaml"), altered);
    }
}

#[test]
fn rotating_changes_every_ciphertext_and_no_value() {
    let directory = TestDir::with(&[
        ("r/a.yaml", &stream(&[SECRET, CONFIG_MAP])),
        ("r/b.yaml", SECRET),
        ("r/clear.yaml", CONFIG_MAP),
    ]);
    directory.done(&["encrypt", "-i", "r"]);
    let before = directory.read("r/a.yaml");
    let run = directory.done(&["rotate", "-i", "r"]);
    assert!(
        run.stderr.contains("rotated 2 files (6 secrets in 2 documents), 1 skipped"),
        "{}",
        run.stderr
    );
    let after = directory.read("r/a.yaml");
    for line in lines_with(&before, "ENC[") {
        assert!(!after.contains(line.trim()), "{line}");
    }
    assert_eq!(directory.decrypted("r/a.yaml"), stream(&[SECRET, CONFIG_MAP]));
}

#[test]
fn rotating_goes_to_a_file_or_to_stdout_as_well() {
    let directory = values();
    let before = directory.read("a.yaml");
    let run = directory.done(&["rotate", "a.yaml"]);
    assert!(run.out().contains("ENC[") && run.out() != before);
    directory.done(&["rotate", "-o", "b.yaml", "a.yaml"]);
    assert_eq!(directory.decrypted("b.yaml"), VALUES);
    let run = directory.seal(&["rotate"]).stdin(before.clone()).run();
    assert!(run.code == 0 && run.out().contains("ENC["), "{}", run.stderr);
    assert_eq!(directory.read("a.yaml"), before);
}

#[test]
fn rotating_wraps_for_the_recipients_of_the_rule() {
    let directory = values();
    directory.write(".sops.yaml", rules_for(&[keys::RECIPIENT, keys::COLLEAGUE]));
    directory.done(&["rotate", "-i", "a.yaml"]);
    assert_eq!(lines_with(&directory.read("a.yaml"), "recipient:").len(), 2);
}

#[test]
fn a_recipient_that_the_rule_does_not_name_has_to_be_accepted() {
    let directory = values();
    directory.write(".sops.yaml", rules_for(&[keys::RECIPIENT, keys::COLLEAGUE]));
    directory.done(&["rotate", "-i", "a.yaml"]);
    directory.write(".sops.yaml", rules_for(&[keys::RECIPIENT]));
    let before = directory.read("a.yaml");
    directory.seal(&["rotate", "-i", "a.yaml"]).run().golden("revision/rotate-stranger");
    assert_eq!(directory.read("a.yaml"), before);
    directory.done(&["rotate", "-i", "--accept-recipients", "a.yaml"]);
    assert_eq!(lines_with(&directory.read("a.yaml"), "recipient:").len(), 2);

    // Without any rule all are strangers.
    fs::remove_file(directory.path(".sops.yaml")).unwrap();
    assert_eq!(directory.seal(&["rotate", "-i", "a.yaml"]).run().code, 3);
    directory.done(&["rotate", "-i", "--accept-recipients", "a.yaml"]);
    assert_eq!(lines_with(&directory.read("a.yaml"), "recipient:").len(), 2);
}

#[test]
fn what_is_in_clear_is_not_rotated() {
    let directory = TestDir::with(&[("a.yaml", SECRET)]);
    for verb in ["rotate", "bind"] {
        let run = directory.seal(&[verb, "-i", "a.yaml"]).run();
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("nothing in it is encrypted"), "{}", run.stderr);
    }
    assert_eq!(directory.read("a.yaml"), SECRET);
}

#[test]
fn binding_shows_what_it_binds_and_draws_a_new_data_key() {
    let directory = unbound();
    let before = directory.read("a.yaml");
    directory.seal(&["bind", "--dry-run", "a.yaml"]).run().golden("revision/bind-dry-run");
    assert_eq!(directory.read("a.yaml"), before);
    directory.seal(&["bind", "-i", "a.yaml"]).run().golden("revision/bind");
    let after = directory.read("a.yaml");
    assert!(lines_with(&before, "ENC[").iter().all(|line| !after.contains(line.trim())));
    let run = directory.done(&["decrypt", "--require-bound", "a.yaml"]);
    assert!(run.out().contains("hunter2"));
    directory.seal(&["bind", "-i", "a.yaml"]).run().golden("revision/bind-again");
    assert_eq!(directory.read("a.yaml"), after);
}

#[test]
fn binding_takes_the_scope_that_is_asked_for() {
    for (scope, renamed) in [("name", 3), ("namespace", 0), ("none", 0)] {
        let directory = unbound();
        directory.done(&["bind", "-i", "--scope", scope, "a.yaml"]);
        directory.write("a.yaml", directory.read("a.yaml").replace("name: other", "name: another"));
        assert_eq!(directory.seal(&["decrypt", "a.yaml"]).run().code, renamed, "{scope}");
    }
}

#[test]
fn a_changed_file_stays_unbound_until_it_is_bound() {
    let directory = unbound();
    let plain = directory.decrypted("a.yaml").replace("level: debug", "level: info");
    let run = directory.seal(&["replace", "a.yaml"]).stdin(plain).run();
    assert!(run.stderr.contains("1 not bound (written by SOPS)"), "{}", run.stderr);
    assert_eq!(directory.seal(&["decrypt", "--require-bound", "a.yaml"]).run().code, 3);
    let run = directory.done(&["rotate", "-i", "a.yaml"]);
    assert!(run.stderr.contains("1 not bound (written by SOPS)"), "{}", run.stderr);
}

#[test]
fn a_disk_without_room_leaves_the_file_as_it_was() {
    let directory = values();
    directory.write("big.yaml", format!("a: {}\n", "hunter2 ".repeat(40_000)));
    directory.done(&["encrypt", "-i", "big.yaml"]);
    let before = directory.read("big.yaml");
    // No file may grow beyond 64 KiB: writing fails as it does on a full disk.
    let limited = |command: &str| directory.bash(&format!("trap '' XFSZ; ulimit -f 64; {command}"));
    for command in
        ["seal rotate -i big.yaml", "seal decrypt big.yaml | sed 's/$/x/' | seal replace big.yaml"]
    {
        let run = limited(command);
        assert_eq!(run.code, 1, "{command}: {}", run.stderr);
        assert!(run.stderr.contains("big.yaml: cannot be written"), "{command}: {}", run.stderr);
        assert_eq!(directory.read("big.yaml"), before);
    }
    assert!(directory.files().iter().all(|name| !name.ends_with(".tmp")));
}

#[test]
fn whoever_put_himself_among_the_recipients_is_named_before_something_is_put_into_the_file() {
    let directory = TestDir::with(&[("a.yaml", VALUES), ("plain.yaml", "user: hunter2\n")]);
    directory.write(".sops.yaml", rules_for(&[keys::RECIPIENT, keys::COLLEAGUE]));
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let planted = directory.read("a.yaml");
    directory.write(".sops.yaml", keys::rules_for_whole_files());
    let arguments: [&[&str]; 3] = [
        &["set", "a.yaml", "password", "--string", "hunter2-new"],
        &["replace", "a.yaml", "plain.yaml"],
        &["edit", "a.yaml"],
    ];
    for arguments in arguments {
        directory.write("a.yaml", &planted);
        let run = directory.seal(arguments).env("EDITOR", "true").run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        let warning = run.stderr.lines().find(|line| line.starts_with("warning: a.yaml: "));
        let warning = warning.unwrap_or_else(|| panic!("{arguments:?}: {}", run.stderr));
        assert!(warning.contains(keys::COLLEAGUE), "{warning}");
        assert!(!warning.contains(keys::RECIPIENT), "{warning}");
    }
    directory.write("a.yaml", VALUES);
    directory.done(&["encrypt", "-i", "a.yaml"]);
    let run = directory.done(&["replace", "a.yaml", "plain.yaml"]);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}
