//! Sealing Secrets and single values.

use super::{Kubeseal, SECRET, masked};

pub(super) const CERT: &str = "--cert sealing-cert.pem";

#[test]
fn output_is_byte_for_byte_that_of_kubeseal() {
    let kubeseal = Kubeseal::new();
    let secret = kubeseal.fixture("secret.yaml");
    for (flags, expected) in [
        ("", "sealed-strict.json"),
        ("-o yaml", "sealed-strict.yaml"),
        ("-oyaml --scope namespace-wide", "sealed-namespace-wide.yaml"),
        ("--format=YAML --scope=cluster-wide", "sealed-cluster-wide.yaml"),
    ] {
        let sealed = kubeseal.done(&format!("{CERT} {flags}"), &secret);
        assert_eq!(masked(&sealed), masked(&kubeseal.fixture(expected)), "{flags}");
        assert!(!masked(&sealed).contains("Ag"), "{flags}");
    }
}

#[test]
fn what_is_sealed_opens_with_the_recorded_key() {
    let kubeseal = Kubeseal::new();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        let sealed = kubeseal.done(&format!("{CERT} --scope {scope} -f secret.yaml"), "");
        let expected = kubeseal.fixture(&format!("unsealed-{scope}.yaml"));
        assert_eq!(kubeseal.opened(&sealed), expected, "{scope}");
    }
}

#[test]
fn annotations_say_the_scope_where_no_flag_does() {
    let kubeseal = Kubeseal::new();
    let secret = SECRET.replace(
        "namespace: shop}",
        "annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true', other: kept}}",
    );
    let sealed = kubeseal.done(&format!("{CERT} -o yaml"), &secret);
    assert_eq!(
        masked(&sealed),
        "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: \"true\"\n  name: db\nspec:\n  encryptedData:\n    password: [SEALED]\n  template:\n    metadata:\n      annotations:\n        other: kept\n        sealedsecrets.bitnami.com/cluster-wide: \"true\"\n      name: db\n"
    );
    // kubeseal cannot tell `--scope strict` from no flag at all, and neither does this; but it says so.
    let run = kubeseal.run(&format!("{CERT} --scope strict"), &secret);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("cluster-wide"));
    assert!(run.stderr.starts_with("warning: db is sealed cluster-wide, as its annotation says"), "{}", run.stderr);
    let other = kubeseal.done(&format!("{CERT} -n shop --scope namespace-wide"), &secret);
    assert!(!other.contains("cluster-wide"));
}

#[test]
fn what_servers_and_tools_write_into_a_secret_is_left_out() {
    let kubeseal = Kubeseal::new();
    let secret = r#"{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "data": {"a": "YQ=="},
        "metadata": {"name": "db", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 2,
        "creationTimestamp": "2026-11-20T10:00:00Z", "selfLink": "/x", "ownerReferences": [{"name": "o"}],
        "managedFields": [{"manager": "m"}], "finalizers": ["f/x"],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"YQ==\"}}", "a<b": "1"}}}"#;
    let sealed = kubeseal.done(CERT, secret);
    let expected = r#"{
  "kind": "SealedSecret",
  "apiVersion": "bitnami.com/v1alpha1",
  "metadata": {
    "name": "db",
    "namespace": "shop"
  },
  "spec": {
    "template": {
      "metadata": {
        "name": "db",
        "namespace": "shop",
        "annotations": {
          "a\u003cb": "1"
        },
        "finalizers": [
          "f/x"
        ]
      },
      "type": "Opaque",
      "immutable": true
    },
    "encryptedData": {
      "a": "[SEALED]"
    }
  }
}
"#;
    assert_eq!(masked(&sealed), expected);
}

#[test]
fn streams_and_lists_give_one_object_each() {
    let kubeseal = Kubeseal::new();
    let stream = format!("{SECRET}---\n---\n{}", SECRET.replace("db", "cache"));
    let yaml = masked(&kubeseal.done(&format!("{CERT} -o yaml"), &stream));
    assert_eq!(yaml.matches("---\n").count(), 2);
    assert!(yaml.contains("name: db\n") && yaml.contains("name: cache\n"));
    let json = kubeseal.done(CERT, &stream);
    let objects = serde_json::Deserializer::from_str(&json).into_iter::<serde_json::Value>();
    assert_eq!(objects.map(|object| object.unwrap()["kind"].clone()).collect::<Vec<_>>(), ["SealedSecret"; 2]);
}

#[test]
fn the_output_file_is_written_whole_or_not_at_all() {
    let kubeseal = Kubeseal::new();
    kubeseal.write("out.yaml", "old\n");
    kubeseal.failed(&format!("{CERT} -w out.yaml"), "kind: ConfigMap\n");
    assert_eq!(kubeseal.read("out.yaml"), "old\n");
    assert_eq!(kubeseal.done(&format!("{CERT} -f secret.yaml -w out.yaml"), ""), "");
    assert!(kubeseal.read("out.yaml").starts_with("---\napiVersion: bitnami.com"));
    kubeseal.done(&format!("{CERT} -f secret.yaml --sealed-secret-file out.json"), "");
    assert!(kubeseal.read("out.json").starts_with("{\n  \"kind\""));
}

#[test]
fn names_and_namespaces_come_from_the_secret_then_from_flags() {
    let kubeseal = Kubeseal::new();
    let bare = "apiVersion: v1\nkind: Secret\nmetadata: {}\nstringData: {a: b}\n";
    let sealed = kubeseal.done(&format!("{CERT} --name n -n s -o yaml"), bare);
    assert!(sealed.contains("  name: n\n  namespace: s\n"), "{sealed}");
    let renamed = kubeseal.done(&format!("{CERT} --name other -o yaml"), SECRET);
    assert!(renamed.contains("  name: other\n  namespace: shop\n"));
    assert!(kubeseal.opened(&renamed).contains("password: aHVudGVyMg=="));
    let error = kubeseal.failed(CERT, bare);
    assert!(error.starts_with("error: missing metadata.name in input Secret\n"), "{error}");
    let error = kubeseal.failed(&format!("{CERT} -n elsewhere"), SECRET);
    assert!(error.starts_with("error: namespace mismatch: "), "{error}");
    assert_eq!(kubeseal.run(&format!("{CERT} -n shop"), SECRET).code, 0);
}

#[test]
fn the_namespace_of_the_context_is_the_last_resort() {
    let kubeseal = Kubeseal::new().env("KUBECONFIG", "/nowhere:config");
    let bare = SECRET.replace(", namespace: shop", "");
    let error = kubeseal.failed(CERT, &bare);
    assert!(
        error.starts_with("error: input secret has no namespace and cannot infer the namespace automatically when no kube config is available\n"),
        "{error}"
    );
    let context = "contexts: [{name: c, context: {cluster: k, namespace: mine}}]\ncurrent-context: c\nclusters: [{name: k, cluster: {server: 'https://k8s.example'}}]\n";
    kubeseal.write("config", context);
    assert!(kubeseal.done(&format!("{CERT} -o yaml"), &bare).contains("  namespace: mine\n"));
    kubeseal.write("config", &context.replace(", namespace: mine", ""));
    assert!(kubeseal.done(&format!("{CERT} -o yaml"), &bare).contains("  namespace: default\n"));
    let error = kubeseal.failed(&format!("{CERT} --context other"), &bare);
    assert!(error.starts_with("error: the kubeconfig has no context \"other\"\n"), "{error}");
    assert!(!kubeseal.done(&format!("{CERT} --scope cluster-wide"), &bare).contains("namespace\""));
}

#[test]
fn raw_values_open_where_they_are_put() {
    let kubeseal = Kubeseal::new();
    let object = |scope: &str, value: &str| {
        let annotations = match scope {
            "strict" => String::new(),
            scope => format!(", annotations: {{sealedsecrets.bitnami.com/{scope}: 'true'}}"),
        };
        format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: db, namespace: shop{annotations}}}\nspec: {{encryptedData: {{a: {value}}}}}\n")
    };
    for (scope, flags) in [
        ("strict", "--name db --namespace shop"),
        ("namespace-wide", "-n shop"),
        ("cluster-wide", ""),
    ] {
        let sealed = kubeseal.done(&format!("{CERT} --raw --scope {scope} {flags}"), "hunter2");
        assert!(sealed.starts_with("Ag") && !sealed.ends_with('\n'), "{scope}");
        assert!(kubeseal.opened(&object(scope, &sealed)).contains("a: aHVudGVyMg==\n"), "{scope}");
    }
    for scope in ["strict", "cluster-wide"] {
        let theirs = kubeseal.fixture(&format!("raw-{scope}.txt"));
        assert!(kubeseal.opened(&object(scope, &theirs)).contains("  a: "), "{scope}");
    }
    kubeseal.write("value", "hunter2");
    let sealed = kubeseal.done(&format!("{CERT} --raw --scope cluster-wide --from-file key=value"), "");
    assert!(kubeseal.opened(&object("cluster-wide", &sealed)).contains("a: aHVudGVyMg==\n"));
}

#[test]
fn raw_says_which_flag_is_missing() {
    let kubeseal = Kubeseal::new().env("KUBECONFIG", "/nowhere");
    for (flags, expected) in [
        ("--raw", "must provide the --name flag with --raw and --scope strict"),
        ("--raw --name x", "must provide the --namespace flag with --raw and --scope strict"),
        ("--raw --scope namespace-wide", "must provide the --namespace flag with --raw and --scope namespace-wide"),
        ("--from-file a", "--from-file requires --raw"),
        ("--raw --from-file a --from-file b", "must provide only one --from-file when encrypting a single item with --raw"),
        ("--raw --scope wide", "invalid argument \"wide\" for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide"),
    ] {
        let error = kubeseal.failed(&format!("{CERT} {flags}"), "hunter2");
        assert_eq!(error.lines().next().unwrap(), format!("error: {expected}"), "{flags}");
    }
}

#[test]
fn nonsense_is_refused_and_says_what_to_do() {
    let kubeseal = Kubeseal::new();
    kubeseal.write("no-cert.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    kubeseal.write("expired.pem", EXPIRED);
    let mut golden = String::new();
    for (line, stdin) in [
        (CERT, ""),
        (CERT, "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n"),
        (CERT, "metadata: {name: x}\n"),
        (CERT, "a: [\n"),
        (CERT, "{\"a\": \n"),
        (CERT, "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n"),
        (CERT, "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\ndata: {a: hunter2}\n"),
        (CERT, "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: yes}\n"),
        (CERT, "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n"),
        ("--cert missing.pem", SECRET),
        ("--cert no-cert.pem", SECRET),
        ("--cert expired.pem", SECRET),
        ("--cert ftp://example/cert.pem", SECRET),
        ("--cert sealing-cert.pem -f missing.yaml", ""),
        ("--cert sealing-cert.pem -o xml", SECRET),
        ("--cert sealing-cert.pem -w missing/out.yaml", SECRET),
        ("", SECRET),
    ] {
        let error = kubeseal.failed(line, stdin);
        golden.push_str(&format!("$ kubeseal {line}\n{error}\n"));
    }
    assert!(golden.contains("missing.pem: no such file or directory"));
    crate::golden::golden("compat", "kubeseal-refused", &golden);
    let empty = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n";
    let sealed = kubeseal.done(&format!("{CERT} --allow-empty-data -o yaml"), empty);
    assert!(sealed.contains("  encryptedData: {}\n"), "{sealed}");
}

/// Valid for one day in 2020.
const EXPIRED: &str = include_str!("expired.pem");
