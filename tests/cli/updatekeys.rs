//! `seal updatekeys`: files get the recipients that their rules name today.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Run, TestDir};
use crate::keys::{ANN, COLLEAGUE, IDENTITY, RECIPIENT};
use crate::manifests::{API, JSON, SECRET, SERVICE, stream};
use crate::sops::Sops;
use crate::sops_fixtures;

fn rules(recipients: &str) -> String {
    format!(
        "creation_rules:\n  - age: {recipients}\n    encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n"
    )
}

fn groups(threshold: &str, groups: &[&str]) -> String {
    let groups: String = groups.iter().map(|keys| format!("      - age: [{keys}]\n")).collect();
    format!(
        "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n{threshold}    key_groups:\n{groups}"
    )
}

/// Encrypted files for [`RECIPIENT`] alone, while the rule names Ann too.
fn drifted(files: &[(&str, &str)]) -> TestDir {
    let directory = TestDir::with(files);
    for (name, _) in files {
        directory.done(&["encrypt", "-i", name]);
    }
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    directory
}

fn ann_reads(directory: &TestDir, name: &str) -> Run {
    directory.seal(&["decrypt", "-q", name]).env("SOPS_AGE_KEY", &ANN.0).without("HOME").run()
}

/// Lines of a text but those of the wrapped keys.
fn all_but_keys(text: &str) -> Vec<&str> {
    let mut in_keys = false;
    let lines = text.lines().filter(|line| {
        if line.trim_start().starts_with("age:") {
            in_keys = true;
        } else if line.trim_start().starts_with("lastmodified:") {
            in_keys = false;
        }
        !in_keys
    });
    lines.collect()
}

fn named(run: Run) -> Run {
    let out = run.out().replace(&ANN.1, "[ANN]").into_bytes();
    Run { stdout: out, stderr: run.stderr.replace(&ANN.1, "[ANN]"), ..run }
}

#[test]
fn a_new_recipient_reads_all_and_nothing_but_keys_changes() {
    let directory = drifted(&[("a/db.yaml", SECRET), ("a/api.yaml", API), ("a/j.json", JSON)]);
    directory.write("a/web.yaml", SERVICE);
    let before = directory.read("a/db.yaml");
    assert_eq!(ann_reads(&directory, "a/db.yaml").code, 4);
    let run = directory.done(&["updatekeys", "--yes", "a"]);
    named(run).golden("updatekeys/added");
    let after = directory.read("a/db.yaml");
    assert_eq!(all_but_keys(&after), all_but_keys(&before));
    let entry = before.split("- enc").nth(1).unwrap().split("    encrypted_regex").next().unwrap();
    assert!(
        entry.contains(RECIPIENT) && after.contains(entry),
        "the entry that was there stays as it was"
    );
    for (name, text) in [("a/db.yaml", SECRET), ("a/api.yaml", API), ("a/j.json", JSON)] {
        let run = ann_reads(&directory, name);
        assert_eq!((run.code, run.out()), (0, text), "{}", run.stderr);
        assert_eq!(directory.decrypted(name), text);
    }
    assert_eq!(directory.read("a/web.yaml"), SERVICE);
    let run = directory.done(&["updatekeys", "--yes", "a"]);
    run.golden("updatekeys/nothing-to-do");
}

#[test]
fn files_of_every_format_are_updated() {
    let files = [
        ("a/a.env", "# c\nA=hunter2\n"),
        ("a/b.ini", "[s]\nb = hunter2\n"),
        ("a/c.json", JSON),
        ("d.bin", "hunter2 of any kind"),
    ];
    let directory = TestDir::with(&files);
    let rules_of = |recipients: &str| format!("creation_rules:\n  - age: {recipients}\n");
    directory.write(".sops.yaml", rules_of(RECIPIENT));
    for (name, _) in files {
        directory.done(&["encrypt", "-i", name]);
    }
    directory.write(".sops.yaml", rules_of(&format!("{RECIPIENT},{}", ANN.1)));
    let run = directory.done(&["updatekeys", "-y", "a", "d.bin"]);
    assert!(run.stderr.contains("4 files updated"), "{}", run.stderr);
    for (name, text) in files {
        let run = ann_reads(&directory, name);
        assert_eq!((run.code, run.out()), (0, text), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_dry_run_shows_all_and_writes_nothing() {
    let directory = drifted(&[("db.yaml", SECRET), ("api.yaml", API)]);
    directory.write(".sops.yaml", rules(&ANN.1));
    let before = directory.read("db.yaml");
    let modified = || fs::metadata(directory.path("db.yaml")).unwrap().modified().unwrap();
    let time = modified();
    let run = directory.seal(&["updatekeys", "--dry-run", "."]).run();
    assert_eq!(run.code, 5);
    named(run).golden("updatekeys/dry-run");
    assert_eq!((directory.read("db.yaml"), modified()), (before, time));
    // No key is needed to compare.
    let run = directory.seal(&["updatekeys", "--dry-run", "db.yaml"]).env("HOME", "/nowhere").run();
    assert_eq!(run.code, 5, "{}", run.stderr);
    directory.write(".sops.yaml", rules(RECIPIENT));
    let run = directory.done(&["updatekeys", "--dry-run", "."]);
    assert_eq!(run.stderr, "2 files as the rules say, 1 skipped\n");
}

#[test]
fn machines_get_the_drift_of_each_file() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let run = directory.seal(&["updatekeys", "--dry-run", "--json", "."]).run();
    assert_eq!(run.code, 5);
    let object: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(object["command"], "updatekeys");
    assert_eq!(object["to_be_changed"], 1);
    assert_eq!(object["drift"][0]["file"], "./db.yaml");
    assert_eq!(object["drift"][0]["envelopes"][0]["groups"][0]["missing"][0], ANN.1.as_str());
    assert_eq!(object["exit_code"], 5);
}

#[test]
fn whoever_is_taken_out_reads_no_more_and_is_named() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    directory.done(&["updatekeys", "-y", "db.yaml"]);
    assert_eq!(ann_reads(&directory, "db.yaml").code, 0);
    directory.write(".sops.yaml", rules(RECIPIENT));
    let run = directory.done(&["updatekeys", "-y", "db.yaml"]);
    named(run).golden("updatekeys/removed");
    assert_eq!(ann_reads(&directory, "db.yaml").code, 4);
    assert_eq!(directory.decrypted("db.yaml"), SECRET);
}

#[test]
fn somebody_is_asked_at_the_terminal() {
    const TEST: &str = "cli: updatekeys asks";
    let question = "change the recipients of this file?";
    let directory = drifted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let line = "TERM=xterm seal updatekeys db.yaml";
    let Some(run) = directory.at_a_terminal(TEST, line, question, "n") else { return };
    assert_eq!(run.code, 0, "{}", run.out());
    assert!(run.out().contains("1 file not as the rules say"), "{}", run.out());
    assert_eq!(directory.read("db.yaml"), before);
    let Some(run) = directory.at_a_terminal(TEST, line, question, "y") else { return };
    assert_eq!(run.code, 0, "{}", run.out());
    assert!(run.out().contains(&format!("\u{1b}[32m  + {}", ANN.1)), "{}", run.out());
    assert_eq!(ann_reads(&directory, "db.yaml").code, 0);
}

#[test]
fn where_nobody_can_be_asked_nothing_is_done() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let run = directory.bash("setsid -w seal updatekeys db.yaml </dev/null");
    assert_eq!(run.code, 2);
    named(run).golden("updatekeys/nobody-to-ask");
    assert_eq!(directory.read("db.yaml"), before);
}

#[test]
fn machines_are_not_asked() {
    const TEST: &str = "cli: updatekeys asks no machine";
    let directory = drifted(&[("db.yaml", SECRET)]);
    let line = "seal updatekeys --json db.yaml";
    let Some(run) = directory.at_a_terminal(TEST, line, "?", "y") else { return };
    assert_eq!(run.code, 2, "{}", run.out());
    assert!(run.out().contains("nobody can be asked"), "{}", run.out());
}

#[test]
fn quiet_runs_show_only_what_they_were_run_to_find_out() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let run = directory.seal(&["updatekeys", "-q", "--dry-run", "db.yaml"]).run();
    assert_eq!((run.code, run.stderr.as_str()), (5, ""));
    assert!(run.out().contains(&format!("  + {}", ANN.1)));
    let run = directory.done(&["updatekeys", "-q", "-y", "db.yaml"]);
    assert_eq!((run.out(), run.stderr.as_str()), ("", ""));
}

#[test]
fn what_protects_less_than_it_seems_is_said() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let key = sops_fixtures::age_key("age-pq");
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{recipient}")));
    let run = directory.done(&["updatekeys", "-y", "db.yaml"]);
    assert!(run.stderr.contains("a post-quantum recipient"), "{}", run.stderr);
}

#[test]
fn groups_and_their_threshold_follow_the_rule() {
    let directory = drifted(&[("db.yaml", &stream(&[SECRET, API]))]);
    let three = groups("    shamir_threshold: 2\n", &[RECIPIENT, &ANN.1, COLLEAGUE]);
    directory.write(".sops.yaml", &three);
    let run = directory.done(&["updatekeys", "-y", "db.yaml"]);
    named(run).golden("updatekeys/groups");
    let both = format!("{IDENTITY}\n{}", ANN.0);
    let reads = |keys: &str| {
        directory
            .seal(&["decrypt", "-q", "db.yaml"])
            .env("SOPS_AGE_KEY", keys)
            .without("HOME")
            .run()
    };
    assert_eq!(reads(&both).out(), stream(&[SECRET, API]));
    assert_eq!(reads(IDENTITY).code, 4);

    // Somebody leaves a group whose others stay: no key has to open anything but the file.
    let more = groups(
        "    shamir_threshold: 2\n",
        &[&format!("{RECIPIENT}, {COLLEAGUE}"), &ANN.1, COLLEAGUE],
    );
    directory.write(".sops.yaml", &more);
    let update = |code: i32| {
        let run = directory.seal(&["updatekeys", "-y", "db.yaml"]).env("SOPS_AGE_KEY", &both).run();
        assert_eq!(run.code, code, "{}", run.stderr);
        run
    };
    update(0);
    let share = directory.read("db.yaml");
    directory.write(".sops.yaml", &three);
    update(0);
    let kept = directory.read("db.yaml");
    let first = |text: &str| text.split("- enc: |").nth(1).unwrap().to_owned();
    assert_eq!(first(&kept).split("recipient").next(), first(&share).split("recipient").next());

    directory.write(".sops.yaml", groups("", &[RECIPIENT, &ANN.1, COLLEAGUE]));
    let run = update(0);
    assert!(run.out().contains("  - groups needed: 2\n  + groups needed: 3\n"), "{}", run.out());
    assert_eq!(reads(&both).code, 4);
    directory.write(".sops.yaml", rules(RECIPIENT));
    update(4);
    directory.write(".sops.yaml", groups("    shamir_threshold: 4\n", &[RECIPIENT, &ANN.1]));
    assert!(update(2).stderr.contains("a threshold of 4 is not possible for 2 key groups"));
}

#[test]
fn a_file_that_does_not_verify_keeps_its_recipients() {
    let directory = drifted(&[("db.yaml", SECRET), ("api.yaml", API)]);
    let moved = directory.read("db.yaml").replace("name: db", "name: other");
    directory.write("db.yaml", &moved);
    let run = directory.seal(&["updatekeys", "-y", "."]).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("1 file updated, 1 skipped, 1 failed"), "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), moved);
    assert_eq!(ann_reads(&directory, "api.yaml").code, 0);
}

#[test]
fn without_a_key_nothing_is_updated() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let run = directory.seal(&["updatekeys", "-y", "."]).env("HOME", "/nowhere").run();
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), before);
}

#[test]
fn what_cannot_be_updated_is_said() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    directory.write("plain.yaml", API);
    let run = directory.seal(&["updatekeys", "-y", "plain.yaml", "none.yaml"]).run();
    run.golden("updatekeys/not-encrypted");
    let run = directory.seal(&["updatekeys", "-y", "-"]).run();
    run.golden("updatekeys/standard-input");
    directory.write(
        ".sops.yaml",
        format!("creation_rules:\n  - path_regex: ^x\n    age: {RECIPIENT}\n"),
    );
    let run = directory.seal(&["updatekeys", "-y", "."]).run();
    run.golden("updatekeys/no-rule");
    fs::remove_file(directory.path(".sops.yaml")).unwrap();
    let run = directory.seal(&["updatekeys", "-y", "."]).run();
    run.golden("updatekeys/no-configuration");
}

#[test]
fn a_recipient_that_cannot_be_wrapped_for_stops_the_file() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    directory.write(
        ".sops.yaml",
        rules(&format!("{RECIPIENT},age1mirror1wp6kymrfvdc82cnvd93hqatzd35kx86l3mt")),
    );
    let run = directory.seal(&["updatekeys", "-y", "."]).run();
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("db.yaml") && run.stderr.contains("SEAL_ALLOW_AGE_PLUGINS"));
    assert_eq!(directory.read("db.yaml"), before);
}

#[test]
fn a_file_that_somebody_writes_meanwhile_is_left_to_him() {
    let directory = drifted(&[("db.yaml", SECRET)]);
    let before = directory.read("db.yaml");
    let script = "#!/bin/sh\necho '# mine' >>db.yaml\ncat ~/.config/sops/age/keys.txt\n";
    let script = directory.write_home("key.sh", script);
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let run =
        directory.seal(&["updatekeys", "-y", "db.yaml"]).env("SOPS_AGE_KEY_CMD", &script).run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("was changed by somebody else in the meantime"), "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), before + "# mine\n");
}

#[test]
fn the_real_sops_and_we_go_on_where_the_other_updated() {
    const TEST: &str = "cli: updatekeys, and the real sops";
    let directory =
        TestDir::with(&[("ours.yaml", SECRET), ("theirs.yaml", "a: hunter2\n---\nb: 1\n")]);
    let Some(sops) = Sops::of(&directory, TEST) else { return };
    let ann = Sops::of(&directory, TEST).unwrap().with("SOPS_AGE_KEY", &ANN.0);
    let ann = ann.with("SOPS_AGE_KEY_FILE", "").with("HOME", "/nonexistent");
    directory.done(&["encrypt", "-i", "ours.yaml"]);
    sops.run(&["encrypt", "--encrypted-regex", "^a$", "-i", "theirs.yaml"]);
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    directory.done(&["updatekeys", "-y", "ours.yaml", "theirs.yaml"]);
    assert_eq!(directory.read("theirs.yaml").matches(ANN.1.as_str()).count(), 2);
    assert!(ann.run(&["decrypt", "theirs.yaml"]).contains("a: hunter2"));
    assert!(ann.run(&["decrypt", "ours.yaml"]).contains("user: admin-hunter2"));

    directory.write(".sops.yaml", groups("", &[RECIPIENT, &ANN.1]));
    sops.run(&["updatekeys", "-y", "ours.yaml"]);
    directory.done(&["updatekeys", "-y", "theirs.yaml"]);
    assert!(directory.read("theirs.yaml").contains("shamir_threshold: 2"));
    let both = format!("{IDENTITY}\n{}", ANN.0);
    for name in ["ours.yaml", "theirs.yaml"] {
        let run = directory.seal(&["decrypt", "-q", name]).env("SOPS_AGE_KEY", &both).run();
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let sops = Sops::of(&directory, TEST).unwrap().with("SOPS_AGE_KEY", &both);
        assert!(sops.run(&["decrypt", name]).contains("hunter2"));
        assert_eq!(directory.seal(&["decrypt", "-q", name]).run().code, 4);
    }
    let run = directory.done(&["updatekeys", "--dry-run", "ours.yaml", "theirs.yaml"]);
    assert_eq!(run.stderr, "2 files as the rules say\n");
}

#[test]
fn where_the_rules_want_bound_files_an_unbound_one_keeps_its_recipients() {
    let directory = TestDir::with(&[("all.yaml", &stream(&[SECRET, API]))]);
    // One envelope over two documents, which cannot be bound.
    directory.done(&["encrypt", "-i", "--layout", "sops", "all.yaml"]);
    let before = directory.read("all.yaml");
    let wider = rules(&format!("{RECIPIENT},{}", ANN.1));
    directory.write(".sops.yaml", format!("{wider}seal:\n  require_bound: true\n"));
    let run = directory.seal(&["updatekeys", "-y", "all.yaml"]).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("not bound"), "{}", run.stderr);
    assert_eq!(directory.read("all.yaml"), before);
    directory.write(".sops.yaml", wider);
    directory.done(&["updatekeys", "-y", "all.yaml"]);
}
