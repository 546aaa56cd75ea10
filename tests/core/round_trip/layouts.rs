//! Streams, lists, JSON and places where a block is hard to put.

use proptest::prelude::*;
use seal_core::document::{Content, Value};
use seal_core::file::{EncryptOptions, Layout};
use seal_core::format::Format;

use super::support;

fn sops() -> EncryptOptions {
    EncryptOptions { layout: Layout::Sops, ..support::whole() }
}

fn comes_back(format: Format, source: &str, options: &EncryptOptions) -> String {
    let encrypted = support::encrypted(format, source, options);
    assert_eq!(support::decrypted(format, &encrypted), source, "--- encrypted:\n{encrypted}");
    encrypted
}

#[test]
fn a_block_finds_its_place_in_every_document() {
    for source in [
        "a: b",
        "a: b\n",
        "a: b\n\n\n",
        "a: b\n...\n",
        "a: b\n...",
        "a: b\n# end",
        "a: b\n# end\n\n# more\n",
        "a: b # inline",
        "  a: b\n  c: d\n",
        "  a: b\n# left of it\n",
        "{a: b}",
        "{a: b}\n# end\n",
        "{ # open\n  a: b, # inline\n  # foot\n} # close\n",
        "{a: b,}\n",
        "{&x a: b, !!str c: d}\n",
        "{? a : b}\n",
        "{\"a\":\"b\"}",
        "--- {a: b}\n",
        "--- # c\na: b\n",
        "--- !!map\na: b\n",
        "--- &root\na: b\n",
        "%YAML 1.1\n---\na: b\n",
        "\u{FEFF}a: b\n",
        "\u{FEFF}  a: b\n  c: d\n",
        "a: b\r\nc: d\r\n",
        "a: b\r\nc: |\r\n  x\r\n  y\r\n",
        "a: b\rc: d\r",
        "# head\ra: 1 # inline\r# foot\rb: x\r",
        "? a\n: b\n? c\n: d\n",
        "a: |\n  x",
        "a: |+\n  x",
        "a: |-\n  x",
        "a: >\n  x",
        "a: |\n  x\n\n\n",
        "a: |+\n  x\n\n\n",
        "z: b\na: |\n  x",
        "z: b\na: |+\n  x\n\n",
        "z: b\na: |\n  x\n# c",
        "a:\n- b\n- c\n",
        "a:\n- b: |\n    c",
        "a: &x\nb: c\n",
        "a: c\nb:\n",
        "a: c\nb: # c\n",
        "a: c\nb: []\nc: {}\n",
        "a: 'x'\nb_unencrypted: |+\n  text\n  text",
        "a: 'x'\nb_unencrypted: |+\n  text\n\n",
        "a: b\nsub:\n  sops: nested is fine\n",
    ] {
        comes_back(Format::Yaml, source, &support::whole());
    }
}

#[test]
fn streams_come_back_in_both_layouts() {
    for source in [
        "a: b\n---\na: b\n",
        "a: b\n---\nc: d",
        "---\na: b\n---\nc: d\n---\n",
        "a: b\n---\n---\nc: d\n",
        "# only a comment\n---\na: b\n---\n# another\n",
        "a: b\n---\n{}\n---\nc: d\n",
        "a: b\n...\n---\nc: d\n...\n",
        "a: b\n--- {c: d}\n--- # x\ne: f\n",
        "---\n---\na: b\n---",
        "a: b\r\n---\r\nc: d\r\n",
    ] {
        comes_back(Format::Yaml, source, &support::whole());
        let encrypted = comes_back(Format::Yaml, source, &sops());
        let stream = Format::Yaml.parse(encrypted.as_bytes()).unwrap();
        assert!(
            stream.documents.iter().all(|document| document.string_at(&["sops", "mac"]).is_some()),
            "SOPS puts the block into every document:\n{encrypted}"
        );
    }
}

#[test]
fn a_document_that_is_only_null_has_no_place_for_sops_layout() {
    for null in ["null", "~"] {
        let source = format!("a: b\n---\n{null}\n");
        let error =
            support::try_encrypt(Format::Yaml, source.as_bytes(), &sops(), support::KEY, None)
                .unwrap_err();
        assert_eq!(error.position.unwrap().line, 3);
    }
}

#[test]
fn identical_documents_decrypt_although_their_envelopes_are_equal() {
    let one = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==}\n";
    let source = format!("{one}---\n{one}");
    let encrypted = comes_back(Format::Yaml, &source, &support::options());
    let objects = support::try_decrypt(Format::Yaml, &encrypted).unwrap().objects;
    assert_eq!(objects.iter().filter(|object| object.bound).count(), 2);
}

#[test]
fn several_documents_of_a_file_without_kubernetes_are_all_encrypted() {
    let encrypted = comes_back(Format::Yaml, "a: b\n---\nc: d\n", &support::whole());
    assert_eq!(encrypted.matches("\nsops:").count(), 2);
}

const ITEMS: &str = "\
apiVersion: v1
kind: List
metadata: {resourceVersion: \"\"}
items:
# about the first
- apiVersion: v1
  kind: Secret
  metadata: {name: a}
  stringData:
    p: x # inline
  # end of the first
- {apiVersion: v1, kind: Secret, metadata: {name: b}, data: {q: eA==}}
-   kind: ConfigMap
    apiVersion: v1
    data: {clear: text}
-
  # before
  apiVersion: v1
  kind: Secret
  metadata: {name: c}
  data:
    k: |
      x";

#[test]
fn each_item_of_a_list_has_an_envelope_of_its_own() {
    for source in [ITEMS.to_owned(), format!("{ITEMS}\n"), ITEMS.replace('\n', "\r\n")] {
        let encrypted = comes_back(Format::Yaml, &source, &support::options());
        let objects = support::try_decrypt(Format::Yaml, &encrypted).unwrap().objects;
        let names: Vec<_> = objects.iter().map(|o| o.description.as_deref().unwrap()).collect();
        assert_eq!(names, ["Secret a", "Secret b", "Secret c"]);
    }
}

#[test]
fn a_list_in_a_list_is_looked_into() {
    let source = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    \
                  kind: Secret\n    metadata: {name: a}\n    data: {k: eA==}\n";
    let encrypted = comes_back(Format::Yaml, source, &support::options());
    assert!(!encrypted.contains("eA=="));
}

#[test]
fn json_lists_and_secrets_come_back() {
    let secret =
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"k":"eA=="}}"#;
    comes_back(Format::Json, secret, &support::options());
    let list = format!(
        "{{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n  \"items\": [\n    {secret},\n    {{\"kind\": \"ConfigMap\", \
         \"apiVersion\": \"v1\"}}\n  ]\n}}\n"
    );
    let encrypted = comes_back(Format::Json, &list, &support::options());
    assert!(!encrypted.contains("eA=="));
}

#[test]
fn aliases_are_written_out_on_demand() {
    let source = "apiVersion: v1\nkind: Secret\nmetadata: {name: &n a}\nstringData:\n  p: *n\n  q: &m {x: y}\n  r: *m\n";
    let options = EncryptOptions { expand_aliases: true, ..support::options() };
    let encrypted = support::encrypted(Format::Yaml, source, &options);
    assert_eq!(
        support::decrypted(Format::Yaml, &encrypted),
        source.replace("p: *n", "p: a").replace("r: *m", "r: {x: y}")
    );
    let refused = support::try_encrypt(
        Format::Yaml,
        source.as_bytes(),
        &support::options(),
        support::KEY,
        None,
    );
    assert_eq!(refused.unwrap_err().path.clone().unwrap().to_string(), r#"["stringData"]["p"]"#);
}

#[test]
fn copying_annotations_are_stripped_on_demand_in_every_style() {
    let kapp = "kapp.k14s.io/original";
    let kubectl = "kubectl.kubernetes.io/last-applied-configuration";
    let head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n";
    for (annotations, left) in [
        (format!("  annotations: {{{kapp}: x, {kubectl}: y}}\n"), "  annotations: {}\n"),
        (
            format!("  annotations: {{{kubectl}: y, keep: z, {kapp}: x}}\n"),
            "  annotations: {keep: z}\n",
        ),
        (
            format!("  annotations:\n    {kapp}: |\n      x\n    keep: z\n    {kubectl}: y\n"),
            "  annotations:\n    keep: z\n",
        ),
    ] {
        let source = format!("{head}{annotations}data: {{k: eA==}}\n");
        let refused = support::try_encrypt(
            Format::Yaml,
            source.as_bytes(),
            &support::options(),
            support::KEY,
            None,
        );
        assert_eq!(refused.unwrap_err().hint.as_deref(), Some("`--strip` takes it away"));
        let options = EncryptOptions { strip: true, ..support::options() };
        let encrypted = support::encrypted(Format::Yaml, &source, &options);
        let back = support::decrypted(Format::Yaml, &encrypted);
        assert_eq!(back, format!("{head}{left}data: {{k: eA==}}\n"));
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("JSON", |f| f.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[a-z\"\\\\\n é]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z:.\" é]{0,5}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn json_documents_keep_their_values_and_layout(
        value in prop::collection::btree_map("[a-z:.\" é]{1,5}", json_value(), 1..5),
        pretty in any::<bool>(),
    ) {
        let value = serde_json::Value::Object(value.into_iter().collect());
        let source = match pretty {
            true => serde_json::to_string_pretty(&value).unwrap() + "\n",
            false => serde_json::to_string(&value).unwrap(),
        };
        let stream = Format::Json.parse(source.as_bytes()).unwrap();
        let has_value = stream.documents[0].nodes.iter().any(|node| {
            matches!(&node.content, Content::Scalar(scalar)
                if !matches!(&scalar.value, Value::Null) && !scalar.value.is_empty())
        });
        prop_assume!(has_value && value.get("sops").is_none());
        let encrypted =
            support::try_encrypt(Format::Json, source.as_bytes(), &support::whole(), support::KEY, None);
        // A key that ends in `_unencrypted` cannot come up here, so everything is encrypted.
        let encrypted = String::from_utf8(encrypted.unwrap().bytes.unwrap()).unwrap();
        let back = support::decrypted(Format::Json, &encrypted);
        let read: serde_json::Value = serde_json::from_str(&back).unwrap();
        prop_assert_eq!(&read, &value);
        // serde_json escapes what we would write as it is, but nothing else can differ.
        if !source.contains("\\u") && !source.contains("\u{7f}") {
            prop_assert_eq!(back, source);
        }
    }
}
