//! New data keys for what is encrypted already: `rotate` and `bind`.

use seal_core::file::{EncryptOptions, Layout};
use seal_core::format::Format;

use super::*;

fn renewed(before: &str, fresh: Fresh) -> (String, usize) {
    let options = ReviseOptions { fresh, ..options() };
    let (done, drawn) = run(Format::Yaml, before, None, &options, &support::unwrap);
    let done = done.unwrap_or_else(|error| panic!("{}\n{before}", support::describe(&error)));
    let text = String::from_utf8(done.bytes.unwrap_or_else(|| before.into())).unwrap();
    assert_eq!(support::decrypted(Format::Yaml, &text), support::decrypted(Format::Yaml, before));
    (text, drawn)
}

fn release() -> String {
    let other = SECRET.replace("name: a\n", "name: b\n");
    format!("{SECRET}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n---\n{other}")
}

fn shared() -> String {
    let options = EncryptOptions { layout: Layout::Sops, ..support::options() };
    support::encrypted(Format::Yaml, &release(), &options)
}

#[test]
fn a_new_data_key_changes_every_ciphertext_and_nothing_else() {
    let before = encrypted(&release());
    let (after, drawn) = renewed(&before, Fresh::All);
    assert_eq!(drawn, 1);
    assert_eq!(changes(&before, &after), (12, 12));
    assert_eq!(after.matches(&"09".repeat(32)).count(), 2);
    assert!(!after.contains(&"07".repeat(32)));
    assert_eq!(bound(Format::Yaml, &after), [true, true]);
    let (old, new) = (envelopes(&before), envelopes(&after));
    assert!(old.iter().zip(&new).all(|(old, new)| old.rule == new.rule));
}

#[test]
fn a_new_data_key_leaves_the_layout_of_sops_as_it_is() {
    let (after, drawn) = renewed(&shared(), Fresh::All);
    assert_eq!((drawn, bound(Format::Yaml, &after).as_slice()), (1, [false].as_slice()));
    assert_eq!(changes(&shared(), &after).1, 12);
    assert_eq!(envelopes(&after).len(), 3);
}

#[test]
fn binding_gives_each_document_an_envelope_and_a_new_data_key() {
    let (after, drawn) = renewed(&shared(), Fresh::Unbound);
    assert_eq!(drawn, 1);
    assert_eq!(bound(Format::Yaml, &after), [true, true]);
    assert_eq!(envelopes(&after).len(), 2, "the ConfigMap has nothing to encrypt");
    assert!(!after.contains(&"07".repeat(32)));
}

#[test]
fn what_is_bound_is_told_by_name() {
    let options = ReviseOptions { fresh: Fresh::Unbound, ..options() };
    let (done, _) = run(Format::Yaml, &shared(), None, &options, &support::unwrap);
    let bound = done.unwrap().report.bound;
    assert_eq!(bound, [Some("Secret prod/a".to_owned()), Some("Secret prod/b".to_owned())]);
    // A single document of SOPS, under its rule.
    let one = support::encrypted(
        Format::Yaml,
        SECRET,
        &EncryptOptions { layout: Layout::Sops, as_data: true, ..support::options() },
    );
    assert_eq!(super::bound(Format::Yaml, &one), [false]);
    let (done, drawn) = run(Format::Yaml, &one, None, &options, &support::unwrap);
    let done = done.unwrap();
    assert_eq!((done.report.bound, drawn), (vec![Some("Secret prod/a".to_owned())], 1));
    let text = String::from_utf8(done.bytes.unwrap()).unwrap();
    assert_eq!(super::bound(Format::Yaml, &text), [true]);
}

#[test]
fn binding_leaves_what_is_bound_alone() {
    let before = encrypted(&release());
    let options = ReviseOptions { fresh: Fresh::Unbound, ..options() };
    let (done, drawn) = run(Format::Yaml, &before, None, &options, &support::unwrap);
    let done = done.unwrap();
    assert!(done.bytes.is_none());
    assert_eq!((drawn, done.report.kept, done.report.encrypted), (0, 2, 0));
    assert!(done.report.bound.is_empty());
}

#[test]
fn a_changed_text_under_a_new_data_key_shares_no_ciphertext() {
    let before = encrypted(SECRET);
    let options = ReviseOptions { fresh: Fresh::All, ..options() };
    let changed = SECRET.replace("hunter2", "other");
    let (done, _) = run(Format::Yaml, &before, Some(&changed), &options, &support::unwrap);
    let after = String::from_utf8(done.unwrap().bytes.unwrap()).unwrap();
    assert_eq!(changes(&before, &after), (6, 6));
    assert_eq!(support::decrypted(Format::Yaml, &after), changed);
}
