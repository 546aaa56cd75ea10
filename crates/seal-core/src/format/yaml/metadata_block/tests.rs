use std::fs;

use super::*;
use crate::envelope::fixtures::directory;
use crate::envelope::{KeyGroup, MasterKey, Metadata, Rule, RuleKind, WrappedKey};

/// The block of a file that SOPS wrote, and its metadata, put together from its lines.
fn fixture(case: &str) -> (String, Metadata) {
    let source = fs::read_to_string(directory(case).join("encrypted.yaml")).unwrap();
    let block = source[source.find("sops:\n").unwrap()..].to_owned();
    let setting = |name: &str| {
        let start = format!("    {name}: ");
        let line = block.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_matches('"').to_owned())
    };
    let mut groups = vec![KeyGroup::default()];
    let (mut created_at, mut enc) = (None, String::new());
    for line in block.lines() {
        let text = line.trim();
        let text = match text.strip_prefix("- ") {
            // An item of key_groups, which does not begin with a key's field.
            Some(text) if text.starts_with("age:") => {
                groups.push(KeyGroup::default());
                text
            }
            Some(text) => text,
            None => text,
        };
        let key = match text.split_once(": ") {
            Some(("created_at", date)) => {
                created_at = Some(date.trim_matches('"').to_owned());
                continue;
            }
            Some(("recipient", text)) => MasterKey::Age { recipient: text.to_owned() },
            Some(("fp", text)) => {
                // gpg's output ends without a line feed.
                enc.pop();
                MasterKey::Pgp { fingerprint: text.to_owned() }
            }
            Some(_) => continue,
            None if text.ends_with(':') => continue,
            None => {
                enc.extend([text, "\n"]);
                continue;
            }
        };
        let wrapped =
            WrappedKey { key, created_at: created_at.take(), enc: std::mem::take(&mut enc) };
        groups.last_mut().unwrap().keys.push(wrapped);
    }
    if groups.len() > 1 {
        groups.remove(0);
    }
    let rule =
        RuleKind::ALL.into_iter().find_map(|kind| Some(Rule { kind, text: setting(kind.name())? }));
    let metadata = Metadata {
        shamir_threshold: setting("shamir_threshold").map(|number| number.parse().unwrap()),
        key_groups: groups,
        last_modified: setting("lastmodified").unwrap(),
        mac: setting("mac").unwrap(),
        rule,
        mac_only_encrypted: setting("mac_only_encrypted").is_some(),
        version: setting("version").unwrap(),
    };
    (block, metadata)
}

#[test]
fn writes_the_blocks_of_sops_byte_for_byte() {
    for (case, keys) in [
        ("3.13.2/secret-regex", vec![1]),
        ("3.13.2/secret-all", vec![1]),
        ("3.13.2/two-recipients", vec![2]),
        ("3.13.2/pgp", vec![1]),
        ("3.13.2/mac-only", vec![1]),
        ("3.13.2/encrypted-suffix", vec![1]),
        ("3.13.2/unencrypted-regex", vec![1]),
        ("3.13.2/shamir", vec![1, 1, 1]),
    ] {
        let (block, metadata) = fixture(case);
        let found: Vec<_> = metadata.key_groups.iter().map(|group| group.keys.len()).collect();
        assert_eq!(found, keys, "{case}");
        assert_eq!(write(&metadata.fields(), 0, 4, "\n"), block, "{case}");
    }
}

#[test]
fn lines_are_shifted_and_ended_as_asked() {
    let (block, metadata) = fixture("3.13.2/pgp");
    let shifted: String = block
        .lines()
        .map(|line| if line.is_empty() { "\r\n".to_owned() } else { format!("      {line}\r\n") })
        .collect();
    assert_eq!(write(&metadata.fields(), 6, 4, "\r\n"), shifted);
}

fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}

fn map<const N: usize>(entries: [(&str, Field); N]) -> Field {
    Field::Map(entries.map(|(key, value)| (key.to_owned(), value)).to_vec())
}

#[test]
fn collections_nest_as_in_go_yaml() {
    let kms = map([
        ("arn", text("arn:aws:kms:eu-west-1:1:key/k")),
        ("aws_profile", text("")),
        ("context", map([("Env", text("true")), ("a: b", text("x"))])),
        ("enc", text("AQ==")),
    ]);
    let fields = map([
        ("kms", Field::List(vec![kms])),
        ("lists", Field::List(vec![Field::List(vec![Field::Int(1), map([])])])),
        ("none", Field::List(Vec::new())),
    ]);
    let expected = "\
sops:
    kms:
        - arn: arn:aws:kms:eu-west-1:1:key/k
          aws_profile: \"\"
          context:
            Env: \"true\"
            'a: b': x
          enc: AQ==
    lists:
        - - 1
          - {}
    none: []
";
    assert_eq!(write(&fields, 0, 4, "\n"), expected);
}

#[test]
fn texts_are_escaped_where_they_must_be() {
    let fields = map([
        ("a", text("it's: so")),
        ("b", text("\"\\\t\n\r\u{1b}\u{85}\u{2028}🔐é\n")),
        ("c\nd", text("one\n\ntwo")),
    ]);
    let expected = concat!(
        "sops:\n",
        "    a: 'it''s: so'\n",
        "    b: \"\\\"\\\\\\t\\n\\r\\e\\N\\L\\U0001F510é\\n\"\n",
        "    \"c\\nd\": |-\n",
        "        one\n",
        "\n",
        "        two\n",
    );
    assert_eq!(write(&fields, 0, 4, "\n"), expected);
}
