//! What tools do to manifests before they are applied: the values come back all the same.

use serde_yaml::Value;

use seal_core::format::Format;

use super::altering::{File, Kind, secret};
use super::support;

/// The documents of a stream as another library has them.
fn values(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Mapping(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by_key(|(key, _)| key.as_str().unwrap().to_owned());
            Value::Mapping(entries.into_iter().collect())
        }
        Value::Sequence(items) => Value::Sequence(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn serialized(values: &[Value]) -> File {
    let texts: Vec<String> =
        values.iter().map(|value| serde_yaml::to_string(value).unwrap()).collect();
    File { text: texts.join("---\n") }
}

fn same_values(back: &str, source: &str) {
    let mut back: Vec<String> = values(back).iter().map(|v| format!("{:?}", sorted(v))).collect();
    let mut source: Vec<String> =
        values(source).iter().map(|v| format!("{:?}", sorted(v))).collect();
    back.sort();
    source.sort();
    assert_eq!(back, source);
}

fn both() -> String {
    format!("{}---\n{}", secret("a"), secret("b"))
}

#[test]
fn keys_sorted_and_styles_changed_by_another_serialiser() {
    let file = Kind::BoundStream.file();
    let resorted: Vec<Value> = values(&file.text).iter().map(sorted).collect();
    let resorted = serialized(&resorted);
    assert!(resorted.text.find("\nsops:").unwrap() < resorted.text.find("\nstringData:").unwrap());
    same_values(&resorted.is_accepted(), &both());
    let objects = resorted.decrypted().unwrap().objects;
    assert!(objects.iter().all(|object| object.bound && object.reordered));
}

#[test]
fn a_sorted_file_of_sops_is_refused_with_the_way_out() {
    for kind in [Kind::Unbound, Kind::SopsStream] {
        let resorted: Vec<Value> = values(&kind.file().text).iter().map(sorted).collect();
        let error = serialized(&resorted).is_refused("Secret prod/a");
        assert!(error.hint.as_ref().unwrap().contains("decrypt it before that tool runs"));
    }
}

#[test]
fn one_line_of_flow_style_and_json() {
    for document in values(&Kind::BoundStream.file().text) {
        let json = serde_json::to_string(&document).unwrap();
        let name = document["metadata"]["name"].as_str().unwrap().to_owned();
        same_values(&File { text: format!("{json}\n") }.is_accepted(), &secret(&name));
        let back = support::decrypted(Format::Json, &json);
        same_values(&back, &secret(&name));
        let pretty = serde_json::to_string_pretty(&document).unwrap();
        same_values(&support::decrypted(Format::Json, &pretty), &secret(&name));
    }
}

#[test]
fn every_style_of_a_value() {
    let file = Kind::Bound.file();
    let enc = file.value(0, "stringData/password");
    for style in [
        format!("\"{enc}\""),
        format!("'{enc}'"),
        format!("|\n    {enc}"),
        format!("|-\n      {enc}"),
        format!(">-\n    {enc}\n"),
        format!("|+\n    {enc}\n\n"),
        format!("\n    {enc}"),
        format!("!!str {enc}"),
    ] {
        same_values(&file.set(0, "stringData/password", &style).is_accepted(), &secret("a"));
    }
}

#[test]
fn labels_annotations_and_other_clear_entries_added() {
    let file = Kind::Bound.file();
    file.insert(0, "metadata/name", "annotations: {kbld.k14s.io/images: x}").is_accepted();
    file.set(0, "metadata/labels", "{app: shop, kapp.k14s.io/app: \"1\"}").is_accepted();
    file.insert(0, "kind", "immutable: true").is_accepted();
    file.insert(0, "kind", "status: {}").is_accepted();
}

#[test]
fn other_indentation() {
    let file = Kind::Bound.file();
    let shifted: String = file.text.lines().map(|line| format!("    {line}\n")).collect();
    same_values(&File { text: shifted }.is_accepted(), &secret("a"));
}

#[test]
fn documents_become_items_of_a_list_and_back() {
    let list = |kind: &str, items: Vec<Value>| {
        let mut list = serde_yaml::Mapping::new();
        list.insert("apiVersion".into(), "v1".into());
        list.insert("kind".into(), kind.into());
        list.insert("items".into(), Value::Sequence(items));
        serialized(&[Value::Mapping(list)])
    };
    let documents = values(&Kind::BoundStream.file().text);
    let source = values(&both());
    for kind in ["List", "SecretList"] {
        let file = list(kind, documents.clone());
        same_values(&file.is_accepted(), &list(kind, source.clone()).text);
        assert_eq!(file.decrypted().unwrap().objects.len(), 2);
    }
    let encrypted =
        support::encrypted(Format::Yaml, &list("List", source).text, &support::options());
    let items = values(&encrypted)[0]["items"].as_sequence().unwrap().clone();
    same_values(&serialized(&items).is_accepted(), &both());
}

#[test]
fn comments_lost_or_moved() {
    let source = secret("a").replace("  user:", "  # about the user\n  user:");
    let file = File { text: support::encrypted(Format::Yaml, &source, &support::options()) };
    same_values(&serialized(&values(&file.text)).is_accepted(), &secret("a"));
    let start = file.text.find("#ENC").unwrap();
    let comment = file.text[start..].lines().next().unwrap().to_owned();
    let moved = file.replace(&format!("  {comment}\n"), "").insert(0, "data", &comment);
    assert!(moved.is_accepted().contains("# about the user"), "{}", moved.is_accepted());
}
