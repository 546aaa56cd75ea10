use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value as Json, json};

use super::*;
use crate::document::{Comment, Content, Key, Node, Scalar, Span, Style, Timestamp, Value};
use crate::envelope::MasterKey;
use crate::envelope::fixtures::directory;

/// A tree of the same content; a key or item that begins with `#` becomes a comment, a text `!!timestamp …` a time.
fn document(json: &Json) -> Document<'static> {
    let mut document = Document { span: Span::default(), nodes: Vec::new(), is_manifest: true };
    add(&mut document, None, None, 0, json);
    document
}

fn add(
    document: &mut Document<'static>,
    parent: Option<NodeId>,
    key: Option<&str>,
    position: u32,
    json: &Json,
) {
    let id = NodeId(document.nodes.len() as u32);
    let scalar = |value| Content::Scalar(Scalar { style: Style::Plain, value, tag: None });
    let content = match json {
        _ if key.is_some_and(|key| key.starts_with('#')) => comment(),
        Json::String(text) if text.starts_with('#') => comment(),
        Json::Null => scalar(Value::Null),
        Json::Bool(flag) => scalar(Value::Bool(*flag)),
        Json::Number(number) => match number.as_i64() {
            Some(int) => scalar(Value::Int(int)),
            None => scalar(Value::Float(number.as_f64().unwrap())),
        },
        Json::String(text) => match text.strip_prefix("!!timestamp ") {
            Some(text) => scalar(Value::Time(Timestamp::parse_rfc3339(text).unwrap())),
            None => scalar(Value::String(text.clone().into())),
        },
        Json::Array(_) => Content::Sequence { flow: false },
        Json::Object(_) => Content::Mapping { flow: false },
    };
    let is_comment = matches!(content, Content::Comment(_));
    let key = key.filter(|_| !is_comment).map(|key| Key {
        text: key.to_owned().into(),
        span: Span::default(),
        is_string: true,
    });
    let span = Span::default();
    document.nodes.push(Node { parent, key, position, span, end: id, content });
    match json {
        _ if is_comment => {}
        Json::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                add(document, Some(id), None, position as u32, item);
            }
        }
        Json::Object(entries) => {
            for (position, (key, value)) in entries.iter().enumerate() {
                add(document, Some(id), Some(key), position as u32, value);
            }
        }
        _ => {}
    }
    document.nodes[id.index()].end = NodeId(document.nodes.len() as u32);
}

fn comment() -> Content<'static> {
    Content::Comment(Comment { text: "", inline: false, dropped: false })
}

fn read(json: &Json) -> Result<Metadata, MetadataError> {
    Metadata::read(&document(json), NodeId::ROOT)
}

/// An envelope that reads, changed in one field.
fn with(name: &str, value: Json) -> Json {
    let mut block = json!({
        "age": [{"recipient": "age1a", "enc": "E"}],
        "lastmodified": "2026-11-20T12:49:18Z",
        "mac": "ENC[x]",
        "version": "3.13.2",
    });
    block[name] = value;
    block
}

fn without(name: &str) -> Json {
    let mut block = with(name, Json::Null);
    block.as_object_mut().unwrap().remove(name);
    block
}

fn error(json: &Json) -> MetadataError {
    read(json).unwrap_err()
}

fn kind(place: &str, expected: &'static str) -> MetadataError {
    MetadataError::Kind { place: place.to_owned(), expected }
}

/// The block as JSON, to compare with what SOPS wrote.
fn to_json(field: &Field) -> Json {
    match field {
        Field::Text(text) => json!(text),
        Field::Int(int) => json!(int),
        Field::Bool(flag) => json!(flag),
        Field::List(items) => items.iter().map(to_json).collect(),
        Field::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
    }
}

fn age(recipient: &str, enc: &str) -> WrappedKey {
    let key = MasterKey::Age { recipient: recipient.to_owned() };
    WrappedKey { key, created_at: None, enc: enc.to_owned() }
}

#[test]
fn reads_the_layouts_of_all_versions() {
    for (case, keys) in [("3.13.2/json", "age"), ("3.9.4/json", "age"), ("3.3.1/pgp-json", "PGP")] {
        let source = fs::read(directory(case).join("encrypted.json")).unwrap();
        let file: Json = serde_json::from_slice(&source).unwrap();
        let metadata = read(&file["sops"]).unwrap();
        assert_eq!(Some(metadata.version.as_str()), case.split('/').next(), "{case}");
        assert_eq!(metadata.rule, Some(Rule::implied()), "{case}");
        assert_eq!(metadata.key_groups.len(), 1, "{case}");
        assert_eq!(metadata.key_groups[0].keys.len(), 1, "{case}");
        let wrapped = &metadata.key_groups[0].keys[0];
        assert!(wrapped.key.to_string().starts_with(keys), "{case}");
        assert!(wrapped.enc.starts_with("-----BEGIN "), "{case}");
        assert_eq!(
            (metadata.shamir_threshold, metadata.mac_only_encrypted),
            (None, false),
            "{case}"
        );
    }
}

#[test]
fn writes_the_block_of_a_file_that_sops_wrote() {
    let source = fs::read(directory("3.13.2/json").join("encrypted.json")).unwrap();
    let file: Json = serde_json::from_slice(&source).unwrap();
    let metadata = read(&file["sops"]).unwrap();
    assert_eq!(to_json(&metadata.fields()), file["sops"]);
}

#[test]
fn reads_the_smallest_block() {
    let metadata = read(&with("x", Json::Null)).unwrap();
    let expected = Metadata {
        shamir_threshold: None,
        key_groups: vec![KeyGroup { keys: vec![age("age1a", "E")] }],
        last_modified: "2026-11-20T12:49:18Z".to_owned(),
        mac: "ENC[x]".to_owned(),
        rule: None,
        mac_only_encrypted: false,
        version: "3.13.2".to_owned(),
    };
    assert_eq!(metadata, expected);
}

#[test]
fn every_master_key_comes_back_as_it_was_read() {
    let date = "2026-11-20T12:49:18Z";
    let entry = |fields: Json| {
        let mut entry = json!({"created_at": date, "enc": "E"});
        entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!([entry])
    };
    let block = json!({
        "kms": entry(json!({"arn": "arn:1", "role": "arn:2", "context": {"b": "1", "a": "2"}, "aws_profile": ""})),
        "gcp_kms": entry(json!({"resource_id": "projects/p"})),
        "hckms": entry(json!({"key_id": "r:u"})),
        "azure_kv": entry(json!({"vault_url": "https://v", "name": "n", "version": "1"})),
        "hc_vault": entry(json!({"vault_address": "https://h", "engine_path": "e", "key_name": "k"})),
        "pgp": entry(json!({"fp": "AB"})),
        "age": [{"recipient": "age1a", "enc": "E"}],
        "lastmodified": date,
        "mac": "ENC[x]",
        "version": "3.13.2",
    });
    let metadata = read(&block).unwrap();
    assert_eq!(to_json(&metadata.fields()), block);

    let names: Vec<_> =
        metadata.key_groups[0].keys.iter().map(|wrapped| wrapped.key.to_string()).collect();
    let expected = [
        "AWS KMS arn:1",
        "GCP KMS projects/p",
        "Huawei KMS r:u",
        "Azure Key Vault https://v/keys/n/1",
        "Vault https://h/v1/e/keys/k",
        "PGP AB",
        "age1a",
    ];
    assert_eq!(names, expected);
    let context =
        BTreeMap::from([("a", "2"), ("b", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let kms = MasterKey::AwsKms {
        arn: "arn:1".to_owned(),
        role: Some("arn:2".to_owned()),
        context,
        aws_profile: None,
    };
    assert_eq!(metadata.key_groups[0].keys[0].key, kms);
}

#[test]
fn key_groups_come_back_as_they_were_read() {
    let mut block = without("age");
    block["shamir_threshold"] = json!(2);
    block["key_groups"] = json!([
        {"age": [{"recipient": "age1a", "enc": "E"}], "hc_vault": []},
        {"age": [{"recipient": "age1b", "enc": "F"}], "hc_vault": []},
        {"age": [], "hc_vault": []},
    ]);
    let metadata = read(&block).unwrap();
    assert_eq!(metadata.shamir_threshold, Some(2));
    let groups = [vec![age("age1a", "E")], vec![age("age1b", "F")], vec![]];
    assert_eq!(metadata.key_groups, groups.map(|keys| KeyGroup { keys }));
    assert_eq!(to_json(&metadata.fields()), block);
}

#[test]
fn fields_are_alphabetical_at_every_level() {
    fn check(field: &Field) {
        match field {
            Field::Map(entries) => {
                assert!(entries.is_sorted_by(|(left, _), (right, _)| left < right));
                entries.iter().for_each(|(_, value)| check(value));
            }
            Field::List(items) => items.iter().for_each(check),
            Field::Text(_) | Field::Int(_) | Field::Bool(_) => {}
        }
    }
    let mut metadata =
        read(&with("hc_vault", json!([{"created_at": "2026-11-20T12:49:18Z"}]))).unwrap();
    metadata.rule = Some(Rule::implied());
    metadata.mac_only_encrypted = true;
    metadata.shamir_threshold = Some(1);
    check(&metadata.fields());
    metadata.key_groups.push(KeyGroup::default());
    check(&metadata.fields());
}

#[test]
fn flat_lists_win_over_key_groups() {
    let groups = json!([{"age": [{"recipient": "age1b", "enc": "F"}]}]);
    let metadata = read(&with("key_groups", groups)).unwrap();
    assert_eq!(metadata.key_groups, [KeyGroup { keys: vec![age("age1a", "E")] }]);
}

#[test]
fn absent_and_empty_lists_are_the_same() {
    for empty in [json!(null), json!([]), json!(["# a comment"])] {
        let metadata = read(&with("kms", empty.clone())).unwrap();
        assert_eq!(metadata.key_groups[0].keys.len(), 1);
        assert_eq!(error(&with("age", empty)), MetadataError::NoKeys);
    }
    assert_eq!(error(&without("age")), MetadataError::NoKeys);
}

#[test]
fn rejects_key_groups_without_any_key() {
    let mut block = without("age");
    block["key_groups"] = json!([{"age": []}, {}]);
    assert_eq!(error(&block), MetadataError::NoKeys);
}

#[test]
fn skips_comments_and_unknown_fields() {
    let list = json!(["# above", {"# inside": "", "recipient": "age1a", "enc": "E", "x": [1]}]);
    let mut block = with("age", list);
    block["# comment"] = json!("");
    block["future"] = json!({"deep": [1]});
    assert_eq!(read(&block), read(&with("x", Json::Null)));
}

#[test]
fn the_case_of_known_fields_does_not_matter() {
    let block = json!({
        "AGE": [{"Recipient": "age1a", "ENC": "E"}],
        "LastModified": "2026-11-20T12:49:18Z",
        "Mac": "ENC[x]",
        "VERSION": "3.13.2",
    });
    assert_eq!(read(&block), read(&with("x", Json::Null)));
}

#[test]
fn rejects_a_field_that_is_there_twice() {
    let doubled = MetadataError::Doubled { place: "sops.mac".to_owned() };
    assert_eq!(error(&with("MAC", json!("ENC[y]"))), doubled);
}

#[test]
fn numbers_and_booleans_may_be_texts() {
    for (threshold, expected) in [
        (json!(2), Some(2)),
        (json!("2"), Some(2)),
        (json!("2.000000"), Some(2)),
        (json!(2.0), Some(2)),
        (json!(0), None),
        (json!(""), None),
        (json!(null), None),
    ] {
        let metadata = read(&with("shamir_threshold", threshold)).unwrap();
        assert_eq!(metadata.shamir_threshold, expected);
    }
    for (flag, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("T"), true),
        (json!(1), true),
        (json!("False"), false),
        (json!(0), false),
        (json!(""), false),
        (json!(null), false),
    ] {
        let metadata = read(&with("mac_only_encrypted", flag)).unwrap();
        assert_eq!(metadata.mac_only_encrypted, expected);
    }
}

#[test]
fn rejects_numbers_and_booleans_that_are_none() {
    for threshold in [json!(-1), json!(2.5), json!("two"), json!(4_294_967_296_u64), json!(true)] {
        let expected = kind("sops.shamir_threshold", "a number");
        assert_eq!(error(&with("shamir_threshold", threshold)), expected);
    }
    for flag in [json!("yes"), json!(0.5)] {
        let expected = kind("sops.mac_only_encrypted", "a boolean");
        assert_eq!(error(&with("mac_only_encrypted", flag)), expected);
    }
}

#[test]
fn rejects_fields_of_another_shape() {
    assert_eq!(error(&json!([])), kind("sops", "a mapping"));
    assert_eq!(error(&json!("x")), kind("sops", "a mapping"));
    assert_eq!(error(&with("age", json!({}))), kind("sops.age", "a list"));
    assert_eq!(error(&with("age", json!(["x"]))), kind("sops.age[0]", "a mapping"));
    assert_eq!(error(&with("mac", json!(["x"]))), kind("sops.mac", "a scalar"));
    assert_eq!(error(&with("mac", json!(true))), kind("sops.mac", "a string"));
    let groups = json!([{}, {"age": [{"enc": true}]}]);
    let mut block = without("age");
    block["key_groups"] = groups;
    assert_eq!(error(&block), kind("sops.key_groups[1].age[0].enc", "a string"));
    let context = json!([{"created_at": "2026-11-20T12:49:18Z", "context": {"secret": 1}}]);
    let expected = kind("sops.kms[0].context", "a mapping of strings");
    assert_eq!(error(&with("kms", context)), expected);
}

#[test]
fn dates_take_the_form_in_which_sops_writes_them_back() {
    for date in ["2026-11-20T12:49:18.5+00:00", "!!timestamp 2026-11-20T12:49:18Z"] {
        let metadata = read(&with("lastmodified", json!(date))).unwrap();
        assert_eq!(metadata.last_modified, "2026-11-20T12:49:18Z");
    }
    let metadata = read(&with("lastmodified", json!("2026-11-20T12:49:18+02:00"))).unwrap();
    assert_eq!(metadata.last_modified, "2026-11-20T12:49:18+02:00");
}

#[test]
fn rejects_missing_and_broken_dates() {
    let last_modified = MetadataError::Date { place: "sops.lastmodified".to_owned() };
    assert_eq!(error(&without("lastmodified")), last_modified);
    for date in [json!(""), json!("yesterday"), json!(2026), json!(null)] {
        assert_eq!(error(&with("lastmodified", date)), last_modified);
    }
    let created_at = MetadataError::Date { place: "sops.pgp[0].created_at".to_owned() };
    assert_eq!(error(&with("pgp", json!([{"fp": "AB", "enc": "E"}]))), created_at);
}

#[test]
fn a_missing_mac_is_left_to_the_verification() {
    assert_eq!(read(&without("mac")).unwrap().mac, "");
}

#[test]
fn reads_each_rule_and_takes_an_empty_one_for_none() {
    for kind in RuleKind::ALL {
        let metadata = read(&with(kind.name(), json!("^x$"))).unwrap();
        assert_eq!(metadata.rule, Some(Rule { kind, text: "^x$".to_owned() }));
        assert_eq!(read(&with(kind.name(), json!(""))).unwrap().rule, None);
    }
}

#[test]
fn rejects_two_rules() {
    let mut block = with("encrypted_regex", json!("^x$"));
    block["unencrypted_suffix"] = json!("_x");
    let expected = MetadataError::Rules {
        first: RuleKind::UnencryptedSuffix,
        second: RuleKind::EncryptedRegex,
    };
    assert_eq!(error(&block), expected);
    block["unencrypted_suffix"] = json!("");
    assert!(read(&block).is_ok());
}

#[test]
fn versions_are_semantic() {
    for version in ["0.0.0", "3.13.2", "10.20.30", "1.2.3-rc.1+b.01", "1.2.3--", "1.2.3+-.x"] {
        assert!(read(&with("version", json!(version))).is_ok(), "{version}");
    }
    for version in [
        "",
        "3",
        "3.13",
        "3.13.2.1",
        "v3.13.2",
        "03.13.2",
        "3.+1.2",
        "3..2",
        "3.13.2-",
        "3.13.2+",
        "3.13.2-01",
        "3.13.2-a..b",
        "3.13.2-é",
        " 3.13.2",
        "3.13.x",
    ] {
        assert_eq!(error(&with("version", json!(version))), MetadataError::Version, "{version}");
    }
    assert_eq!(error(&without("version")), MetadataError::Version);
}

#[test]
fn errors_keep_texts_to_themselves() {
    let cases = [
        with("lastmodified", json!("hunter2")),
        with("version", json!("hunter2")),
        with("shamir_threshold", json!("hunter2")),
        with("age", json!("hunter2")),
    ];
    for case in cases {
        let error = error(&case);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
