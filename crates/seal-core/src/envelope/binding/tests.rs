//! Against vectors that `tests/vectors/binding/make.py` computed from the definition.

use serde_json::Value as Json;

use super::*;
use crate::envelope::RuleKind;

#[test]
fn bindings_are_those_of_the_independent_script() {
    let vectors = vectors();
    let cases = vectors["bound"].as_array().unwrap();
    assert!(cases.len() > 80);
    for case in cases {
        let claim = case["claim"].as_str().unwrap();
        let parts = Parts::of(case);
        let statement = parts.statement(case);
        for (leaf, expected) in statement.leaves.iter().zip(case["leaf_bytes"].as_array().unwrap())
        {
            assert_eq!(**leaf, bytes(expected), "{claim}");
            assert_eq!(leaf.capacity(), leaf.len(), "{claim}");
        }
        let keys = keys(case);
        let iv = keys.iv(&statement).unwrap();
        assert_eq!(iv.as_slice(), bytes(&case["iv"]), "{claim}");
        assert_eq!(keys.recognise(&iv), Recognised::Bound(statement.flags), "{claim}");
        assert!(keys.verify(&iv, &statement), "{claim}");
    }
}

#[test]
fn foreign_nonces_are_told_apart() {
    let vectors = vectors();
    let cases = vectors["refused"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let number = case["number"].as_u64().unwrap_or(0) as u8;
        let expected = match case["is"].as_str().unwrap() {
            "unknown version" => Recognised::UnknownVersion(number),
            "unknown flags" => Recognised::UnknownFlags(number),
            _ => Recognised::Unbound,
        };
        assert_eq!(keys(case).recognise(&bytes(&case["iv"])), expected, "{case}");
    }
}

#[test]
fn vectors_differ_where_their_documents_differ() {
    let vectors = vectors();
    let cases = vectors["bound"].as_array().unwrap();
    let by_path = cases.iter().filter(|case| case["claim"].as_str().unwrap().starts_with("path "));
    let mut ivs: Vec<&str> = by_path.map(|case| case["iv"].as_str().unwrap()).collect();
    let all = ivs.len();
    ivs.sort_unstable();
    ivs.dedup();
    assert_eq!(ivs.len(), all);
}

const DATA_KEY: [u8; 32] = [5; 32];

fn secret() -> Statement<'static> {
    Statement {
        flags: Flags { kubernetes: true, name: true, namespace: true },
        last_modified: "2026-11-20T12:49:18Z",
        mac_hex: "AB",
        rule: None,
        mac_only_encrypted: true,
        identity: Identity {
            group: "",
            kind: "Secret",
            type_: "",
            name: Some("db"),
            namespace: Some("shop"),
        },
        leaves: vec![value(&["data", "a"], "1"), value(&["data", "b"], "2")],
    }
}

fn value(path: &[&str], text: &str) -> Zeroizing<Vec<u8>> {
    let path: Vec<_> = path.iter().map(|key| PathElement::Key((*key).into())).collect();
    leaf(&path, true, Some(ValueType::Str), text.as_bytes())
}

/// True if the binding of [`secret`] still fits after the change.
fn survives(change: impl FnOnce(&mut Statement<'static>)) -> bool {
    let keys = BindingKeys::new(&DataKey::new(DATA_KEY));
    let iv = keys.iv(&secret()).unwrap();
    let mut changed = secret();
    change(&mut changed);
    keys.verify(&iv, &changed)
}

#[test]
fn survives_another_order_of_leaves() {
    assert!(survives(|statement| statement.leaves.reverse()));
}

#[test]
fn survives_opaque_written_out() {
    assert!(survives(|statement| statement.identity.type_ = "Opaque"));
}

#[test]
fn rejects_every_other_change() {
    type Change = fn(&mut Statement<'static>);
    static RULE: std::sync::LazyLock<Rule> = std::sync::LazyLock::new(Rule::implied);
    let changes: [(&str, Change); 16] = [
        ("leaf added", |statement| statement.leaves.push(value(&["data", "c"], "3"))),
        ("leaf doubled", |statement| statement.leaves.push(value(&["data", "a"], "1"))),
        ("leaf removed", |statement| drop(statement.leaves.pop())),
        ("leaf emptied", |statement| statement.leaves[0] = value(&["data", "a"], "")),
        ("leaf altered", |statement| statement.leaves[0] = value(&["data", "a"], "2")),
        ("leaf moved", |statement| statement.leaves[0] = value(&["data", "c"], "1")),
        ("values swapped", |statement| {
            statement.leaves = vec![value(&["data", "a"], "2"), value(&["data", "b"], "1")];
        }),
        ("date", |statement| statement.last_modified = "2026-11-20T12:49:19Z"),
        ("MAC", |statement| statement.mac_hex = "AC"),
        ("rule", |statement| statement.rule = Some(&RULE)),
        ("MAC scope", |statement| statement.mac_only_encrypted = false),
        ("group", |statement| statement.identity.group = "apps"),
        ("kind", |statement| statement.identity.kind = "ConfigMap"),
        ("type", |statement| statement.identity.type_ = "kubernetes.io/tls"),
        ("name", |statement| statement.identity.name = Some("db2")),
        ("namespace", |statement| statement.identity.namespace = Some("")),
    ];
    for (what, change) in changes {
        assert!(!survives(change), "{what}");
    }
}

#[test]
fn rejects_a_state_or_type_changed_in_a_leaf() {
    let path = [PathElement::Key("a".into())];
    let base = leaf(&path, true, Some(ValueType::Str), b"1");
    assert_ne!(base, leaf(&path, false, Some(ValueType::Str), b"1"));
    assert_ne!(base, leaf(&path, true, Some(ValueType::Int), b"1"));
    assert_ne!(leaf(&path, false, None, b""), leaf(&path, false, Some(ValueType::Str), b""));
}

#[test]
fn what_is_not_bound_may_change() {
    let keys = BindingKeys::new(&DataKey::new(DATA_KEY));
    let mut statement = secret();
    statement.flags = Flags { kubernetes: true, name: false, namespace: false };
    let iv = keys.iv(&statement).unwrap();
    statement.identity.name = Some("other");
    statement.identity.namespace = None;
    assert!(keys.verify(&iv, &statement));
    statement.identity.kind = "ConfigMap";
    assert!(!keys.verify(&iv, &statement));
}

#[test]
fn an_absent_name_or_namespace_never_equals_a_bound_one() {
    assert!(!survives(|statement| statement.identity.name = None));
    assert!(!survives(|statement| statement.identity.namespace = None));
    let keys = BindingKeys::new(&DataKey::new(DATA_KEY));
    let mut statement = secret();
    statement.identity.namespace = None;
    assert_eq!(keys.iv(&statement), Err(BindingError::NamespaceAbsent));
    statement.identity.name = None;
    assert_eq!(keys.iv(&statement), Err(BindingError::NameAbsent));
}

#[test]
fn a_file_that_is_not_kubernetes_has_no_name_to_bind() {
    let keys = BindingKeys::new(&DataKey::new(DATA_KEY));
    let mut statement = secret();
    statement.flags.kubernetes = false;
    assert_eq!(keys.iv(&statement), Err(BindingError::NameAbsent));
    statement.flags.name = false;
    assert_eq!(keys.iv(&statement), Err(BindingError::NamespaceAbsent));
}

#[test]
fn another_data_key_sees_no_binding() {
    let iv = BindingKeys::new(&DataKey::new(DATA_KEY)).iv(&secret()).unwrap();
    let other = BindingKeys::new(&DataKey::new([6; 32]));
    assert_eq!(other.recognise(&iv), Recognised::Unbound);
    assert!(!other.verify(&iv, &secret()));
}

#[test]
fn rejects_nonces_of_another_length() {
    let keys = BindingKeys::new(&DataKey::new(DATA_KEY));
    let iv = keys.iv(&secret()).unwrap();
    assert!(!keys.verify(&iv[..31], &secret()));
    assert!(!keys.verify(&[], &secret()));
}

#[test]
fn debug_shows_no_leaf_and_no_mac() {
    let mut statement = secret();
    statement.mac_hex = "C0FFEE";
    let shown = format!("{statement:?} {:?}", BindingKeys::new(&DataKey::new(DATA_KEY)));
    assert!(!shown.contains("C0FFEE"));
    assert!(shown.ends_with("BindingKeys(<redacted>)"));
    assert_eq!(shown.matches("<redacted>").count(), 2);
}

/// What a statement borrows.
struct Parts {
    rule: Option<Rule>,
}

impl Parts {
    fn of(case: &Json) -> Self {
        let rule = case["rule"].as_array().map(|rule| Rule {
            kind: RuleKind::from_name(rule[0].as_str().unwrap()).unwrap(),
            text: rule[1].as_str().unwrap().to_owned(),
        });
        Self { rule }
    }

    fn statement<'a>(&'a self, case: &'a Json) -> Statement<'a> {
        let bits = case["bits"].as_u64().unwrap();
        let identity = &case["identity"];
        Statement {
            flags: Flags {
                kubernetes: bits & 1 != 0,
                name: bits & 2 != 0,
                namespace: bits & 4 != 0,
            },
            last_modified: case["last_modified"].as_str().unwrap(),
            mac_hex: case["mac"].as_str().unwrap(),
            rule: self.rule.as_ref(),
            mac_only_encrypted: case["mac_only_encrypted"].as_bool().unwrap(),
            identity: Identity {
                group: identity["group"].as_str().unwrap(),
                kind: identity["kind"].as_str().unwrap(),
                type_: identity["type"].as_str().unwrap(),
                name: identity["name"].as_str(),
                namespace: identity["namespace"].as_str(),
            },
            leaves: case["leaves"].as_array().unwrap().iter().map(leaf_of).collect(),
        }
    }
}

fn leaf_of(json: &Json) -> Zeroizing<Vec<u8>> {
    let element = |element: &Json| match element.as_str() {
        Some(key) => PathElement::Key(key.into()),
        None => PathElement::Index(element.as_u64().unwrap() as usize),
    };
    let path: Vec<_> = json["path"].as_array().unwrap().iter().map(element).collect();
    let value_type = json["type"].as_str().map(|name| ValueType::from_str(name).unwrap());
    leaf(&path, json["encrypted"].as_bool().unwrap(), value_type, &bytes(&json["value"]))
}

fn keys(case: &Json) -> BindingKeys {
    BindingKeys::new(&DataKey::from_slice(&bytes(&case["data_key"])).unwrap())
}

fn bytes(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/binding/vectors.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
