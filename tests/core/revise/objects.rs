//! Several objects in a text: which is which, and what becomes of new ones.

use seal_core::file::{EncryptOptions, Layout};
use seal_core::format::Format;

use super::*;

fn named(name: &str) -> String {
    SECRET.replace("name: a\n", &format!("name: {name}\n"))
}

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  shown: yes\n")
}

fn stream(parts: &[&str]) -> String {
    parts.join("---\n")
}

fn release() -> String {
    stream(&[&named("a"), &config("c"), &named("b")])
}

#[test]
fn an_object_in_which_nothing_changed_stays_byte_for_byte() {
    let before = encrypted(&release());
    let after = revised(Format::Yaml, &before, &release().replacen("hunter2", "other", 1));
    let (_, of_before) = before.split_once("\n---\n").unwrap();
    let (changed, of_after) = after.split_once("\n---\n").unwrap();
    assert_eq!(of_before, of_after);
    assert!(changed.contains(LATER));
    assert_eq!(changes(&before, &after), (1, 1));
}

#[test]
fn an_unchanged_envelope_keeps_a_spelling_that_is_not_ours() {
    let before = encrypted(&release());
    let (first, rest) = before.split_once("\n---\n").unwrap();
    let foreign = first.replacen("lastmodified: ", "unknown: 1\n    lastmodified:   ", 1);
    assert_ne!(foreign, first);
    let before = format!("{foreign}\n---\n{rest}");
    let (config, last) =
        release().split_once("\n---\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let after =
        revised(Format::Yaml, &before, &format!("{config}\n---\n{}", last.replace("hunter2", "x")));
    assert!(after.starts_with(&foreign));
}

#[test]
fn objects_are_known_by_name_in_any_order() {
    let before = encrypted(&release());
    let after = revised(Format::Yaml, &before, &stream(&[&named("b"), &named("a"), &config("c")]));
    assert_eq!(changes(&before, &after), (0, 0));
    assert!(!after.contains(LATER));
}

#[test]
fn a_renamed_object_keeps_its_ciphertext_and_is_bound_to_its_new_name() {
    let before = encrypted(&release());
    let after = revised(Format::Yaml, &before, &release().replacen("name: b\n", "name: z\n", 1));
    assert_eq!(changes(&before, &after), (0, 0));
    let back = after.replacen("name: z\n", "name: b\n", 1);
    assert!(support::try_decrypt(Format::Yaml, &back).is_err());
}

#[test]
fn a_new_secret_gets_a_fresh_data_key() {
    let before = encrypted(&release());
    let (after, drawn) = revised_with_keys(
        Format::Yaml,
        &before,
        &stream(&[&named("a"), &config("c"), &named("new"), &config("d"), &named("b")]),
    );
    assert_eq!(drawn, 1);
    assert_eq!(changes(&before, &after), (0, 6));
    assert_eq!(after.matches(&"09".repeat(32)).count(), 1);
    assert_eq!(bound(Format::Yaml, &after), [true; 3]);
}

#[test]
fn a_copied_secret_shares_nothing_with_its_original() {
    let before = encrypted(&release());
    let copy = stream(&[&named("a"), &config("c"), &named("b"), &named("b")]);
    let (after, drawn) = revised_with_keys(Format::Yaml, &before, &copy);
    assert_eq!((drawn, changes(&before, &after)), (1, (0, 6)));
    assert_eq!(BTreeSet::from_iter(texts(&after)).len(), texts(&after).len());
}

#[test]
fn a_removed_document_takes_its_envelope_with_it() {
    let before = encrypted(&release());
    let after = revised(Format::Yaml, &before, &stream(&[&config("c"), &named("b")]));
    assert_eq!(envelopes(&after).len(), 1);
    assert!(before.ends_with(after.split_once("\n---\n").unwrap().1));
}

#[test]
fn an_object_that_is_no_secret_any_more_stays_encrypted() {
    let before = encrypted(&release());
    let (after, drawn) = revised_with_keys(
        Format::Yaml,
        &before,
        &release().replacen("kind: Secret", "kind: Other", 1),
    );
    assert_eq!(drawn, 0);
    assert!(!after.contains("hunter2"), "{after}");
}

#[test]
fn items_of_a_list_are_objects_of_their_own() {
    let item = |name: &str, value: &str| {
        format!(
            "- apiVersion: v1\n  kind: Secret\n  metadata: {{name: {name}}}\n  stringData:\n    p: {value}\n    q: x\n"
        )
    };
    let list = |items: &[String]| format!("apiVersion: v1\nkind: List\nitems:\n{}", items.concat());
    let before = encrypted(&list(&[item("a", "one"), item("b", "two")]));
    let after = revised(Format::Yaml, &before, &list(&[item("a", "one"), item("b", "three")]));
    assert_eq!(changes(&before, &after), (1, 1));
    assert_eq!((after.matches(LATER).count(), after.matches(support::DATE).count()), (1, 1));
    let (after, drawn) = revised_with_keys(
        Format::Yaml,
        &before,
        &list(&[item("new", "x"), item("b", "two"), item("a", "one")]),
    );
    assert_eq!((drawn, changes(&before, &after)), (1, (0, 2)));
}

#[test]
fn a_list_under_one_envelope_stays_under_it() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  stringData: {p: one, q: two}\n";
    let options = EncryptOptions { layout: Layout::Sops, ..support::options() };
    let before = support::encrypted(Format::Yaml, list, &options);
    assert_eq!(bound(Format::Yaml, &before), [true]);
    let after = revised(Format::Yaml, &before, &list.replace("one", "1st"));
    assert_eq!(changes(&before, &after), (1, 1));
    assert_eq!(bound(Format::Yaml, &after), [true]);
    assert!(after.contains("\nsops:\n"), "{after}");
}

#[test]
fn documents_under_one_envelope_stay_under_it() {
    let options = EncryptOptions { layout: Layout::Sops, ..support::options() };
    let before = support::encrypted(Format::Yaml, &release(), &options);
    let changed = release().replacen("hunter2", "other", 1);
    let after = revised(Format::Yaml, &before, &changed);
    assert_eq!(changes(&before, &after), (1, 1));
    let envelopes = envelopes(&after);
    assert_eq!(envelopes.len(), 3);
    assert!(envelopes.iter().all(|envelope| *envelope == envelopes[0]));
    assert_eq!(envelopes[0].last_modified, LATER);
    assert_eq!(bound(Format::Yaml, &after), [false]);

    for after in [
        stream(&[&named("a"), &config("c"), &named("new"), &named("b")]),
        stream(&[&named("b"), &config("c"), &named("a")]),
        stream(&[&config("c"), &named("b")]),
        named("b"),
    ] {
        let text = revised(Format::Yaml, &before, &after);
        let new = if after.contains("new") { 6 } else { 0 };
        assert_eq!(changes(&before, &text).1, new, "{after}");
        assert_eq!(bound(Format::Yaml, &text), [false]);
    }
}

#[test]
fn documents_that_are_no_objects_are_known_by_their_place() {
    let before = whole(Format::Yaml, "a: 1\nb: 2\n---\nc: 3\n---\nd: 4\n");
    let after = revised(Format::Yaml, &before, "a: 1\nb: x\n---\nc: 3\n---\nd: 4\n");
    assert_eq!(changes(&before, &after), (1, 1));
    let (after, drawn) =
        revised_with_keys(Format::Yaml, &before, "a: 1\nb: 2\n---\nn: 0\n---\nc: 3\n---\nd: 4\n");
    assert_eq!((drawn, changes(&before, &after)), (1, (0, 1)));
    let after = revised(Format::Yaml, &before, "a: 1\nb: 2\n---\nd: 4\n");
    assert_eq!(changes(&before, &after), (1, 0));
}

#[test]
fn a_new_document_is_encrypted_by_the_rule_that_all_others_have() {
    let rule = seal_core::envelope::Rule {
        kind: seal_core::envelope::RuleKind::EncryptedRegex,
        text: "^pw$".to_owned(),
    };
    let options = EncryptOptions { rule: Some(rule.clone()), ..support::options() };
    let before = support::encrypted(Format::Yaml, "pw: a\nx: b\n---\npw: c\n", &options);
    let (after, _) = revised_with_keys(
        Format::Yaml,
        &before,
        "pw: a\nx: b\n---\npw: c\n---\npw: new\ny: shown\n",
    );
    assert!(!after.contains("new") && after.contains("y: shown"), "{after}");
    assert!(envelopes(&after).iter().all(|envelope| envelope.rule.as_ref() == Some(&rule)));
}
