//! Key groups: some of several groups together open a file.

use crate::harness::TestDir;
use crate::keys::{ANN, COLLEAGUE, IDENTITY, RECIPIENT};
use crate::manifests::SECRET;

fn both() -> String {
    format!("{IDENTITY}\n{}", ANN.0)
}

/// Three groups: [`IDENTITY`]'s, Ann's, and one whose key nobody has.
fn rules(threshold: &str) -> String {
    format!(
        "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n{threshold}    key_groups:\n      - age: [{RECIPIENT}]\n      - age: [{}]\n      - age: [{COLLEAGUE}]\n",
        ANN.1
    )
}

/// A directory with an encrypted `db.yaml` and no identity but those given to a run.
fn encrypted(threshold: &str) -> TestDir {
    let directory = TestDir::with(&[("db.yaml", SECRET), (".sops.yaml", &rules(threshold))]);
    std::fs::remove_file(directory.home(".config/sops/age/keys.txt")).unwrap();
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory
}

const TWO: &str = "    shamir_threshold: 2\n";

#[test]
fn enough_groups_open_a_file() {
    let directory = encrypted(TWO);
    let text = directory.read("db.yaml");
    assert!(text.contains("shamir_threshold: 2") && text.contains("key_groups:"), "{text}");
    let both = both();
    let run = directory.seal(&["decrypt", "-q", "db.yaml"]).env("SOPS_AGE_KEY", &both).run();
    assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
}

#[test]
fn too_few_groups_are_reported_one_by_one() {
    let directory = encrypted(TWO);
    let mut run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY", IDENTITY).run();
    run.stderr = run.stderr.replace(&ANN.1, "[ANN]");
    run.golden("key-groups/too-few");
    assert_eq!((run.code, run.out()), (4, ""));
}

#[test]
fn without_a_threshold_all_groups_are_needed() {
    let directory = encrypted("");
    assert!(directory.read("db.yaml").contains("shamir_threshold: 3"));
    let both = both();
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_AGE_KEY", both).run();
    assert!(run.stderr.contains("2 of 3 key groups could be opened, 3 are needed"));
    assert_eq!(run.code, 4);
}

#[test]
fn a_threshold_on_the_command_line_wins() {
    let directory = TestDir::with(&[("db.yaml", SECRET), (".sops.yaml", &rules(TWO))]);
    let threshold = "--shamir-secret-sharing-threshold";
    directory.done(&["encrypt", "-o", "a.yaml", threshold, "3", "db.yaml"]);
    assert!(directory.read("a.yaml").contains("shamir_threshold: 3"));
    let run = directory.seal(&["encrypt", "-o", "b.yaml", threshold, "4", "db.yaml"]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("a threshold of 4 is not possible for 3 key groups"));
    assert!(!directory.path("b.yaml").exists());
}

#[test]
fn what_looks_like_groups_and_is_none_is_said() {
    let directory = TestDir::with(&[("db.yaml", SECRET), (".sops.yaml", &rules(TWO))]);
    let run = directory.done(&["encrypt", "-o", "a.yaml", "--age", RECIPIENT, "db.yaml"]);
    let said = "`--age` names keys in place of the 3 key groups of the rule: each of them opens the file by itself";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let one = format!("creation_rules:\n  - shamir_threshold: 2\n    age: {RECIPIENT}\n");
    directory.write(".sops.yaml", one);
    let run = directory.done(&["encrypt", "-o", "b.yaml", "db.yaml"]);
    assert!(run.stderr.contains("a threshold is set, but there are no key groups"));
    assert!(directory.read("b.yaml").contains("shamir_threshold: 2"), "as SOPS writes it");
}

#[test]
fn groups_that_are_written_wrong_say_how_they_are_written() {
    let refused = |groups: &str, words: &[&str]| {
        let directory = TestDir::with(&[("db.yaml", SECRET)]);
        directory.write(".sops.yaml", format!("creation_rules:\n  - key_groups: {groups}\n"));
        let run = directory.seal(&["encrypt", "-i", "db.yaml"]).run();
        assert_eq!(run.code, 2, "{}", run.stderr);
        words.iter().for_each(|words| assert!(run.stderr.contains(words), "{}", run.stderr));
    };
    let lists = "the lists of a group are age, pgp, kms, gcp_kms";
    refused(
        &format!("[{{age: [{RECIPIENT}]}}, {{agee: [x]}}]"),
        &["key group 2 has no keys", lists],
    );
    refused("[{hc_vault_transit_uri: ['https://v/v1/t/keys/k']}]", &["key group 1", lists]);
    refused("[{kms: ['arn:aws:kms:x']}]", &["a mapping such as {arn: 'arn:aws:kms:…'}"]);
}

#[test]
fn a_fresh_render_keeps_its_envelope_for_the_same_groups_only() {
    let directory = encrypted(TWO);
    let before = directory.read("db.yaml");
    directory.write("plain.yaml", SECRET);
    let both = both();
    let again = || {
        let run = directory
            .seal(&["encrypt", "-o", "db.yaml", "plain.yaml"])
            .env("SOPS_AGE_KEY", &both)
            .run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        directory.read("db.yaml")
    };
    assert_eq!(again(), before);
    directory.write(".sops.yaml", rules(""));
    let after = again();
    assert_ne!(after, before);
    assert!(after.contains("shamir_threshold: 3"));
}

#[test]
fn an_altered_share_or_threshold_opens_nothing() {
    let directory = encrypted(TWO);
    let both = both();
    let text = directory.read("db.yaml");
    let decrypt = |text: &str| {
        directory.write("altered.yaml", text);
        directory.seal(&["decrypt", "altered.yaml"]).env("SOPS_AGE_KEY", &both).run()
    };
    for threshold in [1, 4, 255] {
        let altered = format!("shamir_threshold: {threshold}");
        let run = decrypt(&text.replace("shamir_threshold: 2", &altered));
        assert_eq!((run.code, run.out()), (4, ""), "{threshold}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("asks for {threshold} of its 3 key groups")));
    }
    // The share of another file's data key: the combined key is a wrong one, which the file's values show.
    let other = encrypted(TWO).read("db.yaml");
    let first = |text: &str| {
        let start = text.find("-----BEGIN AGE").unwrap();
        let end = text.find("-----END AGE").unwrap();
        text[start..end].to_owned()
    };
    let run = decrypt(&text.replace(&first(&text), &first(&other)));
    assert_eq!((run.code, run.out()), (3, ""), "{}", run.stderr);
}

#[test]
fn the_order_of_decryption_is_what_sops_takes() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    directory.done(&["decrypt", "--decryption-order", "kms,age", "db.yaml"]);
    let run = directory.seal(&["decrypt", "--decryption-order", "age,age", "db.yaml"]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("age stands there twice"), "{}", run.stderr);
    let run = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_DECRYPTION_ORDER", "gpg").run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("SOPS_DECRYPTION_ORDER cannot be used"), "{}", run.stderr);
}
