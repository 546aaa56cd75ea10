//! Secrets that nothing encrypts.

use seal_core::check::CheckOptions;

use crate::{SECRET, checked, encrypted, found, found_with, options, regex};

#[test]
fn a_secret_in_clear_is_one_finding_wherever_it_stands_in_a_stream_or_a_list() {
    assert_eq!(found(SECRET), ["2: secret-in-clear"]);
    let stream = format!("a: 1\n---\n{SECRET}---\n{SECRET}");
    assert_eq!(found(&stream), ["4: secret-in-clear", "13: secret-in-clear"]);
    let list = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
- apiVersion: v1
  kind: Secret
  data: {a: aHVudGVyMg==}
";
    assert_eq!(found(list), ["7: secret-in-clear"]);
}

#[test]
fn secrets_of_other_groups_are_not_meant() {
    assert_eq!(found(&SECRET.replace("v1\n", "example.com/v1\n")), [""; 0]);
}

#[test]
fn a_value_without_its_envelope_is_lost_and_no_secret_in_clear() {
    let source = encrypted(SECRET);
    let source = &source[..source.find("sops:").unwrap()];
    assert_eq!(found(source), ["7: lost-envelope"]);
    // An encrypted file inside a document has an envelope of its own.
    let indented = encrypted(SECRET).lines().map(|line| format!("  {line}\n")).collect::<String>();
    assert_eq!(found(&format!("inner:\n{indented}")), [""; 0]);
}

#[test]
fn a_secret_that_is_hidden_is_found() {
    let by_alias = "a: &k Secret\n---\napiVersion: v1\nkind: *k\ndata: {a: aHVudGVyMg==}\n";
    assert_eq!(found(by_alias), ["4: hidden-secret"]);
    let by_merge = "\
base: &base {apiVersion: v1, kind: Secret}
---
<<: *base
stringData: {a: hunter2}
";
    assert_eq!(found(by_merge), ["3: hidden-secret"]);
    let nested = "\
apiVersion: example.com/v1
kind: Template
spec:
  object:
    apiVersion: v1
    kind: Secret
    stringData: {a: hunter2}
";
    assert_eq!(found(nested), ["5: hidden-secret"]);
    let list = "apiVersion: v1\nkind: SecretList\nitems:\n- stringData: {a: hunter2}\n";
    assert_eq!(found(list), ["1: hidden-secret"]);
    let merged_data = "\
x: &x {stringData: {a: hunter2}}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
<<: *x
";
    assert_eq!(found(merged_data), ["6: hidden-secret"]);
}

#[test]
fn a_secret_inside_an_encrypted_object_is_found_where_the_rule_leaves_it_out() {
    let source = "\
kind: Wrapper
password: hunter2
inner:
  apiVersion: v1
  kind: Secret
  stringData: {a: hunter2}
";
    let options = seal_core::file::EncryptOptions {
        rule: Some(regex("^password$")),
        ..crate::support::options()
    };
    let encrypted = crate::encrypted_with(source, &options);
    assert_eq!(found(&encrypted), ["4: hidden-secret"]);
}

#[test]
fn copies_in_annotations_are_found_in_secrets_in_clear_and_encrypted_ones() {
    for key in ["kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original"] {
        let copy = r#"{"kind":"Secret","data":{"password":"aHVudGVyMg=="}}"#;
        let annotated = |copy: &str| {
            let annotation = format!("metadata:\n  annotations:\n    {key}: '{copy}'\n");
            SECRET.replace("metadata:\n", &annotation)
        };
        let clear = found(&annotated(copy));
        assert_eq!(clear, ["2: secret-in-clear", "5: copy-in-annotation"]);
        let later = encrypted(SECRET);
        let later = later
            .replace("metadata:\n", &format!("metadata:\n  annotations:\n    {key}: '{copy}'\n"));
        assert_eq!(found(&later), ["5: copy-in-annotation"]);
        // A copy of what is encrypted, or one without values, gives nothing away.
        for harmless in [
            r#"{"kind":"Secret","stringData":{"a":"ENC[AES256_GCM,data:x]"}}"#,
            r#"{"kind":"Secret","metadata":{"name":"a"}}"#,
        ] {
            let text = encrypted(SECRET).replace(
                "metadata:\n",
                &format!("metadata:\n  annotations:\n    {key}: '{harmless}'\n"),
            );
            assert_eq!(found(&text), [""; 0], "{harmless}");
        }
        let unreadable = annotated("{broken hunter2");
        assert_eq!(found(&unreadable), ["2: secret-in-clear", "5: copy-in-annotation"]);
    }
}

#[test]
fn a_hook_of_helm_is_a_warning_encrypted_or_not() {
    let hook =
        SECRET.replace("metadata:\n", "metadata:\n  annotations: {helm.sh/hook: pre-install}\n");
    assert_eq!(found(&hook), ["2: secret-in-clear", "4: helm-hook"]);
    assert_eq!(found(&encrypted(&hook)), ["4: helm-hook"]);
}

#[test]
fn a_sealed_secret_may_only_refer_to_what_was_sealed() {
    // 256 bytes of a session key, and more.
    let sealed = format!("AQAA{}", "AAAA".repeat(100));
    let source = format!(
        "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {{name: a}}
spec:
  encryptedData:
    password: {sealed}
    forgotten: aHVudGVyMg==
  template:
    data:
      config: 'password={{{{ .password }}}}'
      literal: hunter2
    stringData:
      other: hunter2
"
    );
    assert_eq!(found(&source), ["7: sealed-secret", "11: sealed-secret", "13: sealed-secret"]);
    let old = |data: &str| {
        format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  data: {data}\n")
    };
    assert_eq!(found(&old(&sealed)), [""; 0]);
    assert_eq!(found(&old("{password: hunter2}")), ["4: sealed-secret"]);
    // Base64 of something else, and what was cut off.
    for damaged in ["QWdB".repeat(100), format!("AQAA{}", "AAAA".repeat(80))] {
        let source = source.replace(&sealed, &damaged);
        assert_eq!(found(&source)[0], "6: sealed-secret");
    }
}

#[test]
fn a_rule_that_is_no_profile_holds_for_every_document() {
    let rule = regex("^(data|password)$");
    let with_rule = CheckOptions { rule: Some(&rule), ..options() };
    let config_map = "apiVersion: v1\nkind: ConfigMap\ndata: {a: hunter2, b: hunter2}\n";
    assert_eq!(found_with(config_map, &with_rule), ["3: rule-in-clear"]);
    let checked = checked(config_map, &with_rule);
    let message = "2 values that `encrypted_regex: ^(data|password)$` selects are in clear";
    assert_eq!(checked.findings[0].message, message);
    assert_eq!(found_with("password: hunter2\n", &with_rule), ["1: rule-in-clear"]);
    assert_eq!(found_with("other: hunter2\n", &with_rule), [""; 0]);
    let encryption =
        seal_core::file::EncryptOptions { rule: Some(rule.clone()), ..crate::support::options() };
    assert_eq!(found_with(&crate::encrypted_with(config_map, &encryption), &with_rule), [""; 0]);
}

#[test]
fn a_file_that_a_rule_means_is_encrypted_whole() {
    let meant = CheckOptions { whole_file: true, ..options() };
    assert_eq!(found_with("a: hunter2\nb_unencrypted: x\n", &meant), ["1: rule-in-clear"]);
    assert_eq!(found_with("b_unencrypted: x\n", &meant), [""; 0]);
    assert_eq!(found_with("- hunter2\n", &meant), ["1: rule-in-clear"]);
    // In a manifest only the Secrets are meant.
    let config_map = "apiVersion: v1\nkind: ConfigMap\ndata: {a: hunter2}\n";
    assert_eq!(found_with(config_map, &meant), [""; 0]);
    for empty in ["", "# c\n", "---\n"] {
        assert_eq!(found_with(empty, &meant), [""; 0]);
    }
    let whole = crate::encrypted_with("a: hunter2\n", &crate::support::whole());
    assert_eq!(found_with(&whole, &meant), [""; 0]);
}

#[test]
fn a_rule_that_selects_nothing_in_a_file_that_it_means_is_found() {
    let rule = regex("^pasword$");
    let meant = CheckOptions { rule: Some(&rule), whole_file: true, ..options() };
    assert_eq!(found_with("password: hunter2\n", &meant), ["1: selects-nothing"]);
    assert_eq!(found_with("pasword: hunter2\n", &meant), ["1: rule-in-clear"]);
    assert_eq!(found_with("password: ''\n", &meant), [""; 0]);
}

#[test]
fn a_comment_allows_what_it_names() {
    let allowed =
        SECRET.replace("kind: Secret", "kind: Secret # seal:allow secret-in-clear -- a test");
    assert_eq!(found(&allowed), [""; 0]);
    let unnamed = SECRET.replace("kind: Secret", "kind: Secret # seal:allow");
    assert_eq!(found(&unnamed), ["2: secret-in-clear"]);
}

#[test]
fn a_template_is_passed_over_unless_it_may_hold_a_secret() {
    let harmless = "kind: Service\nmetadata:\n  {{- toYaml .Values.x | nindent 2 }}\n";
    assert_eq!(found(harmless), [""; 0]);
    let named = CheckOptions { explicit: true, ..options() };
    assert_eq!(found_with(harmless, &named), [""; 0]);
    assert!(checked(harmless, &named).passed_over);
    let secret = "kind: Secret\ndata:\n  {{- toYaml .Values.x | nindent 2 }}\n";
    assert_eq!(found(secret), ["3: template"]);
    let to_render = "apiVersion: v1\nkind: Secret\nstringData:\n  a: '{{ .Values.a }}'\n";
    assert_eq!(found(to_render), ["2: template"]);
    let in_part = format!("{to_render}  b: hunter2\n");
    assert_eq!(found(&in_part), ["2: secret-in-clear"]);
}

#[test]
fn a_broken_file_is_a_finding_where_it_may_hold_a_secret_or_is_meant() {
    let broken = "kind: Secret\na: [\n";
    assert_eq!(found(broken), ["3: broken-file"]);
    assert_eq!(found("a: [\n"), [""; 0]);
    assert_eq!(
        found_with("a: [\n", &CheckOptions { explicit: true, ..options() }),
        ["2: broken-file"]
    );
    let meant = CheckOptions { whole_file: true, ..options() };
    assert_eq!(found_with("a: {{ .x }}\n{{ end }}\n", &meant).len(), 1);
    let utf_16: Vec<u8> = "kind: Secret\n".bytes().flat_map(|byte| [byte, 0]).collect();
    for bytes in [&utf_16[..], b"a: \0\n", b"kind: Secret\xff\n"] {
        let checked = seal_core::check::check(seal_core::format::Format::Yaml, bytes, &options());
        assert_eq!(checked.findings[0].lint.id, "broken-file", "{bytes:?}");
    }
}

#[test]
fn what_is_nested_without_end_is_read_in_bounds() {
    for depth in [1_000, 10_000, 100_000] {
        let flow = format!("kind: Secret\na: {}1{}\n", "[".repeat(depth), "]".repeat(depth));
        let checked = checked(&flow, &options());
        assert!(checked.findings.len() <= 1, "{depth}");
        let secret = format!(
            "apiVersion: v1\nkind: Secret\ndata: {}hunter2{}\n",
            "{a: ".repeat(depth),
            "}".repeat(depth)
        );
        assert_eq!(found(&secret).len(), 1, "{depth}");
    }
}
