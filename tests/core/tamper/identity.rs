//! What a document is: kind, group, type, name and namespace; and the rule of its envelope.

use seal_core::file::{Class, DecryptOptions, EncryptOptions, Scope};
use seal_core::format::Format;

use super::altering::{ALL, BOUND, File, Kind, secret};
use super::support;

const A: &str = "Secret prod/a";

#[test]
fn rejects_another_kind() {
    for kind in BOUND {
        kind.file().set(0, "kind", "ConfigMap").is_refused("ConfigMap prod/a");
        kind.file().remove(0, "kind").decrypted().unwrap_err();
        kind.file().set(0, "kind", "1").decrypted().unwrap_err();
    }
}

#[test]
fn rejects_another_group() {
    for kind in BOUND {
        kind.file().set(0, "apiVersion", "apps/v1").is_refused(A);
        // The version of a group is no other thing.
        kind.file().set(0, "apiVersion", "v2").is_accepted();
    }
}

#[test]
fn rejects_another_type() {
    for kind in BOUND {
        kind.file().set(0, "type", "kubernetes.io/tls").is_refused(A);
        // Absent and empty mean the same.
        kind.file().remove(0, "type").is_accepted();
        kind.file().set(0, "type", "\"\"").is_accepted();
    }
}

#[test]
fn rejects_another_name() {
    for kind in BOUND {
        kind.file().set(0, "metadata/name", "x").is_refused("Secret prod/x");
        kind.file().set(0, "metadata/name", "\"\"").is_refused("Secret prod/without a name");
        kind.file().remove(0, "metadata/name").is_refused("Secret prod/without a name");
    }
}

#[test]
fn rejects_another_namespace() {
    for kind in BOUND {
        kind.file().set(0, "metadata/namespace", "dev").is_refused("Secret dev/a");
    }
}

#[test]
fn a_missing_namespace_must_be_given() {
    let file = Kind::Bound.file().remove(0, "metadata/namespace");
    let error = file.is_refused("Secret a");
    assert_eq!(error.hint.as_deref(), Some("say which with `--namespace`"));
    let with = |namespace| {
        let options = DecryptOptions { namespace: Some(namespace), ..DecryptOptions::default() };
        file.decrypted_with(&options)
    };
    assert!(with("prod").is_ok());
    assert_eq!(with("dev").unwrap_err().class, Class::Refused);
}

#[test]
fn a_given_namespace_does_not_stand_in_for_another_one() {
    let file = Kind::Bound.file().set(0, "metadata/namespace", "dev");
    let options = DecryptOptions { namespace: Some("prod"), ..DecryptOptions::default() };
    assert_eq!(file.decrypted_with(&options).unwrap_err().class, Class::Refused);
}

fn scoped(scope: Scope) -> File {
    let options = EncryptOptions { scope, ..support::options() };
    File { text: support::encrypted(Format::Yaml, &secret("a"), &options) }
}

#[test]
fn the_scope_opens_the_name_or_both() {
    let file = scoped(Scope::Namespace);
    file.set(0, "metadata/name", "x").is_accepted();
    file.set(0, "metadata/namespace", "dev").is_refused("Secret dev/a");
    let file = scoped(Scope::None);
    file.set(0, "metadata/name", "x").set(0, "metadata/namespace", "dev").is_accepted();
    file.remove(0, "metadata/namespace").is_accepted();
    file.set(0, "kind", "ConfigMap").is_refused("ConfigMap prod/a");
}

#[test]
fn a_namespace_may_be_added_where_there_was_none() {
    let source = secret("a").replace("  namespace: prod\n", "");
    let file = File { text: support::encrypted(Format::Yaml, &source, &support::options()) };
    file.insert(0, "metadata/name", "namespace: dev").is_accepted();
    let options = DecryptOptions { namespace: Some("dev"), ..DecryptOptions::default() };
    assert!(file.decrypted_with(&options).is_ok());
}

#[test]
fn rejects_another_rule() {
    for kind in ALL {
        let rule = "encrypted_regex: ^(data|stringData)$";
        // Narrowed: values that it leaves out are no longer opened.
        for narrow in
            ["encrypted_regex: ^data$", "encrypted_regex: ^nothing$", "encrypted_suffix: Data"]
        {
            kind.file().replace(rule, narrow).is_refused(A);
        }
        // None means that everything is encrypted, and kind and name are not.
        kind.file().remove(0, "sops/encrypted_regex").is_refused_at(A, r#"["apiVersion"]"#);
        kind.file()
            .replace(rule, "encrypted_regex: ^(data|stringData|type)$")
            .is_refused_at(A, r#"["type"]"#);
    }
    for kind in BOUND {
        kind.file()
            .replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^(stringData|data)$")
            .is_refused(A);
    }
}

#[test]
fn rejects_a_narrowed_rule_with_the_values_gone_that_it_leaves_out() {
    for kind in BOUND {
        let file =
            kind.file().replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^data$");
        let start = file.text.find("stringData:").unwrap();
        let end = file.text.find("\ndata:").unwrap() + 1;
        let mut text = file.text.clone();
        text.replace_range(start..end, "");
        File { text: text.clone() }.is_refused(A);
        text.insert_str(start, "stringData: {password: hunter3}\n");
        File { text }.is_refused_at(A, r#"["stringData"]["password"]"#);
    }
}

#[test]
fn rejects_a_rule_that_is_no_rule() {
    for kind in ALL {
        let broken =
            kind.file().replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^(data");
        assert_eq!(broken.decrypted().unwrap_err().class, Class::Refused);
    }
}

#[test]
fn rejects_another_mac_only_encrypted() {
    for kind in ALL {
        kind.file().remove(0, "sops/mac_only_encrypted").is_refused(A);
        kind.file().replace("mac_only_encrypted: true", "mac_only_encrypted: false").is_refused(A);
    }
}

#[test]
fn rejects_another_date() {
    for kind in ALL {
        let altered = kind.file().set(0, "sops/lastmodified", "\"2026-11-20T12:00:01Z\"");
        // The documents of a stream with different dates have no common envelope; each is then wrong by itself.
        altered.is_refused(A);
        let both = kind.file().text.replace("2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z");
        File { text: both }.is_refused(A);
    }
}

#[test]
fn a_secret_turned_into_another_thing_is_refused_by_sops_mac_where_that_covers_it() {
    let options = EncryptOptions { mac_only_encrypted: Some(false), ..support::options() };
    let text = support::encrypted(Format::Yaml, &secret("a"), &options);
    let file = File { text: super::altering::unbound(&text) };
    file.is_accepted();
    file.set(0, "kind", "ConfigMap").is_refused("ConfigMap prod/a");
    file.set(0, "metadata/name", "x").is_refused("Secret prod/x");
}

const PLAIN: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: prod\n  labels: {}\n\
                     type: Opaque\nstringData:\n  password: hunter2\n";

/// The encrypted form of [`PLAIN`] with one text replaced.
fn with(from: &str, to: &str) -> File {
    let text = support::encrypted(Format::Yaml, PLAIN, &support::options());
    assert!(text.contains(from));
    File { text: text.replacen(from, to, 1) }
}

#[test]
fn rejects_an_identity_behind_an_alias_or_a_merge_key() {
    // kubectl expands these, the binding does not.
    for (from, to) in [
        ("type: Opaque", "x: &t kubernetes.io/dockerconfigjson\ntype: *t"),
        ("type: Opaque", "<<: {type: kubernetes.io/tls}"),
        ("type: Opaque", "type: 3"),
        ("  namespace: prod\n  labels: {}", "  labels: {a: &n kube-system}\n  namespace: *n"),
        ("  namespace: prod", "  <<: {namespace: kube-system}"),
        ("kind: Secret", "x: &k Secret\nkind: *k"),
        ("  labels: {}", "  <<: {labels: {}}"),
    ] {
        let file = with(from, to);
        let options = DecryptOptions { namespace: Some("prod"), ..DecryptOptions::default() };
        assert_eq!(file.decrypted_with(&options).unwrap_err().class, Class::Refused, "{to}");
        assert_eq!(file.decrypted().unwrap_err().class, Class::Refused, "{to}");
    }
}

#[test]
fn rejects_values_that_a_merge_key_or_a_hidden_kind_brings_in() {
    for (from, to) in [
        ("type: Opaque", "<<: {data: {evil: ZXZpbA==}}"),
        ("type: Opaque", "<<: {stringData: {evil: evil}}"),
        ("kind: Secret", "x: &k Secret\nkind: *k\ndata: {evil: ZXZpbA==}"),
        ("type: Opaque", "items: [{apiVersion: v1, kind: Secret, stringData: {evil: evil}}]"),
    ] {
        let file = with(from, to);
        assert_eq!(file.decrypted().unwrap_err().class, Class::Refused, "{to}");
    }
}
