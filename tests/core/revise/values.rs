//! Values and comments of one document.

use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::{EncryptOptions, Scope};
use seal_core::format::Format;

use super::*;

#[test]
fn an_unchanged_text_gives_no_bytes() {
    for before in [encrypted(SECRET), whole(Format::Yaml, "a: 1\nb: [x, x]\n# c\n")] {
        let plain = support::decrypted(Format::Yaml, &before);
        let (done, drawn) = run(Format::Yaml, &before, Some(&plain), &options(), &support::unwrap);
        let done = done.unwrap();
        assert!(done.bytes.is_none());
        assert_eq!((done.report.kept, done.report.encrypted, drawn), (1, 0, 0));
    }
}

#[test]
fn one_changed_value_changes_its_line_the_date_and_the_mac() {
    let before = encrypted(SECRET);
    let after = revised(Format::Yaml, &before, &SECRET.replace("hunter2", "hunter3"));
    let new = lines_beyond(&after, &before);
    assert_eq!(new.len(), 3, "{new:#?}");
    assert!(new[0].starts_with("  password: ENC["));
    assert!(new[1].trim_start().starts_with("lastmodified: \"2027"), "{new:#?}");
    assert!(new[2].trim_start().starts_with("mac: ENC["));
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(bound(Format::Yaml, &after), [true]);
}

#[test]
fn each_kind_of_change_touches_the_values_that_it_concerns() {
    let before = encrypted(SECRET);
    for (from, to, gone, new) in [
        ("user: 'app'", "user: 'app'\n  added: x", 0, 1),
        ("  user: 'app'\n", "", 1, 0),
        ("user: 'app'", "login: 'app'", 1, 1),
        ("user: 'app'", "user: \"app\"", 0, 0),
        ("user: 'app'", "user: ''", 1, 0),
        ("empty: \"\"", "empty: x", 0, 1),
        ("number: 1.0", "number: 1.00", 1, 1),
        ("number: 1.0", "number: \"1.0\"", 1, 1),
        ("# rotate", "# rotated", 1, 1),
        (" # rotate", "", 1, 0),
        ("  # about the password\n", "", 1, 0),
        ("metadata:\n", "metadata:\n  labels: {a: b}\n", 0, 0),
        ("kind: Secret\n", "kind: Secret\ntype: kubernetes.io/tls\n", 0, 0),
    ] {
        let after = SECRET.replacen(from, to, 1);
        assert_ne!(after, SECRET);
        let after = revised(Format::Yaml, &before, &after);
        assert_eq!(changes(&before, &after), (gone, new), "{from} → {to}\n{after}");
        assert_eq!(bound(Format::Yaml, &after), [true]);
    }
}

#[test]
fn what_no_envelope_covers_changes_no_envelope() {
    let before = encrypted(SECRET);
    for (from, to) in [
        ("metadata:\n", "metadata:\n  labels: {a: b}\n"),
        ("metadata:\n", "\n# a comment\nmetadata:\n"),
        ("user: 'app'", "user: \"app\""),
    ] {
        let after = revised(Format::Yaml, &before, &SECRET.replacen(from, to, 1));
        assert_eq!(envelopes(&before), envelopes(&after), "{from} → {to}");
    }
}

#[test]
fn what_only_the_binding_covers_makes_the_envelope_again() {
    let before = encrypted(SECRET);
    for (from, to) in [
        ("name: a\n", "name: b\n"),
        ("namespace: prod\n", "namespace: test\n"),
        ("  namespace: prod\n", ""),
        ("kind: Secret\n", "kind: Secret\ntype: kubernetes.io/tls\n"),
        ("user: 'app'", "user: 'app'\n  added: ''"),
        ("  empty: \"\"\n", ""),
    ] {
        let after = revised(Format::Yaml, &before, &SECRET.replacen(from, to, 1));
        assert_eq!(changes(&before, &after), (0, 0), "{from} → {to}");
        assert_ne!(envelopes(&before), envelopes(&after), "{from} → {to}");
        assert!(after.contains(LATER) && !after.contains(support::DATE));
    }
}

#[test]
fn items_of_a_list_keep_their_ciphertext_wherever_they_move() {
    let before = whole(Format::Yaml, "list:\n  - one\n  - two\n  - three\n");
    for (after, gone, new) in [
        ("list:\n  - zero\n  - one\n  - two\n  - three\n", 0, 1),
        ("list:\n  - three\n  - two\n  - one\n", 0, 0),
        ("list:\n  - one\n  - three\n", 1, 0),
        ("list:\n  - [one, two]\n  - three\n", 0, 0),
        ("other:\n  - one\n  - two\n  - three\n", 3, 3),
    ] {
        let text = revised(Format::Yaml, &before, after);
        assert_eq!(changes(&before, &text), (gone, new), "{after}");
    }
}

#[test]
fn equal_values_never_share_a_ciphertext() {
    let before = whole(Format::Yaml, "list: [same, same, other]\n");
    assert_eq!(BTreeSet::from_iter(texts(&before)).len(), 3);
    let after = revised(Format::Yaml, &before, "list: [same, same, same, same, other]\n");
    assert_eq!(BTreeSet::from_iter(texts(&after)).len(), 5);
    assert_eq!(changes(&before, &after), (0, 2));
    // Not even once one of them was something else in between.
    let changed = revised(Format::Yaml, &after, "list: [x, same, same, same, other]\n");
    let back = revised(Format::Yaml, &changed, "list: [same, same, same, same, other]\n");
    assert_eq!(BTreeSet::from_iter(texts(&back)).len(), 5);
    assert_eq!(changes(&changed, &back), (1, 1));
}

#[test]
fn a_value_never_takes_the_ciphertext_of_another_type() {
    let before = whole(Format::Yaml, "list: [1, \"1\", true, \"true\", 1.0]\n");
    let after = revised(Format::Yaml, &before, "list: [\"1\", 1, \"true\", true, 1.0]\n");
    assert_eq!(changes(&before, &after), (0, 0));
    let after = revised(Format::Yaml, &before, "list: [\"1\", \"1\", true, true, 1.00]\n");
    assert_eq!(changes(&before, &after), (3, 3));
}

#[test]
fn comments_keep_their_ciphertext_within_their_container() {
    let source = "# top\na: 1\nmap:\n  # same\n  b: 2\n  # same\n  c: 3\n";
    let before = whole(Format::Yaml, source);
    assert_eq!(texts(&before).len(), 6);
    let after =
        revised(Format::Yaml, &before, "# top\na: 1\nmap:\n  # same\n  c: 3\n  # same\n  b: 2\n");
    assert_eq!(changes(&before, &after), (0, 0));
    let after =
        revised(Format::Yaml, &before, "# same\na: 1\nmap:\n  # top\n  b: 2\n  # same\n  c: 3\n");
    assert_eq!(changes(&before, &after), (2, 2));
}

#[test]
fn an_emptied_document_keeps_its_envelope_and_later_values_are_encrypted() {
    let before = encrypted(SECRET);
    let empty = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: prod\nstringData:\n  x: \"\"\n";
    let after = revised(Format::Yaml, &before, empty);
    assert_eq!(texts(&after), Vec::<&str>::new());
    assert_eq!(bound(Format::Yaml, &after), [true]);
    let again = revised(Format::Yaml, &after, &empty.replace("\"\"", "secret"));
    assert!(!again.contains("x: secret"), "{again}");
    assert!(again.contains(&"07".repeat(32)));
}

#[test]
fn the_rule_and_the_mac_of_an_envelope_stay() {
    for mac_only in [false, true] {
        let rule = Rule { kind: RuleKind::EncryptedRegex, text: "^secret".to_owned() };
        let options = EncryptOptions {
            rule: Some(rule.clone()),
            mac_only_encrypted: Some(mac_only),
            ..support::whole()
        };
        let before = support::encrypted(Format::Yaml, "secret: a\nclear: b\n", &options);
        let after = revised(Format::Yaml, &before, "secret: a\nsecret2: x\nclear: c\nmore: d\n");
        assert!(after.contains("clear: c\nmore: d\n") && !after.contains("secret2: x"));
        let [envelope] = &envelopes(&after)[..] else { panic!("{after}") };
        assert_eq!(envelope.rule, Some(rule));
        assert_eq!(envelope.mac_only_encrypted, mac_only);
    }
}

#[test]
fn the_scope_of_a_binding_stays() {
    let read = |text: &str| -> Vec<bool> {
        // A rename passes where the name is not bound.
        [("name: a", "name: z"), ("namespace: prod", "namespace: dev")]
            .map(|(from, to)| {
                support::try_decrypt(Format::Yaml, &text.replacen(from, to, 1)).is_ok()
            })
            .into()
    };
    for (scope, passes) in [
        (Scope::Name, [false, false]),
        (Scope::Namespace, [true, false]),
        (Scope::None, [true, true]),
    ] {
        let options = EncryptOptions { scope, ..support::options() };
        let before = support::encrypted(Format::Yaml, SECRET, &options);
        assert_eq!(read(&before), passes, "{scope:?}");
        let after = revised(Format::Yaml, &before, &SECRET.replace("hunter2", "other"));
        assert_eq!(read(&after), passes, "{scope:?}");
    }
}

#[test]
fn a_namespace_that_stands_outside_stays_bound() {
    let before = encrypted(SECRET).replace("  namespace: prod\n", "");
    let decrypt = seal_core::file::DecryptOptions { namespace: Some("prod"), ..Default::default() };
    let options = ReviseOptions { decrypt, ..options() };
    let plain = SECRET.replace("  namespace: prod\n", "").replace("hunter2", "other");
    let (done, _) = run(Format::Yaml, &before, Some(&plain), &options, &support::unwrap);
    let after = String::from_utf8(done.unwrap().bytes.unwrap()).unwrap();
    assert!(support::try_decrypt(Format::Yaml, &after).is_err());
    for (namespace, holds) in [("prod", true), ("dev", false)] {
        let decrypt = seal_core::file::DecryptOptions { namespace: Some(namespace), ..decrypt };
        let read =
            seal_core::file::decrypt(Format::Yaml, after.as_bytes(), &decrypt, &support::unwrap);
        assert_eq!(read.is_ok(), holds, "{namespace}");
    }
}

#[test]
fn json_keeps_its_text_and_its_ciphertext() {
    let source = "{\n  \"a\": \"x\",\n  \"n\": [1, 2.50, true, null, \"\"],\n  \"s\": {}\n}\n";
    let before = whole(Format::Json, source);
    let after =
        revised(Format::Json, &before, &source.replace("2.50", "2.5").replace("{}", "{\"t\": 1}"));
    assert_eq!(changes(&before, &after), (1, 2));
    let (done, _) = run(Format::Json, &before, Some(source), &options(), &support::unwrap);
    assert!(done.unwrap().bytes.is_none());
}

#[test]
fn a_reordered_document_is_kept_as_it_stands() {
    let before = encrypted(SECRET);
    let user = before.lines().find(|line| line.starts_with("  user:")).unwrap().to_owned() + "\n";
    let sorted =
        before.replacen(&user, "", 1).replacen("\ndata:\n", &format!("\n{user}data:\n"), 1);
    let decrypted = support::try_decrypt(Format::Yaml, &sorted).unwrap();
    assert!(decrypted.objects[0].reordered);
    let plain = support::text(&decrypted).unwrap();
    let labelled = plain.replacen("metadata:\n", "metadata:\n  labels: {a: b}\n", 1);
    let after = revised(Format::Yaml, &sorted, &labelled);
    assert_eq!(envelopes(&after), envelopes(&sorted));
    // Once it is made again, the order is the new one.
    let after = revised(Format::Yaml, &sorted, &plain.replace("hunter2", "other"));
    assert!(!support::try_decrypt(Format::Yaml, &after).unwrap().objects[0].reordered);
}
