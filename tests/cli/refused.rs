//! Files that were tampered with: exit code 3, the place, and not one byte on stdout.

use crate::harness::TestDir;
use crate::manifests::{API, SECRET, stream};

/// Decrypts the stream after a change to the encrypted text.
#[track_caller]
fn refused(change: impl Fn(&str) -> String, golden: &str) {
    let directory = TestDir::ready();
    let input = stream(&[SECRET, API]);
    let encrypted = directory.seal(&["encrypt"]).stdin(input).run();
    let changed = change(encrypted.out());
    assert_ne!(changed, encrypted.out());
    directory.write("all.yaml", &changed);
    let run = directory.seal(&["decrypt", "all.yaml"]).run();
    run.golden(&format!("refused/{golden}"));
    assert_eq!((run.code, run.out()), (3, ""));
    let run = directory.seal(&["decrypt", "-i", "all.yaml"]).run();
    assert_eq!(run.code, 3);
    assert_eq!(directory.read("all.yaml"), changed);
}

/// The line of a key, without the key.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{key}: ")));
    line.unwrap()
}

#[test]
fn a_value_moved_to_another_key() {
    refused(
        |text| {
            let (user, password) = (value(text, "user"), value(text, "key"));
            text.replace(user, "SWAP").replace(password, user).replace("SWAP", password)
        },
        "moved",
    );
}

#[test]
fn what_ignore_mac_lets_pass_is_said_loudly() {
    let directory = TestDir::ready();
    let encrypted = directory.seal(&["encrypt"]).stdin(stream(&[SECRET, API])).run();
    directory.write("all.yaml", encrypted.out().replace("name: db", "name: other"));
    let run = directory.seal(&["decrypt", "--ignore-mac", "all.yaml"]).run();
    run.golden("refused/ignored");
    assert_eq!(run.code, 0);
    assert_eq!(run.out(), stream(&[SECRET, API]).replace("name: db", "name: other"));
    let quiet = directory.seal(&["decrypt", "-q", "--ignore-mac", "all.yaml"]).run();
    assert!(quiet.stderr.contains("NOT VERIFIED"), "{}", quiet.stderr);
}

#[test]
fn another_name_kind_or_namespace() {
    refused(|text| text.replace("name: db", "name: other"), "renamed");
    refused(|text| text.replacen("kind: Secret", "kind: ConfigMap", 1), "other-kind");
    refused(|text| text.replace("namespace: shop", "namespace: prod"), "other-namespace");
}

#[test]
fn a_value_altered_emptied_added_or_taken_away() {
    refused(
        |text| {
            let user = value(text, "user");
            let altered = user.replace("data:", "data:AAAA");
            text.replace(user, &altered)
        },
        "altered",
    );
    refused(|text| text.replace(value(text, "user"), "\"\""), "emptied");
    refused(|text| text.replace("  empty: \"\"\n", ""), "empty-taken-away");
    refused(
        |text| text.replace("  empty: \"\"\n", "  empty: \"\"\n  more: clear\n"),
        "clear-added",
    );
    refused(|text| text.replace("  empty: \"\"\n", "  empty: \"\"\n  more: \"\"\n"), "empty-added");
}

#[test]
fn an_altered_envelope() {
    refused(|text| text.replacen("^(data|stringData)$", "^(data)$", 1), "narrowed-rule");
    refused(
        |text| {
            let mac = value(text, "mac");
            text.replacen(mac, &mac.replace("iv:", "iv:AA"), 1)
        },
        "altered-mac",
    );
    refused(
        |text| {
            let (head, _) = text.split_once("sops:").unwrap();
            head.to_owned()
        },
        "envelope-taken-away",
    );
}
