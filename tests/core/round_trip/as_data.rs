//! SOPS knows no Kubernetes, and whoever answers as SOPS encrypts what it encrypts.

use seal_core::envelope::{Rule, RuleKind};
use seal_core::file::{Class, DecryptOptions, EncryptOptions, Fault, FileError, Layout, decrypt};
use seal_core::format::Format;

use super::support;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: admin\n  password: hunter2\n";

fn options(rule: Option<&str>) -> EncryptOptions {
    let rule = rule.map(|text| Rule { kind: RuleKind::EncryptedRegex, text: text.to_owned() });
    EncryptOptions { as_data: true, rule, layout: Layout::Sops, ..support::whole() }
}

fn encrypted(text: &str, rule: Option<&str>) -> String {
    let made =
        support::try_encrypt(Format::Yaml, text.as_bytes(), &options(rule), support::KEY, None);
    String::from_utf8(made.unwrap().bytes.unwrap()).unwrap()
}

fn decrypted(text: &str, as_data: bool) -> Result<String, FileError> {
    let options = DecryptOptions { as_data, ..DecryptOptions::default() };
    let found = decrypt(Format::Yaml, text.as_bytes(), &options, &support::unwrap)?;
    Ok(String::from_utf8(found.bytes.unwrap().expose().to_vec()).unwrap())
}

#[test]
fn a_rule_may_leave_a_part_of_a_secret_in_clear() {
    let made = encrypted(SECRET, Some("^password$"));
    assert!(made.contains("user: admin") && !made.contains("hunter2"), "{made}");
    assert_eq!(decrypted(&made, true).unwrap(), SECRET);
    let error = decrypted(&made, false).unwrap_err();
    assert_eq!(error.class, Class::Refused);
    let altered = made.replace("user: admin", "user: other");
    assert_eq!(decrypted(&altered, true).unwrap_err().fault, Some(Fault::Mac));
}

#[test]
fn without_a_rule_every_value_is_encrypted() {
    let made = encrypted(SECRET, None);
    assert!(!made.contains("admin") && !made.contains("kind: Secret"), "{made}");
    assert!(made.contains("unencrypted_suffix: _unencrypted"));
    assert_eq!(decrypted(&made, true).unwrap(), SECRET);
}

#[test]
fn a_rule_that_selects_nothing_still_makes_an_envelope() {
    let made = encrypted(SECRET, Some("^nothing$"));
    assert!(made.starts_with(SECRET) && made.contains("sops:"), "{made}");
    assert_eq!(decrypted(&made, true).unwrap(), SECRET);
}

#[test]
fn a_file_with_an_entry_of_that_name_is_taken_for_encrypted() {
    for text in ["sops: 1\na: b\n", "a: b\n---\nsops: {}\n"] {
        let made =
            support::try_encrypt(Format::Yaml, text.as_bytes(), &options(None), support::KEY, None);
        assert_eq!(made.unwrap_err().fault, Some(Fault::AlreadyEncrypted));
    }
}

#[test]
fn a_bound_envelope_is_held_to_its_binding_all_the_same() {
    let made = support::try_encrypt(
        Format::Yaml,
        SECRET.as_bytes(),
        &support::options(),
        support::KEY,
        None,
    );
    let made = String::from_utf8(made.unwrap().bytes.unwrap()).unwrap();
    assert_eq!(decrypted(&made, true).unwrap(), SECRET);
    let error = decrypted(&made.replace("name: db", "name: x"), true).unwrap_err();
    assert_eq!(error.class, Class::Refused);
}

#[test]
fn aliases_and_merge_keys_are_written_out_on_demand() {
    let text = "base: &b\n  k: v\nother: *b\nmerged:\n  <<: *b\n  l: w\n";
    let options = EncryptOptions { expand_aliases: true, ..options(None) };
    let made = support::try_encrypt(Format::Yaml, text.as_bytes(), &options, support::KEY, None);
    let made = String::from_utf8(made.unwrap().bytes.unwrap()).unwrap();
    let back = decrypted(&made, true).unwrap();
    assert!(!back.contains('*') && back.matches("k: v").count() == 3, "{back}");
}
