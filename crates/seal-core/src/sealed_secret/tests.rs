use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::secret::SecretBytes;

/// Seals by turning each plaintext into a text that says which it was.
fn sealing(secret: &SecretManifest) -> Sealing {
    let values = secret.values.iter().map(|value| {
        let mut text = value.plaintext.expose().to_vec();
        text.reverse();
        (value.key.clone(), format!("Ag{}", STANDARD.encode(text)))
    });
    Sealing { values: values.collect(), ..Sealing::default() }
}

fn sealed_as(format: Format, source: &str, change: impl Fn(&mut Sealing)) -> String {
    let found = secrets(format, source.as_bytes()).unwrap();
    let sealings: Vec<_> = found
        .list
        .iter()
        .map(|secret| {
            let mut sealing = sealing(secret);
            change(&mut sealing);
            Some(sealing)
        })
        .collect();
    let out = seal(format, source.as_bytes(), &sealings).unwrap();
    let bytes = out.bytes.unwrap_or_else(|| SecretBytes::new(source.as_bytes().to_vec()));
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

fn sealed(source: &str) -> String {
    sealed_as(Format::Yaml, source, |_| {})
}

fn problem(source: &str) -> String {
    secrets(Format::Yaml, source.as_bytes()).unwrap_err().to_string()
}

const SECRET: &str = "\
# of the database
apiVersion: v1
kind: Secret   # sealed
metadata:
  # what it is called
  name: db
  namespace: shop
  labels: {app: db}
type: Opaque
# all of it
stringData:
  # the database user
  username: app
  password: \"hunter2\"   # rotate me
  dsn: |
    host=db
    port=5432

data:
  token: aGVsbG8=
# the end
";

const SEALED: &str = "\
# of the database
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret   # sealed
metadata:
  # what it is called
  name: db
  namespace: shop
spec:
  # all of it
  encryptedData:
    # the database user
    username: AgcHBh
    password: \"AgMnJldG51aA==\"   # rotate me
    dsn: AgCjIzNDU9dHJvcApiZD10c29o

    token: Agb2xsZWg=
  template:
    metadata:
      name: db
      namespace: shop
      labels: {app: db}
    type: Opaque
# the end
";

#[test]
fn a_secret_becomes_a_sealed_secret_with_its_comments_and_quotes() {
    let out = sealed(SECRET);
    let expected = SEALED.replace("\n\n    token", "\n    token");
    assert_eq!(out.replace("\n\n    token", "\n    token"), expected);
}

#[test]
fn only_the_secrets_of_a_stream_change() {
    let around = "---\nkind: Other\napiVersion: v1\nx: 'Secret' # y\n...\n---\n";
    let source = format!("{around}{SECRET}---\n{{a: b}}\n");
    let out = sealed(&source);
    assert!(out.starts_with(around), "{out}");
    assert!(out.ends_with("# the end\n---\n{a: b}\n"), "{out}");
}

#[test]
fn windows_line_breaks_and_a_missing_last_one_stay() {
    let source = SECRET.replace('\n', "\r\n");
    let out = sealed(&source);
    assert_eq!(out.matches('\n').count(), out.matches("\r\n").count());
    let source =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {p: hunter2}";
    assert_eq!(
        sealed(source),
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: a\n  namespace: b\nspec:\n  \
         encryptedData:\n    p: AgMnJldG51aA==\n  template:\n    metadata:\n      name: a\n      namespace: b"
    );
}

#[test]
fn what_kubectl_prints_is_sealed_without_what_the_server_set() {
    let source = "\
apiVersion: v1
data:
  p: aHVudGVyMg==
kind: Secret
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {\"data\":{\"p\":\"aHVudGVyMg==\"}}
    note: x
  creationTimestamp: \"2024-01-01T00:00:00Z\"
  name: a
  namespace: b
  ownerReferences:
  - apiVersion: v1
    kind: X
  resourceVersion: \"1\"
  uid: u
type: Opaque
";
    assert_eq!(
        sealed(source),
        "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: a
  namespace: b
spec:
  encryptedData:
    p: AgMnJldG51aA==
  template:
    metadata:
      annotations:
        note: x
      name: a
      namespace: b
    type: Opaque
"
    );
}

#[test]
fn a_scope_is_said_by_both_and_another_one_goes() {
    let wide = |sealing: &mut Sealing| {
        sealing.annotations = vec![("x/wide", Some("true")), ("x/other", None)];
        sealing.namespace = Some("added".to_owned());
    };
    let source = "\
apiVersion: v1
kind: Secret
metadata:
  name: a
  annotations:
    x/other: \"true\"   # goes
    # stays
    note: y
stringData: {p: hunter2}
";
    assert_eq!(
        sealed_as(Format::Yaml, source, wide),
        "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: a
  namespace: added
  annotations:
    x/wide: \"true\"
spec:
  encryptedData:
    p: AgMnJldG51aA==
  template:
    metadata:
      name: a
      annotations:
        # stays
        note: y
        x/wide: \"true\"
      namespace: added
"
    );
}

#[test]
fn items_of_a_list_are_sealed_where_they_stand() {
    let source = "\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata:
      name: a
      namespace: b
    data: {p: aHVudGVyMg==}
  # of c
  - data:
      p: aHVudGVyMg==
    kind: Secret
    apiVersion: v1
    metadata:
      name: c
      namespace: b
  - apiVersion: v1
    kind: ConfigMap
";
    assert_eq!(
        sealed(source),
        "\
apiVersion: v1
kind: List
items:
  - apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata:
      name: a
      namespace: b
    spec:
      encryptedData:
        p: AgMnJldG51aA==
      template:
        metadata:
          name: a
          namespace: b
  # of c
  - kind: SealedSecret
    apiVersion: bitnami.com/v1alpha1
    metadata:
      name: c
      namespace: b
    spec:
      encryptedData:
        p: AgMnJldG51aA==
      template:
        metadata:
          name: c
          namespace: b
  - apiVersion: v1
    kind: ConfigMap
"
    );
}

#[test]
fn json_stays_json_in_its_layout() {
    let source = r#"{
    "apiVersion": "v1", "kind": "Secret",
    "metadata": {"name": "a", "namespace": "b", "labels": {"x": "\u00e9"}},
    "immutable": true,
    "data": {"p": "aHVudGVyMg=="}
}
"#;
    let out = sealed_as(Format::Json, source, |_| {});
    assert_eq!(
        out,
        r#"{
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {
        "name": "a",
        "namespace": "b"
    },
    "spec": {
        "encryptedData": {
            "p": "AgMnJldG51aA=="
        },
        "template": {
            "metadata": {
                "name": "a",
                "namespace": "b",
                "labels": {
                    "x": "\u00e9"
                }
            },
            "immutable": true
        }
    }
}
"#
    );
    let compact = r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","namespace":"b"},"stringData":{"p":"x"}}"#;
    assert_eq!(
        sealed_as(Format::Json, compact, |_| {}),
        r#"{"kind":"SealedSecret","apiVersion":"bitnami.com/v1alpha1","metadata":{"name":"a","namespace":"b"},"spec":{"encryptedData":{"p":"AgeA=="},"template":{"metadata":{"name":"a","namespace":"b"}}}}"#
    );
}

#[test]
fn string_data_wins_over_data_and_keeps_its_line() {
    let source = "\
apiVersion: v1
kind: Secret
metadata: {name: a, namespace: b}
data:
  p: aGVsbG8=   # old
  q: aGVsbG8=
stringData:
  p: hunter2   # new
";
    let out = sealed(source);
    assert!(
        out.contains("  encryptedData:\n    q: Agb2xsZWg=\n    p: AgMnJldG51aA==   # new\n"),
        "{out}"
    );
    assert!(!out.contains("# old"), "{out}");
}

#[test]
fn comments_that_may_be_values_are_left_out() {
    let source = "\
apiVersion: v1
kind: Secret
metadata: {name: a, namespace: b}
stringData:
  # password: hunter1
  # who: the team that owns it
  # see https://example.com/x
  password: hunter2   # was hunter2 before
  # export TOKEN=abc
  #token=abc
";
    let found = secrets(Format::Yaml, source.as_bytes()).unwrap();
    let out = seal(Format::Yaml, source.as_bytes(), &[Some(sealing(&found.list[0]))]).unwrap();
    assert_eq!(out.comments_left_out, 3);
    let text = String::from_utf8(out.bytes.unwrap().expose().to_vec()).unwrap();
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.contains("# who: the team"), "{text}");
    assert!(text.contains("# see https://"), "{text}");
}

#[test]
fn refuses_what_would_stay_in_clear_or_be_lost() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n";
    for (body, said) in [
        ("stringData: {p: 5}\n", "values of a Secret are texts"),
        ("data: {p: nonsense!}\n", "Base64"),
        ("data: {p: ~}\n", "null stands"),
        ("data: {p: }\n", "null stands"),
        ("stringData:\n  p: !pass\n", "a tag with nothing behind it"),
        ("stringData: {p: !x hunter2}\n", "a tag stands in front"),
        ("data: {p: !!binary aHVudGVyMg==}\n", "a tag stands in front"),
        ("stringData: {a b: x}\n", "cannot be one of a Secret"),
        ("stringData: [x]\n", "is a mapping"),
        ("x: &x {p: q}\nstringData: *x\n", "no such field"),
        ("stringData: {p: &x hunter2, q: *x}\n", "an alias stands in the secret part"),
        ("stringData: {p: &x hunter2}\n---\nq: *x\n", "repeats a secret value"),
        ("strngData: {p: hunter2}\n", "no such field"),
        ("stringData: {<<: &y {p: hunter2}}\n", "merge key"),
    ] {
        let problem = problem(&format!("{head}{body}"));
        assert!(problem.contains(said), "{body}: {problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    assert!(problem("a:\n  kind: Secret\n  data: {p: eA==}\n").contains("nothing looks for one"));
    let list =
        "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: x}\n  data: {p: eA==}\n";
    assert!(problem(list).contains("SecretList"));
}

fn opened(source: &str, data: &[(&str, &str)]) -> String {
    let data = data.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned().into()));
    let opening = Opening { data: data.collect() };
    let out = unseal(Format::Yaml, source.as_bytes(), &[Some(opening)]).unwrap();
    String::from_utf8(out.bytes.unwrap().expose().to_vec()).unwrap()
}

#[test]
fn a_sealed_secret_becomes_a_secret_with_its_comments() {
    let data = [("username", "YXBw"), ("password", "aA=="), ("dsn", "eA=="), ("token", "aGVsbG8=")];
    assert_eq!(
        opened(SEALED, &data),
        "\
# of the database
apiVersion: v1
kind: Secret   # sealed
metadata:
  # what it is called
  name: db
  namespace: shop
  labels: {app: db}
type: Opaque
# all of it
data:
  # the database user
  username: YXBw
  password: \"aA==\"   # rotate me
  dsn: eA==

  token: aGVsbG8=
# the end
"
    );
}

#[test]
fn what_a_template_adds_stands_behind_the_values() {
    let source = "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: a, namespace: b, annotations: {x: y}}
spec:
  template:
    metadata:
      annotations:
        kept: \"yes\"
    data:
      # made of the password
      config: |
        p={{ .p }}
  encryptedData:
    p: AgX
status: {}
";
    assert_eq!(
        opened(source, &[("config", "cD14"), ("p", "eA==")]),
        "\
apiVersion: v1
kind: Secret
metadata:
  name: a
  namespace: b
  annotations:
    kept: \"yes\"
data:
  # made of the password
  config: cD14
  p: eA==
"
    );
}

#[test]
fn values_are_replaced_in_their_quotes_and_nothing_else_changes() {
    let source = SEALED.replace("AgCjIzNDU9dHJvcApiZD10c29o", ">-\n      AgSEALED\n      18==");
    let manifests = read(Format::Yaml, source.as_bytes()).unwrap();
    let entries = &manifests[0].entries;
    assert_eq!(entries.len(), 4);
    let texts: Vec<NewText> = entries
        .iter()
        .map(|entry| NewText {
            document: 0,
            path: entry.path.clone(),
            text: format!("AgNEW{}", entry.key).into(),
        })
        .collect();
    let out = replace_values(Format::Yaml, source.as_bytes(), &texts).unwrap();
    let out = String::from_utf8(out.expose().to_vec()).unwrap();
    assert!(out.contains("    password: \"AgNEWpassword\"   # rotate me\n"), "{out}");
    let again = read(Format::Yaml, out.as_bytes()).unwrap();
    let values: Vec<_> =
        again[0].entries.iter().map(|entry| entry.text.as_ref().unwrap().as_str()).collect();
    assert_eq!(values, ["AgNEWusername", "AgNEWpassword", "AgNEWdsn", "AgNEWtoken"]);
    assert_eq!(
        out.lines().filter(|line| !line.contains("AgNEW")).count(),
        SEALED.lines().count() - 3
    );
}

#[test]
fn the_json_of_a_sealed_secret_holds_all_of_it() {
    let manifests = read(Format::Yaml, SEALED.as_bytes()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&manifests[0].json).unwrap();
    assert_eq!(json["spec"]["template"]["metadata"]["labels"]["app"], "db");
    assert_eq!(json["spec"]["encryptedData"]["token"], "Agb2xsZWg=");
    assert_eq!(manifests[0].description, "SealedSecret shop/db");
}
