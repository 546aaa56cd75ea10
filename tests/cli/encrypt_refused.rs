//! What `seal encrypt` refuses: with the place, a way out and a code, and without a byte written.

use crate::harness::{SECRET as HUNTER2, TestDir};
use crate::manifests::{API, JSON, SECRET, SERVICE, VALUES, stream};

/// A Secret as `kubectl get -o yaml` shows one that was applied.
pub(crate) const APPLIED: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: db
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"Secret","stringData":{"password":"hunter2"}}
    team: shop
stringData:
  password: hunter2
"#;

/// Runs `encrypt -i` on one file, compares what it says, and sees that the file is as it was.
#[track_caller]
fn refused(name: &str, text: impl AsRef<[u8]>, options: &[&str], golden: &str) {
    let directory = TestDir::ready();
    let path = directory.write(name, text.as_ref());
    let run = directory.seal(&[&["encrypt", "-i", name], options].concat()).run();
    run.golden(&format!("encrypt-refused/{golden}"));
    assert_ne!(run.code, 0);
    assert_eq!(std::fs::read(path).unwrap(), text.as_ref());
    assert_eq!(directory.files(), [".sops.yaml", name]);
    // To stdout the same, and nothing comes.
    let run = directory.seal(&[&["encrypt", name], options].concat()).run();
    assert_ne!(run.code, 0);
    assert_eq!(run.out(), "");
}

#[test]
fn a_clear_value_in_an_encrypted_secret() {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-i", "db.yaml"]);
    let added = directory.read("db.yaml").replace("data:\n", "data:\n  added: aHVudGVyMg==\n");
    refused("db.yaml", added, &[], "clear-value");
}

#[test]
fn an_envelope_that_was_lost() {
    let directory = TestDir::with(&[("api.yaml", API)]);
    directory.done(&["encrypt", "-i", "api.yaml"]);
    let encrypted = directory.read("api.yaml");
    let (lost, _) = encrypted.split_once("sops:").unwrap();
    refused("api.yaml", lost, &[], "lost-envelope");
}

#[test]
fn a_rule_that_selects_nothing() {
    refused("web.yaml", SERVICE, &["--encrypted-regex", "^passwrod$"], "selects-nothing");
}

#[test]
fn a_rule_that_selects_nothing_in_a_whole_directory() {
    let directory = TestDir::with(&[("a/web.yaml", SERVICE), ("a/values.yaml", VALUES)]);
    let run = directory.seal(&["encrypt", "-i", "a", "--encrypted-regex", "^passwrod$"]).run();
    run.golden("encrypt-refused/selects-nothing-anywhere");
    assert_eq!(directory.read("a/values.yaml"), VALUES);

    // One file that has what the rule means is enough.
    let run = directory.seal(&["encrypt", "-i", "a", "--encrypted-regex", "^password$"]).run();
    run.golden("encrypt-refused/selects-something-somewhere");
    assert_eq!(directory.read("a/web.yaml"), SERVICE);
    assert_ne!(directory.read("a/values.yaml"), VALUES);
}

#[test]
fn a_rule_that_leaves_a_part_of_a_secret_in_clear() {
    refused("db.yaml", SECRET, &["--encrypted-regex", "^password$"], "half-a-secret");
}

#[test]
fn a_file_that_is_no_manifest_and_has_nothing_for_the_rules_of_init() {
    refused("values.yaml", VALUES, &[], "values");
}

#[test]
fn an_invalid_regex() {
    refused("db.yaml", SECRET, &["--encrypted-regex", "^(data|stringData$"], "invalid-regex");
    refused("db.yaml", SECRET, &["--unencrypted-regex", "(?=x)"], "regex-of-perl");
    refused("db.yaml", SECRET, &["--encrypted-regex", ""], "empty-regex");
    refused(
        "db.yaml",
        SECRET,
        &["--encrypted-regex", "a\n(error: forged"],
        "regex-with-line-break",
    );
}

#[test]
fn an_invalid_regex_is_said_once_for_all_files() {
    let directory = TestDir::with(&[("a/db.yaml", SECRET), ("a/api.yaml", API)]);
    let run = directory.seal(&["encrypt", "-i", "a", "--encrypted-regex", "("]).run();
    assert_eq!((run.code, run.stderr.matches("error:").count()), (2, 1), "{}", run.stderr);
}

#[test]
fn a_broken_file_with_line_and_column() {
    refused("db.yaml", SECRET.replace("\\\"\"", ""), &[], "unterminated-quote");
    let tab = stream(&[SERVICE, &SECRET.replace("  token:", "\ttoken:")]);
    refused("all.yaml", tab, &[], "tab-in-second-document");
    refused("db.yaml", SECRET.replace("  user:", "  password:"), &[], "duplicate-key");
    refused("db.json", JSON.replace("[1, 2]\"\n", "[1, 2]\",\n"), &[], "json-comma");
    refused(
        "db.yaml",
        b"apiVersion: v1\nkind: Secret\nstringData:\n  a: hunter2\xff\n",
        &[],
        "no-utf8",
    );
}

#[test]
fn aliases_and_merge_keys_in_a_secret() {
    let alias = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  key: &k hunter2\n  same: *k\n";
    refused("db.yaml", alias, &[], "alias");
    let outside = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {copy: *k}}\n";
    let outside = format!("{}{outside}", "stringData:\n  key: &k hunter2\n");
    refused("db.yaml", outside, &[], "alias-outside");
    let merge = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nx: &x\n  key: hunter2\nstringData:\n  <<: *x\n  more: hunter2\n";
    refused("db.yaml", merge, &[], "merge-key");
    let top = "apiVersion: v1\nkind: Secret\nx: &x\n  stringData: {key: hunter2}\n<<: *x\n";
    refused("db.yaml", top, &[], "merge-key-at-the-top");
}

#[test]
fn an_annotation_that_repeats_the_secret() {
    refused("db.yaml", APPLIED, &[], "last-applied");
    let kapp = APPLIED
        .replace("kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original");
    refused("db.yaml", kapp, &[], "kapp-original");
}

#[test]
fn null_in_the_secret_part() {
    refused("db.yaml", format!("{API}  nothing:\n"), &[], "null");
}

#[test]
fn a_secret_list() {
    let list = "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: a}\n  stringData: {key: hunter2}\n";
    refused("list.yaml", list, &[], "secret-list");
}

#[test]
fn a_top_level_that_has_no_place_for_an_envelope() {
    refused("list.yaml", "- hunter2\n", &[], "top-level-list");
    refused("list.json", "[\"hunter2\"]\n", &[], "top-level-list-json");
    refused("sops.yaml", "sops: hunter2\npassword: hunter2\n", &[], "sops-key");
}

#[test]
fn a_file_that_holds_nothing() {
    refused("empty.yaml", "", &[], "empty");
    refused("empty.json", "", &[], "empty-json");
    refused("comment.yaml", "# nothing\n", &[], "comment-only");
    let directory = TestDir::ready();
    directory.seal(&["encrypt"]).run().golden("encrypt-refused/empty-stdin");
}

#[test]
fn a_number_that_sops_has_no_type_for() {
    refused(
        "values.yaml",
        "number: 18446744073709551615\npassword: hunter2\n",
        &["--unencrypted-suffix", "_clear"],
        "big-integer",
    );
}

#[test]
fn a_name_that_tells_no_format() {
    refused("secret.txt", SECRET, &[], "unknown-format");
    let directory = TestDir::with(&[("secret.txt", SECRET)]);
    directory.done(&["encrypt", "-i", "--type", "yaml", "secret.txt"]);
    assert!(!directory.read("secret.txt").contains(HUNTER2));
}

#[test]
fn a_wrong_type() {
    refused("db.json", SECRET, &[], "yaml-named-json");
}

#[test]
fn several_files_to_one_output() {
    let directory = TestDir::with(&[("a.yaml", SECRET), ("b.yaml", API)]);
    for (arguments, golden) in [
        (&["encrypt", "a.yaml", "b.yaml"][..], "several-to-stdout"),
        (&["encrypt", "-o", "c.yaml", "a.yaml", "b.yaml"], "several-to-file"),
        (&["encrypt", "."], "directory-to-stdout"),
        (&["encrypt", "-i"], "stdin-in-place"),
        (&["encrypt", "-", "a.yaml"], "stdin-and-file"),
        (&["encrypt", "-i", "--filename-override", "c.yaml", "a.yaml", "b.yaml"], "several-names"),
        (&["encrypt", "-i", "--filename-override", "c.yaml", "."], "name-for-directory"),
        (&["encrypt", "-i", "--previous", "a.yaml", "a.yaml", "b.yaml"], "several-previous"),
    ] {
        let run = directory.seal(arguments).run();
        run.golden(&format!("encrypt-refused/{golden}"));
        assert_eq!((run.code, run.out()), (2, ""), "{arguments:?}");
    }
    assert_eq!(directory.files(), [".sops.yaml", "a.yaml", "b.yaml"]);
    assert_eq!(directory.read("a.yaml"), SECRET);
}

#[test]
fn paths_that_are_not_there() {
    let directory = TestDir::with(&[("a.yaml", SECRET), ("b.txt", "")]);
    std::os::unix::fs::symlink("gone", directory.path("dangling.yaml")).unwrap();
    for (path, golden) in [
        ("gone.yaml", "not-found"),
        ("*.yml", "no-match"),
        ("[", "bad-pattern"),
        ("dangling.yaml", "dangling"),
    ] {
        let run = directory.seal(&["encrypt", "-i", path]).run();
        run.golden(&format!("encrypt-refused/{golden}"));
        assert_ne!(run.code, 0);
    }
    // The others are done all the same.
    let run = directory.seal(&["encrypt", "-i", "gone.yaml", "a.yaml"]).run();
    run.golden("encrypt-refused/one-of-two-not-found");
    assert_ne!(directory.read("a.yaml"), SECRET);
}

#[test]
fn one_of_several_files_fails_and_the_others_are_done() {
    let broken = "apiVersion: v1\nkind: Secret\nstringData: {key: hunter2\n";
    let directory = TestDir::with(&[
        ("a/1.yaml", SECRET),
        ("a/2.yaml", broken),
        ("a/3.yaml", API),
        ("a/4.yaml", APPLIED),
    ]);
    let run = directory.seal(&["encrypt", "-i", "a"]).run();
    run.golden("encrypt-refused/one-of-several");
    assert_eq!(run.code, 1);
    assert_eq!(directory.read("a/2.yaml"), broken);
    assert_eq!(directory.read("a/4.yaml"), APPLIED);
    assert_eq!(directory.decrypted("a/1.yaml"), SECRET);
    assert_eq!(directory.decrypted("a/3.yaml"), API);
}

#[test]
fn an_encrypted_value_whose_block_is_lost_is_neither_passed_on_nor_encrypted_again() {
    let directory = TestDir::with(&[("values.yaml", VALUES), ("app.env", "A=hunter2\n")]);
    for (name, block) in [("values.yaml", "sops:"), ("app.env", "sops_")] {
        directory.done(&["encrypt", "-i", "--encrypted-regex", ".", name]);
        let encrypted = directory.read(name);
        let lost = &encrypted[..encrypted.find(block).unwrap()];
        directory.write(name, lost);
        let ways: [(&[&str], i32); 4] = [
            (&["decrypt", name], 3),
            (&["decrypt", "-i", name], 3),
            (&["verify", name], 3),
            (&["encrypt", "-i", "--encrypted-regex", ".", name], 1),
        ];
        for (arguments, code) in ways {
            let run = directory.seal(arguments).run();
            assert_eq!((run.code, run.out()), (code, ""), "{arguments:?}: {}", run.stderr);
            assert!(run.stderr.contains("has no `sops` block"), "{}", run.stderr);
        }
        assert_eq!(directory.read(name), lost);
    }
}
