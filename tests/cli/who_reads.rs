//! `seal keys` and `seal groups`: who reads which files, and changing that.

use std::fs;

use crate::harness::{Run, TestDir};
use crate::keys::{ANN, COLLEAGUE, IDENTITY, RECIPIENT};
use crate::manifests::{API, SECRET, stream};
use crate::sops::Sops;

fn rules(recipients: &str) -> String {
    format!(
        "creation_rules:\n  - path_regex: ^other/\n    age: {RECIPIENT}\n  - age: {recipients}\n"
    )
}

/// The rules name Ann, one file is for her too, and the other for a colleague whom they do not name.
fn mixed() -> TestDir {
    let directory = TestDir::with(&[("db.yaml", SECRET), ("sub/api.yaml", API)]);
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory.done(&[
        "encrypt",
        "-i",
        "--age",
        &format!("{RECIPIENT},{COLLEAGUE}"),
        "sub/api.yaml",
    ]);
    directory
}

fn named(run: Run) -> Run {
    let out = run.out().replace(&ANN.1, "[ANN]").replace(COLLEAGUE, "[COLLEAGUE]");
    let out = sorted_blocks(&out.replace(RECIPIENT, "[ME]"));
    let stderr = run.stderr.replace(&ANN.1, "[ANN]").replace(COLLEAGUE, "[COLLEAGUE]");
    Run { stdout: out.into_bytes(), stderr: stderr.replace(RECIPIENT, "[ME]"), ..run }
}

/// Recipients stand in the order of their texts, and Ann's is another one in each run.
fn sorted_blocks(text: &str) -> String {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => block.push(line),
            _ => blocks.push(vec![line]),
        }
    }
    blocks.iter_mut().for_each(|block| block[1..].sort_unstable());
    blocks.sort();
    let lines: Vec<_> = blocks.concat();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn reads(directory: &TestDir, keys: &str, name: &str) -> Run {
    directory.seal(&["decrypt", "-q", name]).env("SOPS_AGE_KEY", keys).without("HOME").run()
}

#[test]
fn the_list_tells_for_each_recipient_its_files_and_what_is_amiss() {
    let directory = mixed();
    let run = directory.seal(&["keys", "list"]).env("HOME", "/nowhere").run();
    assert_eq!(run.code, 0);
    named(run).golden("who-reads/list");
    named(directory.done(&["keys", "list", "--by-file", "."])).golden("who-reads/list-by-file");
    fs::remove_file(directory.path(".sops.yaml")).unwrap();
    named(directory.done(&["keys", "list", "--by-file", "."])).golden("who-reads/list-no-rules");
    directory.write("broken.yaml", "a: 1\nsops: {}\n");
    let run = directory.seal(&["keys", "list", "broken.yaml", "db.yaml"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("2 recipients in 1 encrypted file, 1 without a rule, 1 failed"));
}

#[test]
fn machines_get_the_list_both_ways() {
    let directory = mixed();
    let run = directory.done(&["keys", "list", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(object["command"], "keys list");
    let recipients = object["recipients"].as_array().unwrap();
    let of = |text: &str| recipients.iter().find(|r| r["recipient"] == text).unwrap();
    assert_eq!(of(RECIPIENT)["files"].as_array().unwrap().len(), 2);
    assert_eq!(of(COLLEAGUE)["files"][0]["named_by_rule"], false);
    let ann = of(&ANN.1)["files"].as_array().unwrap();
    assert_eq!((&ann[0]["can_read"], &ann[1]["can_read"]), (&true.into(), &false.into()));
    assert_eq!(object["files"][1]["file"], "./sub/api.yaml");
    assert_eq!(object["files"][1]["envelopes"][0]["missing"][0], ANN.1.as_str());
    assert_eq!(object["files"][1]["envelopes"][0]["superfluous"][0], COLLEAGUE);
    assert_eq!(object["files"][0]["as_its_rule_says"], true);
}

#[test]
fn groups_and_documents_of_different_recipients_are_told_apart() {
    let directory = mixed();
    let both = directory.read("db.yaml") + "---\n" + &directory.read("sub/api.yaml");
    directory.write("both.yaml", both);
    named(directory.done(&["keys", "list", "--by-file", "both.yaml"]))
        .golden("who-reads/list-in-part");
    let add = ["groups", "add", "-i", "-f", "db.yaml", "--age", COLLEAGUE];
    directory.done(&[&add[..], &["--accept-recipients"]].concat());
    named(directory.done(&["keys", "list", "--by-file", "db.yaml"]))
        .golden("who-reads/list-groups");
}

#[test]
fn whoever_the_rule_names_is_let_in_and_others_must_be_accepted() {
    let directory = mixed();
    let run = directory.seal(&["keys", "add", "--age", &ANN.1, "db.yaml", "sub"]).run();
    assert_eq!(run.code, 3);
    named(run).golden("who-reads/add-with-a-stranger");
    let before = directory.read("sub/api.yaml");
    let add = ["keys", "add", "--accept-recipients", "--age", &ANN.1, "sub"];
    let run = directory.done(&[&add[..], &["--dry-run"]].concat());
    assert_eq!(run.stderr, "1 file to be updated\n");
    assert_eq!(directory.read("sub/api.yaml"), before);
    named(directory.done(&add)).golden("who-reads/add-accepted");
    assert_eq!(reads(&directory, &ANN.0, "sub/api.yaml").out(), API);
    assert_eq!(directory.decrypted("sub/api.yaml"), API);
    assert_eq!(directory.done(&add).stderr, "1 file unchanged\n");

    directory.write("other/x.yaml", API);
    directory.done(&["encrypt", "-i", "other/x.yaml"]);
    let run = directory.seal(&["keys", "add", "--age", &ANN.1, "other"]).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains(&format!("that its rule does not name: {}", ANN.1)));
    assert_eq!(reads(&directory, &ANN.0, "other/x.yaml").code, 4);
}

#[test]
fn variables_that_name_recipients_of_new_files_add_nobody() {
    let directory = mixed();
    let add = ["keys", "add", "--accept-recipients", "--age", &ANN.1, "sub"];
    let run =
        directory.seal(&add).env("SOPS_PGP_FP", "1022470DE3F0BC54BC6AB62DE05550BC07FB1A0A").run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!directory.read("sub/api.yaml").contains("pgp:"));
    let run = directory.seal(&["keys", "add", "sub"]).env("SOPS_AGE_RECIPIENTS", &ANN.1).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no key is named"), "{}", run.stderr);
}

#[test]
fn a_group_that_is_not_there_is_none_to_join() {
    let directory = mixed();
    for number in ["0", "2"] {
        let add = ["keys", "add", "--group", number, "--age", &ANN.1, "db.yaml"];
        let run = directory.seal(&add).run();
        assert_eq!(run.code, 2);
        let said = format!(
            "db.yaml: there is no key group {number}: the file has 1 group, counted from 1"
        );
        assert!(run.stderr.contains(&said), "{}", run.stderr);
    }
}

/// Two documents for Ann too, as the rules say, and a file that is none of hers.
fn with_ann() -> TestDir {
    let directory = TestDir::with(&[("db.yaml", &stream(&[SECRET, API])), ("api.yaml", API)]);
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory.done(&["encrypt", "-i", "--age", RECIPIENT, "api.yaml"]);
    directory
}

#[test]
fn whoever_is_removed_opens_nothing_that_is_written_from_then_on() {
    let directory = with_ann();
    let (before, api) = (directory.read("db.yaml"), directory.read("api.yaml"));
    let remove = ["keys", "remove", "--age", &ANN.1, "."];
    let run = directory.done(&[&remove[..], &["--dry-run"]].concat());
    assert_eq!(run.stderr, "1 file to be updated, 1 unchanged, 1 skipped\n");
    assert_eq!(directory.read("db.yaml"), before);

    named(directory.done(&remove)).golden("who-reads/removed");
    let after = directory.read("db.yaml");
    assert_eq!(directory.read("api.yaml"), api);
    assert_eq!(reads(&directory, &ANN.0, "db.yaml").code, 4);
    assert_eq!(directory.decrypted("db.yaml"), stream(&[SECRET, API]));
    // A new data key: what she kept of the old one opens no value of it.
    for line in before.lines().filter(|line| line.contains("ENC[") || line.contains("enc:")) {
        assert!(line.contains("enc:") || !after.contains(line), "{line}");
    }
    let old = before.split("sops:").nth(1).unwrap();
    let forged = format!("{}sops:{old}", after.split("sops:").next().unwrap());
    directory.write("forged.yaml", forged);
    assert_eq!(reads(&directory, &ANN.0, "forged.yaml").code, 3);
}

#[test]
fn removing_somebody_from_a_group_shares_a_new_data_key() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    let both = format!("{IDENTITY}\n{}", ANN.0);
    directory.write(
        ".sops.yaml",
        format!(
            "creation_rules:\n  - key_groups:\n      - age: [{RECIPIENT}, {COLLEAGUE}]\n      - age: [{}]\n",
            ANN.1
        ),
    );
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let remove = |who: &str, code: i32| {
        let line = ["keys", "remove", "--age", who, "db.yaml"];
        let run = directory.seal(&line).env("SOPS_AGE_KEY", &both).run();
        assert_eq!(run.code, code, "{}", run.stderr);
        run.stderr
    };
    let said = remove(&ANN.1, 2);
    assert!(said.contains("key group 2 would have no keys"), "{said}");
    remove(COLLEAGUE, 0);
    let text = directory.read("db.yaml");
    assert!(text.contains("shamir_threshold: 2") && !text.contains(COLLEAGUE));
    assert_eq!(reads(&directory, &both, "db.yaml").out(), SECRET);
    assert_eq!(reads(&directory, IDENTITY, "db.yaml").code, 4);
}

#[test]
fn what_a_removal_would_leave_behind_is_checked() {
    let directory = with_ann();
    let remove = |arguments: &[&str], code: i32| {
        let line: Vec<_> = ["keys", "remove"].iter().chain(arguments).copied().collect();
        let run = directory.seal(&line).run();
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        run.stderr
    };
    let before = directory.read("db.yaml");
    let said = remove(&["--age", &format!("{RECIPIENT},{}", ANN.1), "db.yaml"], 2);
    assert!(said.contains("db.yaml: nobody would be left who can decrypt it"), "{said}");
    let said = remove(&["--age", COLLEAGUE, "db.yaml"], 1);
    assert!(said.contains(&format!("no such recipient in these files: {COLLEAGUE}")), "{said}");
    directory.write(".sops.yaml", rules(&ANN.1));
    let said = remove(&["--age", &ANN.1, "db.yaml"], 3);
    assert!(said.contains(&format!("that its rule does not name: {RECIPIENT}")), "{said}");
    assert_eq!(directory.read("db.yaml"), before);
    let run =
        directory.seal(&["keys", "remove", "--age", &ANN.1, "db.yaml"]).env("HOME", "/x").run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    remove(&["--accept-recipients", "--age", &ANN.1, "db.yaml"], 0);
    assert_eq!(reads(&directory, &ANN.0, "db.yaml").code, 4);
}

#[test]
fn documents_of_different_recipients_are_not_made_one() {
    let directory = with_ann();
    directory.done(&["keys", "add", "--accept-recipients", "--age", COLLEAGUE, "api.yaml"]);
    let both = directory.read("db.yaml") + "---\n" + &directory.read("api.yaml");
    directory.write("both.yaml", &both);
    let run = directory.seal(&["keys", "remove", "--age", &ANN.1, "both.yaml"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("its documents are for different recipients"), "{}", run.stderr);
    assert_eq!(directory.read("both.yaml"), both);
}

#[test]
fn without_a_key_nobody_is_removed() {
    let directory = with_ann();
    let before = directory.read("db.yaml");
    let remove = ["keys", "remove", "--age", &ANN.1, "db.yaml"];
    let run = directory.seal(&remove).env("HOME", "/nowhere").run();
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), before);
    let altered = before.replace("name: api", "name: other");
    directory.write("db.yaml", &altered);
    let run = directory.seal(&remove).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(directory.read("db.yaml"), altered);
}

#[test]
fn the_real_sops_reads_what_somebody_was_removed_from() {
    const TEST: &str = "cli: keys remove, and the real sops";
    let directory =
        TestDir::with(&[("ours.yaml", SECRET), ("theirs.yaml", "a: hunter2\n---\nb: 1\n")]);
    let Some(sops) = Sops::of(&directory, TEST) else { return };
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    directory.done(&["encrypt", "-i", "ours.yaml"]);
    sops.run(&["encrypt", "-i", "theirs.yaml"]);
    directory.done(&["keys", "remove", "--age", &ANN.1, "ours.yaml", "theirs.yaml"]);
    for name in ["ours.yaml", "theirs.yaml"] {
        assert!(sops.run(&["decrypt", name]).contains("hunter2"));
        assert_eq!(reads(&directory, &ANN.0, name).code, 4);
    }
}

#[test]
fn a_group_is_added_and_deleted() {
    let text = stream(&[SECRET, API]);
    let directory = TestDir::with(&[("db.yaml", &text)]);
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{},{COLLEAGUE}", ANN.1)));
    directory.done(&["encrypt", "-i", "--age", RECIPIENT, "db.yaml"]);
    let before = directory.read("db.yaml");
    let run = directory.done(&["groups", "add", "-f", "db.yaml", "--age", &ANN.1]);
    assert!(
        run.out().contains("shamir_threshold: 2") && run.stderr.contains("2 of 2 are needed now")
    );
    assert_eq!(directory.read("db.yaml"), before, "without --in-place it goes to stdout");
    let both = format!("{IDENTITY}\n{}", ANN.0);
    let groups = |arguments: &[&str], code: i32| {
        let line: Vec<_> = ["groups"].iter().chain(arguments).copied().collect();
        let run = directory.seal(&line).env("SOPS_AGE_KEY", &both).run();
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        run.stderr
    };
    groups(&["add", "-i", "-f", "db.yaml", "--age", &ANN.1], 0);
    assert_eq!(reads(&directory, IDENTITY, "db.yaml").code, 4);
    assert_eq!(reads(&directory, &both, "db.yaml").out(), text);

    let said = groups(&["add", "-i", "-f", "db.yaml", "--age", COLLEAGUE], 0);
    assert!(said.contains("added a key group: 2 of 3 are needed now"), "{said}");
    let said = groups(&["delete", "-i", "-f", "db.yaml", "3"], 2);
    assert!(
        said.contains("db.yaml: there is no key group 3: the file has 3 groups, counted from 0")
    );
    let said = groups(&["delete", "-i", "-f", "db.yaml", "2"], 0);
    assert!(said.contains("`seal rotate` draws new ones"), "{said}");
    let said = groups(&["delete", "-i", "-f", "db.yaml", "1"], 2);
    assert!(said.contains("each of its keys would open the file by itself"), "{said}");
    groups(&["delete", "-i", "-f", "db.yaml", "1", "--shamir-secret-sharing-threshold", "1"], 0);
    assert_eq!(reads(&directory, IDENTITY, "db.yaml").out(), text);
    assert!(!directory.read("db.yaml").contains("shamir"));
    let said = groups(&["delete", "-i", "-f", "db.yaml", "0"], 2);
    assert!(said.contains("the only key group of a file cannot be deleted"), "{said}");
    let wide = ["--shamir-secret-sharing-threshold", "3"];
    let add = ["add", "-i", "-f", "db.yaml", "--age", &ANN.1];
    let said = groups(&[&add[..], &wide].concat(), 2);
    assert!(said.contains("a threshold of 3 is not possible for 2 key groups"), "{said}");
}

#[test]
fn a_group_of_strangers_must_be_accepted() {
    let directory = mixed();
    let add = ["groups", "add", "-i", "-f", "db.yaml", "--age", COLLEAGUE];
    let run = directory.seal(&add).run();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("--accept-recipients"));
}

#[test]
fn the_real_sops_reads_groups_of_ours_and_we_read_its() {
    const TEST: &str = "cli: groups, and the real sops";
    let directory = TestDir::with(&[("ours.yaml", SECRET), ("theirs.yaml", "a: hunter2\n")]);
    let Some(sops) = Sops::of(&directory, TEST) else { return };
    let both = format!("{IDENTITY}\n{}", ANN.0);
    let both_sops = Sops::of(&directory, TEST).unwrap().with("SOPS_AGE_KEY", &both);
    directory.write(".sops.yaml", rules(RECIPIENT));
    directory.done(&["encrypt", "-i", "ours.yaml"]);
    sops.run(&["encrypt", "-i", "theirs.yaml"]);
    let add = ["groups", "add", "-i", "--accept-recipients", "--age", &ANN.1, "-f"];
    directory.done(&[&add[..], &["theirs.yaml"]].concat());
    sops.run(&["groups", "add", "-i", "--age", &ANN.1, "-f", "ours.yaml"]);
    for name in ["ours.yaml", "theirs.yaml"] {
        assert!(both_sops.run(&["decrypt", name]).contains("hunter2"));
        assert_eq!(reads(&directory, &both, name).code, 0);
        assert_eq!(reads(&directory, IDENTITY, name).code, 4);
    }
}

#[test]
fn files_that_kustomize_gives_a_namespace_can_change_their_recipients() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let bound = directory.read("db.yaml").replace("  namespace: shop\n", "");
    directory.write(".sops.yaml", rules(&format!("{RECIPIENT},{}", ANN.1)));
    let file = ["--file", "db.yaml", "--in-place"];
    for command in [
        vec!["updatekeys", "--yes", "db.yaml"],
        vec!["keys", "add", "--age", &ANN.1, "db.yaml"],
        [&["groups", "add", "--age", &ANN.1][..], &file].concat(),
    ] {
        directory.write("db.yaml", &bound);
        let refused = directory.seal(&command).run();
        assert_eq!(refused.code, 3, "{command:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("--namespace"), "{}", refused.stderr);
        directory.done(&[&command[..], &["--namespace", "shop"]].concat());
        assert!(directory.read("db.yaml").contains(&ANN.1), "{command:?}");
    }
    directory.write("db.yaml", &bound);
    directory.done(&["keys", "add", "--age", &ANN.1, "--namespace", "shop", "db.yaml"]);
    directory.write(".sops.yaml", rules(RECIPIENT));
    directory.done(&["keys", "remove", "--age", &ANN.1, "--namespace", "shop", "db.yaml"]);
    assert!(!directory.read("db.yaml").contains(&ANN.1));
}
